"""The U-Net: from an image to an image, or a map, of the same size."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from ..layers import PreActivationBlock


class UNet(nn.Module):
    """Down in steps of two and up again, each step up given what was there on the way down (Ronneberger et al., 2015).

    Maps images (B, in_channels, H, W) to (B, out_channels, H, W). Unlike the original it pads its convolutions, so that the
    size stays, normalizes, adds shortcuts, and goes up by repeating pixels before a convolution, which leaves no checkerboard
    (Odena et al., 2016).

    in_channels, out_channels: of the images and of what is made of them.
    widths: channels at full size, at half, at a quarter, ..., multiples of 4.

    Raises ValueError for widths that are no multiples of 4, another number of channels, and a height or width that cannot be
    halved len(widths) - 1 times.
    """

    def __init__(self, in_channels: int, out_channels: int, *, widths: tuple[int, ...] = (16, 32, 64)):
        super().__init__()
        if not widths or any(width < 4 or width % 4 for width in widths):
            raise ValueError(f"Expected one width or more, each a multiple of 4, got {widths}.")
        self.in_channels, self.halvings = in_channels, len(widths) - 1
        self.stem = nn.Conv2d(in_channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList(PreActivationBlock(above, below) for above, below in pairwise((widths[0], *widths)))
        self.up = nn.ModuleList(PreActivationBlock(below + beside, beside) for below, beside in pairwise(reversed(widths)))
        self.head = nn.Conv2d(widths[0], out_channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self._check(x)
        h, skips = self.stem(x), []  # (B, widths[0], H, W)
        for block in self.down[:-1]:
            skips.append(block(h))
            h = F.max_pool2d(skips[-1], 2)  # half the height and width
        h = self.down[-1](h)  # (B, widths[-1], H / 2**halvings, W / 2**halvings)
        for block in self.up:
            h = F.interpolate(h, scale_factor=2)  # twice the height and width: each pixel becomes four
            h = block(torch.cat([skips.pop(), h], 1))  # channels side by side
        return self.head(h)  # (B, out_channels, H, W)

    def _check(self, x):
        if x.ndim != 4 or x.shape[1] != self.in_channels:
            raise ValueError(
                f"This UNet expects images (B, {self.in_channels}, H, W), got {tuple(x.shape)}; build it with the images' "
                "number of channels, and give a single image the axis of the batch with x[None]."
            )
        step = 2**self.halvings
        if x.shape[2] % step or x.shape[3] % step:
            raise ValueError(
                f"This UNet halves its input {self.halvings} times, so height and width must be multiples of {step}, "
                f"got {x.shape[2]} x {x.shape[3]}; pad or resize the images."
            )
