"""Exercises of the chapter Training that generalizes."""

import numpy as np

from .verdict import call, call_for_pair, numbers, require, require_close, right


def rmsprop(step):
    """step(w, gradient, square, rate, decay) -> (new w, new square), one step of RMSprop with epsilon 1e-8 outside the root."""
    hint = (
        "square <- decay * square + (1 - decay) * gradient^2, then w <- w - rate * gradient / (sqrt(square) + 1e-8); "
        "return the new w and the new square."
    )
    w, square = np.array([1.0, -2.0, 3e-8]), np.zeros(3)  # the last gradient is so small that epsilon shows
    for number in range(1, 4):
        gradient = 2 * w  # of the sum of squares
        expected_square = 0.9 * square + 0.1 * gradient**2
        expected = w - 0.01 * gradient / (np.sqrt(expected_square) + 1e-8)
        w, square = call_for_pair(step, w, gradient, square, 0.01, 0.9, hint=hint)
        require_close(square, expected_square, f"step {number}, square: {hint}", tolerance=1e-9)
        require_close(w, expected, f"step {number}, w: {hint}", tolerance=1e-9)
        w, square = np.asarray(w), np.asarray(square)
    right("three steps, epsilon included.")


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


def interval(function):
    """function(values) -> (mean, half width) of the 95 % confidence interval by Student's t, from a list of numbers."""
    from scipy import stats

    for values in ([0.90, 0.92, 0.94], [0.5, 0.6, 0.55, 0.7, 0.65]):
        error = np.std(values, ddof=1) / np.sqrt(len(values))
        half = stats.t.ppf(0.975, len(values) - 1) * error
        hint = "it takes a list of numbers and returns their mean and the half width of the interval."
        mean, answer = call_for_pair(function, values, hint=hint)
        answer = numbers(answer, (), hint)
        require_close(mean, np.mean(values), "the first number is the mean.")
        normal = "1.96 belongs to the normal distribution; with three values Student's t gives 4.30."
        require(abs(answer - 1.96 * error) > 1e-3 * error, normal)
        require(abs(answer - 2 * half) > 1e-3 * half, "that is the full width; return half of it.")
        hint = "half width: t times the standard deviation (ddof=1) over the root of their number."
        require_close(answer, half, hint, tolerance=1e-3 * half)
    right("with three seeds the interval is wide, and honest.")


def weight_decay(answer):
    """For which optimizer is L2 in the loss the same as shrinking the weights a little at each step: "sgd" or "adam"?"""
    require(answer in ("sgd", "adam"), 'answer "sgd" or "adam".')
    hint = "Adam divides the penalty's gradient too, so that weights with large gradients are spared."
    require(answer == "sgd", hint)
    right("for Adam they differ, which is why AdamW exists.")


def valley(factor, steps):
    """The factor along the floor at the largest rate, and the steps for a thousandfold: two numbers, to half a step."""
    require_close(factor, 0.98, "along the floor each step multiplies by 1 - rate; the rate is at most 2 / 100.")
    steps = numbers(steps, (), "one number.")
    require(abs(steps - 342) < 1, "solve factor ** steps = 1 / 1000 for the number of steps.")
    right("a hundred times steeper across than along costs hundreds of steps.")
