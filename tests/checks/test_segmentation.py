"""The checks of the chapter Segmentation take right answers and turn down wrong ones: see test_all.py."""

import numpy as np
import torch
import torch.nn.functional as F

from course_lib.checks import segmentation
from course_lib.metrics import segmentation_report


def iou(masks, predictions, count):
    return segmentation_report(masks, predictions, range(count)).iou


def dice(masks, predictions, count):
    return segmentation_report(masks, predictions, range(count)).dice


def without_subtraction(masks, predictions, count):
    pairs = [(masks == k, predictions == k) for k in range(count)]
    return np.array([(a & b).sum() / max(a.sum() + b.sum(), 1) for a, b in pairs])


def by_image(masks, predictions, count):
    with np.errstate(invalid="ignore"):
        pairs = [(masks == k, predictions == k) for k in range(count)]
        return np.array([((a & b).sum((1, 2)) / (a | b).sum((1, 2))).mean() for a, b in pairs])


def border(mask):
    found = np.zeros(mask.shape, bool)
    down, across = mask[1:] != mask[:-1], mask[:, 1:] != mask[:, :-1]
    found[1:] |= down
    found[:-1] |= down
    found[:, 1:] |= across
    found[:, :-1] |= across
    return found


def one_side(mask):
    found = np.zeros(mask.shape, bool)
    found[1:] |= mask[1:] != mask[:-1]
    found[:, 1:] |= mask[:, 1:] != mask[:, :-1]
    return found


def framed(mask):
    padded = np.pad(mask, 1)
    beside = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    return np.any([mask != other for other in beside], axis=0)


def rolled(mask):
    return np.any([mask != np.roll(mask, shift, axis) for shift in (1, -1) for axis in (0, 1)], axis=0)


def weighted(logits, masks, weights):
    each, w = F.cross_entropy(logits, masks, reduction="none"), weights[masks]
    return (each * w).sum((1, 2)) / w.sum((1, 2))


def best_threshold(p):
    def expected(t):
        return 2 * p[p > t].sum() / ((p > t).sum() + p.sum())

    return max(np.append(p, 0.0), key=expected)


def dice_of(p, masks):
    found, true = p > 0.5, masks == 1
    return 2 * (found & true).sum() / (found.sum() + true.sum())


def dice_by_picture(p, masks):
    return np.mean([dice_of(a, b) if (b == 1).any() or (a > 0.5).any() else 0.0 for a, b in zip(p, masks, strict=True)])


RIGHT = [
    (segmentation.dice_of, [dice_of]),
    (segmentation.all_background, [0.9, 0.15]),
    (segmentation.mean_of_dice, [(0.5, 0.5), (0.0, 1.0)]),
    (segmentation.iou, [iou]),
    (segmentation.border, [border]),
    (segmentation.weighted, [weighted]),
    (segmentation.weighted, [lambda *given: weighted(*given).numpy()]),
    (segmentation.best_threshold, [best_threshold]),
    (segmentation.up_channels, [[144, 72, 36]]),
]
WRONG = [
    (segmentation.dice_of, [lambda p, masks: ((p > 0.5) == masks).mean()], "count no background pixels"),
    (segmentation.dice_of, [dice_by_picture], "a mean over pictures"),
    (segmentation.dice_of, [lambda p, masks: dice_of(p, masks) / 2], "twice the shared"),
    (segmentation.dice_of, [lambda p, masks: masks], "one number"),
    (segmentation.all_background, [0.1, 0.15], "the share of the background"),
    (segmentation.all_background, [0.9, 0.9], "five other classes have an IoU too"),
    (segmentation.all_background, [0.9, 0.18], "the mean of six"),
    (segmentation.all_background, [0.9, None], "one number"),
    (segmentation.mean_of_dice, [(0.5, 0.5), (0.5, 0.7)], "the same mean IoU"),
    (segmentation.mean_of_dice, [(0.5, 0.5), (0.45, 0.55)], "more unequal"),
    (segmentation.mean_of_dice, [(-1, 2), (0.5, 0.5)], "from 0 to 1"),
    (segmentation.mean_of_dice, [0.5, 0.5], "a pair of IoUs"),
    (segmentation.iou, [dice], "the Dice coefficient"),
    (segmentation.iou, [without_subtraction], "counted twice"),
    (segmentation.iou, [by_image], "all images together"),
    (segmentation.iou, [lambda m, p, count: np.nan_to_num(iou(m, p, count))], "return nan"),
    (segmentation.iou, [lambda m, p, count: iou(m, p, 3)], r"expected shape \(5,\)"),
    (segmentation.iou, [lambda m, p, count: iou(m, p, count) ** 2], "in at least one"),
    (segmentation.border, [one_side], "both sides belong to it"),
    (segmentation.border, [framed], "the picture's edge is no border"),
    (segmentation.border, [rolled], "np.roll brings"),
    (segmentation.border, [lambda mask: np.ones(mask.shape, bool)], "compare mask"),
    (segmentation.border, [lambda mask: None], "got None"),
    (segmentation.weighted, [lambda z, m, w: weighted(z, m, torch.ones(4))], "counts every pixel the same"),
    (
        segmentation.weighted,
        [lambda z, m, w: (F.cross_entropy(z, m, reduction="none") * w[m]).mean((1, 2))],
        "divide by the sum of the weights",
    ),
    (segmentation.weighted, [lambda z, m, w: F.cross_entropy(z, m, weight=w)], "one loss for each image"),
    (segmentation.weighted, [lambda z, m, w: weighted(z, m, w**2)], r"weights\[masks\] is the weight"),
    (segmentation.best_threshold, [lambda p: 0.5], "the threshold for the most right pixels"),
    (segmentation.best_threshold, [lambda p: 0.01], "this threshold gives"),
    (segmentation.best_threshold, [lambda p: 2.0], "this threshold gives 0.0000"),
    (segmentation.best_threshold, [lambda p: p], "return one number"),
    (segmentation.up_channels, [[96, 48, 24]], "laid beside it"),
    (segmentation.up_channels, [[36, 72, 144]], "begin at the bottom"),
    (segmentation.up_channels, [[144, 72, 24]], "and those of the skip"),
    (segmentation.up_channels, [96], "three numbers"),
]


def test_the_best_threshold_is_half_the_best_dice():
    p = np.random.default_rng(3).random(20_000) ** 4
    t = best_threshold(p[:2000])
    kept = p[:2000] > t
    assert abs(t - p[:2000][kept].sum() / (kept.sum() + p[:2000].sum())) < 0.01
