"""What a training keeps to, whatever happens around it."""

import copy
import gc
import math
import os
import signal
import time

import pytest
import torch

from course_lib import data, runtime
from course_lib.callbacks import EMA, Callback, EarlyStopping, LRSchedule, SampleGrid, cosine


class At(Callback):
    """Does something after one step."""

    def __init__(self, step, action):
        super().__init__()
        self.step, self.action = step, action

    def on_step_end(self, trainer):
        if trainer.step == self.step:
            self.action(trainer)


def test_weights_that_are_not_finite_are_not_kept(make, spirals, tmp_path):
    """The loss before the last step was finite, the weights after it are not: a checkpoint of them would be the last."""

    def spoil(trainer):
        with torch.no_grad():
            trainer.objective.classifier.layers[0].weight[0, 0] = math.inf

    trainer = make(At(8, spoil))
    with pytest.raises(FloatingPointError, match=r"sum of weights of the classifier was inf at step 8\. All is back at step 4"):
        trainer.fit(spirals, 3)  # 4 steps an epoch, and at each end a look at all
    assert all(p.isfinite().all() for p in trainer.objective.parameters())
    trainer = make(At(6, spoil))
    trainer._unchecked.append((0, "classifier", "loss", torch.zeros(())))
    spoil(trainer)
    trainer._good = copy.deepcopy(make().state_dict() | {"callbacks": trainer.state_dict()["callbacks"]})
    with pytest.raises(FloatingPointError):
        trainer.save(tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_epoch_costs_the_same_however_long_the_history(make):
    row = {"epoch": 1, "step": 1, "loss": 0.5, "seconds": 0.1, "examples_per_second": 1e4}

    def seconds(epochs):
        """The least processor time of ten looks at a run of so many epochs."""
        trainer = make()
        trainer.history = [dict(row) for _ in range(epochs)]
        times = []
        gc.disable()
        for _ in range(10):
            started = time.process_time()
            trainer._keep()
            times.append(time.process_time() - started)
        gc.enable()
        return min(times)

    assert seconds(20_000) < 2 * seconds(10) + 1e-3  # copied, they would take 100 ms


def test_a_way_back_has_the_history_of_its_time(make, spirals):
    def spoil(trainer):
        with torch.no_grad():
            trainer.objective.classifier.layers[0].weight.fill_(math.nan)

    trainer = make(At(10, spoil))
    with pytest.raises(FloatingPointError):
        trainer.fit(spirals, 4)
    assert [row["epoch"] for row in trainer.history] == [1]
    assert (trainer.epoch, trainer.batches_done, trainer.step) == (1, 4, 8)  # the look was just before the epoch ended


@pytest.mark.parametrize("name", ["evaluate", "predict", "fit"])
def test_configure_after_a_trainer_is_told(make, spirals, name):
    trainer = make()
    runtime.configure(device="cpu", precision="fp32")  # what it was: nothing has changed
    trainer.fit(spirals, 1)
    runtime.configure(device="cpu", precision="bf16")
    arguments = (spirals, 1) if name == "fit" else (spirals,)
    with pytest.raises(RuntimeError, match=r"configure\(\) before the trainer is made, .* cpu in fp32, .* cpu in bf16\. Make"):
        getattr(trainer, name)(*arguments)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_whoever_asks_to_stop_keeps_what_was_learned(make, spirals, name):
    number = getattr(signal, name)
    before = signal.signal(number, signal.default_int_handler)  # not ignored, as where tests run in the background
    try:
        trainer = make(At(3, lambda _: os.kill(os.getpid(), number)))
        with pytest.raises(KeyboardInterrupt, match="Stopped after step 3"):
            trainer.fit(spirals, 3)
    finally:
        signal.signal(number, before)


def test_measuring_in_a_callback_changes_no_training(make, spirals):
    class Measure(Callback):
        def on_step_end(self, trainer):
            assert trainer.objective.training
            trainer.evaluate(spirals)
            trainer.predict(spirals)
            assert trainer.objective.training

    plain, measured = make(), make(Measure())
    for trainer in (plain, measured):
        runtime.set_seed(3)
        trainer.fit(spirals, 2, validation=spirals)
    for a, b in zip(plain.objective.parameters(), measured.objective.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: EMA(1.5), "Expected a decay of 0 or more and below 1, got 1.5"),
        (lambda: EMA(math.nan), "Expected a decay of 0 or more and below 1, got nan"),
        (lambda: EarlyStopping(patience=0), "Expected patience of 1 or more, got 0"),
        (lambda: SampleGrid(every=0), "Expected every of 1 or more, got 0"),
        (lambda: SampleGrid(count=0), "Expected count of 1 or more, got 0"),
        (lambda: LRSchedule(cosine, epochs=0), "Expected epochs of 1 or more, got 0"),
    ],
)
def test_numbers_of_callbacks(build, sentence):
    with pytest.raises(ValueError, match=sentence):
        build()


def test_masks_of_more_than_256_classes_do_not_wrap():
    masks = torch.full((1, 2, 2), 300)
    with pytest.raises(ValueError, match="at most 256 in a mask"):
        data.Images(
            torch.zeros(1, 1, 2, 2, dtype=torch.uint8), {"mask": masks}, {"mask": [str(i) for i in range(400)]}, name="many"
        )
