"""Exercises of the chapter A network that draws digits."""

import copy

import numpy as np
import torch

from ..models import Generator
from .verdict import call, call_as_it_is, numbers, require, require_close, right


def length(answer):
    """Of a row of 8 numbers after a transposed convolution with kernel 5, stride 3, padding 1: one number."""
    answer = numbers(answer, (), "one number.")
    require(answer != 26, "padding cuts off from both ends here, it does not add.")
    require(answer != 2, "that is the length after an ordinary convolution.")
    require_close(answer, 24, "the last of 8 windows begins at 3 * 7 and is 5 long; then 1 goes at each end.")
    right("the windows begin three apart and are five long, so they overlap by two.")


def dense_share(with_64, with_100):
    """The share 0..1 of the generator's weights that its dense layer holds, with 64 and with 100 numbers of noise."""
    shares = []
    for answer, latent_dim in ((with_64, 64), (with_100, 100)):
        dense = (latent_dim + 1) * 64 * 49
        rest = (
            64 * 2 + 64 * 32 * 16 + 32 * 2 + 32 * 16 + 1
        )  # two batch norms, two transposed convolutions, the last with a bias
        shares.append(dense / (dense + rest))
        answer = numbers(answer, (), "one number between 0 and 1.")
        hint = (
            f"count (in + 1) x out for the dense layer with {latent_dim} numbers, and all parameters of "
            f"Generator(latent_dim={latent_dim}, width=32)."
        )
        require_close(answer, shares[-1], hint, tolerance=2e-3)
    right(f"{shares[0]:.0%} and {shares[1]:.0%}: most of this generator's weights are in its first layer.")


def window(function):
    """function(stages) -> the width in pixels of what a feature sees after convolutions with kernel 4 and stride 2: an int."""
    hint = "n neighbors see 2 (n - 1) + 4 numbers of the map below; begin with one and go down."
    for stages, expected in ((1, 4), (2, 10), (3, 22), (5, 94)):
        answer = numbers(call(function, stages, hint=hint), (), hint)
        require(stages == 1 or answer != 4**stages, "windows of neighbors overlap, so the widths do not multiply.")
        require_close(answer, expected, hint)
    right("it a little more than doubles with every stage.")


def matrix(function):
    """function(w (k,), stride, n) -> (m, n), the matrix of a convolution without padding and without flipping."""
    hint = "row i has the kernel in the columns stride * i to stride * i + k - 1, and zeros elsewhere."
    for w, stride, n in (([1.0, 2.0, 3.0], 1, 5), ([1.0, -2.0, 3.0, 4.0], 2, 8), ([2.0, 1.0], 3, 9)):
        w = np.array(w)
        rows = (n - len(w)) // stride + 1
        expected = np.array([[dict(enumerate(w)).get(j - stride * i, 0.0) for j in range(n)] for i in range(rows)])
        answer = numbers(call(function, w, stride, n, hint=hint), expected.shape, hint)
        flipped = np.array([np.convolve(w, row)[: n + len(w) - 1] for row in np.eye(n)]).T[len(w) - 1 : n : stride]
        require(not np.allclose(answer, flipped), "this is right with a flipped kernel; deep learning does not flip it.")
        require_close(answer, expected, hint)
    right("its transpose stamps the kernel, and that is the transposed convolution.")


def spherical(function):
    """function(a (D,), b (D,), t) -> (D,), on the great circle from a to b, also where both point the same way."""
    hint = "(sin((1 - t) w) a + sin(t w) b) / sin(w), with w the angle between a and b."
    random = np.random.default_rng(0)
    for size in (2, 64):
        a, b = random.normal(size=(2, size))
        angle = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
        for t in (0.0, 0.3, 1.0):
            expected = (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)
            answer = numbers(call(function, a, b, t, hint=hint), (size,), hint)
            require(t in (0.0, 1.0) or not np.allclose(answer, (1 - t) * a + t * b), "that is the straight way.")
            require_close(answer, expected, hint)
    a = np.array([1.0, 2.0, 2.0])
    still = "where both point the same way sin(w) is 0: take the straight way, which is the limit."
    for b in (a, 2 * a):
        with np.errstate(all="ignore"):
            middle = numbers(call(function, a, b, 0.5, hint=hint), (3,), hint)
        require(np.isfinite(middle).all(), still)
        require_close(middle, (a + b) / 2, still)
    right("also where there is no way to go.")


def straight_length(function):
    """function(t, D) -> the root mean square length of (1 - t) a + t b for standard normal a, b of D numbers."""
    hint = "each number of the sum has the variance (1 - t)^2 + t^2, and the squared length is the sum of D squares."
    for t, size in ((0.0, 64), (0.5, 64), (0.2, 100)):
        answer = numbers(call(function, t, size, hint=hint), (), hint)
        expected = np.sqrt(size * ((1 - t) ** 2 + t**2))
        require(np.isclose(answer, expected) or not np.isclose(answer, expected**2), "that is the squared length.")
        require_close(answer, expected, hint)
    right("half way the length is 0.71 of what it is at the ends.")


def one_by_one(function):
    """function(generator, z, labels) -> images, drawn one at a time as well as in a batch, from a generator just trained."""
    hint = "evaluation mode: batch norm then uses its running mean and variance, whatever the batch."
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = Generator(latent_dim=4, width=4, classes=3)
        z, labels = torch.randn(6, 4), torch.arange(6) % 3
    with torch.no_grad():
        for _ in range(20):
            generator.train()(z, labels)  # running averages that are no longer those of the beginning
        alone = torch.cat([generator(z[i : i + 1], labels[i : i + 1]) for i in range(6)])
        expected = generator.eval()(z, labels)
    found = call_as_it_is(function, copy.deepcopy(generator).train(), z, labels, hint=hint)
    shape = tuple(getattr(found, "shape", ()))
    require(shape == (6, 1, 28, 28), f"expected images of shape (6, 1, 28, 28), got {shape}.")
    require(not torch.allclose(found, alone, atol=1e-4), f"each image was normalized by itself alone. {hint}")
    require_close(found.detach().numpy(), expected.numpy(), hint, tolerance=1e-4)
    right("and with weights that do not depend on who else is drawn.")
