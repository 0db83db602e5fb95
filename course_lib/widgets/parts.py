"""What the widgets share in Python: the parts that each is made of, checks of a reader's networks, and packed pictures."""

import base64
import io
from contextlib import redirect_stdout
from dataclasses import dataclass, field

import torch
from torch import nn

from .. import data


@dataclass(frozen=True)
class Parts:
    """What a page needs for one widget.

    picture: float tensor (H, W) in 0..1, or (H, W, 3), shown where there is no JavaScript.
    networks: files of `export`, by the names that the widget's script calls them.
    facts: whatever else the script needs, as JSON.
    """

    picture: torch.Tensor
    networks: dict[str, bytes] = field(default_factory=dict)
    facts: dict = field(default_factory=dict)


def expect(network: nn.Module, wanted: str, fits: bool) -> None:
    """Raise ValueError, with what was wanted in words, unless a reader's network fits."""
    if not fits:
        lines = repr(network).splitlines()
        raise ValueError(f"Expected {wanted}, got {lines[0].rstrip('(')}; see the docstring of widgets.show for each kind.")


def digits() -> tuple[data.Images, data.Images]:
    """The 5,000 digits that need no download, (train, test) in 0..1, without a line about them in a cell's output."""
    with redirect_stdout(io.StringIO()):
        sets = data.mnist(profile="fast")
    return tuple(part.with_value_range(0, 1) for part in sets)


def packed(images: torch.Tensor) -> str:
    """Images (N, ...) in 0..1 as base64, 16 shades of grey, two pixels a byte."""
    shades = images.cpu().flatten().mul(15).round().to(torch.uint8)
    return base64.b64encode((shades[::2] * 16 + shades[1::2]).numpy().tobytes()).decode()


def sheet(images: torch.Tensor, columns: int) -> torch.Tensor:
    """Images (N, H, W) or (N, C, H, W) side by side, a black line between them: one picture (H', W') or (C, H', W')."""
    bordered = torch.nn.functional.pad(images.cpu(), (0, 1, 0, 1))
    rows = [torch.cat(list(row), dim=-1) for row in bordered.split(columns)]
    return torch.cat(rows, dim=-2)[..., :-1, :-1].clamp(0, 1)
