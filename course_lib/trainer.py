"""The one training loop."""

import copy
import math
import signal
import threading
import time
from collections import defaultdict
from contextlib import contextmanager

import torch
from accelerate.utils import broadcast, convert_outputs_to_fp32, gather_object

from . import __version__, checkpoints, runtime
from .data import batches
from .progress import Progress

CHECK_EVERY = 100  # steps from one look at the losses to the next: a look waits for the device and copies the state


class Trainer:
    """Trains the parts of an objective: one optimizer step for each loss that it yields.

    objective: an `Objective`. optimizers: a function from parameters to a torch optimizer, such as
    `partial(torch.optim.Adam, lr=1e-3)`, or a dict of one for each part. batch_size: examples in a step, over all
    processes together. seed: of the shuffling. callbacks: see `course_lib.callbacks`. progress: whether to show it.
    `history` holds a dict for each epoch, in which losses and metrics are means over examples.
    """

    def __init__(self, objective, optimizers, *, batch_size=128, seed=0, callbacks=(), progress=True):
        self.accelerator = runtime.accelerator()
        self.objective = objective.to(runtime.device(), memory_format=runtime.memory_format())
        self.parts = {name: getattr(objective, name) for name in objective.parts}
        if not isinstance(optimizers, dict):
            optimizers = dict.fromkeys(self.parts, optimizers)
        if optimizers.keys() != self.parts.keys():
            raise ValueError(f"Expected an optimizer for each of {', '.join(self.parts)}; got {', '.join(optimizers)}.")
        if self.accelerator.num_processes > 1:  # the same weights in every process, but noise and dropout of its own
            broadcast([tensor.data for tensor in objective.state_dict().values()])
            torch.manual_seed(seed + self.accelerator.process_index)
        self.optimizers = {name: optimizers[name](part.parameters()) for name, part in self.parts.items()}
        self.learning_rates = {name: [group["lr"] for group in o.param_groups] for name, o in self.optimizers.items()}
        self.batch_size, self.seed, self.callbacks, self.progress = batch_size, seed, list(callbacks), progress
        self.epoch = self.step = self.batches_done = 0  # epochs and steps so far; batches of the epoch in hand
        self.totals = {"examples": 0}  # sums over the epoch in hand, one for each part's losses
        self.history = []
        self.should_stop = False  # a callback sets it to end the training after this epoch
        self._unchecked = []  # (step, part, sum of the losses, still on the device) since the last check
        self._interrupted = threading.Event()

    def fit(self, train, epochs, *, validation=None):
        """Train for `epochs` more passes over `train`, evaluating on `validation` after each; returns the history.

        After an interruption the epoch in hand is finished first and counts as one. Ctrl-C lets the step end, keeps what was
        learned and raises KeyboardInterrupt. Raises FloatingPointError, which names the step, when a loss is not finite;
        the weights are then those of the last check, at most 100 steps before, when all was well.
        """
        last, self.should_stop = self.epoch + epochs, False
        share = {"rank": self.accelerator.process_index, "world": self.accelerator.num_processes}
        self.steps_per_epoch = len(batches(len(train), self.batch_size, epoch=0, seed=self.seed, **share))
        self._good = copy.deepcopy(self.state_dict())
        with self._mixed_precision(), self._ctrl_c_waits(), Progress(self, last) as bar:
            self._call("on_fit_start")
            while self.epoch < last and not self.should_stop:
                started, done_before = time.perf_counter(), self.totals["examples"]
                order = batches(len(train), self.batch_size, epoch=self.epoch, seed=self.seed, **share)
                self.objective.train()
                for index, size in order[self.batches_done :]:
                    self._train_step(train.batch(index), size)
                    self._call("on_step_end")
                    if self.step % CHECK_EVERY == 0 or (self._interrupted.is_set() and share["world"] == 1):
                        self._check()
                    bar.update()
                self._check()
                seconds = time.perf_counter() - started
                self._end_epoch(validation, seconds, (self.totals["examples"] - done_before) / seconds)
                bar.epoch_ended()
            self._call("on_fit_end")
        return self.history

    def _train_step(self, batch, size):
        """One step on each part for which the objective yields a loss; `size` counts the batch over all processes."""
        for part, loss in self.objective.losses(batch):  # loss: (B,)
            optimizer = self.optimizers[part]
            optimizer.zero_grad()
            mean = loss.sum() * (self.accelerator.num_processes / size)
            mean.backward(inputs=list(self.parts[part].parameters()))  # the other parts get no gradient
            self._average([p.grad for p in self.parts[part].parameters() if p.grad is not None])
            optimizer.step()
            self._unchecked.append((self.step + 1, part, loss.detach().sum()))
        self.step += 1
        self.batches_done += 1
        self.totals["examples"] += size

    def _end_epoch(self, validation, seconds, examples_per_second):
        self._average([buffer for buffer in self.objective.buffers() if buffer.is_floating_point()])  # batch norm's
        self.epoch, self.batches_done = self.epoch + 1, 0
        examples = self.totals.pop("examples")
        means = {part: total / examples for part, total in self.totals.items()}
        row = {"epoch": self.epoch, "step": self.step}
        row |= {"loss" if len(self.parts) == 1 else f"{part}_loss": mean for part, mean in means.items()}
        if validation is not None:
            row |= {f"validation_{name}": value for name, value in self.evaluate(validation).items()}
        self.history.append(row | {"seconds": seconds, "examples_per_second": examples_per_second})
        self.totals = {"examples": 0}
        self._call("on_epoch_end")

    @torch.no_grad()
    def evaluate(self, dataset):
        """The objective's metrics, each the mean over all examples of `dataset`: a dict of floats."""
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        sums = defaultdict(list)
        self.objective.eval()
        with self._mixed_precision():
            for index in self._in_order(dataset)[rank::world].split(self.batch_size):
                for name, values in self.objective.metrics(dataset.batch(index)).items():  # values: (B,)
                    sums[name].append(values.sum())
        totals = self._over_processes(torch.stack([torch.stack(values).sum() for values in sums.values()]))
        return {name: total / len(dataset) for name, total in zip(sums, totals, strict=True)}

    @torch.no_grad()
    def predict(self, dataset):
        """The objective's predictions for every example, in order, on the device; each process makes them all."""
        self.objective.eval()
        with self._mixed_precision():
            order = self._in_order(dataset).split(self.batch_size)
            return torch.cat([self.objective.predict(dataset.batch(index)) for index in order])

    def state_dict(self):
        """Everything that going on needs: weights ("parts"), optimizers, callbacks, random state, and how far it is."""
        random = {"cpu": torch.get_rng_state()}
        if self.accelerator.device.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state()
        progress = ("epoch", "step", "batches_done", "totals", "history")
        return {
            "parts": {name: part.state_dict() for name, part in self.parts.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "callbacks": [callback.state_dict() for callback in self.callbacks],
            "random": gather_object([random]),
            "progress": {name: getattr(self, name) for name in progress},
        }

    def load_state_dict(self, state):
        """Go back to a state that `state_dict` gave, here or in an earlier run."""
        state = copy.deepcopy(state)
        if len(state["callbacks"]) != len(self.callbacks):
            raise ValueError(
                f"Expected the {len(state['callbacks'])} callbacks of the run that was saved, got {len(self.callbacks)}."
            )
        for name, part in self.parts.items():
            part.load_state_dict(state["parts"][name])
            self.optimizers[name].load_state_dict(state["optimizers"][name])
        for callback, saved in zip(self.callbacks, state["callbacks"], strict=True):
            callback.load_state_dict(saved)
        random = state["random"][min(self.accelerator.process_index, len(state["random"]) - 1)]
        torch.set_rng_state(random["cpu"])
        if "cuda" in random and self.accelerator.device.type == "cuda":
            torch.cuda.set_rng_state(random["cuda"])
        vars(self).update(state["progress"])
        self._unchecked = []

    def save(self, folder, **config):
        """Write a checkpoint into `folder`; `config` joins its config.json. Returns its path."""
        self._check()
        state = self.state_dict()
        description = {"course_lib": __version__, "objective": type(self.objective).__name__} | state["progress"] | config
        if self.accelerator.is_main_process:
            checkpoints.save(folder, state, description)
        self.accelerator.wait_for_everyone()

    def resume(self, folder):
        """Go on from the last complete checkpoint in `folder`, on CPU bit for bit as if it had never stopped."""
        like = {name: part.state_dict() for name, part in self.parts.items()}
        self.load_state_dict(checkpoints.load(checkpoints.latest(folder), like))

    def _check(self):
        """Add the losses since the last check to the epoch's sums, look for one that is not finite, and for Ctrl-C."""
        sums = [loss for _, _, loss in self._unchecked] + [
            torch.tensor(float(self._interrupted.is_set()), device=runtime.device())
        ]
        *values, interrupted = self._over_processes(torch.stack(sums))
        for (step, part, _), value in zip(self._unchecked, values, strict=True):
            if not math.isfinite(value):
                self.load_state_dict(self._good)
                raise FloatingPointError(
                    f"The loss of the {part} was {value} at step {step}. Weights and optimizer are back at step {self.step}, "
                    "the last check with finite losses. Usual causes: a learning rate too high, the log or root of zero, "
                    "data that are not finite."
                )
            self.totals[part] = self.totals.get(part, 0.0) + value
        self._unchecked = []
        if interrupted:
            self._interrupted.clear()
            self._call("on_interrupt")
            raise KeyboardInterrupt(f"Stopped after step {self.step}. What was learned is kept, and fit() goes on from here.")
        self._good = None  # first its memory back: to take new memory costs more than to copy
        self._good = copy.deepcopy(self.state_dict())

    def _in_order(self, dataset):
        """The indices of all examples; raises ValueError when there are none."""
        if not len(dataset):
            raise ValueError("Expected a data set with at least one example, got an empty one.")
        return torch.arange(len(dataset), device=runtime.device())

    def _over_processes(self, sums):
        """The sums (n,) over all processes, as a list of floats; this waits for the device."""
        return self.accelerator.reduce(sums, "sum").tolist()

    def _average(self, tensors):
        """Give every process the mean over processes of each tensor, in place, in one message."""
        if self.accelerator.num_processes == 1 or not tensors:
            return
        mean = self.accelerator.reduce(torch.cat([tensor.flatten() for tensor in tensors]), "mean")
        for tensor, values in zip(tensors, mean.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(values.view_as(tensor))

    @contextmanager
    def _mixed_precision(self):
        """Inside, the forward pass of each part runs in the chosen precision and returns float32."""
        wrapped = [part for part in self.parts.values() if "forward" not in vars(part)]
        if runtime.precision() == "fp32":
            wrapped = []
        for part in wrapped:
            part.forward = convert_outputs_to_fp32(self.accelerator.autocast()(part.forward))
        try:
            yield
        finally:
            for part in wrapped:
                del part.forward

    @contextmanager
    def _ctrl_c_waits(self):
        """Inside, Ctrl-C only leaves word that it was pressed; a second one acts at once."""
        self._interrupted.clear()
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def leave_word(number, frame):
            signal.signal(signal.SIGINT, before)
            self._interrupted.set()

        before = signal.signal(signal.SIGINT, leave_word)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _call(self, moment):
        for callback in self.callbacks:
            getattr(callback, moment)(self)
