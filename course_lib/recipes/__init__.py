"""How to train: one registry, which the command line runs and from which the cards of published weights are made.

A recipe is a `Recipe` in one of the modules here; its name is that of its variable.
"""

from . import autoregressive, classifiers, denoising, gans, vaes
from .datasets import DATASETS
from .recipe import Recipe, publish

RECIPES = {
    name: value
    for module in (classifiers, gans, vaes, autoregressive, denoising)
    for name, value in vars(module).items()
    if isinstance(value, Recipe)
}

__all__ = ["DATASETS", "RECIPES", "Recipe", "publish"]
