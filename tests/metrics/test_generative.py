"""Measures of generated images against closed forms, and against the packages prdc, pytorch-fid and torch-fidelity."""

import numpy as np
import pytest
import torch
from prdc import compute_prdc
from pytorch_fid.fid_score import calculate_frechet_distance
from scipy import linalg
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric

from course_lib.metrics import (
    frechet_distance,
    generative_report,
    kernel_distance,
    modes_covered,
    nearest,
    precision_recall,
)


def normal(count, mean, root, seed):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(count, len(mean), generator=random, dtype=torch.float64) @ root.T + mean


def exactly(features, mean, root):
    """Features moved so that their mean and covariance are exactly `mean` and root root^T."""
    centerd = features - features.mean(0)
    whitened = torch.linalg.solve_triangular(torch.linalg.cholesky(centerd.T.cov()), centerd.T, upper=False).T
    return whitened @ root.T + mean


def test_frechet_distance_of_known_gaussians():
    zero, one = torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    identity = torch.eye(3, dtype=torch.float64)
    real = exactly(normal(200, zero, identity, 0), zero, identity)
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(real, real + 2) == pytest.approx(12, abs=1e-9)  # |m - m'|^2
    assert frechet_distance(real, exactly(normal(300, zero, identity, 1), one, 3 * identity)) == pytest.approx(3 + 3 * 4)
    roots = (
        torch.tensor([[2.0, 0, 0], [1, 1, 0], [0, 1, 3]]).double(),
        torch.tensor([[1.0, 0, 0], [-1, 2, 0], [1, 0, 1]]).double(),
    )
    real, other = (exactly(normal(200, zero, identity, seed), zero, root) for seed, root in enumerate(roots))
    covariances = [(root @ root.T).numpy() for root in roots]
    expected = np.trace(covariances[0] + covariances[1] - 2 * np.real(linalg.sqrtm(covariances[0] @ covariances[1])))
    assert frechet_distance(real, other) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_shrinks_with_more_images():
    zero, identity = torch.zeros(8, dtype=torch.float64), torch.eye(8, dtype=torch.float64)
    few, many = (frechet_distance(normal(n, zero, identity, 0), normal(n, zero, identity, 1)) for n in (100, 1600))
    assert few > 8 * many > 0


def test_kernel_distance_against_all_pairs_by_hand():
    real, fake = torch.randn(7, 3).double(), torch.randn(5, 3).double()

    def k(a, b):
        return ((a * b).sum() / 3 + 1) ** 3

    def within(x):
        pairs = [k(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j]
        return sum(pairs) / len(pairs)

    between = sum(k(a, b) for a in real for b in fake) / 35
    assert kernel_distance(real, fake) == pytest.approx((within(real) + within(fake) - 2 * between).item())


def test_kernel_distance_has_no_bias():
    zero, identity = torch.zeros(4, dtype=torch.float64), torch.eye(4, dtype=torch.float64)
    values = [kernel_distance(normal(60, zero, identity, 2 * i), normal(60, zero, identity, 2 * i + 1)) for i in range(40)]
    assert abs(np.mean(values)) < 3 * np.std(values) / 40**0.5
    assert min(values) < 0


def correlated(count, width, seed):
    """Features as a network makes them: not negative, correlated, of unlike size."""
    root = torch.randn(width, width, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    return normal(count, torch.linspace(-1, 2, width, dtype=torch.float64), root, seed).relu()


@pytest.mark.filterwarnings("ignore:.*disp.*:DeprecationWarning")  # pytorch-fid's way to call scipy
def test_frechet_distance_agrees_with_pytorch_fid_and_torch_fidelity():
    real, fake = correlated(400, 12, 0), 0.9 * correlated(500, 12, 1) + 0.1
    (mean, covariance), (mean_fake, covariance_fake) = (
        (x.mean(0).numpy(), np.cov(x.numpy(), rowvar=False)) for x in (real, fake)
    )
    found = frechet_distance(real, fake)
    assert found > 0.1
    assert found == pytest.approx(calculate_frechet_distance(mean, covariance, mean_fake, covariance_fake), rel=1e-6)
    statistics = (fid_features_to_statistics(x) for x in (real, fake))
    theirs = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert found == pytest.approx(theirs, rel=1e-9)


def test_kernel_distance_agrees_with_torch_fidelity():
    real, fake = correlated(300, 12, 0), correlated(300, 12, 1) + 0.2
    theirs = kid_features_to_metric(real, fake, kid_subsets=1, kid_subset_size=300, verbose=False)
    assert kernel_distance(real, fake) == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.7, 3.0])
def test_precision_recall_density_and_coverage_agree_with_prdc(shift):
    zero, identity = torch.zeros(6, dtype=torch.float64), torch.eye(6, dtype=torch.float64)
    real, fake = normal(1300, zero, identity, 0), 0.8 * normal(1200, zero, identity, 1) + shift
    theirs = compute_prdc(real.numpy(), fake.numpy(), nearest_k=5)
    assert precision_recall(real, fake) == pytest.approx(theirs, abs=2e-3)


def test_what_each_measure_sees():
    zero, identity = torch.zeros(2, dtype=torch.float64), torch.eye(2, dtype=torch.float64)
    real = normal(1000, zero, identity, 0)
    collapsed = precision_recall(real, real.mean(0) + 0.05 * normal(1000, zero, identity, 1))
    assert collapsed["precision"] > 0.95
    assert collapsed["recall"] < 0.1
    assert collapsed["coverage"] < 0.1
    scattered = precision_recall(real, 6 * normal(1000, zero, identity, 1))
    assert scattered["precision"] < 0.4
    assert scattered["recall"] > 0.8


def test_a_report_holds_all_of_them():
    zero, identity = torch.zeros(3, dtype=torch.float64), torch.eye(3, dtype=torch.float64)
    real, fake = normal(100, zero, identity, 0), normal(100, zero, identity, 1)
    report = generative_report(real, fake)
    assert report.frechet == frechet_distance(real, fake)
    assert report.kernel == kernel_distance(real, fake)
    assert report.coverage == precision_recall(real, fake)["coverage"]
    assert repr(report).startswith("frechet 0.")
    assert repr(report).endswith("(100 images of each)")


def test_nearest_finds_a_copy():
    references = torch.randn(50, 4)
    distances, which = nearest(references[[7, 3]] + 1e-4, references)
    assert which.tolist() == [7, 3]
    assert distances.max() < 1e-3


def test_bad_features_are_refused_in_a_sentence():
    x = torch.randn(20, 4)
    with pytest.raises(ValueError, match=r"one width, got \(20, 4\) and \(20, 3\)"):
        frechet_distance(x, x[:, :3])
    with pytest.raises(ValueError, match="at least 5 images of each kind to estimate a covariance of full rank, got 4"):
        frechet_distance(x, x[:4])
    with pytest.raises(ValueError, match="at least 6 images of each kind for each to have 5 neighbors, got 3"):
        precision_recall(x[:3], x)
    with pytest.raises(ValueError, match=r"as many generated as real images, .* got 10 and 20"):
        generative_report(x, x[:10])
    with pytest.raises(ValueError, match="Expected finite features"):
        kernel_distance(x, x * float("nan"))


def test_modes_covered_counts_what_lies_at_the_centers():
    centers = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    at_first = torch.zeros(58, 2)
    at_second = centers[1] + torch.tensor([[0.29, 0.0]]).expand(2, 2)  # inside three deviations, a tenth of 20
    astray = torch.tensor([[0.31, 0.0]])
    assert modes_covered(torch.cat([at_first, at_second]), centers, 0.1) == (2, 1.0)
    modes, share = modes_covered(torch.cat([at_first, at_second[:1], astray]), centers, 0.1)
    assert (modes, share) == (1, pytest.approx(59 / 60))
