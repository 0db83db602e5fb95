"""The checks of the chapter on image to image take right answers and turn down wrong ones."""

import numpy as np

from course_lib.checks import image_to_image
from course_lib.data.shapes import COLORS

PALETTE = np.array(list(COLORS.values()))


def to_levels(y, levels):
    return np.round((y + 1) / 2 * (levels - 1)) / (levels - 1) * 2 - 1


def there_and_back(x, draw, color):
    return np.abs(color(draw(x)) - x).mean((1, 2, 3))


def iou(a, b):
    return (a & b).sum((1, 2)) / (a | b).sum((1, 2))


RIGHT = [
    (image_to_image.mean_color, [PALETTE.mean(0)]),
    (image_to_image.distinct, [lambda n: 6 * (1 - (5 / 6) ** n)]),
    (image_to_image.overlap, [iou]),
    (image_to_image.mismatched, [lambda x, mask: (x, mask[np.arange(len(mask)) - 1])]),
    (image_to_image.rounded, [to_levels]),
    (image_to_image.bits, [2.585]),
    (image_to_image.cycle, [there_and_back]),
]
WRONG = [
    (image_to_image.mean_color, [np.median(PALETTE, 0)], "median"),
    (image_to_image.mean_color, [PALETTE.mean(0) / 255], "shares of 255"),
    (image_to_image.mean_color, [[128, 128, 128]], "mean of the six"),
    (image_to_image.distinct, [lambda n: min(n, 6)], "the same color"),
    (image_to_image.distinct, [lambda n: (5 / 6) ** n], "ONE color is missing"),
    (image_to_image.distinct, [lambda n: 3.3], "missed by all n"),
    (image_to_image.overlap, [lambda a, b: (a & b).sum((1, 2)) / a.sum((1, 2))], "EITHER"),
    (image_to_image.overlap, [lambda a, b: (a == b).mean((1, 2))], "no merit"),
    (image_to_image.overlap, [lambda a, b: (a | b).mean((1, 2))], "in both"),
    (image_to_image.mismatched, [lambda x, mask: mask[::-1]], "expected two things"),
    (image_to_image.mismatched, [lambda x, mask: (x[::-1], mask)], "stay as they are"),
    (image_to_image.mismatched, [lambda x, mask: (x, mask[:1].repeat(7, 0))], "there once"),
    (image_to_image.mismatched, [lambda x, mask: (x, mask)], "7 of 7"),
    (image_to_image.mismatched, [lambda x, mask: (x, mask[::-1])], "1 of 7"),
    (image_to_image.rounded, [lambda y, levels: y * 0.9], "levels themselves"),
    (image_to_image.rounded, [lambda y, levels: np.round(y * levels) / levels], "at most 2 levels"),
    (image_to_image.rounded, [lambda y, levels: np.where(y > 0.5, 1, -1)], "NEAREST"),
    (image_to_image.bits, [np.log(6)], "nats"),
    (image_to_image.bits, [3], "eight colors"),
    (image_to_image.bits, [6], "log2"),
    (image_to_image.cycle, [lambda x, draw, color: np.abs(draw(color(x)) - x).mean((1, 2, 3))], "takes drawings"),
    (image_to_image.cycle, [lambda x, draw, color: np.abs(draw(x) - x).mean((1, 2, 3))], "way back is missing"),
    (image_to_image.cycle, [lambda x, draw, color: np.square(color(draw(x)) - x).mean((1, 2, 3))], "ABSOLUTE"),
    (image_to_image.cycle, [lambda x, draw, color: np.zeros(4)], "compare with the picture"),
]
