"""How a check says what it found."""

import contextlib
import copy
import io

import numpy as np


class NotYet(AssertionError):
    """The answer is not right yet; the message says what to look at."""

    def _render_traceback_(self):
        return [f"Not yet: {self}"]


def require(condition, hint):
    """Raise NotYet with the hint unless the condition holds."""
    if not condition:
        raise NotYet(hint)


def numbers(answer, shape, hint):
    """The answer as a float array of the given shape; raises NotYet for anything else."""
    try:
        found = np.asarray("None" if answer is None else answer, dtype=float)  # NumPy would turn None into NaN
    except (TypeError, ValueError):
        raise NotYet(f"expected numbers of shape {shape}, got {answer!r}. {hint}") from None
    require(found.shape == shape, f"expected shape {shape}, got {found.shape}. {hint}")
    return found


def require_close(answer, expected, hint, *, tolerance=1e-6):
    """Raise NotYet unless the answer has the expected shape and values, to an absolute and relative tolerance."""
    expected = np.asarray(expected, dtype=float)
    answer = numbers(answer, expected.shape, hint)
    worst = np.abs(answer - expected).max(initial=0)
    require(np.allclose(answer, expected, rtol=tolerance, atol=tolerance), f"{hint} (largest difference {worst:.2g})")


def call(function, *arguments, hint):
    """What the reader's function makes of copies of the arguments; raises NotYet when it fails."""
    try:
        return function(*copy.deepcopy(arguments))
    except Exception as error:
        raise NotYet(f"your function raised {type(error).__name__}: {error}. {hint}") from None


def call_for_pair(function, *arguments, hint):
    """The same for a function that returns two things."""
    answer = call(function, *arguments, hint=hint)
    require(isinstance(answer, (tuple, list)) and len(answer) == 2, f"expected two things, got {answer!r}. {hint}")
    return answer


def right(what):
    """Say that the answer is right."""
    print(f"Right: {what}")


def quietly():
    """A context in which a right answer prints nothing: for the book's own solutions, which are no answers of a reader's."""
    return contextlib.redirect_stdout(io.StringIO())
