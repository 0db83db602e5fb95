"""Exercises of the page Symptoms: what ails each of eight broken runs."""

from .broken_runs import RUNS, SIGNS
from .verdict import require, right


def diagnose(letter, cause):
    """What ails run "A" to "H": one of "scale", "stale", "labels", "overfit", "rate", "gradients", "lead", "mean"."""
    require(isinstance(letter, str) and letter in RUNS, f"there are runs A to H, and no {letter!r}.")
    require(isinstance(cause, str) and cause in SIGNS, f"expected one of {', '.join(SIGNS)}; got {cause!r}.")
    require(cause == RUNS[letter], f'"{cause}" looks like this: {SIGNS[cause]} Run {letter} does not.')
    right(SIGNS[cause])
