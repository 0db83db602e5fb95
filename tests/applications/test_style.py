"""Textures and styles: Gram matrices and sorted values against plain sums, what falls when pixels move, and one sentence."""

import pytest
import torch

from course_lib.applications import style


def seeded(number=0):
    return torch.Generator().manual_seed(number)


@pytest.fixture
def picture():
    return torch.rand(1, 3, 24, 32, generator=seeded())


def test_a_gram_matrix_is_the_mean_of_products_and_forgets_places():
    h = torch.randn(2, 4, 5, 6, generator=seeded())
    found = style.gram(h)
    for b, i, j in ((0, 1, 2), (1, 3, 3), (1, 0, 3)):
        total = sum(h[b, i, y, x] * h[b, j, y, x] for y in range(5) for x in range(6))
        assert found[b, i, j].item() == pytest.approx(total.item() / 30, abs=1e-5)
    order = torch.randperm(30, generator=seeded(1))
    assert torch.allclose(style.gram(h.flatten(2)[..., order].view_as(h)), found, atol=1e-5)
    assert not torch.allclose(style.gram(h[:, [1, 0, 2, 3]]), found, atol=0.01)
    assert torch.allclose(style.gram(h.repeat(1, 1, 2, 3)), found, atol=1e-5)  # a larger piece of the same


@pytest.mark.parametrize("compare", [style.gram_distance, style.sliced_wasserstein])
def test_both_distances_are_zero_for_the_same_values_elsewhere_and_keep_pictures_apart(compare):
    h = torch.rand(2, 4, 6, 6, generator=seeded())
    moved = h.flatten(2)[..., torch.randperm(36, generator=seeded(1))].view_as(h)
    assert compare(moved, h).shape == (2,)
    assert compare(moved, h).max() < 1e-10
    assert compare(h.repeat(1, 1, 2, 1), h).max() < 1e-10
    half = torch.cat([h[:1] * 0.5, h[1:]])
    apart = compare(half, h)
    assert apart[0] > 0.1
    assert apart[1] < 1e-10
    assert torch.allclose(compare(half, h[:1]), torch.stack([compare(x[None], h[:1])[0] for x in half]))


def test_of_sorted_values_the_distance_is_that_of_the_best_pairing():
    found, wanted = torch.tensor([[[[3.0, 0.0, 1.0]]]]), torch.tensor([[[[1.0, 2.0, 2.0]]]])
    assert style.sliced_wasserstein(found, wanted).item() == pytest.approx((1 + 1 + 1) / (1 + 4 + 4))
    twin = torch.tensor([[[[1.0, -1.0], [1.0, -1.0]]]])  # as much variance, other values
    other = torch.tensor([[[[2**0.5, -(2**0.5)], [0.0, 0.0]]]])
    assert style.gram_distance(twin, other).item() == pytest.approx(0, abs=1e-10)
    assert style.sliced_wasserstein(twin, other).item() > 0.1


def test_random_filters_have_norm_one_and_do_not_see_plain_colors(picture):
    features = style.RandomFilters(count=5, side=7, scales=3)
    maps = features(picture)
    assert [tuple(h.shape) for h in maps] == [(1, 3, 24, 32), (1, 5, 24, 32), (1, 5, 12, 16)]  # 6 x 8 is too small
    assert torch.equal(maps[0], picture)
    assert torch.allclose(features.filters.flatten(1).norm(dim=1), torch.ones(5))
    tinted = picture + torch.tensor([0.2, -0.3, 0.7]).view(3, 1, 1)
    assert torch.allclose(features(tinted)[1], maps[1], atol=1e-5)
    inside = (picture[0, :, 2:9, 4:11] * features.filters[3]).sum().clamp(min=0)
    assert maps[1][0, 3, 5, 7].item() == pytest.approx(inside.item(), abs=1e-5)
    assert torch.equal(style.RandomFilters(count=5).filters, features.filters)


def test_vgg_takes_the_weights_of_its_layers_and_leaves_the_others_out(picture):
    weights = style.VGGFeatures().state_dict() | {"classifier.6.bias": torch.zeros(1000), "features.34.bias": torch.zeros(512)}
    first, second = style.VGGFeatures(weights=weights), style.VGGFeatures(weights=weights)
    maps = first(picture)
    assert [tuple(h.shape[1:]) for h in maps] == [(64, 24, 32), (128, 12, 16), (256, 6, 8), (512, 3, 4)]
    assert all(torch.equal(*pair) for pair in zip(maps, second(picture), strict=True))
    assert not any(weight.requires_grad for weight in first.parameters())
    with pytest.raises(RuntimeError, match=r"features\.0\.weight"):
        style.VGGFeatures(weights={"conv1.weight": torch.zeros(64, 3, 7, 7)})


def test_torchvision_calls_these_layers_by_the_same_names():
    from torchvision.models.vgg import cfgs, make_layers

    theirs = make_layers(cfgs["E"], batch_norm=False).state_dict(prefix="features.")
    assert all(theirs[name].shape == weight.shape for name, weight in style.VGGFeatures().state_dict().items())


@pytest.mark.parametrize("compare", [style.gram_distance, style.sliced_wasserstein])
def test_steps_bring_the_style_nearer_and_weight_keeps_the_content(picture, compare):
    features = style.RandomFilters(count=8, scales=2)
    content = torch.rand(2, 3, 16, 16, generator=seeded(1)) * 0.4
    wanted = features(picture)
    off = {}
    for weight in (0.0, 10.0):
        made = style.stylize(content, picture, features, content=content, content_weight=weight, compare=compare, steps=12)
        assert made.shape == content.shape
        assert made.min() >= 0
        assert made.max() <= 1
        found = features(made)
        off[weight] = style.style_loss(found, wanted, compare).mean(), style.content_loss(found, features(content)).mean()
    before = style.style_loss(features(content), wanted, compare).mean()
    assert off[0.0][0] < 0.3 * before
    assert off[0.0][0] < off[10.0][0]
    assert off[10.0][1] < 0.5 * off[0.0][1]


def test_a_texture_comes_from_noise_in_any_size():
    columns = torch.arange(32).mul(0.8).sin().mul(0.4).add(0.5)  # stripes
    picture = columns.expand(1, 3, 24, 32).contiguous()
    features = style.RandomFilters(count=6, scales=2)
    made = style.synthesize(picture, features, size=32, halvings=1, steps=15, generator=seeded())
    assert made.shape == (1, 3, 32, 32)
    noise = torch.rand(1, 3, 32, 32, generator=seeded(1))
    wanted = features(picture)
    assert style.style_loss(features(made), wanted) < 0.3 * style.style_loss(features(noise), wanted)
    assert torch.equal(made, style.synthesize(picture, features, size=32, halvings=1, steps=15, generator=seeded()))


@pytest.mark.parametrize(
    ("x", "more", "sentence"),
    [
        (torch.rand(1, 3, 6, 9), {}, "at least 7 x 7, as the filters are, got 6 x 9"),
        (torch.rand(3, 16, 16), {}, r"pictures \(B, 3, H, W\), got shape \(3, 16, 16\)"),
        (torch.rand(1, 1, 16, 16), {}, r"got shape \(1, 1, 16, 16\)"),
        (torch.zeros(1, 3, 16, 16).byte(), {}, "got torch.uint8; divide bytes by 255"),
        (torch.rand(1, 3, 16, 16) * 2 - 1, {}, r"pictures in 0\.\.1, got -.*\(x \+ 1\) / 2"),
        (torch.full((1, 3, 16, 16), torch.nan), {}, r"pictures in 0\.\.1, got nan"),
        (torch.rand(1, 3, 16, 16), {"content_weight": -1.0}, "content weight of 0 or more .* got -1.0"),
        (torch.rand(1, 3, 16, 16), {"steps": 0}, "1 step or more, got 0.0 and 0"),
        (torch.rand(1, 3, 16, 16), {"content_weight": 1.0}, "content of the shape of x, .* got none"),
        (
            torch.rand(1, 3, 16, 16),
            {"content_weight": 1.0, "content": torch.rand(1, 3, 8, 16)},
            r"shape of x, \(1, 3, 16, 16\), got \(1, 3, 8, 16\)",
        ),
    ],
)
def test_what_cannot_be_stylized_gets_one_sentence(picture, x, more, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        style.stylize(x, picture, style.RandomFilters(count=2), **{"steps": 1} | more)


def test_filters_and_sizes_that_cannot_be_are_refused(picture):
    with pytest.raises(ValueError, match="an odd side from 3 on, got 48, 4, 6"):
        style.RandomFilters(side=6)
    with pytest.raises(ValueError, match="halved 3 times, got 100; take a multiple of 8"):
        style.synthesize(picture, style.RandomFilters(count=2), size=100)
    with pytest.raises(ValueError, match="at least 8 x 8, got 7 x 32"):
        style.VGGFeatures()(picture[:, :, :7])
