"""The checks of the chapter Attention take right answers and turn down wrong ones: see test_all.py."""

import numpy as np

from course_lib.checks import attention


def neighbours(rows, columns):
    places = [(row, column) for row in range(rows) for column in range(columns)]
    return [[abs(a - c) <= 1 and abs(b - d) <= 1 for c, d in places] for a, b in places]


def in_number(rows, columns):
    n = np.arange(rows * columns)
    apart = abs(n[:, None] - n)
    return (apart <= 1) | (abs(apart - columns) <= 1)


def four(rows, columns):
    places = [(row, column) for row in range(rows) for column in range(columns)]
    return [[abs(a - c) + abs(b - d) <= 1 for c, d in places] for a, b in places]


def attend(q, k, v, axis=2, scale=1.0):
    scores = np.einsum("btd,bsd->bts", q, k) / (scale * q.shape[2] ** 0.5)
    weights = np.exp(scores)
    return weights / weights.sum(axis, keepdims=True) @ v


RIGHT = [
    (attention.block, [43_980]),
    (attention.scores, [38_416, 16]),
    (attention.neighbours, [neighbours]),
    (attention.repaired, [attend]),
]
WRONG = [
    (attention.block, [43_740], "layer norms"),
    (attention.block, [43_920], "biases of all four"),
    (attention.block, [29_400], "two layers"),
    (attention.block, [5], "four matrices"),
    (attention.scores, [196, 16], "number of places"),
    (attention.scores, [5, 16], "14 patches"),
    (attention.scores, [38_416, 4], "how many pairs"),
    (attention.scores, [38_416, 2], "28 patches"),
    (attention.neighbours, [lambda rows, columns: np.eye(3)], "a mask of shape"),
    (attention.neighbours, [lambda rows, columns: 1 - np.eye(12)], "look at itself"),
    (attention.neighbours, [four], "eight neighbors"),
    (attention.neighbours, [in_number], "different rows"),
    (attention.neighbours, [lambda rows, columns: np.eye(12)], "neither rows nor columns"),
    (attention.repaired, [lambda q, k, v: attend(q, k, v, axis=1)], "over which dimension"),
    (attention.repaired, [lambda q, k, v: attend(q, k, v, scale=2.0)], "not the softmax"),
    (attention.repaired, [lambda q, k, v: v[0]], "expected shape"),
]
