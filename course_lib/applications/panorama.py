"""Pictures larger than those that a network was trained on, from overlapping windows."""

import torch

from .. import contract
from ..samplers import Denoiser


def overlapping(denoise: Denoiser, side: int, *, stride: int) -> Denoiser:
    """A denoiser of larger images: the mean of another's estimates in windows that overlap (Bar-Tal et al., 2023).

    What it returns takes z (B, C, H, W) of any H and W from `side` up, and any sampler draws with it. In every step a pixel
    follows the mean of what the windows around it say, so that neighbours agree before there is anything to see. A window's
    weight falls from its middle to its edges, since a mean that gains or loses a window at once would show a seam there.

    denoise: of images (B, C, side, side).
    side: of a window, in pixels.
    stride: from a window to the next; the last one ends at the edge.

    Raises ValueError for a stride that leaves gaps, and for images that are smaller than a window.
    """
    contract.whole_number("stride", stride, at_least=1)
    if stride > side:
        raise ValueError(f"Expected windows that touch, a stride of {side} at most, got {stride}.")

    ramp = 1 - (torch.arange(side) - (side - 1) / 2).abs() / (side / 2)  # (side,), highest in the middle, above 0 at the edges

    def starts(length):
        return [*range(0, length - side, stride), length - side]

    def wide(z, t):
        if z.ndim != 4 or min(z.shape[2:]) < side:
            raise ValueError(f"Expected images (B, C, H, W) of {side} x {side} or larger, got {tuple(z.shape)}.")
        windows = [
            (slice(None), slice(None), slice(top, top + side), slice(left, left + side))
            for top in starts(z.shape[2])
            for left in starts(z.shape[3])
        ]
        estimates = denoise(torch.cat([z[window] for window in windows]), t)  # (windows B, C, side, side) each
        weight = (ramp[:, None] * ramp).to(z)  # (side, side)
        x, noise, shared = torch.zeros_like(z), torch.zeros_like(z), torch.zeros_like(z)
        for window, some_x, some_noise in zip(windows, *(each.split(len(z)) for each in estimates), strict=True):
            x[window] += weight * some_x
            noise[window] += weight * some_noise
            shared[window] += weight
        return x / shared, noise / shared

    return wide
