"""The information of latent numbers about factors, against scikit-learn and closed forms."""

import math

import pytest
import torch
from sklearn.metrics import mutual_info_score

from course_lib.metrics import mutual_information, mutual_information_gap


@pytest.fixture
def factors():
    return torch.stack([torch.randint(4, (2000,)), torch.randint(7, (2000,))], dim=1)


def test_information_is_scikit_learns(factors):
    z = torch.stack([factors[:, 0] + torch.randint(2, (2000,)), torch.randint(5, (2000,))], dim=1)
    information, entropy = mutual_information(z, factors)
    for k in range(2):
        assert entropy[k].item() == pytest.approx(mutual_info_score(factors[:, k], factors[:, k]))
        for d in range(2):
            assert information[k, d].item() == pytest.approx(mutual_info_score(factors[:, k], z[:, d]))


def test_information_of_correlated_normal_numbers():
    x, noise = torch.randn(2, 50_000, 1)
    information, entropy = mutual_information(0.9 * x + (1 - 0.81) ** 0.5 * noise, x, bins=40)
    assert information.item() == pytest.approx(-0.5 * math.log(1 - 0.81), rel=0.05)
    assert entropy.item() == pytest.approx(math.log(40), rel=1e-3)


def test_the_gap_is_one_for_factors_with_numbers_of_their_own_and_zero_when_they_are_mixed(factors):
    x = torch.rand(5000, 2)
    assert mutual_information_gap(torch.cat([x, torch.rand(5000, 3)], dim=1), x) > 0.9
    turned = x @ torch.tensor([[1.0, 1.0], [1.0, -1.0]])
    assert mutual_information_gap(turned, x) < 0.05
    assert mutual_information_gap(torch.cat([x, x], dim=1), x) == pytest.approx(0)  # told twice
    assert mutual_information_gap(torch.cat([factors, 0 * factors], dim=1).float(), factors) == pytest.approx(1, abs=0.01)


def test_what_does_not_fit_is_told(factors):
    with pytest.raises(ValueError, match=r"\(3, 2\) and \(2000, 2\)"):
        mutual_information(torch.zeros(3, 2), factors)
    with pytest.raises(ValueError, match="finite z"):
        mutual_information(torch.full((2000, 2), math.nan), factors)
    with pytest.raises(ValueError, match="at least two latent numbers"):
        mutual_information_gap(torch.zeros(2000, 1), factors)
    with pytest.raises(ValueError, match="never does"):
        mutual_information_gap(torch.randn(2000, 2), 0 * factors)
