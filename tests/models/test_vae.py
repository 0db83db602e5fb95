"""The variational autoencoder, its likelihoods and its bounds, against closed forms and torch's own distributions."""

import math
from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, MultivariateNormal, Normal, kl_divergence

from course_lib import data, likelihoods, losses, runtime
from course_lib.metrics import importance_bound
from course_lib.models import VAE, conv_vae, dense_vae, residual_vae
from course_lib.objectives import VariationalBound
from course_lib.trainer import Trainer


@pytest.fixture
def x():
    return torch.rand(3, 1, 8, 8)


@dataclass(frozen=True)
class Identity(likelihoods.Likelihood):
    """A normal distribution whose mean is the decoder's output itself."""

    deviation: float
    value_range = (-math.inf, math.inf)

    def _log_prob(self, parameters, x):
        return Normal(parameters, self.deviation).log_prob(x)

    def mean(self, parameters):
        return parameters


def linear_vae(deviation=0.5):
    """A linear VAE of five numbers with the exact posterior as its encoder: its bound is log p(x)."""
    w, b = torch.randn(5, 2), torch.randn(5)
    precision = torch.eye(2) + w.T @ w / deviation**2
    encoder, decoder = nn.Sequential(nn.Flatten(), nn.Linear(5, 4)), nn.Linear(2, 5)
    # With a diagonal posterior in reach: turn z so that the precision is diagonal.
    values, vectors = torch.linalg.eigh(precision)
    w = w @ vectors
    mean = (w / values).T / deviation**2  # (2, 5)
    with torch.no_grad():
        decoder.weight.copy_(w)
        decoder.bias.copy_(b)
        encoder[1].weight.copy_(torch.cat([mean, torch.zeros(2, 5)]))
        encoder[1].bias.copy_(torch.cat([-mean @ b, -values.log()]))
    vae = VAE(encoder, nn.Sequential(decoder, nn.Unflatten(1, (1, 1, 5))), shape=(1, 1, 5), latent_dim=2)
    exact = MultivariateNormal(b, w @ w.T + deviation**2 * torch.eye(5))
    return VariationalBound(vae, likelihood=Identity(deviation)), exact


def test_the_kl_is_torchs():
    mean, logvar = torch.randn(2, 4, 3)
    expected = kl_divergence(Normal(mean, (logvar / 2).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(losses.gaussian_kl(mean, logvar), expected)


def test_bernoulli_and_gaussian_agree_with_torchs_distributions(x):
    parameters = torch.randn_like(x)
    white = torch.bernoulli(x)
    expected = Bernoulli(logits=parameters).log_prob(white).flatten(1).sum(1)
    torch.testing.assert_close(likelihoods.Bernoulli().log_prob(parameters, white), expected)
    expected = Normal(parameters.sigmoid(), 0.2).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(likelihoods.Gaussian(0.2).log_prob(parameters, x), expected)


@pytest.mark.parametrize("log_scale", [-6.0, -4.0, -2.0, 0.0])
def test_a_discretized_logistic_is_a_distribution_over_256_levels(log_scale):
    levels = (torch.arange(256) / 255).view(256, 1, 1, 1)
    parameters = torch.tensor([0.074, log_scale]).view(1, 2, 1, 1).expand(256, 2, 1, 1)
    mass = likelihoods.DiscretizedLogistic().log_prob(parameters.double(), levels.double()).exp()
    assert mass.sum().item() == pytest.approx(1, abs=2e-3)
    assert abs((levels * mass.view_as(levels)).sum() - 0.574) < (0.01 if log_scale < -3 else 0.1)


def test_black_and_white_can_be_said_for_next_to_nothing():
    x = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1)
    parameters = torch.tensor([[-0.6, -5.0], [0.6, -5.0]]).view(2, 2, 1, 1)
    assert likelihoods.DiscretizedLogistic().log_prob(parameters, x).min() > -1e-4


def test_a_discretized_logistic_stays_finite_and_has_a_slope_far_away():
    parameters = torch.tensor([-9.0, -9.0]).view(1, 2, 1, 1).requires_grad_()
    nll = -likelihoods.DiscretizedLogistic().log_prob(parameters, torch.full((1, 1, 1, 1), 0.7))
    nll.sum().backward()
    assert torch.isfinite(nll).all()
    assert torch.isfinite(parameters.grad).all()
    assert parameters.grad[0, 0].item() < 0


@pytest.mark.parametrize("log_scale", [-6.0, -3.0, 0.0])
def test_a_mixture_of_one_is_a_discretized_logistic(log_scale):
    x = torch.randint(256, (2, 3, 4, 5)).double() / 255
    mean, log_scale = torch.randn(2, 3, 4, 5).double(), torch.full((2, 3, 4, 5), log_scale).double()
    one = likelihoods.LogisticMixture(1)
    expected = likelihoods.DiscretizedLogistic().log_prob(torch.cat([mean, log_scale], 1), x)
    weights = torch.randn(2, 3, 4, 5).double()  # of the only component: of no account
    torch.testing.assert_close(one.log_prob(torch.cat([weights, mean, log_scale], 1), x), expected)


def test_a_mixture_is_the_weighted_sum_and_adds_up_to_one():
    mixture, single = likelihoods.LogisticMixture(3), likelihoods.DiscretizedLogistic()
    levels = (torch.arange(256).double() / 255).view(256, 1, 1, 1)
    parts = torch.tensor([[0.2, -1.0, 0.5], [-0.4, 0.0, 0.45], [-5.0, -2.0, -4.0]]).double()  # logits, means, log scales
    mass = mixture.log_prob(parts.view(1, 9, 1, 1).expand(256, -1, -1, -1), levels).exp()
    each = [single.log_prob(parts[1:, [k]].view(1, 2, 1, 1).expand(256, -1, -1, -1), levels).exp() for k in range(3)]
    torch.testing.assert_close(mass, torch.stack(each, 1) @ parts[0].softmax(0))
    assert mass.sum().item() == pytest.approx(1, abs=2e-3)


def test_draws_of_a_mixture_have_its_frequencies():
    mixture = likelihoods.LogisticMixture(2)
    parameters = torch.tensor([1.0, -1.0, -0.5, 0.4, -4.0, -4.0]).view(1, 6, 1, 1).expand(20_000, -1, -1, -1)
    drawn = mixture.sample(parameters)
    light = (drawn > 0.5).float().mean().item()
    assert light == pytest.approx(torch.tensor(-2.0).sigmoid().item(), abs=0.01)
    assert drawn.mean().item() == pytest.approx(mixture.mean(parameters)[0].item(), abs=0.02)
    torch.testing.assert_close(drawn * 255, (drawn * 255).round(), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("likelihood", "variance", "levels"),
    [
        (likelihoods.Bernoulli(), lambda p: torch.sigmoid(p) * torch.sigmoid(-p), 1),
        (likelihoods.Gaussian(0.05), lambda p: torch.tensor(0.05**2), None),
        (likelihoods.DiscretizedLogistic(), lambda p: (math.pi * torch.tensor(-4.0).exp()) ** 2 / 3, 255),
    ],
)
def test_draws_have_the_mean_the_variance_and_the_levels(likelihood, variance, levels):
    parameters = torch.tensor([0.2, -4.0][: likelihood.params_per_channel]).view(1, -1, 1, 1)
    drawn = likelihood.sample(parameters.expand(20_000, -1, 1, 1))
    assert drawn.mean().item() == pytest.approx(likelihood.mean(parameters).item(), abs=0.02)
    assert drawn.var().item() == pytest.approx(variance(parameters[0, 0]).item(), rel=0.05)
    if levels:
        torch.testing.assert_close(drawn * levels, (drawn * levels).round(), atol=1e-3, rtol=0)


def test_the_bound_of_a_linear_vae_with_the_exact_posterior_is_the_likelihood():
    objective, exact = linear_vae()
    x = exact.sample((64,)).view(64, 1, 1, 5)
    expected = -exact.log_prob(x.flatten(1))
    repeats = torch.stack([objective.metrics((x, None))["loss"] for _ in range(400)])
    torch.testing.assert_close(repeats.mean(0), expected, atol=0.3, rtol=0)
    # With the exact posterior every draw has the same weight, so one draw is as good as many.
    torch.testing.assert_close(
        importance_bound(objective.vae, objective.likelihood, x[:4], 7), -expected[:4], atol=1e-4, rtol=1e-4
    )


def test_the_importance_bound_closes_in_on_the_likelihood():
    objective, exact = linear_vae()
    with torch.no_grad():
        objective.vae.encoder[1].bias[:2] += 0.15  # a posterior that is off
    x = exact.sample((16,)).view(16, 1, 1, 5)
    exact = exact.log_prob(x.flatten(1))
    gaps = [
        (exact - importance_bound(objective.vae, objective.likelihood, x, count, at_once=300)).mean().item()
        for count in (1, 30, 1000)
    ]
    assert gaps[0] > gaps[1] > gaps[2]
    assert abs(gaps[2]) < 0.05


def test_loss_is_distortion_plus_beta_times_rate(x):
    vae = dense_vae((1, 8, 8), latent_dim=3, hidden=(16,))
    results = []
    for beta in (1.0, 4.0):
        torch.manual_seed(0)
        ((part, loss),) = VariationalBound(vae, beta=beta).losses((x, None))
        assert part == "vae"
        results.append(loss)
    torch.manual_seed(0)
    found = VariationalBound(vae, beta=4.0).metrics((x, None))
    torch.testing.assert_close(results[0], found["distortion"] + found["rate"])
    torch.testing.assert_close(results[1], found["distortion"] + 4 * found["rate"])
    torch.testing.assert_close(found["negative_elbo"], results[0])
    torch.testing.assert_close(found["loss"], results[1])  # one name, one meaning: what is minimized


@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_free_bits_cost_a_constant_and_have_no_slope(x, beta):
    """One of three numbers says more than its share is free: it alone pays."""
    vae = dense_vae((1, 8, 8), latent_dim=3, hidden=(16,))
    with torch.no_grad():
        vae.encoder[-1].bias[0] = 5.0  # a mean far from zero, so a KL above 12 nats
    last, slopes = vae.encoder[-1].bias, []
    for free_bits in (8.0, 0.0):
        objective = VariationalBound(vae, beta=beta, free_bits=free_bits)
        torch.manual_seed(0)
        ((_, loss),) = objective.losses((x, None))
        slopes.append(torch.autograd.grad(loss.mean(), last)[0])
        if free_bits:
            torch.manual_seed(0)
            distortion = objective.metrics((x, None))["distortion"]
            _, kl = objective._terms(x)
            torch.testing.assert_close(loss, distortion + beta * (kl[:, 0] + 16))
            of_distortion = torch.autograd.grad(distortion.mean(), last)[0]
    paid, free = [0, 3], [1, 2, 4, 5]  # mean and log variance of the first number; of the other two
    torch.testing.assert_close(slopes[0][paid], slopes[1][paid])
    torch.testing.assert_close(slopes[0][free], of_distortion[free])
    assert (slopes[1][free] - of_distortion[free]).abs().max() > 1e-3


@pytest.mark.parametrize("make", [dense_vae, conv_vae, residual_vae])
@pytest.mark.parametrize("maps", [1, 2])
def test_shapes(make, maps):
    vae = make((3, 8, 12), latent_dim=5, params_per_channel=maps)
    mean, logvar = vae.encode(torch.rand(4, 3, 8, 12))
    assert mean.shape == logvar.shape == (4, 5)
    assert vae.decode(mean).shape == (4, 3 * maps, 8, 12)
    likelihood = {1: likelihoods.Bernoulli(), 2: likelihoods.DiscretizedLogistic()}[maps]
    drawn = VariationalBound(vae, likelihood=likelihood).sample(2, torch.Generator().manual_seed(0))
    assert drawn.shape == (2, 3, 8, 12)
    assert 0 <= drawn.min() <= drawn.max() <= 1


def test_training_lowers_the_bound():
    small_digits = data.mnist()[0].subset(slice(0, 256))
    objective = VariationalBound(dense_vae(latent_dim=4, hidden=(32,)))
    trainer = Trainer(objective, torch.optim.Adam, batch_size=32, progress=False)
    before = trainer.evaluate(small_digits)["loss"]
    trainer.fit(small_digits, 4)
    assert trainer.evaluate(small_digits)["loss"] < before - 50


@pytest.mark.parametrize(("bias", "expected"), [(1e6, 10), (-1e6, -10)])
def test_log_variances_cannot_overflow(x, bias, expected):
    vae = dense_vae((1, 8, 8), latent_dim=3, hidden=(16,))
    with torch.no_grad():
        vae.encoder[-1].bias[3:] = bias
    assert vae.encode(x)[1].unique().tolist() == [expected]
    ((_, loss),) = VariationalBound(vae).losses((x, None))
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert all(torch.isfinite(weight.grad).all() for weight in vae.parameters())


def test_images_out_of_range_are_refused_by_every_measure(x):
    objective = VariationalBound(dense_vae((1, 8, 8), latent_dim=3))
    for wrong in (x - 1, x + 0.5, torch.full_like(x, torch.nan)):
        with pytest.raises(ValueError, match="Expected images from 0 to 1"):
            objective.metrics((wrong, None))
        with pytest.raises(ValueError, match="Expected images from 0 to 1"):
            importance_bound(objective.vae, objective.likelihood, wrong, 3)


def test_what_does_not_fit_is_told(x):
    vae = dense_vae((1, 8, 8), latent_dim=3)
    with pytest.raises(ValueError, match=r"expects images \(B, 1, 8, 8\), got \(3, 1, 8, 9\)"):
        vae.encode(torch.rand(3, 1, 8, 9))
    with pytest.raises(ValueError, match=r"expects z of shape \(B, 3\), got \(2, 4\)"):
        vae.decode(torch.zeros(2, 4))
    for make in (conv_vae, residual_vae):
        with pytest.raises(ValueError, match="divisible by 4, got 30 x 28"):
            make((1, 30, 28))
    with pytest.raises(ValueError, match="2 x 1 maps"):
        VariationalBound(vae, likelihood=likelihoods.DiscretizedLogistic()).metrics((x, None))


def test_likelihoods_are_values():
    assert likelihoods.Bernoulli()
    assert likelihoods.Bernoulli() == likelihoods.Bernoulli() != likelihoods.DiscretizedLogistic()
    assert likelihoods.Gaussian(0.1) == likelihoods.Gaussian() != likelihoods.Gaussian(0.2)
    with pytest.raises(AttributeError):
        likelihoods.Gaussian().deviation = 1.0


def test_the_entropy_of_gray_is_a_floor():
    gray = torch.full((1, 1, 2, 2), 0.5)
    floor = -likelihoods.Bernoulli().log_prob(torch.zeros(1, 1, 2, 2), gray)
    assert floor.item() == pytest.approx(4 * math.log(2))
    assert runtime.precision() == "fp32"
