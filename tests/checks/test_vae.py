"""The checks of the chapter Variational autoencoders take right answers and turn down wrong ones: see test_all.py."""

import math

import numpy as np
import torch
from torch.distributions import Independent, Normal, kl_divergence

from course_lib.checks import vae


def torchs_kl(*moments):
    mean, logvar, prior_mean, prior_logvar = map(torch.from_numpy, moments)
    q, p = (Independent(Normal(m, (v / 2).exp()), 1) for m, v in ((mean, logvar), (prior_mean, prior_logvar)))
    return kl_divergence(q, p).numpy()


def chapters_kl(mean, logvar, prior_mean, prior_logvar):
    return 0.5 * (mean**2 + np.exp(logvar) - 1 - logvar).sum(1)


def leave_one_out(f, noise, deviation):
    others = [np.delete(f, i).mean() for i in range(len(f))]
    return np.mean([(f[i] - others[i]) * noise[i] / deviation for i in range(len(f))], axis=0)


def no_baseline(f, noise, deviation):
    return (f[:, None] * noise).mean(0) / deviation


def own_baseline(f, noise, deviation):
    return no_baseline(f - f.mean(), noise, deviation)


def conditioned(x, w, b, noise):
    """By the formula for conditioning a joint normal distribution on x."""
    covariance = w @ w.T + noise**2 * np.eye(len(x))
    gain = w.T @ np.linalg.inv(covariance)
    return gain @ (x - b), np.eye(w.shape[1]) - gain @ w


def not_centerd(x, w, b, noise):
    return conditioned(x, w, 0 * b, noise)


def unscaled(x, w, b, noise):
    mean, covariance = conditioned(x, w, b, noise)
    return mean, covariance / noise**2


def quadratic(d):
    return (d + 2) * (d + 4)


RIGHT = [
    (vae.divergence, [kl_divergence(Normal(2.0, 0.5), Normal(0.0, 1.0)).item()]),
    (vae.silent_beta, [3 * 32 * 32 / 100]),
    (vae.general_kl, [torchs_kl]),
    (vae.baseline, [leave_one_out]),
    (vae.posterior, [conditioned]),
    (vae.score_variance, [quadratic]),
]
WRONG = [
    (vae.divergence, [0.5 * (4 + 0.5 - 1 - math.log(0.5))], "the formula has the variance"),
    (vae.divergence, [kl_divergence(Normal(2.0, 0.5), Normal(0.0, 1.0)).item() / math.log(2)], "in bits"),
    (vae.divergence, [kl_divergence(Normal(0.0, 1.0), Normal(2.0, 0.5)).item()], "the other way round"),
    (vae.divergence, [0], "half of"),
    (vae.silent_beta, [1024], "three numbers a pixel, and"),
    (vae.silent_beta, [10.24], "three numbers a pixel"),
    (vae.silent_beta, [3072], "over 100 numbers"),
    (vae.silent_beta, [100 / 3072], "the other way round"),
    (vae.silent_beta, [1], "multiply the loss by 3072"),
    (vae.general_kl, [chapters_kl], "prior_logvar - logvar"),
    (vae.general_kl, [lambda *moments: np.zeros(4)], "the formula of the chapter"),
    (vae.general_kl, [lambda *moments: torchs_kl(*moments)[0]], "expected shape"),
    (vae.baseline, [no_baseline], "without a baseline"),
    (vae.baseline, [own_baseline], r"too short, by the factor \(N - 1\) / N"),
    (vae.baseline, [lambda f, noise, deviation: leave_one_out(f, noise, 1.0)], "divide by the deviation"),
    (vae.baseline, [lambda f, noise, deviation: None], "mean over the draws"),
    (vae.posterior, [not_centerd], "subtract b"),
    (vae.posterior, [unscaled], "noise.2 times"),
    (vae.posterior, [lambda x, w, b, noise: w.T @ x], "two things|the mean is"),
    (vae.score_variance, [lambda d: 4 * d**2 + 14 * d + 12], "means of 1"),
    (vae.score_variance, [lambda d: 4], "it is E"),
]


def test_the_variance_is_the_one_that_is_drawn():
    rng = np.random.default_rng(0)
    for d in (1, 5):
        noise = rng.normal(size=(400_000, d))
        drawn = (noise**2).sum(1) * noise[:, 0]
        np.testing.assert_allclose(drawn.var(), quadratic(d), rtol=0.05)
