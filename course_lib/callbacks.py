"""What else happens during training. A trainer calls its callbacks in the order of its list."""

import copy
import math
import shutil
from contextlib import contextmanager
from pathlib import Path

import torch

from . import checkpoints


class Callback:
    """Does nothing at each of the moments; override those you need. Its `state` dict travels with checkpoints."""

    def __init__(self):
        self.state = {}

    def on_fit_start(self, trainer):
        """Before the first step of a `fit`."""

    def on_step_end(self, trainer):
        """After each step."""

    def on_epoch_end(self, trainer):
        """After each epoch, when its row is the last of `trainer.history`."""

    def on_fit_end(self, trainer):
        """After the last epoch of a `fit`."""

    def on_interrupt(self, trainer):
        """After Ctrl-C, when the step in hand is done."""

    def state_dict(self):
        return self.state

    def load_state_dict(self, state):
        self.state = state


def cosine(progress, *, hold=0.0):
    """1 for the share `hold` of the run, then down to 0 along half a cosine (Loshchilov and Hutter, 2017)."""
    return (1 + math.cos(math.pi * max(0.0, progress - hold) / (1 - hold))) / 2


def one_cycle(progress, *, warm_up=0.25):
    """Straight up from 0 to 1 for the share `warm_up` of the run, then straight down to 0 (after Smith, 2018)."""
    return progress / warm_up if progress < warm_up else (1 - progress) / (1 - warm_up)


class Schedule(Callback):
    """Multiplies every optimizer's learning rate by shape(progress), progress running from 0 to 1 over `epochs`.

    The rate follows from the step alone, so there is nothing to save. After `epochs` it stays at its last value.
    """

    def __init__(self, shape, *, epochs):
        super().__init__()
        self.shape, self.epochs = shape, epochs

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


class EarlyStopping(Callback):
    """Stops when `metric` has not improved for `patience` epochs, and puts back the weights of its best epoch.

    metric: a name in the history. higher_is_better: False for a loss, True for an accuracy.
    """

    def __init__(self, metric="validation_loss", *, patience=5, higher_is_better=False):
        super().__init__()
        self.metric, self.patience, self.higher_is_better = metric, patience, higher_is_better

    def on_epoch_end(self, trainer):
        row = trainer.history[-1]
        if self.metric not in row:
            raise ValueError(
                f"EarlyStopping watches {self.metric!r}, but the history has {', '.join(row)}; pass validation= to fit."
            )
        value = row[self.metric] * (-1 if self.higher_is_better else 1)
        if not self.state or value < self.state["value"]:
            parts = {name: copy.deepcopy(part.state_dict()) for name, part in trainer.parts.items()}
            self.state = {"value": value, "epoch": row["epoch"], "parts": parts}
        trainer.should_stop |= row["epoch"] - self.state["epoch"] >= self.patience

    def on_fit_end(self, trainer):
        if self.state:
            _put(trainer, self.state["parts"])


class EMA(Callback):
    """Keeps an exponential moving average of the weights: after each step, decay x average + (1 - decay) x weights.

    Inside `with ema.applied(trainer):` the networks carry the averaged weights, to evaluate or to sample from.
    """

    def __init__(self, decay=0.999):
        super().__init__()
        self.decay = decay

    def on_fit_start(self, trainer):
        for name, part in trainer.parts.items():
            weights = part.state_dict()
            saved = self.state.get(name, weights)  # on the CPU, if it comes from a checkpoint
            self.state[name] = {key: saved[key].detach().to(tensor.device, copy=True) for key, tensor in weights.items()}

    @torch.no_grad()
    def on_step_end(self, trainer):
        for name, part in trainer.parts.items():
            for key, tensor in part.state_dict().items():
                if tensor.is_floating_point():
                    self.state[name][key].lerp_(tensor, 1 - self.decay)
                else:  # a count, such as batch norm's
                    self.state[name][key].copy_(tensor)

    @contextmanager
    def applied(self, trainer):
        """Inside, the networks carry the averaged weights."""
        own = {name: copy.deepcopy(part.state_dict()) for name, part in trainer.parts.items()}
        _put(trainer, self.state)
        try:
            yield
        finally:
            _put(trainer, own)


class SampleGrid(Callback):
    """Draws `count` samples from the same noise every `every` epochs, so that what changes is the learning.

    The objective has `sample(count, generator)`, which returns images (count, C, H, W). `grids` collects them on the CPU,
    an (epoch, images) pair each.
    """

    def __init__(self, *, count=64, every=1, seed=0):
        super().__init__()
        self.count, self.every, self.seed = count, every, seed
        self.grids = []

    @torch.no_grad()
    def on_epoch_end(self, trainer):
        if trainer.epoch % self.every == 0:
            trainer.objective.eval()
            noise = torch.Generator().manual_seed(self.seed)  # on the CPU: the same noise everywhere
            self.grids.append((trainer.epoch, trainer.objective.sample(self.count, noise).cpu()))


class Track(Callback):
    """Sends each epoch's row of the history to one of Accelerate's trackers, from the first process.

    tracker: such as `accelerate.tracking.TensorBoardTracker("mlp", "runs")`, which `tensorboard --logdir runs` shows;
    Weights & Biases, MLflow and others have one too.
    """

    def __init__(self, tracker):
        super().__init__()
        self.tracker, self._started = tracker, False

    def on_fit_start(self, trainer):
        if not self._started:
            self.tracker.start()
            self._started = True

    def on_epoch_end(self, trainer):
        self.tracker.log({name: value for name, value in trainer.history[-1].items() if name != "step"}, step=trainer.step)


class Checkpoints(Callback):
    """Writes a checkpoint into `folder` every `every` steps, after Ctrl-C and at the end; keeps the last `keep`.

    config: what a program needs to build the networks again, joined to the checkpoint's config.json.
    """

    def __init__(self, folder, *, every=500, keep=2, config=None):
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
            for old in checkpoints.every(self.folder)[: -self.keep]:
                shutil.rmtree(old)


def _put(trainer, weights):
    for name, part in trainer.parts.items():
        part.load_state_dict(weights[name])
