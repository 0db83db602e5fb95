"""The checks of the chapter Deeper networks take right answers and turn down wrong ones: see test_all.py."""

import copy

import numpy as np
import torch

from course_lib.checks import deeper
from course_lib.models import LeNet
from course_lib.models.cnn import ResidualBlock


def layer_norm(x, scale, shift):
    z = (x - x.mean((1, 2, 3), keepdims=True)) / np.sqrt(x.var((1, 2, 3), keepdims=True) + 1e-5)
    return z * scale[:, None, None] + shift[:, None, None]


def batch_norm(x, scale, shift):
    z = (x - x.mean((0, 2, 3), keepdims=True)) / np.sqrt(x.var((0, 2, 3), keepdims=True) + 1e-5)
    return z * scale[:, None, None] + shift[:, None, None]


def fold(w, scale, shift, mean, variance):
    factor = scale / np.sqrt(variance + 1e-5)
    return w * factor[:, None, None, None], shift - mean * factor


def backward(d, x, scale):
    s = np.sqrt(x.var(0) + 1e-5)
    z = (x - x.mean(0)) / s
    return scale / s * (d - d.mean(0) - z * (d * z).mean(0))


def shifted(images, pixels, rng):
    padded = np.pad(images, [(0, 0), (pixels, pixels), (pixels, pixels)])
    height, width = images.shape[1:]
    corners = rng.integers(0, 2 * pixels + 1, size=(len(images), 2))
    return np.stack([image[i : i + height, j : j + width] for image, (i, j) in zip(padded, corners, strict=True)])


def along_the_diagonal(images, pixels, rng):
    moves = rng.integers(0, pixels + 1, size=len(images))
    return np.stack([shift_by(image, move) for image, move in zip(images, moves, strict=True)])


def shift_by(image, move):
    return np.pad(image, [(move, 0), (move, 0)])[: image.shape[0], : image.shape[1]]


def share(network, x, labels, batch_size):
    return (torch.cat([network(some) for some in x.split(batch_size)]).argmax(1) == labels).float().mean().item()


def evaluate(network, x, labels, batch_size):
    return share(copy.deepcopy(network).eval(), x, labels, batch_size)


RIGHT = [
    (deeper.evaluate, [evaluate]),
    (deeper.lenet, [256, 44_426]),
    (deeper.block, [13_952]),
    (deeper.running, [44]),
    (deeper.layer_norm, [layer_norm]),
    (deeper.fold, [fold]),
    (deeper.backward, [backward]),
    (deeper.shifted, [shifted]),
    (deeper.paths, [512, 4.5]),
]
WRONG = [
    (deeper.evaluate, [share], "in which mode"),
    (deeper.evaluate, [lambda network, *given: share(copy.deepcopy(network), *given)], "size of the batches"),
    (deeper.evaluate, [lambda network, *given: share(network.eval(), *given)], "set the mode back"),
    (deeper.evaluate, [lambda network, *given: 1 - evaluate(network, *given)], "share of right"),
    (deeper.evaluate, [lambda network, *given: None], "one number"),
    (deeper.lenet, [400, 62_006], "the last maps are smaller"),
    (deeper.lenet, [16, 44_426], "28 becomes 24, 12, 8 and 4"),
    (deeper.lenet, [256, 62_006], "two layers are smaller"),
    (deeper.lenet, [256, 44_726], "one channel here"),
    (deeper.lenet, [256, None], "in the first dense layer"),
    (deeper.block, [13_824], "two numbers for each of its channels"),
    (deeper.block, [14_016], "takes the mean away again"),
    (deeper.block, [13_888], "a scale and a shift for each of 32 channels"),
    (deeper.block, [0], "16 x 32 x 9"),
    (deeper.running, [43], "one more"),
    (deeper.running, [10], "the first n"),
    (deeper.layer_norm, [batch_norm], "this is batch norm"),
    (deeper.layer_norm, [lambda x, scale, shift: layer_norm(x, 1 + 0 * scale, shift)], "batch of 4: take mean and variance"),
    (deeper.layer_norm, [lambda x, scale, shift: layer_norm(x, scale, shift) if len(x) > 1 else x], "batch of 1: "),
    (deeper.layer_norm, [lambda x, scale, shift: x.mean()], "expected shape"),
    (deeper.layer_norm, [lambda x, scale, shift: x + None], "raised TypeError"),
    (deeper.fold, [lambda w, scale, shift, mean, variance: w], "expected two things"),
    (deeper.fold, [lambda w, scale, shift, mean, v: fold(w, scale, shift, mean, v**2)], "w: batch norm multiplies"),
    (deeper.fold, [lambda w, scale, shift, mean, v: (fold(w, scale, shift, mean, v)[0], shift)], "w is right; b"),
    (deeper.fold, [lambda w, scale, shift, mean, v: (w, 0)], "expected shape"),
    (deeper.backward, [lambda d, x, scale: d * scale / np.sqrt(x.var(0) + 1e-5)], "depend on x too"),
    (deeper.backward, [lambda d, x, scale: d], "the means over the batch"),
    (deeper.shifted, [lambda images, pixels, rng: images], "by the same amount"),
    (deeper.shifted, [along_the_diagonal], "never drawn"),
    (deeper.shifted, [lambda images, pixels, rng: np.roll(images, 1, axis=2)], "not every image is a moved copy"),
    (deeper.shifted, [lambda images, pixels, rng: images[:, 1:]], "expected shape"),
    (deeper.paths, [9, 4.5], "goes past them"),
    (deeper.paths, [511, 4.5], "multiply"),
    (deeper.paths, [512, 9], "only one of it"),
    (deeper.paths, [512, 4], "half of the paths"),
]


def test_the_numbers_are_those_of_the_networks():
    def count(network):
        return sum(p.numel() for p in network.parameters())

    network = LeNet((1, 28, 28))
    deeper.lenet(network.layers[7].in_features, count(network))
    deeper.block(count(ResidualBlock(16, 32, stride=2)))
