"""A flow of coupling layers: an invertible network from images to normal noise, whose log-determinant is a sum."""

import math

import torch
import torch.nn.functional as F
from torch import nn

EDGE = 0.05  # 0..1 is shrunk by so much at both ends, so that the logit stays finite (Dinh et al., 2017, who take the same)


class CouplingFlow(nn.Module):
    """Images to normal noise and back, exactly: the density of an image is that of its noise times a Jacobian determinant.

    Each layer leaves one half of the numbers as it is, and from it computes a scale and a shift for the other half. Halves are
    the fields of a checkerboard, then every other row, then every other column. Source: Dinh et al., 2017 (RealNVP), here
    with dense networks, all numbers at once.

    shape: (C, H, W) of the images; H and W even.
    layers: of coupling.
    hidden: units of both hidden layers in each.

    Raises ValueError for an odd side, and for images or noise of another shape.
    """

    def __init__(self, shape: tuple[int, int, int] = (1, 28, 28), *, layers: int = 6, hidden: int = 120):
        super().__init__()
        if len(shape) != 3 or shape[1] % 2 or shape[2] % 2:
            raise ValueError(f"Expected images (C, H, W) with even sides, so that halves are equal; got {tuple(shape)}.")
        self.shape = tuple(shape)
        self.shift, self.log_scale = (nn.Parameter(torch.zeros(math.prod(shape))) for _ in range(2))
        self.layers = nn.ModuleList(Coupling(*_halves(shape, index), hidden) for index in range(layers))

    @torch.no_grad()
    def start_from(self, x: torch.Tensor) -> None:
        """Shift and scale each pixel so that these images, (N, *shape) in 0..1, have mean 0 and deviation 1 (or less)."""
        logits, _ = self._logits(x)
        self.log_scale.copy_(-logits.std(0).clamp(min=0.3).log())  # a pixel that was always black may be white one day
        self.shift.copy_(-logits.mean(0))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x (B, *shape), in 0..1 -> noise (B, C H W), and the log-determinant of the Jacobian at x, (B,)."""
        z, log_det = self._logits(x)
        z = (z + self.shift) * self.log_scale.exp()
        log_det = log_det + self.log_scale.sum()
        for layer in self.layers:
            z, more = layer(z)
            log_det = log_det + more
        return z, log_det

    def inverse(self, z: torch.Tensor) -> torch.Tensor:
        """Noise (B, C H W) -> images (B, *shape); a little beyond 0..1 where the noise is extreme."""
        if z.ndim != 2 or z.shape[1] != len(self.shift):
            raise ValueError(f"This flow expects noise (B, {len(self.shift)}), got {tuple(z.shape)}.")
        for layer in reversed(self.layers):
            z = layer.inverse(z)
        logits = z * (-self.log_scale).exp() - self.shift
        return ((logits.sigmoid() - EDGE) / (1 - 2 * EDGE)).unflatten(1, self.shape)

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        """The logarithm of the density of images (B, *shape) in 0..1, in nats, (B,)."""
        z, log_det = self(x)
        return log_det - 0.5 * (z.square() + math.log(2 * math.pi)).sum(1)

    def _logits(self, x):
        """Images as numbers without bounds (B, C H W), and the log-determinant of that."""
        if tuple(x.shape[1:]) != self.shape:
            raise ValueError(f"This flow expects images (B, {', '.join(map(str, self.shape))}), got {tuple(x.shape)}.")
        p = EDGE + (1 - 2 * EDGE) * x.flatten(1)
        logits = p.logit()
        return logits, (F.softplus(logits) + F.softplus(-logits)).sum(1) + p.shape[1] * math.log(1 - 2 * EDGE)


class Coupling(nn.Module):
    """y = x where known, and x exp(s) + t elsewhere, with s and t computed from the known numbers: (B, D) -> (B, D).

    known, changed: the places of both halves, int64.
    hidden: units of both hidden layers. At first the layer changes nothing.
    """

    def __init__(self, known: torch.Tensor, changed: torch.Tensor, hidden: int):
        super().__init__()
        self.register_buffer("known", known, persistent=False)
        self.register_buffer("changed", changed, persistent=False)
        out = nn.Linear(hidden, 2 * len(changed))
        nn.init.zeros_(out.weight)
        nn.init.zeros_(out.bias)
        self.network = nn.Sequential(
            nn.Linear(len(known), hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), out
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x (B, D) -> y (B, D), and the log-determinant (B,): the Jacobian is triangular, with 1 and exp(s) on its diagonal."""
        s, t = self._scale_and_shift(x)
        return x.index_copy(1, self.changed, x[:, self.changed] * s.exp() + t), s.sum(1)

    def inverse(self, y: torch.Tensor) -> torch.Tensor:
        """y (B, D) -> x (B, D); the known half is as it was, so that s and t are the same."""
        s, t = self._scale_and_shift(y)
        return y.index_copy(1, self.changed, (y[:, self.changed] - t) * (-s).exp())

    def _scale_and_shift(self, x):
        s, t = self.network(x[:, self.known]).to(x.dtype).chunk(2, dim=1)
        return 2 * (s / 2).tanh(), t  # scales within exp(-2)..exp(2), so that no layer can explode


def _halves(shape, index):
    """The places of the known and of the changed half in the layer of that number, int64 each."""
    _, row, column = torch.meshgrid(*(torch.arange(side) for side in shape), indexing="ij")
    field = (row + column, row, column)[index // 2 % 3] % 2 == index % 2
    return field.flatten().nonzero()[:, 0], (~field).flatten().nonzero()[:, 0]
