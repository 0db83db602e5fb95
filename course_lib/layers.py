"""Blocks that two or more of the models are made of."""

import math

import torch
import torch.nn.functional as F
from torch import nn


class PreActivationBlock(nn.Module):
    """Twice group norm, SiLU and a 3 x 3 convolution, added to the input: (B, in_channels, H, W) -> (B, out_channels, H, W).

    Group norm (Wu & He, 2018) takes its mean and variance from each example alone, so that a batch of one is as good as any:
    of four channels at a time, or with conditions of all, which is ten times as fast on a CPU. Where the number of channels
    changes, a 1 x 1 convolution fits the input to the sum (He et al., 2016, identity mappings).

    in_channels, out_channels: multiples of 4.
    conditions: numbers an example, such as those that tell the time, which scale and shift the channels after the second
        norm (Dhariwal and Nichol, 2021); 0 for none. At first they change nothing.
    """

    def __init__(self, in_channels: int, out_channels: int, *, conditions: int = 0):
        super().__init__()
        self.first = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.second = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.norms = nn.ModuleList(
            nn.GroupNorm(1 if conditions else channels // 4, channels) for channels in (in_channels, out_channels)
        )
        self.shortcut = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)
        if conditions:
            self.modulation = nn.Linear(conditions, 2 * out_channels)
            nn.init.zeros_(self.modulation.weight)
            nn.init.zeros_(self.modulation.bias)

    def forward(self, x: torch.Tensor, conditions: torch.Tensor | None = None) -> torch.Tensor:
        h = self.norms[1](self.first(F.silu(self.norms[0](x))))
        if conditions is not None:  # (B, conditions)
            scale, shift = self.modulation(conditions)[:, :, None, None].chunk(2, 1)  # (B, out_channels, 1, 1) each
            h = h * (1 + scale) + shift
        return self.second(F.silu(h)) + self.shortcut(x)


class NoiseLevel(nn.Module):
    """What a denoising network is told besides its input: angles (B,) of `paths.Path.seen`, and labels (B,) -> (B, width).

    width: numbers that come out.
    classes: how many labels there are; 0 for none. Label -1, or none at all, stands for no label.

    Raises ValueError for labels without classes.
    """

    def __init__(self, width: int, *, classes: int = 0):
        super().__init__()
        self.classes = classes
        self.angle = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))
        self.label = nn.Embedding(classes + 1, width) if classes else None  # the last stands for no label

    def forward(self, angle: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        if labels is not None and not self.classes:
            raise ValueError("Expected no labels for this network, which has no classes, got some.")
        told = self.angle(waves(angle))  # (B, width)
        if self.classes:
            none = torch.full(angle.shape, self.classes, device=angle.device)
            told = told + self.label(none if labels is None else torch.where(labels < 0, none, labels))
        return F.silu(told)


def waves(angle: torch.Tensor) -> torch.Tensor:
    """Cosines and sines of an angle at 32 frequencies from 1 to 128: (B,) -> (B, 64)."""
    turned = angle[:, None] * torch.logspace(0, math.log10(128), 32, device=angle.device)
    return torch.cat([turned.cos(), turned.sin()], 1)


class SelfAttention(nn.Module):
    """Multi-head self-attention: each of T places takes a mean of all, weighted by how well its query fits their keys.

    Maps (B, T, hidden) to (B, T, hidden). With Q, K, V of a head, each (T, D), D = hidden / heads: softmax(Q K^T / sqrt(D)) V.
    Source: Vaswani et al., 2017. Written out, for short sequences: on CPUs with bfloat16 the backward pass of PyTorch's
    `scaled_dot_product_attention` takes ten times as long as the rest of a small transformer.

    hidden: features of a place, a multiple of `heads`.
    heads: how many attend side by side, each in hidden / heads dimensions.
    """

    def __init__(self, hidden: int, heads: int):
        super().__init__()
        if hidden % heads:
            raise ValueError(f"Expected hidden to be a multiple of heads, got hidden={hidden} and heads={heads}.")
        self.heads = heads
        self.queries_keys_values = nn.Linear(hidden, 3 * hidden)
        self.out = nn.Linear(hidden, hidden)

    def forward(self, x: torch.Tensor, causal: bool = False) -> torch.Tensor:
        """causal: whether a place sees only itself and those before it."""
        qkv = self.queries_keys_values(x).unflatten(2, (3, self.heads, -1))  # (B, T, 3, heads, hidden / heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, heads, T, hidden / heads)
        scores = q @ k.transpose(2, 3) / q.shape[3] ** 0.5  # (B, heads, T, T), query x key
        if causal:
            scores = scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -torch.inf)
        mixed = scores.softmax(3).to(v.dtype) @ v  # (B, heads, T, hidden / heads)
        return self.out(mixed.transpose(1, 2).flatten(2))  # -> (B, T, hidden)


class TransformerBlock(nn.Module):
    """Attention between places, then a small network at each place, both added to their input: (B, T, hidden) to the same.

    Each is preceded by layer norm (Ba et al., 2016), as in Xiong et al. (2020); the network has one hidden layer, four times as
    wide, of GELU.

    hidden, heads: see `SelfAttention`.
    """

    def __init__(self, hidden: int, heads: int):
        super().__init__()
        self.attention = SelfAttention(hidden, heads)
        self.mlp = nn.Sequential(nn.Linear(hidden, 4 * hidden), nn.GELU(), nn.Linear(4 * hidden, hidden))
        self.norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(2))

    def forward(self, x: torch.Tensor, causal: bool = False) -> torch.Tensor:
        """causal: whether a place sees only itself and those before it."""
        x = x + self.attention(self.norms[0](x), causal)
        return x + self.mlp(self.norms[1](x))


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
