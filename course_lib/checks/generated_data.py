"""Exercises of the chapter on generated data and other uses of generators."""

import math
from collections import Counter

import numpy as np

from .verdict import call, call_for_pair, numbers, require, require_close, right

MEMBERS, OTHERS = (0.9, 0.6, 0.4), (0.7, 0.3, 0.2, 0.1)


def auc_by_hand(answer):
    """The AUC of the scores 0.9, 0.6, 0.4 of members and 0.7, 0.3, 0.2, 0.1 of others: one number 0..1."""
    answer = numbers(answer, (), "one number.")
    require(abs(answer - 2 / 12) > 1e-3, "that counts the pairs in the wrong order; high scores should mean members.")
    require(abs(answer - 10) > 1e-3, "that counts the pairs; which share of all is it?")
    require_close(answer, 10 / 12, "of 3 x 4 pairs of a member and another, in how many is the member higher?", tolerance=2e-3)
    right("two pairs are in the wrong order, both with the 0.7.")


def threshold(answer):
    """The correlation above which one unmarked picture of 256 x 256 pixels in a million lies: one number."""
    answer = numbers(answer, (), "one number.")
    z = 4.7534
    require(abs(answer - z) > 1e-2, "that is in standard deviations; how large is one of them with 65,536 pixels?")
    require(abs(answer - z / 65536) > 1e-6, "the standard deviation is one over the ROOT of the number of pixels.")
    require(abs(answer - 4.8916 / 256) > 5e-5, "only high correlations are an alarm, so the million counts on one side.")
    require_close(answer, z / 256, "4.75 standard deviations of 1 / 256.", tolerance=2e-3)
    right("the larger the picture, the weaker the mark that can be found.")


def auc(function):
    """function(members, others) -> the AUC of two arrays of scores, (N,) and (M,); a tie counts half."""
    hint = "the share of pairs in which the member's score is higher; broadcasting compares all of them at once."
    random = np.random.default_rng(0)
    plain = random.normal(size=6) + 1, random.normal(size=9)
    for members, others in (plain, (np.array([1.0, 2, 2]), np.array([2.0, 0]))):
        above = (members[:, None] > others).mean()
        expected = above + (members[:, None] == others).mean() / 2
        answer = numbers(call(function, members, others, hint=hint), (), hint)
        require(abs(answer - (1 - expected)) > 1e-9, "the pairs are counted the other way round.")
        require(expected == above or abs(answer - above) > 1e-9, "a member and another with the same score count half.")
        require_close(answer, expected, hint)
    right("no threshold had to be chosen.")


def disc(function):
    """function(s, radius, x, y, theta) -> line integrals of a disc of ones at (x, y): s (S,) to (S,); theta in radians."""
    hint = "the chord, 2 sqrt(radius^2 - (s - s_0)^2), with s_0 = x cos(theta) + y sin(theta), and 0 beside the disc."
    s = np.linspace(-1, 1, 41)
    for radius, x, y, theta in ((0.5, 0.0, 0.0, 0.3), (0.3, 0.4, -0.2, 0.0), (0.3, 0.4, -0.2, 1.1)):
        with np.errstate(invalid="ignore"):
            answer = call(function, s, radius, x, y, theta, hint=hint)
        answer = numbers(answer, (41,), hint)

        def chord(middle, radius=radius):
            return 2 * np.sqrt(np.maximum(radius**2 - (s - middle) ** 2, 0))

        expected = chord(x * math.cos(theta) + y * math.sin(theta))
        require(not np.isnan(answer).any(), "beside the disc there is no chord: 0, not the root of a negative number.")
        require(not np.allclose(answer, expected / 2), "that is half of the chord.")
        require(
            theta == 0 or (x, y) == (0, 0) or not np.allclose(answer, chord(x)), "the middle of the shadow moves with theta."
        )
        require(
            np.allclose(answer, expected) or not np.allclose(answer, chord(x * math.cos(theta) - y * math.sin(theta))),
            "the other sense of turning: s_0 = x cos(theta) + y sin(theta).",
        )
        require_close(answer, expected, hint)
    right("a sum of such shadows is the scan of any picture made of discs.")


def balanced(function):
    """function(labels, count, rng) -> positions of count / K labels of each of the K classes, drawn with NumPy's rng.

    labels: integers (N,). A count below K raises ValueError.
    """
    hint = "for each class, count // K positions drawn without replacement from np.flatnonzero(labels == k)."
    labels = np.random.default_rng(1).integers(0, 4, 200)
    drawn = []
    for seed in (0, 1):
        answer = call(function, labels, 20, np.random.default_rng(seed), hint=hint)
        answer = numbers(answer, np.shape(answer), hint).ravel()
        require(len(answer) == 20, f"expected 20 positions, got {len(answer)}. {hint}")
        require(set(answer) <= set(range(200)), f"expected positions 0..199, got {answer[:5]}. {hint}")
        require(len(set(answer)) == 20, f"a position stands twice; draw without replacement. {hint}")
        counts = Counter(labels[answer.astype(int)].tolist())
        require(set(counts.values()) == {5}, f"expected five of each class, got {dict(sorted(counts.items()))}. {hint}")
        drawn.append(sorted(answer.tolist()))
    require(drawn[0] != drawn[1], "another random generator has to draw other positions.")
    try:
        function(labels, 3, np.random.default_rng(0))
    except ValueError as error:
        require(str(error) != "", "say in the message what was expected and what came.")
    except Exception as error:
        require(False, f"three labels of four classes: expected ValueError, got {type(error).__name__}.")
    else:
        require(False, "three labels of four classes cannot be balanced: raise ValueError, and say what was expected.")
    right("what cannot be done is said at once.")


def two_sets(function):
    """function(count, copies, rng) -> (train, test): which original each picture is made of, two integer arrays.

    A fifth of the `count` originals is for testing, as it is; each other one is in `train`, `copies` times.
    """
    hint = "shuffle the originals, cut, and only then repeat the training part."
    for count, copies in ((50, 1), (50, 8)):
        pair = call_for_pair(function, count, copies, np.random.default_rng(0), hint=hint)
        train, test = (numbers(each, np.shape(each), hint).ravel().tolist() for each in pair)
        both = sorted(set(train) & set(test))
        require(not both, f"{len(both)} originals are in both sets, number {both[0] if both else 0:g} for one. {hint}")
        require(len(test) == len(set(test)), f"an original stands twice among the test pictures. {hint}")
        require(len(test) == count // 5, f"expected {count // 5} test pictures of {count} originals, got {len(test)}. {hint}")
        require(set(Counter(train).values()) == {copies}, f"each training original should be there {copies} times. {hint}")
        require(set(train) | set(test) == set(range(count)), f"some originals are in neither set. {hint}")
        if copies > 1:
            require(sorted(test) != list(range(40, 50)), "shuffle first: the originals may be in order of their class.")
    right("split first, multiply afterwards; and the generator, too, sees the training part alone.")
