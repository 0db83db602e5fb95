"""What the two players of a generative adversarial network minimise, and penalties on the discriminator's slope.

A game is two functions of logits, which are positive for "real": `discriminator(real, fake)` and `generator(fake)`. Like all
losses they return one number for each example, shape (B,).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch.nn.functional import relu, softplus


class Game(NamedTuple):
    discriminator: Callable
    generator: Callable


def _cross_entropy(real, fake):
    return softplus(-real) + softplus(fake)  # -log D(x) - log(1 - D(G(z))), D = sigmoid(logit)


# The value function itself: the generator minimises log(1 - D(G(z))). Goodfellow et al., 2014, equation 1.
minimax = Game(_cross_entropy, lambda fake: -softplus(fake))

# The generator minimises -log D(G(z)) instead, whose slope does not vanish where it loses. Goodfellow et al., 2014, section 3.
non_saturating = Game(_cross_entropy, lambda fake: softplus(-fake))

# Only images on the wrong side of a margin count. Lim and Ye, 2017; Miyato et al., 2018.
hinge = Game(lambda real, fake: relu(1 - real) + relu(1 + fake), lambda fake: -fake)

# The difference of means, a distance only if the slope is bounded (`gradient_penalty`). Arjovsky et al., 2017.
wasserstein = Game(lambda real, fake: fake - real, lambda fake: -fake)


def smoothed(target=0.9):
    """The non-saturating game with `target` in place of 1 for real images, one-sided (Salimans et al., 2016)."""
    if not 0.5 < target <= 1:
        raise ValueError(f"Expected a target for real images above 0.5 and up to 1, got {target}.")
    return Game(
        lambda real, fake: target * softplus(-real) + (1 - target) * softplus(real) + softplus(fake),
        non_saturating.generator,
    )


def r1(weight=1.0):
    """weight / 2 times the squared slope of the logit at real images (Mescheder et al., 2018, equation 9)."""

    def penalty(discriminator, real, fake):
        return weight / 2 * _slope(discriminator, real).square().sum(1)

    return penalty


def gradient_penalty(weight=10.0):
    """weight times (slope - 1)^2 at random places between real and fake images (Gulrajani et al., 2017, equation 3)."""

    def penalty(discriminator, real, fake):
        share = torch.rand(len(real), *[1] * (real.ndim - 1), device=real.device)
        between = share * real + (1 - share) * fake
        return weight * (_slope(discriminator, between).square().sum(1).add(1e-12).sqrt() - 1).square()

    return penalty


def _slope(discriminator, x):
    """The gradient of each logit by its own input, (B, numbers in an image), which can itself be differentiated."""
    x = x.detach().requires_grad_()
    return torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)[0].flatten(1)
