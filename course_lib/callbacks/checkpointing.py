"""Checkpoints while a run goes on."""

from contextlib import contextmanager
from pathlib import Path

from .. import checkpoints, contract
from .callback import Callback


class Checkpoints(Callback):
    """Writes a checkpoint every so many steps, after Ctrl-C and at the end, and keeps the last ones.

    The folder belongs to one run: a trainer that has not come from the checkpoints in it is refused, and so is a second
    process while one trains into it. Nothing but checkpoints is ever deleted.

    folder: where they go, one folder each.
    every: steps from one to the next.
    keep: how many are kept, 1 or more; older ones are deleted.
    config: what a program needs to build the networks again, joined to the checkpoint's config.json.
    """

    saves = True

    def __init__(self, folder: str | Path, *, every: int = 500, keep: int = 2, config: dict | None = None):
        super().__init__()
        self.folder, self.config = Path(folder), config or {}
        self.every = contract.whole_number("every", every, at_least=1)
        self.keep = contract.whole_number("keep", keep, at_least=1)

    @contextmanager
    def fitting(self, trainer):
        """Inside, the folder is this run's. Raises OSError where it cannot be."""
        with checkpoints.claim(self.folder):
            if found := checkpoints.every(self.folder):
                self._check_continues(trainer, found[-1])
            yield

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

    def _check_continues(self, trainer, checkpoint):
        """Raises FileExistsError unless the trainer has been where the checkpoint is: its history begins with that one's."""
        saved = checkpoints.config(checkpoint)
        times, mine = ([row.get("seconds") for row in history] for history in (saved["history"], trainer.history))
        if saved["step"] > trainer.step or times != mine[: len(times)]:
            raise FileExistsError(
                f"{self.folder} already holds a run, at step {saved['step']}, which this trainer, at step {trainer.step}, has "
                "not come from: resume that run first, with trainer.resume(folder), or name another folder."
            )
