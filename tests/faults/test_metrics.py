"""Measures on features that are many, far away, large, or not there."""

import pytest
import torch

from course_lib.metrics import generative, kernel_distance, modes_covered, precision_recall


def features(count, width, seed):
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_kernel_distance_in_blocks_is_that_of_all_at_once(monkeypatch):
    real, fake = features(150, 7, 0), features(130, 7, 1) + 0.3
    whole = kernel_distance(real, fake)
    for block in (37, 64, 149):
        monkeypatch.setattr(generative, "BLOCK", block)
        assert kernel_distance(real, fake) == pytest.approx(whole, rel=1e-12)


def test_the_memory_of_the_kernel_distance_does_not_grow(monkeypatch):
    """Every tensor that torch makes on the way is seen."""
    largest = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, arguments=(), options=None):
            result = function(*arguments, **(options or {}))
            if isinstance(result, torch.Tensor):
                largest[-1] = max(largest[-1], result.numel())
            return result

    monkeypatch.setattr(generative, "BLOCK", 50)
    for count in (200, 800):
        largest.append(0)
        with Watch():
            kernel_distance(features(count, 3, 0), features(count, 3, 1))
    assert largest == [2500, 2500]


@pytest.mark.parametrize("offset", [0.0, 1e6, -1e9])
@pytest.mark.parametrize("scale", [1.0, 1e-12, 1e30])
def test_precision_and_recall_do_not_depend_on_origin_and_unit(offset, scale):
    real, fake = features(300, 5, 0), features(300, 5, 1) * 0.7
    moved = [(x + offset) * scale for x in (real, fake)]
    assert precision_recall(*moved) == pytest.approx(precision_recall(real, fake), abs=0.02)


def test_features_all_alike():
    assert precision_recall(torch.ones(10, 3), torch.ones(10, 3))["density"] == 0  # no ball has an inside


def test_no_points_cover_nothing():
    with pytest.raises(ValueError, match="Expected at least one point, got none"):
        modes_covered(torch.zeros(0, 2), torch.zeros(3, 2), 0.1)
