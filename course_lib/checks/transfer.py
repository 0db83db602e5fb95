"""Exercises of the chapter Borrowed features."""

import copy

import numpy as np
import torch
from torchvision.ops import nms

from ..data import Images
from ..models import ConvNet, ResNet
from .verdict import call, call_as_it_is, numbers, require, right


def head(trained, frozen):
    """The parameters of the head of a ConvNet(classes=5), and those of its layers."""
    trained, frozen = numbers(trained, (), "trained is one number."), numbers(frozen, (), "frozen is one number.")
    require(trained != 320, "the head has a bias for each class, too.")
    require(trained == 325, "64 features and a bias, for each of five classes.")
    require(frozen != 92_997, "those are all parameters; the head is not frozen.")
    require(frozen == 92_672, "sum the sizes of network.layers.parameters().")
    right("one parameter in 286 learns.")


def half(iou, pixels):
    """The IoU of two 10 x 10 boxes 5 pixels apart, and the largest distance with an IoU of at least one half."""
    iou, pixels = numbers(iou, (), "iou is one number."), numbers(pixels, (), "pixels is one number.")
    require(iou != 0.5, "half of each box is shared; but the union is larger than one box.")
    require(abs(iou - 1 / 3) < 0.005, "50 pixels are shared; how many does at least one of the boxes cover?")
    require(pixels != 4, "at 4 pixels 60 are shared and 140 covered.")
    require(pixels == 3, "(10 - d) / (10 + d) must be at least one half.")
    right("a third of the width is too much.")


def convolutional(function):
    """function(network, digits) -> the 576 numbers of each digit after the convolutions of a ConvNet, an array (N, 576)."""
    torch.manual_seed(0)
    network = ConvNet(classes=5)
    pixels = torch.randint(256, (3, 1, 28, 28), dtype=torch.uint8)
    digits = Images(pixels, {"label": torch.arange(3)}, {"label": "012"}, name="three")
    hint = "it takes a network and digits and returns an array of shape (N, 576)."
    answer = call_as_it_is(function, network, digits, hint=hint)
    require(np.shape(answer) != (3, 64), "those are the features of the last layer: leave the dense layer out.")
    answer = numbers(answer, (3, 576), hint)
    with torch.no_grad():
        expected = network.layers[:-2](digits.batch(slice(None))[0]).cpu().numpy()
    require(np.allclose(answer, expected, atol=1e-4), "all layers up to the Flatten, of digits between 0 and 1.")
    right("nine times as many numbers, each of a place and a pattern.")


def suppress(function):
    """function(boxes (N, 4), scores (N,), threshold) -> indices of the boxes kept, most confident first."""
    random = torch.Generator().manual_seed(0)
    hint = "a list of indices."
    for count in (1, 30):
        corners = torch.rand(count, 2, generator=random)
        boxes = torch.cat([corners, corners + 0.2 + 0.3 * torch.rand(count, 2, generator=random)], 1)
        scores = torch.rand(count, generator=random)
        for threshold in (0.2, 0.6):
            expected = nms(boxes, scores, threshold).tolist()
            answer = [int(i) for i in call(function, boxes, scores, threshold, hint=hint)]
            require(answer[:1] == expected[:1], "the box with the highest score is kept, and comes first.")
            require(len(set(answer)) == len(answer), "each box is kept at most once.")
            require(set(answer) != set(range(count)) or count == 1, "boxes that overlap a kept one must go.")
            require(set(answer) == set(expected), "strike out only those above the threshold, and only against boxes kept.")
            require(answer == expected, "most confident first.")
    right("the same boxes as torchvision's.")


def prepare(function):
    """function(network) puts a network of `layers` and `head` into training mode, with its layers frozen in every way."""
    torch.manual_seed(0)
    network = ResNet((1, 8, 8), 3, widths=(4, 8), blocks=1)
    before = copy.deepcopy(network.state_dict())
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    hint = "it takes a network and changes its modes; what it returns does not matter."
    for _ in range(3):
        optimizer.zero_grad()
        call_as_it_is(function, network, hint=hint)
        loss = network(torch.rand(6, 1, 8, 8)).square().sum()
        require(loss.requires_grad, "the head must go on learning.")
        loss.backward()
        optimizer.step()
    after = network.state_dict()
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    require("head.weight" in moved, "the head must go on learning.")
    require(network.training and network.head.training, "the network as a whole must be in training mode.")
    weights = moved & {name for name, _ in network.layers.named_parameters(prefix="layers")}
    require(not weights, "the parameters of the layers have changed: they need requires_grad_(False).")
    averages = sorted(moved - {"head.weight", "head.bias"})
    require(not averages, f"{len(averages)} tensors that are no parameters have changed, such as {''.join(averages[:1])}.")
    right("neither weights nor running averages move.")


def sign(deviations):
    """How many standard deviations of random signs the right signs are worth, for 784 entries of equal size."""
    deviations = numbers(deviations, (), "one number.")
    require(deviations != 784, "that is the growth in units of one entry; divide by the deviation of the random sum.")
    require(np.isclose(deviations, 28), "n terms that pull one way, over the root of n.")
    right("the root of the number of pixels.")
