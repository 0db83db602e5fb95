"""The checks of the chapter A network that draws digits take right answers and turn down wrong ones: see test_all.py."""

import numpy as np
import torch
from torch.nn.functional import conv1d, conv_transpose1d

from course_lib.checks import digits
from course_lib.models import Generator


def share(latent_dim):
    network = Generator(latent_dim=latent_dim, width=32)
    return sum(w.numel() for w in network.dense.parameters()) / sum(w.numel() for w in network.parameters())


def by_torch(w, stride, n):
    """The matrix, column by column, as what conv1d makes of the unit vectors."""
    return conv1d(torch.eye(n, dtype=torch.float64)[:, None], torch.tensor(w)[None, None], stride=stride)[:, 0].T.numpy()


def on_the_sphere(a, b, t):
    angle = np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))
    if angle < 1e-6:
        return (1 - t) * a + t * b
    return (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)


def unguarded(a, b, t):
    angle = np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))
    return (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)


def drawn_one_by_one(*, training):
    def function(generator, z, labels):
        generator.train(training)
        with torch.no_grad():
            return torch.cat([generator(z[i : i + 1], labels[i : i + 1]) for i in range(len(z))])

    return function


RIGHT = [
    (digits.one_by_one, [drawn_one_by_one(training=False)]),
    (digits.one_by_one, [lambda generator, z, labels: generator.eval()(z, labels)]),
    (digits.length, [conv_transpose1d(torch.zeros(1, 1, 8), torch.zeros(1, 1, 5), stride=3, padding=1).shape[-1]]),
    (digits.dense_share, [share(64), share(100)]),
    (digits.window, [lambda stages: 3 * 2**stages - 2]),
    (digits.matrix, [by_torch]),
    (digits.spherical, [on_the_sphere]),
    (digits.straight_length, [lambda t, D: np.sqrt(D * ((1 - t) ** 2 + t**2))]),
]
WRONG = [
    (digits.one_by_one, [drawn_one_by_one(training=True)], "by itself alone"),
    (digits.one_by_one, [lambda generator, z, labels: generator.train()(z, labels)], "running mean and variance"),
    (digits.one_by_one, [lambda generator, z, labels: None], r"shape \(6, 1, 28, 28\), got \(\)"),
    (digits.length, [26], "both ends"),
    (digits.length, [2], "ordinary"),
    (digits.length, [25], "8 windows"),
    (digits.dense_share, [0.5, 0.9], "with 64 numbers"),
    (digits.dense_share, [share(64), share(64)], "with 100 numbers"),
    (digits.window, [lambda stages: 4**stages], "overlap"),
    (digits.window, [lambda stages: 4 * stages], "go down"),
    (digits.matrix, [lambda w, stride, n: by_torch(w[::-1].copy(), stride, n)], "flipped"),
    (digits.matrix, [lambda w, stride, n: by_torch(w, 1, n)], "row i"),
    (digits.spherical, [lambda a, b, t: (1 - t) * a + t * b], "straight"),
    (digits.spherical, [unguarded], "take the straight way"),
    (digits.spherical, [lambda a, b, t: a], "great|angle"),
    (digits.straight_length, [lambda t, D: D * ((1 - t) ** 2 + t**2)], "squared"),
    (digits.straight_length, [lambda t, D: np.sqrt(D)], "variance"),
]
