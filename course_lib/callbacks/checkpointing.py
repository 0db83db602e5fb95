"""Checkpoints while a run goes on."""

from pathlib import Path

from .. import checkpoints
from .callback import Callback


class Checkpoints(Callback):
    """Writes a checkpoint every so many steps, after Ctrl-C and at the end, and keeps the last ones.

    folder: where they go, one folder each.
    every: steps from one to the next.
    keep: how many are kept, 1 or more; older ones are deleted.
    config: what a program needs to build the networks again, joined to the checkpoint's config.json.
    """

    saves = True

    def __init__(self, folder: str | Path, *, every: int = 500, keep: int = 2, config: dict | None = None):
        super().__init__()
        self.folder, self.every, self.keep, self.config = Path(folder), every, keep, config or {}

    def on_step_end(self, trainer):
        if trainer.step % self.every == 0:
            self._save(trainer)

    def on_interrupt(self, trainer):
        self._save(trainer)

    def on_fit_end(self, trainer):
        self._save(trainer)

    def _save(self, trainer):
        trainer.save(self.folder, **self.config)
        if trainer.accelerator.is_main_process:
            checkpoints.prune(self.folder, self.keep)
