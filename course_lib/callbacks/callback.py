"""The moments of a training at which something else can happen."""

from contextlib import AbstractContextManager, nullcontext

from ..trainer import Trainer


class Callback:
    """Does nothing at each of the moments; override those you need.

    state: a dict of tensors, numbers, strings, and lists and dicts of them, which travels with checkpoints.
    saves: whether it writes down what the others do, and so has its turn after them, wherever it stands in the list.
    """

    saves = False

    def __init__(self):
        self.state = {}

    def on_fit_start(self, trainer: Trainer) -> None:
        """Before the first step of a `fit`."""

    def on_step_end(self, trainer: Trainer) -> None:
        """After each step."""

    def on_epoch_end(self, trainer: Trainer) -> None:
        """After each epoch, when its row is the last of `trainer.history`."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """After the last epoch of a `fit`."""

    def on_interrupt(self, trainer: Trainer) -> None:
        """After Ctrl-C, when the step in hand is done."""

    def fitting(self, trainer: Trainer) -> AbstractContextManager:
        """Around each `fit`, from before its first step to its end, however it ends."""
        return nullcontext()

    def evaluating(self, trainer: Trainer) -> AbstractContextManager:
        """Around each evaluation, prediction and sample: a context in which networks may carry other weights."""
        return nullcontext()

    def state_dict(self) -> dict:
        """What a checkpoint keeps of it."""
        return self.state

    def load_state_dict(self, state: dict) -> None:
        """Go back to a state that `state_dict` gave."""
        self.state = state
