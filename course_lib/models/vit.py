"""A small vision transformer: an image as a sequence of patches."""

import torch
import torch.nn.functional as F
from torch import nn

from ..layers import TransformerBlock
from .cnn import Classifier


class ViT(Classifier):
    """Patches of the image, transformer blocks, and a mean over all places: 92,650 parameters for 1 x 28 x 28.

    Maps images (B, *shape) to logits (B, classes). Source: Dosovitskiy et al., 2021, with the mean in place of a class token.

    shape: (C, H, W) of the images.
    classes: the number of logits.
    patch: side of a patch, in pixels; it divides H and W.
    hidden: features of a place, a multiple of `heads`.
    layers, heads: transformer blocks, and heads of each.

    Raises ValueError for a patch that does not divide the image.
    """

    def __init__(
        self,
        shape: tuple[int, int, int] = (1, 28, 28),
        classes: int = 10,
        *,
        patch: int = 7,
        hidden: int = 60,
        layers: int = 2,
        heads: int = 4,
    ):
        super().__init__(shape)
        blocks = (TransformerBlock(hidden, heads) for _ in range(layers))
        self.layers = nn.Sequential(Patches(self.shape, patch, hidden), *blocks, nn.LayerNorm(hidden))
        self.head = nn.Linear(hidden, classes)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, hidden), what the last layer sees: the mean over all places."""
        return super().features(x).mean(1)  # (B, T, hidden) -> (B, hidden)


class Patches(nn.Module):
    """Patches side by side, each through one linear layer, with a learned vector added for its place.

    Maps (B, C, H, W) to (B, T, hidden) with T = H * W / patch^2, row by row.
    """

    def __init__(self, shape: tuple[int, int, int], patch: int, hidden: int):
        super().__init__()
        channels, height, width = shape
        if height % patch or width % patch:
            raise ValueError(
                f"Expected a patch that divides {height} x {width} pixels, got {patch}; choose another, or resize the images."
            )
        self.patch = patch
        self.embed = nn.Linear(channels * patch**2, hidden)
        self.places = nn.Parameter(0.02 * torch.randn(height * width // patch**2, hidden))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        patches = F.unfold(x, self.patch, stride=self.patch)  # (B, C, H, W) -> (B, C * patch^2, T)
        return self.embed(patches.transpose(1, 2)) + self.places
