"""Masks of what is known of an image: bool (B, 1, H, W), True where a pixel is kept, False where it is to be filled in."""

import torch


def lower_half(count: int, *, size: int = 28) -> torch.Tensor:
    """The lower half is hidden, (count, 1, size, size).

    count: masks, all alike.
    size: of an image's sides, in pixels.
    """
    keep = torch.ones(count, 1, size, size, dtype=torch.bool)
    keep[:, :, size // 2 :] = False
    return keep


def holes(
    count: int, *, size: int = 28, number: int = 3, side: int = 8, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Squares at random places, which may overlap, are hidden, (count, 1, size, size).

    count: masks, each its own.
    size: of an image's sides, in pixels.
    number: of squares; none comes nearer to the edge than an eighth of the size.
    side: of a square, in pixels.
    generator: a torch.Generator on the CPU, for the places.
    """
    edge = size // 8
    corner = torch.randint(edge, size - edge - side + 1, (count, number, 2, 1), generator=generator)
    place = torch.arange(size)
    inside = (corner <= place) & (place < corner + side)  # (count, number, 2, size): within the square's rows, its columns
    hidden = inside[:, :, 0, :, None] & inside[:, :, 1, None, :]  # (count, number, size, size)
    return ~hidden.any(1, keepdim=True)


def strokes(
    count: int, *, size: int = 28, number: int = 4, width: float = 3.0, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Straight strokes between random places, as scratches on a photograph, are hidden, (count, 1, size, size).

    count: masks, each its own.
    size: of an image's sides, in pixels.
    number: of strokes.
    width: of a stroke, in pixels.
    generator: a torch.Generator on the CPU, for the places.
    """
    start, end = torch.rand(2, count, number, 1, 1, 2, generator=generator) * size
    rows = torch.arange(size) + 0.5  # the middle of a pixel
    place = torch.stack(torch.meshgrid(rows, rows, indexing="ij"), -1)  # (size, size, 2)
    way = end - start
    along = (((place - start) * way).sum(-1) / way.square().sum(-1)).clamp(0, 1)  # (count, number, size, size)
    apart = (place - start - along[..., None] * way).norm(dim=-1)  # from the nearest point of the stroke
    return (apart > width / 2).all(1, keepdim=True)


MASKS = {"half": lower_half, "holes": holes, "strokes": strokes}
