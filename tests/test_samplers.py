"""Samplers, held against a density that is known: a mixture of Gaussians, whose best denoiser is a formula."""

from functools import partial
from itertools import pairwise

import pytest
import torch

from course_lib import data, samplers
from course_lib.paths import COSINE, KARRAS, LINEAR, PATHS, STRAIGHT


@pytest.fixture(scope="module")
def mixture():
    return data.ring_of_gaussians(100, deviation=0.3)


def perfect(mixture, path):
    """The best denoiser of a mixture."""

    def denoise(z, t):
        alpha, sigma = path.alpha(t), path.sigma(t)
        x = mixture.denoised(z, alpha, sigma)
        return x, (z - alpha * x) / sigma.clamp(min=1e-9)  # at the data itself the mean of the noise is 0

    return denoise


def normal(deviation):
    """A mixture of one: everything about it is a formula."""
    return data.points.Gaussians(torch.zeros(1, 2), deviation, 10, seed=0, name="one Gaussian")


def start(path, count=200):
    z = torch.randn(count, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return z * path.sigma(torch.tensor(1.0, dtype=torch.float64))


def test_the_best_denoiser_is_the_mean_of_x_given_z(mixture):
    """By counting: of many x and z, those with z near a place."""
    generator = torch.Generator().manual_seed(0)
    x = mixture.points.repeat(20_000, 1)
    z = 0.6 * x + 0.8 * torch.randn(x.shape, generator=generator)
    for place in ([0.5, 0.9], [-1.2, 0.1]):
        near = (z - torch.tensor(place)).norm(dim=1) < 0.05
        assert near.sum() > 1000
        torch.testing.assert_close(mixture.denoised(torch.tensor([place]), 0.6, 0.8)[0], x[near].mean(0), atol=0.07, rtol=0)


def test_the_best_denoiser_follows_tweedie(mixture):
    """E[x | z] = (z + sigma^2 grad log p(z)) / alpha, with p the mixture, scaled and blurred."""
    alpha, sigma = 0.7, 0.4
    blurred = data.points.Gaussians(
        alpha * mixture.centers.cpu(), ((alpha * mixture.deviation) ** 2 + sigma**2) ** 0.5, 10, seed=0, name="blurred"
    )
    z = torch.randn(50, 2, requires_grad=True)
    (score,) = torch.autograd.grad(blurred.log_density(z).sum(), z)
    torch.testing.assert_close(mixture.denoised(z.detach(), alpha, sigma), (z.detach() + sigma**2 * score) / alpha)


@pytest.mark.parametrize(("sampler", "order"), [(samplers.euler, 1), (samplers.heun, 2)], ids=["euler", "heun"])
def test_order_of_convergence(mixture, sampler, order):
    """Halving the steps' length divides the error by 2^order, on a path away from the singular ends."""
    denoise = perfect(mixture, STRAIGHT)
    errors = []
    exact = samplers.heun(denoise, start(STRAIGHT), STRAIGHT, torch.linspace(0.95, 0.3, 2001))
    for steps in (40, 80, 160):
        found = sampler(denoise, start(STRAIGHT), STRAIGHT, torch.linspace(0.95, 0.3, steps + 1))
        errors.append((found - exact).norm(dim=1).mean().log2().item())
    for coarse, fine in pairwise(errors):
        assert coarse - fine == pytest.approx(order, abs=0.2)


@pytest.mark.parametrize("name", ["euler", "heun", "ddim", "ancestral"])
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
def test_every_sampler_reaches_the_data_on_every_path(mixture, name, path):
    how = {"generator": torch.Generator().manual_seed(1)} if name == "ancestral" else {}
    points = samplers.SAMPLERS[name](perfect(mixture, path), start(path, 400), path, path.times(200), **how)
    distances = torch.cdist(points.float(), mixture.centers)
    assert (distances.min(1).values < 4 * mixture.deviation).float().mean() > 0.97
    counts = distances.argmin(1).bincount(minlength=8)
    assert counts.min() > 25  # 50 each are expected


def test_samplers_draw_the_right_spread():
    """From one Gaussian of 0.5: the deviation of what is drawn, for the random sampler too."""
    for name, sampler in samplers.SAMPLERS.items():
        how = {"generator": torch.Generator().manual_seed(1)} if name == "ancestral" else {}
        points = sampler(perfect(normal(0.5), COSINE), start(COSINE, 4000), COSINE, COSINE.times(300), **how)
        assert points.std().item() == pytest.approx(0.5, rel=0.03), name


def test_ddim_is_euler_on_the_straight_path(mixture):
    denoise, times = perfect(mixture, STRAIGHT), STRAIGHT.times(7)
    by_euler, by_ddim = (sampler(denoise, start(STRAIGHT), STRAIGHT, times) for sampler in (samplers.euler, samplers.ddim))
    torch.testing.assert_close(by_euler, by_ddim)


def test_ddim_draws_the_same_on_every_path(mixture):
    """Paths differ in scale and pace alone: at the same ratios sigma / alpha, DDIM takes the same steps."""
    angles = torch.linspace(1.5, 0.05, 12, dtype=torch.float64)
    stops = {STRAIGHT: angles.tan() / (1 + angles.tan()), COSINE: angles / (torch.pi / 2), KARRAS: angles.tan() / 80}
    drawn = []
    for path, times in stops.items():
        begin = start(STRAIGHT) * torch.hypot(path.alpha(times[0]), path.sigma(times[0]))
        drawn.append(path.seen(samplers.ddim(perfect(mixture, path), begin, path, times), times[-1])[0])
    for others in drawn[1:]:
        torch.testing.assert_close(others, drawn[0])


def test_ancestral_step_is_that_of_ddpm():
    """Ho et al. (2020), eq. 7, for one step between two times of the linear path, where alpha^2 + sigma^2 = 1."""
    t, after = torch.tensor(0.6, dtype=torch.float64), torch.tensor(0.5, dtype=torch.float64)
    bar, bar_after = LINEAR.alpha(t) ** 2, LINEAR.alpha(after) ** 2
    ratio = bar / bar_after  # what DDPM calls alpha_t, and 1 - beta_t
    z, x = start(LINEAR, 4), start(LINEAR, 4).flip(0)
    mean = (bar_after.sqrt() * (1 - ratio) * x + ratio.sqrt() * (1 - bar_after) * z) / (1 - bar)
    deviation = ((1 - ratio) * (1 - bar_after) / (1 - bar)).sqrt()
    new = torch.randn(z.shape, generator=torch.Generator().manual_seed(3)).double()
    found = samplers.ancestral(
        lambda z, t: (x, (z - LINEAR.alpha(t) * x) / LINEAR.sigma(t)),
        z,
        LINEAR,
        torch.stack([t, after]),
        torch.Generator().manual_seed(3),
    )
    torch.testing.assert_close(found, mean + deviation * new)


def test_likelihood_of_a_known_density(mixture):
    x = mixture.points[:60].double()
    found = samplers.log_likelihood(perfect(mixture, STRAIGHT), x, STRAIGHT, torch.linspace(1, 0, 301) ** 3)
    torch.testing.assert_close(found, mixture.log_density(x), atol=2e-3, rtol=0)


def test_hutchinson_agrees_on_average():
    x = torch.randn(4, 1, 2, 2, dtype=torch.float64)
    denoise = lambda z, t: (0.3 * z + 0.1 * z.roll(1, -1), 0.5 * z.sin())  # noqa: E731
    exact = samplers.log_likelihood(denoise, x, STRAIGHT, STRAIGHT.times(8))
    many = samplers.log_likelihood(
        denoise, x.repeat(3000, 1, 1, 1), STRAIGHT, STRAIGHT.times(8), generator=torch.Generator().manual_seed(0)
    )
    torch.testing.assert_close(many.view(3000, 4).mean(0), exact, atol=0.02, rtol=0)


class Colours(torch.nn.Module):
    """A network with three classes that estimates the label itself, or -1."""

    classes = 3

    def forward(self, z, angle, labels=None):
        labels = torch.full((len(z),), -1) if labels is None else labels
        return labels[:, None].float().expand_as(z)


def test_guidance_steps_from_no_label_towards_the_label():
    z, t, labels = torch.zeros(3, 2), torch.tensor(0.5), torch.tensor([0, 1, 2])
    for scale, expected in ((0.0, [-1, -1, -1]), (1.0, [0, 1, 2]), (3.0, [2, 5, 8])):
        _, noise = samplers.denoiser(Colours(), STRAIGHT, "noise", labels=labels, guidance=scale)(z, t)
        assert noise[:, 0].tolist() == expected


def test_bad_input_is_a_sentence(mixture):
    z, labels = torch.zeros(3, 2), torch.tensor([0, 1, 2])
    plain = partial(samplers.denoiser, lambda z, angle: z, STRAIGHT, "noise")
    with pytest.raises(ValueError, match=r"^Expected labels to guide by, got guidance 2 and none\.$"):
        samplers.denoiser(Colours(), STRAIGHT, "noise", guidance=2.0)
    with pytest.raises(ValueError, match=r"^Expected a conditional network for labels and guidance, got one without"):
        plain(labels=labels)
    with pytest.raises(ValueError, match=r"^Expected labels 0..2, integers, or -1 for none, got 0..3\.$"):
        samplers.denoiser(Colours(), STRAIGHT, "noise", labels=torch.tensor([0, 3]))
    for times in ([1.2, 0.0], [1.0, 1.0, 0.0], [0.5], [0.2, 0.8], [1.0, -0.1]):
        with pytest.raises(ValueError, match=r"^Expected two times or more that fall from at most 1 to at least 0, got \["):
            samplers.euler(perfect(mixture, STRAIGHT), z, STRAIGHT, torch.tensor(times))
