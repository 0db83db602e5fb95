"""Learning rates that follow from how far a run is."""

import math
from collections.abc import Callable

from .. import contract
from .callback import Callback


def cosine(progress: float, *, hold: float = 0.0) -> float:
    """1 for the share `hold` of the run, then down to 0 along half a cosine (Loshchilov and Hutter, 2017)."""
    return (1 + math.cos(math.pi * max(0.0, progress - hold) / (1 - hold))) / 2


def one_cycle(progress: float, *, warm_up: float = 0.25) -> float:
    """Straight up from 0 to 1 for the share `warm_up` of the run, then straight down to 0 (after Smith, 2018)."""
    return progress / warm_up if progress < warm_up else (1 - progress) / (1 - warm_up)


class LRSchedule(Callback):
    """Multiplies every optimizer's learning rate by shape(progress).

    The rate follows from the step alone, so there is nothing to save. After `epochs` it stays at its last value.

    shape: a function from progress, 0 to 1, to a factor: `cosine`, `one_cycle`, or one of your own.
    epochs: the length of the whole run, over which progress goes from 0 to 1.
    """

    def __init__(self, shape: Callable[[float], float], *, epochs: int):
        super().__init__()
        self.shape, self.epochs = shape, contract.whole_number("epochs", epochs, at_least=1)

    def on_fit_start(self, trainer):
        self._set(trainer)

    def on_step_end(self, trainer):
        self._set(trainer)

    def _set(self, trainer):
        steps = self.epochs * trainer.steps_per_epoch
        factor = self.shape(min((trainer.step + 0.5) / steps, 1.0))  # the middle of the step to come
        for name, optimizer in trainer.optimizers.items():
            for group, rate in zip(optimizer.param_groups, trainer.learning_rates[name], strict=True):
                group["lr"] = rate * factor
