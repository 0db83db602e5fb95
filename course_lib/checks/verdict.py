"""How a check says what it found."""

import numpy as np


class NotYet(AssertionError):
    """The answer is not right yet; the message says what to look at."""

    def _render_traceback_(self):
        return [f"Not yet: {self}"]


def require(condition, hint):
    """Raise NotYet with the hint unless the condition holds."""
    if not condition:
        raise NotYet(hint)


def require_close(answer, expected, hint, *, tolerance=1e-6):
    """Raise NotYet unless the answer has the expected shape and values, to an absolute and relative tolerance."""
    answer, expected = np.asarray(answer, dtype=float), np.asarray(expected, dtype=float)
    require(answer.shape == expected.shape, f"expected shape {expected.shape}, got {answer.shape}. {hint}")
    worst = np.abs(answer - expected).max(initial=0)
    message = f"{hint} (largest difference {worst:.2g})"
    require(np.allclose(answer, expected, rtol=tolerance, atol=tolerance), message)


def right(what):
    """Say that the answer is right."""
    print(f"Right: {what}")
