"""Ask for a digit: a label, thickness, slant and noise in, ten digits out."""

import torch
from torch import nn

from .. import models, published
from .export import export
from .parts import Parts, expect, sheet

DRAWN = 2000  # digits from which the directions are found


def parts(network: nn.Module | None = None) -> Parts:
    """The generator, and the directions of its noise that change thickness and slant most."""
    generator = network or published.mnist_gan()
    digits_to_order(generator)
    z = torch.randn(10, generator.latent_dim, generator=torch.Generator().manual_seed(1))
    picture = draw(generator, z[:1].repeat(10, 1), torch.arange(10))
    facts = {
        "latent": generator.latent_dim,
        "directions": {name: each.tolist() for name, each in directions(generator).items()},
    }
    file = export(generator, (generator.latent_dim + 10, 1, 1))
    return Parts(sheet(picture, 10), {"generator": file}, facts)


def digits_to_order(generator: nn.Module) -> None:
    """Raise ValueError unless a network draws digits to order."""
    fits = isinstance(generator, models.Generator) and generator.classes == 10 and generator.layers[-2].out_channels == 1
    expect(
        generator, "a generator of digits to order, models.Generator((1, 28, 28), classes=10)", fits and _side(generator) == 28
    )


def _side(generator):
    return generator.start[1] * 2 ** sum(isinstance(layer, nn.ConvTranspose2d) for layer in generator.layers)


def draw(generator: nn.Module, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Images (N, 28, 28) in 0..1 on the CPU, for z (N, latent_dim) and labels (N,)."""
    device = generator.dense.weight.device
    return generator(z.to(device), labels.to(device))[:, 0].add(1).div(2).cpu()


def directions(generator: nn.Module) -> dict[str, torch.Tensor]:
    """Directions of z, of length 1 and at right angles, along which ink and slant grow: by least squares within each digit."""
    random = torch.Generator().manual_seed(0)
    z, labels = torch.randn(DRAWN, generator.latent_dim, generator=random), torch.arange(DRAWN) % 10
    images = draw(generator, z, labels)
    inputs = torch.cat([z, torch.eye(10)[labels]], 1)
    measured = torch.stack([images.sum((1, 2)), slant(images)], 1)
    fitted = torch.linalg.lstsq(inputs, measured).solution[: generator.latent_dim]  # (latent_dim, 2)
    square, _ = torch.linalg.qr(fitted)
    square = square * (square * fitted).sum(0).sign()
    return {"thickness": square[:, 0], "slant": square[:, 1]}


def slant(images: torch.Tensor) -> torch.Tensor:
    """Pixels to the right for each pixel up: images (N, H, W) -> (N,)."""
    share = images / images.sum((1, 2), keepdim=True)
    rows = torch.arange(images.shape[1], dtype=torch.float32)[:, None].expand(images.shape[1:])
    columns = torch.arange(images.shape[2], dtype=torch.float32).expand(images.shape[1:])
    rows, columns = (each - (share * each).sum((1, 2), keepdim=True) for each in (rows, columns))
    return -(share * rows * columns).sum((1, 2)) / (share * rows**2).sum((1, 2))
