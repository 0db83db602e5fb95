"""Checks of the exercises, a module for each chapter and a plain function for each exercise.

A check prints one line when the answer is right, and raises `NotYet`, which says what to look at, when it is not. In
Jupyter that shows as one line too; a grader catches the exception.
"""

from . import (
    cnn,
    corrections,
    deeper,
    digits,
    failures,
    faq,
    gan,
    landscape,
    latent,
    measuring,
    nats,
    neural_networks,
    seeing,
    segmentation,
    tools,
    training,
    vae,
)
from .verdict import NotYet

__all__ = [
    "NotYet",
    "cnn",
    "corrections",
    "deeper",
    "digits",
    "failures",
    "faq",
    "gan",
    "landscape",
    "latent",
    "measuring",
    "nats",
    "neural_networks",
    "seeing",
    "segmentation",
    "tools",
    "training",
    "vae",
]
