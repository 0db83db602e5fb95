"""Exercises of the chapter on image to image."""

import numpy as np

from ..data.shapes import COLORS
from .verdict import call, numbers, require, require_close, right


def mean_color(answer):
    """The best single color, by squared error, for a shape of any of the six colors: three numbers 0..255."""
    answer = numbers(answer, (3,), "three numbers: red, green and blue.")
    palette = np.array(list(COLORS.values()), dtype=float)
    require(not np.allclose(answer, np.median(palette, 0), atol=0.5), "that is the median, which is best by ABSOLUTE error.")
    require(not np.allclose(answer, palette.mean(0) / 255, atol=1e-2), "right, but as shares of 255; give 0..255.")
    require_close(answer, palette.mean(0), "the mean of the six, each channel alone.", tolerance=0.01)
    right("a brown that none of the pictures shows.")


def distinct(function):
    """function(n) -> how many of six equally likely colors n independent draws show, on average: one number."""
    hint = "a color is missed by all n draws with probability (5/6)^n."
    for n in (1, 2, 6, 24):
        answer = numbers(call(function, n, hint=hint), (), hint)
        require(abs(answer - min(n, 6)) > 1e-6 or n == 1, "two draws may show the same color.")
        require(abs(answer - (5 / 6) ** n) > 1e-6, "that is the chance that ONE color is missing; count those that are not.")
        require_close(answer, 6 * (1 - (5 / 6) ** n), hint)
    right("24 draws leave out hardly any, so a generator that shows fewer does not draw evenly.")


def overlap(function):
    """function(a, b) -> the IoU of each pair of masks, bool arrays (B, H, W) -> (B,)."""
    random = np.random.default_rng(0)
    a, b = random.random((2, 5, 6, 7)) < 0.4
    both, either = (a & b).sum((1, 2)), (a | b).sum((1, 2))
    hint = "the pixels in both, divided by the pixels in either, for each picture."
    answer = numbers(call(function, a, b, hint=hint), (5,), hint)
    require(not np.allclose(answer, both / a.sum((1, 2))), "divide by what is in EITHER: painting everything must not pay.")
    require(not np.allclose(answer, (a == b).mean((1, 2))), "what both leave black is no merit: count what is in both.")
    require_close(answer, both / either, hint)
    right("1 for the same mask, 0 for two that do not touch.")


def mismatched(function):
    """function(x, mask) -> pictures (B, 3, H, W) as they are, and the masks (B, H, W) in an order that moves each of them."""
    x, mask = np.random.default_rng(0).random((7, 3, 2, 2)), np.arange(28.0).reshape(7, 2, 2)
    hint = "give back the pictures, and each with the mask of another."
    answer = call(function, x.copy(), mask.copy(), hint=hint)
    require(isinstance(answer, tuple) and len(answer) == 2, f"expected two things, pictures and masks. {hint}")
    pictures, masks = numbers(answer[0], x.shape, hint), numbers(answer[1], mask.shape, hint)
    require_close(pictures, x, "the pictures have to stay as they are.")
    require(np.array_equal(masks[np.argsort(masks[:, 0, 0])], mask), "every mask has to be there once, unchanged.")
    own = (masks == mask).all((1, 2)).sum()
    require(own == 0, f"{own} of 7 pictures have their own mask. {hint}")
    right("a judge that cannot tell such a pair from a true one does not look at the mask.")


def rounded(function):
    """function(y, levels) -> y, an array with values -1..1, rounded to so many evenly spaced levels, -1 and 1 among them."""
    y, hint = np.linspace(-1, 1, 41), "go to 0..levels - 1, round, and come back."
    for levels in (2, 5, 256):
        step = 2 / (levels - 1)
        answer = numbers(call(function, y, levels, hint=hint), y.shape, hint)
        require(abs(answer).max() > 1 - 1e-9, f"-1 and 1 have to be levels themselves. {hint}")
        count = len(np.unique(np.round(answer, 9)))
        require(count <= levels, f"expected at most {levels} levels, got {count}: between them are levels - 1 steps. {hint}")
        require(np.abs(answer - y).max() <= step / 2 + 1e-9, f"each value has to go to the NEAREST level. {hint}")
    right("with two levels nothing is left but black and white.")


def bits(answer):
    """How many bits one of six equally likely colors is: one number."""
    answer = numbers(answer, (), "one number.")
    require(abs(answer - np.log(6)) > 1e-3, "that is in nats; divide by ln 2.")
    require(abs(answer - 3) > 1e-6, "3 bits would do for eight colors.")
    require_close(answer, np.log2(6), "log2 of six.", tolerance=1e-3)
    right("a drawing of 256 pixels with 256 levels each has 2,048 bits to hide them in.")


def cycle(function):
    """function(x, draw, color) -> for each picture the mean absolute error of the round trip that begins at it, (B,)."""
    x = np.random.default_rng(0).random((4, 3, 2, 2))
    hint = "draw the picture, color the drawing, and compare with the picture."

    def draw(x):
        if np.shape(x)[1] != 3:
            raise ValueError("draw() was given a drawing, with one channel; it takes pictures, with three")
        return np.asarray(x)[:, :1] + 0.1

    def color(y):
        if np.shape(y)[1] != 1:
            raise ValueError("color() was given a picture, with three channels; it takes drawings, with one")
        return np.repeat(np.asarray(y), 3, 1) * 0.5

    answer = numbers(call(lambda: function(x.copy(), draw, color), hint=hint), (4,), hint)
    off = np.abs(color(draw(x)) - x)
    require(not np.allclose(answer, np.square(color(draw(x)) - x).mean((1, 2, 3))), "the mean ABSOLUTE error.")
    one_way = np.abs(draw(x) - x).mean((1, 2, 3))
    require(not np.allclose(answer, one_way), "that compares the drawing with the picture; the way back is missing.")
    require_close(answer, off.mean((1, 2, 3)), hint)
    right("and nowhere does it ask what the drawing looks like.")
