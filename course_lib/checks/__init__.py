"""Checks of the exercises, a module for each chapter and a plain function for each exercise.

A check prints one line when the answer is right, and raises `NotYet`, which says what to look at, when it is not. In
Jupyter that shows as one line too; a grader catches the exception. Those that assignments use draw
their inputs from a `seed`. Modules load when first used.
"""

import importlib
import pkgutil

from .verdict import NotYet, quietly

_MODULES = sorted(module.name for module in pkgutil.iter_modules(__path__))
__all__ = ["NotYet", "quietly", *_MODULES]


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"course_lib.checks has no module {name!r}; it has {', '.join(_MODULES)}")


def __dir__():
    return __all__
