import math

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from course_lib.data import Gaussians, Points, grid_of_gaussians, moons, ring_of_gaussians, spirals

MAKERS = [spirals, moons, ring_of_gaussians, grid_of_gaussians]


@pytest.mark.parametrize("make", MAKERS)
def test_every_set_has_count_types_and_seed(make):
    points = make(count=60, seed=1)
    assert len(points) == 60
    assert points.points.shape == (60, 2)
    assert (points.points.dtype, points.labels.dtype) == (torch.float32, torch.int64)
    assert torch.equal(points.points, make(count=60, seed=1).points)
    assert not torch.equal(points.points, make(count=60, seed=2).points)


@pytest.mark.parametrize(
    ("make", "options", "text"),
    [
        (spirals, {"count": 1200, "arms": 4}, "4 spirals: 1,200 points in the plane, 4 classes"),
        (moons, {}, "two moons: 600 points in the plane, 2 classes"),
        (ring_of_gaussians, {"modes": 6}, "ring of 6 Gaussians: 4,096 points in the plane, 6 classes"),
        (grid_of_gaussians, {"side": 3}, "grid of 9 Gaussians: 4,096 points in the plane, 9 classes"),
    ],
)
def test_each_set_says_what_it_is(make, options, text):
    assert repr(make(**options)) == text


def test_batch_and_subset():
    points = moons(20)
    x, labels = points.batch(torch.tensor([3, 5]))
    assert torch.equal(x, points.points[[3, 5]])
    assert labels.tolist() == [1, 1]
    part = points.subset([0, 3, 5])
    assert (len(part), len(points)) == (3, 20)
    assert torch.equal(part.batch(slice(1, 3))[0], x)


def test_points_takes_arrays():
    points = Points(torch.eye(2).numpy(), torch.tensor([0, 1]).numpy(), name="two")
    assert torch.equal(points.points, torch.eye(2))


@pytest.mark.parametrize(("shape", "count"), [((4, 3), 4), ((4,), 4), ((4, 2), 3)])
def test_points_of_another_shape(shape, count):
    with pytest.raises(ValueError, match=r"some: expected points \(N, 2\) and labels \(N,\), got"):
        Points(torch.zeros(shape), torch.zeros(count, dtype=torch.int64), name="some")


def test_spirals_lie_on_their_arms():
    points = spirals(300, arms=3, turns=0.75, noise=0.0)
    x, y = points.points.T
    radius = points.points.norm(dim=1)
    angle = 2 * math.pi * (points.labels / 3 + 0.75 * radius)
    torch.testing.assert_close(torch.stack([x, y]), torch.stack([radius * angle.cos(), radius * angle.sin()]))
    assert radius.max() <= 1.0
    assert points.labels.bincount().tolist() == [100, 100, 100]


def test_moons_are_half_circles_that_reach_into_each_other():
    points = moons(400, noise=0.0)
    upper, lower = (points.points[points.labels == label] for label in (0, 1))
    torch.testing.assert_close((upper - torch.tensor([-0.5, -0.25])).norm(dim=1), torch.ones(200))
    torch.testing.assert_close((lower - torch.tensor([0.5, 0.25])).norm(dim=1), torch.ones(200))
    assert upper[:, 1].min() >= -0.25
    assert lower[:, 1].max() <= 0.25
    assert upper[:, 0].max() > lower[:, 0].min()


def test_noise_turns_spirals_and_scatters_moons():
    turned = spirals(4000, noise=0.3).points - spirals(4000, noise=0.0).points
    chord = 2 * math.sqrt((1 - math.exp(-(0.3**2) / 2)) / 2)  # root mean square of 2 sin(angle / 2), angle ~ N(0, 0.3)
    relative = turned.norm(dim=1) / spirals(4000, noise=0.0).points.norm(dim=1)
    assert relative.square().mean().sqrt().item() == pytest.approx(chord, rel=0.05)
    scattered = moons(4000, noise=0.3).points - moons(4000, noise=0.0).points
    assert scattered.std(0).tolist() == pytest.approx([0.3, 0.3], rel=0.05)


def test_ring_and_grid_have_their_centers():
    ring = ring_of_gaussians(modes=8, radius=2.0)
    torch.testing.assert_close(ring.centers.norm(dim=1), torch.full((8,), 2.0))
    neighbors = (ring.centers - ring.centers.roll(1, 0)).norm(dim=1)
    torch.testing.assert_close(neighbors, torch.full((8,), 4 * math.sin(math.pi / 8)))
    grid = grid_of_gaussians(side=3, spacing=1.5)
    assert sorted(grid.centers.tolist()) == [[x, y] for x in (-1.5, 0, 1.5) for y in (-1.5, 0, 1.5)]


@pytest.mark.parametrize("make", [ring_of_gaussians, grid_of_gaussians])
def test_samples_lie_around_the_mode_of_their_label(make):
    mixture = make(count=5000, deviation=0.05)
    offset = mixture.points - mixture.centers[mixture.labels]
    assert offset.norm(dim=1).max() < 5 * 0.05
    assert offset.std().item() == pytest.approx(0.05, rel=0.03)
    counts = mixture.labels.bincount(minlength=len(mixture.centers))
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize(
    ("make", "options"),
    [(ring_of_gaussians, {}), (grid_of_gaussians, {}), (ring_of_gaussians, {"modes": 3, "radius": 1.0, "deviation": 0.3})],
    ids=["ring", "grid", "wide ring"],
)
def test_density_integrates_to_one_and_equals_torch_distributions(make, options):
    mixture = make(**options)
    ticks = torch.linspace(-3.5, 3.5, 500)
    places = torch.cartesian_prod(ticks, ticks)
    cell = (ticks[1] - ticks[0]) ** 2
    assert (mixture.log_density(places).exp().sum() * cell).item() == pytest.approx(1, abs=1e-4)

    components = Independent(Normal(mixture.centers, mixture.deviation), 1)
    oracle = MixtureSameFamily(Categorical(torch.ones(len(mixture.centers))), components)
    x = torch.cat([mixture.points[:200], 4 * torch.rand(200, 2) - 2]).reshape(20, 20, 2)
    assert mixture.log_density(x).shape == (20, 20)
    torch.testing.assert_close(mixture.log_density(x), oracle.log_prob(x), rtol=1e-5, atol=1e-4)


def test_log_density_of_one_gaussian_by_hand():
    mixture = Gaussians(torch.zeros(1, 2), 2.0, 10, seed=0, name="one")
    expected = -25 / (2 * 4) - math.log(2 * math.pi * 4)
    assert mixture.log_density(torch.tensor([3.0, 4.0])).item() == pytest.approx(expected, rel=1e-6)
