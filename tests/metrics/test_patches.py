"""Measures of patches against loops, closed forms and what is known of simple pictures."""

import pytest
import torch

from course_lib import metrics


def test_the_nearest_crop_is_found_as_by_a_loop_over_all_places():
    photos, images = torch.rand(2, 3, 9, 11) * 2 - 1, torch.rand(4, 3, 4, 5) * 2 - 1
    images[0] = photos[1, :, 2:6, 3:8]
    distance, *place = metrics.nearest_crop(images, photos)
    for i, image in enumerate(images):
        found = {
            (p, r, c): (photos[p, :, r : r + 4, c : c + 5] - image).square().mean().sqrt().item()
            for p in range(2)
            for r in range(6)
            for c in range(7)
        }
        best = min(found, key=found.get)
        assert tuple(each[i].item() for each in place) == best
        assert distance[i].item() == pytest.approx(found[best], abs=1e-3)
    assert tuple(each[0].item() for each in place) == (1, 2, 3)


def test_the_spectrum_of_a_wave_has_one_peak():
    x = torch.arange(32)
    wave = torch.cos(2 * torch.pi * 8 * x / 32).expand(2, 3, 32, 32)
    frequencies, power = metrics.spectrum(wave)
    assert frequencies.shape == power.shape == (15,)
    assert frequencies[power.argmax()].item() == pytest.approx(8 / 32)
    assert power[[2, 13]].max() < 1e-3 * power.max()
    torch.testing.assert_close(metrics.spectrum(wave.transpose(2, 3))[1], power)
    torch.testing.assert_close(metrics.spectrum(wave + 0.5)[1], power, rtol=1e-3, atol=1e-3)  # how bright does not matter


def test_the_spectrum_of_white_noise_is_flat():
    _, power = metrics.spectrum(torch.randn(300, 1, 32, 32))
    assert power.max() / power.min() < 1.25


def test_patch_features_say_what_is_where():
    image = torch.full((1, 3, 16, 16), -0.5)
    image[:, 0, :4, 4:8] = 1.0  # red, in the second cell of the first row
    features = metrics.patch_features(image)
    assert features.shape == (1, 63)
    assert features[0, 1].item() == pytest.approx(1.0)
    torch.testing.assert_close(features[0, [0, *range(2, 48)]], torch.full((47,), -0.5))
    assert features[0, 48] > 0
    torch.testing.assert_close(features[0, 49:51], torch.zeros(2))


@pytest.mark.parametrize(("axis", "directions"), [(3, {0, 4}), (2, {2, 6})])
def test_patch_features_know_the_direction_of_a_slope(axis, directions):
    ramp = torch.linspace(-1, 1, 16)
    image = (ramp if axis == 3 else ramp[:, None]).expand(1, 3, 16, 16)
    slopes = torch.stack([metrics.patch_features(x)[0, 55:] for x in (image, -image)])
    assert {row.argmax().item() for row in slopes} == directions
    torch.testing.assert_close(slopes.max(1).values, torch.full((2,), 2 / 15))


def test_finer_detail_is_counted_in_finer_octaves():
    x = torch.arange(16)
    checks = [((x // side)[:, None] + x // side) % 2 * 2.0 - 1 for side in (1, 2, 4)]
    octaves = metrics.patch_features(torch.stack(checks)[:, None].expand(3, 3, 16, 16))[:, 51:55]
    assert octaves.argmax(1).tolist() == [0, 1, 2]
