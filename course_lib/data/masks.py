"""Images of which every pixel has a class, for segmentation."""

import copy

import torch

from .. import runtime


class MaskedImages:
    """Images in memory, and for each a mask that tells the class of every pixel.

    images: uint8 tensor (N, C, H, W) of values 0..255, C = 1 (grey) or 3 (RGB). masks: integer tensor (N, H, W), values
    0..len(classes) - 1, kept as uint8. classes: their names, at most 256. name: what it is and where it is from.
    Raises TypeError or ValueError in one sentence for another type, shape or value.
    """

    def __init__(self, images, masks, classes, *, name):
        images, masks = torch.as_tensor(images), torch.as_tensor(masks)
        if images.dtype != torch.uint8 or masks.is_floating_point() or masks.is_complex():
            raise TypeError(
                f"{name}: expected uint8 images with values 0..255 and masks of integers, got {images.dtype} and "
                f"{masks.dtype}; convert with .to(torch.uint8), images after scaling to 0..255."
            )
        if images.ndim != 4 or images.shape[1] not in (1, 3) or len(images) == 0:
            raise ValueError(
                f"{name}: expected images of shape (N, C, H, W) with C = 1 or 3 and N at least 1, got {tuple(images.shape)}; "
                "move the channels to the second place with .permute(0, 3, 1, 2), or add one with .unsqueeze(1)."
            )
        expected = (len(images), *images.shape[2:])
        if tuple(masks.shape) != expected:
            raise ValueError(
                f"{name}: expected masks of shape {expected}, one class for each pixel of each image, "
                f"got {tuple(masks.shape)}; resize the masks with mode='nearest', or take the images that belong to them."
            )
        low, high = masks.min().item(), masks.max().item()
        if low < 0 or high >= len(classes):
            raise ValueError(
                f"{name}: expected classes 0..{len(classes) - 1} in the masks ({', '.join(classes)}), got {low}..{high}; "
                "name the missing class, or give its pixels another one."
            )
        self.images = images.to(runtime.device())
        self.masks = masks.to(runtime.device(), torch.uint8)
        self.classes = tuple(classes)
        self.name = name

    def __len__(self):
        return len(self.images)

    def __repr__(self):
        channels, height, width = self.images.shape[1:]
        return (
            f"{self.name}: {len(self):,} images of {channels}x{height}x{width} with masks of {len(self.classes)} classes, "
            "values 0 to 1"
        )

    def batch(self, index):
        """(x, masks) for an index tensor or slice: x float32 (B, C, H, W) in 0..1, masks int64 (B, H, W)."""
        x = self.images[index].float().mul_(1 / 255)  # uint8 (B, C, H, W) -> float32
        return x.contiguous(memory_format=runtime.memory_format()), self.masks[index].long()

    def subset(self, index):
        """The images and masks at an index tensor, slice or list, as a set of its own."""
        part = copy.copy(self)
        part.images, part.masks = self.images[index], self.masks[index]
        return part
