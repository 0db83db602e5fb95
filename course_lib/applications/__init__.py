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
from .panorama import overlapping
from .style import (
    RandomFilters,
    VGGFeatures,
    content_loss,
    gram,
    gram_distance,
    sliced_wasserstein,
    style_loss,
    stylize,
    synthesize,
)

__all__ = [
    "MASKS",
    "Masked",
    "RandomFilters",
    "VGGFeatures",
    "check",
    "composite",
    "content_loss",
    "gram",
    "gram_distance",
    "guided",
    "hidden_error",
    "holes",
    "lower_half",
    "mean_of_nearest",
    "overlapping",
    "repaint",
    "seams",
    "search",
    "shown",
    "sliced_wasserstein",
    "spread",
    "strokes",
    "style_loss",
    "stylize",
    "synthesize",
]
