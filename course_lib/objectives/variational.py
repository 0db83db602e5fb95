"""Learning a distribution by a bound on how probable it makes the data."""

from collections.abc import Iterator

import torch
from torch import nn

from .. import likelihoods, losses, runtime
from .objective import Objective


class VariationalBound(Objective):
    """Minus the evidence lower bound in nats an image, -log p(x | z) + beta KL(q(z | x) || p(z)), on batches (x, ...).

    The expectation is taken with one sample of z (Kingma and Welling, 2014, equation 10).

    vae: see `course_lib.models.VAE`.
    likelihood: see `course_lib.likelihoods`; sums over pixels, as the bound demands.
    beta: weight of the KL: 1 for the bound itself (Higgins et al., 2017, for others).
    free_bits: nats of KL of each latent dimension, mean over the batch, below which they cost nothing
        (Kingma et al., 2016, appendix).

    Its metrics, all in nats an image: "loss", as it is minimized; "negative_elbo", minus the bound itself, and its two terms,
    "distortion", -log p(x | z), and "rate", the KL.

    Raises ValueError for images outside the likelihood's range.
    """

    parts = ("vae",)

    def __init__(
        self,
        vae: nn.Module,
        *,
        likelihood: likelihoods.Likelihood = likelihoods.Bernoulli(),  # noqa: B008  (immutable)
        beta: float = 1.0,
        free_bits: float = 0.0,
    ):
        super().__init__()
        self.vae, self.likelihood, self.beta, self.free_bits = vae, likelihood, beta, free_bits
        self.value_range = likelihood.value_range

    def losses(self, batch: tuple) -> Iterator[tuple[str, torch.Tensor]]:
        yield "vae", self._loss(*self._terms(batch[0]))

    def metrics(self, batch: tuple) -> dict[str, torch.Tensor]:
        self.likelihood.check(batch[0])
        distortion, kl = self._terms(batch[0])
        rate = kl.sum(1)
        return {
            "loss": self._loss(distortion, kl),
            "negative_elbo": distortion + rate,
            "distortion": distortion,
            "rate": rate,
        }

    def sample(self, count: int, generator: torch.Generator | None = None) -> torch.Tensor:
        """Draw `count` images, the likelihood's mean for z from the prior. generator: a torch.Generator on the CPU, for z."""
        with torch.no_grad():
            z = torch.randn(count, self.vae.latent_dim, generator=generator).to(runtime.device())
            return self.likelihood.mean(self.vae.decode(z))

    def _loss(self, distortion, kl):
        """(B,) from the distortion (B,) and the KL of each latent number (B, D)."""
        if self.free_bits:
            kl = torch.where(kl.mean(0) > self.free_bits, kl, self.free_bits)
        return distortion + self.beta * kl.sum(1)

    def _terms(self, x):
        parameters, mean, logvar = self.vae(x, torch.randn(len(x), self.vae.latent_dim, device=x.device))
        return -self.likelihood.log_prob(parameters, x), losses.gaussian_kl(mean, logvar)
