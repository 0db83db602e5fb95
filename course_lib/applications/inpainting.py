"""Filling in what is missing from an image: methods on networks that were trained to draw, each a short loop, and measures.

Images x are float (B, C, H, W) in 0..1. Masks are bool (B, 1, H, W), True where a pixel is known: see `masks`. What a method
returns is an image of its own; `composite` puts the known pixels into it.
"""

from collections.abc import Callable

import torch

from ..paths import Path
from ..samplers import Denoiser, ancestral


def composite(x: torch.Tensor, filled: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    """x where it is known, what was filled in elsewhere: (B, C, H, W).

    x, filled: images of one shape, in 0..1.
    keep: a mask, bool (B, 1, H, W).

    Raises ValueError or TypeError, as all of the module does, for a mask of another shape or type, one that keeps nothing or
    everything of an image, and for images of another shape or range.
    """
    check(x, keep)
    if filled.shape != x.shape:
        raise ValueError(f"Expected what was filled in to have the images' shape {tuple(x.shape)}, got {tuple(filled.shape)}.")
    return torch.where(keep, x, filled)


def check(x: torch.Tensor, keep: torch.Tensor) -> None:
    """Raises ValueError or TypeError, in one sentence, for images and masks that nothing can be filled in with.

    x: images (B, C, H, W), expected to be float in 0..1.
    keep: their masks, expected to be bool (B, 1, H, W), with something to keep and something to fill in each.
    """
    if x.ndim != 4 or not x.is_floating_point():
        raise TypeError(f"Expected images (B, C, H, W) of floats, got {x.dtype} of shape {tuple(x.shape)}.")
    if x.numel() and not (x.min() >= 0 and x.max() <= 1):  # also for NaN
        raise ValueError(f"Expected images in 0..1, got {x.min():.3g}..{x.max():.3g}; turn -1..1 into it by (x + 1) / 2.")
    if keep.dtype != torch.bool:
        raise TypeError(f"Expected a bool mask, True where a pixel is known, got {keep.dtype}; compare it with 0 or 0.5.")
    expected = (len(x), 1, *x.shape[2:])
    if tuple(keep.shape) != expected:
        raise ValueError(f"Expected a mask for each image, shape {expected}, got {tuple(keep.shape)}.")
    kept = keep.flatten(1).float().mean(1)
    if (kept == 0).any():
        raise ValueError("Expected masks that keep some pixels, got one that keeps none: draw an image from noise instead.")
    if (kept == 1).any():
        raise ValueError("Expected masks that hide some pixels, got one that keeps them all: there is nothing to fill in.")


class Masked:
    """Pictures with a mask drawn anew in every batch, to learn from: (x where it is known and the mask, x).

    The first has one channel more than x: what is hidden is 0 there, and the last channel is the mask, 1 where it is known.

    images: a data set whose batches are images in 0..1, and anything more, which is left out.
    draw: from a count to so many masks.
    """

    def __init__(self, images: object, draw: Callable[[int], torch.Tensor]):
        self.images, self.draw = images, draw

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, index: torch.Tensor | slice) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.images.batch(index)[0]
        return shown(x, self.draw(len(x)).to(x.device)), x


def shown(x: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    """What a network is shown of images x (B, C, H, W) under masks: (B, C + 1, H, W), the known pixels and the mask."""
    check(x, keep)
    return torch.cat([x * keep, keep.to(x.dtype)], 1)


def mean_of_nearest(x: torch.Tensor, keep: torch.Tensor, examples: torch.Tensor, *, count: int = 10) -> torch.Tensor:
    """The mean of the examples that come nearest in the known pixels, (B, C, H, W).

    x, keep: images and their masks.
    examples: images (N, C, H, W) to look among.
    count: of how many the mean is taken; 1 copies the nearest.
    """
    check(x, keep)
    known = keep.expand_as(x).flatten(1).to(x.dtype)  # (B, D)
    given, flat = x.flatten(1) * known, examples.flatten(1)  # (B, D), (N, D)
    distance = given.square().sum(1, keepdim=True) - 2 * given @ flat.T + known @ flat.square().T  # (B, N)
    nearest = distance.topk(count, largest=False).indices  # (B, count)
    return examples[nearest].mean(1)


def search(
    draw: Callable[[torch.Tensor], torch.Tensor],
    z: torch.Tensor,
    x: torch.Tensor,
    keep: torch.Tensor,
    *,
    deviation: float = 0.3,
    steps: int = 60,
    rate: float = 0.1,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The z most probable for a generator given the known pixels, by steps of Adam: (B, D), and how improbable it is, (B,).

    What falls is -log p(z | known pixels), up to a constant: the squared error there / (2 deviation^2) + |z|^2 / 2, with a
    standard normal prior (Yeh et al., 2017; Bora et al., 2017).

    draw: from z (B, D) to images (B, C, H, W) in 0..1, which can be differentiated.
    z: where to start, (B, D).
    x, keep: images and their masks.
    deviation: by how much a generator's pixel is expected to miss the given one.
    steps, rate: of Adam.
    """
    check(x, keep)

    def cost(z):
        off = torch.where(keep, draw(z) - x, 0).flatten(1).square().sum(1)
        return off / (2 * deviation**2) + z.square().sum(1) / 2  # (B,)

    z = z.detach().clone().requires_grad_()
    adam = torch.optim.Adam([z], lr=rate)
    for _ in range(steps):
        adam.zero_grad()
        cost(z).sum().backward(inputs=[z])
        adam.step()
    with torch.no_grad():
        return z.detach(), cost(z)


@torch.no_grad()
def repaint(
    denoise: Denoiser,
    x: torch.Tensor,
    keep: torch.Tensor,
    path: Path,
    times: torch.Tensor,
    *,
    rounds: int = 1,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """Draw from noise, and after every step put the known pixels back, with as much noise as belongs there: (B, C, H, W).

    With one round that is replacement (Song et al., 2021). With more, every step is taken, undone by adding its noise again,
    and taken anew, so that the two parts come to agree: RePaint (Lugmayr et al., 2022, algorithm 1).

    denoise: a denoiser of images in -1..1; see `samplers.denoiser`.
    x, keep: images in 0..1, and their masks.
    path, times: as for `samplers.ancestral`.
    rounds: how often each step is taken.
    generator: a torch.Generator on the CPU, for the noise.
    """
    check(x, keep)

    def noise():
        return torch.randn(x.shape, generator=generator).to(x)

    known, times = 2 * x - 1, torch.as_tensor(times).to(x)
    z = path.sigma(times[0]) * noise()
    for step in times.unfold(0, 2, 1):
        t, after = step
        for left in reversed(range(rounds)):
            drawn = ancestral(denoise, z, path, step, generator)
            z = torch.where(keep, path.mix(known, noise(), after), drawn)
            if left:  # back to t
                shrunk = path.alpha(t) / path.alpha(after)
                z = shrunk * z + (path.sigma(t) ** 2 - (shrunk * path.sigma(after)) ** 2).sqrt() * noise()
    return z.clamp(-1, 1).add(1).div(2)


def guided(
    denoise: Denoiser, measure: Callable[[torch.Tensor], torch.Tensor], y: torch.Tensor, path: Path, *, strength: float = 1.0
) -> Denoiser:
    """A denoiser whose estimates also fit what was measured of an image, y = measure(x); every sampler takes it.

    The score of z given y is the score of z plus the gradient of log p(y | z), for which stands -|y - measure(x)|^2 / (2 r^2)
    at the estimate of x (Chung et al., 2023, equation 16), with the r^2 = sigma^2 / (alpha^2 + sigma^2) that the variance of x
    given z would be for standard normal x (Song et al., 2023, PiGDM). Each step costs a backward pass through the network too.

    denoise: a denoiser that can be differentiated.
    measure: from images in the range of the denoiser to what is known of them, such as `lambda x: x * keep`.
    y: what was measured, of the shape that `measure` returns.
    path: of the denoiser.
    strength: times the gradient; 0 for the denoiser as it is.

    Raises ValueError, at the first step, for a measurement of another shape.
    """

    def steered(z, t):
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            estimate, _ = denoise(z, t)
            found = measure(estimate)
            if found.shape != y.shape:
                raise ValueError(f"Expected y of the shape of measure(x), {tuple(found.shape)}, got {tuple(y.shape)}.")
            (gradient,) = torch.autograd.grad((y - found).square().sum(), z)
        z, alpha, sigma = z.detach(), path.alpha(t), path.sigma(t)
        step = (alpha**2 + sigma**2) / (2 * alpha.clamp(min=0.05))  # sigma^2 / alpha times 1 / (2 r^2)
        estimate = estimate.detach() - strength * step * gradient
        return estimate, (z - alpha * estimate) / sigma

    return steered


def hidden_error(x: torch.Tensor, filled: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    """The root mean square error over the hidden pixels of each image, (B,), in the images' unit.

    x: the whole images.
    filled: what was made of them.
    keep: their masks.
    """
    check(x, keep)
    return _rms(filled - x, ~keep)


def seams(filled: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    """The root mean square step between a known pixel and a hidden one beside, above or below it, of each image, (B,).

    Hold it against that of whole images under the same mask: above it the border shows, below it the filling is too smooth.

    filled: composite images.
    keep: their masks.
    """
    check(filled, keep)
    down, right = filled.diff(dim=2), filled.diff(dim=3)
    borders = keep[:, :, 1:] ^ keep[:, :, :-1], keep[..., 1:] ^ keep[..., :-1]  # one of the two is known, the other hidden
    where = torch.cat([border.expand_as(steps).flatten(1) for border, steps in zip(borders, (down, right), strict=True)], 1)
    return _rms(torch.cat([down.flatten(1), right.flatten(1)], 1), where)


def spread(fillings: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    """How much several fillings of one image differ: the root mean square distance of two in the hidden pixels, (B,).

    fillings: (K, B, C, H, W), K at least 2.
    keep: masks (B, 1, H, W).
    """
    if fillings.ndim != 5 or len(fillings) < 2:
        raise ValueError(f"Expected two fillings or more of each image, (K, B, C, H, W), got shape {tuple(fillings.shape)}.")
    pairs = torch.combinations(torch.arange(len(fillings)))  # (K (K - 1) / 2, 2)
    return torch.stack([_rms(fillings[i] - fillings[j], ~keep).square() for i, j in pairs.tolist()]).mean(0).sqrt()


def _rms(values, where):
    """The root mean square of the values (B, ...) at the places where the mask, which broadcasts to them, is True: (B,)."""
    where = where.expand_as(values).flatten(1)
    return ((values.flatten(1) * where).square().sum(1) / where.sum(1)).sqrt()
