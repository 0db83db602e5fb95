"""Stopping where the validation is at its best."""

import copy
import math

from .. import contract
from .callback import Callback
from .ema import EMA


class EarlyStopping(Callback):
    """Stops when a metric has not improved for some epochs, and puts back the weights of its best epoch.

    An `EMA` beside it goes back to the average of that epoch.

    metric: a name in the history.
    patience: epochs without improvement after which it stops.
    higher_is_better: False for a loss, True for an accuracy.
    """

    def __init__(self, metric: str = "validation_loss", *, patience: int = 5, higher_is_better: bool = False):
        super().__init__()
        self.metric, self.higher_is_better = metric, higher_is_better
        self.patience = contract.whole_number("patience", patience, at_least=1)

    def on_epoch_end(self, trainer):
        row = trainer.history[-1]
        if self.metric not in row:
            raise ValueError(
                f"EarlyStopping watches {self.metric!r}, but the history has {', '.join(row)}; pass validation= to fit."
            )
        value = row[self.metric] * (-1 if self.higher_is_better else 1)
        if not self.state or value < self.state["value"] or math.isnan(self.state["value"]):
            parts = {name: copy.deepcopy(part.state_dict()) for name, part in trainer.parts.items()}
            averages = [copy.deepcopy(average.state) for average in self._averages(trainer)]
            self.state = {"value": float(value), "epoch": row["epoch"], "parts": parts, "averages": averages}
        trainer.should_stop |= row["epoch"] - self.state["epoch"] >= self.patience

    def on_fit_end(self, trainer):
        if self.state:
            for name, part in trainer.parts.items():
                part.load_state_dict(self.state["parts"][name])
            for average, best in zip(self._averages(trainer), self.state["averages"], strict=True):
                average.load_state_dict(copy.deepcopy(best))

    def _averages(self, trainer):
        return [callback for callback in trainer.callbacks if isinstance(callback, EMA)]
