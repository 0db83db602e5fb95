"""The checks of the chapter The failure clinic take right answers and turn down wrong ones: see test_all.py."""

import numpy as np
import torch
from scipy.stats import wasserstein_distance

from course_lib.checks import failures
from course_lib.metrics import modes_covered


def by_transposed_convolution(kernel, stride):
    """Ones through a transposed convolution of ones, far from the edges."""
    written = torch.nn.functional.conv_transpose1d(torch.ones(1, 1, 20), torch.ones(1, 1, kernel), stride=stride)[0, 0]
    return written[10 * stride : 11 * stride].tolist()


def from_the_library(points, centers, deviation):
    return modes_covered(torch.from_numpy(points), torch.from_numpy(centers), deviation)[0]


def any_point_counts(points, centers, deviation):
    distance = np.linalg.norm(points[:, None] - centers, axis=2)
    return len(set(distance.argmin(1)[distance.min(1) <= 3 * deviation]))


def no_reach(points, centers, deviation):
    nearest = np.linalg.norm(points[:, None] - centers, axis=2).argmin(1)
    return (np.bincount(nearest, minlength=len(centers)) >= len(points) / len(centers) / 10).sum()


def slope_by_differences():
    x, y, h = 1.0, 1.0, 1e-6
    critic = lambda x, y: x**2 + 2 * y  # noqa: E731
    slope = np.hypot(critic(x + h, y) - critic(x - h, y), critic(x, y + h) - critic(x, y - h)) / (2 * h)
    return 10 * (slope - 1) ** 2


def normalized(batch):
    return torch.nn.BatchNorm1d(1, eps=1e-9)(torch.tensor(batch)[:, None])[0].item()


RUNS = {"A": "memory", "B": "vanishing", "C": "collapse"}
RIGHT = [
    (failures.half_life, [np.log(2) / -np.log(0.995)]),
    (failures.half_life, [138.3]),
    (failures.diagnose, [RUNS]),
    (failures.count_modes, [from_the_library]),
    (failures.overlap, [by_transposed_convolution]),
    (failures.overlap, [lambda kernel, stride: [(kernel - phase + stride - 1) // stride for phase in range(stride)]]),
    (failures.slope_price, [slope_by_differences()]),
    (failures.company, [normalized([1.0, 1.0, 5.0, 5.0]), 0]),
    (failures.undo, [lambda observed, p: (observed - p / 4) / (1 - p)]),
    (failures.line_distance, [wasserstein_distance]),
    (failures.line_distance, [lambda x, y: np.abs(np.sort(x) - np.sort(y)).mean()]),
    (failures.image_penalty, [lambda g: (g.norm(2, dim=(1, 2, 3)) - 1) ** 2]),
    (failures.image_penalty, [lambda g: (g.flatten(1).norm(dim=1) - 1) ** 2]),
]
WRONG = [
    (failures.half_life, [200], "1 / e"),
    (failures.half_life, [0.5], r"0\.995\^n"),
    (failures.diagnose, ["collapse"], "answer like"),
    (failures.diagnose, [{**RUNS, "A": "collapse"}], "run A: .*not trained on"),
    (failures.diagnose, [{**RUNS, "B": "collapse"}], "run B: which player"),
    (failures.diagnose, [{**RUNS, "C": "memory"}], "run C"),
    (failures.diagnose, [{**RUNS, "C": "bad luck"}], "answer like"),
    (failures.count_modes, [any_point_counts], "a tenth of the fair share"),
    (failures.count_modes, [no_reach], "three deviations"),
    (failures.count_modes, [lambda points, centers, deviation: len(centers)], "nearest center"),
    (failures.count_modes, [lambda points: 4], "raised TypeError"),
    (failures.overlap, [lambda kernel, stride: [kernel / stride] * stride], "who writes where"),
    (failures.overlap, [lambda kernel, stride: [kernel] * stride], "used once"),
    (failures.overlap, [lambda kernel, stride: kernel], "expected shape"),
    (failures.slope_price, [80], "wants the slope 1"),
    (failures.slope_price, [490], "not its square"),
    (failures.slope_price, [3.343], "without its weight"),
    (failures.slope_price, [0], r"is \(2, 2\)"),
    (failures.company, [1, 0], "mind the sign"),
    (failures.company, [-1, -1], "at the mean"),
    (failures.company, [-2, 0], "the mean 3"),
    (failures.undo, [lambda observed, p: observed / (1 - p)], "solve for before"),
    (failures.undo, [lambda observed, p: 1], "expected shape"),
    (failures.line_distance, [lambda x, y: np.abs(x - y).mean()], "as they happen to come"),
    (failures.line_distance, [lambda x, y: np.abs(np.sort(x) - np.sort(y)).sum()], "take the mean"),
    (failures.line_distance, [lambda x, y: abs(x.mean() - y.mean())], "never lets routes cross"),
    (failures.image_penalty, [lambda g: (g.norm(2, dim=1) - 1) ** 2], "for each pixel"),
    (failures.image_penalty, [lambda g: (g.flatten(1).norm(dim=1) - 1).square().mean()], r"shape \(3,\), got \(\)"),
    (failures.image_penalty, [lambda g: (g.flatten(1).square().sum(1) - 1) ** 2], "root of the sum of squares"),
]
