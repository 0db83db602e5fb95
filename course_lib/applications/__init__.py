"""Generators at work: loops on samplers and trained networks, each short enough to read in one go."""

from .inpainting import (
    Masked,
    check,
    composite,
    guided,
    hidden_error,
    mean_of_nearest,
    repaint,
    seams,
    search,
    shown,
    spread,
)
from .masks import MASKS, holes, lower_half, strokes

__all__ = [
    "MASKS",
    "Masked",
    "check",
    "composite",
    "guided",
    "hidden_error",
    "holes",
    "lower_half",
    "mean_of_nearest",
    "repaint",
    "seams",
    "search",
    "shown",
    "spread",
    "strokes",
]
