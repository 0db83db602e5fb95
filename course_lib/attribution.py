"""Which pixels an answer hangs on: maps (B, H, W) over images, for any function from images (B, C, H, W) to logits (B, K).

A `torch.nn.Module` computes as in evaluation meanwhile and is left as it was: its mode, its hooks, its parameters' gradients.
Each function takes the label whose logit is explained, int64 (B,), and raises ValueError for labels outside the classes.
"""

from collections.abc import Callable
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import nn


def saliency(model: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """How much the label's logit changes with each pixel: |d logit / d x|, the maximum over the channels; (B, H, W).

    Source: Simonyan et al., 2014.

    model: images to logits (B, K).
    x: images (B, C, H, W).
    labels: whose logit is explained, int64 (B,).
    """
    x = x.detach().requires_grad_()
    with _evaluating(model), torch.enable_grad():
        (gradient,) = torch.autograd.grad(_logit(model, x, labels).sum(), x)  # (B, C, H, W)
    return gradient.abs().amax(1)


@torch.no_grad()
def occlusion(
    model: Callable[[torch.Tensor], torch.Tensor],
    x: torch.Tensor,
    labels: torch.Tensor,
    *,
    window: int = 5,
    stride: int = 2,
    fill: float = 0.0,
) -> torch.Tensor:
    """By how much the label's logit falls when a square is covered; each pixel's mean over the squares on it; (B, H, W).

    It costs a forward pass for each square and one more. Source: Zeiler & Fergus, 2014, who cover in gray and measure the
    probability.

    model: images to logits (B, K).
    x: images (B, C, H, W).
    labels: whose logit is explained, int64 (B,).
    window: the square's side, in pixels.
    stride: pixels from one square to the next, at most `window`; the last ones in a row and a column touch the edge.
    fill: the value that covers.

    Raises ValueError for a window larger than the image, and for a stride that leaves pixels out.
    """
    _check_images(x)
    height, width = x.shape[2:]
    if not 1 <= window <= min(height, width):
        raise ValueError(f"Expected a window of 1 to {min(height, width)} pixels for {height} x {width} images, got {window}.")
    if not 1 <= stride <= window:
        raise ValueError(f"Expected a stride of 1 to {window}, the window, so that each pixel is covered; got {stride}.")
    falls, counts = torch.zeros_like(x[:, 0]), torch.zeros_like(x[0, 0])  # (B, H, W), (H, W)
    with _evaluating(model):
        whole = _logit(model, x, labels)  # (B,)
        for top in _places(height, window, stride):
            for left in _places(width, window, stride):
                square = slice(top, top + window), slice(left, left + window)
                covered = x.clone()
                covered[:, :, *square] = fill
                falls[:, *square] += (whole - _logit(model, covered, labels))[:, None, None]  # (B,) -> (B, 1, 1)
                counts[square] += 1
    return falls / counts


def grad_cam(model: nn.Module, layer: nn.Module, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Where the feature maps that speak for the label are active, stretched from the maps' size to the images'; (B, H, W).

    Each map A is weighed by the mean over its places of d logit / d A, they are added up, and what is negative is set to zero.
    Source: Selvaraju et al., 2017.

    model: images to logits (B, K).
    layer: the module of the model that makes the maps (B, C, h, w); of one that runs more than once, the last run counts.
    x: images (B, C, H, W).
    labels: whose logit is explained, int64 (B,).

    Raises ValueError for a layer that the model does not run, and for one whose output is not a map.
    """
    x = x.detach().requires_grad_()  # so that there is a gradient in a model whose parameters are frozen
    outputs = []

    def keep(layer, inputs, output):
        outputs.append(output)
        return output.clone() if isinstance(output, torch.Tensor) else output  # a ReLU behind it may work in place

    hook = layer.register_forward_hook(keep)
    try:
        with _evaluating(model), torch.enable_grad():
            logit = _logit(model, x, labels).sum()  # one image's maps do not change another's logit
    finally:
        hook.remove()
    if not outputs:
        raise ValueError(f"Expected a layer that the model runs, got one that it does not: {layer}; print(model) shows them.")
    maps = outputs[-1]
    if not isinstance(maps, torch.Tensor) or maps.ndim != 4:
        kind = tuple(maps.shape) if isinstance(maps, torch.Tensor) else type(maps).__name__
        raise ValueError(
            f"Expected a layer whose output is a map (B, C, h, w), got {layer} with output {kind}; take a convolution."
        )
    (gradient,) = torch.autograd.grad(logit, maps)
    weights = gradient.mean((2, 3), keepdim=True)  # (B, C, h, w) -> (B, C, 1, 1)
    cam = (weights * maps).sum(1, keepdim=True).relu()  # (B, 1, h, w)
    return F.interpolate(cam.detach(), x.shape[2:], mode="bilinear", align_corners=False)[:, 0]


def _logit(model, x, labels):
    """The logit of each image's label, (B,)."""
    _check_images(x)
    logits = model(x)
    if labels.shape != logits.shape[:1] or labels.is_floating_point():
        raise ValueError(
            f"Expected one integer label for each of {len(x)} images, got {labels.dtype} of shape {tuple(labels.shape)}."
        )
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise ValueError(
            f"Expected labels 0..{logits.shape[1] - 1} for {logits.shape[1]} classes, "
            f"got {labels.min().item()}..{labels.max().item()}."
        )
    return logits.gather(1, labels[:, None])[:, 0]  # (B, K) -> (B,)


def _check_images(x):
    if x.ndim != 4 or not len(x):
        raise ValueError(f"Expected images (B, C, H, W), B at least 1, got {tuple(x.shape)}; one image needs x.unsqueeze(0).")


def _places(size, window, stride):
    """Where a window begins along one side: every `stride` pixels, and at the end."""
    return [*range(0, size - window, stride), size - window]


@contextmanager
def _evaluating(model):
    """Inside, a module is in evaluation mode; afterwards each of its parts is in the mode in which it was."""
    training = [part for part in model.modules() if part.training] if isinstance(model, nn.Module) else []
    for part in training:
        part.training = False
    try:
        yield
    finally:
        for part in training:
            part.training = True
