"""Exercises of the chapter How good is a VAE, in nats?"""

import numpy as np

from .verdict import call, numbers, require, require_close, right


def bits_per_dimension(answer):
    """90 nats for an image of 28 x 28 pixels, in bits for each pixel: one number."""
    answer = numbers(answer, (), "one number.")
    require(
        abs(answer - 90 / 784) > 1e-3, "that is in nats a pixel; a bit is log 2 of a nat, so there are more bits than nats."
    )
    require(abs(answer - 90 / np.log(2)) > 0.1, "that is in bits an image; divide by the number of pixels.")
    require(abs(answer - 90 / 784 * np.log(2)) > 1e-3, "a nat is more than a bit: divide by log 2.")
    require_close(answer, 90 / 784 / np.log(2), "nats / pixels / log 2.", tolerance=1e-3)
    right("0.17 bits for a pixel that would take 1 bit if it were a fair coin.")


def gray_floor(answer):
    """The least that a pixel of gray value 0.2 can cost under the Bernoulli likelihood, in nats: one number."""
    answer = numbers(answer, (), "one number.")
    require(abs(answer) > 1e-6, "a probability of 0 or 1 for the pixel would cost infinitely much, for it is neither.")
    require(
        abs(answer + np.log(0.2)) > 1e-3 and abs(answer + np.log(0.8)) > 1e-3, "both terms count: 0.2 of one, 0.8 of the other."
    )
    require(abs(answer - 0.7219) > 1e-3, "that is in bits; the chapter counts in nats.")
    entropy = -0.2 * np.log(0.2) - 0.8 * np.log(0.8)
    require_close(answer, entropy, "minimize -0.2 log p - 0.8 log(1 - p) over p.", tolerance=1e-3)
    right("its own entropy. However well the decoder draws, a gray pixel costs that much.")


def log_mean(function, seed=0):
    """function(log_weights) -> log of the mean of the weights over the last axis: an array (B, K) to (B,), without overflow."""
    hint = "log(mean(exp(w))) over the last axis."
    w = np.random.default_rng(seed).normal(0, 2, (4, 3))
    expected = np.logaddexp.reduce(w, axis=1) - np.log(3)
    answer = numbers(call(function, w, hint=hint), (4,), hint)
    require(
        not np.allclose(answer, w.mean(1)),
        "that is the mean of the logs, the ordinary bound; here the log of the mean is wanted.",
    )
    require(not np.allclose(answer, expected + np.log(3)), "that is the log of the sum; the mean is the sum divided by K.")
    require_close(answer, expected, hint)
    far = w - 1000
    with np.errstate(all="ignore"):
        answer = numbers(call(function, far, hint=hint), (4,), hint)
    stable = "at -1000 nats every weight underflows to 0: take the largest log weight out first, and add it back."
    require(np.isfinite(answer).all(), stable)
    require_close(answer, expected - 1000, stable)
    right("an image costs a hundred nats and more, and below exp(-104) single precision has only 0.")


def active_units(function):
    """function(means) -> how many latent numbers are active, from posterior means (N, D): Var over images above 0.01."""
    hint = "count the columns of which the variance over the images is above 0.01."
    random = np.random.default_rng(0)
    means = random.normal(size=(500, 6)) * [1.0, 0.5, 0.15, 0.05, 0.02, 0.0] + [0, 3, 0, 5, 0, 1]
    answer = numbers(call(function, means, hint=hint), (), hint)
    require(
        answer != (np.abs(means).mean(0) > 0.01).sum(),
        "a mean that is far from zero for all images tells nothing: take the variance.",
    )
    require(answer != (means.std(0) > 0.01).sum(), "that is the standard deviation; the threshold is for the variance.")
    require_close(answer, (means.var(0) > 0.01).sum(), hint)
    right("a latent number whose posterior mean never moves says nothing about the image.")


def logistic_mass(function):
    """function(level, mean, scale) -> the probability of a gray level 0..255 under the discretized logistic.

    mean and scale are in units of 0..1. The lowest and the highest level take all that lies beyond.
    """
    hint = "the sigmoid at the bin's upper edge, (level + 0.5) / 255, minus that at its lower edge."
    levels = np.arange(256)
    for mean, scale in ((0.3, 0.05), (0.02, 0.1), (0.9, 0.4)):
        edges = (np.arange(257) - 0.5) / 255
        cumulative = 1 / (1 + np.exp(-(edges - mean) / scale))
        inner = np.diff(cumulative)
        cumulative[[0, -1]] = 0, 1
        expected = np.diff(cumulative)
        answer = numbers([call(function, int(level), mean, scale, hint=hint) for level in levels], (256,), hint)
        require(
            not np.allclose(answer, inner) or np.allclose(inner, expected),
            f"the 256 numbers add up to {answer.sum():.3f}: level 0 takes all below its bin too, level 255 all above its own.",
        )
        require_close(answer, expected, hint)
    right("256 numbers that add up to 1: a distribution over gray levels, however wide it is.")


def best_deviation(function):
    """function(x, mean) -> the deviation that minimizes the Gaussian -log p, one for all pixels; arrays (B, D)."""
    hint = "set the derivative of sum(error^2) / (2 s^2) + n log s by s to zero."
    random = np.random.default_rng(0)
    for deviation in (0.05, 0.3):
        mean = random.random((20, 30))
        x = mean + deviation * random.normal(size=mean.shape) + 0.02
        best = np.sqrt(((x - mean) ** 2).mean())
        answer = numbers(call(function, x, mean, hint=hint), (), hint)
        require(not np.isclose(answer, best**2), "that is the variance; the deviation is its root.")
        require(
            not np.isclose(answer, (x - mean).std()),
            "the errors' own mean must not be taken off: what counts is the distance to `mean`.",
        )
        require_close(answer, best, hint)
    right("with it the Gaussian term is n log(RMSE) plus a constant: it no longer needs a hand-picked weight.")
