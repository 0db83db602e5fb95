"""Data sets in memory on the device, and the order in which a training run sees them.

Each loader prints one line that says what it loaded, and returns sets with `len()` and `batch(index)`.
"""

from .batching import batches, split
from .folder import image_folder
from .from_torch import from_torch
from .images import Images
from .photo import crops, photograph
from .points import Gaussians, Points, grid_of_gaussians, moons, ring_of_gaussians, spirals
from .shapes import VOCABULARY, WORDS, captions, shapes, unseen_pairs
from .standard import cifar10, fashion_mnist, mnist, unseen_digits

__all__ = [
    "VOCABULARY",
    "WORDS",
    "Gaussians",
    "Images",
    "Points",
    "batches",
    "captions",
    "cifar10",
    "crops",
    "fashion_mnist",
    "from_torch",
    "grid_of_gaussians",
    "image_folder",
    "mnist",
    "moons",
    "photograph",
    "ring_of_gaussians",
    "shapes",
    "spirals",
    "split",
    "unseen_digits",
    "unseen_pairs",
]
