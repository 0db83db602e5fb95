"""Convolutional classifiers: a small one for digits, LeNet, and a residual network."""

import torch.nn.functional as F
from torch import nn


class Classifier(nn.Module):
    """What the classifiers share: `features` from an image, then a linear layer, `head`, from features to logits.

    shape: (C, H, W) of the images that it takes. Raises ValueError for images of another shape.
    """

    def __init__(self, shape):
        super().__init__()
        self.shape = tuple(shape)

    def features(self, x):
        """(B, C, H, W) -> (B, D), what the last layer sees."""
        if tuple(x.shape[1:]) != self.shape:
            raise ValueError(
                f"This {type(self).__name__} expects images of (B, {', '.join(map(str, self.shape))}), got {tuple(x.shape)}; "
                f"build it with shape={tuple(x.shape[1:])}, or resize the images."
            )
        return self.layers(x)

    def forward(self, x):
        return self.head(self.features(x))  # (B, classes)


class ConvNet(Classifier):
    """Three 3 x 3 convolutions with two poolings between them and two dense layers: 93,322 parameters for 1 x 28 x 28.

    Maps images (B, *shape) to logits (B, classes). Raises ValueError for a shape that the convolutions shrink to nothing.
    """

    def __init__(self, shape=(1, 28, 28), classes=10):
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

    Maps images (B, *shape) to logits (B, classes). Raises ValueError for a shape that the convolutions shrink to nothing.
    """

    def __init__(self, shape=(3, 32, 32), classes=10):
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
    """Two 3 x 3 convolutions whose result is added to their input: (B, C_in, H, W) -> (B, C_out, H / stride, W / stride).

    normalise, residual: whether there is batch norm after each convolution, and whether the input is added. Where the shape
    changes, the input is subsampled and padded with channels of zeros, which costs no parameters (He et al., 2016, option A).
    """

    def __init__(self, inputs, outputs, *, stride=1, normalise=True, residual=True):
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=not normalise)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=not normalise)
        self.norms = nn.ModuleList(nn.BatchNorm2d(outputs) if normalise else nn.Identity() for _ in range(2))
        self.stride, self.added, self.residual = stride, outputs - inputs, residual

    def forward(self, x):
        h = F.relu(self.norms[0](self.first(x)))
        h = self.norms[1](self.second(h))
        if self.residual:
            h = h + F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))
        return F.relu(h)


class ResNet(Classifier):
    """The residual network for small images of He et al. (2016): 269,722 parameters for 3 x 32 x 32 with 3 blocks a stage.

    Maps images (B, *shape) to logits (B, classes) through len(widths) stages of `blocks` residual blocks, each stage after
    the first at half the resolution, and an average over all places. normalise, residual: whether it has batch norm and
    residual links, to measure what each adds.
    """

    def __init__(self, shape=(3, 32, 32), classes=10, *, widths=(16, 32, 64), blocks=3, normalise=True, residual=True):
        super().__init__(shape)
        layers = [nn.Conv2d(self.shape[0], widths[0], 3, padding=1, bias=not normalise)]
        layers += [nn.BatchNorm2d(widths[0]), nn.ReLU()] if normalise else [nn.ReLU()]
        inputs = widths[0]
        for stage, outputs in enumerate(widths):
            for block in range(blocks):
                stride = 2 if stage and not block else 1
                layers.append(ResidualBlock(inputs, outputs, stride=stride, normalise=normalise, residual=residual))
                inputs = outputs
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())  # -> (B, widths[-1])
        self.head = nn.Linear(inputs, classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
