"""How every generator of the leaderboard is measured.

A generator is a function `draw(count, generator)` -> float images (count, C, H, W) in 0..1, of one of the kinds of `PICTURES`.
Gray images, real ones too, are drawn in black and white before they are measured, each pixel white with the probability of its
gray value: some families draw grays and some do not, and only so are they held against the same thing. The gray Fréchet
distance stands beside.

Real images are as many of the test images, another choice for each seed. Features are those of the reader of the kind;
"untrained" are those of the same network before training. Raising VERSION makes all earlier results void.
"""

import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path

import torch

from course_lib import checkpoints, contract, data, metrics, published, runtime

VERSION = 1
SEARCHED = 500  # images whose nearest training image is searched for
RUNS = Path(__file__).parents[2] / "benchmarks" / "results" / "leaderboard"
READER = RUNS / "fashion-mnist" / "reader" / "mnist_features.safetensors"


@dataclass(frozen=True)
class Pictures:
    """What generators are held to, and whose eyes see it.

    sets: () -> training, validation and test images. Nothing is chosen by the last.
    reader: `reader(trained=...)` -> the network whose features are compared.
    shares: from what the reader's head says, (N, K), and the labels of the real images, to how far the shares of classes
        are from what they should be.
    shape: of an image.
    count: images of each kind.
    gray: whether they are drawn in black and white first.
    study: the name of the table.
    """

    sets: Callable
    reader: Callable
    shares: Callable
    shape: tuple = (1, 28, 28)
    count: int = 2_000
    gray: bool = True
    study: str = "leaderboard"

    def seen(self, images):
        """Images as they are measured."""
        return torch.bernoulli(images) if self.gray else images


def gray_images(load):
    """(55,000 training, 5,000 validation, 10,000 test) images of MNIST or of a set like it."""
    with redirect_stdout(StringIO()):  # what is said of the data each time
        train, test = load()
    return train.subset(slice(0, 55_000)), train.subset(slice(55_000, 60_000)), test


def digits():
    return gray_images(lambda: data.mnist(profile="full"))


def clothes():
    return gray_images(data.fashion_mnist)


def shapes():
    """20,000 that the published networks have seen, 5,000 others and 10,000 for tests; all by the same rule."""
    return tuple(data.shapes(count, seed=seed).by("shape") for count, seed in ((20_000, 0), (5_000, 6), (10_000, 5)))


def clothes_reader(*, trained=True):
    """The network of `published.mnist_features`, trained on clothes by the reader of this page; raises OSError if it is not."""
    network = published.mnist_features(trained=False)
    if trained and not READER.exists():
        raise OSError(
            f"Expected a network that reads clothes in {READER}, got none; train it: `python -m course_lib train features "
            f"--data fashion-mnist --profile full --out RUN`, then `python -m course_lib publish RUN --out {READER.parent}`."
        )
    if trained:
        checkpoints.load_weights(network, READER)
    return network


def of_ten(said, labels):
    """The share of images that would have to be of another class for all classes to be as frequent as with the real ones."""
    shares, real_shares = (torch.bincount(each, minlength=10) / len(each) for each in (said.argmax(1), labels))
    return {"imbalance": (shares - real_shares).abs().sum().item() / 2}


def of_rules(said, labels):
    """The same of each attribute of shapes, whose values are equally frequent by rule; and the pairs of color and shape, of
    30, that come less than a tenth as often as they should."""
    logits = said.split([len(words) for words in data.WORDS.values()], 1)
    read = {name: each.argmax(1) for name, each in zip(data.WORDS, logits, strict=True)}
    counts = {name: torch.bincount(each, minlength=len(data.WORDS[name])) for name, each in read.items()}
    pairs = torch.bincount(read["color"] * 5 + read["shape"], minlength=30)
    off = {f"{name}_imbalance": (each / len(said) - 1 / len(each)).abs().sum().item() / 2 for name, each in counts.items()}
    return off | {"pairs_missing": float((pairs < len(said) / 300).sum())}


PICTURES = {
    "mnist": Pictures(digits, published.mnist_features, of_ten),
    "fashion-mnist": Pictures(clothes, clothes_reader, of_ten, study="leaderboard_fashion"),
    "shapes": Pictures(
        shapes, published.shapes_reader, of_rules, (3, 32, 32), count=250, gray=False, study="leaderboard_shapes"
    ),
}


def measured(draw, seed, *, real, training, pictures=PICTURES["mnist"], count=None):
    """The measures of a generator with its processor seconds an image, and its images; raises as `contract.drawn`.

    real: the images that it is held against, of which `count` are chosen.
    training: those that it may have copied.
    """
    count = count or pictures.count
    started = time.process_time()
    images = contract.drawn(draw, count, torch.Generator().manual_seed(seed), shape=pictures.shape).cpu()
    seconds = (time.process_time() - started) / count
    with runtime.own_random(seed), torch.no_grad():
        return {"seconds_an_image": seconds} | compared(images, chosen(real, count), training, pictures), images


def chosen(images, count):
    """So many of a set, without repetition, in 0..1, and their labels."""
    return images.batch(torch.randperm(len(images))[:count])


def compared(images, real, training, pictures):
    """All measures of images against as many real ones."""
    real, labels = real
    seen, seen_real = pictures.seen(images), pictures.seen(real)
    reader, before = pictures.reader(), untrained(pictures)
    found, found_real = (features(reader, each) for each in (seen, seen_real))
    report = asdict(metrics.generative_report(found_real, found))
    if pictures.gray:
        report["gray_frechet"] = metrics.frechet_distance(features(reader, real), features(reader, images))
    known = training.batch(slice(None))[0].flatten(1)
    held_out = seen_real if (images == seen).all() else real  # as the generator's: black and white, or gray
    return report | {
        "untrained_frechet": metrics.frechet_distance(features(before, seen_real), features(before, seen)),
        "told_apart": metrics.two_sample_accuracy(found_real, found),
        "told_apart_by_pixels": metrics.two_sample_accuracy(seen_real.flatten(1), seen.flatten(1), epochs=5),
        "copied": metrics.copied(images[:SEARCHED].flatten(1), known, held_out[:SEARCHED].flatten(1)),
        **pictures.shares(reader.head(found), labels),
    }


def features(network, images):
    return torch.cat([network.features(some) for some in images.split(500)])


def untrained(pictures):
    with runtime.own_random(0):
        return pictures.reader(trained=False)
