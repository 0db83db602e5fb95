"""How every generator of the leaderboard is measured.

A generator is a function `draw(count, generator)` -> float images (count, 1, 28, 28) in 0..1. All images, real ones too, are
drawn in black and white before they are measured, each pixel white with the probability of its gray value: some families
draw grays and some do not, and only so are they held against the same thing. The gray Fréchet distance stands beside.

Real images are as many of MNIST's 10,000 test images, another choice for each seed. Features are those of
`published.mnist_features`; "untrained" are those of the same network before training. Raising VERSION makes all earlier
results void.
"""

import time
from contextlib import redirect_stdout
from dataclasses import asdict
from io import StringIO

import torch

from course_lib import contract, data, metrics, published, runtime

VERSION = 1
SHAPE = (1, 28, 28)
COUNT = 2_000  # images of each kind
SEARCHED = 500  # images whose nearest training image is searched for


def digits():
    """(55,000 training, 5,000 validation, 10,000 test) images of MNIST. Nothing is chosen by the last."""
    with redirect_stdout(StringIO()):  # what is said of the data each time
        train, test = data.mnist(profile="full")
    return train.subset(slice(0, 55_000)), train.subset(slice(55_000, 60_000)), test


def measured(draw, seed, *, real, training, count=COUNT):
    """The measures of a generator with its processor seconds an image, and its images; raises as `contract.drawn`.

    real: the images that it is held against, of which `count` are chosen.
    training: those that it may have copied.
    """
    started = time.process_time()
    images = contract.drawn(draw, count, torch.Generator().manual_seed(seed), shape=SHAPE).cpu()
    seconds = (time.process_time() - started) / count
    with runtime.own_random(seed), torch.no_grad():
        return {"seconds_an_image": seconds} | compared(images, chosen(real, count), training), images


def chosen(images, count):
    """So many of a set, without repetition, in 0..1, and their labels."""
    return images.batch(torch.randperm(len(images))[:count])


def compared(images, real, training):
    """All measures of images against as many real ones."""
    real, labels = real
    white, white_real = torch.bernoulli(images), torch.bernoulli(real)
    reader, before = published.mnist_features(), untrained_features()
    found, found_real = (features(reader, each) for each in (white, white_real))
    report = asdict(metrics.generative_report(found_real, found))
    read = reader.head(found).argmax(1)
    shares, real_shares = (torch.bincount(each, minlength=10) / len(each) for each in (read, labels))
    known = training.batch(slice(None))[0].flatten(1)
    held_out = white_real if (images == white).all() else real  # as the generator's: black and white, or gray
    return report | {
        "gray_frechet": metrics.frechet_distance(features(reader, real), features(reader, images)),
        "untrained_frechet": metrics.frechet_distance(features(before, white_real), features(before, white)),
        "told_apart": metrics.two_sample_accuracy(found_real, found),
        "told_apart_by_pixels": metrics.two_sample_accuracy(white_real.flatten(1), white.flatten(1), epochs=5),
        "copied": metrics.copied(images[:SEARCHED].flatten(1), known, held_out[:SEARCHED].flatten(1)),
        "imbalance": (shares - real_shares).abs().sum().item() / 2,
    }


def features(network, images):
    return torch.cat([network.features(some) for some in images.split(500)])


def untrained_features():
    with runtime.own_random(0):
        return published.mnist_features(trained=False)
