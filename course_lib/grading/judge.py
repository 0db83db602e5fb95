"""Grades one submission without running it: asks a student's functions for answers to questions of its own, and compares."""

import contextlib
import io
import re
import time
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np

from ..checks.verdict import NotYet
from . import source, wire
from .sandbox import Ended, Sandbox, Unusable
from .submission import Refused, Submission
from .worker import Program

STARTS = 3  # of a sandbox, for one submission
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
RAISED = {kind.__name__: kind for kind in (ValueError, TypeError, IndexError, KeyError, ZeroDivisionError, NotImplementedError)}


class StudentError(NotYet):
    """The student's code raised, hung or died, or there is none; the message is for the student."""


class Student:
    """A notebook as the judge sees it: functions to call, values to ask for.

    cells: its code cells.
    connect: starts a place to run them in, with `ask` and `stop`.
    seconds: processor time for a cell.
    call_seconds: processor time for a call.
    """

    def __init__(self, cells: list[str], connect: Callable, *, seconds: float, call_seconds: float):
        self.cells, self.connect = cells, connect
        self.seconds, self.call_seconds = seconds, call_seconds
        self.place, self.starts, self.by_clock = None, 0, False
        self.stopped = {}  # {number of the cell, from 1: what happened}
        self._skipped = set()

    def function(self, name: str) -> Callable:
        """The student's function of that name: it takes and gives numbers, text, arrays, tensors, lists, tuples, dicts.

        Calling it raises what the function raised where that is one of Python's common errors, StudentError otherwise.
        """
        return lambda *arguments: self._ask("call", name, arguments)

    def value(self, name: str) -> object:
        """What the student's notebook left in that name; raises StudentError if there is nothing."""
        return self._ask("value", name, ())

    def _ask(self, do, name, arguments):
        self._start()
        try:
            reply = self.place.ask({"do": do, "name": name, "arguments": list(arguments)}, self.call_seconds)
        except Ended as error:
            self._lost(error)
            raise StudentError(f"`{name}` {error}.") from None
        if "ok" in reply:
            return reply["ok"]
        kind, message = clean(reply["error"])[:60], clean(reply.get("message"))
        if message == f"{name} is not defined":
            stopped = "".join(f"; cell {number} {what}" for number, what in [*self.stopped.items()][:1])
            raise StudentError(f"there is no `{name}`: its cell is missing, renamed or stopped{stopped}.")
        raise RAISED.get(kind, StudentError)(message if kind in RAISED else f"`{name}` raised {kind}: {message}")

    def _start(self):
        while self.place is None:
            if self.starts == STARTS:
                raise StudentError("the notebook could not be run to its end.")
            self.starts += 1
            self.place = self.connect()
            for number, text in enumerate(self.cells, start=1):
                if number in self._skipped:
                    continue
                try:
                    reply = self.place.ask({"do": "cell", "number": number, "source": text}, self.seconds)
                except Ended as error:
                    self.stopped[number] = f"{error}"
                    self._skipped.add(number)
                    self._lost(error)
                    break
                if "error" in reply:
                    self.stopped[number] = f"stopped with {clean(reply['error'])[:60]}: {clean(reply.get('message'))}"

    def _lost(self, error):
        self.place, self.by_clock = None, self.by_clock or error.by_clock

    def stop(self) -> None:
        """End what runs."""
        if self.place is not None:
            self.place.stop()
            self.place = None


class InThisProcess:
    """Runs cells of our own here: for the solved and the wrong notebooks of a source, never for a student's.

    What goes in and out is framed, as it is for a sandbox.
    """

    def __init__(self):
        self.program = Program()

    def ask(self, request: dict, seconds: float) -> dict:
        """The reply to a request; the seconds are not watched."""
        framed = wire.encode(request)
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(action="ignore"):
            reply = self.program.answer(_decoded(framed))
        try:
            return _decoded(wire.encode(reply))
        except wire.WireError as error:
            return {"error": "WireError", "message": str(error)}

    def stop(self) -> None:
        """Nothing runs on."""
        self.program = None


def _decoded(frame):
    header, _ = wire.LENGTHS.unpack(frame[: wire.LENGTHS.size])
    rest = frame[wire.LENGTHS.size :]
    return wire.decode(rest[:header], rest[header:])


def mark(
    assignment: source.Assignment,
    student_of: Callable,
    secret: str,
    who: str,
    ticket: str,
    only: str | None = None,
) -> dict:
    """The points of each question: {name: {"points", "of", "parts": [{"label", "points", "of", "message"}]}}.

    assignment: what is graded.
    student_of: question -> the notebook, in a place without the packages that the question forbids.
    secret: of the instructor; hidden inputs are drawn from it.
    who: the student's id.
    ticket: from which the student's own numbers are drawn.
    only: the one question to look at; all by default.
    """
    marks = {}
    for name, parts in assignment.parts(ticket).items():
        if only not in (None, name):
            continue
        question, found = assignment.questions[name], []
        for number, part in enumerate(parts):
            seed = int.from_bytes(source.derived(secret, assignment.name, who, name, str(number))[:8], "little")
            share, message = _judged(part, student_of(name), np.random.default_rng(seed))
            points = round(part.points * share, 2)
            found.append({"label": part.label, "points": points, "of": part.points, "message": clean(message)})
        if question.by_hand:
            marks[name] = {"points": None, "of": question.points, "parts": []}
        else:
            marks[name] = {"points": round(sum(part["points"] for part in found), 2), "of": question.points, "parts": found}
    return marks


def _judged(part, student, random):
    """(share 0..1, sentence) of one part. Whatever goes wrong in it costs this part alone."""
    try:
        found = part.function(student, random)
        share, message = found if isinstance(found, tuple) else (1.0 if found is None else found, "right")
        share = float(share)
    except Unusable:
        raise
    except NotYet as error:
        return 0.0, str(error)
    except Exception as error:
        return 0.0, f"the answer could not be used ({type(error).__name__}: {error})"
    return (min(1.0, max(0.0, share)) if share == share else 0.0), message


def grade(
    who: str,
    path: str,
    text: str,
    name: str,
    secret: str,
    *,
    backend: str = "bubblewrap",
    patience: float = 3.0,
) -> dict:
    """The result of one submission, as plain data; it needs nothing but its arguments, so that any process can do it.

    who: the student's id.
    path: the file that was handed in.
    text: the source of the assignment.
    name: of the assignment.
    secret: of the instructor.
    backend: how sandboxes are made.
    patience: seconds of the wall clock for a second of processor time.

    Raises Unusable if this machine cannot make a sandbox; a bad submission raises nothing.
    """
    assignment, started = source.Assignment(text, name), time.monotonic()
    own_ticket = source.ticket(secret, name, who)
    result = {
        "student": who,
        "file": str(path),
        "assignment": name,
        "version": assignment.version,
        "status": "graded",
        "look": [],
    }
    of = sum(question.points for question in assignment.questions.values() if not question.by_hand)
    try:
        submission = Submission.open(path)
        version = submission.version(name)
    except Refused as error:
        return result | {"status": "refused", "message": str(error), "points": 0.0, "of": of, "questions": {}}
    if version != assignment.version:
        result["look"].append(f"made from version {clean(version)}, not {assignment.version}: some questions may have changed")

    students = {}

    def student_of(question):
        forbidden = assignment.forbidden(question)
        if forbidden not in students:
            connect = partial(Sandbox, backend, forbidden=forbidden, files=submission.weights, patience=patience)
            limits = {"seconds": assignment.seconds, "call_seconds": assignment.call_seconds}
            students[forbidden] = Student(submission.cells, connect, **limits)
        return students[forbidden]

    try:
        result["questions"] = mark(assignment, student_of, secret, who, own_ticket)
        with contextlib.suppress(Exception):  # whatever stands there, the marks are made
            used = next(iter(students.values())).value("ticket")
            if type(used) is not str or used != own_ticket:
                result["look"].append(f"used the ticket {clean(used)[:20]}, not {own_ticket}")
    finally:
        for student in students.values():
            student.stop()
    if any(student.starts > 1 for student in students.values()):
        result["look"].append("its process was lost and started again")
    if any(marks["points"] is None for marks in result["questions"].values()):
        result["look"].append("has answers for a person to read")
    return result | {
        "sha256": submission.sha256,
        "points": round(sum(marks["points"] or 0 for marks in result["questions"].values()), 2),
        "of": of,
        "stopped": {str(number): what for student in students.values() for number, what in student.stopped.items()},
        "by_clock": any(student.by_clock for student in students.values()),
        "seconds": round(time.monotonic() - started, 2),
    }


def clean(text: object) -> str:
    """Text of a student's without what steers a terminal, turns the direction of writing or is no text, and not too long."""
    return CONTROL.sub(" ", str(text))[:500]
