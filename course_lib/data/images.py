"""Images with named targets, which stay uint8 on the device; a batch is cut, scaled and augmented there."""

import copy
from collections.abc import Callable, Sequence

import numpy as np
import torch

from .. import runtime

DRAWN_TOGETHER = 8  # images that share an augmentation: one by one would take seven times as long


class Images:
    """Images in memory, and by name what is known of each of them.

    Batches are tuples (x, target): the first target, or those that `by` has chosen. Every other target is kept, through
    `by`, `subset` and `data.split` too.

    images: uint8 tensor (N, C, H, W) of values 0..255, C = 1 (gray) or 3 (RGB).
    targets: a dict of tensors, arrays or lists of N: classes such as "label", integers (N,); "mask", integers (N, H, W), kept
        as uint8; "caption", a list of strings; numbers of any other kind, such as the factors that made a picture.
    classes: a dict, for each target of classes their names; its values are 0..len(names) - 1, at most 256 in a mask.
    name: what it is and where it is from.
    value_range: the two numbers that 0 and 255 become in a batch, (0, 1) unless `with_value_range` says otherwise.

    Raises TypeError or ValueError in one sentence for another type, shape or value.
    """

    def __init__(self, images: torch.Tensor | np.ndarray, targets: dict, classes: dict[str, Sequence[str]], *, name: str):
        images = torch.as_tensor(images)
        self.name = name
        self._check_images(images)
        if not targets or not classes.keys() <= targets.keys():
            raise ValueError(
                f"{name}: expected at least one target, and classes of none but the targets; "
                f"got targets {', '.join(targets) or 'none'} and classes of {', '.join(classes) or 'none'}."
            )
        self.images = images.to(runtime.device())
        self.class_names = {target: tuple(names) for target, names in classes.items()}
        self.targets = {target: self._target(target, values) for target, values in targets.items()}
        self.chosen = (next(iter(targets)),)  # the targets in a batch
        self.value_range = (0.0, 1.0)
        self.augment = None

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self):
        channels, height, width = self.images.shape[1:]
        low, high = self.value_range
        told = ", ".join(self._describe(target) for target in self.chosen)
        return f"{self.name}: {len(self):,} images of {channels}x{height}x{width}, {told}, values {low:g} to {high:g}"

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes of the first target in a batch; empty if it has none."""
        return self.class_names.get(self.chosen[0], ())

    @property
    def labels(self) -> torch.Tensor:
        """The class of each image, int64 (N,): of the targets, those in a batch first, the first of one class an image.

        Raises ValueError if there is none.
        """
        for target in (*self.chosen, *self.targets):
            if target in self.class_names and self.targets[target].ndim == 1:
                return self.targets[target]
        raise ValueError(f"{self.name}: expected a target with a class for each image, got {', '.join(self.targets)}.")

    def batch(self, index: torch.Tensor | slice) -> tuple:
        """(x, target, ...) for an index tensor or slice: x float32 (B, C, H, W) in `value_range`; classes are int64."""
        low, high = self.value_range
        x = self.images[index].float().mul_((high - low) / 255)  # uint8 (B, C, H, W) -> float32
        if low:
            x += low
        if self.augment is not None:
            x = torch.cat([self.augment(together) for together in x.split(DRAWN_TOGETHER)])
        targets = (_at(self.targets[name], index) for name in self.chosen)
        return (
            x.contiguous(memory_format=runtime.memory_format()),
            *(values.long() if name in self.class_names else values for name, values in zip(self.chosen, targets, strict=True)),
        )

    def by(self, *names: str) -> "Images":
        """The same images, of which batches hold these targets, in this order: `by("mask", "caption")`.

        Raises ValueError for a target that there is not.
        """
        if not names or not set(names) <= self.targets.keys():
            got = ", ".join(names) or "none"
            raise ValueError(f"{self.name}: expected one or more of {', '.join(self.targets)}; got {got}.")
        chosen = copy.copy(self)
        chosen.chosen = names
        return chosen

    def subset(self, index: torch.Tensor | slice | Sequence[int]) -> "Images":
        """The images at an index tensor, slice or list, as a set of its own with all targets."""
        part = copy.copy(self)
        part.images = self.images[index]
        part.targets = {name: _at(values, index) for name, values in self.targets.items()}
        return part

    def with_images(self, images: torch.Tensor | np.ndarray, *, name: str) -> "Images":
        """Other pixels, uint8 (N, C, H, W), with the targets of these images, one for one."""
        changed, images = copy.copy(self), torch.as_tensor(images)
        changed.name = name
        changed._check_images(images)
        if len(images) != len(self):
            raise ValueError(f"{name}: expected {len(self)} images, one for each of {self.name}, got {len(images)}.")
        changed.images = images.to(runtime.device())
        return changed

    def with_value_range(self, low: float, high: float) -> "Images":
        """The same images, of which batches run from `low` to `high`: (-1, 1) suits a tanh output."""
        scaled = copy.copy(self)
        scaled.value_range = (float(low), float(high))
        return scaled

    def augmented(self, transform: Callable[[torch.Tensor], torch.Tensor]) -> "Images":
        """The same images, changed as they are drawn by `transform`, (B, C, H, W) to the same shape: one of torchvision's v2.

        Eight images that lie side by side in a batch share the transform's random choices; batches are shuffled, so an image
        meets other choices, in other company, in every epoch. Targets stay as they are.
        """
        changed = copy.copy(self)
        changed.augment = transform
        return changed

    def _check_images(self, images):
        if images.dtype != torch.uint8:
            low, high = (images.min().item(), images.max().item()) if images.numel() else (0, 0)
            raise TypeError(
                f"{self.name}: expected uint8 images with values 0..255, got {images.dtype} from {low:.3g} to {high:.3g}; "
                "scale to 0..255 and convert with .to(torch.uint8)."
            )
        if images.ndim != 4 or images.shape[1] not in (1, 3):
            raise ValueError(
                f"{self.name}: expected images of shape (N, C, H, W) with C = 1 or 3, got {tuple(images.shape)}; "
                "move the channels to the second place with .permute(0, 3, 1, 2), or add one with .unsqueeze(1)."
            )
        if len(images) == 0:
            raise ValueError(f"{self.name}: expected at least one image, got none.")

    def _target(self, target, values):
        """One target as it is kept; raises TypeError or ValueError for what does not fit the images or its classes."""
        if all(isinstance(value, str) for value in values):
            values = np.asarray(values, dtype=object)  # strings: an array can be cut like a tensor
        else:
            values = torch.as_tensor(values)
        if len(values) != len(self.images):
            raise ValueError(f"{self.name}: expected a {target} for each of {len(self.images)} images, got {len(values)}.")
        if target not in self.class_names:
            return values.to(runtime.device()) if isinstance(values, torch.Tensor) else values
        names = self.class_names[target]
        if not isinstance(values, torch.Tensor) or values.is_floating_point() or values.is_complex():
            raise TypeError(f"{self.name}: expected integers for the classes of the {target}, got {values.dtype}.")
        if values.shape not in ((len(self.images),), (len(self.images), *self.images.shape[2:])):
            raise ValueError(
                f"{self.name}: expected one class of the {target} for each image, (N,), or for each pixel, "
                f"{(len(self.images), *self.images.shape[2:])}, got {tuple(values.shape)}; resize masks with mode='nearest'."
            )
        low, high = values.min().item(), values.max().item()
        if low < 0 or high >= len(names) or (values.ndim > 1 and len(names) > 256):
            raise ValueError(
                f"{self.name}: expected classes 0..{len(names) - 1} of the {target} ({', '.join(names[:12])}), at most 256 in "
                f"a mask, got {low}..{high}; name the missing class, or give its examples another one."
            )
        return values.to(runtime.device(), torch.int64 if values.ndim == 1 else torch.uint8)

    def _describe(self, target):
        names = self.class_names.get(target)
        return (
            target if names is None else f"{len(names)} classes" if target == "label" else f"{target} of {len(names)} classes"
        )


def _at(values, index):
    """Some of a target: a tensor is cut where it lies, an array of strings on the CPU."""
    if isinstance(values, torch.Tensor):
        return values[index]
    return values[index.cpu().numpy() if isinstance(index, torch.Tensor) else index]
