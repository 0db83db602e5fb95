"""Data sets in memory on the device, and the order in which a training run sees them.

Each loader prints one line that says what it loaded, and returns sets with `len()` and `batch(index)`.
"""

from .batching import batches, split
from .folder import image_folder
from .images import Images
from .masks import MaskedImages
from .photo import crops, photograph
from .points import Gaussians, Points, grid_of_gaussians, moons, ring_of_gaussians, spirals
from .shapes import Shapes, shapes
from .standard import cifar10, fashion_mnist, mnist

__all__ = [
    "Gaussians",
    "Images",
    "MaskedImages",
    "Points",
    "Shapes",
    "batches",
    "cifar10",
    "crops",
    "fashion_mnist",
    "grid_of_gaussians",
    "image_folder",
    "mnist",
    "moons",
    "photograph",
    "ring_of_gaussians",
    "shapes",
    "spirals",
    "split",
]
