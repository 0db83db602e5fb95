"""What a recipe is: how to train one thing, as data that the command line runs and a card tells."""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from .. import published, runtime
from ..callbacks import EMA, LRSchedule
from ..data import Images, split
from ..objectives import Objective
from ..trainer import Trainer


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to train one thing.

    about: what it makes, in a few words.
    objective: makes the objective for images of a shape (C, H, W) and a number of classes. A `partial` of a builder, so that
        its options can be told.
    optimizers: as `Trainer` takes them, each a `partial`.
    data: a name in `datasets.DATASETS`.
    augment: changes training images as they are drawn, or None.
    validation: the share of the training images that is held out to validate on.
    epochs, batch_size: of the training.
    schedule: a shape for `LRSchedule`, or None for constant learning rates.
    ema: decay of an average of the weights, or None.
    max_grad_norm: see `Trainer`.
    publishes: the name under which the weights of one part are published, or None.
    part: the part of the objective that is published.
    measure: for a published network: from (network, train, test) to what its card says of it, a dict.
    """

    about: str
    objective: Callable[[tuple[int, int, int], int], Objective]
    optimizers: Callable | dict[str, Callable]
    data: str = "mnist"
    augment: Callable[[torch.Tensor], torch.Tensor] | None = None
    validation: float = 0.1
    epochs: int = 5
    batch_size: int = 128
    schedule: Callable[[float], float] | None = None
    ema: float | None = None
    max_grad_norm: float | None = None
    publishes: str | None = None
    part: str | None = None
    measure: Callable | None = None

    def trainer(self, shape: tuple[int, int, int], classes: int, *, seed: int = 0, callbacks: Iterable = ()) -> Trainer:
        """A trainer of the objective, seeded, with the recipe's schedule and average before the other callbacks."""
        runtime.set_seed(seed)
        own = [LRSchedule(self.schedule, epochs=self.epochs)] if self.schedule else []
        own += [EMA(self.ema)] if self.ema else []
        return Trainer(
            self.objective(tuple(shape), classes),
            self.optimizers,
            batch_size=self.batch_size,
            seed=seed,
            max_grad_norm=self.max_grad_norm,
            callbacks=[*own, *callbacks],
        )

    def prepared(self, images: Images, value_range: tuple[float, float] | None) -> tuple[Images, Images | None]:
        """Training images, augmented, and those to validate on, or None; both in the range that the objective takes."""
        if value_range is not None:
            images = images.with_value_range(*value_range)
        train, held_out = split(images, 1 - self.validation) if self.validation else (images, None)
        return (train.augmented(self.augment) if self.augment else train), held_out

    def describe(self) -> dict[str, str]:
        """What a card says of the recipe: the objective with its networks, and how it is trained."""
        training = [f"{told(self.optimizers)}", f"batches of {self.batch_size}", f"{self.epochs} epochs"]
        training += [f"learning rate along {told(self.schedule)}"] if self.schedule else []
        training += [f"weights averaged ({self.ema:g})"] if self.ema else []
        training += [f"gradients clipped at {self.max_grad_norm:g}"] if self.max_grad_norm else []
        training += [f"images changed by {told(self.augment)}"] if self.augment else []
        return {"objective": told(self.objective), "recipe": ", ".join(training)}


def told(value) -> str:
    """A partial, a function, a class or a number as one would write it: `Adam(lr=0.001)`."""
    if isinstance(value, partial):
        options = [*map(told, value.args), *(f"{name}={told(option)}" for name, option in value.keywords.items())]
        return f"{told(value.func)}({', '.join(options)})"
    if isinstance(value, dict):
        return "; ".join(f"{name}: {told(option)}" for name, option in value.items())
    if isinstance(value, torch.nn.Module) or not callable(value):
        return " ".join(repr(value).split())
    return value.__name__


def publish(recipe: Recipe, trainer: Trainer, train: Images, test: Images, folder: str | Path, command: str) -> dict:
    """Measure a trained network as it will be read back, in half precision, and write it and its card into a folder.

    With an average of the weights, that is what is published. Returns the card.
    """
    with trainer.evaluating():
        network = copy.deepcopy(getattr(trainer.objective, recipe.part)).half().float()
        facts = recipe.describe() | {"data": repr(train)} | recipe.measure(network, train, test)
    card = facts | {"seed": trainer.seed, "steps": trainer.step, "command": command}
    return published.publish(folder, recipe.publishes, network, card)
