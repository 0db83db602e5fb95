"""Exercises of the chapter Variational autoencoders."""

import numpy as np

from .verdict import call, call_for_pair, numbers, require, require_close, right


def divergence(answer):
    """KL(N(2, 0.5^2) || N(0, 1)) in nats: one number."""
    answer = numbers(answer, (), "one number.")
    half = 0.5 * (4 + 0.5 - 1 - np.log(0.5))
    require(abs(answer - half) > 1e-3, "0.5 is the standard deviation; the formula has the variance, 0.25.")
    require(abs(answer - (np.log(0.5) + 5 / 0.5 - 0.5)) > 1e-3, "that is the divergence the other way round, KL(N(0, 1) || q).")
    expected = 0.5 * (4 + 0.25 - 1 - np.log(0.25))
    require(abs(answer - expected / np.log(2)) > 1e-3, "that is in bits; the course counts in nats.")
    require_close(answer, expected, "half of (mean^2 + variance - 1 - log variance).", tolerance=1e-3)
    right("most of it is paid for the mean, which lies two deviations off.")


def silent_beta(answer):
    """The beta of a mean over 3 x 32 x 32 numbers of an image beside a KL averaged over 100 latent numbers: one number."""
    answer = numbers(answer, (), "one number.")
    require(abs(answer - 1024) > 1e-6, "a color image has three numbers a pixel, and the KL is averaged too.")
    require(abs(answer - 10.24) > 1e-6, "a color image has three numbers a pixel.")
    require(abs(answer - 3072) > 1e-6, "the KL is a mean as well, over 100 numbers.")
    require(abs(answer - 100 / 3072) > 1e-6, "the other way round: beta is what multiplies the KL.")
    require_close(answer, 30.72, "multiply the loss by 3072, so that its first term is a sum; what stands before the KL then?")
    right("the same listing has another beta for each size of image and of latent space.")


def general_kl(function, seed=0):
    """function(mean, logvar, prior_mean, prior_logvar) -> KL between the two normal distributions, (B,) from four (B, D)."""
    hint = "each number gives (prior_logvar - logvar + (var + (mean - prior_mean)^2) / prior_var - 1) / 2; sum over D."
    rng = np.random.default_rng(seed)
    for prior in (np.zeros((2, 4, 3)), rng.normal(size=(2, 4, 3))):
        mean, logvar = rng.normal(size=(2, 4, 3))
        each = prior[1] - logvar + (np.exp(logvar) + (mean - prior[0]) ** 2) / np.exp(prior[1]) - 1
        answer = numbers(call(function, mean, logvar, *prior, hint=hint), (4,), hint)
        off = "with the standard normal as prior it must be the formula of the chapter." if not prior.any() else ""
        require_close(answer, each.sum(1) / 2, f"{hint} {off}".strip())
    right("a prior that is learned needs no more than this.")


def baseline(function):
    """function(f, noise, deviation) -> the score-function estimate with the mean of the *other* draws as baseline, (D,).

    f (N,), the value of each draw; noise (N, D), the standard normal numbers that made it.
    """
    hint = "mean over the draws of (f_i - mean of the other f) noise_i / deviation."
    rng = np.random.default_rng(0)
    for count, deviation in ((4, 2.0), (7, 0.3)):
        f, noise = rng.normal(100, 3, size=count), rng.normal(size=(count, 2))
        plain = (f[:, None] * noise).mean(0) / deviation
        off = f - f.mean()
        biased = (off[:, None] * noise).mean(0) / deviation
        answer = numbers(call(function, f, noise, deviation, hint=hint), (2,), hint)
        require(not np.allclose(answer, plain), f"that is the estimate without a baseline. {hint}")
        require(
            not np.allclose(answer, biased),
            f"your baseline holds f_i itself, which makes the estimate too short, by the factor (N - 1) / N. {hint}",
        )
        require(not np.allclose(answer, biased * count / (count - 1) * deviation), f"divide by the deviation. {hint}")
        require_close(answer, biased * count / (count - 1), hint)
    right("the mean of the others says nothing about this draw, so it changes the variance and not the mean.")


def posterior(function):
    """function(x, w, b, noise) -> mean (D,) and covariance (D, D) of p(z | x), for x = w z + b + noise x normal numbers."""
    hint = "with m = w^T w + noise^2 I: the mean is m^-1 w^T (x - b), the covariance noise^2 m^-1."
    rng = np.random.default_rng(0)
    for size, latent, noise in ((3, 1, 1.0), (5, 2, 0.4)):
        w, b, x = rng.normal(size=(size, latent)), rng.normal(size=size), rng.normal(size=size)
        inverse = np.linalg.inv(w.T @ w + noise**2 * np.eye(latent))
        mean, covariance = call_for_pair(function, x, w, b, noise, hint=hint)
        mean = numbers(mean, (latent,), hint)
        require(not np.allclose(mean, inverse @ w.T @ x), "subtract b from x first.")
        require_close(mean, inverse @ w.T @ (x - b), f"the mean is off: {hint}")
        covariance = numbers(covariance, (latent, latent), hint)
        require(noise == 1 or not np.allclose(covariance, inverse), "the covariance is noise^2 times that.")
        require_close(covariance, noise**2 * inverse, f"the covariance is off: {hint}")
    right("it does not depend on x, so one log variance for all images is enough.")


def score_variance(function):
    """function(d) -> the variance of one number of the score-function gradient of the mean of |z|^2, z ~ N(0, I)."""
    hint = "it is E[f^2 e^2], where f = e^2 + r, and r, the sum of d - 1 other squares, does not depend on e."
    for d in (1, 2, 10, 100):
        expected = (d + 2) * (d + 4)
        answer = numbers(call(function, d, hint=hint), (), hint)
        require(abs(answer - 4 * d**2 - 14 * d - 12) > 1e-6, f"that is for means of 1. {hint}")
        require_close(answer, expected, f"for d = {d}: {hint}")
    right("it grows with the square of the number of dimensions; through the sample it is 4, always.")
