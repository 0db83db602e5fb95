"""Each callback on a run of a few steps."""

from functools import partial

import pytest
import torch
from accelerate.tracking import TensorBoardTracker
from torch import nn

from course_lib import checkpoints, data, runtime
from course_lib.callbacks import EMA, Callback, Checkpoints, EarlyStopping, LRSchedule, SampleGrid, Track, cosine, one_cycle
from course_lib.models import MLP
from course_lib.objectives import Classification, Objective
from course_lib.trainer import Trainer

sgd = partial(torch.optim.SGD, lr=0.1)


def run(callbacks, *, epochs=3, **options):
    runtime.set_seed(0)
    trainer = Trainer(Classification(MLP((2, 8, 3))), sgd, batch_size=10, callbacks=callbacks, progress=False)
    trainer.fit(data.spirals(40), epochs, **options)
    return trainer


def test_callbacks_are_called_in_order():
    class Log(Callback):
        def __init__(self):
            super().__init__()
            self.moments = []

        def on_fit_start(self, trainer):
            self.moments.append("fit start")

        def on_step_end(self, trainer):
            self.moments.append(trainer.step)

        def on_epoch_end(self, trainer):
            self.moments.append(f"epoch {trainer.history[-1]['epoch']}")

        def on_fit_end(self, trainer):
            self.moments.append("fit end")

    log = Log()
    run([log], epochs=2)
    assert log.moments == ["fit start", 1, 2, 3, 4, "epoch 1", 5, 6, 7, 8, "epoch 2", "fit end"]


@pytest.mark.parametrize(
    ("shape", "at_zero", "at_half", "at_one"),
    [
        (cosine, 1.0, 0.5, 0.0),
        (partial(cosine, hold=0.5), 1.0, 1.0, 0.0),
        (partial(cosine, hold=0.25), 1.0, 0.75, 0.0),
        (one_cycle, 0.0, 2 / 3, 0.0),
        (partial(one_cycle, warm_up=0.5), 0.0, 1.0, 0.0),
    ],
)
def test_shapes_of_schedules(shape, at_zero, at_half, at_one):
    assert (shape(0.0), shape(0.5), shape(1.0)) == pytest.approx((at_zero, at_half, at_one))


def test_schedule_sets_the_rate_of_each_step():
    class Rates(Callback):
        def on_step_end(self, trainer):
            self.state.setdefault("rates", []).append(trainer.optimizers["classifier"].param_groups[0]["lr"])

    rates = Rates()  # before the schedule, so that it sees the rate of the step that has just been made
    run([rates, LRSchedule(lambda progress: progress, epochs=2)], epochs=3)
    assert rates.state["rates"] == pytest.approx([0.1 * (step + 0.5) / 8 for step in range(8)] + [0.1] * 4)


def test_early_stopping_restores_the_best_weights():
    class Worse(Callback):
        """Lets the run learn for two epochs and then ruins it."""

        def on_epoch_end(self, trainer):
            if trainer.epoch == 2:
                self.state["best"] = trainer.objective.classifier.layers[0].weight.detach().clone()
                trainer.optimizers["classifier"].param_groups[0]["lr"] = -1.0

    worse, stop = Worse(), EarlyStopping(patience=2)
    trainer = run([worse, stop], epochs=50, validation=data.spirals(40))
    assert trainer.epoch == 4
    assert stop.state["epoch"] == 2
    assert torch.equal(trainer.objective.classifier.layers[0].weight, worse.state["best"])


def test_early_stopping_on_an_accuracy_looks_for_the_highest():
    stop = EarlyStopping("validation_accuracy", patience=100, higher_is_better=True)
    trainer = run([stop], epochs=6, validation=data.spirals(40))
    best = max(row["validation_accuracy"] for row in trainer.history)
    assert trainer.evaluate(data.spirals(40))["accuracy"] == pytest.approx(best)


def test_early_stopping_names_what_it_can_watch():
    with pytest.raises(ValueError, match="watches 'validation_loss', but the history has epoch, step, loss"):
        run([EarlyStopping()])


def test_ema_is_the_recursion_of_the_weights():
    class Weights(Callback):
        def on_fit_start(self, trainer):
            self.state["seen"] = [trainer.objective.classifier.layers[0].weight.detach().clone()]

        def on_step_end(self, trainer):
            self.state["seen"].append(trainer.objective.classifier.layers[0].weight.detach().clone())

    weights, ema = Weights(), EMA(decay=0.9)
    trainer = run([weights, ema], epochs=1)
    expected, *later = weights.state["seen"]
    for seen in later:
        expected = 0.9 * expected + 0.1 * seen
    with trainer.evaluating():
        torch.testing.assert_close(trainer.objective.classifier.layers[0].weight.detach(), expected)
    assert torch.equal(trainer.objective.classifier.layers[0].weight, weights.state["seen"][-1])


def test_ema_goes_on_over_fits_and_resumes(tmp_path):
    once, first, second = EMA(decay=0.9), EMA(decay=0.9), EMA(decay=0.9)
    run([once], epochs=2)
    trainer = run([first], epochs=1)
    trainer.save(tmp_path)
    again = Trainer(
        Classification(MLP((2, 8, 3))), partial(torch.optim.SGD, lr=0.1), batch_size=10, callbacks=[second], progress=False
    )
    again.resume(tmp_path)
    again.fit(data.spirals(40), 1)
    assert all(
        torch.equal(once.state["classifier"][name], second.state["classifier"][name]) for name in once.state["classifier"]
    )


def test_sample_grids_come_from_the_same_noise():
    class Generative(Objective):
        parts = ("generator",)

        def __init__(self):
            super().__init__()
            self.generator = nn.Linear(2, 4)

        def losses(self, batch):
            yield "generator", self.generator(batch[0]).square().sum(1)

        def sample(self, count, generator):
            return self.generator(torch.randn(count, 2, generator=generator)).view(count, 1, 2, 2)

    def grids(learning_rate):
        grid = SampleGrid(count=5, every=2, seed=3)
        runtime.set_seed(0)
        trainer = Trainer(
            Generative(), partial(torch.optim.SGD, lr=learning_rate), batch_size=10, callbacks=[grid], progress=False
        )
        trainer.fit(data.spirals(20), 4)
        return grid.grids

    still, moving = grids(0.0), grids(0.1)
    assert [epoch for epoch, _ in still] == [2, 4]
    assert still[0][1].shape == (5, 1, 2, 2)
    assert torch.equal(still[0][1], still[1][1])
    assert not torch.equal(moving[0][1], moving[1][1])


def test_track_writes_what_tensorboard_reads(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trainer = run([Track(TensorBoardTracker("spirals", tmp_path))], epochs=3)
    events = EventAccumulator(str(tmp_path / "spirals")).Reload()
    values = [event.value for event in events.Scalars("loss")]
    assert values == pytest.approx([row["loss"] for row in trainer.history])
    assert [event.step for event in events.Scalars("loss")] == [4, 8, 12]


def test_checkpoints_every_n_steps_and_at_the_end(tmp_path):
    run([Checkpoints(tmp_path, every=3, keep=2, config={"model": "mlp"})], epochs=2)
    assert [folder.name for folder in checkpoints.every(tmp_path)] == ["step-00000006", "step-00000008"]
    saved = checkpoints.config(checkpoints.latest(tmp_path))
    assert saved["model"] == "mlp"
    assert saved["step"] == 8
    assert len(saved["history"]) == 2


def test_the_order_of_callbacks_does_not_matter_to_what_is_saved(tmp_path):
    ends = []
    for order in (0, 1):
        folder = tmp_path / str(order)
        pair = [Checkpoints(folder, every=100), EarlyStopping("loss", patience=99), EMA(0.9)]
        trainer = run(pair[::-1] if order else pair, epochs=3)
        ends.append((checkpoints.latest(folder) / "classifier.safetensors").read_bytes())
        again = Trainer(Classification(MLP((2, 8, 3))), sgd, batch_size=10, callbacks=trainer.callbacks, progress=False)
        again.resume(folder)
    assert ends[0] == ends[1]


def test_early_stopping_puts_back_the_average_of_the_best_epoch_too():
    average, stop = EMA(0.5), EarlyStopping(patience=99)
    trainer = run([stop, average], epochs=8, validation=data.spirals(40))
    best = min(row["validation_loss"] for row in trainer.history)
    assert trainer.evaluate(data.spirals(40))["loss"] == pytest.approx(best, rel=1e-6)


def test_a_first_nan_is_not_the_best_for_ever():
    stop = EarlyStopping("validation_loss", patience=99)

    class Nan(Callback):
        def on_epoch_end(self, trainer):
            if trainer.epoch == 1:
                trainer.history[-1]["validation_loss"] = float("nan")

    run([Nan(), stop], epochs=3, validation=data.spirals(40))
    assert stop.state["epoch"] > 1


def test_states_go_to_callbacks_of_their_kind_whatever_the_order(tmp_path):
    trainer = run([EMA(0.9), EarlyStopping("loss"), EMA(0.5)], epochs=1)
    trainer.save(tmp_path)
    slow, fast = EMA(0.9), EMA(0.5)
    again = Trainer(
        Classification(MLP((2, 8, 3))), sgd, batch_size=10, callbacks=[EarlyStopping("loss"), slow, fast], progress=False
    )
    again.resume(tmp_path)
    for mine, saved in zip((slow, fast), (trainer.callbacks[0], trainer.callbacks[2]), strict=True):
        assert torch.equal(mine.state["classifier"]["layers.0.weight"], saved.state["classifier"]["layers.0.weight"])


@pytest.mark.parametrize("callbacks", [[], [EMA()], [EMA(), EMA(), EarlyStopping()]])
def test_other_callbacks_than_the_saved_are_told(tmp_path, callbacks):
    run([EMA(0.9), EarlyStopping("loss")], epochs=1).save(tmp_path)
    other = Trainer(Classification(MLP((2, 8, 3))), sgd, batch_size=10, callbacks=callbacks, progress=False)
    before = other.objective.classifier.layers[0].weight.clone()
    with pytest.raises(ValueError, match=r"callbacks of the run that was saved \(EMA, EarlyStopping\), got"):
        other.resume(tmp_path)
    assert torch.equal(other.objective.classifier.layers[0].weight, before)
