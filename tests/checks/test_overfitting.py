"""The checks of the chapter Over-fitting take right answers and turn down wrong ones: see test_all.py."""

import numpy as np

from course_lib.checks import overfitting

unseeded = np.random.default_rng()


def dropout(h, share, rng, training):
    return h * (rng.random(h.shape) >= share) / (1 - share) if training else h


def not_scaled(h, share, rng, training):
    return h * (rng.random(h.shape) >= share) if training else h


def fixed_split(count, share, number):
    order = np.random.default_rng(0).permutation(count)
    return order[round(share * count) :], order[: round(share * count)]


def new_split_each_round(count, share, number):
    order = np.random.default_rng(number).permutation(count)
    return order[round(share * count) :], order[: round(share * count)]


def overlapping(count, share, number):
    return np.arange(160), np.arange(150, 190)


def ridge(features, y, strength):
    return np.linalg.solve(features.T @ features + strength * np.eye(features.shape[1]), features.T @ y)


RIGHT = [
    (overfitting.dropout, [dropout]),
    (overfitting.seeds_needed, [18]),
    (overfitting.split_for_round, [fixed_split]),
    (overfitting.winner, [0.0175]),
    (overfitting.ridge, [ridge]),
]
WRONG = [
    (overfitting.dropout, [lambda h, share, rng, training: None], "got None. .*an array of h's shape"),
    (overfitting.dropout, [lambda h, s, rng, training: dropout(h, s, unseeded, training)], "from rng alone"),
    (overfitting.dropout, [lambda h, share, rng, training: h * (rng.random(h.shape) >= share)], "nothing changes"),
    (
        overfitting.dropout,
        [not_scaled],
        "divide what is kept",
    ),
    (overfitting.dropout, [lambda h, s, rng, training: dropout(h, s, np.random.default_rng(5), training)], "draw it from rng"),
    (overfitting.seeds_needed, [16], "Student's t is a little larger"),
    (overfitting.seeds_needed, [5], "find the first below"),
    (overfitting.split_for_round, [new_split_each_round], "trains in another"),
    (overfitting.split_for_round, [overlapping], "exactly one part"),
    (overfitting.split_for_round, [lambda count, share, number: (range(40, 200), range(40))], "not one stretch"),
    (overfitting.split_for_round, [lambda count, share, number: fixed_split(count, 0.5, 0)], "160 for training"),
    (overfitting.split_for_round, [lambda count, share, number: range(count)], "expected two things"),
    (overfitting.winner, [0.9175], "how far the best lies above"),
    (overfitting.winner, [0.0095], "spread of a single result"),
    (overfitting.winner, [0.03], "simulate"),
    (overfitting.ridge, [lambda features, y, strength: np.linalg.lstsq(features, y, rcond=None)[0]], "changes nothing yet"),
    (overfitting.ridge, [lambda features, y, strength: ridge(features, y, 2 * strength)], "gradient is not zero"),
    (overfitting.ridge, [lambda features, y, strength: y], "expected shape"),
]
