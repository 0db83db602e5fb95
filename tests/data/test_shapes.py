import math
import re

import pytest
import torch
import torch.nn.functional as F

from course_lib.data import Images, captions, shapes, split, unseen_pairs
from course_lib.data.shapes import BACKGROUNDS, COLORS, WORDS


def paint(colors, index):
    return torch.tensor(list(colors.values()), dtype=torch.float32)[index]  # (N, 3)


def around(mask, pixels):
    """Where a pixel of the mask (N, S, S) is at most `pixels` away, a square's reach."""
    return F.max_pool2d(mask[:, None].float(), 2 * pixels + 1, 1, pixels)[:, 0] > 0


def test_pixels_within_have_the_shapes_color_and_pixels_without_the_backgrounds():
    drawn = shapes(300)
    inside, outside = ~around(drawn.targets["mask"] == 0, 1), ~around(drawn.targets["mask"] > 0, 2)
    assert inside.flatten(1).any(1).all()
    for colors, name, where in ((COLORS, "color", inside), (BACKGROUNDS, "background", outside)):
        expected = paint(colors, drawn.targets[name])[..., None, None].expand_as(drawn.images)
        assert torch.equal(
            drawn.images.float()[where[:, None].expand_as(drawn.images)], expected[where[:, None].expand_as(expected)]
        )


def test_the_mask_names_the_shape():
    drawn = shapes(200)
    assert torch.equal(drawn.targets["mask"].flatten(1).amax(1).long(), drawn.targets["shape"] + 1)
    assert [drawn.classes[i] for i in drawn.targets["mask"].flatten(1).amax(1)] == [
        WORDS["shape"][i] for i in drawn.targets["shape"]
    ]


AREAS = {  # of a shape in a circle of radius 1
    "circle": math.pi,
    "square": 2,
    "triangle": 3 * math.sqrt(3) / 4,
    "star": 5 * 0.5 * math.sin(math.pi / 5),
    "cross": 8 * 0.35 * math.sqrt(1 - 0.35**2) - 4 * 0.35**2,
}


@pytest.mark.parametrize("size", [16, 32, 100])
def test_areas_and_centers_are_those_of_geometry(size):
    drawn = shapes(400, size=size)
    unit = torch.tensor([AREAS[name] for name in WORDS["shape"]])[drawn.targets["shape"]]
    expected = unit * (drawn.targets["diameter"] * size / 2) ** 2  # pixels
    present = (drawn.targets["mask"] > 0).float()
    counted = present.sum((1, 2))
    assert counted.min() >= 5
    edge = drawn.targets["diameter"] * size  # an error of a share of a pixel along the edge
    assert ((counted - expected).abs() / edge).max() < 1
    assert ((counted - expected) / edge).mean().abs() < 0.02

    ground, color = (paint(c, drawn.targets[n]) for c, n in ((BACKGROUNDS, "background"), (COLORS, "color")))
    cover = (drawn.images.float() - ground[..., None, None]).mean(1) / (color - ground).mean(1)[:, None, None]
    usable = (color - ground).mean(1).abs() > 30
    assert ((cover.sum((1, 2)) - expected).abs() / edge)[usable].max() < 0.3

    ticks = (torch.arange(size) + 0.5) / size
    for axis, name in ((1, "x"), (2, "y")):
        center = (present.sum(axis) * ticks).sum(1) / counted
        assert (center - drawn.targets[name]).abs().max() < 0.6 / size


@pytest.mark.parametrize(
    ("name", "tip", "period"), [("square", 45, 90), ("triangle", 0, 120), ("star", 0, 72), ("cross", 0, 90)]
)
def test_the_angle_turns_the_shape_clockwise(name, tip, period):
    drawn = shapes(200, size=96)
    drawn = drawn.subset(drawn.labels == WORDS["shape"].index(name))
    ticks = (torch.arange(96) + 0.5) / 96
    right, down = (ticks - drawn.targets["x"][:, None])[:, None, :], (ticks - drawn.targets["y"][:, None])[:, :, None]
    direction = torch.atan2(right, -down) * (360 / period)  # n-fold symmetry: all tips point the same way
    weight = (drawn.targets["mask"] > 0) * (right**2 + down**2) ** 1.5
    found = torch.atan2((weight * direction.sin()).sum((1, 2)), (weight * direction.cos()).sum((1, 2))).rad2deg() * period / 360
    error = (found - tip - drawn.targets["angle"] + period / 2) % period - period / 2
    assert error.abs().max() < 2


def test_factors_are_in_their_ranges_and_independent():
    factors = shapes(4000, size=16).targets
    for name in ("shape", "color", "background"):
        assert factors[name].dtype == torch.int64
        counts = factors[name].bincount(minlength=len(WORDS[name])) / 4000 * len(WORDS[name])
        assert counts.tolist() == pytest.approx([1] * len(WORDS[name]), abs=0.15)
    for name, low, high in (("diameter", 0.36, 0.64), ("x", 0.32, 0.68), ("y", 0.32, 0.68)):
        assert low <= factors[name].min() < low + 0.001
        assert high - 0.001 < factors[name].max() <= high
    for name, period in zip(WORDS["shape"], (0, 90, 120, 72, 90), strict=True):
        angles = factors["angle"][factors["shape"] == WORDS["shape"].index(name)]
        assert angles.min() >= 0
        assert 0.97 * period <= angles.max() <= period
    values = torch.stack([factors[name].float() for name in ("shape", "color", "background", "diameter", "x", "y")])
    assert (torch.corrcoef(values) - torch.eye(6)).abs().max() < 0.06


def test_a_seed_gives_the_same_shapes_whatever_the_count_noise_and_occlusion():
    one, more, hidden = shapes(20, seed=3), shapes(50, seed=3), shapes(20, seed=3, noise=(10, 40), occlusion=0.4)
    assert torch.equal(one.images, shapes(20, seed=3).images)
    assert torch.equal(hidden.images, shapes(20, seed=3, noise=(10, 40), occlusion=0.4).images)
    assert torch.equal(one.images, more.images[:20])
    assert torch.equal(one.targets["mask"], hidden.targets["mask"])
    assert all((one.targets[name] == hidden.targets[name]).all() for name in one.targets)
    assert not torch.equal(one.images, hidden.images)
    assert not torch.equal(one.targets["mask"], shapes(20, seed=4).targets["mask"])


def test_a_large_set_is_drawn_in_parts_that_fit_together():
    whole = shapes(300, size=64)
    assert torch.equal(whole.images[-5:], shapes(300, size=64).subset(slice(295, 300)).images)
    assert torch.equal(whole.images[:5], shapes(5, size=64).images)
    assert torch.equal(whole.targets["mask"].flatten(1).amax(1).long(), whole.targets["shape"] + 1)


def test_noise_has_its_deviation():
    clean, noisy = shapes(300), shapes(300, noise=20)
    gray = clean.targets["background"] == WORDS["background"].index("gray")  # far from 0 and 255, so nothing is cut off
    difference = (noisy.images.float() - clean.images.float())[gray].permute(1, 0, 2, 3)[:, (clean.targets["mask"] == 0)[gray]]
    assert difference.std().item() == pytest.approx(20, rel=0.02)
    assert difference.mean().item() == pytest.approx(0, abs=0.2)
    mixed = shapes(300, noise=(0, 40)).images.float() - clean.images.float()
    spread = mixed[gray].flatten(1).std(1)
    assert spread.min() < 5
    assert spread.max() > 30


def test_a_bar_hides_its_share_of_the_shape_in_another_color():
    clean, barred = shapes(300, size=64), shapes(300, size=64, occlusion=0.3)
    bar = (barred.images != clean.images).any(1)
    hidden = (bar & (clean.targets["mask"] > 0)).sum((1, 2)) / (clean.targets["mask"] > 0).sum((1, 2))
    assert hidden.min() > 0.1
    assert 0.25 < hidden.mean() < 0.45
    solid = ~around(~bar, 1)
    for index in range(300):
        colors = barred.images[index, :, solid[index]].T
        colors, counts = colors.unique(dim=0, return_counts=True)
        names = [n for n, value in COLORS.items() if value == tuple(colors[counts.argmax()].tolist())]
        assert names
        assert names[0] != WORDS["color"][clean.targets["color"][index]]


def test_no_bar_and_the_narrowest_bar_are_alike():
    assert torch.equal(shapes(20, occlusion=0).images, shapes(20).images)
    narrow = shapes(20, occlusion=1e-3).images.float() - shapes(20).images.float()
    assert narrow.abs().max() < 6


def test_captions_say_what_the_factors_say():
    drawn = shapes(500)
    pattern = re.compile(
        rf"a (small|medium|large) ({'|'.join(COLORS)}) (circle|square|triangle|star|cross) "
        rf"({'|'.join(WORDS['place'])}) on a (black|gray|white|brown) background"
    )
    for index, caption in enumerate(drawn.targets["caption"]):
        size, color, shape, place, background = pattern.fullmatch(caption).groups()
        for name, word in (("color", color), ("shape", shape), ("background", background)):
            assert WORDS[name][drawn.targets[name][index]] == word
        width = drawn.targets["diameter"][index].item()
        assert size == ("small" if width < 0.36 + 0.28 / 3 else "medium" if width < 0.36 + 0.56 / 3 else "large")
        x, y = (drawn.targets[name][index].item() for name in ("x", "y"))
        assert ("left" in place, "right" in place) == (x < 0.32 + 0.36 / 3, x >= 0.32 + 0.72 / 3)
        assert ("top" in place, "bottom" in place) == (y < 0.32 + 0.36 / 3, y >= 0.32 + 0.72 / 3)
        assert ("middle" in place) == (place == "in the middle")
    assert len(set(WORDS["place"])) == 9


def test_captions_leave_parts_out():
    drawn = shapes(2000)
    assert captions(drawn) == drawn.targets["caption"].tolist()
    shorter = captions(drawn, left_out=0.25)
    assert captions(drawn, left_out=0.25) == shorter != captions(drawn, left_out=0.25, seed=1)
    told = {
        name: sum(not {*sentence.split()}.isdisjoint(WORDS[name]) for sentence in shorter)
        for name in ("size", "color", "shape", "background")
    }
    told["place"] = sum(" at the " in sentence or " in the " in sentence for sentence in shorter)
    assert told.pop("shape") == 2000
    assert all(abs(count / 2000 - 0.75) < 0.03 for count in told.values())


def test_unseen_pairs_are_a_third_and_leave_each_color_and_shape_others():
    drawn = shapes(3000)
    unseen = unseen_pairs(drawn)
    pairs = {
        (color, shape)
        for color, shape in zip(*(drawn.targets[name][unseen].tolist() for name in ("color", "shape")), strict=True)
    }
    kept = {
        (color, shape)
        for color, shape in zip(*(drawn.targets[name][~unseen].tolist() for name in ("color", "shape")), strict=True)
    }
    assert (len(pairs), len(kept), pairs & kept) == (10, 20, set())
    for position, names in enumerate((WORDS["color"], WORDS["shape"])):
        for each in range(len(names)):
            assert sum(pair[position] == each for pair in kept) >= 3


@pytest.mark.parametrize("name", list(WORDS))
def test_by_gives_labeled_images(name):
    drawn = shapes(60, noise=10)
    images = drawn.by(name)
    assert isinstance(images, Images)
    assert images.classes == WORDS[name]
    assert torch.equal(images.images, drawn.images)
    for caption, label in zip(drawn.targets["caption"], images.labels, strict=True):
        assert WORDS[name][label] in caption


def test_by_knows_no_other_word():
    with pytest.raises(ValueError, match=r"shapes: expected one or more of mask, caption, shape, color, .*; got turn\."):
        shapes(2).by("turn")


def test_batches_subsets_and_splits():
    drawn = shapes(100)
    x, masks = drawn.batch(torch.tensor([7, 3]))
    assert (x.dtype, tuple(x.shape), masks.dtype, tuple(masks.shape)) == (
        torch.float32,
        (2, 3, 32, 32),
        torch.int64,
        (2, 32, 32),
    )
    torch.testing.assert_close(x, drawn.images[[7, 3]] / 255)
    part = drawn.subset([7, 3])
    assert len(part) == 2
    assert torch.equal(part.batch(slice(None))[1], masks)
    assert part.targets["caption"].tolist() == [drawn.targets["caption"][7], drawn.targets["caption"][3]]
    first, second = split(drawn, 0.8)
    assert (len(first), len(second)) == (80, 20)
    assert sorted([*first.targets["caption"], *second.targets["caption"]]) == sorted(drawn.targets["caption"])
    assert (first.labels.bincount() / 80 - drawn.labels.bincount() / 100).abs().max() < 0.02


def test_a_batch_is_laid_out_for_the_device():
    x, _ = shapes(2).batch(slice(None))
    assert x.dtype == torch.float32
    assert x.is_contiguous(memory_format=torch.channels_last)


def test_shapes_say_what_they_are():
    line = "shapes: 1,200 images of 3x16x16, mask of 6 classes, values 0 to 1"
    assert repr(shapes(1200, size=16)) == line
    assert repr(shapes(2, noise=30, occlusion=(0, 0.4))).startswith("shapes, noise 30, occlusion 0 to 0.4: 2 images of 3x32x32")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"count": 0}, "at least 1 picture of at least 16 pixels a side, got count=0 and size=32"),
        ({"size": 15}, "got count=2 and size=15"),
        ({"noise": -1}, r"noise of 0 or more .* got noise=\(-1, -1\) and occlusion=\(0.0, 0.0\)"),
        ({"noise": (5, 1)}, r"got noise=\(5, 1\)"),
        ({"occlusion": 0.9}, r"occlusion from 0 to 0.8, .* occlusion=\(0.9, 0.9\)"),
    ],
)
def test_shapes_that_cannot_be_drawn(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        shapes(**({"count": 2} | options))
