"""Losses as plain functions: each returns one number for each example, shape (B,). Whoever trains takes the mean, once."""

import torch.nn.functional as F


def cross_entropy(logits, labels, *, label_smoothing=0.0):
    """-log softmax(logits)[label], in nats. logits (B, K), labels int64 (B,); returns (B,).

    For masks, logits (B, K, H, W) and labels (B, H, W), it is the mean over the pixels of each image.
    """
    each = F.cross_entropy(logits, labels, reduction="none", label_smoothing=label_smoothing)  # (B,) or (B, H, W)
    return each.flatten(1).mean(1) if each.ndim > 1 else each


def mean_squared_error(prediction, target):
    """Mean of (prediction - target)^2 over everything but the first axis; both (B, ...); returns (B,)."""
    _same_shape(prediction, target)
    return (prediction - target).square().flatten(1).mean(1)


def mean_absolute_error(prediction, target):
    """Mean of |prediction - target| over everything but the first axis; both (B, ...); returns (B,)."""
    _same_shape(prediction, target)
    return (prediction - target).abs().flatten(1).mean(1)


def _same_shape(prediction, target):
    if prediction.shape != target.shape or prediction.ndim < 2:
        raise ValueError(
            "Expected prediction and target of one shape (B, ...) with at least two axes, "
            f"got {tuple(prediction.shape)} and {tuple(target.shape)}; reshape them first, for broadcasting would compare "
            "every pair."
        )
