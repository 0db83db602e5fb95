"""GANs: digits to order, coloured shapes, and patches of a landscape."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from torch.nn.functional import avg_pool2d

from .. import data, gan_losses, metrics, runtime
from ..callbacks import cosine
from ..models import Discriminator, Generator
from ..objectives import Adversarial
from .likeness import features, labels_like, likeness, measured, patches_like
from .recipe import Recipe


def adversarial(
    shape: tuple[int, int, int],
    classes: int,
    *,
    generator: Callable,
    discriminator: Callable,
    conditional: bool = False,
    window: int | None = None,
    loss: Callable | None = None,
    penalty: Callable | None = None,
    augment: Callable | None = None,
) -> Adversarial:
    """The objective of two networks that are made for a shape and, if conditional, a number of classes.

    window: side of what the discriminator sees, if that is less than the image.
    loss, penalty: make the loss and the penalty of `Adversarial`, which has defaults for both.
    augment: see `Adversarial`.
    """
    told = {"classes": classes} if conditional else {}
    seen = (shape[0], window, window) if window else shape
    network = generator(shape, **told)
    return Adversarial(
        network,
        discriminator(seen, **told),
        latent_dim=network.latent_dim,
        conditional=conditional,
        loss=loss() if loss else gan_losses.non_saturating,
        penalty=penalty() if penalty else None,
        augment=augment,
    )


def near_and_far(patches: torch.Tensor) -> torch.Tensor:
    """What the landscape's discriminator sees: of half the patches a window of 32 x 32, of the others all, shrunk to that."""
    near, far = patches.chunk(2)
    top, left = torch.randint(33, (2,)).tolist()
    return torch.cat([near[..., top : top + 32, left : left + 32], avg_pool2d(far, 2)])


@torch.no_grad()
def measure_digits(generator, train, test):
    """What a card says of a generator of digits: noise as it was trained with, noise shrunk to 0.9, and real images instead.

    Classes are as frequent as in the training images; "in_turn" tells what it costs to draw as many of each.
    """
    count = len(test)
    as_trained, in_turn = labels_like(train, count), torch.arange(count) % 10
    z = torch.randn(count, generator.latent_dim, generator=torch.Generator().manual_seed(0))

    def drawn(scale, labels):
        parts = zip((scale * z).split(500), labels.split(500), strict=True)
        return torch.cat([generator(*(each.to(runtime.device()) for each in part)) for part in parts]).add(1).div(2)

    def real(images):  # in 0..1
        return images.with_value_range(0, 1).batch(slice(0, count))[0]

    references = features(real(test))
    return {
        "measured": measured(count),
        "noise_1": likeness(drawn(1.0, as_trained), references, as_trained),
        "noise_0.9": likeness(drawn(0.9, as_trained), references, as_trained),
        "in_turn": likeness(drawn(1.0, in_turn), references, in_turn),
        "real_training_images": likeness(real(train), references),
    }


def generated(generator, count):
    """`count` images from noise of seed 1."""
    z = torch.randn(count, generator.latent_dim, generator=torch.Generator().manual_seed(1)).to(runtime.device())
    return torch.cat([generator(some) for some in z.split(128)])


@torch.no_grad()
def measure_shapes(generator, train, test):
    """How like drawn pictures the generated ones are, and how like each other two sets of drawn ones."""
    count = len(test)
    real, others = (data.shapes(count, seed=seed).by("shape").with_value_range(-1, 1).batch(slice(None))[0] for seed in (1, 2))
    return {
        "frechet_distance": metrics.patch_distance(real, generated(generator, count)),
        "frechet_distance_of_drawn_pictures": metrics.patch_distance(real, others),
        "images_measured": count,
    }


@torch.no_grad()
def measure_landscape(generator, train, test):
    """How like real patches the generated ones are, and how like their most similar place in the photograph."""
    return patches_like(generated(generator, len(test)))


adam = partial(torch.optim.Adam, fused=True)
gan = Recipe(
    about="deep convolutional GAN, which draws to order",
    objective=partial(
        adversarial,
        generator=partial(Generator, latent_dim=64, width=48),
        discriminator=partial(Discriminator, width=32, stages=3, normalization=nn.BatchNorm2d),
        conditional=True,
    ),
    optimizers=partial(adam, lr=5e-4, betas=(0.5, 0.99)),
    validation=0.0,
    epochs=24,
    batch_size=64,
    schedule=cosine,
    ema=0.998,
    publishes="mnist_gan",
    part="generator",
    measure=measure_digits,
)
shapes_gan = Recipe(
    about="GAN of coloured shapes, with an R1 penalty",
    objective=partial(
        adversarial,
        generator=partial(Generator, latent_dim=64, width=48, stages=3),
        discriminator=partial(Discriminator, width=48, stages=3),
        penalty=partial(gan_losses.r1, 0.1),
    ),
    optimizers={
        "generator": partial(adam, lr=8e-4, betas=(0.0, 0.99)),
        "discriminator": partial(adam, lr=5e-4, betas=(0.0, 0.99)),
    },
    data="shapes",
    validation=0.0,
    epochs=30,
    batch_size=32,
    schedule=partial(cosine, hold=0.5),
    ema=0.999,
    publishes="shapes_gan",
    part="generator",
    measure=measure_shapes,
)
landscape_gan = Recipe(
    about="GAN of patches of one photograph",
    objective=partial(
        adversarial,
        generator=partial(Generator, latent_dim=100, width=32, stages=3),
        discriminator=partial(Discriminator, width=40, stages=3, normalization=nn.BatchNorm2d),
        window=32,
        loss=partial(gan_losses.smoothed, 0.9),
        augment=near_and_far,
    ),
    optimizers={
        "generator": partial(adam, lr=6e-4, betas=(0.5, 0.99)),
        "discriminator": partial(adam, lr=1.5e-4, betas=(0.5, 0.99)),
    },
    data="landscape",
    validation=0.0,
    epochs=60,
    batch_size=16,
    schedule=cosine,
    ema=0.998,
    publishes="landscape_gan",
    part="generator",
    measure=measure_landscape,
)
