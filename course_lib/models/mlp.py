"""The multilayer perceptron; and a residual one that is told how much noise there is."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from ..layers import NoiseLevel


class MLP(nn.Module):
    """Dense layers with an activation between them, and none after the last.

    Maps (B, ...) with widths[0] numbers an example to (B, widths[-1]); raises ValueError for another count.

    widths: the number of units of each layer, input first: (784, 256, 128, 10).
    activation: a module class.
    dropout: the share of each hidden layer's units that is set to zero in training (Srivastava et al., 2014).
    """

    def __init__(self, widths: Sequence[int], *, activation: type[nn.Module] = nn.ReLU, dropout: float = 0.0):
        super().__init__()
        self.in_features = widths[0]
        layers = []
        for fan_in, fan_out in pairwise(widths):
            layers += [nn.Linear(fan_in, fan_out), activation(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers[:-2])  # the last layer's outputs are logits, or a regression's values

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.flatten(1)  # (B, ...) -> (B, in_features)
        if x.shape[1] != self.in_features:
            raise ValueError(
                f"This MLP expects {self.in_features} numbers an example, got {x.shape[1]}; "
                f"build it with widths[0]={x.shape[1]}."
            )
        return self.layers(x)  # (B, widths[-1])


class NoiseMLP(nn.Module):
    """Residual dense layers that are told how much noise their input has, and of what class it is.

    Maps z (B, size), angles (B,) of `paths.Path.seen`, and labels (B,) if it has classes, -1 for none, to an estimate of the
    shape of z. At first it estimates 0 everywhere.

    size: numbers an example, such as those of a VAE's code.
    width: units between the residual blocks, of which each has twice as many inside.
    blocks: residual blocks.
    classes: how many labels there are; 0 for none.

    Raises ValueError for another size, and for labels without classes.
    """

    def __init__(self, size: int, *, width: int = 256, blocks: int = 3, classes: int = 0):
        super().__init__()
        self.size, self.classes = size, classes
        self.told = NoiseLevel(width, classes=classes)
        self.first, self.last = nn.Linear(size, width), nn.Linear(width, size)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))
            for _ in range(blocks)
        )
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, z: torch.Tensor, angle: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        if z.ndim != 2 or z.shape[1] != self.size:
            raise ValueError(f"This NoiseMLP expects (B, {self.size}), got {tuple(z.shape)}; build it with the size of z.")
        told, h = self.told(angle, labels), self.first(z)  # (B, width) each
        for block in self.blocks:
            h = h + block(h + told)
        return self.last(h)  # (B, size)


class MLPs(nn.Module):
    """Several multilayer perceptrons of one shape, which know nothing of each other and are computed together.

    Maps (count * B, ...) to (count * B, widths[-1]): the first B examples go through the first network, the next B through the
    second, and so on. For experiments with several seeds on networks so small that most of the time goes into the calls.
    Raises ValueError for a number of examples that `count` does not divide, and for another number of inputs.

    count: networks.
    widths: the number of units of each layer, input first.
    activation: a module class.
    """

    def __init__(self, count: int, widths: Sequence[int], *, activation: type[nn.Module] = nn.ReLU):
        super().__init__()
        self.count, self.in_features, self.activation = count, widths[0], activation()
        alone = [[layer for layer in MLP(widths).layers if isinstance(layer, nn.Linear)] for _ in range(count)]
        layers = list(zip(*alone, strict=True))  # for each layer, that of every network
        self.weights = nn.ParameterList(torch.stack([each.weight.detach().T for each in layer]) for layer in layers)
        self.biases = nn.ParameterList(torch.stack([each.bias.detach()[None] for each in layer]) for layer in layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.flatten(1)
        if x.shape[1] != self.in_features or len(x) % self.count:
            raise ValueError(
                f"These {self.count} MLPs expect a multiple of {self.count} examples with {self.in_features} numbers each, "
                f"got {len(x)} with {x.shape[1]}."
            )
        h = x.view(self.count, -1, self.in_features)  # (count * B, in) -> (count, B, in)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            h = self.activation(torch.baddbmm(bias, h, weight))
        return torch.baddbmm(self.biases[-1], h, self.weights[-1]).flatten(0, 1)  # (count, B, out) -> (count * B, out)
