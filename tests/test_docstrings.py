"""What the package offers says what it is: a docstring, types, and a line for each parameter where there are three or more."""

import dataclasses
import importlib
import inspect
import pkgutil
import re

import pytest

import course_lib
from course_lib import checks


def module_names():
    """The modules whose names are offered: those of the package, and of the checks."""
    yield from (f"course_lib.{name}" for name in course_lib.__all__)
    yield from (f"course_lib.checks.{module.name}" for module in pkgutil.iter_modules(checks.__path__))


def offered(module):
    """(name, function or class) of a module: what `__all__` lists, else what is defined there without an underscore."""
    names = getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")])
    for name in names:
        value = getattr(module, name)
        own = hasattr(module, "__all__") or getattr(value, "__module__", None) == module.__name__
        if own and (inspect.isfunction(value) or inspect.isclass(value)):
            yield name, value


OFFERED = {
    f"{name.removeprefix('course_lib.')}.{key}": value
    for name in module_names()
    for key, value in offered(importlib.import_module(name))
}
# An exercise's answer may be anything; the shape that is asked for stands in the docstring.
EXERCISES = {
    name for name in OFFERED if name.startswith("checks.") and name.split(".")[1] not in ("NotYet", "broken_runs", "verdict")
}

OPEN = {"recipes.publish", "trainer.Trainer"}  # to be told in full


def parameters(value):
    """Those of a function, or of a class's own constructor."""
    if inspect.isclass(value) and "__init__" not in vars(value):
        return []
    function = value.__init__ if inspect.isclass(value) else value
    return [each for each in inspect.signature(function).parameters.values() if each.name != "self"]


def problems(value, *, typed=True):
    """What a reader of the documentation would miss."""
    told, given = value.__doc__ or "", parameters(value)
    if not told or (dataclasses.is_dataclass(value) and told.startswith(f"{value.__name__}(")):  # Python's own
        yield "no docstring"
    elif not told.partition("\n")[0].endswith((".", "?")):
        yield "a first line that is not a sentence"
    for parameter in given if typed else []:
        if parameter.annotation is parameter.empty:
            yield f"{parameter.name} has no type"
    for parameter in given if len(given) > 2 else []:
        if not re.search(rf"^ *(\w+, )*{parameter.name}(, \w+)*: ", told, re.MULTILINE):
            yield f"no line for {parameter.name}"


@pytest.mark.parametrize("name", sorted(OFFERED))
def test_what_is_offered_is_told(name):
    found = list(problems(OFFERED[name], typed=name not in EXERCISES))
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
