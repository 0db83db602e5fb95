"""Sampler: digits drawn from noise in the codes of a variational autoencoder, step by step."""

import torch
from torch import nn

from .. import likelihoods, models, paths, published, samplers
from .export import export
from .parts import Parts, expect, sheet

SEED = 5


def parts(network: nn.Module | None = None) -> Parts:
    """The flow of codes, and the decoder that makes pictures of them, with a sigmoid behind it."""
    flow, vae = network or published.mnist_latent_flow(), published.mnist_vae()
    fits = isinstance(flow, models.NoiseMLP) and (flow.size, flow.classes) == (vae.latent_dim, 10)
    wanted = f"a flow of the published VAE's codes, models.NoiseMLP({vae.latent_dim}, classes=10), of the velocity on the"
    expect(flow, f"{wanted} straight path", fits)
    device = next(flow.parameters()).device
    z = torch.randn(10, vae.latent_dim, generator=torch.Generator().manual_seed(SEED)).to(device)
    denoise = samplers.denoiser(flow, paths.STRAIGHT, "velocity", labels=torch.arange(10, device=device))
    codes = samplers.heun(denoise, z, paths.STRAIGHT, paths.STRAIGHT.times(10))
    picture = likelihoods.Bernoulli().mean(vae.decode(codes))[:, 0]
    size = vae.latent_dim + 64 + 11  # the code, the waves, the label
    networks = {
        "flow": export(flow, (size, 1, 1)),
        "decoder": export(nn.Sequential(vae.decoder, nn.Sigmoid()), (vae.latent_dim, 1, 1)),
    }
    return Parts(sheet(picture, 10), networks, {"latent": vae.latent_dim})
