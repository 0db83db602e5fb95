"""Measures of patches that should look as if cut from one photograph: what is in them, how rough they are, whether copied."""

import torch
from torch.nn.functional import avg_pool2d, conv2d

from .generative import frechet_distance


def patch_features(images: torch.Tensor) -> torch.Tensor:
    """63 numbers that describe a color patch, without any network: (B, 63).

    The mean color of each cell of a 4 x 4 grid (48), the deviation of each color (3), how much of the brightness lies in
    each of four octaves of detail (4), and how much slope there is in each of eight directions (8).

    images: (B, 3, H, W) in -1..1, H and W multiples of 16.
    """
    cells = avg_pool2d(images, (images.shape[2] // 4, images.shape[3] // 4)).flatten(1)  # (B, 3, 4, 4) -> (B, 48)
    gray = images.mean(1, keepdim=True)  # (B, 1, H, W)
    smooth, octaves = gray, []
    for _ in range(4):
        coarse = avg_pool2d(smooth, 2)
        detail = smooth - coarse.repeat_interleave(2, 2).repeat_interleave(2, 3)  # what is lost when the sides are halved
        octaves.append(detail.square().mean((1, 2, 3)).add(1e-6).log())
        smooth = coarse
    down, right = gray.diff(dim=2)[..., :-1], gray.diff(dim=3)[:, :, :-1]  # (B, 1, H - 1, W - 1)
    steepness = torch.hypot(down, right).flatten(1)
    direction = ((torch.atan2(down, right) / torch.pi + 1) * 4).long().flatten(1) % 8  # 0..7
    slopes = torch.zeros(len(images), 8, device=images.device).scatter_add_(1, direction, steepness) / steepness.shape[1]
    return torch.cat([cells, images.std((2, 3)), torch.stack(octaves, 1), slopes], dim=1)


def patch_distance(real: torch.Tensor, generated: torch.Tensor) -> float:
    """The Fréchet distance of `patch_features`, each divided by its deviation over the real ones.

    real, generated: images (N, 3, H, W) and (M, 3, H, W) in -1..1.
    """
    features = [patch_features(images) for images in (real, generated)]
    scale = features[0].std(0)
    return frechet_distance(*(each / scale for each in features))


def spectrum(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean power of the brightness at each frequency: frequencies and powers, (H/2 - 1,) each.

    Frequencies are in cycles a pixel, all directions together, from 1 / H to just under a half. A Hann window fades the
    edges out, so that the jump from one side of a patch to the other does not count as detail.

    images: (B, C, H, H).
    """
    size = images.shape[-1]
    gray = images.mean(1)  # (B, H, H)
    window = torch.hann_window(size, device=images.device)
    power = torch.fft.fft2((gray - gray.mean((1, 2), keepdim=True)) * window[:, None] * window).abs().square().mean(0)
    steps = torch.fft.fftfreq(size, device=images.device) * size
    ring = torch.hypot(steps[:, None], steps).round().long().flatten()  # which frequency each place of the plane belongs to
    mean = torch.bincount(ring, power.flatten()) / torch.bincount(ring)
    return torch.arange(1, size // 2) / size, mean[1 : size // 2].cpu()


def nearest_crop(images: torch.Tensor, photos: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """For each image the most similar place of all photographs.

    Returns distance, photo, row, column, (N,) each: the root of the mean squared difference, which photograph, and the upper
    left corner. |image - crop|^2 = |image|^2 - 2 image . crop + |crop|^2: a convolution gives the products for all places.

    images: (N, C, h, w).
    photos: (P, C, H, W), with values in the same range.
    """
    squares = conv2d(photos.square(), torch.ones_like(images[:1]))  # (P, 1, H - h + 1, W - w + 1)
    products = torch.cat([conv2d(photos, some) for some in images.split(64)], dim=1)  # (P, N, H - h + 1, W - w + 1)
    distances = images.square().sum((1, 2, 3))[:, None, None] - 2 * products + squares
    best, place = distances.transpose(0, 1).flatten(1).min(1)  # (N, P * (H - h + 1) * (W - w + 1))
    photo, row, column = torch.unravel_index(place, (len(photos), *squares.shape[2:]))
    return (best / images[0].numel()).clamp(min=0).sqrt(), photo, row, column
