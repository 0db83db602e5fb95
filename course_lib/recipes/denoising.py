"""Diffusion and flow matching: digits to order, coloured shapes, and patches of a landscape."""

from collections.abc import Callable
from functools import partial

import torch

from .. import paths
from ..callbacks import cosine
from ..models import NoiseUNet
from ..objectives import Denoising
from .recipe import Recipe


def denoising(
    shape: tuple[int, int, int], classes: int, *, network: Callable, conditional: bool = False, **options
) -> Denoising:
    """The objective of a network that is made for a shape and, if conditional, a number of classes; options of `Denoising`."""
    return Denoising(network(shape[0], classes=classes if conditional else 0), shape, **options)


adam = partial(torch.optim.Adam, fused=True)
flow = Recipe(
    about="flow matching of digits, which draws to order",
    objective=partial(denoising, network=partial(NoiseUNet, widths=(64, 128)), conditional=True),
    optimizers=partial(adam, lr=1e-3),
    validation=1 / 12,
    epochs=16,
    batch_size=128,
    schedule=cosine,
    ema=0.999,
    max_grad_norm=1.0,
    publishes="mnist_flow",
    part="network",
)
diffusion = Recipe(
    about="diffusion of digits along the cosine path, which draws to order",
    objective=partial(
        denoising, network=partial(NoiseUNet, widths=(32, 64)), conditional=True, path=paths.COSINE, prediction="v"
    ),
    optimizers=partial(adam, lr=1e-3),
    validation=1 / 12,
    epochs=10,
    batch_size=128,
    schedule=cosine,
    ema=0.999,
    max_grad_norm=1.0,
)
shapes_flow = Recipe(
    about="flow matching of coloured shapes",
    objective=partial(denoising, network=partial(NoiseUNet, widths=(32, 64, 96), patch=1)),
    optimizers=partial(adam, lr=1e-3),
    data="shapes",
    validation=0.0,
    epochs=12,
    batch_size=64,
    schedule=cosine,
    ema=0.999,
    max_grad_norm=1.0,
    publishes="shapes_flow",
    part="network",
)
landscape_flow = Recipe(
    about="flow matching of patches of one photograph",
    objective=partial(denoising, network=partial(NoiseUNet, widths=(48, 72, 96), patch=2)),
    optimizers=partial(adam, lr=1e-3),
    data="landscape",
    validation=0.0,
    epochs=60,
    batch_size=32,
    schedule=cosine,
    ema=0.999,
    max_grad_norm=1.0,
    publishes="landscape_flow",
    part="network",
)
