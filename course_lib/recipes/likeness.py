"""How like real digits generated ones are: what the cards of all generators of digits tell."""

from dataclasses import asdict

import torch

from .. import metrics, published


def measured(count):
    """What a card says of the images that are measured."""
    return f"{count:,} images against the {count:,} test images, features of published.mnist_features, 5 neighbors"


def features(images):
    """What the reader makes of images (N, 1, 28, 28) in 0..1: (N, 64)."""
    reader = published.mnist_features()
    return torch.cat([reader.features(some) for some in images.split(500)])


def labels_like(train, count):
    """Labels to draw to, int64 (count,) on the CPU: those of the first training images, so that classes are as frequent.

    Drawing as many of each class costs: a Fréchet distance counts how far their shares move the mean of the features.
    """
    return train.labels[:count].cpu().long()


def likeness(images, references, ordered=None):
    """The measures of generated digits, and how often the reader is sure, and sees what was ordered.

    references: the `features` of the real digits that all of a card's images are held against.
    """
    found = features(images)
    probabilities = published.mnist_features().head(found).softmax(1).cpu()  # (N, 10)
    values = asdict(metrics.generative_report(references, found))
    values["confident"] = (probabilities.max(1).values > 0.9).float().mean().item()
    if ordered is not None:
        values["agreement"] = (probabilities.argmax(1) == ordered).float().mean().item()
    return {key: round(value, 4) for key, value in values.items()}
