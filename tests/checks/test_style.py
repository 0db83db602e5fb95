"""The checks of the chapter on style take right answers and turn down wrong ones."""

import numpy as np

from course_lib.checks import style


def products(h):
    return h.flatten(2) @ h.flatten(2).mT


def root(x):
    return np.linalg.cholesky(np.cov(x, rowvar=False, bias=True))


def whole(a, b):
    return (a - a.mean(0)) @ np.linalg.inv(root(a)).T @ root(b).T + b.mean(0)


def each_alone(a, b):
    return (a - a.mean(0)) / a.std(0) * b.std(0) + b.mean(0)


def whole_but_bent(a, b):
    return whole(np.sign(a - a.mean(0)) * (a - a.mean(0)) ** 2, b)


RIGHT = [
    (style.window, [80]),
    (style.whole_colors, [whole]),
    (style.numbers_kept, [4704, 49152]),
    (style.gram, [lambda h: products(h) / 30]),
    (style.sorted_distance, [lambda a, b: np.mean((np.sort(a) - np.sort(b)) ** 2)]),
]
WRONG = [
    (style.window, [25], "the factor doubles"),
    (style.window, [160], "halved four times"),
    (style.window, [6400], "along one side"),
    (style.window, [7], "by how much"),
    (style.whole_colors, [lambda a, b: a], "the mean is not yet"),
    (style.whole_colors, [each_alone], "mix the colors"),
    (style.whole_colors, [lambda a, b: a - a.mean(0) + b.mean(0)], "the covariance is not"),
    (style.whole_colors, [whole_but_bent], "one linear map"),
    (style.numbers_kept, [9216, 49152], "symmetric"),
    (style.numbers_kept, [4512, 49152], "diagonal counts"),
    (style.numbers_kept, [4704, 16384], "three colors"),
    (style.numbers_kept, [10, 49152], "four times"),
    (style.gram, [products], "divide by H W"),
    (style.gram, [lambda h: products(h) / 120], "not by the channels"),
    (style.gram, [lambda h: (products(h) / 30).mean(0).expand(3, 4, 4)], "of its own"),
    (style.gram, [lambda h: h.flatten(2).mean(2)], "sums over the places"),
    (style.sorted_distance, [lambda a, b: np.mean((a - b) ** 2)], "as they come"),
    (style.sorted_distance, [lambda a, b: 0.0], "sort both"),
]
