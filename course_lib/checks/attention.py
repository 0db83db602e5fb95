"""Exercises of the chapter Attention."""

import numpy as np
import torch

from .verdict import call, numbers, require, require_close, right


def block(parameters):
    """The parameters of a transformer block with 60 features, a hidden layer of 240 and two layer norms."""
    parameters = numbers(parameters, (), "one number.")
    require(parameters != 43_740, "the two layer norms have parameters too.")
    require(parameters not in (43_920, 43_680, 43_440), "count the biases of all four matrices and of both dense layers.")
    require(parameters != 29_400, "the dense network has two layers: up to 240 and back to 60.")
    require(parameters == 43_980, "four matrices with biases, two dense layers with biases, four vectors of 60.")
    right("two thirds of them are in the dense network.")


def scores(count, factor):
    """The scores of one head for a 224 x 224 image in patches of 16, and how many times as many patches of 8 make."""
    count, factor = numbers(count, (), "count is one number."), numbers(factor, (), "factor is one number.")
    require(count != 196, "that is the number of places; each of them looks at all of them.")
    require(count == 38_416, "14 patches along a side make 196 places; every place has a score for every place.")
    require(factor != 4, "there are four times as many places; how many pairs of places?")
    require(factor == 16, "28 patches along a side: square the number of places again, and compare.")
    right("the side of the patches counts with its fourth power.")


def neighbours(function):
    """function(rows, columns) -> bool (T, T), True where the places, numbered row by row, touch or are the same."""
    hint = "a mask of shape (rows * columns, rows * columns)."
    mask = numbers(call(function, 3, 4, hint=hint), (12, 12), hint)
    require(mask.diagonal().all(), "a place may look at itself.")
    require(mask[5].sum() != 5, "the corners count as well: eight neighbors, not four.")
    require(not mask[3, 4] and not mask[4, 3], "places 3 and 4 have numbers side by side, but stand in different rows.")
    row, column = np.divmod(np.arange(12), 4)
    expected = np.maximum(np.abs(row[:, None] - row), np.abs(column[:, None] - column)) <= 1
    require_close(mask, expected, "true where neither rows nor columns differ by more than one; columns is the width.")
    right("with this mask a block sees what a 3 x 3 convolution sees.")


def repaired(function):
    """function(q, k, v) of shape (B, T, D) -> (B, T, D): attention whose weights add up to one for each query."""
    random = np.random.default_rng(0)
    q, k, v = random.normal(size=(3, 2, 4, 6))
    hint = "it takes q, k, v of shape (B, T, D) and returns an array of that shape."
    constant = numbers(call(function, q, k, np.ones_like(v), hint=hint), v.shape, hint)
    require_close(constant, np.ones_like(v), "with values of 1 every result must be 1: over which dimension do weights sum?")
    expected = torch.nn.functional.scaled_dot_product_attention(*map(torch.tensor, (q, k, v)))
    answer = numbers(call(function, q, k, v, hint=hint), v.shape, hint)
    require_close(answer, expected.numpy(), "the weights add up to one, but are not the softmax of q k / sqrt(D) along keys.")
    right("each query now shares out a weight of one.")
