"""How probable a latent-variable model makes an image, by a tighter bound than it was trained with."""

import math

import torch
from torch import nn

from ..likelihoods import Likelihood


@torch.no_grad()
def importance_bound(
    vae: nn.Module, likelihood: Likelihood, x: torch.Tensor, samples: int, *, at_once: int = 2048
) -> torch.Tensor:
    """log of the mean of p(x, z) / q(z | x) over draws of z from q(z | x), in nats: (B,), a tighter bound than the first.

    In expectation it grows with `samples`, up to log p(x) (Burda et al., 2016, equation 8).

    vae: has `encode(x)`, `decode(z)` and `latent_dim`, as `course_lib.models.VAE`, in evaluation mode.
    likelihood: see `course_lib.likelihoods`.
    x: images (B, C, H, W) in the likelihood's range; raises ValueError for others.
    samples: draws of z for each image.
    at_once: images decoded at a time.
    """
    likelihood.check(x)
    found = []
    for image in x:
        mean, logvar = vae.encode(image[None])  # (1, D)
        log_weights = []
        for count in [at_once] * (samples // at_once) + [samples % at_once] * (samples % at_once > 0):
            noise = torch.randn(count, vae.latent_dim, device=x.device)
            z = mean + (logvar / 2).exp() * noise  # (count, D)
            log_prob = likelihood.log_prob(vae.decode(z), image.expand(count, *image.shape))  # (count,)
            log_weights.append(log_prob + 0.5 * (noise.square() - z.square() + logvar).sum(1))  # + log p(z) - log q(z | x)
        found.append(torch.cat(log_weights).logsumexp(0) - math.log(samples))
    return torch.stack(found)
