"""The checks of the museum turn the published faults down, and take their cures."""

import numpy as np
import torch

from course_lib.checks import museum


def cross_entropy(logits, labels):
    top = logits.max(1, keepdims=True)
    log_p = logits - top - np.log(np.exp(logits - top).sum(1, keepdims=True))
    return -log_p[np.arange(len(labels)), labels]


def softmax_twice(logits, labels):
    p = np.exp(logits - logits.max(1, keepdims=True))
    return cross_entropy(p / p.sum(1, keepdims=True), labels)


def elbo(over=lambda x, mean: 1):
    def negative_elbo(x, logits, mean, logvar):
        distortion = (np.logaddexp(0, logits) - x * logits).sum(1)
        return distortion + 0.5 * (np.exp(logvar) + mean**2 - 1 - logvar).sum(1) / over(x, mean)

    return negative_elbo


def penalty(axes, create_graph=True):
    def gradient_penalty(critic, x):
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=create_graph)
        return (gradient.norm(2, dim=axes) - 1) ** 2

    return gradient_penalty


def between(shape):
    def mixed(real, fake, rng):
        share = rng.random(real.shape if shape == "each pixel" else (len(real), 1, 1, 1) if shape == "each image" else ())
        return share * real + (1 - share) * fake

    return mixed


def mask(start):
    def of_kernel(kernel):
        found, middle = np.ones((kernel, kernel)), kernel // 2
        found[middle, middle + 1 if start == 1 else 0 :] = 0
        found[middle + 1 :] = 0
        return found

    return of_kernel


def without_a_colon(kernel):
    found = np.ones((kernel, kernel))
    found[kernel // 2] = 0
    return found


def variance(pad):
    def posterior_variance(betas):
        kept = np.cumprod(1 - betas)
        before = np.append(1, kept[:-1]) if pad == "left" else np.append(kept[:-1], 1)
        return betas * (1 - before) / (1 - kept)

    return posterior_variance


def reader_tests_cross_entropy(equal=True, exact=False):
    def tests(implementation):
        costs = implementation(np.array([[40.0, 0, 0], [0, 0, 0]]), np.array([0, 2]))
        assert np.isclose(costs[0], 0, atol=1e-6)
        assert not equal or np.isclose(costs[1], np.log(3))
        assert not exact or costs[1] == 1.0986122886681  # a digit is missing

    return tests


def reader_tests_between(pairs=6, spread=True):
    def tests(implementation):
        real, fake = np.ones((pairs, 2, 4, 4)), np.zeros((pairs, 2, 4, 4))
        made = implementation(real, fake, np.random.default_rng(0))
        assert np.ptp(made, axis=(1, 2, 3)).max() < 1e-9
        assert not spread or np.ptp(made) > 0

    return tests


def reader_tests_noised(clean=True, roots=True):
    def tests(implementation):
        x, noise = np.random.default_rng(0).normal(size=(2, 50_000))
        assert not roots or abs(implementation(x, noise, 0.5).var() - 1) < 0.05
        assert not clean or np.allclose(implementation(x, noise, 1.0), x)

    return tests


RIGHT = [
    (museum.test_of_cross_entropy, [reader_tests_cross_entropy()]),
    (museum.test_of_between, [reader_tests_between()]),
    (museum.test_of_noised, [reader_tests_noised()]),
    (museum.cross_entropy, [cross_entropy]),
    (museum.negative_elbo, [elbo()]),
    (museum.gradient_penalty, [penalty((1, 2, 3))]),
    (museum.between, [between("each image")]),
    (museum.mask, [mask(1)]),
    (museum.noised, [lambda x, noise, kept: kept**0.5 * x + (1 - kept) ** 0.5 * noise]),
    (museum.posterior_variance, [variance("left")]),
]
WRONG = [
    (museum.test_of_cross_entropy, [reader_tests_cross_entropy(equal=False)], "number of classes"),
    (museum.test_of_cross_entropy, [reader_tests_cross_entropy(exact=True)], "a version that is right"),
    (museum.test_of_cross_entropy, [lambda implementation: None], "the softmax twice"),
    (museum.test_of_between, [reader_tests_between(spread=False)], "the whole batch"),
    (museum.test_of_between, [reader_tests_between(pairs=1)], "a version that is right"),
    (museum.test_of_between, [lambda implementation: None], "for each pixel"),
    (museum.test_of_noised, [reader_tests_noised(clean=False)], "swapped"),
    (museum.test_of_noised, [reader_tests_noised(roots=False)], "lacks the root"),
    (museum.test_of_noised, [lambda noised: bool(noised(1.0, 1.0, 0.5) > 1.4)], "returns nothing"),
    (museum.test_of_noised, ["no function"], "a version that is right"),
    (museum.cross_entropy, [softmax_twice], "should cost nothing"),
    (museum.negative_elbo, [elbo(lambda x, mean: x.shape[1])], "the pixels"),
    (museum.negative_elbo, [elbo(lambda x, mean: mean.shape[1])], "the latent numbers"),
    (museum.negative_elbo, [lambda x, logits, mean, logvar: elbo()(x, logits, mean, logvar).mean()], "shape"),
    (museum.gradient_penalty, [penalty(1)], "flatten"),
    (museum.gradient_penalty, [penalty((1, 2, 3), create_graph=False)], "constant to the optimizer"),
    (museum.between, [between("each pixel")], "different places"),
    (museum.between, [between("one for all")], "the same place"),
    (museum.mask, [mask(0)], "same row"),
    (museum.mask, [without_a_colon], "still to be drawn"),
    (museum.mask, [lambda kernel: np.ones((kernel, kernel))], "still to be drawn"),
    (museum.noised, [lambda x, noise, kept: kept**0.5 * x + (1 - kept) * noise], "add up to one"),
    (museum.noised, [lambda x, noise, kept: kept**0.5 * x + (1 - kept) ** 0.5 * noise + 1], "add up to one"),
    (museum.posterior_variance, [variance("right")], "no doubt"),
]
