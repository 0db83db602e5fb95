"""Paths from data to noise: z = alpha(t) x + sigma(t) noise, with t from 0, the data, to 1, the noise.

Diffusion and flow matching differ in their path alone. A network on a path may estimate x, the noise, or any other mixture
a x + b noise of the two; with z, each of them tells all the others (`separate`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Path:
    """alpha(t) and sigma(t), and how fast they change.

    name: of the path.
    alpha, sigma: functions of t, a tensor of any shape; alpha falls from 1 or stays, sigma rises from 0.
    alpha_rate, sigma_rate: their derivatives with respect to t.
    rho: how a sampler spaces its steps; 1 in equal steps of t, more in shorter steps towards the data (see `times`).
    """

    name: str
    alpha: Callable[[torch.Tensor], torch.Tensor]
    sigma: Callable[[torch.Tensor], torch.Tensor]
    alpha_rate: Callable[[torch.Tensor], torch.Tensor]
    sigma_rate: Callable[[torch.Tensor], torch.Tensor]
    rho: float = 1.0

    def mix(self, x: torch.Tensor, noise: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """z = alpha(t) x + sigma(t) noise: x and noise (B, ...), t (B,) or a number's tensor ()."""
        return weighted(self.alpha(t), x) + weighted(self.sigma(t), noise)

    def velocity(self, x: torch.Tensor, noise: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """dz/dt = alpha'(t) x + sigma'(t) noise, of the shape of x."""
        return weighted(self.alpha_rate(t), x) + weighted(self.sigma_rate(t), noise)

    def seen(self, z: torch.Tensor, t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What a network is given: z / hypot(alpha, sigma), and the angle atan2(sigma, alpha), 0 at the data, pi / 2 at noise.

        In these two every path is the same: z there is cos(angle) x + sin(angle) noise.
        """
        alpha, sigma = self.alpha(t), self.sigma(t)
        return weighted(1 / torch.hypot(alpha, sigma), z), torch.atan2(sigma, alpha).expand(len(z))

    def target(self, prediction: str, t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(a, b): what a network estimates is a x + b noise.

        prediction: "x", "noise", "velocity" (dz/dt) or "v" (cos(angle) noise - sin(angle) x, Salimans and Ho, 2022).

        Raises ValueError for another.
        """
        if prediction not in PREDICTIONS:
            raise ValueError(f"Expected a prediction of {', '.join(PREDICTIONS)}, got {prediction!r}.")
        return PREDICTIONS[prediction](self, t)

    def times(self, steps: int, *, shift: float = 1.0) -> torch.Tensor:
        """t from 1 to 0 for so many steps, (steps + 1,) in float64: equal ones of t^(1 / rho) (Karras et al., 2022, eq. 5).

        steps: how many.
        shift: above 1 for shorter steps near the noise, which is where large pictures take their shape: s t / (1 + (s - 1) t)
            in place of t (Esser et al., 2024, eq. 23).

        Raises ValueError for fewer than one step, and for a shift that is not above 0.
        """
        if steps < 1:
            raise ValueError(f"Expected 1 step or more, got {steps}.")
        if not shift > 0:
            raise ValueError(f"Expected a shift above 0, got {shift:g}.")
        t = torch.linspace(1, 0, steps + 1, dtype=torch.float64) ** self.rho
        return shift * t / (1 + (shift - 1) * t)


def separate(
    z: torch.Tensor, output: torch.Tensor, path: Path, prediction: str, t: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """x and noise, (B, ...) each, from z = alpha x + sigma noise and a network's output = a x + b noise: a 2 x 2 system.

    z: the mixture, (B, ...).
    output: the estimate of a x + b noise, of the same shape.
    path, prediction: what alpha, sigma, a and b are; see `Path.target`.
    t: (B,) or ().

    Where noise has no part in either, as at t = 0 for an estimate of x, it is lost: infinite, or not a number.
    """
    alpha, sigma, (a, b) = path.alpha(t), path.sigma(t), path.target(prediction, t)
    determinant = alpha * b - sigma * a
    x = weighted(b / determinant, z) - weighted(sigma / determinant, output)
    noise = weighted(alpha / determinant, output) - weighted(a / determinant, z)
    return x, noise


def _v(path, t):
    alpha, sigma = path.alpha(t), path.sigma(t)
    scale = torch.hypot(alpha, sigma)
    return -sigma / scale, alpha / scale


PREDICTIONS = {
    "x": lambda path, t: (torch.ones_like(t), torch.zeros_like(t)),
    "noise": lambda path, t: (torch.zeros_like(t), torch.ones_like(t)),
    "velocity": lambda path, t: (path.alpha_rate(t), path.sigma_rate(t)),
    "v": _v,
}


def weighted(factors: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """A number an example, (B,) or (), times values (B, ...), in their precision."""
    return factors.to(values.dtype).reshape(-1, *[1] * (values.ndim - 1)) * values


def _ddpm_alpha(t):
    return torch.exp(-(0.1 * t + 9.95 * t**2) / 2)


def _ddpm_sigma(t):
    return torch.sqrt(-torch.expm1(-(0.1 * t + 9.95 * t**2)))


STRAIGHT = Path(  # flow matching (Lipman et al., 2023; Liu et al., 2023)
    "straight",
    alpha=lambda t: 1 - t,
    sigma=lambda t: t,
    alpha_rate=lambda t: -torch.ones_like(t),
    sigma_rate=torch.ones_like,
)
COSINE = Path(  # Nichol and Dhariwal (2021), without their small offset
    "cosine",
    alpha=lambda t: torch.cos(math.pi / 2 * t),
    sigma=lambda t: torch.sin(math.pi / 2 * t),
    alpha_rate=lambda t: -math.pi / 2 * torch.sin(math.pi / 2 * t),
    sigma_rate=lambda t: math.pi / 2 * torch.cos(math.pi / 2 * t),
)
LINEAR = Path(  # Ho et al. (2020), betas rising linearly, in the continuous time of Song et al. (2021, eq. 33)
    "linear",
    alpha=_ddpm_alpha,
    sigma=_ddpm_sigma,
    alpha_rate=lambda t: -(0.1 + 19.9 * t) / 2 * _ddpm_alpha(t),
    sigma_rate=lambda t: (0.1 + 19.9 * t) / 2 * _ddpm_alpha(t) ** 2 / _ddpm_sigma(t),
)
KARRAS = Path(  # Karras et al. (2022): the data stay, noise of up to 80 is added; time is measured in sigma
    "karras",
    alpha=torch.ones_like,
    sigma=lambda t: 80 * t,
    alpha_rate=torch.zeros_like,
    sigma_rate=lambda t: torch.full_like(t, 80.0),
    rho=7.0,
)
PATHS = {path.name: path for path in (STRAIGHT, COSINE, LINEAR, KARRAS)}
