"""Masks, methods and measures of inpainting: what is known stays, closed forms, and one sentence for what cannot be."""

from functools import partial

import pytest
import torch

from course_lib import applications, data, paths, samplers
from course_lib.applications import inpainting, masks

PATH = paths.STRAIGHT
MEAN, DEVIATION = 0.3, 0.2


def seeded(number=0):
    return torch.Generator().manual_seed(number)


def normal(z, t):
    """The best denoiser of pixels that are independent and normal, in -1..1: mean 0.3, deviation 0.2."""
    alpha, sigma = PATH.alpha(t), PATH.sigma(t)
    gain = alpha * DEVIATION**2 / (alpha**2 * DEVIATION**2 + sigma**2)
    x = MEAN + gain * (z - alpha * MEAN)
    return x, (z - alpha * x) / sigma.clamp(min=1e-6)


@pytest.fixture
def pictures():
    return torch.rand(6, 1, 28, 28, generator=seeded()), masks.holes(6, generator=seeded(1))


@pytest.mark.parametrize("name", masks.MASKS)
def test_masks_hide_some_of_each_image_and_a_seed_repeats_them(name):
    draw = masks.MASKS[name]
    again = {} if name == "half" else {"generator": seeded(3)}
    keep = draw(50, **again)
    assert keep.shape == (50, 1, 28, 28)
    inpainting.check(torch.rand(50, 1, 28, 28), keep)
    again = {} if name == "half" else {"generator": seeded(3)}
    assert torch.equal(keep, draw(50, **again))


def test_a_hole_is_a_square_and_a_stroke_is_as_wide_as_it_should_be():
    hole = masks.holes(1, number=1, side=5, generator=seeded())
    rows, columns = (~hole[0, 0]).nonzero().unbind(1)
    assert len(rows) == 25
    assert rows.max() - rows.min() == columns.max() - columns.min() == 4
    assert (~masks.lower_half(2, size=6)).nonzero()[:, 2].unique().tolist() == [3, 4, 5]
    stroke = masks.strokes(200, number=1, width=4.0, generator=seeded()).logical_not().sum((1, 2, 3)).double()
    length = 0.5214 * 28  # the mean distance of two random places in a square, times its side
    assert stroke.mean() == pytest.approx(length * 4 + torch.pi * 4, rel=0.15)  # less what lies outside


@pytest.mark.parametrize(
    ("x", "keep", "sentence"),
    [
        (torch.rand(2, 1, 4, 4), torch.ones(2, 1, 4, 4).bool(), "keeps them all"),
        (torch.rand(2, 1, 4, 4), torch.zeros(2, 1, 4, 4).bool(), "keeps none"),
        (torch.rand(2, 1, 4, 4), torch.ones(2, 1, 4, 4), "bool mask, True where a pixel is known, got torch.float32"),
        (torch.rand(2, 1, 4, 4), torch.ones(4, 4).bool(), r"shape \(2, 1, 4, 4\), got \(4, 4\)"),
        (torch.rand(2, 1, 4, 4), torch.ones(3, 1, 4, 4).bool(), r"got \(3, 1, 4, 4\)"),
        (torch.rand(2, 1, 4, 4) - 1, torch.ones(2, 1, 4, 4).bool(), r"images in 0..1, got -.*\(x \+ 1\) / 2"),
        (torch.full((2, 1, 4, 4), torch.nan), torch.ones(2, 1, 4, 4).bool(), "images in 0..1, got nan"),
        (torch.zeros(2, 1, 4, 4).byte(), torch.ones(2, 1, 4, 4).bool(), "of floats, got torch.uint8"),
        (torch.rand(4, 4), torch.ones(4, 4).bool(), r"images \(B, C, H, W\)"),
    ],
)
def test_what_cannot_be_filled_in_gets_one_sentence(x, keep, sentence):
    methods = [
        inpainting.check,
        lambda x, keep: inpainting.composite(x, x, keep),
        inpainting.shown,
        partial(inpainting.mean_of_nearest, examples=torch.rand(3, 1, 4, 4)),
        partial(inpainting.search, lambda z: z, torch.zeros(2, 1)),
        lambda x, keep: inpainting.repaint(normal, x, keep, PATH, PATH.times(2)),
        lambda x, keep: inpainting.seams(x, keep),
    ]
    for method in methods:
        with pytest.raises((TypeError, ValueError), match=sentence):
            method(x, keep)


def test_the_other_arguments_are_looked_at_too(pictures):
    x, keep = pictures
    with pytest.raises(ValueError, match=r"what was filled in to have the images' shape .*, got \(6, 1, 27, 28\)"):
        inpainting.composite(x, x[:, :, 1:], keep)
    with pytest.raises(ValueError, match=r"two fillings or more .* got shape \(1, 6, 1, 28, 28\)"):
        inpainting.spread(x[None], keep)
    with pytest.raises(ValueError, match=r"shape of measure\(x\), \(6, 1, 28, 28\), got \(6, 784\)"):
        inpainting.guided(normal, lambda x: x, x.flatten(1), PATH)(x, torch.tensor(0.5))


def test_the_mean_of_the_nearest_is_found_as_by_a_loop(pictures):
    x, keep = pictures
    examples = torch.rand(30, 1, 28, 28, generator=seeded(2))
    found = inpainting.mean_of_nearest(x, keep, examples, count=3)
    for i in range(len(x)):
        off = [((x[i] - example) * keep[i]).square().sum() for example in examples]
        nearest = torch.stack(off).topk(3, largest=False).indices
        assert torch.allclose(found[i], examples[nearest].mean(0))
    assert torch.equal(inpainting.mean_of_nearest(x, keep, torch.cat([examples, x]), count=1), x)


def test_masked_pictures_show_the_known_pixels_and_the_mask():
    digits = data.unseen_digits()
    shown, x = applications.Masked(digits, masks.lower_half).batch(torch.arange(5))
    assert shown.shape == (5, 2, 28, 28)
    assert torch.equal(shown[:, :1, :14], x[:, :, :14])
    assert shown[:, 1, :14].min() == 1
    assert shown[:, :, 14:].max() == 0


def test_a_search_in_a_linear_generator_finds_the_most_probable_z():
    weights = torch.randn(4, 30, generator=seeded())
    x = torch.rand(3, 1, 5, 6, generator=seeded(1))
    keep = torch.rand(3, 1, 5, 6, generator=seeded(2)) < 0.6
    z, cost = inpainting.search(lambda z: (z @ weights).view(-1, 1, 5, 6), torch.zeros(3, 4), x, keep, deviation=0.5, steps=300)
    for i in range(3):
        seen = weights[:, keep[i].flatten()]  # (4, known)
        best = torch.linalg.solve(seen @ seen.T + 0.25 * torch.eye(4), seen @ x[i][keep[i]])
        assert torch.allclose(z[i], best, atol=2e-3)
        least = (best @ seen - x[i][keep[i]]).square().sum() / 0.5 + best.square().sum() / 2
        assert cost[i] == pytest.approx(least.item(), rel=1e-3)


@pytest.mark.parametrize("rounds", [1, 3])
def test_repaint_keeps_what_is_known_and_draws_the_rest_from_its_distribution(rounds):
    x, keep = torch.rand(40, 1, 10, 10, generator=seeded()), masks.lower_half(40, size=10)
    filled = inpainting.repaint(normal, x, keep, PATH, PATH.times(100) ** 2, rounds=rounds, generator=seeded(1))
    assert torch.allclose(filled[:, :, :5], x[:, :, :5], atol=1e-6)
    hidden = 2 * filled[:, :, 5:] - 1
    assert hidden.mean() == pytest.approx(MEAN, abs=0.02)
    assert hidden.std() == pytest.approx(DEVIATION, rel=0.1)
    again = inpainting.repaint(normal, x, keep, PATH, PATH.times(100) ** 2, rounds=rounds, generator=seeded(1))
    assert torch.equal(filled, again)


def test_a_round_asks_the_denoiser_once():
    asked = []

    def counting(z, t):
        asked.append(t.item())
        return normal(z, t)

    x, keep = torch.rand(1, 1, 4, 4), masks.lower_half(1, size=4)
    inpainting.repaint(counting, x, keep, PATH, PATH.times(4), rounds=3)
    assert asked == [1.0] * 3 + [0.75] * 3 + [0.5] * 3 + [0.25] * 3


def test_guidance_pulls_towards_what_was_measured_and_none_of_it_changes_nothing():
    z, y = torch.randn(5, 1, 4, 4, generator=seeded()), torch.rand(5, 1, 4, 4, generator=seeded(1))
    keep = masks.lower_half(5, size=4)
    for t in (0.9, 0.5, 0.1):
        t = torch.tensor(t)
        plain, noise = normal(z, t)
        same = inpainting.guided(normal, lambda x: x * keep, y * keep, PATH, strength=0.0)(z, t)
        assert torch.allclose(same[0], plain)
        assert torch.allclose(same[1], noise, atol=1e-4)
        # x is linear in z here, so that the gradient is known: x + gain * (y - x) / r^2 * sigma^2 / alpha where it is measured
        x, noise = inpainting.guided(normal, lambda x: x * keep, y * keep, PATH)(z, t)
        alpha, sigma = PATH.alpha(t), PATH.sigma(t)
        gain = alpha * DEVIATION**2 / (alpha**2 * DEVIATION**2 + sigma**2)
        pulled = plain + (alpha**2 + sigma**2) / alpha * gain * (y - plain)
        assert torch.allclose(x, torch.where(keep, pulled, plain), atol=1e-5)
        assert torch.allclose(alpha * x + sigma * noise, z, atol=1e-5)


def test_every_sampler_takes_a_guided_denoiser():
    x = torch.rand(30, 1, 8, 8, generator=seeded()) * 0.8 - 0.1
    shrink = partial(torch.nn.functional.avg_pool2d, kernel_size=4)
    steered = inpainting.guided(normal, shrink, shrink(x), PATH, strength=4.0)
    for sampler in samplers.SAMPLERS.values():
        drawn = sampler(steered, torch.randn(x.shape, generator=seeded(1)), PATH, PATH.times(40))
        plain = sampler(normal, torch.randn(x.shape, generator=seeded(1)), PATH, PATH.times(40))
        assert (shrink(drawn) - shrink(x)).square().mean() < 0.3 * (shrink(plain) - shrink(x)).square().mean()


def test_measures_of_simple_pictures(pictures):
    x, keep = pictures
    assert inpainting.hidden_error(x, x, keep).max() == 0
    off = torch.where(keep, x + 5.0, x + 0.2)  # what is known does not count
    assert torch.allclose(inpainting.hidden_error(x, off, keep), torch.tensor(0.2))
    half = masks.lower_half(1, size=6)
    assert inpainting.seams(half.float(), half).item() == 1  # a white half above a black one
    assert inpainting.seams(torch.full((1, 1, 6, 6), 0.4), half).item() == 0
    columns = torch.arange(6).float().div(6).expand(1, 1, 6, 6)
    assert inpainting.seams(columns, half).item() == 0
    assert inpainting.seams(columns, half.mT).item() == pytest.approx(1 / 6)
    fillings = torch.stack([x, torch.where(keep, x, x + 0.1), torch.where(keep, 0.0, x - 0.1)])
    expected = ((0.1**2 + 0.1**2 + 0.2**2) / 3) ** 0.5
    assert torch.allclose(inpainting.spread(fillings, keep), torch.tensor(expected))
