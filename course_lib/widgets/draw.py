"""Draw a digit, look inside: what each layer of a classifier makes of the reader's own drawing."""

import torch
from torch import nn

from .. import published
from ..models.cnn import Classifier
from .export import export
from .parts import Parts, digits, expect, packed, sheet


def parts(network: nn.Module | None = None) -> Parts:
    """The classifier, and a test digit of each class."""
    network = network or published.mnist_features()
    fits = isinstance(network, Classifier) and network.shape == (1, 28, 28) and network.head.out_features == 10
    expect(network, "a Classifier of (1, 28, 28) with 10 classes, such as models.ConvNet()", fits)
    _, test = digits()
    images, labels = test.batch(slice(0, 200))
    examples = torch.stack([images[labels == digit][2, 0] for digit in range(10)])
    example = examples[3][None, None].to(images.device)
    maps = next(layer for layer in _maps(network, example))[0, :15]
    shown = torch.cat([example[0], maps / maps.amax((1, 2), keepdim=True).clamp(min=1e-6)])
    file = export(network, (1, 28, 28))
    return Parts(sheet(shown, 8), {"network": file}, {"examples": packed(examples)})


def _maps(network, x):
    """What is there after each activation of the network's list of layers, resized to 28 x 28: (1, C, 28, 28) each."""
    for layer in network.layers:
        x = layer(x)
        if not isinstance(layer, (nn.Conv2d, nn.BatchNorm2d)) and x.ndim == 4:
            yield nn.functional.interpolate(x, (28, 28))
