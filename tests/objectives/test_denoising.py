"""Denoising as an objective: what it minimizes, what it learns, what it refuses."""

from functools import partial

import pytest
import torch
from torch import nn

from course_lib import data, models, paths, samplers
from course_lib.objectives import Denoising, LatentDenoising, Reflow
from course_lib.objectives.denoising import logit_normal, uniform
from course_lib.trainer import Trainer


class Constant(nn.Module):
    """Answers the same whatever it sees, and remembers what that was."""

    def __init__(self, value):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, z, angle):
        self.seen = z, angle
        return self.value.expand_as(z)


@pytest.mark.parametrize("path", paths.PATHS.values(), ids=paths.PATHS.keys())
@pytest.mark.parametrize("prediction", ["x", "noise", "v"])
def test_loss_is_the_mean_squared_error_of_the_prediction(path, prediction):
    network = Constant(0.25)
    x = torch.randn(6, 2, 3)
    objective = Denoising(
        network, (2, 3), path=path, prediction=prediction, times=lambda count: torch.linspace(0.1, 0.9, count)
    )
    ((part, loss),) = objective.losses((x,))
    assert part == "network"
    seen, angle = network.seen  # cos x + sin noise
    noise = (seen - angle.cos()[:, None, None] * x) / angle.sin()[:, None, None]
    assert noise.std().item() == pytest.approx(1, abs=0.4)
    target = {"x": x, "noise": noise, "v": angle.cos()[:, None, None] * noise - angle.sin()[:, None, None] * x}[prediction]
    torch.testing.assert_close(loss, (0.25 - target).square().mean((1, 2)), atol=1e-3, rtol=1e-3)


def test_times():
    assert uniform(10_000).mean().item() == pytest.approx(0.5, abs=0.02)
    drawn = logit_normal(10_000)
    assert 0 < drawn.min() < drawn.max() < 1
    assert (drawn.logit().std().item(), drawn.logit().mean().item()) == pytest.approx((1, 0), abs=0.03)
    drawn = logit_normal(10_000, mean=1.0, deviation=0.5)
    assert (drawn.logit().std().item(), drawn.logit().mean().item()) == pytest.approx((0.5, 1), abs=0.03)


class Plane(nn.Module):
    """A small network for points."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 2))

    def forward(self, z, angle):
        return self.layers(torch.cat([z, angle.cos()[:, None], angle.sin()[:, None]], 1))


@pytest.mark.parametrize(("path", "prediction"), [(paths.STRAIGHT, "velocity"), (paths.COSINE, "v"), (paths.LINEAR, "v")])
def test_points_are_learned(path, prediction):
    ring = data.ring_of_gaussians(2000, modes=4, deviation=0.2)
    objective = Denoising(Plane(), (2,), path=path, prediction=prediction, times=uniform)
    trainer = Trainer(objective, partial(torch.optim.Adam, lr=5e-3), batch_size=200, progress=False)
    before = trainer.evaluate(ring)["loss"]
    trainer.fit(ring, 60)
    assert trainer.evaluate(ring)["loss"] < before - 0.15  # most of it is noise that nobody can tell
    drawn = objective.sample(400, torch.Generator().manual_seed(0), steps=40)
    near = (torch.cdist(drawn, ring.centers) < 0.7).any(1).float().mean()
    assert near > 0.7  # of noise it is about a quarter
    assert torch.cdist(drawn, ring.centers).argmin(1).bincount(minlength=4).min() > 50


class Coloured(nn.Module):
    """Has classes, and says which labels it got."""

    classes = 3

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, z, angle, labels=None):
        self.labels = labels
        return z * self.weight


def test_labels_are_left_out_in_training_alone():
    network = Coloured()
    x, labels = torch.randn(4000, 2), torch.arange(4000) % 3
    objective = Denoising(network, (2,), unlabeled=0.25)
    next(objective.losses((x, labels)))
    assert (network.labels == -1).float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert torch.equal(network.labels[network.labels >= 0], labels[network.labels >= 0])
    objective.metrics((x, labels))
    assert torch.equal(network.labels, labels)
    sentences = labels[:, None] + torch.zeros(5).long()
    next(objective.losses((x, sentences)))  # a sentence is left out as a whole
    gone = network.labels == -1
    assert torch.equal(gone.any(1), gone.all(1))
    assert gone.float().mean().item() == pytest.approx(0.25, abs=0.03)


def test_a_sample_is_what_the_sampler_makes_of_the_noise():
    network = Coloured()
    objective = Denoising(network, (2,), prediction="v")
    drawn = objective.sample(5, torch.Generator().manual_seed(3), steps=4, sampler=samplers.euler)
    assert network.labels.tolist() == [0, 1, 2, 0, 1]
    z = torch.randn(5, 2, generator=torch.Generator().manual_seed(3))
    expected = samplers.euler(objective.denoiser(), z, paths.STRAIGHT, paths.STRAIGHT.times(4))
    torch.testing.assert_close(drawn, expected)
    assert not drawn.requires_grad


def test_bad_input_is_a_sentence():
    with pytest.raises(ValueError, match=r"^Expected a prediction of x, noise, velocity, v, got 'eps'\.$"):
        Denoising(Plane(), (2,), prediction="eps")
    with pytest.raises(ValueError, match=r"^Expected a label for each image, for the network has classes, got none"):
        next(Denoising(Coloured(), (2,)).losses((torch.randn(3, 2),)))
    with pytest.raises(ValueError, match=r"^Expected images from -1 to 1"):
        Denoising(Plane(), (2,)).check(data.mnist()[0])
    with pytest.raises(ValueError, match=r"^Expected 1 step or more, got 0\.$"):
        Denoising(Plane(), (2,)).sample(3, steps=0)


class Halves(nn.Module):
    """A VAE whose code is the mean of either half of a picture, with next to no noise, and whose decoder repeats it."""

    latent_dim = 2

    def encode(self, x):
        mean = x.unflatten(3, (2, -1)).mean((1, 2, 4))  # (B, 1, H, W) -> (B, 2)
        return mean, torch.full_like(mean, -40.0)

    def decode(self, z):
        return z.repeat_interleave(2, 1)[:, None, None] * 10 - 5  # (B, 2) -> logits (B, 1, 1, 4)


def test_latent_denoising_is_denoising_of_codes():
    network, vae = Coloured(), Halves()
    objective = LatentDenoising(network, vae, unlabeled=0.0, prediction="x", times=lambda count: torch.full((count,), 1e-6))
    x, labels = torch.tensor([1.0, 1.0, 0.0, 0.0]).expand(5, 1, 1, 4), torch.tensor([0, 1, 2, 0, 1])
    ((part, loss),) = objective.losses((x, labels))
    assert part == "network"
    assert torch.equal(network.labels, labels)
    weight = network.weight.item()  # at the data's end z is the code, (1, 0), and the network answers with weight z
    torch.testing.assert_close(loss, torch.full((5,), (weight - 1) ** 2 / 2), atol=1e-3, rtol=0)
    torch.testing.assert_close(objective.metrics((x, labels))["loss"], loss, atol=1e-3, rtol=0)
    drawn = objective.sample(3, torch.Generator().manual_seed(0), labels=torch.tensor([2, 2, 2]), steps=2)
    codes = Denoising(network, (2,), prediction="x").sample(
        3, torch.Generator().manual_seed(0), labels=torch.tensor([2, 2, 2]), steps=2
    )
    torch.testing.assert_close(drawn, vae.decode(codes).sigmoid())


def test_latent_denoising_leaves_the_vae_alone():
    vae = models.dense_vae(latent_dim=2)
    before = {name: weight.clone() for name, weight in vae.state_dict().items()}
    objective = LatentDenoising(models.NoiseMLP(2, width=8, classes=10), vae)
    Trainer(objective, partial(torch.optim.Adam, lr=0.1), progress=False).fit(data.mnist()[0].subset(slice(0, 40)), 1)
    assert all(torch.equal(weight, before[name]) for name, weight in vae.state_dict().items())


class Pairs:
    """Noise in the plane, and a point for each: twice as far from the middle, turned by a right angle."""

    def __init__(self, count):
        self.noise = torch.randn(count, 2, generator=torch.Generator().manual_seed(0))
        self.x = 2 * self.noise.flip(1) * torch.tensor([1.0, -1.0])

    def __len__(self):
        return len(self.x)

    def batch(self, index):
        return self.x[index], self.noise[index]


class Turn(nn.Module):
    """Linear in what it sees."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 2)

    def forward(self, z, angle):
        return self.linear(z)


def test_reflow_joins_noise_to_its_own_end():
    network, (x, noise) = Constant(0.5), Pairs(6).batch(slice(None))
    objective = Reflow(network, (2,), times=lambda count: torch.full((count,), 0.25))
    ((part, loss),) = objective.losses((x, noise))
    assert part == "network"
    torch.testing.assert_close(loss, (0.5 - (noise - x)).square().mean(1))
    z = 0.75 * x + 0.25 * noise  # on the straight path
    torch.testing.assert_close(network.seen[0], paths.STRAIGHT.seen(z, torch.full((6,), 0.25))[0])
    torch.testing.assert_close(objective.metrics((x, noise))["loss"], loss)


def test_a_student_learns_where_noise_ends_and_draws_in_one_step():
    objective, pairs = Reflow(Turn(), (2,), times=torch.ones), Pairs(256)
    Trainer(objective, partial(torch.optim.Adam, lr=0.05), batch_size=64, progress=False).fit(pairs, 60)
    drawn = objective.sample(5, torch.Generator().manual_seed(3), steps=1, sampler=samplers.euler)
    z = torch.randn(5, 2, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(drawn, 2 * z.flip(1) * torch.tensor([1.0, -1.0]), atol=1e-2, rtol=0)


def test_reflow_asks_for_labels_where_there_are_classes():
    network, (x, noise), labels = Coloured(), Pairs(3).batch(slice(None)), torch.tensor([0, 1, 2])
    with pytest.raises(ValueError, match=r"^Expected a label for each image, for the network has classes, got none"):
        next(Reflow(network, (2,)).losses((x, noise)))
    next(Reflow(network, (2,)).losses((x, noise, labels)))
    assert torch.equal(network.labels, labels)
