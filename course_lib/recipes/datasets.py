"""The data sets of the recipes, by the names that the command line takes."""

from .. import data
from ..data import Images


def shapes() -> tuple[Images, Images]:
    """Coloured shapes drawn by the course, by their shape: 20,000 and 2,000 pictures (N, 3, 32, 32)."""
    return data.shapes(20_000, seed=0).by("shape"), data.shapes(2_000, seed=1).by("shape")


def captioned_shapes() -> tuple[Images, Images]:
    """Coloured shapes with sentences that tell of them, as tokens: 60,000 pictures drawn, and 3,000, less the unseen pairs.

    Of each sentence, size, color, place and background are left out in a sixth of the pictures.
    """
    return _with_sentences(data.shapes(60_000, seed=0)), _with_sentences(data.shapes(3_000, seed=1))


def attributes_of_shapes() -> tuple[Images, Images]:
    """Coloured shapes by all that a sentence tells, under a little noise: 60,000 and 10,000 pictures."""
    return data.shapes(60_000, seed=0, noise=(0, 10)).by(*data.WORDS), data.shapes(10_000, seed=1).by(*data.WORDS)


def _with_sentences(images):
    images = images.subset(~data.unseen_pairs(images))
    images.targets["words"] = data.VOCABULARY.encode(data.captions(images, left_out=1 / 6)).to(images.images.device)
    return images.by("words")


def landscape() -> tuple[Images, Images]:
    """Patches of one photograph (N, 3, 64, 64): 4,096, and 2,048 others that share places with them."""
    photo = data.photograph(shrink=3)  # (3, 142, 213)
    return data.crops(photo, 64, count=4096), data.crops(photo, 64, count=2048, seed=1)


DATASETS = {
    "mnist": data.mnist,
    "fashion-mnist": data.fashion_mnist,
    "cifar10": data.cifar10,
    "shapes": shapes,
    "captioned-shapes": captioned_shapes,
    "attributes-of-shapes": attributes_of_shapes,
    "landscape": landscape,
}
