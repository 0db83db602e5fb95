"""Exercises of the chapter Segmentation."""

import numpy as np
import torch

from .verdict import call, numbers, require, require_close, right


def all_background(accuracy, mean_iou):
    """Of the answer "background everywhere", with 6 classes and 90 % of all pixels background: two numbers 0..1."""
    require_close(accuracy, 0.9, "the share of pixels that are right is the share of the background.")
    mean_iou = numbers(mean_iou, (), "mean_iou is one number.")
    require(abs(mean_iou - 0.9) > 1e-6, "that is the IoU of the background alone; five other classes have an IoU too.")
    require_close(mean_iou, 0.15, "the background's IoU is 90 of 100 pixels, the other five have 0; take the mean of six.")
    right("90 % of the pixels right, and no shape found.")


def mean_of_dice(first, second):
    """Two networks, the IoU of two classes each: the same mean IoU, and mean Dice that differ by more than 0.05."""
    hint = "each is a pair of IoUs from 0 to 1, such as (0.5, 0.7)."
    pairs = [numbers(pair, (2,), hint) for pair in (first, second)]
    require(all(((pair >= 0) & (pair <= 1)).all() for pair in pairs), hint)
    require_close(pairs[0].mean(), pairs[1].mean(), "the two must have the same mean IoU.")
    dice = [(2 * pair / (1 + pair)).mean() for pair in pairs]
    hint = f"the mean Dice are {dice[0]:.3f} and {dice[1]:.3f}: make one pair more unequal, for 2 I / (1 + I) is not a line."
    require(abs(dice[0] - dice[1]) > 0.05, hint)
    right("class by class Dice and IoU say the same; their means need not.")


def iou(function, seed=0):
    """function(masks (N, H, W), predictions (N, H, W), count) -> IoU of each class over all pixels, (count,); nan if none."""
    random = np.random.default_rng(seed)
    masks, predictions = random.integers(0, 3, (2, 4, 5, 6))
    predictions[0] = masks[0]
    hint = "for class k: the pixels that are k in both, divided by the pixels that are k in at least one of the two."
    answer = numbers(call(function, masks, predictions, 5, hint=hint), (5,), hint)
    both = np.array([((masks == k) & (predictions == k)).sum() for k in range(3)])
    total = np.array([(masks == k).sum() + (predictions == k).sum() for k in range(3)])
    each = np.array(
        [
            [((m == k) & (p == k)).sum() / ((m == k) | (p == k)).sum() for k in range(3)]
            for m, p in zip(masks, predictions, strict=True)
        ]
    )
    require(not np.allclose(answer[:3], 2 * both / total), "that is the Dice coefficient, 2 * both / (true + predicted).")
    require(not np.allclose(answer[:3], both / total), "what is in both is counted twice below; take it away once.")
    require(not np.allclose(answer[:3], each.mean(0)), "count the pixels of all images together, then divide once.")
    require_close(answer[:3], both / (total - both), hint)
    require(np.isnan(answer[3:]).all(), "a class that is in no mask and in no prediction has no IoU: return nan for it.")
    right("class by class, with nan where there is nothing to measure.")


def border(function, seed=0):
    """function(mask (H, W)) -> bool (H, W): pixels with a neighbor above, below, left or right of another class."""
    hint = "compare mask[1:] with mask[:-1], and mask[:, 1:] with mask[:, :-1]; where they differ, both sides are border."
    random = np.random.default_rng(seed)
    for _ in range(3):
        mask = random.integers(0, 3, (4, 5)).repeat(2, 0).repeat(2, 1)
        padded = np.pad(mask, 1, mode="edge")
        beside = [padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]
        expected = np.any([mask != other for other in beside], axis=0)
        answer = numbers(call(function, mask, hint=hint), mask.shape, hint)
        zero = np.pad(mask, 1)
        frame = np.any([mask != zero[i : i + 8, j : j + 10] for i, j in ((0, 1), (2, 1), (1, 0), (1, 2))], axis=0)
        framed = np.array_equal(answer, frame) and not np.array_equal(frame, expected)
        require(not framed, "the picture's edge is no border: a pixel there has fewer neighbors, and that is all.")
        wrapped = np.any([mask != np.roll(mask, shift, axis) for shift in (1, -1) for axis in (0, 1)], axis=0)
        around = np.array_equal(answer, wrapped) and not np.array_equal(wrapped, expected)
        require(not around, "np.roll brings the other end of the picture back in; the picture's edge is no border.")
        require(answer.sum() >= expected.sum(), f"some border pixels are missing: both sides belong to it. {hint}")
        require_close(answer, expected, hint)
    right("both sides of every edge, and nothing else.")


def weighted(function):
    """function(logits (B, K, H, W), masks (B, H, W), weights (K,)) -> (B,): weighted mean of the pixels' cross-entropy.

    Tensors. Each pixel counts by the weight of its true class; the sum is divided by the sum of the weights in that image.
    """
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 4, 5, 6, generator=random)
    masks = torch.randint(0, 4, (3, 5, 6), generator=random)
    weights = torch.tensor([0.1, 1.0, 2.0, 3.0])
    each = torch.nn.functional.cross_entropy(logits, masks, reduction="none")  # (B, H, W)
    w = weights[masks]
    hint = "weights[masks] is the weight of every pixel: multiply, sum over each image, divide by the sum of the weights."
    answer = call(function, logits, masks, weights, hint=hint)
    answer = numbers(answer.detach() if isinstance(answer, torch.Tensor) else answer, (3,), f"one loss for each image. {hint}")
    unweighted = each.mean((1, 2)).numpy()
    require(not np.allclose(answer, unweighted, atol=1e-5), "this counts every pixel the same; use the weights.")
    undivided = (each * w).mean((1, 2)).numpy()
    require(not np.allclose(answer, undivided, atol=1e-5), "divide by the sum of the weights, not by the number of pixels.")
    expected = ((each * w).sum((1, 2)) / w.sum((1, 2))).numpy()
    require_close(answer, expected, hint, tolerance=1e-5)
    right("a rare class can now count as much as the background.")


def best_threshold(function, seed=0):
    """function(p (N,)) -> the threshold t for which "p > t" has the highest expected Dice, 2 sum(p kept) / (kept + sum(p))."""
    hint = "for each t among the values of p, keep = p > t; the Dice is 2 * p[keep].sum() / (keep.sum() + p.sum())."
    random = np.random.default_rng(seed)
    for power in (6, 12, 1):
        p = random.random(400) ** power
        answer = numbers(call(function, p, hint=hint), (), f"return one number. {hint}")
        keep = p > answer
        found = 2 * p[keep].sum() / max(keep.sum() + p.sum(), 1e-12)
        order = np.sort(p)[::-1]
        best = (2 * order.cumsum() / (np.arange(1, len(p) + 1) + p.sum())).max()
        half = "0.5 is the threshold for the most right pixels; for Dice a lower one is better where p is uncertain."
        require(found > best - 1e-9 or abs(answer - 0.5) > 1e-9, half)
        require(found > best - 1e-9, f"this threshold gives {found:.4f}, another {best:.4f}. {hint}")
    right("and it is about half of the Dice that it reaches.")


def up_channels(answer):
    """Input channels of the three blocks on the way up of UNet(3, 6, widths=(12, 24, 48, 96)), lowest first: a list."""
    answer = numbers(answer, (3,), "three numbers, the block after the deepest one first.")
    require(list(answer) != [96, 48, 24], "that is what comes from below; the skip's channels are laid beside it.")
    require(list(answer) != [36, 72, 144], "these are right in the other order: begin at the bottom.")
    require(list(answer) == [144, 72, 36], "each gets the channels from below and those of the skip at its own size.")
    right("96 + 48, 48 + 24 and 24 + 12.")


def dice_of(function):
    """function(p, masks), both (N, H, W) -> the Dice coefficient of class 1 where p > 0.5, over all pixels together."""
    hint = "one number, from two arrays of shape (N, H, W)."
    random = np.random.default_rng(0)
    masks = (random.random((4, 6, 6)) < 0.1).astype(int)
    masks[1:3] = 0
    p = np.clip(0.8 * masks + 0.55 * random.random(masks.shape) * (random.random(masks.shape) < 0.9), 0, 1)
    p[0, 0, 0], masks[0, 0, 0] = 0.1, 1
    nothing = numbers(call(function, np.zeros(p.shape), masks, hint=hint), (), hint)
    require(abs(nothing) < 1e-9, "who finds nothing shares nothing with the mask, and gets 0: count no background pixels.")
    predicted, true = p > 0.5, masks == 1
    answer = numbers(call(function, p, masks, hint=hint), (), hint)
    each = [2 * (a & b).sum() / max((a.sum() + b.sum()), 1) for a, b in zip(predicted, true, strict=True)]
    require(abs(answer - np.mean(each)) > 1e-9, "that is a mean over pictures: sum the pixels of all pictures first.")
    expected = 2 * (predicted & true).sum() / (predicted.sum() + true.sum())
    require_close(answer, expected, "twice the shared pixels, over the predicted and the true ones.")
    right("a measure that praises finding nothing is no measure.")
