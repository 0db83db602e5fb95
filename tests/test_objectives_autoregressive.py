"""The exact likelihood as an objective: what it counts, what it leaves out, what it refuses."""

import pytest
import torch
from torch.distributions import Bernoulli

from course_lib import data
from course_lib.models import MADE, RowRNN
from course_lib.objectives_autoregressive import ExactLikelihood
from course_lib.trainer import Trainer

SHAPE = (1, 5, 6)


@pytest.fixture
def x():
    return torch.bernoulli(torch.full((8, *SHAPE), 0.5))


@pytest.fixture
def labels():
    return torch.arange(8) % 3


def row_rnn(**options):
    return RowRNN(SHAPE, hidden=8, units=12, **options)


def test_loss_is_minus_the_log_probability(x):
    network = MADE(SHAPE)
    expected = -Bernoulli(logits=network(x)).log_prob(x).flatten(1).sum(1)
    ((part, loss),) = ExactLikelihood(network).losses((x, None))
    assert part == "network"
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(ExactLikelihood(network).metrics((x, None))["loss"], expected)


def test_labels_are_left_out_as_often_as_asked(x, labels):
    network = row_rnn(classes=3)
    without, given = network(x), network(x, labels)
    nll = [-Bernoulli(logits=logits).log_prob(x).flatten(1).sum(1) for logits in (without, given)]
    for share, expected in ((1.0, nll[0]), (0.0, nll[1])):
        ((_, loss),) = ExactLikelihood(network, unlabelled=share).losses((x, labels))
        torch.testing.assert_close(loss, expected)
    many, many_labels = x.repeat(200, 1, 1, 1), labels.repeat(200)
    ((_, loss),) = ExactLikelihood(network, unlabelled=0.25).losses((many, many_labels))
    left_out = (loss - nll[0].repeat(200)).abs() < (loss - nll[1].repeat(200)).abs()
    assert left_out.float().mean().item() == pytest.approx(0.25, abs=0.04)


def test_measures_tell_both_where_both_were_learned(x, labels):
    network = row_rnn(classes=3)
    found = ExactLikelihood(network, unlabelled=0.5).metrics((x, labels))
    torch.testing.assert_close(found["loss"], -Bernoulli(logits=network(x)).log_prob(x).flatten(1).sum(1))
    given = ExactLikelihood(network).metrics((x, labels))
    assert given.keys() == {"loss"}
    torch.testing.assert_close(found["loss_given_label"], given["loss"])


def test_a_few_epochs_come_near_to_the_data(x):
    """Two images, each as frequent: log 2 nats are the least, and drawing gives them back."""
    pixels = (x[:2] * 255).to(torch.uint8)
    images = data.Images(pixels.repeat(32, 1, 1, 1), torch.zeros(64, dtype=torch.int64), ("one",), name="two images")
    objective = ExactLikelihood(row_rnn())
    trainer = Trainer(objective, lambda weights: torch.optim.Adam(weights, lr=2e-2), batch_size=16, progress=False)
    trainer.fit(images, 40)
    assert 0.69 < trainer.evaluate(images)["loss"] < 0.75
    drawn = objective.sample(50, torch.Generator().manual_seed(0))
    same = (drawn[:, None] == x[None, :2]).flatten(2).all(2)  # (50, 2)
    assert same.any(1).float().mean() > 0.9
    assert 10 < same[:, 0].sum() < 40


def test_samples_follow_the_generator_alone():
    objective = ExactLikelihood(row_rnn(classes=3))
    labels = torch.arange(4) % 3
    drawn = [objective.sample(4, torch.Generator().manual_seed(1), labels=labels) for _ in range(2)]
    assert torch.equal(*drawn)
    other = objective.sample(4, torch.Generator().manual_seed(2), labels=labels)
    assert not torch.equal(drawn[0], other)


@pytest.mark.parametrize("value", [0.5, -1.0, 2.0, float("nan")])
def test_values_other_than_0_and_1_are_refused(x, value):
    x[3, 0, 2, 2] = value
    objective = ExactLikelihood(MADE(SHAPE))
    for use in (lambda: next(objective.losses((x, None))), lambda: objective.metrics((x, None))):
        with pytest.raises(ValueError, match=r"Expected pixels of 0 and 1, got .* among them; draw grey ones black or white"):
            use()


def test_missing_labels_are_refused(x):
    objective = ExactLikelihood(row_rnn(classes=3))
    for use in (lambda: next(objective.losses((x, None))), lambda: objective.metrics((x, None))):
        with pytest.raises(ValueError, match="Expected a label for each image, since the network has classes, got none"):
            use()
