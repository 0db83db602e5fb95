"""Convolutional classifiers: a small one for digits, LeNet, and a residual network."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn


class Classifier(nn.Module):
    """What the classifiers share: `features` from an image, then a linear layer, `head`, from features to logits.

    shape: (C, H, W) of the images that it takes. Raises ValueError for images of another shape.
    """

    def __init__(self, shape: tuple[int, int, int]):
        super().__init__()
        self.shape = tuple(shape)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, D), what the last layer sees."""
        if tuple(x.shape[1:]) != self.shape:
            raise ValueError(
                f"This {type(self).__name__} expects images of (B, {', '.join(map(str, self.shape))}), got {tuple(x.shape)}; "
                f"build it with shape={tuple(x.shape[1:])}, or resize the images."
            )
        return self.layers(x)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x))  # (B, classes)


class ConvNet(Classifier):
    """Three 3 x 3 convolutions with two poolings between them and two dense layers: 93,322 parameters for 1 x 28 x 28.

    Maps images (B, *shape) to logits (B, classes).

    shape: (C, H, W) of the images.
    classes: the number of logits.

    Raises ValueError for a shape that the convolutions shrink to nothing.
    """

    def __init__(self, shape: tuple[int, int, int] = (1, 28, 28), classes: int = 10):
        super().__init__(shape)
        channels, height, width = self.shape
        rows, columns = (((side - 2) // 2 - 2) // 2 - 2 for side in (height, width))
        if min(rows, columns) < 1:
            raise ValueError(f"Expected images of at least 18 x 18 pixels, got {height} x {width}; resize them.")
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 32, 3),  # 1 x 28 x 28 -> 32 x 26 x 26
            nn.ReLU(),
            nn.MaxPool2d(2),  # -> 32 x 13 x 13
            nn.Conv2d(32, 64, 3),  # -> 64 x 11 x 11
            nn.ReLU(),
            nn.MaxPool2d(2),  # -> 64 x 5 x 5
            nn.Conv2d(64, 64, 3),  # -> 64 x 3 x 3
            nn.ReLU(),
            nn.Flatten(),  # -> 576
            nn.Linear(64 * rows * columns, 64),
            nn.ReLU(),
        )
        self.head = nn.Linear(64, classes)


class LeNet(Classifier):
    """The network of LeCun et al. (1998) as drawn today, with ReLU and maximum pooling: 62,006 parameters for 3 x 32 x 32.

    Maps images (B, *shape) to logits (B, classes).

    shape: (C, H, W) of the images.
    classes: the number of logits.

    Raises ValueError for a shape that the convolutions shrink to nothing.
    """

    def __init__(self, shape: tuple[int, int, int] = (3, 32, 32), classes: int = 10):
        super().__init__(shape)
        channels, height, width = self.shape
        rows, columns = (((side - 4) // 2 - 4) // 2 for side in (height, width))
        if min(rows, columns) < 1:
            raise ValueError(f"Expected images of at least 16 x 16 pixels, got {height} x {width}; resize them.")
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 6, 5),  # 3 x 32 x 32 -> 6 x 28 x 28
            nn.ReLU(),
            nn.MaxPool2d(2),  # -> 6 x 14 x 14
            nn.Conv2d(6, 16, 5),  # -> 16 x 10 x 10
            nn.ReLU(),
            nn.MaxPool2d(2),  # -> 16 x 5 x 5
            nn.Flatten(),  # -> 400
            nn.Linear(16 * rows * columns, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
        )
        self.head = nn.Linear(84, classes)


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions whose result is added to their input.

    Maps (B, in_channels, H, W) to (B, out_channels, H / stride, W / stride). Where the shape changes, the input is subsampled
    and padded with channels of zeros, which costs no parameters (He et al., 2016, option A).

    in_channels, out_channels: of what comes in and goes out.
    stride: of the first convolution.
    normalization: a function from a number of channels to the layer after each convolution, or None for no such layer.
    residual: whether the input is added.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: int = 1,
        normalization: Callable[[int], nn.Module] | None = nn.BatchNorm2d,
        residual: bool = True,
    ):
        super().__init__()
        bias = normalization is None  # a normalization has a bias of its own
        norm = normalization or nn.Identity
        self.first = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=bias)
        self.second = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=bias)
        self.norms = nn.ModuleList(norm(out_channels) for _ in range(2))
        self.stride, self.added, self.residual = stride, out_channels - in_channels, residual

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = F.relu(self.norms[0](self.first(x)))
        h = self.norms[1](self.second(h))
        if self.residual:
            h = h + F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))
        return F.relu(h)


class ResNet(Classifier):
    """The residual network for small images of He et al. (2016): 269,722 parameters for 3 x 32 x 32 with 3 blocks a stage.

    Maps images (B, *shape) to logits (B, classes) through len(widths) stages of `blocks` residual blocks, each stage after
    the first at half the resolution, and an average over all places.

    shape: (C, H, W) of the images.
    classes: the number of logits.
    widths: channels of each stage.
    blocks: residual blocks of a stage.
    normalization: a function from a number of channels to the layer after each convolution, or None: to measure what it adds.
    residual: whether blocks add their input, to measure what that adds.
    """

    def __init__(
        self,
        shape: tuple[int, int, int] = (3, 32, 32),
        classes: int = 10,
        *,
        widths: tuple[int, ...] = (16, 32, 64),
        blocks: int = 3,
        normalization: Callable[[int], nn.Module] | None = nn.BatchNorm2d,
        residual: bool = True,
    ):
        super().__init__(shape)
        layers = [nn.Conv2d(self.shape[0], widths[0], 3, padding=1, bias=normalization is None)]
        layers += [normalization(widths[0]), nn.ReLU()] if normalization else [nn.ReLU()]
        in_channels = widths[0]
        for stage, out_channels in enumerate(widths):
            for block in range(blocks):
                stride = 2 if stage and not block else 1
                options = {"stride": stride, "normalization": normalization, "residual": residual}
                layers.append(ResidualBlock(in_channels, out_channels, **options))
                in_channels = out_channels
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())  # -> (B, widths[-1])
        self.head = nn.Linear(in_channels, classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
