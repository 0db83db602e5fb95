"""How like real images generated ones are: what the cards of all generators of digits, and of the landscape, tell."""

from dataclasses import asdict

import torch

from .. import data, metrics, published


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


def patches_like(made):
    """The measures of patches made (N, 3, 64, 64) in -1..1: their distance, and that of the most similar place of some."""
    photo, count = data.photograph(shrink=3), len(made)
    real, others = (
        data.crops(photo, 64, count=count, seed=seed).with_value_range(-1, 1).batch(slice(None))[0] for seed in (1, 2)
    )
    places = photo.float() / 127.5 - 1  # 0..255 -> -1..1
    few = made[: count // 8]
    nearest, *_ = metrics.nearest_crop(few, torch.stack([places, places.flip(2)]))
    return {
        "frechet_distance": metrics.patch_distance(real, made),
        "frechet_distance_of_real_patches": metrics.patch_distance(real, others),
        "images_measured": count,
        "distance_to_the_most_similar_place": nearest.median().item(),
        "images_searched_for": len(few),
    }
