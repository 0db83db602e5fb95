"""Exercises of the chapter Generative adversarial networks."""

import copy

import numpy as np
import torch
from torch.nn.functional import softplus

from .verdict import call, call_as_it_is, numbers, require, require_close, right


def good_share(answer):
    """The share of a round Gaussian's points in the plane that lie within two standard deviations: one number 0..1."""
    answer = numbers(answer, (), "one number.")
    require(abs(answer - 0.9545) > 1e-3, "that is the share in one dimension; here there are two.")
    require_close(answer, 1 - np.exp(-2), "the share beyond r deviations is exp(-r^2 / 2).", tolerance=1e-3)
    right("in 784 dimensions hardly any point of a Gaussian is near its center.")


def value(function, seed=0):
    """function(real, fake) -> the game's value in nats, from logits of real and of generated points, arrays (N,)."""
    hint = "mean of log sigmoid(real) plus mean of log(1 - sigmoid(fake))."
    random = np.random.default_rng(seed)
    for real, fake in ((np.zeros(2), np.zeros(2)), (random.normal(1, 2, 3), random.normal(-1, 2, 5))):
        expected = -np.logaddexp(0, -real).mean() - np.logaddexp(0, fake).mean()
        answer = numbers(call(function, real, fake, hint=hint), (), hint)
        require(abs(answer + expected) > 1e-6, f"that is the discriminator's loss; the value is minus that. {hint}")
        require_close(answer, expected, hint)
    with np.errstate(all="ignore"):
        far = numbers(call(function, np.array([-800.0]), np.array([800.0]), hint=hint), (), hint)
    stable = "at logits of -800 and 800 it must be -1600: log sigmoid(x) is -logaddexp(0, -x), which does not overflow."
    require(np.isfinite(far), stable)
    require_close(far, -1600.0, stable)
    right("also where one player is hopelessly lost.")


def smoothed_best(function):
    """function(p, q, target) -> the best D, an array of p's shape, with the label `target` for real points and 0 for others."""
    hint = "maximize target p log D + (1 - target) p log(1 - D) + q log(1 - D) over D, at one place."
    p, q = np.array([1.0, 0.5, 0.0, 2.0]), np.array([0.0, 0.5, 1.0, 1.0])
    for target in (1.0, 0.9, 0.7):
        answer = numbers(call(function, p, q, target, hint=hint), p.shape, hint)
        require_close(answer, target * p / (p + q), hint)
    right("where nothing is generated the discriminator stays at the target, and its logit stays finite.")


def hinge(function):
    """function(real, fake) -> the hinge loss of the discriminator, mean over pairs of logits (N,)."""
    hint = "mean of max(0, 1 - real) + max(0, 1 + fake)."
    real, fake = np.array([2.0, 0.5, -1.0]), np.array([-2.0, 0.5, 0.0])
    answer = numbers(call(function, real, fake, hint=hint), (), hint)
    require_close(answer, (np.maximum(0, 1 - real) + np.maximum(0, 1 + fake)).mean(), hint)
    right("points beyond the margin no longer count.")


def stalemate(answer):
    """The discriminator's loss, in nats, when the generator has become perfect: one number."""
    answer = numbers(answer, (), "one number.")
    require(abs(answer - 2) > 1e-3, "that is in bits; the losses here are in nats.")
    require(abs(answer - np.log(2)) > 1e-3, "there are two terms, one for the real and one for the generated points.")
    require(abs(answer + np.log(4)) > 1e-3, "that is the value; the discriminator's loss is minus the value.")
    require_close(answer, np.log(4), "the best it can say then is one half everywhere.", tolerance=1e-3)
    right("a discriminator's loss near 1.39 can mean a perfect generator, or a useless discriminator.")


def discriminator_gradient(function):
    """function(discriminator, generator, real, z) -> the gradients of the discriminator's loss, after a generator's turn."""
    hint = "after the generator's turn, set the discriminator's gradients to zero; then its own loss, its own backward."
    with torch.random.fork_rng():
        torch.manual_seed(0)
        discriminator, generator = torch.nn.Linear(2, 1), torch.nn.Linear(3, 2)
        real, z = torch.randn(8, 2), torch.randn(8, 3)

    def slopes(*losses):
        total = sum(loss.mean() for loss in losses)
        return torch.autograd.grad(total, list(discriminator.parameters()), retain_graph=True)

    fake = generator(z).detach()
    own = softplus(-discriminator(real)) + softplus(discriminator(fake))
    expected, mixed = slopes(own), slopes(own, softplus(-discriminator(fake)))
    found = call_as_it_is(function, copy.deepcopy(discriminator), copy.deepcopy(generator), real, z, hint=hint)
    tensors = isinstance(found, (list, tuple)) and all(isinstance(each, torch.Tensor) for each in found)
    require(tensors and len(found) == 2, f"expected a list with a tensor for each of 2 parameters, got {found!r}. {hint}")
    for answer, right_one, wrong_one in zip(found, expected, mixed, strict=True):
        left_over = answer.shape == wrong_one.shape and torch.allclose(answer, wrong_one, atol=1e-5)
        require(not left_over, "the gradient that the generator's turn has left in the discriminator is still in it.")
        require_close(answer.detach().numpy(), right_one.numpy(), hint, tolerance=1e-4)
    right("zero_grad before each backward, for each player.")
