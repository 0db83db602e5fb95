"""Learning a density by its exact likelihood, with networks that can be inverted."""

import math
from collections.abc import Iterator

import torch
from torch import nn

from .objective import Objective

LEVELS = 256


class Density(Objective):
    """-log p in nats an image, of images to which noise within their gray levels has been added, on batches (x, ...).

    Stored images take 256 values, and a density could pile up on them without end. So each pixel x becomes (255 x + u) / 256,
    u uniform in 0..1, anew in every batch; the loss is then an upper bound of -log of the probability of the gray levels
    (Theis et al., 2016, section 3.1).

    flow: has `log_prob(x)`, (B, C, H, W) in 0..1 -> (B,), and `inverse(z)`; see `course_lib.models.CouplingFlow`.

    Its metrics: "loss", nats of the density; "bits", that bound in bits per dimension, 8 for even odds.
    """

    parts = ("flow",)
    value_range = (0.0, 1.0)

    def __init__(self, flow: nn.Module):
        super().__init__()
        self.flow = flow

    def losses(self, batch: tuple) -> Iterator[tuple[str, torch.Tensor]]:
        yield "flow", -self.flow.log_prob(dequantized(batch[0]))

    def metrics(self, batch: tuple) -> dict[str, torch.Tensor]:
        loss = -self.flow.log_prob(dequantized(batch[0]))
        return {"loss": loss, "bits": loss / batch[0][0].numel() / math.log(2) + math.log2(LEVELS)}

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator | None = None) -> torch.Tensor:
        """Draw `count` images in 0..1, on the device. generator: a torch.Generator on the CPU, for the noise."""
        z = torch.randn(count, math.prod(self.flow.shape), generator=generator)
        device = next(self.flow.parameters()).device
        return self.flow.inverse(z.to(device)).clamp(0, 1)


def dequantized(x: torch.Tensor) -> torch.Tensor:
    """Images in 0..1, of 256 levels, with even noise within each level: (255 x + u) / 256."""
    return (x * (LEVELS - 1) + torch.rand_like(x)) / LEVELS
