"""Blocks that two or more of the models are made of."""

import torch
import torch.nn.functional as F
from torch import nn


class PreActivationBlock(nn.Module):
    """Twice group norm, SiLU and a 3 x 3 convolution, added to the input: (B, in_channels, H, W) -> (B, out_channels, H, W).

    Group norm (Wu & He, 2018) takes its mean and variance from each example alone, four channels at a time, so that a batch
    of one is as good as any. Where the number of channels changes, a 1 x 1 convolution fits the input to the sum (He et al.,
    2016, identity mappings).

    in_channels, out_channels: multiples of 4.
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.first = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.second = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.norms = nn.ModuleList(nn.GroupNorm(channels // 4, channels) for channels in (in_channels, out_channels))
        self.shortcut = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.first(F.silu(self.norms[0](x)))
        h = self.second(F.silu(self.norms[1](h)))
        return h + self.shortcut(x)


class MinibatchDeviation(nn.Module):
    """Appends to each example how much its group varies: (B, F, ...) -> (B, 2 F, ...).

    A discriminator sees examples one by one, so it cannot tell that all generated ones are alike. With the standard deviation
    over `group` consecutive examples beside each feature it can. (Salimans et al., 2016, section 3.2, and, as the mean over
    all features, Karras et al., 2018, section 3.)

    group: examples that are compared, 2 or more; raises ValueError for a batch that it does not divide.
    """

    def __init__(self, group: int):
        super().__init__()
        if group < 2:
            raise ValueError(f"Expected a group of 2 examples or more, got {group}.")
        self.group = group

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) % self.group:
            raise ValueError(f"Expected a batch that groups of {self.group} divide, got {len(x)} examples.")
        groups = x.unflatten(0, (-1, self.group))  # (B, F, ...) -> (B / group, group, F, ...)
        deviation = (groups.var(1, keepdim=True) + 1e-8).sqrt()  # no root of zero, which has no gradient
        return torch.cat([x, deviation.expand_as(groups).flatten(0, 1)], dim=1)
