"""The checks of the chapter From article to working code take right answers and turn down wrong ones: see test_all.py."""

import torch
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from course_lib.checks import corrections


def each(mean, logvar, other_mean, other_logvar):
    """The divergence in each dimension, (B, D)."""
    return (((mean - other_mean) ** 2 + logvar.exp()) / other_logvar.exp() - 1 + other_logvar - logvar) / 2


def kl(*codes):
    return each(*codes).sum(1)


def to_the_prior(mean, logvar, other_mean, other_logvar):
    return kl_divergence(Normal(mean, (logvar / 2).exp()), Normal(0.0, 1.0)).sum(1)


def both(real, fake):
    labels = torch.ones_like(real)
    return cross_entropy(real, labels, reduction="none") + cross_entropy(fake, 0 * labels, reduction="none")


def naive(real, fake):
    return -torch.sigmoid(real).log() - (1 - torch.sigmoid(fake)).log()


RIGHT = [
    (corrections.padding, [2]),
    (corrections.dense_parameters, [512, 393_344]),
    (corrections.kl, [kl]),
    (corrections.kl, [lambda *codes: kl(*codes).numpy()]),
    (corrections.discriminator_loss, [both]),
]
WRONG = [
    (corrections.padding, [1], "with padding 1 the sides are 28, 13, 6"),
    (corrections.padding, [1.5], "a whole number of pixels"),
    (corrections.padding, [None], "got None. one whole number"),
    (corrections.dense_parameters, [393_344, 393_344], "on an image, Dense works on the last axis alone"),
    (corrections.dense_parameters, [384, 393_216], "has a bias too"),
    (corrections.dense_parameters, [256, 393_344], "as they are: which numbers"),
    (corrections.dense_parameters, [512, 131_200], "flattened: which numbers"),
    (corrections.kl, [lambda *codes: kl(*codes).sum()], "one number for each example"),
    (corrections.kl, [each], "sum over the dimensions of a code"),
    (corrections.kl, [lambda *codes: kl(*codes) / 3], "a mean weighs the KL too little"),
    (corrections.kl, [lambda *codes: kl(*codes[2:], *codes[:2])], "not symmetric"),
    (corrections.kl, [to_the_prior], "whatever the other distribution is"),
    (corrections.kl, [lambda *codes: 2 * kl(*codes)], "compare with torch.distributions"),
    (corrections.kl, [lambda mean, logvar: mean], "raised TypeError"),
    (corrections.discriminator_loss, [lambda real, fake: torch.nn.functional.softplus(-real)], "the first term alone"),
    (corrections.discriminator_loss, [lambda real, fake: -both(real, fake)], "turn the sign"),
    (corrections.discriminator_loss, [naive], "not finite for logits of 1000"),
    (corrections.discriminator_loss, [lambda real, fake: both(fake, real)], "a real logit of -1000"),
]
