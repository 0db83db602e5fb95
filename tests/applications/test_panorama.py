"""Larger pictures from overlapping windows: a pixel follows the mean of its windows, and one sentence for what cannot be."""

import pytest
import torch

from course_lib import applications, paths, samplers

PATH = paths.STRAIGHT
HALF = torch.tensor(0.5)


def seeded(number=0):
    return torch.Generator().manual_seed(number)


def shrink(z, t):
    """A denoiser that looks at each pixel alone: the best one of standard normal pixels."""
    alpha, sigma = PATH.alpha(t), PATH.sigma(t)
    scale = alpha**2 + sigma**2
    return alpha * z / scale, sigma * z / scale


def ramp(z, t):
    """A denoiser whose estimates depend on the place in the window alone: 0 at its left edge, 1 at its right one."""
    x = torch.linspace(0, 1, z.shape[3]).expand_as(z)
    return x, (z - PATH.alpha(t) * x) / PATH.sigma(t)


@pytest.mark.parametrize("size", [(8, 8), (8, 21), (19, 30)])
def test_windows_change_nothing_where_each_pixel_stands_alone(size):
    z = torch.randn(3, 2, *size, generator=seeded())
    wide = applications.overlapping(shrink, 8, stride=3)
    for each, expected in zip(wide(z, HALF), shrink(z, HALF), strict=True):
        assert torch.allclose(each, expected, atol=1e-6)
    drawn = [sampler(wide, z, PATH, PATH.times(5)) for sampler in (samplers.heun, samplers.ddim)]
    assert torch.allclose(drawn[0], samplers.heun(shrink, z, PATH, PATH.times(5)), atol=1e-5)
    assert torch.allclose(drawn[1], samplers.ddim(shrink, z, PATH, PATH.times(5)), atol=1e-5)


def test_a_pixel_follows_the_mean_of_the_windows_around_it_and_more_those_in_whose_middle_it_lies():
    z = torch.randn(1, 1, 4, 9, generator=seeded())
    x, noise = applications.overlapping(ramp, 4, stride=3)(z, HALF)  # windows at columns 0, 3 and, at the edge, 5
    inner, outer = 3 / 4, 1 / 4  # weights of a window's four columns: outer, inner, inner, outer
    at_5, at_6 = inner * 2 / 3 + outer * 0, outer * 1 + inner * 1 / 3
    expected = torch.tensor([0, 1 / 3, 2 / 3, 1 / 2, 1 / 3, at_5, at_6, 2 / 3, 1])
    assert torch.allclose(x, expected.expand_as(x), atol=1e-6)
    assert torch.allclose(PATH.mix(x, noise, HALF), z, atol=1e-6)


def test_more_overlap_leaves_smaller_steps_where_windows_meet():
    z = torch.randn(1, 1, 16, 64, generator=seeded())

    def steepest(stride):
        return applications.overlapping(ramp, 16, stride=stride)(z, HALF)[0].diff(dim=3).abs().max()

    assert steepest(16) == 1  # windows side by side: from the right edge of one to the left edge of the next
    assert steepest(4) < 0.3


def test_a_window_that_begins_leaves_no_seam():
    z = torch.randn(1, 1, 16, 64, generator=seeded())

    def constant(z, t):  # another estimate in each window
        x = torch.arange(len(z)).float()[:, None, None, None].expand_as(z)
        return x, (z - PATH.alpha(t) * x) / PATH.sigma(t)

    steps = applications.overlapping(constant, 16, stride=8)(z, HALF)[0].diff(dim=3)[0, 0, 0]
    assert torch.allclose(steps[8:55], torch.tensor(1 / 8), atol=0.06)  # an even slope from each window to the next


def test_bad_input_gets_one_sentence():
    with pytest.raises(ValueError, match="windows that touch, a stride of 8 at most, got 9"):
        applications.overlapping(shrink, 8, stride=9)
    with pytest.raises(ValueError, match="stride"):
        applications.overlapping(shrink, 8, stride=0)
    with pytest.raises(ValueError, match=r"of 8 x 8 or larger, got \(1, 1, 8, 7\)"):
        applications.overlapping(shrink, 8, stride=4)(torch.zeros(1, 1, 8, 7), HALF)
