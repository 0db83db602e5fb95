"""A data set of torch or torchvision, brought into memory as the course's own kind."""

from collections.abc import Sequence

import torch
from torchvision.transforms.v2 import functional

from .images import Images


def from_torch(dataset: torch.utils.data.Dataset, *, classes: Sequence[str] | None = None, name: str | None = None) -> Images:
    """Read a map-style `torch.utils.data.Dataset` of (image, label) pairs once, whole, as Images.

    dataset: its images are PIL pictures, uint8 tensors (C, H, W), or float tensors (C, H, W) in 0..1, all of one size.
    classes: the names of the labels 0, 1, ...; by default `dataset.classes`, which torchvision's sets have.
    name: by default the class of the data set.

    Raises TypeError for items of another kind, ValueError for images of several sizes, float images out of range, and missing
    classes.
    """
    name = name or type(dataset).__name__
    classes = classes or getattr(dataset, "classes", None)
    if classes is None:
        raise ValueError(f"{name}: expected the names of its classes, for it has none of its own; pass classes=.")
    images, labels = [], []
    for index in range(len(dataset)):
        item = dataset[index]
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise TypeError(f"{name}: expected (image, label) pairs, got {type(item).__name__} at {index}.")
        images.append(_bytes(item[0], name))
        labels.append(int(item[1]))
    if len({image.shape for image in images}) > 1:
        raise ValueError(f"{name}: expected images of one size, got several; give the data set a transform that resizes them.")
    return Images(torch.stack(images), {"label": torch.tensor(labels)}, {"label": classes}, name=name)


def _bytes(image, name):
    """One image as uint8 (C, H, W)."""
    image = image if isinstance(image, torch.Tensor) else functional.pil_to_tensor(image)
    if not image.is_floating_point():
        return image
    if not (image.min() >= 0 and image.max() <= 1):
        raise ValueError(
            f"{name}: expected float images in 0..1, got {image.min():.3g}..{image.max():.3g}; leave out the transform that "
            "normalizes them, and choose the range with with_value_range."
        )
    return image.mul(255).round().to(torch.uint8)
