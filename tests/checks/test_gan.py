"""The checks of the chapter Generative adversarial networks take right answers and turn down wrong ones: see test_all.py."""

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from scipy.special import expit
from scipy.stats import chi2

from course_lib.checks import gan


def naive_value(real, fake):
    return np.log(expit(real)).mean() + np.log(1 - expit(fake)).mean()


def stable_value(real, fake):
    return -np.logaddexp(0, -real).mean() - np.logaddexp(0, fake).mean()


def by_search(p, q, target):
    """The best D found numerically, place by place."""

    def best(a, b):
        return minimize_scalar(
            lambda d: -(target * a * np.log(d) + ((1 - target) * a + b) * np.log(1 - d)),
            bounds=(1e-12, 1 - 1e-12),
            method="bounded",
            options={"xatol": 1e-12},
        ).x

    return [best(a, b) for a, b in zip(p, q, strict=True)]


def gradients_of(*, zeroed, losses="both"):
    def function(discriminator, generator, real, z):
        torch.nn.functional.softplus(-discriminator(generator(z))).mean().backward()
        if zeroed:
            discriminator.zero_grad()
        told = torch.nn.functional.softplus(discriminator(generator(z).detach()))
        if losses == "both":
            told = told + torch.nn.functional.softplus(-discriminator(real))
        told.mean().backward()
        return [p.grad for p in discriminator.parameters()]

    return function


RIGHT = [
    (gan.discriminator_gradient, [gradients_of(zeroed=True)]),
    (gan.good_share, [chi2(2).cdf(4)]),
    (gan.value, [stable_value]),
    (gan.smoothed_best, [lambda p, q, target: target * p / (p + q)]),
    (gan.hinge, [lambda real, fake: (np.maximum(0, 1 - real) + np.maximum(0, 1 + fake)).mean()]),
    (gan.stalemate, [np.log(4)]),
]
WRONG = [
    (gan.discriminator_gradient, [gradients_of(zeroed=False)], "is still in it"),
    (gan.discriminator_gradient, [gradients_of(zeroed=True, losses="fake")], "its own loss"),
    (gan.discriminator_gradient, [lambda discriminator, generator, real, z: None], "a tensor for each of 2 parameters"),
    (gan.discriminator_gradient, [lambda discriminator, generator, real: []], "raised TypeError"),
    (gan.good_share, [0.9545], "in one dimension"),
    (gan.good_share, [0.5], r"exp\(-r\^2 / 2\)"),
    (gan.value, [naive_value], "does not overflow"),
    (gan.value, [lambda real, fake: -stable_value(real, fake)], "minus that"),
    (gan.value, [lambda real, fake: real.mean()], "mean of log sigmoid"),
    (gan.smoothed_best, [lambda p, q, target: p / (p + q)], "maximize target"),
    (gan.hinge, [lambda real, fake: (1 - real + 1 + fake).mean()], "max"),
    (gan.stalemate, [2], "in bits"),
    (gan.stalemate, [np.log(2)], "two terms"),
    (gan.stalemate, [-np.log(4)], "minus the value"),
    (gan.stalemate, [0], "one half everywhere"),
]


def test_the_best_smoothed_discriminator_is_the_best():
    p, q = np.array([1.0, 0.5, 2.0]), np.array([0.3, 0.5, 1.0])
    np.testing.assert_allclose(by_search(p, q, 0.9), 0.9 * p / (p + q), atol=1e-6)
