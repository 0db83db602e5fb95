"""What the two networks of a GAN minimize, and penalties on the gradient of the discriminator.

A `GANLoss` is two functions of logits, which are positive for "real": `discriminator(real, fake)` and `generator(fake)`. Like
all losses they return one number for each example, shape (B,).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import relu, softplus


@dataclass(frozen=True)
class GANLoss:
    """What the two networks minimize.

    discriminator: logits of real and of generated images, (B,) each, to the discriminator's loss (B,).
    generator: logits of generated images (B,) to the generator's loss (B,).
    """

    discriminator: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    generator: Callable[[torch.Tensor], torch.Tensor]


def _cross_entropy(real, fake):
    return softplus(-real) + softplus(fake)  # -log D(x) - log(1 - D(G(z))), D = sigmoid(logit)


minimax = GANLoss(_cross_entropy, lambda fake: -softplus(fake))
"""The value function itself: the generator minimizes log(1 - D(G(z))). Source: Goodfellow et al., 2014, equation 1."""

non_saturating = GANLoss(_cross_entropy, lambda fake: softplus(-fake))
"""The generator minimizes -log D(G(z)) instead, whose gradient does not vanish where it loses.

Source: Goodfellow et al., 2014, section 3.
"""

hinge = GANLoss(lambda real, fake: relu(1 - real) + relu(1 + fake), lambda fake: -fake)
"""Only images on the wrong side of a margin count. Sources: Lim and Ye, 2017; Miyato et al., 2018."""

wasserstein = GANLoss(lambda real, fake: fake - real, lambda fake: -fake)
"""The difference of means, a distance only if the gradient is bounded (`gradient_penalty`). Source: Arjovsky et al., 2017."""


def smoothed(target: float = 0.9) -> GANLoss:
    """The non-saturating loss with `target` in place of 1 for real images, one-sided (Salimans et al., 2016).

    target: the probability of "real" to aim at; raises ValueError outside of 0.5..1.
    """
    if not 0.5 < target <= 1:
        raise ValueError(f"Expected a target for real images above 0.5 and up to 1, got {target}.")
    return GANLoss(
        lambda real, fake: target * softplus(-real) + (1 - target) * softplus(real) + softplus(fake),
        non_saturating.generator,
    )


def r1(weight: float = 1.0) -> Callable:
    """A penalty: weight / 2 times the squared gradient of the logit at real images.

    Returned is a function of (discriminator, real, fake), which gives (B,). Source: Mescheder et al., 2018, equation 9.
    """

    def penalty(discriminator, real, fake):
        return weight / 2 * _gradient(discriminator, real).square().sum(1)

    return penalty


def gradient_penalty(weight: float = 10.0) -> Callable:
    """A penalty: weight times (length of the gradient - 1)^2 at random places between real and fake images.

    Returned is a function of (discriminator, real, fake), which gives (B,). Source: Gulrajani et al., 2017, equation 3.
    """

    def penalty(discriminator, real, fake):
        share = torch.rand(len(real), *[1] * (real.ndim - 1), device=real.device)
        between = share * real + (1 - share) * fake
        return weight * (_gradient(discriminator, between).square().sum(1).add(1e-12).sqrt() - 1).square()

    return penalty


def _gradient(discriminator, x):
    """The gradient of each logit with respect to its own input, (B, D), which can itself be differentiated."""
    x = x.detach().requires_grad_()
    return torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)[0].flatten(1)
