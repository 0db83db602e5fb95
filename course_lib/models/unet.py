"""The U-Net: from an image to an image, or a map, of the same size."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    """Twice group norm, SiLU and a 3 x 3 convolution, added to the input: (B, inputs, H, W) -> (B, outputs, H, W).

    Group norm (Wu & He, 2018) takes its mean and variance from each example alone, four channels at a time, so that a batch
    of one is as good as any. Where the number of channels changes, a 1 x 1 convolution fits the input to the sum (He et al.,
    2016). inputs and outputs are multiples of 4.
    """

    def __init__(self, inputs, outputs):
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.norms = nn.ModuleList(nn.GroupNorm(channels // 4, channels) for channels in (inputs, outputs))
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        h = self.first(F.silu(self.norms[0](x)))
        h = self.second(F.silu(self.norms[1](h)))
        return h + self.shortcut(x)


class UNet(nn.Module):
    """Down in steps of two and up again, each step up given what was there on the way down (Ronneberger et al., 2015).

    Maps images (B, in_channels, H, W) to (B, out_channels, H, W). widths: channels at full size, at half, at a quarter, ...,
    multiples of 4. Unlike the original it pads its convolutions, so that the size stays, normalises, adds shortcuts, and
    goes up by repeating pixels before a convolution, which leaves no checkerboard (Odena et al., 2016).
    Raises ValueError for widths that are no multiples of 4, another number of channels, and a height or width that cannot be
    halved len(widths) - 1 times.
    """

    def __init__(self, in_channels, out_channels, *, widths=(16, 32, 64)):
        super().__init__()
        if not widths or any(width < 4 or width % 4 for width in widths):
            raise ValueError(f"Expected one width or more, each a multiple of 4, got {widths}.")
        self.in_channels, self.halvings = in_channels, len(widths) - 1
        self.stem = nn.Conv2d(in_channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList(Block(inputs, outputs) for inputs, outputs in pairwise((widths[0], *widths)))
        self.up = nn.ModuleList(Block(below + beside, beside) for below, beside in pairwise(reversed(widths)))
        self.head = nn.Conv2d(widths[0], out_channels, 1)

    def forward(self, x):
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
