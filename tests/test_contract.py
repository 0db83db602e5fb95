"""What the trainer asks for: each broken promise is one sentence, at once, and nothing is lost."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_lib import contract, data, runtime
from course_lib.models import MLP
from course_lib.objectives import Classification, Objective
from course_lib.trainer import Trainer


class Broken(Objective):
    """An objective whose `losses` and `metrics` do as they are told."""

    parts = ("model",)

    def __init__(self, losses, metrics=lambda values: {"loss": values}):
        super().__init__()
        self.model = nn.Linear(2, 1)
        self.of, self.measured = losses, metrics

    def losses(self, batch):
        return self.of(self.model(batch[0])[:, 0])  # (B,)

    def metrics(self, batch):
        return self.measured(self.model(batch[0])[:, 0])


def yields(*pairs):
    """A generator function of the values (B,) that yields what `pairs` make of them."""

    def losses(values):
        for pair in pairs:
            yield pair(values)

    return losses


def fit(objective):
    trainer = Trainer(objective, torch.optim.SGD, batch_size=10, progress=False)
    before = {name: tensor.clone() for name, tensor in objective.state_dict().items()}
    try:
        trainer.fit(data.spirals(20), 1)
    finally:
        assert all(torch.equal(tensor, before[name]) for name, tensor in objective.state_dict().items())


@pytest.mark.parametrize(
    ("losses", "error", "sentence"),
    [
        (yields(lambda v: ("model", v.mean())), ValueError, r"each of 10 examples, shape \(10,\), got \(\); leave the mean"),
        (yields(lambda v: ("model", v[:, None])), ValueError, r"shape \(10,\), got \(10, 1\)"),
        (yields(lambda v: ("model", v[:5])), ValueError, r"shape \(10,\), got \(5,\)"),
        (yields(lambda v: ("modle", v)), ValueError, "one of its parts, model; got 'modle'"),
        (yields(lambda v: v), TypeError, r"yield \(part, loss\) pairs, got a tensor of shape \(10,\)"),
        (yields(lambda v: ("model", v, v)), TypeError, r"pairs, got a tuple of 3"),
        (yields(lambda v: None), TypeError, "pairs, got None"),
        (yields(lambda v: ("model", 3)), TypeError, r"a tensor of shape \(B,\), got int 3"),
        (yields(lambda v: ("model", None)), TypeError, "got None"),
        (yields(lambda v: ("model", v.detach())), ValueError, "with a gradient, got one without: all its weights are frozen"),
        (yields(), ValueError, "yield at least one"),
        (lambda v: v, TypeError, r"got a tensor of shape \(10,\) returned; write `yield` for `return`"),
        (lambda v: None, TypeError, "got None returned"),
        (lambda v: [("model", v)], TypeError, "got a list of 1 returned"),
    ],
)
def test_losses_that_are_no_losses(losses, error, sentence):
    with pytest.raises(error, match=sentence) as caught:
        fit(Broken(losses))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("metrics", "error", "sentence"),
    [
        (lambda v: {"loss": v.mean()}, ValueError, r"metrics\['loss'\] as a number for each of 20 examples, got shape \(\)"),
        (lambda v: {"loss": 0.5}, ValueError, "got float 0.5"),
        (lambda v: v, TypeError, r"a dict of tensors \(B,\), got a tensor of shape \(20,\)"),
        (lambda v: None, TypeError, "got None"),
        (lambda v: {}, TypeError, "a dict of tensors"),
    ],
)
def test_metrics_that_are_no_metrics(metrics, error, sentence):
    trainer = Trainer(Broken(yields(lambda v: ("model", v)), metrics), torch.optim.SGD, progress=False)
    with pytest.raises(error, match=sentence):
        trainer.evaluate(data.spirals(20))


@pytest.mark.parametrize(
    "dataset", [TensorDataset(torch.zeros(4, 2)), DataLoader(TensorDataset(torch.zeros(4, 2))), np.zeros((4, 2)), [1, 2]]
)
@pytest.mark.parametrize("use", ["fit", "validation", "evaluate", "predict"])
def test_what_is_no_data_set(dataset, use):
    trainer = Trainer(Classification(MLP((2, 3))), torch.optim.SGD, progress=False)
    calls = {
        "fit": lambda: trainer.fit(dataset, 1),
        "validation": lambda: trainer.fit(data.spirals(20), 1, validation=dataset),
        "evaluate": lambda: trainer.evaluate(dataset),
        "predict": lambda: trainer.predict(dataset),
    }
    kind = type(dataset).__name__
    with pytest.raises(TypeError, match=rf"len\(\) and batch\(index\).*got {kind}; course_lib.data.from_torch"):
        calls[use]()
    assert trainer.step == 0


def test_an_empty_data_set():
    trainer = Trainer(Classification(MLP((2, 3))), torch.optim.SGD, progress=False)
    empty = data.spirals(20).subset(slice(0, 0))
    for use in (lambda: trainer.fit(empty, 1), lambda: trainer.evaluate(empty), lambda: trainer.predict(empty)):
        with pytest.raises(ValueError, match="at least one example, got an empty one"):
            use()


@pytest.mark.parametrize("name", ["batch_size", "seed", "accumulation_steps"])
@pytest.mark.parametrize("value", [1.5, "3", None, True, -1])
def test_numbers_of_another_kind(name, value):
    error = ValueError if value == -1 else TypeError
    least = 0 if name == "seed" else 1
    with pytest.raises(error, match=rf"Expected {name} (as a whole number, {least} or more, got|of {least} or more, got -1)"):
        Trainer(Classification(MLP((2, 3))), torch.optim.SGD, **{name: value})


@pytest.mark.parametrize(("epochs", "error"), [(1.5, TypeError), (-1, ValueError), ("2", TypeError)])
def test_epochs_of_another_kind(epochs, error):
    trainer = Trainer(Classification(MLP((2, 3))), torch.optim.SGD, progress=False)
    with pytest.raises(error, match="Expected epochs"):
        trainer.fit(data.spirals(20), epochs)
    trainer.fit(data.spirals(20), np.int64(1))
    assert trainer.epoch == 1


@pytest.mark.parametrize(("seed", "error"), [(-1, ValueError), (0.5, TypeError), (None, TypeError)])
def test_a_seed_of_another_kind(seed, error):
    with pytest.raises(error, match="Expected seed"):
        runtime.set_seed(seed)


def anyones(result):
    return lambda count, generator: result


GOOD = torch.rand(4, 1, 2, 2)
NOT_IMAGES = [
    (GOOD.numpy(), TypeError, "tensor of floats.*ndarray"),
    ((255 * GOOD).byte(), TypeError, "torch.uint8"),
    (GOOD[:3], ValueError, r"4 images, shape \(4, 1, 2, 2\), got too few: shape \(3, 1, 2, 2\)"),
    (GOOD[:, 0], ValueError, r"got shape \(4, 2, 2\)"),
    (GOOD * torch.nan, ValueError, "NaN"),
    (2 * GOOD - 1, ValueError, r"from 0 to 1, got -.*\(x \+ 1\) / 2"),
    (GOOD[:1].expand(4, 1, 2, 2), ValueError, "the same one each time"),
]


@pytest.mark.parametrize(("result", "error", "sentence"), NOT_IMAGES)
def test_what_is_no_images_of_a_generator_is_one_sentence(result, error, sentence):
    with pytest.raises(error, match=sentence) as caught:
        contract.drawn(anyones(result), 4, torch.Generator(), shape=(1, 2, 2))
    assert "\n" not in str(caught.value)


def test_images_of_anyones_generator_pass():
    assert contract.drawn(anyones(GOOD), 4, torch.Generator(), shape=(1, 2, 2)) is GOOD
