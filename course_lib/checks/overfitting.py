"""Exercises of the chapter Over-fitting."""

import numpy as np

from .verdict import call, call_for_pair, numbers, require, require_close, right


def dropout(function):
    """function(h, share, rng, training) -> h with `share` of its entries at zero and the others scaled up, in training only."""

    def answer(seed, training):
        hint = "it takes h, share, rng, training and returns an array of h's shape."
        return numbers(call(function, h, 0.4, np.random.default_rng(seed), training, hint=hint), h.shape, hint)

    h = np.full((200, 200), 3.0)
    require_close(answer(0, False), h, "outside of training nothing changes.")
    dropped = answer(0, True)
    zeros = (dropped == 0).mean()
    require(abs(zeros - 0.4) < 0.02, f"a share of 0.4 should be zero; it is {zeros:.2f}.")
    hint = "divide what is kept by 1 - share, so that the expected value stays: 3 becomes 5 for a share of 0.4."
    require_close(dropped[dropped != 0], np.full((dropped != 0).sum(), 5.0), hint)
    require(not np.array_equal(dropped, answer(1, True)), "the choice must be random: draw it from rng.")
    require(np.array_equal(dropped, answer(0, True)), "draw the choice from rng alone, so that the same seed repeats it.")
    right("the mean is kept, and a network without dropout needs no correction.")


def seeds_needed(answer):
    """The smallest number of seeds whose 95 % interval, for a standard deviation of 0.02, is narrower than 0.01 each way."""
    answer = numbers(answer, (), "one number.")
    require(answer not in (16, 17), "nearly: Student's t is a little larger than 1.96, and it depends on the number itself.")
    require(answer == 18, "the half width is t times 0.02 over the root of the number; find the first below 0.01.")
    right("three or five seeds see only differences that are large.")


def split_for_round(function):
    """function(count, share, number) -> (training, validation) indices of a round; no round trains on another's validation."""
    hint = "it takes count, share, number and returns two lists of indices."
    trained, validated = set(), set()
    for number in range(4):
        training, validation = (np.asarray(part) for part in call_for_pair(function, 200, 0.2, number, hint=hint))
        sizes = training.shape == (160,) and validation.shape == (40,)
        require(sizes, "of 200 examples 40, a share of 0.2, are for validation and 160 for training.")
        together = np.sort(np.concatenate([training, validation]))
        require(np.array_equal(together, np.arange(200)), "each example belongs to exactly one part.")
        require(np.diff(np.sort(validation)).max() > 1, "the data may be sorted: choose at random, not one stretch.")
        trained |= set(training.tolist())
        validated |= set(validation.tolist())
    hint = "an example that validates in one round trains in another; what may the split not depend on?"
    require(not trained & validated, hint)
    right("what is held back stays held back.")


def winner(excess):
    """By how much the best of twenty tests on 1,000 examples is too high on average, when all are right on 90 %."""
    excess = numbers(excess, (), "one number, such as 0.01.")
    require(excess < 0.5, "the excess: how far the best lies above 0.9, as a share.")
    require(abs(excess - 0.0095) > 0.0005, "that is the spread of a single result; the best of twenty lies further out.")
    require(abs(excess - 0.0175) < 0.0006, "simulate: many rows of twenty results, the mean of the largest of each, less 0.9.")
    right("nearly two per cent, and none of it real.")


def ridge(function):
    """function(features (N, M), y (N,), strength) -> the weights (M,) that minimize |features w - y|^2 + strength |w|^2."""
    random = np.random.default_rng(0)
    features, y = random.normal(size=(8, 3)), random.normal(size=8)
    hint = "solve (features^T features + strength I) w = features^T y."
    plain = np.linalg.lstsq(features, y, rcond=None)[0]
    require_close(call(function, features, y, 0.0, hint=hint), plain, f"without a penalty: {hint}")
    answer = numbers(call(function, features, y, 0.7, hint=hint), (3,), hint)
    require(not np.allclose(answer, plain), "the penalty changes nothing yet; it belongs on the diagonal of the matrix.")
    slope = 2 * features.T @ (features @ answer - y) + 2 * 0.7 * answer
    require_close(slope, np.zeros(3), f"the gradient is not zero there: {hint}")
    right("the gradient is zero there.")
