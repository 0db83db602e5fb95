"""Exercises of the chapter on style and texture."""

import numpy as np
import torch

from .verdict import call, numbers, require, require_close, right


def numbers_kept(entries, picture):
    """How many different numbers 48 x 48 Gram matrices at four scales hold, and a 128 x 128 color picture: two numbers."""
    entries, picture = (numbers(value, (), "two numbers.") for value in (entries, picture))
    require(entries != 4 * 48**2, "a Gram matrix is symmetric: what is above its diagonal is below it too.")
    require(entries != 4 * 48 * 47 / 2, "the diagonal counts as well.")
    require_close(entries, 4 * 48 * 49 / 2, "four times 48 x 49 / 2.")
    require_close(picture, 3 * 128**2, "three colors, 128 x 128 pixels.")
    right("a tenth as many conditions as there are pixel values: very many pictures meet them all.")


def window(pixels):
    """How many pixels of the picture, along one side, a filter of 5 x 5 sees at the fifth scale: one number."""
    pixels = numbers(pixels, (), "one number.")
    require(pixels != 5 * 5, "a scale halves the side: the factor doubles, and 5 is not added or multiplied anew.")
    require(pixels != 5 * 32, "the first scale is the picture itself: up to the fifth it is halved four times.")
    require(pixels != 80**2, "along one side.")
    require_close(pixels, 80, "by how much has the picture shrunk at the fifth scale?")
    right("more than half of a picture of 128 pixels; strokes of this size are few, and so their statistics are rough.")


def whole_colors(function):
    """function(a, b) -> the colors a (N, 3), moved by one linear map and a shift to the mean and covariance of b (M, 3)."""
    random = np.random.default_rng(0)
    a = random.normal(size=(200, 3)) @ np.array([[0.2, 0.1, 0.0], [0.0, 0.1, 0.1], [0.0, 0.0, 0.1]]) + 0.5
    b = random.normal(size=(150, 3)) @ np.array([[0.1, -0.1, 0.2], [0.0, 0.2, 0.0], [0.0, 0.0, 0.1]]) + 0.3
    hint = "white = (a - mean) @ inverse root of a's covariance; white @ root of b's covariance + b's mean."
    found = numbers(call(function, a.copy(), b.copy(), hint=hint), (200, 3), hint)
    require(np.allclose(found.mean(0), b.mean(0), atol=1e-6), "the mean is not yet that of b.")
    covariance, wanted = (np.cov(x, rowvar=False, bias=True) for x in (found, b))
    each = np.allclose(np.diag(covariance), np.diag(wanted), rtol=0.02)
    require(
        not each or np.allclose(covariance, wanted, rtol=0.02, atol=1e-4),
        "each color has its deviation, but what goes together does not agree: the map must mix the colors.",
    )
    require(np.allclose(covariance, wanted, rtol=0.02, atol=1e-4), "the covariance is not that of b; " + hint)
    ones = np.column_stack([a, np.ones(len(a))])
    fitted = ones @ np.linalg.lstsq(ones, found, rcond=None)[0]
    require(np.allclose(fitted, found, atol=1e-6), "equal colors must stay equal, and lines straight: one linear map for all.")
    right("mean and covariance together fix the Gram matrix of the colors; what is left is in the other maps.")


def gram(function):
    """function(h) -> the Gram matrices (B, C, C) of features (B, C, H, W), divided by H W."""
    h = torch.randn(3, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    flat = h.flatten(2).numpy()
    products = flat @ flat.transpose(0, 2, 1)
    hint = "h.flatten(2) is (B, C, H W); h @ h.mT sums over the places; divide by their number."
    answer = numbers(call(lambda: function(h).numpy(), hint=hint), (3, 4, 4), hint)
    require(not np.allclose(answer, products, atol=1e-4), "a picture of twice the size has twice the sum: divide by H W.")
    require(not np.allclose(answer, products / 120, atol=1e-4), "divide by the places alone, not by the channels too.")
    mixed = np.broadcast_to(products.mean(0), products.shape) / 30
    require(not np.allclose(answer, mixed, atol=1e-4), "each picture of a batch has a matrix of its own.")
    require_close(answer, products / 30, hint, tolerance=1e-4)
    right("and a picture of any size can be held against any other.")


def sorted_distance(function):
    """function(a, b) -> the mean squared difference of two samples (N,) in order: one number."""
    random = np.random.default_rng(0)
    a, b = random.normal(size=50), random.normal(1, 2, 50)
    hint = "sort both, then take the mean of the squared differences."
    answer = numbers(call(function, a.copy(), b.copy(), hint=hint), (), hint)
    require(abs(answer - np.mean((a - b) ** 2)) > 1e-6, "that pairs them as they come; the cheapest pairs are those in order.")
    require_close(answer, np.mean((np.sort(a) - np.sort(b)) ** 2), hint, tolerance=1e-6)
    right("no pairing of the two samples costs less.")
