"""How a check says what it found."""

import contextlib
import copy
import io
from collections.abc import Callable
from contextvars import ContextVar

import numpy as np


class NotYet(AssertionError):
    """The answer is not right yet; the message says what to look at."""

    def _render_traceback_(self):
        return [f"Not yet: {self}"]


def require(condition: bool, hint: str) -> None:
    """Raise NotYet with the hint unless the condition holds."""
    if not condition:
        raise NotYet(hint)


def numbers(answer: object, shape: tuple[int, ...], hint: str) -> np.ndarray:
    """The answer as a float array; raises NotYet for anything else.

    answer: whatever the reader gave.
    shape: what it must have; () for one number.
    hint: what to look at.
    """
    try:
        found = np.asarray("None" if answer is None else answer, dtype=float)  # NumPy would turn None into NaN
    except (TypeError, ValueError):
        raise NotYet(f"expected numbers of shape {shape}, got {answer!r}. {hint}") from None
    require(found.shape == shape, f"expected shape {shape}, got {found.shape}. {hint}")
    return found


def require_close(answer: object, expected: object, hint: str, *, tolerance: float = 1e-6) -> None:
    """Raise NotYet unless the answer has the expected shape and values.

    answer: whatever the reader gave.
    expected: numbers of any shape.
    hint: what to look at.
    tolerance: absolute and relative.
    """
    expected = np.asarray(expected, dtype=float)
    answer = numbers(answer, expected.shape, hint)
    worst = np.abs(answer - expected).max(initial=0)
    require(np.allclose(answer, expected, rtol=tolerance, atol=tolerance), f"{hint} (largest difference {worst:.2g})")


def call(function: Callable, *arguments: object, hint: str) -> object:
    """What the reader's function makes of copies of the arguments; raises NotYet when it fails.

    function: whatever the reader gave.
    arguments: what it is called with.
    hint: what to look at.
    """
    return call_as_it_is(function, *copy.deepcopy(arguments), hint=hint)


def call_as_it_is(function: Callable, *arguments: object, hint: str) -> object:
    """The same with the arguments themselves, for a function whose result refers to them.

    function: whatever the reader gave.
    arguments: what it is called with.
    hint: what to look at.
    """
    try:
        return function(*arguments)
    except Exception as error:
        raise NotYet(f"your function raised {type(error).__name__}: {error}. {hint}") from None


def call_for_pair(function: Callable, *arguments: object, hint: str) -> tuple | list:
    """As `call`, for a function that returns two things.

    function: whatever the reader gave.
    arguments: what it is called with.
    hint: what to look at.
    """
    answer = call(function, *arguments, hint=hint)
    require(isinstance(answer, (tuple, list)) and len(answer) == 2, f"expected two things, got {answer!r}. {hint}")
    return answer


_found = ContextVar("found", default=None)  # where `judged` hears what a check says


def right(what: str) -> None:
    """Say that the answer is right."""
    if _found.get() is None:
        print(f"Right: {what}")
    else:
        _found.get().append(what)


def judged(check: Callable, *answers: object, seed: int | None = None) -> tuple[float, str]:
    """What a check finds, as data: the share of its points, 1.0 or 0.0, and its sentence. Nothing is printed or raised.

    check: one of the checks.
    answers: what it looks at; a function may be one that runs elsewhere.
    seed: from which a check that has one draws its inputs; without it they are those of the book.
    """
    heard = _found.set([])
    try:
        check(*answers, **({} if seed is None else {"seed": seed}))
        return 1.0, " ".join(_found.get())
    except NotYet as hint:
        return 0.0, str(hint)
    finally:
        _found.reset(heard)


def quietly():
    """A context in which a right answer prints nothing: for the book's own solutions, which are no answers of a reader's."""
    return contextlib.redirect_stdout(io.StringIO())
