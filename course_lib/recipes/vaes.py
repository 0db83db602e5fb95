"""The VAE of black and white digits."""

from collections.abc import Callable
from functools import partial

import torch

from .. import metrics
from ..callbacks import one_cycle
from ..models import residual_vae
from ..objectives import VariationalBound
from .recipe import Recipe

SEARCHED, DRAWS = 300, 5000  # test images, and draws for each, of the importance-weighted bound


def variational(shape: tuple[int, int, int], classes: int, *, vae: Callable) -> VariationalBound:
    """The objective of a VAE that is made for a shape."""
    return VariationalBound(vae(shape))


@torch.no_grad()
def measure_bound(vae, train, test):
    """What a card says, in nats an image: the bound over all test images, and how far above it the importance-weighted one is.

    The second needs thousands of decodings of an image, and is measured on a few images drawn at random. What it adds to the
    bound of the same image varies far less from image to image than the bound itself, so this difference is what is averaged.
    """
    bound = VariationalBound(vae).eval()
    gray, *_ = test.batch(slice(None))
    white = torch.bernoulli(gray, generator=torch.Generator(gray.device).manual_seed(0))
    chosen = torch.randperm(len(white), generator=torch.Generator().manual_seed(0))[:SEARCHED]

    def bounds(images, repeats):  # (N,): minus the bound of each image, its expectation taken over `repeats` samples of z
        draws = [torch.cat([bound.metrics((some,))["negative_elbo"] for some in images.split(500)]) for _ in range(repeats)]
        return torch.stack(draws).mean(0)

    every, few = bounds(white, 10), white[chosen]
    gain = bounds(few, 200) + metrics.importance_bound(vae, bound.likelihood, few, DRAWS)  # how much the tighter bound adds
    return {
        "measured": f"{len(white):,} test images, binarized once (seed 0); "
        f"{DRAWS:,} draws for {len(few)} of them, chosen at random (seed 0)",
        "bound_nats": every.mean().item(),
        "bound_standard_error": (every.std() / len(every) ** 0.5).item(),
        "importance_bound_nats": (every.mean() - gain.mean()).item(),
        "gain_standard_error": (gain.std() / len(gain) ** 0.5).item(),
        "draws": DRAWS,
    }


vae = Recipe(
    about="residual variational autoencoder of black and white digits, which draws",
    objective=partial(variational, vae=residual_vae),
    optimizers=partial(torch.optim.Adam, lr=2e-3, fused=True),
    augment=torch.bernoulli,
    validation=0.0,
    epochs=56,
    schedule=one_cycle,
    ema=0.999,
    publishes="mnist_vae",
    part="vae",
    measure=measure_bound,
)
