"""The page Symptoms: right diagnoses pass, wrong ones get a hint (see test_all.py), and each run shows its fault."""

import pytest

from course_lib import data
from course_lib.checks import faq
from course_lib.checks.broken_runs import broken_run

RIGHT = [
    (faq.diagnose, ["A", "scale"]),
    (faq.diagnose, ["B", "overfit"]),
    (faq.diagnose, ["C", "stale"]),
    (faq.diagnose, ["D", "gradients"]),
    (faq.diagnose, ["E", "labels"]),
    (faq.diagnose, ["F", "rate"]),
    (faq.diagnose, ["G", "lead"]),
    (faq.diagnose, ["H", "mean"]),
]
WRONG = [
    (faq.diagnose, ["A", "overfit"], "profit at first.*Run A does not"),
    (faq.diagnose, ["B", "labels"], "chance on new ones"),
    (faq.diagnose, ["C", "rate"], "leaps up within the first few steps"),
    (faq.diagnose, ["D", "rate"], "before anything is learned"),
    (faq.diagnose, ["E", "stale"], "no weight moves"),
    (faq.diagnose, ["F", "gradients"], "stays long though"),
    (faq.diagnose, ["G", "mean"], "a KL of zero"),
    (faq.diagnose, ["H", "lead"], "one network is right"),
    (faq.diagnose, ["A", "a scale"], "expected one of scale, stale"),
    (faq.diagnose, ["A", None], "got None"),
    (faq.diagnose, ["I", "scale"], "runs A to H, and no 'I'"),
    (faq.diagnose, [["A"], "scale"], r"no \['A'\]"),
]


@pytest.fixture(scope="module")
def digits():
    return data.mnist(profile="fast")


# What each broken run shows in its curves, and the fixed one does not.
SHOWS = {
    "A": lambda rows: rows[-1]["loss on new digits"] > 20 and rows[-1]["accuracy on new digits"] > 0.75,
    "B": lambda rows: rows[-1]["training accuracy"] == 1 and 0.5 < rows[-1]["accuracy on new digits"] < 0.8,
    "C": lambda rows: rows[-1]["distance from the start"] == 0 and rows[-1]["norm of the gradient"] > 0,
    "D": lambda rows: rows[-1]["norm of the gradient"] > 5 and rows[-1]["training loss"] < 0.1,
    "E": lambda rows: rows[-1]["accuracy on new digits"] < 0.2 and rows[-1]["training accuracy"] > 0.3,
    "F": lambda rows: max(row["training loss"] for row in rows[:4]) > 5,
    "G": lambda rows: rows[-1]["accuracy on real points"] == 1 and rows[-1]["norm of the generator's gradient"] < 1e-3,
    "H": lambda rows: rows[-1]["KL"] < 0.1 and rows[-1]["spread of the samples"] < 0.2 * rows[-1]["spread of the digits"],
}


@pytest.mark.parametrize("letter", SHOWS)
def test_a_run_shows_its_fault_and_loses_it_when_mended(letter, digits):
    broken, fixed = (broken_run(letter, *digits, fixed=fixed) for fixed in (False, True))
    assert SHOWS[letter](broken)
    assert not SHOWS[letter](fixed)


def test_a_run_repeats(digits):
    assert broken_run("C", *digits) == broken_run("C", *digits)


def test_another_letter_is_refused(digits):
    with pytest.raises(ValueError, match="a run from A to H, got 'Z'"):
        broken_run("Z", *digits)
