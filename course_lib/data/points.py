"""Sets of points in the plane, small enough to see all of: two to tell apart, two with a known density."""

import copy
import math
from collections.abc import Sequence

import numpy as np
import torch

from .. import runtime


class Points:
    """Labelled points in memory, on the device.

    points: (N, 2), finite, kept as float32.
    labels: integers (N,), 0 or more.
    name: what it is.

    Raises ValueError in one sentence for others.
    """

    def __init__(self, points: torch.Tensor | np.ndarray, labels: torch.Tensor | np.ndarray, *, name: str):
        points, labels = torch.as_tensor(points), torch.as_tensor(labels)
        if points.ndim != 2 or points.shape[1] != 2 or labels.shape != points.shape[:1]:
            raise ValueError(
                f"{name}: expected points (N, 2) and labels (N,), got {tuple(points.shape)} and {tuple(labels.shape)}."
            )
        counted = labels.long().clamp(min=0).to(labels.dtype)  # NaN would turn into a huge number
        if not (torch.equal(labels, counted) and torch.equal(points, points.nan_to_num(0, 0, 0))):
            raise ValueError(f"{name}: expected finite points and labels 0, 1, 2, ...; got others, which are to be left out.")
        self.points = points.to(runtime.device(), torch.float32)
        self.labels = labels.to(runtime.device(), torch.int64)
        self.name = name

    def __len__(self):
        return len(self.points)

    def __repr__(self):
        return f"{self.name}: {len(self):,} points in the plane, {len(self.labels.unique())} classes"

    def batch(self, index: torch.Tensor | slice) -> tuple[torch.Tensor, torch.Tensor]:
        """(x, labels): x float32 (B, 2), labels int64 (B,)."""
        return self.points[index], self.labels[index]

    def subset(self, index: torch.Tensor | slice | Sequence[int]) -> "Points":
        """The points at an index tensor, slice or list, as a set of its own."""
        part = copy.copy(self)
        part.points, part.labels = self.points[index], self.labels[index]
        return part


def spirals(count: int = 600, *, arms: int = 3, noise: float = 0.1, turns: float = 0.75, seed: int = 0) -> Points:
    """Intertwined spirals in the unit disc, one class each.

    count: points in all.
    arms: spirals.
    noise: standard deviation along the turn, in radians.
    turns: how often each winds around the middle.
    seed: of the points.
    """
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % arms
    radius = torch.rand(count, generator=random) * 0.95 + 0.05
    angle = 2 * math.pi * (labels / arms + turns * radius) + noise * torch.randn(count, generator=random)
    return Points(_polar(radius, angle), labels, name=f"{arms} spirals")


def moons(count: int = 600, *, noise: float = 0.1, seed: int = 0) -> Points:
    """Two half moons that reach into each other, of radius 1.

    count: points in all.
    noise: the standard deviation of both coordinates.
    seed: of the points.
    """
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    angle = math.pi * (torch.rand(count, generator=random) + labels)  # upper half for class 0, lower for class 1
    center = torch.tensor([[-0.5, -0.25], [0.5, 0.25]])
    points = _polar(torch.ones(count), angle) + center[labels]
    return Points(points + noise * torch.randn(count, 2, generator=random), labels, name="two moons")


class Gaussians(Points):
    """A mixture of round Gaussians of equal weight: a sample, and its density in closed form.

    The label of a point is its component.

    centers: float32 (K, 2).
    deviation: the standard deviation of each.
    count: points in the sample.
    seed: of the sample.
    name: what it is.
    """

    def __init__(self, centers: torch.Tensor, deviation: float, count: int, *, seed: int, name: str):
        random = torch.Generator().manual_seed(seed)
        labels = torch.arange(count) % len(centers)
        points = centers[labels] + deviation * torch.randn(count, 2, generator=random)
        super().__init__(points, labels, name=name)
        self.centers = centers.to(self.points)
        self.deviation = deviation

    def log_density(self, x: torch.Tensor) -> torch.Tensor:
        """Natural logarithm of the mixture's density at x (..., 2); shape (...)."""
        squared = (x.unsqueeze(-2) - self.centers).square().sum(-1)  # (..., K)
        each = -squared / (2 * self.deviation**2) - math.log(2 * math.pi * self.deviation**2)
        return each.logsumexp(-1) - math.log(len(self.centers))

    def denoised(self, z: torch.Tensor, alpha: torch.Tensor | float, sigma: torch.Tensor | float) -> torch.Tensor:
        """The mean of x given z = alpha x + sigma noise: what the best of all denoisers answers.

        z: (B, 2). alpha, sigma: numbers, or tensors () or (B, 1); not both 0.

        Given its component k, z is normal around alpha center_k with the variance v = (alpha deviation)^2 + sigma^2, and the
        mean of x is center_k + alpha deviation^2 / v (z - alpha center_k); the components count as z makes them likely.
        """
        centers, alpha, sigma = self.centers.to(z), *(torch.as_tensor(number).to(z) for number in (alpha, sigma))
        variance = (alpha * self.deviation) ** 2 + sigma**2
        apart = z.unsqueeze(-2) - alpha[..., None] * centers  # (B, K, 2)
        likely = (-apart.square().sum(-1) / (2 * variance)).softmax(-1)  # (B, K)
        means = centers + (alpha * self.deviation**2 / variance)[..., None] * apart
        return (likely[..., None] * means).sum(-2)


def ring_of_gaussians(
    count: int = 4096, *, modes: int = 8, radius: float = 2.0, deviation: float = 0.05, seed: int = 0
) -> Gaussians:
    """Narrow Gaussians evenly on a circle: the standard test of mode collapse.

    count: points in the sample.
    modes: Gaussians.
    radius: of the circle.
    deviation: the standard deviation of each Gaussian.
    seed: of the sample.
    """
    angle = torch.arange(modes) * (2 * math.pi / modes)
    centers = _polar(torch.full((modes,), radius), angle)
    return Gaussians(centers, deviation, count, seed=seed, name=f"ring of {modes} Gaussians")


def grid_of_gaussians(
    count: int = 4096, *, side: int = 5, spacing: float = 1.0, deviation: float = 0.05, seed: int = 0
) -> Gaussians:
    """Narrow Gaussians on a square grid around the origin.

    count: points in the sample.
    side: Gaussians along a side.
    spacing: from one center to the next.
    deviation: the standard deviation of each Gaussian.
    seed: of the sample.
    """
    ticks = (torch.arange(side) - (side - 1) / 2) * spacing
    return Gaussians(torch.cartesian_prod(ticks, ticks), deviation, count, seed=seed, name=f"grid of {side * side} Gaussians")


def _polar(radius, angle):
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)  # (N,), (N,) -> (N, 2)
