"""Exercises of the chapter From article to working code."""

import numpy as np
import torch
from torch.distributions import Normal, kl_divergence

from .verdict import call, numbers, require, require_close, right


def padding(answer):
    """The padding with which 5 x 5 convolutions of stride 2 take 28 to 14 to 7: an integer."""
    answer = numbers(answer, (), "one whole number.")
    require(answer == round(float(answer)) and answer >= 0, f"a padding is a whole number of pixels, not {answer:g}.")
    sizes = [28]
    for _ in range(2):
        sizes.append(int((sizes[-1] + 2 * answer - 5) // 2 + 1))
    require(sizes == [28, 14, 7], f"with padding {answer:g} the sides are {', '.join(map(str, sizes))}.")
    right("28, 14, 7.")


def dense_parameters(as_they_are, flattened):
    """How many numbers Dense(128) learns on images (32, 32, 3), as they are and flattened: two integers."""
    hint = "which numbers does one unit read, and what else does it have?"
    as_they_are, flattened = (float(numbers(answer, (), "one whole number each.")) for answer in (as_they_are, flattened))
    require(as_they_are != flattened, "the two differ: on an image, Dense works on the last axis alone.")
    require((as_they_are, flattened) != (3 * 128, 3072 * 128), "each unit has a bias too.")
    require_close(as_they_are, 512, f"as they are: {hint}")
    require_close(flattened, 393_344, f"flattened: {hint}")
    right("512, which do not grow with the image, and 393,344.")


def kl(function):
    """function(mean, logvar, other_mean, other_logvar) -> (B,), KL(N || other N) in nats, for four tensors (B, D)."""
    random = torch.Generator().manual_seed(0)
    codes = [torch.randn(4, 3, generator=random) for _ in range(4)]
    answer = _tensor(call(function, *codes, hint="it takes four tensors of shape (B, D)."))
    first, other = (Normal(mean, (logvar / 2).exp()) for mean, logvar in (codes[:2], codes[2:]))
    each = kl_divergence(first, other)  # (4, 3)
    per_example = "one number for each example, shape (B,): sum over the dimensions of a code, not over the batch."
    require(np.shape(answer) not in ((), (4, 3)), per_example)
    answer = numbers(answer, (4,), per_example)
    require(not np.allclose(answer, each.mean(1), atol=1e-4), "sum over the dimensions; a mean weighs the KL too little.")
    turned = kl_divergence(other, first).sum(1)
    require(
        not np.allclose(answer, turned, atol=1e-4), "that is the divergence of the second from the first; it is not symmetric."
    )
    prior = kl_divergence(first, Normal(0.0, 1.0)).sum(1)
    require(
        not np.allclose(answer, prior, atol=1e-4), "that is the divergence from N(0, 1), whatever the other distribution is."
    )
    require_close(answer, each.sum(1), "compare with torch.distributions.kl_divergence for one dimension.", tolerance=1e-4)
    right("0 for two equal distributions, and positive for all others.")


def discriminator_loss(function):
    """function(real, fake) -> (B,), -log D(real) - log(1 - D(fake)) for logits (B,), D = sigmoid."""
    real, fake = torch.tensor([0.0, 2.0, -1.0, 1000.0, -1000.0]), torch.tensor([0.0, -1.0, 3.0, -1000.0, 1000.0])
    answer = numbers(_tensor(call(function, real, fake, hint="it takes two tensors of logits.")), (5,), "one number a pair.")
    first, second = np.logaddexp(0, -real.double().numpy()), np.logaddexp(0, fake.double().numpy())
    require(not np.allclose(answer, first, atol=1e-4), "that is the first term alone: generated images must count too.")
    require(not np.allclose(answer, -first - second, atol=1e-4), "a loss is minimized: turn the sign of the value function.")
    require(np.isfinite(answer).all(), "not finite for logits of 1000: use softplus, which is log(1 + e^a) without overflow.")
    require_close(answer, first + second, "what should a real logit of -1000 cost, and a generated one?", tolerance=1e-4)
    right("both terms, and finite where the discriminator is sure.")


def _tensor(answer):
    return answer.detach().cpu().numpy() if isinstance(answer, torch.Tensor) else answer
