"""How far a training run is: a bar in a terminal, a line that changes in Jupyter, a line for each epoch in a log."""

import sys
import time
from contextlib import nullcontext

from tqdm import tqdm

from .runtime import tell


def describe(row: dict) -> str:
    """One epoch's row of the history as text."""
    return ", ".join(
        f"{name.replace('_', ' ')} {value:.4g}"
        for name, value in row.items()
        if name not in ("epoch", "step", "seconds", "examples_per_second")
    )


class Progress:
    """Shows how far a `Trainer` is on its way to epoch `last`, from the first process alone. A context manager."""

    def __init__(self, trainer, last: int):
        self.trainer, self.last = trainer, last
        self.first = trainer.step
        self.total = (last - trainer.epoch) * trainer.steps_per_epoch - trainer.batches_done
        self.started = self.shown = time.monotonic()
        self.bar = self.line = None
        self.silent = not (trainer.progress and trainer.accelerator.is_main_process)

    def __enter__(self):
        if self.silent:
            pass
        elif _in_jupyter():
            from IPython.display import display

            self.line = display({"text/plain": self._text()}, raw=True, display_id=True)
        elif sys.stderr and sys.stderr.isatty():
            self.bar = tqdm(total=self.total, unit="step", leave=False)
        return self

    def update(self) -> None:
        """A step is done."""
        if self.bar is not None:
            self.bar.update()
        elif self.line is not None and time.monotonic() - self.shown > 0.5:
            self.shown = time.monotonic()
            self._redraw()

    def epoch_ended(self) -> None:
        """An epoch is done, and its row of the history is there."""
        if self.silent:
            return
        if self.line is not None:
            self._redraw()
        else:
            row = self.trainer.history[-1]
            with tqdm.external_write_mode() if self.bar is not None else nullcontext():
                tell(f"epoch {row['epoch']}/{self.last}: {describe(row)} ({row['examples_per_second']:,.0f} examples/s)")

    def __exit__(self, *_):
        if self.bar is not None:
            self.bar.close()
        elif self.line is not None:
            self._redraw()

    def _redraw(self):
        self.line.update({"text/plain": self._text()}, raw=True)

    def _text(self):
        done, seconds = self.trainer.step - self.first, time.monotonic() - self.started
        text = f"epoch {self.trainer.epoch} of {self.last}, step {done:,} of {self.total:,}, {seconds:.1f} s"
        return f"{text}: {describe(self.trainer.history[-1])}" if self.trainer.history else text


def _in_jupyter():
    """Whether output goes to a notebook's page."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")
