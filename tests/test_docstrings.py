"""What the package offers says what it is: a docstring, types, and a line for each parameter where there are three or more."""

import dataclasses
import inspect
import re

import pytest
from offered import OFFERED

CALLED = {name: value for name, value in OFFERED.items() if inspect.isfunction(value) or inspect.isclass(value)}
# The check of an exercise is short: an answer may be anything, and the first line says what is asked for.
EXERCISES = re.compile(r"course_lib\.checks\.(?!verdict|broken_runs)\w+\.\w+")
OPEN = {"course_lib.recipes.publish", "course_lib.trainer.Trainer"}  # to be told in full


def parameters(value):
    """Those of a function, or of a class's own constructor."""
    if inspect.isclass(value) and "__init__" not in vars(value):
        return []
    function = value.__init__ if inspect.isclass(value) else value
    return [each for each in inspect.signature(function).parameters.values() if each.name != "self"]


def problems(value, *, short=False):
    """What a reader of the documentation would miss."""
    told, given = value.__doc__ or "", [] if short else parameters(value)
    if not told or (dataclasses.is_dataclass(value) and told.startswith(f"{value.__name__}(")):  # Python's own
        yield "no docstring"
    elif not told.partition("\n")[0].endswith((".", "?")):
        yield "a first line that is not a sentence"
    for parameter in given:
        if parameter.annotation is parameter.empty:
            yield f"{parameter.name} has no type"
    for parameter in given if len(given) > 2 else []:
        if not re.search(rf"^ *(\w+, )*{parameter.name}(, \w+)*: ", told, re.MULTILINE):
            yield f"no line for {parameter.name}"


@pytest.mark.parametrize("name", sorted(CALLED))
def test_what_is_offered_is_told(name):
    found = list(problems(CALLED[name], short=bool(EXERCISES.fullmatch(name))))
    assert bool(found) == (name in OPEN), found


def test_what_is_missing_is_found():
    def untold(x, *, width: int = 3, stages=2):
        """Does something with

        width: of what.
        """

    assert list(problems(untold)) == [
        "a first line that is not a sentence",
        "x has no type",
        "stages has no type",
        "no line for x",
        "no line for stages",
    ]
    assert list(problems(dataclasses.make_dataclass("Bare", ["size"]))) == ["no docstring"]
