"""The checks of the chapter on which generator to choose take right answers and turn down wrong ones."""

from itertools import combinations

import numpy as np

from course_lib.checks import leaderboard


def interval(values, t):
    return values.mean(), t * values.std(ddof=1) / len(values) ** 0.5


def gate(images, count):
    if images.shape != (count, 28, 28) or not np.isfinite(images).all():
        return False
    return images.min() >= 0 and images.max() <= 1 and not (images == images[0]).all()


def gate_of_range(images, count):
    return images.shape == (count, 28, 28) and not (images < 0).any() and not (images > 1).any()


def swapped(first, second):
    return sum((first[i] - first[j]) * (second[i] - second[j]) < 0 for i, j in combinations(range(len(first)), 2))


def swapped_by_signs(first, second):
    signs = np.sign(first[:, None] - first) * np.sign(second[:, None] - second)
    return (signs < 0).sum() // 2


RIGHT = [
    (leaderboard.above_the_floor, [0.05, 0.02]),
    (leaderboard.one_percent, [np.log(100)]),
    (leaderboard.interval, [interval]),
    (leaderboard.gate, [gate]),
    (leaderboard.swapped, [swapped]),
    (leaderboard.swapped, [swapped_by_signs]),
    (leaderboard.convicted, ["copied", "recall", "precision"]),
    (leaderboard.honest, [lambda validation, test: validation.argmin(), np.mean]),
]
WRONG = [
    (leaderboard.above_the_floor, [0.2, 0.3], "take off"),
    (leaderboard.above_the_floor, [0.05, 0.05], "floor of 0.28"),
    (leaderboard.one_percent, [-np.log(100)], "sign"),
    (leaderboard.one_percent, [np.log2(100)], "in bits"),
    (leaderboard.one_percent, [99], "constant"),
    (leaderboard.interval, [lambda values, t: (values.mean(), t * values.std(ddof=1))], "one more run"),
    (leaderboard.interval, [lambda values, t: (values.mean(), t * values.std() / len(values) ** 0.5)], "N - 1"),
    (leaderboard.interval, [lambda values, t: values.mean()], "two things"),
    (leaderboard.gate, [gate_of_range], "NaN"),
    (leaderboard.gate, [lambda images, count: True], "five images"),
    (leaderboard.gate, [lambda images, count: None], "True or False"),
    (leaderboard.swapped, [lambda first, second: 2 * swapped(first, second)], "twice"),
    (leaderboard.swapped, [lambda first, second: swapped(first, second) / (len(first) * (len(first) - 1) / 2)], "share"),
    (leaderboard.convicted, ["recall", "recall", "precision"], "what else"),
    (leaderboard.convicted, ["copied", "copied", "precision"], "training set"),
    (leaderboard.convicted, ["copied", "precision", "recall"], "what is missing"),
    (leaderboard.convicted, ["copied", "recall", "recall"], "nobody writes"),
    (leaderboard.convicted, ["copied", "recall", None], "one of copied"),
    (leaderboard.honest, [lambda validation, test: test.argmin(), np.mean], "test set"),
    (leaderboard.honest, [lambda validation, test: validation.argmin(), np.min], "luck"),
]
