"""The checks of the chapter on style take right answers and turn down wrong ones."""

import numpy as np

from course_lib.checks import style


def products(h):
    return h.flatten(2) @ h.flatten(2).mT


RIGHT = [
    (style.numbers_kept, [4704, 49152]),
    (style.gram, [lambda h: products(h) / 30]),
    (style.sorted_distance, [lambda a, b: np.mean((np.sort(a) - np.sort(b)) ** 2)]),
]
WRONG = [
    (style.numbers_kept, [9216, 49152], "symmetric"),
    (style.numbers_kept, [4512, 49152], "diagonal counts"),
    (style.numbers_kept, [4704, 16384], "three colors"),
    (style.numbers_kept, [10, 49152], "four times"),
    (style.gram, [products], "divide by H W"),
    (style.gram, [lambda h: products(h) / 120], "not by the channels"),
    (style.gram, [lambda h: (products(h) / 30).mean(0).expand(3, 4, 4)], "of its own"),
    (style.gram, [lambda h: (products(h) / 30).mean(0).expand(3, 4, 4)], "of its own"),
    (style.gram, [lambda h: h.flatten(2).mean(2)], "sums over the places"),
    (style.sorted_distance, [lambda a, b: np.mean((a - b) ** 2)], "as they come"),
    (style.sorted_distance, [lambda a, b: 0.0], "sort both"),
]
