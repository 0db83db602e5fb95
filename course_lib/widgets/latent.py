"""Latent plane: three digits, or one's own drawings, span a plane among a VAE's codes, in which a point is dragged."""

import torch
from torch import nn

from .. import likelihoods, models, published
from .ask import slant
from .export import export
from .parts import Parts, digits, expect, sheet

OFFERED = 30  # digits to choose from, three of each kind


def parts(network: nn.Module | None = None) -> Parts:
    """The encoder, and the decoder with a sigmoid behind it; codes of test digits, and directions of thickness and slant."""
    vae = network or published.mnist_vae()
    fits = isinstance(vae, models.VAE) and vae.shape == (1, 28, 28)
    expect(vae, "a VAE of (1, 28, 28) with a Bernoulli likelihood, such as models.residual_vae()", fits)
    train, test = digits()
    images, labels = train.batch(slice(0, 2000))
    codes, _ = vae.encode((images > 0.5).to(images.dtype))  # (2000, latent_dim)
    measured = {"thickness": images.sum((1, 2, 3)).cpu(), "slant": slant(images[:, 0].cpu())}
    directions = {}
    for name, values in measured.items():  # from the mean code of the quarter with least to that of the quarter with most
        much, little = values > values.quantile(0.75), values < values.quantile(0.25)
        directions[name] = (codes[much].mean(0) - codes[little].mean(0)).cpu().tolist()
    images, labels = test.batch(slice(0, 300))
    chosen = torch.cat([torch.where(labels == digit)[0][:3] for digit in range(10)])
    codes = vae.encode((images[chosen] > 0.5).to(images.dtype))[0].cpu()
    corners = codes[[9, 15, 24]]  # a 3, a 5, an 8
    mixed = torch.stack([(1 - t) * corners[0] + t * corners[1] for t in torch.linspace(0, 1, 10)])
    picture = likelihoods.Bernoulli().mean(vae.decode(mixed.to(images.device)))[:, 0]
    facts = {
        "codes": codes.mul(1000).round().div(1000).tolist(),
        "digits": labels[chosen].tolist(),
        "directions": directions,
    }
    decoder = nn.Sequential(vae.decoder, nn.Sigmoid())
    networks = {  # rounded codes err by a fifth of the deviation that the encoder itself gives them
        "encoder": export(vae.encoder, (1, 28, 28), bits=3),
        "decoder": export(decoder, (vae.latent_dim, 1, 1), bits=4),
    }
    return Parts(sheet(picture, 10), networks, facts)
