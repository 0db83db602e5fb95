"""Networks that draw one pixel after another, and the published one of black and white digits."""

import math
from collections.abc import Callable
from functools import partial

import torch

from .. import published
from ..callbacks import cosine
from ..likelihoods import Bernoulli
from ..models import GatedPixelCNN, RowRNN, draw
from ..objectives import ExactLikelihood
from .likeness import features, labels_like, likeness
from .recipe import Recipe

UPPER_HALF = 14  # rows


def unconditional(shape: tuple[int, int, int], classes: int, *, network: Callable) -> ExactLikelihood:
    """The objective of a network that is made for a shape, on images drawn in black and white."""
    return ExactLikelihood(network(shape), binarize=True)


def with_labels(shape: tuple[int, int, int], classes: int, *, network: Callable, unlabeled: float) -> ExactLikelihood:
    """The same of a network that also takes labels, which are left out as often as `unlabeled` says."""
    return ExactLikelihood(network(shape, classes=classes), binarize=True, unlabeled=unlabeled)


@torch.no_grad()
def measure_rows(network, train, test):
    """What a card says of a network that draws binarized digits, with and without labels."""
    white, count = binarized(test.batch(slice(None))[0]), len(test)
    labels = labels_like(train, count)
    noise = torch.Generator().manual_seed(0)
    drawn = torch.cat([draw(network, len(some), generator=noise, labels=some) for some in labels.split(500)])
    by_gan = published.draw("mnist_gan", count, generator=torch.Generator().manual_seed(0), labels=labels)
    references = features(white)
    return {
        "measured": f"{count:,} test images, binarized once (seed 0); against them as many digits drawn to order, of the "
        "published GAN, and of the training set, in the features of published.mnist_features, 5 neighbors",
        **exact_nats(network, white, test.labels),
        "drawn": likeness(drawn, references, labels),
        "mnist_gan": likeness(binarized(by_gan), references, labels),
        "real_training_images": likeness(binarized(train.batch(slice(0, count))[0]), references),
    }


def binarized(gray):
    """Images drawn in black and white once, with the seed with which `measure_bound` of the VAE draws them."""
    return torch.bernoulli(gray, generator=torch.Generator(gray.device).manual_seed(0))


def exact_nats(network, white, labels):
    """Nats of p(x), of p(x | label), and of the average of p(x | label) over the labels; and the label that fits best.

    That is the label under which an image, or its upper half, is most probable; its share of right answers is told.
    """

    def log_p(given):  # of the upper half and of the lower half given it, (N, 2)
        parts = []
        for x, label in zip(white.split(500), given.split(500), strict=True):
            halves = zip(network(x, label).split(UPPER_HALF, 2), x.split(UPPER_HALF, 2), strict=True)
            parts.append(torch.stack([Bernoulli().log_prob(*half) for half in halves], 1))
        return torch.cat(parts)

    nats = -log_p(torch.full_like(labels, -1)).sum(1)  # (N,)
    by_label = torch.stack([log_p(torch.full_like(labels, label)) for label in range(network.classes)], 1)
    half, whole = by_label[:, :, 0], by_label.sum(2)  # (N, 10) each, given the label
    return {
        "nats": nats.mean().item(),
        "nats_standard_error": (nats.std() / len(nats) ** 0.5).item(),
        "nats_given_label": -whole.gather(1, labels[:, None]).mean().item(),
        "nats_averaged_over_labels": -(whole.logsumexp(1) - math.log(network.classes)).mean().item(),
        "label_accuracy": (whole.argmax(1) == labels).float().mean().item(),
        "upper_half_accuracy": (half.argmax(1) == labels).float().mean().item(),
    }


rnn = Recipe(
    about="recurrent network that draws black and white digits row by row, each pixel from those before it",
    objective=partial(with_labels, network=partial(RowRNN, dropout=0.15), unlabeled=0.5),
    optimizers=partial(torch.optim.Adam, lr=2e-3, fused=True),
    validation=1 / 12,
    epochs=21,
    batch_size=32,
    schedule=cosine,
    ema=0.998,
    max_grad_norm=200.0,
    publishes="mnist_autoregressive",
    part="network",
    measure=measure_rows,
)

pixelcnn = Recipe(
    about="gated convolutions that draw black and white images pixel by pixel",
    objective=partial(unconditional, network=GatedPixelCNN),
    optimizers=partial(torch.optim.Adam, lr=1e-3, fused=True),
    batch_size=32,
    schedule=cosine,
    ema=0.99,
)
