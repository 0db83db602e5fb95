"""What the package offers to those who import it, by name."""

import importlib
import inspect
import pkgutil

import course_lib
from course_lib import checks


def module_names():
    """The modules whose names are offered: those of the package, and of the checks."""
    yield from (f"course_lib.{name}" for name in course_lib.__all__)
    yield from (f"course_lib.checks.{module.name}" for module in pkgutil.iter_modules(checks.__path__))


def offered(module):
    """(name, value) for the functions and classes of a module, and what is made of its classes.

    They are those that `__all__` lists, else those that are defined there without an underscore.
    """
    listed = getattr(module, "__all__", None)
    for name in listed or [name for name in vars(module) if not name.startswith("_")]:
        value = getattr(module, name)
        made_here = type(value).__module__ == module.__name__
        if made_here or (
            (inspect.isfunction(value) or inspect.isclass(value)) and (listed or value.__module__ == module.__name__)
        ):
            yield name, value


OFFERED = {f"{name}.{key}": value for name in module_names() for key, value in offered(importlib.import_module(name))}
