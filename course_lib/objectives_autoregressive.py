"""Exact likelihoods of networks that draw one pixel after another."""

import torch

from . import likelihoods
from .models.autoregressive import draw
from .objectives import Objective


class ExactLikelihood(Objective):
    """-log p(x) in nats an image, the sum over pixels of -log p(x_i | pixels before), on batches (x, labels).

    network: see `course_lib.models.autoregressive`; one with classes is also given the labels. likelihood: of a pixel, see
    `course_lib.likelihoods`. unlabelled: for a network with classes, the share of training images whose label is left out, so
    that it learns p(x) beside p(x | label). Raises ValueError for values that are no level of the likelihood, as grey values
    are not for Bernoulli, and for missing labels: in training looked at in the first batch, in measures always.
    """

    parts = ("network",)

    def __init__(self, network, *, likelihood=likelihoods.Bernoulli(), unlabelled=0.0):  # noqa: B008  (immutable)
        super().__init__()
        self.network, self.likelihood, self.unlabelled = network, likelihood, unlabelled
        self.conditional = getattr(network, "classes", 0) > 0

    def losses(self, batch):
        if self._first:
            self._check(*batch)
        self._first = False
        x, labels = batch
        if not self.conditional:
            yield "network", self._nll(x)
            return
        hidden = torch.rand(len(x), device=x.device) < self.unlabelled
        yield "network", self._nll(x, torch.where(hidden, -1, labels))

    def metrics(self, batch):
        """`loss`: -log p(x), or -log p(x | label) if labels were never left out; else that as `loss_given_label`."""
        self._check(*batch)
        x, labels = batch
        if not self.conditional:
            return {"loss": self._nll(x)}
        given_label = self._nll(x, labels)
        return {"loss": self._nll(x), "loss_given_label": given_label} if self.unlabelled else {"loss": given_label}

    def sample(self, count, generator=None, **options):
        """`count` images; see `course_lib.models.autoregressive.draw` for the options."""
        return draw(self.network, count, generator=generator, **options)

    def _nll(self, x, *given):
        return self.likelihood.nll(self.network(x, *given), x)  # (B,)

    def _check(self, x, labels):
        wrong = x[(x != 0) & (x != 1)]
        if len(wrong):
            raise ValueError(
                f"Expected pixels of 0 and 1, got {wrong[0]:.3g} among them; draw grey ones black or white, with "
                "images.augmented(torch.bernoulli)."
            )
        if self.conditional and labels is None:
            raise ValueError("Expected a label for each image, since the network has classes, got none; pass (x, labels).")
