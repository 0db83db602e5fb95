"""How well predicted masks agree with the true ones, class by class, from counts of pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class SegmentationReport:
    """How well predicted masks agree with the true ones, class by class.

    Printed, it is a table with the means in its last line but one.

    classes: the names of the K classes.
    iou, dice: float64 (K,), a class each, NaN for a class that is in no mask and in no prediction.
    mean_iou, mean_dice: over the other classes.
    accuracy: the share of pixels that are right.
    confusion: int64 (K, K), pixels, true x predicted.
    """

    classes: tuple[str, ...]
    iou: np.ndarray
    dice: np.ndarray
    mean_iou: float
    mean_dice: float
    accuracy: float
    confusion: np.ndarray

    def __repr__(self):
        width = max(map(len, ("class", "mean", *self.classes)))
        lines = [f"{'class':>{width}}    IoU   Dice       pixels"]
        names, pixels = (*self.classes, "mean"), (*self.confusion.sum(1), self.confusion.sum())
        columns = zip(names, (*self.iou, self.mean_iou), (*self.dice, self.mean_dice), pixels, strict=True)
        lines += [f"{name:>{width}}  {iou:5.3f}  {dice:5.3f}  {count:11,}" for name, iou, dice, count in columns]
        return "\n".join([*lines, f"pixel accuracy {self.accuracy:.3f}"])


def segmentation_report(
    masks: torch.Tensor | np.ndarray, predictions: torch.Tensor | np.ndarray, classes: Sequence[str]
) -> SegmentationReport:
    """Intersection over union, Dice coefficient and pixel accuracy, over all pixels of all images together.

    Of the pixels that are of a class in the mask, in the prediction, or in both, IoU is the share of those in both; Dice is
    2 IoU / (1 + IoU), the same as F1.

    masks, predictions: integers (N, H, W) of 0..len(classes) - 1.
    classes: the names of the classes.

    Raises ValueError when the two differ in shape or a value has no class, TypeError when they are not integers.
    """
    masks, predictions = _checked(masks, predictions, classes)
    count = len(classes)
    pairs = masks.long() * count + predictions  # a number for each pair of true and predicted class
    confusion = torch.bincount(pairs.flatten(), minlength=count**2).reshape(count, count).cpu().numpy()
    both, true, predicted = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
    with np.errstate(invalid="ignore"):  # 0 / 0 for a class that is nowhere
        iou, dice = both / (true + predicted - both), 2 * both / (true + predicted)
    return SegmentationReport(
        classes=tuple(classes),
        iou=iou,
        dice=dice,
        mean_iou=float(np.nanmean(iou)),
        mean_dice=float(np.nanmean(dice)),
        accuracy=float(both.sum() / confusion.sum()),
        confusion=confusion,
    )


def image_iou(masks: torch.Tensor, predictions: torch.Tensor, count: int) -> torch.Tensor:
    """The mean IoU of each image alone, over the classes that are in its mask or its prediction: float32 (B,).

    masks, predictions: integers (B, H, W) of 0..count - 1, on one device, for which it does not wait.
    count: the number of classes.
    """
    classes = torch.arange(count, device=masks.device).view(-1, 1, 1)
    true, predicted = masks.unsqueeze(1) == classes, predictions.unsqueeze(1) == classes  # (B, count, H, W)
    both, either = (true & predicted).sum((2, 3)), (true | predicted).sum((2, 3))  # (B, count)
    return (both / either.clamp(min=1)).sum(1) / (either > 0).sum(1)


def _checked(masks, predictions, classes):
    masks = torch.as_tensor(masks)
    predictions = torch.as_tensor(predictions, device=masks.device)
    if masks.ndim != 3 or masks.shape != predictions.shape or not masks.numel():
        raise ValueError(
            "Expected masks and predictions of one shape (N, H, W) with at least one pixel, "
            f"got {tuple(masks.shape)} and {tuple(predictions.shape)}; resize the smaller with mode='nearest'."
        )
    for name, values in (("masks", masks), ("predictions", predictions)):
        if values.is_floating_point():
            raise TypeError(f"Expected {name} as integers, got {values.dtype}; take .argmax(1) of logits (N, K, H, W).")
        low, high = values.min().item(), values.max().item()
        if low < 0 or high >= len(classes):
            raise ValueError(f"Expected {name} 0..{len(classes) - 1} for {len(classes)} classes, got {low}..{high}.")
    return masks, predictions
