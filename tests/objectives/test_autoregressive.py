"""The exact likelihood as an objective: what it counts, what it leaves out, what it refuses."""

from functools import partial

import pytest
import torch
from torch.distributions import Bernoulli

from course_lib import data, likelihoods
from course_lib.models import MADE, RowRNN
from course_lib.objectives import ExactLikelihood
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
    ((part, loss),) = ExactLikelihood(network).losses((x,))
    assert part == "network"
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(ExactLikelihood(network).metrics((x,))["loss"], expected)


def test_labels_are_left_out_as_often_as_asked(x, labels):
    network = row_rnn(classes=3)
    without, given = network(x), network(x, labels)
    nll = [-Bernoulli(logits=logits).log_prob(x).flatten(1).sum(1) for logits in (without, given)]
    for share, expected in ((1.0, nll[0]), (0.0, nll[1])):
        ((_, loss),) = ExactLikelihood(network, unlabeled=share).losses((x, labels))
        torch.testing.assert_close(loss, expected)
    many, many_labels = x.repeat(200, 1, 1, 1), labels.repeat(200)
    ((_, loss),) = ExactLikelihood(network, unlabeled=0.25).losses((many, many_labels))
    left_out = (loss - nll[0].repeat(200)).abs() < (loss - nll[1].repeat(200)).abs()
    assert left_out.float().mean().item() == pytest.approx(0.25, abs=0.04)


def test_measures_tell_both_where_both_were_learned(x, labels):
    network = row_rnn(classes=3)
    found = ExactLikelihood(network, unlabeled=0.25).metrics((x, labels))
    torch.testing.assert_close(found["nats"], -Bernoulli(logits=network(x)).log_prob(x).flatten(1).sum(1))
    given = ExactLikelihood(network).metrics((x, labels))
    assert given.keys() == {"loss"}
    torch.testing.assert_close(found["nats_given_label"], given["loss"])
    torch.testing.assert_close(found["loss"], 0.25 * found["nats"] + 0.75 * found["nats_given_label"])


def images_of(x, name="images"):
    pixels = (x * 255).round().to(torch.uint8)
    return data.Images(pixels, {"label": torch.zeros(len(x), dtype=torch.int64)}, {"label": ("one",)}, name=name)


def trainer_of(objective, rate=2e-2):
    return Trainer(objective, partial(torch.optim.Adam, lr=rate), batch_size=16, progress=False)


def test_two_images_cost_a_bit_and_are_drawn_again(x):
    """Each is as frequent as the other: log 2 nats are the least."""
    trainer = trainer_of(ExactLikelihood(row_rnn()))
    images = images_of(x[:2].repeat(32, 1, 1, 1))
    trainer.fit(images, 40)
    assert 0.69 < trainer.evaluate(images)["loss"] < 0.75
    drawn = trainer.objective.sample(50, torch.Generator().manual_seed(0))
    same = (drawn[:, None] == x[None, :2]).flatten(2).all(2)  # (50, 2)
    assert same.any(1).float().mean() > 0.9
    assert 10 < same[:, 0].sum() < 40


def test_gray_pixels_are_drawn_white_as_often_as_they_say():
    gray = torch.full((2000, *SHAPE), 0.3)
    objective = ExactLikelihood(MADE(SHAPE), binarize=True)
    with torch.no_grad():
        objective.network.network.direct.weight.zero_()
        objective.network.network.out.weight.zero_()
        objective.network.network.out.bias.zero_()
        objective.network.network.direct.bias.fill_(1.0)
    nats = objective.metrics((gray,))["loss"] / 30
    expected = 0.3 * -torch.tensor(1.0).sigmoid().log() + 0.7 * -torch.tensor(-1.0).sigmoid().log()
    assert nats.mean().item() == pytest.approx(expected.item(), abs=0.01)
    assert nats.std() > 0.01


def test_gray_levels_are_drawn_under_a_likelihood_of_gray_levels():
    likelihood = likelihoods.LogisticMixture(2)
    network = RowRNN(SHAPE, hidden=8, units=12, params_per_channel=likelihood.params_per_channel)
    objective = ExactLikelihood(network, likelihood=likelihood)
    drawn = objective.sample(3, torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn * 255, (drawn * 255).round(), atol=1e-3, rtol=0)
    assert len(drawn.unique()) > 10
    assert torch.isfinite(objective.metrics((drawn,))["loss"]).all()


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
    with pytest.raises(ValueError, match=r"Expected pixels of 0 and 1, got .* among them; draw gray ones black or white"):
        ExactLikelihood(MADE(SHAPE)).metrics((x,))


def test_gray_images_are_refused_before_training(x):
    trainer = trainer_of(ExactLikelihood(MADE(SHAPE)))
    with pytest.raises(ValueError, match="Expected pixels of 0 and 1"):
        trainer.fit(images_of(0.5 * x), 1)
    assert trainer.step == 0
    trainer.fit(images_of(0.5 * x).augmented(torch.bernoulli), 1)
    trainer_of(ExactLikelihood(MADE(SHAPE), binarize=True)).fit(images_of(0.5 * x), 1)


@pytest.mark.parametrize("value", [0.5, 1.1, float("nan")])
def test_values_between_gray_levels_are_refused(value):
    x = torch.randint(256, (4, *SHAPE)) / 255
    likelihood = likelihoods.DiscretizedLogistic()
    objective = ExactLikelihood(MADE(SHAPE, params_per_channel=2), likelihood=likelihood)
    objective.metrics((x,))
    x[1, 0, 1, 1] = value
    with pytest.raises(ValueError, match=r"the 256 gray levels 0, 1/255, ..., 1, got .* leave the images as they are stored"):
        objective.metrics((x,))


def test_missing_labels_are_refused(x):
    objective = ExactLikelihood(row_rnn(classes=3))
    for use in (lambda: next(objective.losses((x,))), lambda: objective.metrics((x,))):
        with pytest.raises(ValueError, match="Expected a label for each image, for the network has classes, got none"):
            use()
