"""Companion package of the course Deep Learning and Image Generation with Python.

Submodules load when first used, so that `import course_lib` costs next to nothing:

    from course_lib import data, models, objectives, runtime
"""

import importlib
import os
from importlib.metadata import version as _version

# The one place that chooses Keras' backend; it must be set before keras is imported.
os.environ["KERAS_BACKEND"] = "torch"

__version__ = _version("course_lib")
__all__ = [
    "applications",
    "attribution",
    "callbacks",
    "checkpoints",
    "checks",
    "data",
    "gan_losses",
    "keras_twins",
    "layers",
    "likelihoods",
    "losses",
    "metrics",
    "models",
    "objectives",
    "paths",
    "plots",
    "published",
    "recipes",
    "runtime",
    "samplers",
    "text",
    "trainer",
    "widgets",
]


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"course_lib has no module {name!r}; it has {', '.join(__all__)}")


def __dir__():
    return __all__
