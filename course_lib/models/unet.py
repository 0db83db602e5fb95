"""The U-Net: from an image to an image, or a map, of the same size; and the one that is told how much noise there is."""

import math
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
    conditions: numbers an example that every block is given beside the image; 0 for none. See `NoiseUNet`.
    attention: whether every place looks at all others where the image is smallest, with another block after that.

    Raises ValueError for widths that are no multiples of 4, another number of channels, and a height or width that cannot be
    halved len(widths) - 1 times.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        widths: tuple[int, ...] = (16, 32, 64),
        conditions: int = 0,
        attention: bool = False,
    ):
        super().__init__()
        if not widths or any(width < 4 or width % 4 for width in widths):
            raise ValueError(f"Expected one width or more, each a multiple of 4, got {widths}.")
        self.in_channels, self.halvings = in_channels, len(widths) - 1
        told = {"conditions": conditions}
        self.stem = nn.Conv2d(in_channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList(PreActivationBlock(above, below, **told) for above, below in pairwise((widths[0], *widths)))
        self.attention = PlaceAttention(widths[-1]) if attention else None
        self.bottom = PreActivationBlock(widths[-1], widths[-1], **told) if attention else None
        self.up = nn.ModuleList(
            PreActivationBlock(below + beside, beside, **told) for below, beside in pairwise(reversed(widths))
        )
        self.head = nn.Conv2d(widths[0], out_channels, 1)

    def forward(self, x: torch.Tensor, conditions: torch.Tensor | None = None) -> torch.Tensor:
        self._check(x)
        h, skips = self.stem(x), []  # (B, widths[0], H, W)
        for block in self.down[:-1]:
            skips.append(block(h, conditions))
            h = F.max_pool2d(skips[-1], 2)  # half the height and width
        h = self.down[-1](h, conditions)  # (B, widths[-1], H / 2**halvings, W / 2**halvings)
        if self.attention:
            h = self.bottom(self.attention(h), conditions)
        for block in self.up:
            h = F.interpolate(h, scale_factor=2)  # twice the height and width: each pixel becomes four
            h = block(torch.cat([skips.pop(), h], 1), conditions)  # channels side by side
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


class NoiseUNet(nn.Module):
    """A U-Net that is told how much noise its input has, and of what class it is.

    Maps z (B, channels, H, W), angles (B,) of `paths.Path.seen`, and labels (B,) if it has classes, -1 for none, to an
    estimate of the shape of z. At first it estimates 0 everywhere.

    channels: of the images.
    widths: as for `UNet`, of images shrunk by `patch`.
    patch: squares of so many pixels a side become one place with more channels, and back at the end; sides must divide by it.
    classes: how many labels there are; 0 for none.

    Raises ValueError as `UNet` does, and for labels without classes.
    """

    conditions = 128

    def __init__(self, channels: int, *, widths: tuple[int, ...] = (64, 128), patch: int = 2, classes: int = 0):
        super().__init__()
        self.channels, self.patch, self.classes = channels, patch, classes
        inside = channels * patch**2
        self.unet = UNet(inside, inside, widths=widths, conditions=self.conditions, attention=True)
        nn.init.zeros_(self.unet.head.weight)
        nn.init.zeros_(self.unet.head.bias)
        self.angle = nn.Sequential(nn.Linear(64, self.conditions), nn.SiLU(), nn.Linear(self.conditions, self.conditions))
        self.label = nn.Embedding(classes + 1, self.conditions) if classes else None  # the last stands for no label

    def forward(self, z: torch.Tensor, angle: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        if labels is not None and not self.classes:
            raise ValueError("Expected no labels for this network, which has no classes, got some.")
        if z.ndim != 4 or z.shape[1] != self.channels or z.shape[2] % self.patch or z.shape[3] % self.patch:
            raise ValueError(
                f"This NoiseUNet expects images (B, {self.channels}, H, W) with sides divisible by {self.patch}, "
                f"got {tuple(z.shape)}; pad or resize them."
            )
        conditions = self.angle(waves(angle))  # (B, conditions)
        if self.classes:
            none = torch.full((len(z),), self.classes, device=z.device)
            conditions = conditions + self.label(none if labels is None else torch.where(labels < 0, self.classes, labels))
        h = F.pixel_unshuffle(z, self.patch)  # (B, channels patch**2, H / patch, W / patch)
        return F.pixel_shuffle(self.unet(h, F.silu(conditions)), self.patch)


class PlaceAttention(nn.Module):
    """Every place of an image looks at all others and adds what it finds: (B, C, H, W) to the same shape, C a multiple of 4.

    Self-attention (Vaswani et al., 2017) after a group norm; a head for every 32 channels, or one where that does not divide.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.heads = channels // 32 if channels % 32 == 0 else 1
        self.norm = nn.GroupNorm(1, channels)
        self.queries_keys_values = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.queries_keys_values(self.norm(x)).flatten(2)  # (B, 3 C, H W)
        queries, keys, values = h.unflatten(1, (3, self.heads, -1)).transpose(3, 4).unbind(1)  # (B, heads, H W, C / heads) each
        looks = (queries @ keys.transpose(2, 3) / queries.shape[-1] ** 0.5).softmax(-1)  # (B, heads, H W, H W)
        return x + self.out((looks @ values).transpose(2, 3).reshape(x.shape))


def waves(angle: torch.Tensor) -> torch.Tensor:
    """Cosines and sines of an angle at 32 frequencies from 1 to 128: (B,) -> (B, 64)."""
    turned = angle[:, None] * torch.logspace(0, math.log10(128), 32, device=angle.device)
    return torch.cat([turned.cos(), turned.sin()], 1)
