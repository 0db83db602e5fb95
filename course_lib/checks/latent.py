"""Exercises of the chapter A space to walk in."""

import numpy as np

from .verdict import call, numbers, require, require_close, right


def length(answer):
    """The root of the mean squared distance of two midpoints, each of two z of 32 standard normal numbers: one number."""
    answer = numbers(answer, (), "one number.")
    require(abs(answer - 32) > 0.01, "that is the mean of the squared distance; take the root.")
    require(abs(answer) > 0.01, "the mean of the difference is zero, its length is not.")
    require(abs(answer - 8) > 0.01, "that is the distance of two samples; a midpoint varies less than a sample.")
    require_close(answer, np.sqrt(32), "a midpoint's numbers have a variance of 1/2, their differences 1.", tolerance=1e-2)
    right("two midpoints lie as far from each other as a sample from the origin: midpoints have left the shell.")


def quantile(answer):
    """The z below which a twentieth of a standard normal distribution lies: one number."""
    answer = numbers(answer, (), "one number.")
    require(abs(answer - 1.645) > 2e-3, "that is where the upper twentieth begins; the lower is on the other side.")
    require(abs(answer + 1.96) > 2e-3, "below -1.96 lies a fortieth; it is two-sided tests that use it.")
    require_close(answer, -1.6449, "scipy.stats.norm.ppf, or torch.special.ndtri, turns a share into a z.", tolerance=3e-3)
    right("the first column of a picture of twenty columns stands for all z below that.")


def slant(function):
    """function(image) -> the slant of an image (H, W): how many pixels the ink moves left for each pixel down.

    The covariance of column and row over the variance of the row, each pixel weighted by its ink, with the sign turned.
    """
    hint = "minus cov(column, row) / var(row), each pixel weighted by its share of the ink."
    for lean, width in ((0.0, 3), (0.5, 3), (-0.4, 5)):
        image = np.zeros((28, 28))
        for row in range(4, 24):
            middle = round(14 - lean * (row - 13.5))
            image[row, middle - width // 2 : middle + width // 2 + 1] = 0.7
        rows, columns = np.mgrid[:28, :28]
        w = image / image.sum()
        row_mean, column_mean = (w * rows).sum(), (w * columns).sum()
        covariance = (w * (rows - row_mean) * (columns - column_mean)).sum()
        expected = -covariance / (w * (rows - row_mean) ** 2).sum()
        answer = numbers(call(function, image, hint=hint), (), hint)
        require(
            abs(expected) < 0.1 or not np.isclose(answer, -expected),
            "the sign: rows count downwards, so a digit that leans right has a negative covariance.",
        )
        require_close(answer, expected, hint)
    right("it is the shear that would set the digit upright.")


def without(function):
    """function(v, u) -> what is left of the direction v (D,) when its share along u (D,) is taken off."""
    hint = "v - (v . u) / (u . u) u."
    random = np.random.default_rng(0)
    for _ in range(3):
        v, u = random.normal(size=(2, 7)) * 3
        expected = v - (v @ u) / (u @ u) * u
        answer = numbers(call(function, v, u, hint=hint), (7,), hint)
        require(not np.allclose(answer, v - (v @ u) * u), "u need not have the length 1: divide by u . u.")
        require_close(answer, expected, hint)
    right("a step along what is left does not move along u at all.")


def auroc(function):
    """function(ordinary, other) -> the probability that a score of `other` is above one of `ordinary`; ties count half."""
    hint = "over all pairs, the share with other > ordinary, plus half the share with other == ordinary."
    cases = [([1.0, 2.0, 3.0], [2.0, 4.0, 4.0, 0.0]), ([0.0, 0.0], [0.0, 0.0, 0.0]), ([5.0, 6.0], [1.0, 2.0])]
    for ordinary, other in cases:
        ordinary, other = np.array(ordinary), np.array(other)
        above = (other[:, None] > ordinary).mean()
        expected = above + (other[:, None] == ordinary).mean() / 2
        answer = numbers(call(function, ordinary, other, hint=hint), (), hint)
        require(np.isclose(expected, above) or not np.isclose(answer, above), f"a tie is worth one half. {hint}")
        require(
            np.isclose(expected, 0.5) or not np.isclose(answer, 1 - expected),
            "the other way round: `other` should score higher.",
        )
        require_close(answer, expected, hint)
    right("one half is a coin; below one half the score prefers what it should find.")


def gap(function):
    """function(information, entropy) -> the mutual information gap, from nats (K, D) for K factors and D latent numbers.

    entropy: (K,), of each factor.
    """
    hint = "for each factor the largest minus the second largest information, over its entropy; then the mean over factors."
    information = np.array([[1.2, 0.1, 0.3], [0.2, 0.4, 0.35], [0.0, 0.0, 0.0]])
    entropy = np.array([1.5, 2.0, 1.0])
    ordered = np.sort(information, axis=1)
    each = ordered[:, -1] - ordered[:, -2]
    answer = numbers(call(function, information, entropy, hint=hint), (), hint)
    require(not np.isclose(answer, each.mean()), "divide each gap by the factor's entropy, the most that could be known of it.")
    require(
        not np.isclose(answer, (ordered[:, -1] / entropy).mean()), "take off the second largest: that is what makes it a gap."
    )
    require_close(answer, (each / entropy).mean(), hint)
    right("1 means that each factor has a number of its own, 0 that none has.")
