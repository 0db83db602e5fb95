"""What every objective is: networks, and what training them minimizes."""

from collections.abc import Iterator

import torch
from torch import nn


class Objective(nn.Module):
    """Networks, and what training them minimizes.

    A subclass assigns its networks as attributes and names them in `parts`. Then `losses(batch)` yields (part, loss) pairs,
    loss of shape (B,): each buys one optimizer step on that part. `metrics(batch)` returns what an evaluation averages over
    examples, a dict of (B,) tensors, in which "loss" is the loss that is minimized. An objective that can answer has
    `predict(x)`, one that can draw has `sample(count, generator)`.

    parts: the names of the networks.
    value_range: (low, high) of the images that it takes, which the trainer holds the data to; None takes any.
    """

    parts: tuple[str, ...] = ()
    value_range: tuple[float, float] | None = None

    def losses(self, batch: tuple) -> Iterator[tuple[str, torch.Tensor]]:
        raise NotImplementedError(f"{type(self).__name__} needs losses(batch), which yields (part, loss of shape (B,)).")

    def metrics(self, batch: tuple) -> dict[str, torch.Tensor]:
        raise NotImplementedError(f"{type(self).__name__} needs metrics(batch), which returns a dict of (B,) tensors.")

    def check(self, dataset) -> None:
        """Raises ValueError for a data set that the networks cannot take; the trainer asks before each training and measure."""
        found = getattr(dataset, "value_range", None)  # points and sets of one's own may have none
        if None not in (found, self.value_range) and tuple(found) != tuple(self.value_range):
            low, high = self.value_range
            raise ValueError(
                f"Expected images from {low:g} to {high:g}, as this {type(self).__name__} takes them, got a data set from "
                f"{found[0]:g} to {found[1]:g}; take images.with_value_range({low:g}, {high:g})."
            )


def with_labels(batch: tuple, conditional: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
    """x of a batch (x, ...), and labels for a network that takes them, else None; raises ValueError where they are missing."""
    x, *targets = batch
    if conditional and not targets:
        raise ValueError("Expected a label for each image, for the network has classes, got none; use images.by('label').")
    return x, targets[0] if conditional else None


def left_out(labels: torch.Tensor, share: float) -> torch.Tensor:
    """Labels (B, ...) of which a share of the examples, drawn at random, has become -1, which stands for none."""
    drawn = torch.rand(len(labels), device=labels.device) < share
    return torch.where(drawn.reshape(-1, *[1] * (labels.ndim - 1)), -1, labels)
