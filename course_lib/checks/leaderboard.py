"""Exercises of the chapter on which generator to choose."""

from itertools import combinations

import numpy as np

from .verdict import call, call_for_pair, numbers, require, require_close, right


def above_the_floor(first, second):
    """How far 0.20 is above its floor of 0.15, and 0.30 above its floor of 0.28: two numbers."""
    first, second = (numbers(value, (), "one number each.") for value in (first, second))
    require(abs(first - 0.2) > 1e-9 and abs(second - 0.3) > 1e-9, "take off what real images get against real images.")
    require_close(first, 0.05, "the first: 0.20 against a floor of 0.15.")
    require_close(second, 0.02, "the second: 0.30 against a floor of 0.28.")
    right("the larger distance lies nearer to its floor; whether by more than chance, only intervals can say.")


def one_percent(answer):
    """How many nats an image a mixture of 1 % of a model and 99 % of noise can cost at most more than the model: one number."""
    answer = numbers(answer, (), "one number, in nats.")
    require(abs(answer + np.log(100)) > 1e-3, "mind the sign: asked is by how much -log p grows.")
    require(abs(answer - np.log2(100)) > 1e-3, "that is in bits.")
    require(abs(answer - 0.01) > 1e-3 and abs(answer - 99) > 1e-3, "-log(0.01 p(x)) is -log p(x) and a constant.")
    require_close(answer, np.log(100), "the mixture is at least 0.01 p(x): take -log of that.", tolerance=1e-3)
    right("99 pictures of 100 are noise, and the likelihood hardly notices.")


def interval(function):
    """function(values, t) -> the mean over seeds and half of its interval, of an array (N,) and Student's t: two numbers."""
    hint = "half = t s / sqrt(N), with s the standard deviation that divides by N - 1."
    random = np.random.default_rng(0)
    for count, t in ((3, 4.303), (5, 2.776), (10, 2.262)):
        values = random.normal(size=count)
        mean, half = call_for_pair(function, values, t, hint=hint)
        require_close(mean, values.mean(), "the first number is the mean.")
        half = numbers(half, (), hint)
        wrong = t * values.std(ddof=1)
        require(abs(half - wrong) > 1e-9, "that is an interval for one more run; the mean of N scatters less, by sqrt(N).")
        require(abs(half - t * values.std() / count**0.5) > 1e-9, "divide by N - 1: the mean was made from the same values.")
        require_close(half, wrong / count**0.5, hint)
    right("three seeds give an interval, and a wide one.")


def gate(function):
    """function(images, count) -> True for an array (count, 28, 28) that a leaderboard should take, else False."""
    hint = "look at the shape, at NaN, at the range 0..1 and whether any two images differ."
    random = np.random.default_rng(0)
    good = random.random((6, 28, 28))
    with_nan = good.copy()
    with_nan[3, 5, 5] = np.nan
    cases = (
        (good, True, "six different images in 0..1 must pass."),
        (random.integers(0, 2, (6, 28, 28)).astype(float), True, "black and white images lie in 0..1, and must pass."),
        (good[:5], False, "five images came where six were asked for."),
        (good[:, :27], False, "images of 27 rows must not pass."),
        (2 * good - 1, False, "values from -1 must not pass."),
        (255 * good, False, "values up to 255 must not pass."),
        (with_nan, False, "a single NaN must not pass; note that NaN < 0 and NaN > 1 are both false."),
        (np.repeat(good[:1], 6, axis=0), False, "six times the same image must not pass."),
    )
    for images, wanted, told in cases:
        answer = call(function, images, 6, hint=hint)
        require(answer is True or answer is False or isinstance(answer, np.bool_), f"expected True or False, got {answer!r}.")
        require(bool(answer) == wanted, told)
    right("what cannot be measured is turned away before it is.")


def swapped(function):
    """function(first, second) -> how many pairs change places between two measures of N generators, both (N,): one number."""
    hint = "a pair changes places when the differences of the two measures have opposite signs."
    random = np.random.default_rng(0)
    for count in (3, 6, 9):
        first, second = random.normal(size=(2, count))
        pairs = list(combinations(range(count), 2))
        expected = sum((first[i] - first[j]) * (second[i] - second[j]) < 0 for i, j in pairs)
        answer = numbers(call(function, first, second, hint=hint), (), hint)
        if expected:
            require(abs(answer - 2 * expected) > 1e-9, "each pair was counted twice.")
            require(abs(answer - expected / len(pairs)) > 1e-9, "that is a share; asked is a number of pairs.")
        require_close(answer, expected, hint)
    right("none for the same order, N (N - 1) / 2 for the reverse.")


def convicted(dim, lower, stamp):
    """Which measure convicts each cheat: "copied", "precision" or "recall", one word for each."""
    words = ("copied", "precision", "recall")
    for name, answer in (("dim", dim), ("lower", lower), ("stamp", stamp)):
        require(isinstance(answer, str) and answer in words, f"{name}: expected one of {', '.join(words)}, got {answer!r}.")
    require(dim == "copied", "dim: its digits are good, and as various as the training set; what else are they?")
    require(lower != "copied", "lower: none of its digits is from the training set.")
    require(lower == "recall", "lower: each of its digits is a good one; what is missing are others.")
    require(stamp == "precision", "stamp: as various as real digits, but nobody writes such squares.")
    right("no single number finds all three.")


def honest(choose, report):
    """choose(validation, test) -> the index of a setting, of two arrays (N,), lower is better; report(seeds) -> one number."""
    hint = "the setting with the least validation value; the mean over seeds."
    random = np.random.default_rng(0)
    for _ in range(20):
        validation, test = random.random((2, 5))
        if validation.argmin() == test.argmin():
            continue
        answer = numbers(call(choose, validation, test, hint=hint), (), hint)
        require(answer != test.argmin(), "the setting was chosen on the test set, which then measures nothing any more.")
        require(answer == validation.argmin(), "choose the setting with the least validation value.")
    seeds = random.random(4)
    answer = numbers(call(report, seeds, hint=hint), (), hint)
    require(
        abs(answer - seeds.min()) > 1e-9, "the best of several seeds is luck, and gets better with more seeds: report the mean."
    )
    require_close(answer, seeds.mean(), "report the mean over seeds.")
    right("chosen on validation, measured once, luck and all.")
