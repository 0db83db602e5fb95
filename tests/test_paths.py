"""Paths from data to noise: their rates, and that every prediction tells all the others."""

import math

import pytest
import torch

from course_lib import paths
from course_lib.paths import PATHS, PREDICTIONS, separate

EACH = pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
TIMES = torch.tensor([0.01, 0.2, 0.5, 0.8, 0.99], dtype=torch.float64)


def random(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def slope(function):
    """By central differences at TIMES."""
    return (function(TIMES + 1e-5) - function(TIMES - 1e-5)) / 2e-5


@EACH
def test_rates_are_the_derivatives(path):
    for function, rate in ((path.alpha, path.alpha_rate), (path.sigma, path.sigma_rate)):
        torch.testing.assert_close(rate(TIMES), slope(function), atol=1e-5, rtol=1e-5)


@EACH
def test_a_path_leads_from_the_data_to_noise(path):
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    alpha, sigma = path.alpha(ends), path.sigma(ends)
    assert (alpha[0].item(), sigma[0].item()) == pytest.approx((1, 0), abs=1e-12)
    assert sigma[1] / torch.hypot(alpha, sigma)[1] == pytest.approx(1, abs=1e-4)
    assert (path.sigma(TIMES).diff() > 0).all()
    assert (path.alpha(TIMES).diff() <= 0).all()


@EACH
def test_the_velocity_is_how_the_mixture_changes(path):
    x, noise = random(5, 3), random(5, 3)
    expected = slope(lambda t: path.mix(x, noise, t))
    torch.testing.assert_close(path.velocity(x, noise, TIMES), expected, atol=1e-5, rtol=1e-5)


@EACH
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_every_prediction_tells_x_and_noise(path, prediction):
    if path is paths.KARRAS and prediction == "velocity":  # there it is the noise, times 80
        assert [rate.item() for rate in path.target(prediction, TIMES[0])] == [0, 80]
    x, noise = random(5, 2, 3), random(5, 2, 3)
    a, b = (factor[:, None, None] for factor in path.target(prediction, TIMES))
    found = separate(path.mix(x, noise, TIMES), a * x + b * noise, path, prediction, TIMES)
    torch.testing.assert_close(found, (x, noise), atol=1e-6, rtol=1e-6)


@EACH
def test_networks_see_the_same_of_every_path(path):
    x, noise = random(5, 3), random(5, 3)
    seen, angle = path.seen(path.mix(x, noise, TIMES), TIMES)
    torch.testing.assert_close(seen, angle.cos()[:, None] * x + angle.sin()[:, None] * noise)
    assert 0 <= angle.min() <= angle.max() <= math.pi / 2


def test_ddpm_betas_make_the_linear_path():
    """Ho et al. (2020): a thousand betas from 1e-4 to 0.02, alpha-bar the product of 1 - beta."""
    product = (1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)).cumprod(0)
    t = torch.arange(1, 1001, dtype=torch.float64) / 1000
    torch.testing.assert_close(paths.LINEAR.alpha(t), product.sqrt(), atol=0.003, rtol=0)


def test_karras_spaces_steps_as_equation_5():
    sigma = paths.KARRAS.sigma(paths.KARRAS.times(18))
    steps = torch.arange(19, dtype=torch.float64) / 18
    torch.testing.assert_close(sigma, (80 ** (1 / 7) * (1 - steps)) ** 7)


def test_shifted_times_take_shorter_steps_near_the_noise():
    times = paths.STRAIGHT.times(4, shift=3.0)
    torch.testing.assert_close(times, torch.tensor([1, 0.9, 0.75, 0.5, 0], dtype=torch.float64))
    assert torch.equal(paths.KARRAS.times(5, shift=1.0), paths.KARRAS.times(5))


def test_what_is_no_prediction_and_no_step_is_a_sentence():
    with pytest.raises(ValueError, match=r"^Expected a prediction of x, noise, velocity, v, got 'epsilon'\.$"):
        paths.STRAIGHT.target("epsilon", torch.tensor(0.5))
    with pytest.raises(ValueError, match=r"^Expected 1 step or more, got 0\.$"):
        paths.STRAIGHT.times(0)
    with pytest.raises(ValueError, match=r"^Expected a shift above 0, got -1\.$"):
        paths.STRAIGHT.times(2, shift=-1)
