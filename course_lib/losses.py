"""Losses as plain functions: each returns one number for each example, shape (B,). Whoever trains takes the mean, once."""

import torch
import torch.nn.functional as F


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor, *, label_smoothing: float = 0.0) -> torch.Tensor:
    """-log softmax(logits)[label], in nats: (B,); for masks, the mean over the pixels of each image.

    logits: (B, K), or (B, K, H, W) for masks.
    labels: int64 (B,), or (B, H, W), of 0..K - 1.
    label_smoothing: the share of the target that is spread over all K classes.
    """
    each = F.cross_entropy(logits, labels, reduction="none", label_smoothing=label_smoothing)  # (B,) or (B, H, W)
    return each.flatten(1).mean(1) if each.ndim > 1 else each


def dice_loss(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """1 - the Dice coefficient of the softmax, the mean over the classes in each mask: (B,), from 0 to 1.

    The soft Dice coefficient of a class is twice the probability that falls on its pixels, over all of its probability plus
    the number of its pixels: a class counts the same however few its pixels are. After Milletari et al. (2016), whose
    denominator has squares.

    logits: (B, K, H, W).
    masks: int64 (B, H, W), of 0..K - 1.
    """
    p = logits.softmax(1)
    truth = masks.unsqueeze(1) == torch.arange(logits.shape[1], device=masks.device).view(-1, 1, 1)  # (B, K, H, W)
    pixels = truth.sum((2, 3))  # (B, K)
    dice = 2 * (p * truth).sum((2, 3)) / (p.sum((2, 3)) + pixels)
    present = pixels > 0
    return 1 - (dice * present).sum(1) / present.sum(1)


def gaussian_kl(mean: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    """KL(N(mean, exp(logvar)) || N(0, 1)) of each number by itself, in nats, at least 0: (B, D).

    Their sum over D is the KL of the whole (Kingma and Welling, 2014, appendix B).

    mean: (B, D).
    logvar: the logarithm of the variance, (B, D).
    """
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar)


def mean_squared_error(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The mean of (prediction - target)^2 over everything but the first axis: (B,).

    prediction, target: (B, ...), of one shape; raises ValueError for two.
    """
    _same_shape(prediction, target)
    return (prediction - target).square().flatten(1).mean(1)


def mean_absolute_error(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The mean of |prediction - target| over everything but the first axis: (B,).

    prediction, target: (B, ...), of one shape; raises ValueError for two.
    """
    _same_shape(prediction, target)
    return (prediction - target).abs().flatten(1).mean(1)


def _same_shape(prediction, target):
    if prediction.shape != target.shape or prediction.ndim < 2:
        raise ValueError(
            "Expected prediction and target of one shape (B, ...) with at least two axes, "
            f"got {tuple(prediction.shape)} and {tuple(target.shape)}; reshape them first, for broadcasting would compare "
            "every pair."
        )
