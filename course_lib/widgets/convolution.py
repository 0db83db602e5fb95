"""Convolution explorer: a kernel laid on a picture, number by number, forward and transposed."""

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, conv2d

from .. import published
from ..models.cnn import Classifier
from .parts import Parts, digits, expect, sheet

SIDE = 14  # pixels of a picture
SOBEL = [[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]


def parts(network: nn.Module | None = None) -> Parts:
    """Two pictures, and the 3 x 3 kernels of the first convolution of a classifier of digits."""
    network = network or published.mnist_features()
    first = next((layer for layer in network.modules() if isinstance(layer, nn.Conv2d)), None)
    fits = isinstance(network, Classifier) and first.weight.shape[1:] == (1, 3, 3)
    expect(network, "a Classifier of images with one channel whose first convolution is 3 x 3, models.ConvNet()", fits)
    kernels = first.weight[:, 0].cpu()
    if not kernels.isfinite().all():
        raise ValueError("Expected weights that are all finite, got nan or inf: train the network anew, or load it again.")
    _, test = digits()
    digit = avg_pool2d(test.batch(slice(4, 5))[0].cpu(), 2)[0, 0]  # (14, 14)
    square = torch.zeros(SIDE, SIDE)
    square[4:10, 4:10] = 1
    pictures = {"digit": digit, "square": square, "grey": torch.full((SIDE, SIDE), 0.5)}
    edges = conv2d(digit[None, None], torch.tensor([[SOBEL]]), padding=1)[0, 0]
    maps = conv2d(digit[None, None], kernels[:2, None], padding=1)[0]
    shown = torch.stack([digit, *((each - each.min()) / (each.max() - each.min()) for each in (edges, *maps))])
    facts = {
        "pictures": {name: picture.mul(100).round().div(100).flatten().tolist() for name, picture in pictures.items()},
        "kernels": kernels.mul(100).round().div(100).flatten(1).tolist(),
    }
    return Parts(sheet(shown, 4), facts=facts)
