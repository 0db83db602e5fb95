"""Learning to take noise away: diffusion and flow matching."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from .. import paths, samplers
from ..likelihoods import Bernoulli
from .objective import Objective, left_out, with_labels


def uniform(count: int) -> torch.Tensor:
    """Times drawn evenly from 0..1, (count,)."""
    return torch.rand(count)


def logit_normal(count: int, mean: float = 0.0, deviation: float = 1.0) -> torch.Tensor:
    """Times drawn with more of them in the middle, (count,): the sigmoid of a normal (Esser et al., 2024).

    count: how many.
    mean, deviation: of the normal; a mean above 0 draws more times near the noise.
    """
    return (mean + deviation * torch.randn(count)).sigmoid()


class Denoising(Objective):
    """The squared error, on average over numbers, of what a network estimates of x and noise in z = alpha x + sigma noise.

    On batches (x, ...), or (x, labels) for a network with classes, (x, tokens) for one that reads sentences. With the
    straight path and "velocity" this is flow matching, with the cosine path and "noise" the loss of DDPM.

    network: from z and the angle of `paths.Path.seen`, and labels if it has classes, to the prediction.
    shape: of an example, such as (1, 28, 28).
    path: see `course_lib.paths`.
    prediction: what the network estimates: "x", "noise", "velocity" or "v".
    times: from a count to so many times in 0..1, drawn anew in every batch.
    unlabeled: the share of labels left out in training, so that the network also learns what all classes have in common, as
        guidance needs it.
    steps: of the sampler, unless `sample` is told otherwise.

    Images are expected in -1..1. Raises ValueError for an unknown prediction and for missing labels.
    """

    parts = ("network",)
    value_range = (-1.0, 1.0)

    def __init__(
        self,
        network: nn.Module,
        shape: tuple[int, ...],
        *,
        path: paths.Path = paths.STRAIGHT,
        prediction: str = "velocity",
        times: Callable[[int], torch.Tensor] = logit_normal,
        unlabeled: float = 0.1,
        steps: int = 20,
    ):
        super().__init__()
        path.target(prediction, torch.tensor(0.5))  # says so if there is no such prediction
        self.network, self.shape, self.path, self.prediction = network, tuple(shape), path, prediction
        self.times, self.unlabeled, self.steps = times, unlabeled, steps
        self.conditional = getattr(network, "classes", 0) > 0

    def losses(self, batch: tuple) -> Iterator[tuple[str, torch.Tensor]]:
        x, labels = with_labels(batch, self.conditional)
        yield "network", self._error(x, left_out(labels, self.unlabeled) if self.conditional else None)

    def metrics(self, batch: tuple) -> dict[str, torch.Tensor]:
        return {"loss": self._error(*with_labels(batch, self.conditional))}

    def denoiser(self, labels: torch.Tensor | None = None, guidance: float = 1.0) -> samplers.Denoiser:
        """The network's estimates of x and noise; see `samplers.denoiser`."""
        return samplers.denoiser(self.network, self.path, self.prediction, labels=labels, guidance=guidance)

    @torch.no_grad()
    def sample(
        self,
        count: int,
        generator: torch.Generator | None = None,
        *,
        labels: torch.Tensor | None = None,
        steps: int | None = None,
        sampler: Callable = samplers.heun,
        guidance: float = 1.0,
    ) -> torch.Tensor:
        """Draw `count` images, on the device.

        generator: a torch.Generator on the CPU, for the noise.
        labels: int64 (count,), for a network with classes; by default all in turn. Tokens (count, T), for one that reads
            sentences; by default none.
        steps, sampler: see `course_lib.samplers`.
        guidance: see `samplers.denoiser`.
        """
        device = next(self.network.parameters()).device
        if labels is None and self.conditional and not getattr(self.network, "text", None):
            labels = torch.arange(count) % self.network.classes
        times = self.path.times(self.steps if steps is None else steps)
        z = torch.randn(count, *self.shape, generator=generator).to(device) * self.path.sigma(times[0]).float()
        labels = None if labels is None else labels.to(device)
        return sampler(self.denoiser(labels, guidance), z, self.path, times)

    def _error(self, x, labels, noise=None):
        t, noise = self.times(len(x)).to(x.device), torch.randn_like(x) if noise is None else noise
        seen = self.path.seen(self.path.mix(x, noise, t), t)
        output = self.network(*seen) if labels is None else self.network(*seen, labels)
        a, b = self.path.target(self.prediction, t)
        target = paths.weighted(a, x) + paths.weighted(b, noise)
        return (output - target).square().flatten(1).mean(1)  # (B,)


class LatentDenoising(Denoising):
    """The same for the codes of a VAE: latent diffusion (Rombach et al., 2022).

    On batches (x, ...) of images in 0..1, or (x, labels): each time they are drawn in black and white, and so are their codes.
    `sample` gives images again.

    network: from codes and angles, and labels if it has classes, to the prediction, such as `models.NoiseMLP`.
    vae: a VAE of black and white images, trained; it is not trained further.
    options: of `Denoising`, except the shape.
    """

    value_range = (0.0, 1.0)

    def __init__(self, network: nn.Module, vae: nn.Module, **options: Any):
        super().__init__(network, (vae.latent_dim,), **options)
        self.vae = vae.requires_grad_(False)

    def losses(self, batch: tuple) -> Iterator[tuple[str, torch.Tensor]]:
        yield from super().losses(self._coded(batch))

    def metrics(self, batch: tuple) -> dict[str, torch.Tensor]:
        return super().metrics(self._coded(batch))

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator | None = None, **options: Any) -> torch.Tensor:
        """Draw `count` images, the decoder's means, in 0..1; everything else as `Denoising.sample`."""
        return Bernoulli().mean(self.vae.decode(super().sample(count, generator, **options)))

    @torch.no_grad()
    def _coded(self, batch):
        x, *targets = batch
        mean, logvar = self.vae.encode(torch.bernoulli(x))  # (B, D) each
        return mean + (logvar / 2).exp() * torch.randn_like(mean), *targets


class Reflow(Denoising):
    """The same for noise and data that belong together, such as noise and where a trained flow takes it (Liu et al., 2023).

    On batches (x, noise), or (x, noise, labels) for a network with classes; no label is left out. With `times=torch.ones` the
    network sees the noise alone and learns where its way ends: a student that draws in one step of Euler's (Luhman and
    Luhman, 2021).

    network, shape: as for `Denoising`.
    options: of `Denoising`, but for unlabeled.
    """

    def __init__(self, network: nn.Module, shape: tuple[int, ...], **options: Any):
        super().__init__(network, shape, unlabeled=0.0, **options)

    def losses(self, batch: tuple) -> Iterator[tuple[str, torch.Tensor]]:
        yield "network", self.metrics(batch)["loss"]

    def metrics(self, batch: tuple) -> dict[str, torch.Tensor]:
        x, noise, *labels = batch
        return {"loss": self._error(*with_labels((x, *labels), self.conditional), noise)}
