"""The one training loop: what it computes, and what it does when things go wrong."""

import inspect
import math
import os
import random
import signal
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from course_lib import checkpoints, data, runtime
from course_lib.callbacks import EMA, Callback
from course_lib.models import MLP, VAE, dense_vae
from course_lib.objectives import Classification, Objective, Regression, VariationalBound
from course_lib.trainer import CHECK_EVERY, Trainer

adam = partial(torch.optim.Adam, lr=1e-2)


def spiral_trainer(**options):
    runtime.set_seed(0)
    return Trainer(Classification(MLP((2, 16, 3), dropout=0.2)), adam, **{"batch_size": 32, "progress": False} | options)


def without_times(history):
    return [{k: v for k, v in row.items() if k not in ("seconds", "examples_per_second")} for row in history]


def same_weights(a, b):
    return all(
        torch.equal(x, y) for x, y in zip(a.objective.state_dict().values(), b.objective.state_dict().values(), strict=True)
    )


class At(Callback):
    """Calls `action(trainer)` after one step."""

    def __init__(self, step, action):
        super().__init__()
        self.step, self.action = step, action

    def on_step_end(self, trainer):
        if trainer.step == self.step:
            self.action(trainer)


def test_one_step_is_the_step_written_by_hand():
    spirals = data.spirals(24)
    trainer = spiral_trainer(batch_size=24)
    trainer.objective.classifier.layers[2].p = 0.0
    by_hand = MLP((2, 16, 3))
    by_hand.load_state_dict(trainer.objective.classifier.state_dict())
    optimizer = adam(by_hand.parameters())
    loss = nn.functional.cross_entropy(by_hand(spirals.points), spirals.labels)
    loss.backward()
    optimizer.step()
    row = trainer.fit(spirals, 1)[0]
    assert row["loss"] == pytest.approx(loss.item(), rel=1e-5)
    for ours, theirs in zip(trainer.objective.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_fit_learns():
    spirals = data.spirals(300)
    trainer = Trainer(Classification(MLP((2, 64, 64, 3))), adam, batch_size=32, progress=False)
    before = trainer.evaluate(spirals)["accuracy"]
    trainer.fit(spirals, 30)
    assert before < 0.6
    assert trainer.evaluate(spirals)["accuracy"] > 0.97


def test_two_fits_of_two_equal_one_of_four():
    spirals, moons = data.spirals(150), data.moons(40)
    once, twice = spiral_trainer(), spiral_trainer()
    runtime.set_seed(1)
    once.fit(spirals, 4, validation=moons)
    runtime.set_seed(1)
    twice.fit(spirals, 2, validation=moons)
    twice.fit(spirals, 2, validation=moons)
    assert same_weights(once, twice)
    assert without_times(once.history) == without_times(twice.history)
    assert [row["epoch"] for row in twice.history] == [1, 2, 3, 4]


def test_history_averages_over_examples_not_batches():
    class Constant(Objective):
        parts = ("model",)

        def __init__(self):
            super().__init__()
            self.model = nn.Linear(1, 1)

        def losses(self, batch):
            x, _ = batch
            yield "model", x[:, 0] + 0 * self.model(x[:, :1])[:, 0]

        def metrics(self, batch):
            return {"value": batch[0][:, 0]}

    values = torch.arange(10.0)
    points = data.Points(torch.stack([values, values], 1), torch.zeros(10), name="ten")
    trainer = Trainer(Constant(), torch.optim.SGD, batch_size=4, progress=False)
    row = trainer.fit(points, 1, validation=points)[0]
    assert row["loss"] == pytest.approx(4.5)
    assert row["validation_value"] == pytest.approx(4.5)
    assert row["step"] == 3


def test_fewer_examples_than_a_batch_make_one_short_batch():
    trainer = spiral_trainer(batch_size=128)
    trainer.fit(data.spirals(9), 2)
    assert trainer.step == 2


def test_each_yield_trains_its_part_alone():
    class Two(Objective):
        parts = ("first", "second")

        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(2, 1), nn.Linear(1, 1)

        def losses(self, batch):
            x, _ = batch
            yield "first", self.second(self.first(x))[:, 0].square()
            assert all(p.grad is None for p in self.second.parameters())  # no gradient from the other part's turn
            yield "second", self.second(self.first(x))[:, 0].square()

    runtime.set_seed(0)
    two = Two()
    frozen = [p.clone() for p in two.first.parameters()]
    trainer = Trainer(two, {"first": partial(torch.optim.SGD, lr=0.0), "second": adam}, batch_size=20, progress=False)
    row = trainer.fit(data.spirals(20), 1)[0]
    assert {"first_loss", "second_loss"} < row.keys()
    assert all(torch.equal(a, b) for a, b in zip(frozen, two.first.parameters(), strict=True))


def test_optimizers_must_name_the_parts():
    with pytest.raises(ValueError, match="Expected an optimizer for each of classifier; got generator"):
        Trainer(Classification(MLP((2, 3))), {"generator": adam})


def test_regression_by_mae_and_mse_reach_median_and_mean():
    from course_lib.losses import mean_absolute_error, mean_squared_error

    class Numbers:
        values = torch.tensor([[0.0], [0.0], [0.0], [8.0]])

        def __len__(self):
            return 4

        def batch(self, index):
            return torch.ones(len(self.values[index]), 1), self.values[index]

    outcomes = {}
    for loss in (mean_absolute_error, mean_squared_error):
        runtime.set_seed(0)
        trainer = Trainer(
            Regression(nn.Linear(1, 1), loss=loss), partial(torch.optim.SGD, lr=0.02), batch_size=4, progress=False
        )
        trainer.fit(Numbers(), 400)
        outcomes[loss] = trainer.predict(Numbers())[0].item()
    assert outcomes[mean_absolute_error] == pytest.approx(0.0, abs=0.05)  # the median
    assert outcomes[mean_squared_error] == pytest.approx(2.0, abs=0.01)  # the mean


def test_predict_keeps_the_order():
    trainer = spiral_trainer(batch_size=7)
    spirals = data.spirals(50)
    trainer.objective.eval()
    with torch.no_grad():
        expected = trainer.objective.predict(spirals.points)
    assert torch.equal(trainer.predict(spirals), expected)


@pytest.mark.parametrize("bad_step", [3, CHECK_EVERY, CHECK_EVERY + 7])
def test_a_loss_that_is_not_finite_names_its_step_and_keeps_the_last_good_weights(bad_step):
    def poison(trainer):
        with torch.no_grad():
            trainer.objective.classifier.layers[0].weight.fill_(math.nan)

    poisoned = At(bad_step - 1, poison)
    trainer = spiral_trainer(batch_size=10, callbacks=[poisoned])
    with pytest.raises(FloatingPointError, match=f"classifier was nan at step {bad_step}[.] .* back at step"):
        trainer.fit(data.spirals(1000), 20)
    assert trainer.step == (bad_step - 1) // CHECK_EVERY * CHECK_EVERY
    assert all(p.isfinite().all() for p in trainer.objective.parameters())
    poisoned.step = None
    trainer.fit(data.spirals(1000), 1)  # and it can go on
    assert trainer.epoch == 1
    assert math.isfinite(trainer.history[-1]["loss"])


def test_ctrl_c_ends_the_step_keeps_what_was_learned_and_goes_on_from_there():
    whole, interrupted = spiral_trainer(), spiral_trainer(callbacks=[At(7, lambda _: os.kill(os.getpid(), signal.SIGINT))])
    spirals, before = data.spirals(150), signal.getsignal(signal.SIGINT)  # ignored where the tests run in the background
    runtime.set_seed(1)
    whole.fit(spirals, 3)
    runtime.set_seed(1)
    with pytest.raises(KeyboardInterrupt, match="Stopped after step 7"):
        interrupted.fit(spirals, 3)
    assert (interrupted.step, interrupted.epoch) == (7, 1)
    assert signal.getsignal(signal.SIGINT) is before
    interrupted.fit(spirals, 2)
    assert same_weights(whole, interrupted)
    assert without_times(whole.history) == without_times(interrupted.history)


def test_the_step_never_waits_for_the_device(monkeypatch):
    waits = []
    for name in ("item", "tolist", "__bool__", "__float__"):
        real = getattr(torch.Tensor, name)
        monkeypatch.setattr(torch.Tensor, name, lambda self, real=real, name=name: waits.append(name) or real(self))
    looked_before = []
    look = At(CHECK_EVERY - 1, lambda _: looked_before.extend(waits))
    sgd = partial(torch.optim.SGD, lr=0.1)  # Adam reads its own step count, a tensor on the CPU
    trainer = Trainer(Classification(MLP((2, 3))), sgd, batch_size=10, callbacks=[look], progress=False)
    trainer.fit(data.spirals(10 * CHECK_EVERY), 1)
    assert looked_before == []
    assert waits  # the check at the end does wait: the spy works


def test_bf16_computes_forward_in_bf16_and_losses_in_float32():
    seen = []

    class Spy(MLP):
        def forward(self, x):
            out = super().forward(x)
            seen.append(out.dtype)
            return out

    class Watched(Classification):
        def losses(self, batch):
            seen.append(self.classifier(batch[0]).dtype)
            yield from super().losses(batch)

    runtime.configure(device="cpu", precision="bf16")
    trainer = Trainer(Watched(Spy((2, 8, 3))), adam, batch_size=10, progress=False)
    trainer.fit(data.spirals(10), 1)
    assert seen[:2] == [torch.bfloat16, torch.float32]
    assert all(p.dtype == torch.float32 for p in trainer.objective.parameters())
    assert trainer.objective.classifier(torch.zeros(1, 2)).dtype == torch.float32
    assert seen[-1] == torch.float32  # outside of fit the model is plain again


def test_augmented_images_train():
    images = data.Images(np.zeros((8, 1, 4, 4), np.uint8), {"label": torch.arange(8) % 2}, {"label": "ab"}, name="black")
    trainer = Trainer(Classification(MLP((16, 2))), adam, batch_size=4, progress=False)
    trainer.fit(images.augmented(lambda image: image + 1), 1)
    assert trainer.step == 2


def test_frozen_layers_stay_and_the_others_learn():
    runtime.set_seed(0)
    model = MLP((2, 16, 3))
    model.layers[0].requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    trainer = Trainer(Classification(model), adam, batch_size=10, progress=False)
    trainer.fit(data.spirals(40), 2)
    moved = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved == {"layers.3.weight", "layers.3.bias"}
    model.layers[0].requires_grad_(True)  # thawed between two fits
    trainer.fit(data.spirals(40), 1)
    assert not torch.equal(model.layers[0].weight, before["layers.0.weight"])


class Tied(nn.Module):
    """Two layers that share one weight."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.into = nn.Linear(2, 3)

    def forward(self, x):
        return self.second(torch.relu(self.first(self.into(x))))


def test_tied_weights_train_and_travel_with_checkpoints(tmp_path):
    def trainer():
        runtime.set_seed(0)
        return Trainer(Classification(Tied()), adam, batch_size=10, callbacks=[EMA(0.9)], progress=False)

    whole, first, second = trainer(), trainer(), trainer()
    whole.fit(data.spirals(40), 2)
    first.fit(data.spirals(40), 1)
    first.save(tmp_path)
    second.resume(tmp_path)
    second.fit(data.spirals(40), 1)
    assert same_weights(whole, second)
    tied = second.objective.classifier
    assert tied.first.weight is tied.second.weight


@pytest.mark.parametrize("pieces", [2, 3, 7])
def test_pieces_of_a_batch_make_the_step_of_the_whole(pieces):
    def trained(**options):
        runtime.set_seed(0)
        trainer = Trainer(Classification(MLP((2, 16, 3))), adam, batch_size=14, progress=False, **options)
        trainer.fit(data.spirals(40), 2)  # the last batch of an epoch has 12
        return trainer

    whole, parts = trained(), trained(accumulation_steps=pieces)
    assert parts.step == whole.step
    for ours, theirs in zip(parts.objective.parameters(), whole.objective.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)
    assert parts.history[-1]["loss"] == pytest.approx(whole.history[-1]["loss"], rel=1e-5)


def test_pieces_of_a_batch_are_worked_through_one_after_another():
    seen = []

    class Watched(Classification):
        def losses(self, batch):
            seen.append(len(batch[0]))
            yield from super().losses(batch)

    trainer = Trainer(Watched(MLP((2, 3))), adam, batch_size=10, accumulation_steps=3, progress=False)
    trainer.fit(data.spirals(10), 1)
    assert seen == [4, 4, 2]


def test_long_gradients_are_scaled_down_and_short_ones_left():
    norms = []

    class Lengths(Callback):
        def on_step_end(self, trainer):
            grads = [p.grad.flatten() for p in trainer.objective.parameters()]
            norms.append(torch.cat(grads).norm().item())

    for limit in (None, 0.01, 100.0):
        runtime.set_seed(0)
        sgd = partial(torch.optim.SGD, lr=0.0)
        options = {"max_grad_norm": limit, "callbacks": [Lengths()], "progress": False}
        Trainer(Classification(MLP((2, 3))), sgd, batch_size=20, **options).fit(data.spirals(20), 1)
    assert norms[1] == pytest.approx(0.01, rel=1e-3)
    assert norms[0] == norms[2] > 0.02


def test_measuring_does_not_change_a_training():
    def vae_trainer(watch):
        runtime.set_seed(0)
        vae = VariationalBound(dense_vae((1, 8, 8), latent_dim=2, hidden=(8,)))
        return Trainer(vae, adam, batch_size=4, callbacks=[At(3, watch)], progress=False)

    images = data.Images(
        torch.randint(0, 256, (16, 1, 8, 8), dtype=torch.uint8), {"label": torch.zeros(16).long()}, {"label": "a"}, name="noise"
    )
    found, modes = [], []

    def measure(trainer):
        found.append([trainer.evaluate(images)["loss"] for _ in range(2)])
        modes.append(trainer.objective.training)

    plain, watched = vae_trainer(lambda _: None), vae_trainer(measure)
    runtime.set_seed(1)
    plain.fit(images, 3)
    runtime.set_seed(1)
    watched.fit(images, 3, validation=images)
    assert same_weights(plain, watched)
    assert found[0][0] == found[0][1]  # the noise is the seed's
    assert modes == [True]
    assert not watched.objective.training  # after a fit


def test_evaluation_uses_averaged_weights_and_training_its_own(tmp_path):
    spirals = data.spirals(40)
    average = EMA(0.9)
    trainer = spiral_trainer(callbacks=[average])
    trainer.fit(spirals, 3, validation=spirals)
    own = {name: tensor.clone() for name, tensor in trainer.parts["classifier"].state_dict().items()}
    other = spiral_trainer()
    other.parts["classifier"].load_state_dict(average.state["classifier"])
    assert trainer.evaluate(spirals) == other.evaluate(spirals)
    assert trainer.history[-1]["validation_loss"] == other.evaluate(spirals)["loss"]
    assert torch.equal(trainer.predict(spirals), other.predict(spirals))
    assert all(torch.equal(tensor, own[name]) for name, tensor in trainer.parts["classifier"].state_dict().items())
    path = trainer.save(tmp_path)
    assert path == checkpoints.latest(tmp_path)
    saved = MLP((2, 16, 3), dropout=0.2)
    checkpoints.load_weights(saved, path / "classifier.safetensors")  # the weights to use
    assert torch.equal(saved.layers[0].weight, average.state["classifier"]["layers.0.weight"])
    checkpoints.load_weights(saved, path / "classifier.training.safetensors")  # those that training goes on from
    assert torch.equal(saved.layers[0].weight, own["layers.0.weight"])


def test_random_numbers_of_python_and_numpy_go_on_where_they_were(tmp_path):
    drawn = []

    def draw(trainer):
        drawn.append((random.random(), np.random.rand(), torch.rand(1).item()))

    trainer = spiral_trainer()
    trainer.save(tmp_path)
    draw(trainer)
    trainer.resume(tmp_path)
    draw(trainer)
    assert drawn[0] == drawn[1]


def test_bf16_covers_encoders_and_decoders():
    seen = []

    class Spy(VAE):
        def encode(self, x):
            return super().encode(x)

        def decode(self, z):
            out = super().decode(z)
            seen.append(out.dtype)
            return out

    runtime.configure(device="cpu", precision="bf16")
    plain = dense_vae((1, 8, 8), latent_dim=2, hidden=(8,))
    vae = Spy(plain.encoder, plain.decoder, shape=(1, 8, 8), latent_dim=2)
    drawn = []

    class Draw(Callback):
        def on_step_end(self, trainer):
            drawn.append(trainer.objective.sample(2).dtype)

    images = data.Images(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), {"label": [0] * 4}, {"label": "a"}, name="black")
    Trainer(VariationalBound(vae), adam, batch_size=4, callbacks=[Draw()], progress=False).fit(images, 1)
    assert seen == [torch.bfloat16, torch.bfloat16]  # in the step, and in the sample
    assert drawn == [torch.float32]


def test_sigterm_ends_as_ctrl_c_does_and_an_ignored_signal_stays_ignored():
    trainer = spiral_trainer(callbacks=[At(5, lambda _: os.kill(os.getpid(), signal.SIGTERM))])
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt, match="Stopped after step 5"):
        trainer.fit(data.spirals(150), 3)
    assert signal.getsignal(signal.SIGTERM) is before
    ignoring = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        trainer = spiral_trainer(callbacks=[At(5, lambda _: os.kill(os.getpid(), signal.SIGINT))])
        trainer.fit(data.spirals(150), 1)
        assert trainer.epoch == 1
    finally:
        signal.signal(signal.SIGINT, ignoring)


def test_the_loop_is_short_enough_to_print():
    assert len(inspect.getsource(Trainer.fit).split('"""')[2].splitlines()) < 35
    assert len(inspect.getsource(inspect.getmodule(Trainer)).splitlines()) < 260
