"""Exercises of the chapter How good is a generator?"""

import numpy as np
import torch

from .verdict import call, numbers, require, require_close, right


def frechet(answer):
    """The squared Fréchet distance of N(0, 1) and N(3, 2^2): one number."""
    answer = numbers(answer, (), "one number.")
    require(abs(answer - 10**0.5) > 1e-3, "that is the distance; the measure is its square.")
    require(abs(answer - 18) > 1e-3, "compare the deviations, not the variances.")
    require(abs(answer - 9) > 1e-3, "that is the share of the means; the deviations differ too.")
    require_close(answer, 10, "square the difference of the means, and that of the deviations, and add.", tolerance=1e-3)
    right("9 for the means and 1 for the deviations.")


def limit(answer):
    """The Fréchet distance without end of images when it is 12.0 with 2,000 and 10.0 with 4,000: one number."""
    answer = numbers(answer, (), "one number.")
    require(abs(answer - 9) > 1e-3, "from 2,000 to 4,000 half of the excess is gone, and as much again is left.")
    require_close(answer, 8, "solve limit + slope / N for both counts.", tolerance=1e-3)
    right("the excess is 16,000 / N, and 4 of the 12 came from the count alone.")


def coverage(function):
    """function(real, fake, k) -> the share of real balls, each to the k-th nearest real point, that hold a fake point."""
    hint = "the share of real points whose nearest fake point is nearer than their k-th nearest other real point."
    random = np.random.default_rng(0)
    real, near = random.normal(size=(40, 3)), random.normal(size=(30, 3))
    for fake, k in ((near, 3), (near + 1, 3), (0.1 * near, 5)):
        distances = np.linalg.norm(real[:, None] - real, axis=-1)
        between = np.linalg.norm(real[:, None] - fake, axis=-1)
        reach = np.sort(distances, axis=1)
        answer = numbers(call(function, real, fake, k, hint=hint), (), hint)
        precision = (between < reach[:, k, None]).any(0).mean()
        expected = (between < reach[:, k, None]).any(1).mean()
        if precision != expected:
            require(abs(answer - precision) > 1e-9, f"that is precision, a share of the fake points; coverage is {hint}")
        with_itself = (between < reach[:, k - 1, None]).any(1).mean()
        if with_itself != expected:
            require(abs(answer - with_itself) > 1e-9, "the nearest real point of all is the point itself: leave it out.")
        require_close(answer, expected, hint)
    right("a generator covers a real point when it puts something into its ball.")


def copied(function):
    """function(generated, held_out) -> the share of generated distances below the lowest hundredth of the held-out ones.

    Both arrays hold distances to the nearest training image.
    """
    hint = "np.quantile(held_out, 0.01) is the mark; then take the share of generated distances below it."
    random = np.random.default_rng(1)
    held_out = random.gamma(4, size=2000)
    for fresh, copies in ((500, 0), (400, 100), (300, 300)):
        generated = np.concatenate([random.gamma(4, size=fresh), np.zeros(copies)])
        answer = numbers(call(function, generated, held_out, hint=hint), (), hint)
        expected = (generated < np.quantile(held_out, 0.01)).mean()
        count = expected * len(generated)
        require(count == 0 or abs(answer - count) > 1e-9, "that is a count; divide by how many were generated.")
        require_close(answer, expected, hint)
    right("about 0.01 when nothing is copied.")


def mean_bias(function):
    """function(trace, n, m) -> how much |mean of n - mean of m|^2 is on average, when both sets have the same distribution."""
    hint = "each mean scatters around the true one by trace / count, and independent scatters add."
    for trace, n, m in ((35.0, 1000, 1000), (2.0, 50, 200)):
        answer = numbers(call(function, trace, n, m, hint=hint), (), hint)
        require(abs(answer - trace / (n + m)) > 1e-9, "the two sets are not pooled: each has a mean of its own.")
        require_close(answer, trace / n + trace / m, hint)
    right("it falls as 1 / N, and is never zero.")


def frechet_of(function):
    """function(real, fake) -> the squared Fréchet distance of Gaussians fitted to features (N, D), float64 tensors."""
    hint = "features are the variables: a covariance (D, D), from torch.cov of the transposed features."
    random = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(50, 4, generator=random, dtype=torch.float64) for _ in range(2))
    fake = 2 * fake + 1
    covariances = [torch.cov(x.T) for x in (real, fake)]
    roots = torch.linalg.eigvals(covariances[0] @ covariances[1]).real.clamp(min=0).sqrt().sum()
    means = (real.mean(0) - fake.mean(0)).square().sum()
    expected = means + covariances[0].trace() + covariances[1].trace() - 2 * roots
    answer = numbers(call(function, real, fake, hint=hint), (), hint)
    require(abs(answer - expected.sqrt().item()) > 1e-6, "that is the distance; the measure is its square.")
    require_close(answer, expected.item(), hint, tolerance=1e-6)
    right("fifty images have a covariance of 4 x 4, not of 50 x 50.")
