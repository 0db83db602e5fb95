"""The checks of the chapter How good is a generator? take right answers and turn down wrong ones: see test_all.py."""

import numpy as np
import torch

from course_lib import metrics
from course_lib.checks import measuring
from course_lib.metrics import precision_recall


def coverage(real, fake, k):
    reach = np.sort(np.linalg.norm(real[:, None] - real, axis=-1))[:, k]
    return (np.linalg.norm(real[:, None] - fake, axis=-1).min(1) < reach).mean()


def precision(real, fake, k):
    reach = np.sort(np.linalg.norm(real[:, None] - real, axis=-1))[:, k]
    return (np.linalg.norm(real[:, None] - fake, axis=-1) < reach[:, None]).any(0).mean()


def library_coverage(real, fake, k):
    return precision_recall(torch.from_numpy(real), torch.from_numpy(fake), neighbors=k)["coverage"]


def copied(generated, held_out):
    return np.mean(generated < np.quantile(held_out, 0.01))


def images_as_variables(real, fake):
    C, E = torch.cov(real), torch.cov(fake)
    shared = torch.linalg.eigvals(C @ E).real.clamp(min=0).sqrt().sum()
    return ((real.mean(0) - fake.mean(0)).square().sum() + C.trace() + E.trace() - 2 * shared).item()


RIGHT = [
    (measuring.frechet_of, [metrics.frechet_distance]),
    (measuring.frechet, [10]),
    (measuring.limit, [8.0]),
    (measuring.coverage, [coverage]),
    (measuring.coverage, [library_coverage]),
    (measuring.copied, [copied]),
    (measuring.mean_bias, [lambda trace, n, m: trace * (1 / n + 1 / m)]),
]
WRONG = [
    (measuring.frechet_of, [images_as_variables], r"a covariance \(D, D\)"),
    (measuring.frechet_of, [lambda real, fake: metrics.frechet_distance(real, fake) ** 0.5], "its square"),
    (measuring.frechet_of, [lambda real: 1.0], "raised TypeError"),
    (measuring.frechet, [10**0.5], "its square"),
    (measuring.frechet, [18], "not the variances"),
    (measuring.frechet, [9], "deviations differ too"),
    (measuring.frechet, [3], "and add"),
    (measuring.frechet, [None], "one number"),
    (measuring.limit, [9], "as much again is left"),
    (measuring.limit, [10], "solve limit"),
    (measuring.coverage, [precision], "that is precision"),
    (measuring.coverage, [lambda real, fake, k: coverage(real, fake, k - 1)], "leave it out"),
    (measuring.coverage, [lambda real, fake, k: 1.0], "nearest fake point"),
    (measuring.coverage, [lambda real, fake: 1.0], "raised TypeError"),
    (measuring.copied, [lambda generated, held_out: len(generated) * copied(generated, held_out)], "that is a count"),
    (measuring.copied, [lambda generated, held_out: np.mean(generated == 0)], "np.quantile"),
    (measuring.mean_bias, [lambda trace, n, m: trace / (n + m)], "not pooled"),
    (measuring.mean_bias, [lambda trace, n, m: 0.0], "scatters"),
]


def test_the_bias_of_the_mean_is_what_a_sample_shows():
    draws = np.random.default_rng(0).normal(size=(4000, 30, 2)) * [1.0, 2.0]  # covariance of trace 5
    apart = np.square(draws[:, :10].mean(1) - draws[:, 10:].mean(1)).sum(-1)
    assert abs(apart.mean() - 5 * (1 / 10 + 1 / 20)) < 4 * apart.std() / len(apart) ** 0.5
