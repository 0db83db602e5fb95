"""The photograph and its patches."""

import pytest
import torch

from course_lib import data


def test_the_photograph_and_its_shrunken_copies():
    photo = data.photograph()
    assert (photo.dtype, tuple(photo.shape)) == (torch.uint8, (3, 427, 640))
    third = data.photograph(shrink=3)
    assert tuple(third.shape) == (3, 142, 213)
    assert third[1, 5, 7] == photo[1, 15:18, 21:24].float().mean().round()


def test_the_other_photograph_is_a_flower_and_there_is_no_third():
    flower = data.photograph("flower", shrink=3)
    assert tuple(flower.shape) == (3, 142, 213)
    red, green, blue = flower[:, 60:80, 90:110].float().mean((1, 2))  # its middle is orange
    assert red > green > blue
    with pytest.raises(ValueError, match=r"china or flower, got 'tree'"):
        data.photograph("tree")


def test_a_patch_is_a_place_of_the_photograph_or_its_mirror_image():
    photo = torch.arange(3 * 5 * 7, dtype=torch.uint8).reshape(3, 5, 7)  # every value once
    patches = data.crops(photo, 2, count=400)
    assert repr(patches) == "patches of a 5 x 7 photograph: 400 images of 3x2x2, 1 classes, values 0 to 1"
    places, mirrored = set(), 0
    for patch in patches.images:
        left = patch.min(dim=2).values[0, 0].item()  # the smallest value of a row is its left end
        row, column = divmod(left, 7)
        expected = photo[:, row : row + 2, column : column + 2]
        turned = torch.equal(patch, expected.flip(2))
        assert turned or torch.equal(patch, expected)
        places.add((row, column))
        mirrored += turned
    assert len(places) == 4 * 6
    assert 150 < mirrored < 250


def test_patches_follow_the_seed_and_are_spread_evenly():
    photo = data.photograph(shrink=3)
    a, b, c = (data.crops(photo, 64, count=8, seed=seed).images for seed in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_a_patch_larger_than_the_photograph_is_refused():
    photo = data.photograph(shrink=10)
    data.crops(photo, 42, count=1)
    with pytest.raises(ValueError, match=r"fit into the photograph of 42 x 64, got size 43; shrink less\."):
        data.crops(photo, 43, count=1)
