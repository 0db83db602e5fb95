"""Texture and style: a picture changed until features of it have the statistics of another's.

Pictures x are float (B, 3, H, W) in 0..1. Features are a list of maps (B, C, H', W'), one a scale, of a module such as
`RandomFilters` or `VGGFeatures`.
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import nn


class RandomFilters(nn.Module):
    """Random filters that nobody trained, at several scales: (B, 3, H, W) in 0..1 -> a list of (B, count, H', W').

    One convolution and a ReLU, on the picture, on half of its size, and so on (Ustyuzhaninov et al., 2017, who take filters of
    several sizes instead). Each filter sums to 0 in each color, so that it answers to edges and not to plain colors, and has
    norm 1. The first three maps, the picture itself, tell colors. Scales that are smaller than a filter are left out.

    count: filters a scale.
    side: their height and width in pixels, odd.
    scales: how many at most.
    seed: of the filters, which are the same on every device.

    Raises ValueError or TypeError, in one sentence, for numbers below 1, an even side, pictures of another shape or type, and
    a picture that is smaller than a filter.
    """

    def __init__(self, *, count: int = 48, side: int = 7, scales: int = 4, seed: int = 0):
        super().__init__()
        if count < 1 or scales < 1 or side < 3 or side % 2 == 0:
            raise ValueError(
                f"Expected count and scales of 1 or more and an odd side from 3 on, got {count}, {scales}, {side}."
            )
        filters = torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(seed))
        filters = filters - filters.mean((2, 3), keepdim=True)  # for each color
        self.register_buffer("filters", F.normalize(filters.flatten(1)).view_as(filters))
        self.side, self.scales = side, scales

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        _check(x)
        if min(x.shape[2:]) < self.side:
            raise ValueError(f"Expected pictures of at least {self.side} x {self.side}, as the filters are, got {_size(x)}.")
        maps = [x]
        for _ in range(self.scales):
            edge = F.pad(x, [self.side // 2] * 4, mode="reflect")
            maps.append(F.relu(F.conv2d(edge, self.filters)))  # (B, count, H', W')
            x = F.avg_pool2d(x, 2)
            if min(x.shape[2:]) < self.side:
                break
        return maps


class VGGFeatures(nn.Module):
    """The first layers of torchvision's VGG-19, as Gatys et al. (2016) take them: (B, 3, H, W) in 0..1 -> four maps.

    They have 64, 128, 256 and 512 channels, after the first ReLU at each size: H x W, a half, a quarter and an eighth.

    weights: torchvision's state dict, such as `VGG19_Weights.IMAGENET1K_V1.get_state_dict(check_hash=True,
        weights_only=True)`, a download of 548 MB; what it has beyond these layers is left out. None for random weights.

    Raises ValueError for pictures of another shape or below 8 pixels a side, RuntimeError for weights of another network.
    """

    after = (1, 6, 11, 20)  # the first ReLU at each size

    def __init__(self, *, weights: Mapping[str, torch.Tensor] | None = None):
        super().__init__()
        layers, width = [], 3
        for size in (64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512):
            layers += [nn.MaxPool2d(2)] if size == "M" else [nn.Conv2d(width, size, 3, padding=1), nn.ReLU()]
            width = width if size == "M" else size
        self.features = nn.Sequential(*layers)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), persistent=False)  # of ImageNet
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1), persistent=False)
        if weights is not None:
            self.load_state_dict({name: weights[name] for name in self.state_dict() if name in weights})
        self.requires_grad_(False)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        _check(x)
        if min(x.shape[2:]) < 8:
            raise ValueError(f"Expected pictures of at least 8 x 8, got {_size(x)}.")
        x, maps = (x - self.mean) / self.deviation, []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in self.after:
                maps.append(x)
        return maps


def gram(features: torch.Tensor) -> torch.Tensor:
    """The mean products of every two channels, over all places: (B, C, H, W) -> (B, C, C) (Gatys et al., 2016, equation 3).

    Divided by H W, so that pictures of different size can be compared.
    """
    flat = features.flatten(2)  # (B, C, H W)
    return flat @ flat.mT / flat.shape[2]


def gram_distance(found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """The squared distance of two Gram matrices, as a share of the square of the one that is wanted: (B,).

    found: features (B, C, H, W).
    wanted: features (B or 1, C, H', W').
    """
    found, wanted = gram(found), gram(wanted)
    return (found - wanted).square().sum((1, 2)) / wanted.square().sum((1, 2))


def sliced_wasserstein(found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """How far each channel's values are from those wanted, both in order: (B,) (Heitz et al., 2021).

    The mean squared difference of the sorted values, as a share of the mean square of the wanted ones. A channel of random
    filters is a projection of the pixels around a place, so that this is the sliced Wasserstein distance of two sets of
    patches, with one slice a filter.

    found: features (B, C, H, W).
    wanted: features (B or 1, C, H', W'); of more or fewer places, evenly spaced ones of the order are taken.
    """
    found, wanted = found.flatten(2).sort(2).values, wanted.flatten(2).sort(2).values
    places, given = found.shape[2], wanted.shape[2]
    wanted = wanted[..., torch.arange(places, device=wanted.device) * given // places]
    return (found - wanted).square().mean((1, 2)) / wanted.square().mean((1, 2))


def style_loss(
    found: list[torch.Tensor],
    wanted: list[torch.Tensor],
    compare: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = gram_distance,
) -> torch.Tensor:
    """How far two pictures' statistics are apart, the mean over the maps that both have, (B,): 0 where all agree.

    found: maps of B pictures.
    wanted: maps of the style, of one picture or B.
    compare: `gram_distance` or `sliced_wasserstein`.
    """
    return torch.stack([compare(*pair) for pair in zip(found, wanted, strict=False)]).mean(0)


def content_loss(found: list[torch.Tensor], wanted: list[torch.Tensor]) -> torch.Tensor:
    """How far two pictures' maps are apart place by place, (B,): squared, as a share of the wanted's square, their mean.

    found: maps of B pictures.
    wanted: maps of the contents, of one picture or B.
    """
    shares = [(f - w).square().mean((1, 2, 3)) / w.square().mean((1, 2, 3)) for f, w in zip(found, wanted, strict=False)]
    return torch.stack(shares).mean(0)


def stylize(
    x: torch.Tensor,
    style: torch.Tensor,
    features: nn.Module,
    *,
    content: torch.Tensor | None = None,
    content_weight: float = 0.0,
    compare: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = gram_distance,
    steps: int = 60,
) -> torch.Tensor:
    """Change the pixels of x until its features have the statistics of a style's (Gatys et al., 2016): (B, 3, H, W).

    What falls is style_loss + content_weight content_loss, by L-BFGS; at the end values outside 0..1 are cut off.

    x: pictures to start from.
    style: picture (1, 3, H', W').
    features: from pictures to a list of maps.
    content: pictures of the shape of x whose features should be kept place by place, or None.
    content_weight: of that, 0 or more.
    compare: `gram_distance` or `sliced_wasserstein`.
    steps: of L-BFGS.

    Raises ValueError or TypeError, in one sentence, for pictures of another shape or range, a content of another shape than x,
    a negative weight, a weight without content, steps below 1, and pictures that the features cannot take.
    """
    for picture in (x, style) if content is None else (x, style, content):
        _check(picture)
        if not (picture.min() >= 0 and picture.max() <= 1):  # also for NaN
            low, high = picture.min(), picture.max()
            raise ValueError(f"Expected pictures in 0..1, got {low:.3g}..{high:.3g}; turn -1..1 into it by (x + 1) / 2.")
    if not content_weight >= 0 or steps < 1:
        raise ValueError(f"Expected a content weight of 0 or more and 1 step or more, got {content_weight} and {steps}.")
    if content_weight and (content is None or content.shape != x.shape):
        got = "none" if content is None else tuple(content.shape)
        raise ValueError(f"Expected a content of the shape of x, {tuple(x.shape)}, got {got}.")
    with torch.no_grad():
        wanted = features(style)
        kept = features(content) if content_weight else []
    x = x.detach().clone().requires_grad_()
    lbfgs = torch.optim.LBFGS(
        [x], max_iter=steps, line_search_fn="strong_wolfe", history_size=20, tolerance_grad=0, tolerance_change=0
    )

    def cost():
        lbfgs.zero_grad()
        found = features(x)
        loss = style_loss(found, wanted, compare).sum()
        if content_weight:
            loss = loss + content_weight * content_loss(found, kept).sum()
        loss.backward(inputs=[x])
        return loss

    lbfgs.step(cost)
    return x.detach().clamp(0, 1)


def synthesize(
    style: torch.Tensor,
    features: nn.Module,
    *,
    size: int = 128,
    halvings: int = 3,
    compare: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = gram_distance,
    steps: int = 60,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """A new texture from noise, first small, then twice as large, and so on: (1, 3, size, size).

    At every size `stylize` starts from the smaller texture, enlarged, and is shown the style in the same reduction.

    style: picture (1, 3, H, W) in 0..1.
    features: from pictures to a list of maps.
    size: height and width at the end, in pixels, which can be halved `halvings` times.
    halvings: how often the first size is smaller than the last.
    compare, steps: as for `stylize`; so many steps at each size.
    generator: a torch.Generator on the CPU, for the noise.

    Raises ValueError or TypeError as `stylize` does, and for a size that cannot be halved so often.
    """
    _check(style)
    if size < 1 or size % 2**halvings:
        raise ValueError(f"Expected a size that can be halved {halvings} times, got {size}; take a multiple of {2**halvings}.")
    first = size // 2**halvings
    noise = torch.randn(1, 3, first, first, generator=generator).to(style)
    x = (style.mean((2, 3), keepdim=True) + style.std((2, 3), keepdim=True) * noise).clamp(0, 1)
    for halving in reversed(range(halvings + 1)):
        side = size // 2**halving
        x = F.interpolate(x, size=(side, side), mode="bilinear")
        x = stylize(x, F.avg_pool2d(style, 2**halving), features, compare=compare, steps=steps)
    return x


def _check(x):
    """Raises TypeError or ValueError for what is no batch of color pictures."""
    if not x.is_floating_point():
        raise TypeError(f"Expected pictures of floats in 0..1, got {x.dtype}; divide bytes by 255.")
    if x.ndim != 4 or x.shape[1] != 3:
        raise ValueError(f"Expected pictures (B, 3, H, W), got shape {tuple(x.shape)}; give one picture the axis by x[None].")


def _size(x):
    return f"{x.shape[2]} x {x.shape[3]}"
