"""Labelled images that stay uint8 on the device; a batch is cut, scaled and augmented there."""

import copy

import torch

from .. import runtime

DRAWN_TOGETHER = 8  # images that share an augmentation: one by one would take seven times as long


class Images:
    """Images in memory.

    images: uint8 tensor (N, C, H, W) of values 0..255, C = 1 (grey) or 3 (RGB). labels: integer tensor (N,), values
    0..len(classes) - 1. classes: their names. name: what it is and where it is from. `range`: the two numbers that 0 and
    255 become in a batch, (0, 1) unless `with_range` says otherwise.
    Raises TypeError or ValueError in one sentence for another type, shape or value.
    """

    def __init__(self, images, labels, classes, *, name):
        images, labels = torch.as_tensor(images), torch.as_tensor(labels)
        if images.dtype != torch.uint8:
            low, high = (images.min().item(), images.max().item()) if images.numel() else (0, 0)
            raise TypeError(
                f"{name}: expected uint8 images with values 0..255, got {images.dtype} from {low:.3g} to {high:.3g}; "
                "scale to 0..255 and convert with .to(torch.uint8)."
            )
        if images.ndim != 4 or images.shape[1] not in (1, 3):
            raise ValueError(
                f"{name}: expected images of shape (N, C, H, W) with C = 1 or 3, got {tuple(images.shape)}; "
                "move the channels to the second place with .permute(0, 3, 1, 2), or add one with .unsqueeze(1)."
            )
        if len(images) == 0:
            raise ValueError(f"{name}: expected at least one image, got none.")
        if labels.shape != (len(images),) or labels.is_floating_point():
            raise ValueError(
                f"{name}: expected one integer label for each of {len(images)} images, "
                f"got {labels.dtype} of shape {tuple(labels.shape)}."
            )
        if labels.min() < 0 or labels.max() >= len(classes):
            raise ValueError(
                f"{name}: expected labels 0..{len(classes) - 1} for {len(classes)} classes, "
                f"got {labels.min().item()}..{labels.max().item()}."
            )
        self.images = images.to(runtime.device())
        self.labels = labels.to(runtime.device(), torch.int64)
        self.classes = tuple(classes)
        self.name = name
        self.range = (0.0, 1.0)
        self.augment = None

    def __len__(self):
        return len(self.images)

    def __repr__(self):
        channels, height, width = self.images.shape[1:]
        low, high = self.range
        return (
            f"{self.name}: {len(self):,} images of {channels}x{height}x{width}, "
            f"{len(self.classes)} classes, values {low:g} to {high:g}"
        )

    def batch(self, index):
        """(x, labels) for an index tensor or slice: x float32 (B, C, H, W) in `range`, labels int64 (B,)."""
        low, high = self.range
        x = self.images[index].float().mul_((high - low) / 255)  # uint8 (B, C, H, W) -> float32
        if low:
            x += low
        if self.augment is not None:
            x = torch.cat([self.augment(together) for together in x.split(DRAWN_TOGETHER)])
        return x.contiguous(memory_format=runtime.memory_format()), self.labels[index]

    def subset(self, index):
        """The images at an index tensor, slice or list, as a set of its own."""
        part = copy.copy(self)
        part.images, part.labels = self.images[index], self.labels[index]
        return part

    def with_range(self, low, high):
        """The same images, of which batches run from `low` to `high`: (-1, 1) suits a tanh output."""
        scaled = copy.copy(self)
        scaled.range = (float(low), float(high))
        return scaled

    def augmented(self, transform):
        """The same images, changed as they are drawn by `transform`, (B, C, H, W) to the same shape: one of torchvision's v2.

        Eight images that lie side by side in a batch share the transform's random choices; batches are shuffled, so an image
        meets other choices, in other company, in every epoch.
        """
        changed = copy.copy(self)
        changed.augment = transform
        return changed
