"""Diffusion and flow matching: digits to order, coloured shapes, and patches of a landscape."""

from collections.abc import Callable
from functools import partial

import torch

from .. import data, paths, published, runtime
from ..callbacks import cosine
from ..models import NoiseMLP, NoiseUNet, TextEncoder
from ..objectives import Attributes, Denoising, LatentDenoising
from ..objectives.denoising import logit_normal
from .likeness import features, labels_like, likeness, measured, patches_like
from .recipe import Recipe

CAPTIONS = 600  # to measure a network that reads them by


def denoising(
    shape: tuple[int, int, int], classes: int, *, network: Callable, conditional: bool = False, **options
) -> Denoising:
    """The objective of a network that is made for a shape and, if conditional, a number of classes; options of `Denoising`."""
    return Denoising(network(shape[0], classes=classes if conditional else 0), shape, **options)


def latent(shape: tuple[int, int, int], classes: int, *, network: Callable) -> LatentDenoising:
    """The objective of a network of the published VAE's codes, of digits to order."""
    vae = published.mnist_vae()
    return LatentDenoising(network(vae.latent_dim, classes=classes), vae)


@torch.no_grad()
def measure_codes(network, train, test):
    """How like real digits the decoded ones are, and how often they are what was ordered."""
    count, noise = len(test), torch.Generator().manual_seed(0)
    labels = labels_like(train, count)
    real = features(test.batch(slice(0, count))[0])
    drawn = published.GENERATORS["mnist_latent_flow"](network, count, noise, labels=labels)
    return {
        "measured": measured(count),
        "drawn": likeness(drawn, real, labels),
    }


def reading_unet(channels: int, *, classes: int, widths: tuple[int, ...]) -> NoiseUNet:
    """A U-Net that reads captions of shapes, at full resolution; the classes of the data do not matter."""
    text = TextEncoder(len(data.VOCABULARY), data.VOCABULARY.longest)
    return NoiseUNet(channels, widths=widths, patch=1, text=text)


@torch.no_grad()
def measure_digits(network, train, test):
    """What a card says of a flow of digits, beside the published GAN and real images."""
    count = len(test)
    labels = labels_like(train, count)
    real, others = (each.with_value_range(0, 1).batch(slice(0, count))[0] for each in (test, train))
    references = features(real)
    with runtime.mixed_precision({"network": network}):
        drawn = published.GENERATORS["mnist_flow"](network, count, torch.Generator().manual_seed(0), labels=labels)
    by_gan = published.draw("mnist_gan", count, generator=torch.Generator().manual_seed(0), labels=labels)
    return {
        "measured": measured(count),
        "drawn": likeness(drawn, references, labels),
        "mnist_gan": likeness(by_gan, references, labels),
        "real_training_images": likeness(others, references),
    }


@torch.no_grad()
def measure_obedience(network, train, test):
    """What a card says of pictures drawn to captions: the share in which each attribute is read as told, and all are."""
    reader = Attributes(published.shapes_reader(), data.WORDS)
    drawn = data.shapes(CAPTIONS, seed=2)
    told = torch.stack([drawn.targets[name] for name in data.WORDS], 1)

    def obeyed(images, which):
        right = reader.predict(images) == told[which]  # (N, attributes)
        shares = [*right.float().mean(0).tolist(), right.all(1).float().mean().item()]
        return {name: round(share, 4) for name, share in zip((*data.WORDS, "all"), shares, strict=True)}

    facts, unseen = {"measured": f"{CAPTIONS:,} captions, read by published.shapes_reader"}, data.unseen_pairs(drawn)
    for name, which in (("seen_pairs", ~unseen), ("unseen_pairs", unseen)):
        chosen = drawn.subset(which)
        with runtime.mixed_precision({"network": network}):
            asked = {"captions": chosen.targets["caption"], "generator": torch.Generator().manual_seed(0)}
            images = published.GENERATORS["shapes_text"](network, len(chosen), **asked)
        facts |= {name: obeyed(images.float(), which), f"{name}_of_real_pictures": obeyed(chosen.batch(slice(None))[0], which)}
    return facts


@torch.no_grad()
def measure_patches(network, train, test):
    """How like real patches the drawn ones are, and how like their most similar place in the photograph."""
    with runtime.mixed_precision({"network": network}):
        made = published.GENERATORS["landscape_flow"](network, len(test), torch.Generator().manual_seed(1))
    return patches_like(made.float().mul(2).sub(1))


adam = partial(torch.optim.Adam, fused=True)
flow = Recipe(
    about="flow matching of digits, which draws to order",
    objective=partial(denoising, network=partial(NoiseUNet, widths=(64, 128)), conditional=True),
    optimizers=partial(adam, lr=1e-3),
    validation=1 / 12,
    epochs=38,
    batch_size=128,
    schedule=cosine,
    ema=0.999,
    max_grad_norm=1.0,
    publishes="mnist_flow",
    part="network",
    measure=measure_digits,
)
latent_flow = Recipe(
    about="flow matching of the codes of the published VAE, which draws digits to order",
    objective=partial(latent, network=partial(NoiseMLP, width=88, blocks=2)),
    optimizers=partial(adam, lr=1e-3),
    validation=1 / 12,
    epochs=12,
    batch_size=128,
    schedule=cosine,
    ema=0.999,
    publishes="mnist_latent_flow",
    part="network",
    measure=measure_codes,
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
)
landscape_flow = Recipe(
    about="flow matching of patches of one photograph",
    objective=partial(
        denoising,
        network=partial(NoiseUNet, widths=(16, 32, 64, 96), patch=1),
        prediction="v",
        times=partial(logit_normal, mean=0.5, deviation=1.2),
    ),
    optimizers=partial(adam, lr=1.5e-3),
    data="landscape",
    validation=0.0,
    epochs=88,
    batch_size=32,
    schedule=cosine,
    ema=0.998,
    max_grad_norm=1.0,
    publishes="landscape_flow",
    part="network",
    measure=measure_patches,
)
shapes_text = Recipe(
    about="flow matching of coloured shapes from a sentence",
    objective=partial(
        denoising,
        network=partial(reading_unet, widths=(32, 64, 128)),
        times=partial(logit_normal, mean=1.0, deviation=1.2),
    ),
    optimizers=partial(adam, lr=1e-3),
    data="captioned-shapes",
    validation=0.0,
    epochs=20,
    batch_size=64,
    schedule=cosine,
    ema=0.999,
    max_grad_norm=1.0,
    publishes="shapes_text",
    part="network",
    measure=measure_obedience,
)
