"""The multilayer perceptron."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn


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
