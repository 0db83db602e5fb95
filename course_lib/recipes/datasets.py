"""The data sets of the recipes, by the names that the command line takes."""

from .. import data
from ..data import Images


def shapes() -> tuple[Images, Images]:
    """Coloured shapes drawn by the course, by their shape: 20,000 and 2,000 pictures (N, 3, 32, 32)."""
    return data.shapes(20_000, seed=0).by("shape"), data.shapes(2_000, seed=1).by("shape")


def landscape() -> tuple[Images, Images]:
    """Patches of one photograph (N, 3, 64, 64): 4,096, and 2,048 others that share places with them."""
    photo = data.photograph(shrink=3)  # (3, 142, 213)
    return data.crops(photo, 64, count=4096), data.crops(photo, 64, count=2048, seed=1)


DATASETS = {
    "mnist": data.mnist,
    "fashion-mnist": data.fashion_mnist,
    "cifar10": data.cifar10,
    "shapes": shapes,
    "landscape": landscape,
}
