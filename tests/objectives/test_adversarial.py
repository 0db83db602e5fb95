"""The games of adversarial training, and the objective that plays them, against formulas and finite differences."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from course_lib import checkpoints, data, gan_losses, models, runtime
from course_lib.models import Discriminator, Generator
from course_lib.objectives import Adversarial, Unrolled
from course_lib.trainer import Trainer

LOGITS = torch.tensor([-3.0, -0.5, 0.0, 2.0])


def test_the_cross_entropy_games_are_what_the_paper_writes():
    real, fake = LOGITS.sigmoid(), LOGITS.flip(0).sigmoid()
    value = -real.log() - (1 - fake).log()
    for game in (gan_losses.minimax, gan_losses.non_saturating):
        torch.testing.assert_close(game.discriminator(LOGITS, LOGITS.flip(0)), value)
    torch.testing.assert_close(gan_losses.minimax.generator(LOGITS), (1 - LOGITS.sigmoid()).log())
    torch.testing.assert_close(gan_losses.non_saturating.generator(LOGITS), -LOGITS.sigmoid().log())


def test_the_minimax_slope_vanishes_where_the_generator_loses():
    slopes = []
    for game in (gan_losses.minimax, gan_losses.non_saturating):
        logit = torch.tensor([-10.0], requires_grad=True)
        game.generator(logit).sum().backward()
        slopes.append(logit.grad.abs().item())
    assert slopes[0] < 1e-4
    assert slopes[1] > 0.99


def test_hinge_wasserstein_and_smoothed():
    real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-2.0, 0.5])
    assert gan_losses.hinge.discriminator(real, fake).tolist() == [0.0, 2.0]
    assert gan_losses.wasserstein.discriminator(real, fake).tolist() == [-4.0, 0.0]
    at_best = torch.logit(torch.tensor([0.9])).requires_grad_()
    gan_losses.smoothed(0.9).discriminator(at_best, torch.zeros(1)).sum().backward()
    assert at_best.grad.abs() < 1e-6  # a real image should be believed to 0.9, not to 1
    with pytest.raises(ValueError, match=r"target for real images above 0\.5 and up to 1, got 1\.5"):
        gan_losses.smoothed(1.5)


def test_penalties_are_the_squared_slopes():
    direction = torch.tensor([3.0, 4.0])

    def straight(x):
        return x @ direction

    x = torch.randn(5, 2)
    torch.testing.assert_close(gan_losses.r1(2.0)(straight, x, x), torch.full((5,), 25.0))
    torch.testing.assert_close(gan_losses.gradient_penalty(10.0)(straight, x, -x), torch.full((5,), 160.0))


def test_a_penalty_has_a_slope_for_the_weights():
    critic = nn.Linear(2, 1)
    x = torch.randn(5, 2)
    gan_losses.r1()(lambda x: critic(x).squeeze(1), x, x).sum().backward()
    torch.testing.assert_close(critic.weight.grad, 5 * critic.weight.detach())  # of 1/2 |w|^2, five times


@pytest.mark.parametrize(("shape", "stages", "width"), [((1, 28, 28), 2, 8), ((3, 32, 32), 3, 4), ((3, 64, 64), 3, 4)])
def test_generator_and_discriminator_fit_each_other(shape, stages, width):
    generator = Generator(shape, latent_dim=10, width=width, stages=stages)
    discriminator = Discriminator(shape, width=width, stages=stages, normalization=nn.BatchNorm2d)
    images = generator(torch.randn(4, 10))
    assert images.shape == (4, *shape)
    assert images.abs().max() <= 1
    assert discriminator(images).shape == (4,)
    convolutions = [layer for layer in generator.layers if isinstance(layer, nn.ConvTranspose2d)]
    assert len(convolutions) == stages
    assert abs(torch.cat([layer.weight.flatten() for layer in convolutions]).std() - 0.02) < 0.002


def test_spectral_norm_bounds_the_slope_of_each_layer():
    discriminator = Discriminator(width=4, parametrization=partial(spectral_norm, n_power_iterations=30))
    weights = [layer.weight.flatten(1) for layer in (discriminator.layers[0], discriminator.head)]
    for weight in weights:
        assert torch.linalg.matrix_norm(weight, 2).item() == pytest.approx(1, abs=0.05)


def test_bad_input_to_the_networks_is_told_in_a_sentence():
    with pytest.raises(ValueError, match="3 doublings reach, a multiple of 8, got 28 x 28"):
        Generator((1, 28, 28), stages=3)
    with pytest.raises(ValueError, match=r"at least 8 x 8 for 3 stages, got \(7, 28\)"):
        Discriminator((1, 7, 28), stages=3)
    with pytest.raises(ValueError, match=r"expects noise \(B, 100\), got \(2, 64\)"):
        Generator()(torch.zeros(2, 64))
    with pytest.raises(ValueError, match=r"expects images \(B, 1, 28, 28\), got \(2, 3, 32, 32\)"):
        Discriminator()(torch.zeros(2, 3, 32, 32))
    with pytest.raises(ValueError, match="generator is conditional and expects labels"):
        Generator(classes=10)(torch.zeros(2, 100))
    with pytest.raises(ValueError, match="discriminator is conditional and expects labels"):
        Discriminator(classes=10)(torch.zeros(2, 1, 28, 28))


@pytest.fixture(scope="module")
def digits():
    train, _ = data.mnist()
    return train.subset(slice(0, 32))


def gan(**options):
    runtime.set_seed(0)
    classes = 10 if options.get("conditional") else None
    networks = Generator(latent_dim=6, width=4, classes=classes), Discriminator(width=4, classes=classes)
    return Adversarial(*networks, latent_dim=6, **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"loss": gan_losses.hinge, "augment": lambda x: x.roll(1, dims=3)},
        {"loss": gan_losses.wasserstein, "penalty": gan_losses.gradient_penalty()},
        {"conditional": True, "penalty": gan_losses.r1()},
    ],
)
def test_one_trainer_trains_both_players(options, digits, tmp_path):
    objective = gan(**options)
    before = {name: tensor.clone() for name, tensor in objective.state_dict().items()}
    trainer = Trainer(objective, partial(torch.optim.Adam, lr=1e-3), batch_size=16, progress=False)
    (row,) = trainer.fit(digits.with_value_range(-1, 1), 1, validation=digits.with_value_range(-1, 1))
    assert row.keys() >= {"discriminator_loss", "generator_loss", "validation_accuracy_real", "validation_accuracy_fake"}
    for part in objective.parts:
        assert any(not torch.equal(tensor, before[name]) for name, tensor in objective.state_dict().items() if part in name)
    objective.eval()
    noise = torch.Generator().manual_seed(3)
    images = objective.sample(5, noise)
    assert images.shape == (5, 1, 28, 28)
    checkpoints.save_weights(objective.generator, tmp_path / "generator.safetensors")
    other = gan(**options).eval()
    checkpoints.load_weights(other.generator, tmp_path / "generator.safetensors")
    torch.testing.assert_close(other.sample(5, torch.Generator().manual_seed(3)), images)


def test_the_discriminator_gets_no_gradient_in_the_generators_turn(digits):
    objective = gan()
    trainer = Trainer(objective, {"generator": torch.optim.SGD, "discriminator": partial(torch.optim.SGD, lr=0.0)})
    weights = [parameter.clone() for parameter in objective.discriminator.parameters()]
    trainer.fit(digits.with_value_range(-1, 1), 1)
    assert all(torch.equal(a, b) for a, b in zip(weights, objective.discriminator.parameters(), strict=True))


def test_images_in_another_range_than_the_generators_are_refused(digits):
    sentence = r"Expected images from -1 to 1, .* got a data set from 0 to 1; take images\.with_value_range\(-1, 1\)"
    trainer = Trainer(gan(), torch.optim.SGD, progress=False)
    with pytest.raises(ValueError, match=sentence):
        trainer.fit(digits, 1)
    trainer.fit(digits.with_value_range(-1, 1), 1)
    with pytest.raises(ValueError, match=sentence):  # every time, not the first alone
        trainer.fit(digits, 1)
    with pytest.raises(ValueError, match=sentence):
        trainer.fit(digits.with_value_range(-1, 1), 1, validation=digits)
    with pytest.raises(ValueError, match=sentence):
        trainer.evaluate(digits)


def test_the_classes_of_a_conditional_sample_can_be_chosen():
    objective = gan(conditional=True).eval()
    noise = torch.Generator().manual_seed(0)
    a, b = (objective.sample(3, noise.manual_seed(0), labels=torch.tensor(labels)) for labels in ([1, 2, 3], [1, 2, 4]))
    assert torch.equal(a[:2], b[:2])
    assert not torch.equal(a[2], b[2])


def test_a_discriminator_finds_the_share_of_the_real_density():
    """D = p / (p + q) on a line: two Gaussians that overlap (Goodfellow et al., 2014, proposition 1)."""
    runtime.set_seed(0)
    discriminator = models.MLP((1, 32, 32, 1), activation=nn.Tanh)
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=5e-3)
    for _ in range(400):
        real, fake = torch.randn(512, 1) - 0.5, torch.randn(512, 1) + 0.5
        loss = gan_losses.non_saturating.discriminator(discriminator(real), discriminator(fake)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x = torch.linspace(-2, 2, 41)[:, None]
    share = torch.sigmoid(-x)  # p / (p + q) of these two, in closed form
    assert (discriminator(x).sigmoid() - share).abs().mean() < 0.05


class Scalar(nn.Module):
    """A network of one weight: `starts` to the weight itself, whatever the noise; `judges` to weight times x."""

    def __init__(self, weight, *, judges):
        super().__init__()
        self.weight, self.judges = nn.Parameter(torch.tensor(float(weight))), judges

    def forward(self, x):
        return self.weight * x if self.judges else self.weight.expand(len(x), 1)


def test_an_unrolled_generator_sees_the_discriminator_that_comes():
    """The Dirac-GAN with the Wasserstein loss: after k steps of rate h, psi + k h (0 - theta) judges theta."""
    theta, psi, steps, rate = 0.7, 0.4, 3, 0.1
    gan = Unrolled(
        Scalar(theta, judges=False), Scalar(psi, judges=True), latent_dim=1, steps=steps, rate=rate, loss=gan_losses.wasserstein
    )
    real = torch.zeros(4, 1)
    (_, ours), (part, loss) = gan.losses((real, None))
    torch.testing.assert_close(ours, torch.full((4,), psi * theta))
    assert part == "generator"
    torch.testing.assert_close(loss, torch.full((4,), -(psi - steps * rate * theta) * theta))
    (slope,) = torch.autograd.grad(loss.mean(), gan.generator.weight)
    torch.testing.assert_close(slope, torch.tensor(-psi + 2 * steps * rate * theta))  # through the steps ahead, too
    assert gan.discriminator.weight.item() == pytest.approx(psi)


def test_the_trainer_trains_an_unrolled_game():
    ring = data.ring_of_gaussians(64)
    gan = Unrolled(models.MLP((2, 8, 2)), models.MLP((2, 8, 1)), latent_dim=2, steps=2, rate=0.1)
    before = {name: weight.clone() for name, weight in gan.state_dict().items()}
    Trainer(gan, partial(torch.optim.Adam, lr=1e-3), batch_size=32, progress=False).fit(ring, 1)
    moved = [name for name, weight in gan.state_dict().items() if not torch.equal(weight, before[name])]
    assert {name.split(".")[0] for name in moved} == {"generator", "discriminator"}
