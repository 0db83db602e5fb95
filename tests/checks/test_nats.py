"""The checks of the chapter How good is a VAE, in nats? take right answers and turn down wrong ones: see test_all.py."""

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from scipy.special import expit, logsumexp

from course_lib import likelihoods
from course_lib.checks import nats


def mass(level, mean, scale):
    """From the library's discretized logistic, which takes means less one half, and log scales."""
    parameters = torch.tensor([mean - 0.5, np.log(scale)], dtype=torch.double).view(1, 2, 1, 1)
    x = torch.tensor(level / 255, dtype=torch.double).view(1, 1, 1, 1)
    return likelihoods.DiscretizedLogistic().log_prob(parameters, x).exp().item()


def without_tails(level, mean, scale):
    return expit(((level + 0.5) / 255 - mean) / scale) - expit(((level - 0.5) / 255 - mean) / scale)


def by_search(x, mean):
    """The deviation found numerically."""

    def nll(log_deviation):
        return ((x - mean) ** 2).mean() / 2 * np.exp(-2 * log_deviation) + log_deviation

    return np.exp(minimize_scalar(nll, bounds=(-6, 2), method="bounded", options={"xatol": 1e-10}).x)


def overflowing(w):
    return np.log(np.exp(w).mean(1))


RIGHT = [
    (nats.bits_per_dimension, [90 / 784 / np.log(2)]),
    (nats.gray_floor, [minimize_scalar(lambda p: -0.2 * np.log(p) - 0.8 * np.log(1 - p), bounds=(0.01, 0.99)).fun]),
    (nats.log_mean, [lambda w: logsumexp(w, axis=1, b=1 / w.shape[1])]),
    (nats.active_units, [lambda means: (means.var(0) > 0.01).sum()]),
    (nats.logistic_mass, [mass]),
    (nats.best_deviation, [by_search]),
]
WRONG = [
    (nats.bits_per_dimension, [90 / 784], "in nats a pixel"),
    (nats.bits_per_dimension, [90 / np.log(2)], "number of pixels"),
    (nats.bits_per_dimension, [90 / 784 * np.log(2)], "more than a bit"),
    (nats.bits_per_dimension, [1], "nats / pixels"),
    (nats.gray_floor, [0], "infinitely much"),
    (nats.gray_floor, [-np.log(0.2)], "both terms"),
    (nats.gray_floor, [0.7219], "in bits"),
    (nats.gray_floor, [np.log(2)], "minimize"),
    (nats.log_mean, [lambda w: w.mean(1)], "mean of the logs"),
    (nats.log_mean, [lambda w: logsumexp(w, axis=1)], "log of the sum"),
    (nats.log_mean, [overflowing], "underflows"),
    (nats.log_mean, [lambda w: logsumexp(w, axis=0)], "expected shape"),
    (nats.active_units, [lambda means: (np.abs(means).mean(0) > 0.01).sum()], "take the variance"),
    (nats.active_units, [lambda means: (means.std(0) > 0.01).sum()], "standard deviation"),
    (nats.active_units, [lambda means: means.var(0)], "expected shape"),
    (nats.active_units, [lambda means: 0], "count the columns"),
    (nats.logistic_mass, [without_tails], "takes all below its bin"),
    (
        nats.logistic_mass,
        [lambda level, mean, scale: expit((level / 255 - mean) / scale)],
        "the sigmoid at the bin.s upper edge",
    ),
    (nats.best_deviation, [lambda x, mean: ((x - mean) ** 2).mean()], "its root"),
    (nats.best_deviation, [lambda x, mean: (x - mean).std()], "must not be taken off"),
    (nats.best_deviation, [lambda x, mean: 0.1], "derivative"),
]
