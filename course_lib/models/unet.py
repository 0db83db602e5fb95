"""The U-Net: from an image to an image, or a map, of the same size; and the one that is told how much noise there is."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from ..layers import NoiseLevel, PreActivationBlock, SelfAttention
from .text_encoder import TextEncoder


class UNet(nn.Module):
    """Down in steps of two and up again, each step up given what was there on the way down (Ronneberger et al., 2015).

    Maps images (B, in_channels, H, W) to (B, out_channels, H, W). Unlike the original it pads its convolutions, so that the
    size stays, normalizes, adds shortcuts, and goes up by repeating pixels before a convolution, which leaves no checkerboard
    (Odena et al., 2016).

    in_channels, out_channels: of the images and of what is made of them.
    widths: channels at full size, at half, at a quarter, ..., multiples of 4.
    conditions: numbers an example that every block is given beside the image; 0 for none. See `NoiseUNet`.
    context: numbers of each word that every place looks at, before each step up; 0 for none. See `WordAttention`.
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
        context: int = 0,
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
        self.reading = nn.ModuleList(WordAttention(width, context) for width in reversed(widths[1:])) if context else None
        self.up = nn.ModuleList(
            PreActivationBlock(below + beside, beside, **told) for below, beside in pairwise(reversed(widths))
        )
        self.head = nn.Conv2d(widths[0], out_channels, 1)

    def forward(
        self, x: torch.Tensor, conditions: torch.Tensor | None = None, context: torch.Tensor | None = None
    ) -> torch.Tensor:
        self._check(x)
        h, skips = self.stem(x), []  # (B, widths[0], H, W)
        for block in self.down[:-1]:
            skips.append(block(h, conditions))
            h = F.max_pool2d(skips[-1], 2)  # half the height and width
        h = self.down[-1](h, conditions)  # (B, widths[-1], H / 2**halvings, W / 2**halvings)
        if self.attention:
            h = self.bottom(self.attention(h), conditions)
        for index, block in enumerate(self.up):
            if self.reading:
                h = self.reading[index](h, context)
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
    """A U-Net that is told how much noise its input has, and of what class it is, or what sentence tells of it.

    Maps z (B, channels, H, W), angles (B,) of `paths.Path.seen`, and labels (B,) if it has classes, -1 for none, to an
    estimate of the shape of z. At first it estimates 0 everywhere. With a text encoder, labels are sentences (B, T), the
    numbers of their words and then -1; every block is told the mean of what the encoder makes of them, and places look at the
    words (`WordAttention`).

    channels: of the images.
    widths: as for `UNet`, of images shrunk by `patch`.
    patch: squares of so many pixels a side become one place with more channels, and back at the end; sides must divide by it.
    classes: how many labels there are; 0 for none.
    text: what reads sentences, from tokens (B, T) to (B, T, 128), or None.

    Raises ValueError as `UNet` does, for labels without classes, and for classes and text at once.
    """

    conditions = 128

    def __init__(
        self,
        channels: int,
        *,
        widths: tuple[int, ...] = (64, 128),
        patch: int = 2,
        classes: int = 0,
        text: TextEncoder | None = None,
    ):
        super().__init__()
        if classes and text:
            raise ValueError(f"Expected classes or text, got {classes} classes and text; tell the class in words.")
        self.channels, self.patch, self.classes = channels, patch, text.words if text else classes
        inside, context = channels * patch**2, self.conditions if text else 0
        self.unet = UNet(inside, inside, widths=widths, conditions=self.conditions, context=context, attention=True)
        nn.init.zeros_(self.unet.head.weight)
        nn.init.zeros_(self.unet.head.bias)
        self.told, self.text = NoiseLevel(self.conditions, classes=classes), text

    def forward(self, z: torch.Tensor, angle: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        if z.ndim != 4 or z.shape[1] != self.channels or z.shape[2] % self.patch or z.shape[3] % self.patch:
            raise ValueError(
                f"This NoiseUNet expects images (B, {self.channels}, H, W) with sides divisible by {self.patch}, "
                f"got {tuple(z.shape)}; pad or resize them."
            )
        if self.text:
            nothing = torch.full((len(z), self.text.longest), -1, device=z.device)
            context = self.text(nothing if labels is None else labels)  # (B, T, conditions)
            conditions = self.told(angle) + context.mean(1)
        else:
            context, conditions = None, self.told(angle, labels)  # (B, conditions)
        h = F.pixel_unshuffle(z, self.patch)  # (B, channels patch**2, H / patch, W / patch)
        return F.pixel_shuffle(self.unet(h, conditions, context), self.patch)


class PlaceAttention(nn.Module):
    """Every place of an image looks at all others and adds what it finds: (B, C, H, W) to the same shape.

    `SelfAttention` after a group norm, with a head for every 32 channels, or one where that does not divide.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.norm = nn.GroupNorm(1, channels)
        self.attention = SelfAttention(channels, channels // 32 if channels % 32 == 0 else 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        places = self.norm(x).flatten(2).transpose(1, 2)  # (B, C, H, W) -> (B, H W, C)
        return x + self.attention(places).transpose(1, 2).reshape(x.shape)


class WordAttention(nn.Module):
    """Every place of an image looks at the words of a sentence and adds what it finds: cross-attention (Vaswani et al., 2017).

    Maps images (B, channels, H, W) and words (B, T, context) to the shape of the images. Queries come from the places, keys
    and values from the words. At first it adds nothing.

    channels: of the image, with a head for every 32 of them, or one where that does not divide.
    context: numbers a word.
    """

    def __init__(self, channels: int, context: int):
        super().__init__()
        self.heads = channels // 32 if channels % 32 == 0 else 1
        self.norm = nn.GroupNorm(1, channels)
        self.queries = nn.Linear(channels, channels)
        self.keys_values = nn.Linear(context, 2 * channels)
        self.out = nn.Linear(channels, channels)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        weights, values = self._weights_values(x, words)
        found = (weights.to(values.dtype) @ values).transpose(1, 2).flatten(2)  # (B, H W, channels)
        return x + self.out(found).transpose(1, 2).reshape(x.shape)

    def weights(self, x: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        """How much each place looks at each word, (B, heads, H W, T), which sums to 1 over the words."""
        return self._weights_values(x, words)[0]

    def _weights_values(self, x, words):
        """(B, heads, H W, T), and (B, heads, T, channels / heads)."""
        places = self.norm(x).flatten(2).transpose(1, 2)  # (B, H W, channels)
        queries = self.queries(places).unflatten(2, (self.heads, -1)).transpose(1, 2)  # (B, heads, H W, channels / heads)
        keys, values = self.keys_values(words).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return (queries @ keys.transpose(2, 3) / queries.shape[3] ** 0.5).softmax(3), values
