"""Classifiers, and the network whose features measure generated digits."""

from collections.abc import Callable
from functools import partial
from math import prod

import torch
from torch import nn
from torchvision.transforms import v2

from ..callbacks import one_cycle
from ..data import WORDS
from ..models import MLP, ConvNet, LeNet, ResNet, ViT
from ..objectives import Attributes, Classification
from ..trainer import Trainer
from .recipe import Recipe


def dense(shape: tuple[int, int, int], classes: int, *, hidden: tuple[int, ...]) -> nn.Module:
    """An MLP for images of a shape."""
    return MLP((prod(shape), *hidden, classes))


def classification(shape: tuple[int, int, int], classes: int, *, classifier: Callable) -> Classification:
    """The objective of a classifier that is made for a shape and a number of classes."""
    return Classification(classifier(shape, classes))


def reading_attributes(shape: tuple[int, int, int], classes: int) -> Attributes:
    """The objective of a network that reads all that captions of shapes tell; the classes of the data do not matter."""
    return Attributes(ResNet(shape, sum(map(len, WORDS.values())), blocks=2), WORDS)


def measure_attributes(network, train, test):
    """Accuracy of each attribute on the test pictures."""
    measured = Trainer(Attributes(network, WORDS), torch.optim.SGD, progress=False).evaluate(test)
    return {"test_accuracy": {name: measured[name] for name in WORDS}}


def measure_reader(network, train, test):
    """Accuracy and cross-entropy on the test images."""
    measured = Trainer(Classification(network), torch.optim.SGD, progress=False).evaluate(test)
    return {"test_accuracy": measured["accuracy"], "test_loss_nats": measured["cross_entropy"]}


adam = partial(torch.optim.Adam, lr=1e-3)
mlp = Recipe(
    about="multilayer perceptron with hidden layers of 256 and 128 units, a classifier",
    objective=partial(classification, classifier=partial(dense, hidden=(256, 128))),
    optimizers=adam,
)
cnn = Recipe(
    about="three convolutions and two dense layers, a classifier",
    objective=partial(classification, classifier=ConvNet),
    optimizers=adam,
)
lenet = Recipe(
    about="LeNet with ReLU and maximum pooling, a classifier",
    objective=partial(classification, classifier=LeNet),
    optimizers=adam,
)
resnet = Recipe(
    about="residual network of 270,000 parameters, a classifier",
    objective=partial(classification, classifier=ResNet),
    optimizers=adam,
)
vit = Recipe(
    about="small vision transformer, a classifier of 28 x 28 pixels",
    objective=partial(classification, classifier=ViT),
    optimizers=partial(torch.optim.AdamW, lr=3e-3, weight_decay=0.05),
    schedule=one_cycle,
)
features = Recipe(
    about="small residual network, whose features measure generated digits",
    objective=partial(classification, classifier=partial(ResNet, blocks=1)),
    optimizers=partial(torch.optim.AdamW, lr=4e-3, weight_decay=0.05),
    augment=v2.RandomAffine(degrees=10, translate=(0.08, 0.08), scale=(0.9, 1.1), shear=5),
    validation=0.0,
    epochs=16,
    schedule=one_cycle,
    ema=0.998,
    publishes="mnist_features",
    part="classifier",
    measure=measure_reader,
)
shapes_reader = Recipe(
    about="residual network that reads shape, color, size, place and background of coloured shapes",
    objective=reading_attributes,
    optimizers=partial(torch.optim.Adam, lr=3e-3),
    data="attributes-of-shapes",
    epochs=8,
    schedule=one_cycle,
    publishes="shapes_reader",
    part="classifier",
    measure=measure_attributes,
)
