"""The one training loop."""

import copy
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch
from torch.nn.utils import clip_grad_norm_

from . import __version__, checkpoints, contract, runtime
from .data import batches
from .interrupts import Interrupt
from .progress import Progress

CHECK_EVERY = 100  # steps from one look at the losses to the next: a look waits for the device and copies the state


class Trainer:
    """Trains the parts of an objective: one optimizer step for each loss that it yields.

    objective: an `Objective`.
    optimizers: a function from parameters to a torch optimizer, such as `partial(torch.optim.Adam, lr=1e-3)`, or a dict of
        one for each part.
    batch_size: examples in a step, over all processes together.
    seed: of the shuffling, and of the noise of evaluations.
    max_grad_norm: the longest gradient of a part; a longer one is scaled down to it. None leaves it as it is.
    accumulation_steps: pieces that each batch is cut into, to be worked through one after another; the step is that of the
        whole batch, for the memory of a piece.
    callbacks: see `course_lib.callbacks`.
    progress: whether to show how far it is.

    `history` holds a dict for each epoch, in which losses and metrics are means over examples.
    """

    def __init__(
        self,
        objective,
        optimizers: Callable | dict[str, Callable],
        *,
        batch_size: int = 128,
        seed: int = 0,
        max_grad_norm: float | None = None,
        accumulation_steps: int = 1,
        callbacks: Iterable = (),
        progress: bool = True,
    ):
        self.batch_size = contract.whole_number("batch_size", batch_size, at_least=1)
        self.seed = contract.whole_number("seed", seed, at_least=0)
        self.accumulation_steps = contract.whole_number("accumulation_steps", accumulation_steps, at_least=1)
        self.accelerator, self._made_for = runtime.accelerator(), runtime.choices()
        self.objective = objective.to(runtime.device(), memory_format=runtime.memory_format())
        self.parts = {name: getattr(objective, name) for name in objective.parts}
        optimizers = optimizers if isinstance(optimizers, dict) else dict.fromkeys(self.parts, optimizers)
        if optimizers.keys() != self.parts.keys():
            raise ValueError(f"Expected an optimizer for each of {', '.join(self.parts)}; got {', '.join(optimizers)}.")
        runtime.start_together(objective, seed)
        self.optimizers = {name: optimizers[name](part.parameters()) for name, part in self.parts.items()}
        self.learning_rates = {name: [group["lr"] for group in o.param_groups] for name, o in self.optimizers.items()}
        self.callbacks = sorted(callbacks, key=lambda callback: callback.saves)  # those that save, last
        self.max_grad_norm, self.progress = max_grad_norm, progress
        self.epoch = self.step = self.batches_done = 0  # epochs and steps so far; batches of the epoch in hand
        self.totals = {"examples": 0}  # sums over the epoch in hand, one for each part's losses
        self.history = []
        self.should_stop = False  # a callback sets it to end the training after this epoch
        self._unchecked = []  # (step, part, "loss", sum over examples, still on the device) since the last check
        self._interrupted = Interrupt()

    def fit(self, train, epochs: int, *, validation=None) -> list[dict]:
        """Train for `epochs` more passes over `train`, evaluating on `validation` after each; returns the history.

        Afterwards the networks are in evaluation mode. After an interruption the epoch in hand is finished first and counts as
        one. Ctrl-C lets the step end, keeps what was learned and raises KeyboardInterrupt. Raises FloatingPointError, which
        names the step, when a loss or weight is not finite; the weights are then those of the last check, at most 100 steps
        before. Raises TypeError or ValueError for data that the objective does not take and for losses not (part, (B,)).
        """
        last, self.should_stop = self.epoch + contract.whole_number("epochs", epochs, at_least=0), False
        for dataset in (train,) if validation is None else (train, validation):
            self._check_data(dataset)
        share = {"rank": self.accelerator.process_index, "world": self.accelerator.num_processes}
        self.steps_per_epoch = len(batches(len(train), self.batch_size, epoch=0, seed=self.seed, **share))
        self._keep()
        with (
            runtime.mixed_precision(self.parts),
            self._interrupted.waits(),
            self._around("fitting"),
            Progress(self, last) as bar,
        ):
            self._call("on_fit_start")
            while self.epoch < last and not self.should_stop:
                started, done_before = time.perf_counter(), self.totals["examples"]
                order = batches(len(train), self.batch_size, epoch=self.epoch, seed=self.seed, **share)
                self.objective.train()
                for index, size in order[self.batches_done :]:
                    self._train_step([train.batch(piece) for piece in index.chunk(self.accumulation_steps)], size)
                    self._call("on_step_end")
                    if self.step % CHECK_EVERY == 0 or (self._interrupted and share["world"] == 1):
                        self._check()
                    bar.update()
                self._check()
                seconds = time.perf_counter() - started
                self._end_epoch(validation, seconds, (self.totals["examples"] - done_before) / seconds)
                bar.epoch_ended()
            self.objective.eval()
            self._call("on_fit_end")
        return self.history

    def _train_step(self, pieces, size):
        """One step on each part for which the objective yields a loss; `size` counts the batch over all processes."""
        first, *others = (contract.losses(self.objective, piece) for piece in pieces)
        for part, loss in first:  # loss: (B,)
            optimizer, weights = self.optimizers[part], [p for p in self.parts[part].parameters() if p.requires_grad]
            optimizer.zero_grad()
            for each in (loss, *(next(losses)[1] for losses in others)):  # one piece's graph at a time
                mean = each.sum() * (self.accelerator.num_processes / size)
                mean.backward(inputs=weights)  # the other parts get no gradient
                self._unchecked.append((self.step + 1, part, "loss", each.detach().sum()))
            runtime.average_over_processes([weight.grad for weight in weights if weight.grad is not None])
            if self.max_grad_norm is not None:
                clip_grad_norm_(weights, self.max_grad_norm)
            optimizer.step()
        self.step += 1
        self.batches_done += 1
        self.totals["examples"] += size

    def _end_epoch(self, validation, seconds, examples_per_second):
        buffers = [buffer for buffer in self.objective.buffers() if buffer.is_floating_point()]  # batch norm's
        runtime.average_over_processes(buffers)
        self.epoch, self.batches_done = self.epoch + 1, 0
        examples = self.totals.pop("examples")
        names = {part: "loss" if len(self.parts) == 1 else f"{part}_loss" for part in self.parts}
        row = {"epoch": self.epoch, "step": self.step} | {names[part]: total / examples for part, total in self.totals.items()}
        if validation is not None:
            row |= {f"validation_{name}": value for name, value in self.evaluate(validation).items()}
        self.history.append(row | {"seconds": seconds, "examples_per_second": examples_per_second})
        self.totals = {"examples": 0}
        self._call("on_epoch_end")

    @torch.no_grad()
    def evaluate(self, dataset) -> dict[str, float]:
        """The objective's metrics, each the mean over all examples of `dataset`; noise is drawn from the trainer's seed."""
        self._check_data(dataset)
        rank, world, sums = self.accelerator.process_index, self.accelerator.num_processes, defaultdict(list)
        with runtime.mixed_precision(self.parts), self.evaluating():
            for index in torch.arange(len(dataset), device=runtime.device())[rank::world].split(self.batch_size):
                for name, values in contract.metrics(self.objective, dataset.batch(index)).items():  # values: (B,)
                    sums[name].append(values.sum())
        totals = runtime.sum_over_processes(torch.stack([torch.stack(values).sum() for values in sums.values()]))
        return {name: total / len(dataset) for name, total in zip(sums, totals, strict=True)}

    @torch.no_grad()
    def predict(self, dataset) -> torch.Tensor:
        """The objective's predictions for every example, in order, on the device; each process makes them all."""
        self._check_data(dataset)
        with runtime.mixed_precision(self.parts), self.evaluating():
            order = torch.arange(len(dataset), device=runtime.device()).split(self.batch_size)
            return torch.cat([self.objective.predict(dataset.batch(index)[0]) for index in order])

    @contextmanager
    def evaluating(self):
        """Inside, the objective is in evaluation mode, with averaged weights if an `EMA` keeps some, and noise of its own.

        Afterwards mode, weights and the random generator are as they were: a measure does not change a training.
        """
        with runtime.own_random(self.seed), runtime.evaluation_mode(self.objective), self._around("evaluating"):
            yield

    def state_dict(self) -> dict:
        """Everything that going on needs: weights ("parts"), optimizers, callbacks, random state, and how far it is."""
        return {
            "parts": {name: part.state_dict() for name, part in self.parts.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "callbacks": [(type(callback).__name__, callback.state_dict()) for callback in self.callbacks],
            "random": runtime.random_states(),
            "progress": {name: getattr(self, name) for name in contract.PROGRESS},
        }

    def load_state_dict(self, state: dict) -> None:
        """Go back to a state that `state_dict` gave, here or in an earlier run.

        Raises ValueError, with nothing changed, for a state that is not as this trainer's.
        """
        contract.state(state, self.state_dict())
        state = copy.deepcopy(state)
        runtime.set_random_state(state["random"][min(self.accelerator.process_index, len(state["random"]) - 1)])
        for name, part in self.parts.items():
            part.load_state_dict(state["parts"][name])
            self.optimizers[name].load_state_dict(state["optimizers"][name])
        for callback in self.callbacks:  # those of a kind in their order
            kinds = [kind for kind, _ in state["callbacks"]]
            callback.load_state_dict(state["callbacks"].pop(kinds.index(type(callback).__name__))[1])
        for name in contract.PROGRESS:
            setattr(self, name, state["progress"][name])
        self._unchecked = []

    def save(self, folder: str | Path, **config) -> Path:
        """Write a checkpoint into `folder`; `config` joins its config.json. Returns its path."""
        self._check()
        state = self.state_dict()
        description = {"course_lib": __version__, "objective": type(self.objective).__name__} | state["progress"] | config
        with self.evaluating():  # the weights to use, averaged ones if there are any
            weights = {name: copy.deepcopy(part.state_dict()) for name, part in self.parts.items()}
        if self.accelerator.is_main_process:
            checkpoints.save(folder, state, weights, description)
        self.accelerator.wait_for_everyone()
        return checkpoints.step_folder(folder, self.step)

    def resume(self, folder: str | Path) -> None:
        """Go on from the last complete checkpoint in `folder`, on CPU bit for bit as if it had never stopped."""
        self.load_state_dict(checkpoints.load(checkpoints.latest(folder), self.state_dict()))

    def _check_data(self, dataset):
        """Raises TypeError or ValueError for data that the objective does not take, RuntimeError after another `configure`."""
        runtime.check_choices(self._made_for)
        contract.dataset(dataset)
        with self.evaluating():
            self.objective.check(dataset)

    def _check(self):
        """Add the losses since the last check to the epoch's sums, look for what is not finite, and for Ctrl-C."""
        if not (self._unchecked or self._interrupted) and self.accelerator.num_processes == 1:
            return  # the check of a moment ago
        for part, module in self.parts.items():
            weights = sum(weight.detach().float().sum() for weight in module.parameters())
            self._unchecked.append((self.step, part, "sum of weights", weights))
        stop = torch.tensor(float(bool(self._interrupted)), device=runtime.device())
        *values, interrupted = runtime.sum_over_processes(torch.stack([*(sums for *_, sums in self._unchecked), stop]))
        for (step, part, what, _), value in zip(self._unchecked, values, strict=True):
            if not math.isfinite(value):
                self.load_state_dict(self._good)
                raise FloatingPointError(contract.not_finite(f"{what} of the {part}", value, step, back_at=self.step))
            if what == "loss":
                self.totals[part] = self.totals.get(part, 0.0) + value
        self._unchecked = []
        if interrupted:
            self._interrupted.clear()
            self._call("on_interrupt")
            raise KeyboardInterrupt(f"Stopped after step {self.step}. What was learned is kept, and fit() goes on from here.")
        self._keep()

    def _keep(self):
        """A copy of the state to go back to. Rows of the history stay as they are, and are not copied."""
        self._good = None  # its memory back first: to take new memory costs more than to copy
        self._good = copy.deepcopy(self.state_dict(), {id(self.history): list(self.history)})

    @contextmanager
    def _around(self, what):
        """Inside each callback's context for `what`: "fitting" or "evaluating"."""
        with ExitStack() as stack:
            for callback in self.callbacks:
                stack.enter_context(getattr(callback, what)(self))
            yield

    def _call(self, moment):
        for callback in self.callbacks:
            getattr(callback, moment)(self)
