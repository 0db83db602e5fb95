"""The generator and discriminator of the deep convolutional GAN (Radford et al., 2016), for images of any size they reach."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.functional import one_hot


def initialize(layer: nn.Module) -> nn.Module:
    """Weights of a convolution or a dense layer from N(0, 0.02^2), biases 0, as Radford et al. (2016) do; returns the layer."""
    nn.init.normal_(layer.weight, std=0.02)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class Generator(nn.Module):
    """From noise to images: a dense layer, then `stages` transposed convolutions that double the sides and halve the channels.

    Maps z (B, latent_dim), and labels (B,) if conditional, to images (B, *shape) in -1..1.

    shape: (C, H, W) of the images; H and W divisible by 2^stages.
    latent_dim: numbers of noise an image.
    width: channels before the last doubling.
    stages: doublings.
    classes: None, or the number of classes of a conditional generator, which takes the label as that many more numbers beside
        the noise, 1 for its class and 0 for the others (Mirza and Osindero, 2014).

    Raises ValueError for a shape that the doublings do not reach, noise of another shape, and missing labels.
    """

    value_range = (-1.0, 1.0)

    def __init__(
        self,
        shape: tuple[int, int, int] = (1, 28, 28),
        *,
        latent_dim: int = 100,
        width: int = 64,
        stages: int = 2,
        classes: int | None = None,
    ):
        super().__init__()
        rows, columns = _after_halvings(shape, stages)
        self.latent_dim, self.classes = latent_dim, classes
        first = width * 2 ** (stages - 1)
        self.start = (first, rows, columns)
        self.dense = initialize(nn.Linear(latent_dim + (classes or 0), first * rows * columns))
        layers = [nn.BatchNorm2d(first), nn.ReLU()]
        for stage in reversed(range(1, stages)):
            in_channels, out_channels = width * 2**stage, width * 2 ** (stage - 1)
            layers.append(initialize(nn.ConvTranspose2d(in_channels, out_channels, 4, 2, padding=1, bias=False)))
            layers += [nn.BatchNorm2d(out_channels), nn.ReLU()]
        self.layers = nn.Sequential(*layers, initialize(nn.ConvTranspose2d(width, shape[0], 4, 2, padding=1)), nn.Tanh())

    def forward(self, z: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            raise ValueError(f"This generator expects noise (B, {self.latent_dim}), got {tuple(z.shape)}.")
        if self.classes:
            _require_labels(labels, "generator")
            z = torch.cat([z, one_hot(labels, self.classes).to(z.dtype)], dim=1)  # (B, latent_dim + classes)
        return self.layers(self.dense(z).unflatten(1, self.start))  # (B, c h w) -> (B, c, h, w) -> (B, *shape)


class Discriminator(nn.Module):
    """From images to logits, positive for real: `stages` convolutions of stride 2, channels doubling from `width`.

    Maps images (B, *shape), and labels (B,) if conditional, to (B,).

    shape: (C, H, W) of the images.
    width: channels after the first convolution.
    stages: halvings.
    classes: None, or the number of classes; the image then gets that many more channels, 1 everywhere for its class and 0 for
        the others (Mirza and Osindero, 2014).
    normalization: a function from a number of channels to the layer after each convolution but the first, such as
        `nn.BatchNorm2d`; None for no such layer.
    parametrization: a function that wraps each layer with weights, such as `torch.nn.utils.parametrizations.spectral_norm`.
    dropout: the share of each layer's outputs that is set to zero in training.

    Raises ValueError for images of another shape, for a shape that the stages halve to nothing, and for missing labels.
    """

    def __init__(
        self,
        shape: tuple[int, int, int] = (1, 28, 28),
        *,
        width: int = 64,
        stages: int = 2,
        classes: int | None = None,
        normalization: Callable[[int], nn.Module] | None = None,
        parametrization: Callable[[nn.Module], nn.Module] | None = None,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.shape, self.classes = tuple(shape), classes
        rows, columns = (side // 2**stages for side in shape[1:])  # a halving leaves an odd last row out
        if min(rows, columns) < 1:
            raise ValueError(f"Expected images of at least {2**stages} x {2**stages} for {stages} stages, got {shape[1:]}.")
        wrap = parametrization or (lambda layer: layer)
        layers, in_channels = [], shape[0] + (classes or 0)
        for stage in range(stages):
            out_channels = width * 2**stage
            layers.append(wrap(initialize(nn.Conv2d(in_channels, out_channels, 4, 2, padding=1))))
            if normalization and stage:
                layers.append(normalization(out_channels))
            layers += [nn.LeakyReLU(0.2), nn.Dropout(dropout)]
            in_channels = out_channels
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.head = wrap(initialize(nn.Linear(in_channels * rows * columns, 1)))

    def forward(self, x: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        if tuple(x.shape[1:]) != self.shape:
            raise ValueError(f"This discriminator expects images (B, {', '.join(map(str, self.shape))}), got {tuple(x.shape)}.")
        if self.classes:
            _require_labels(labels, "discriminator")
            planes = one_hot(labels, self.classes).to(x.dtype)[:, :, None, None].expand(-1, -1, *x.shape[2:])
            x = torch.cat([x, planes], dim=1)  # (B, C + classes, H, W)
        return self.head(self.layers(x)).squeeze(1)  # (B, 1) -> (B,)


def _after_halvings(shape, stages):
    _, height, width = shape
    step = 2**stages
    if height % step or width % step:
        raise ValueError(
            f"Expected an image size that {stages} doublings reach, a multiple of {step}, got {height} x {width}; "
            "change stages, or pad or resize the images."
        )
    return height // step, width // step


def _require_labels(labels, who):
    if labels is None:
        raise ValueError(f"This {who} is conditional and expects labels (B,) beside its input, got none.")
