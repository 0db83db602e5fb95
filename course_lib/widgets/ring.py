"""Ring playground: a GAN or a flow that is trained in the page on eight Gaussians on a ring."""

from functools import partial

import torch
from torch import nn

from .. import data, gan_losses, models, objectives
from ..plots import COLORS
from .parts import Parts

SIDE = 140
REACH = 3.0
DEVIATION = 0.1
NETWORKS = {"generator": (4, 32, 32, 2), "discriminator": (2, 32, 32, 1)}
FLOW = (3, 64, 64, 2)  # a place and the time in, the velocity out
ROUNDS = 800
PRICE = 0.1


def parts(network: nn.Module | None = None) -> Parts:
    """The ring, and the widths of the networks that the page makes."""
    if network is not None:
        raise ValueError('Expected no network for the widget "ring", which trains its own in the page: show("ring").')
    ring = data.ring_of_gaussians(512, deviation=DEVIATION)
    facts = {
        "points": ring.points.cpu().mul(1000).round().div(1000).tolist(),
        "centers": ring.centers.cpu().tolist(),
        "deviation": DEVIATION,
        "reach": REACH,
        "widths": NETWORKS | {"flow": FLOW},
    }
    return Parts(_picture(ring), facts=facts)


def _picture(ring):
    """The game after some rounds, as the page draws it: (SIDE, SIDE, 3)."""
    leaky = partial(nn.LeakyReLU, 0.2)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(0)
        generator, discriminator = (models.MLP(widths, activation=leaky) for widths in NETWORKS.values())
        gan = objectives.Adversarial(generator, discriminator, latent_dim=4, penalty=gan_losses.r1(PRICE))
        adam = partial(torch.optim.Adam, lr=3e-3, betas=(0.5, 0.9))
        adams = {name: adam(getattr(gan, name).parameters()) for name in gan.parts}
        real = ring.points.cpu()
        for _ in range(ROUNDS):
            batch = (real[torch.randint(len(real), (64,))],)
            for part, loss in gan.losses(batch):
                adams[part].zero_grad()
                loss.mean().backward()
                adams[part].step()
    ticks = torch.linspace(-REACH, REACH, SIDE)
    y, x = torch.meshgrid(-ticks, ticks, indexing="ij")
    belief = discriminator(torch.stack([x, y], -1).view(-1, 2)).sigmoid().view(SIDE, SIDE, 1)
    blue, red = torch.tensor([0.65, 0.8, 0.95]), torch.tensor([0.97, 0.75, 0.7])
    picture = belief * red + (1 - belief) * blue
    drawn = generator(torch.randn(300, 4, generator=torch.Generator().manual_seed(0)))
    for points, color in (
        (real[:300], torch.zeros(3)),
        (drawn, torch.tensor([int(COLORS[9][i : i + 2], 16) / 255 for i in (1, 3, 5)])),
    ):
        column, row = ((points * torch.tensor([1, -1]) / REACH + 1) / 2 * (SIDE - 1)).round().long().clamp(0, SIDE - 1).T
        picture[row, column] = color
    return picture
