"""Learning a distribution by its exact likelihood, with networks that draw one pixel after another."""

from collections.abc import Iterator

import torch
from torch import nn

from .. import likelihoods
from ..models import draw
from .objective import Objective, left_out, with_labels


class ExactLikelihood(Objective):
    """-log p(x) in nats an image, the sum over pixels of -log p(x_i | pixels before), on batches (x, labels).

    network: see `course_lib.models.autoregressive`; one with classes is given the labels too.
    likelihood: of a pixel; see `course_lib.likelihoods`.
    binarize: for gray images under the Bernoulli likelihood, whether each pixel is drawn white with the probability of its
        value, anew in every batch. Otherwise the images have to be black and white.
    unlabeled: for a network with classes, the share of training images whose label is left out, so that it learns p(x) beside
        p(x | label).

    Its metrics, all in nats an image: "loss", as it is minimized, on average over which labels are left out; where they are,
    "nats", -log p(x), beside "nats_given_label", -log p(x | label).

    Raises ValueError for values that are no level of the likelihood, such as gray under Bernoulli, and for missing labels.
    """

    parts = ("network",)

    def __init__(
        self,
        network: nn.Module,
        *,
        likelihood: likelihoods.Likelihood = likelihoods.Bernoulli(),  # noqa: B008  (immutable)
        binarize: bool = False,
        unlabeled: float = 0.0,
    ):
        super().__init__()
        self.network, self.likelihood, self.binarize, self.unlabeled = network, likelihood, binarize, unlabeled
        self.conditional = getattr(network, "classes", 0) > 0
        self.value_range = likelihood.value_range

    def losses(self, batch: tuple) -> Iterator[tuple[str, torch.Tensor]]:
        x, labels = self._read(batch)
        if self.conditional:
            yield "network", self._nats(x, left_out(labels, self.unlabeled))
        else:
            yield "network", self._nats(x)

    def metrics(self, batch: tuple) -> dict[str, torch.Tensor]:
        x, labels = self._read(batch)
        self._check_levels(x)
        if not self.conditional:
            return {"loss": self._nats(x)}
        given_label = self._nats(x, labels)
        if not self.unlabeled:
            return {"loss": given_label}
        nats = self._nats(x)
        return {"loss": torch.lerp(given_label, nats, self.unlabeled), "nats": nats, "nats_given_label": given_label}

    def check(self, dataset) -> None:
        super().check(dataset)
        self._check_levels(self._read(dataset.batch(slice(0, 100)))[0])

    def sample(self, count: int, generator: torch.Generator | None = None, **options) -> torch.Tensor:
        """Draw `count` images; see `course_lib.models.draw` for the options, such as labels."""
        return draw(self.network, count, likelihood=self.likelihood, generator=generator, **options)

    def _nats(self, x, *labels):
        return -self.likelihood.log_prob(self.network(x, *labels), x)  # (B,)

    def _read(self, batch):
        """Images, and labels for a network that takes them, else None."""
        x, labels = with_labels(batch, self.conditional)
        return torch.bernoulli(x) if self.binarize else x, labels

    def _check_levels(self, x):
        steps = self.likelihood.levels - 1
        wrong = x[~torch.isclose(x * steps, (x * steps).round(), rtol=0, atol=1e-3)]
        wrong = torch.cat([wrong, x[(x < 0) | (x > 1)]])
        if len(wrong) and steps == 1:
            raise ValueError(
                f"Expected pixels of 0 and 1, got {wrong[0]:.3g} among them; draw gray ones black or white, with "
                "images.augmented(torch.bernoulli) or ExactLikelihood(..., binarize=True)."
            )
        if len(wrong):
            raise ValueError(
                f"Expected pixels of the {steps + 1} gray levels 0, 1/{steps}, ..., 1, got {wrong[0]:.6g} among them; "
                "leave the images as they are stored, in uint8, and do not resize or blur their batches."
            )
