"""Exercises of the chapter The failure clinic."""

import numpy as np
import torch

from .verdict import call, numbers, require, require_close, right


def half_life(answer):
    """Steps after which a weight's share in an average with decay 0.995 has halved: one number."""
    answer = numbers(answer, (), "one number.")
    require(abs(answer - 200) > 1, "that is 1 / (1 - decay), after which the share has fallen to 1 / e; ask for 1 / 2.")
    require_close(answer, np.log(0.5) / np.log(0.995), "solve 0.995^n = 1 / 2 for n.", tolerance=0.006)
    right("139 rounds are a moment of a training of thousands, and long enough to smooth the to and fro out.")


def diagnose(answer):
    """What ails the runs A, B and C of the figure: a dict from letter to "collapse", "vanishing" or "memory"."""
    hints = {
        "A": "look at the curve of real points that it was not trained on.",
        "B": "which player has won, and does the other one still move?",
        "C": "the discriminator wins everywhere, and yet the points stay where they are.",
    }
    expected = {"A": "memory", "B": "vanishing", "C": "collapse"}
    require(
        isinstance(answer, dict)
        and set(answer) == set(expected)
        and all(value in list(expected.values()) for value in answer.values()),
        'answer like {"A": ..., "B": ..., "C": ...}, each "collapse", "vanishing" or "memory".',
    )
    for run, failure in expected.items():
        require(answer[run] == failure, f"run {run}: {hints[run]}")
    right("three panels of curves, and no picture was needed.")


def count_modes(function, seed=0):
    """function(points, centers, deviation) -> covered modes; arrays (N, 2) and (K, 2), covered from a tenth of N / K on."""
    hint = "nearest center of each point, then count the good points of each center."
    turn = np.random.default_rng(seed).uniform(0, np.pi / 2)  # of the square on which the centers lie
    centers = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])
    centers = centers @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])

    def cloud(*sizes):
        return np.repeat(centers, sizes, axis=0)

    for counts, expected in (((10, 10, 10, 10), 4), ((40, 0, 0, 0), 1), ((20, 19, 0, 1), 3)):
        answer = numbers(call(function, cloud(*counts), centers, 0.1, hint=hint), (), hint)
        require_close(answer, expected, hint)
    answer = numbers(call(function, cloud(200, 199, 0, 1), centers, 0.1, hint=hint), (), hint)
    require(answer != 3, "a single point does not cover a mode: it takes a tenth of the fair share, N / K / 10.")
    require_close(answer, 2, hint)
    astray = cloud(10, 10, 10, 10) + np.array([0.31, 0.0]) * (np.arange(40) >= 30)[:, None]
    answer = numbers(call(function, astray, centers, 0.1, hint=hint), (), hint)
    require(answer != 4, "points further than three deviations from the center are not good, and do not count.")
    require_close(answer, 3, hint)
    right("one astray point no longer passes for a mode.")


def overlap(function):
    """function(kernel, stride) -> how many inputs reach each output of one period, along one axis: stride whole numbers."""
    hint = "an input writes kernel outputs in a row, the next input begins stride further on; count who writes where."
    for kernel, stride in ((4, 2), (3, 2), (5, 2), (2, 3), (6, 3), (1, 1)):
        answer = numbers(call(function, kernel, stride, hint=hint), (stride,), hint)
        expected = [len(range(phase, kernel, stride)) for phase in range(stride)]
        require(answer.sum() == kernel, f"kernel {kernel}, stride {stride}: each of the kernel's numbers is used once. {hint}")
        require_close(np.sort(answer), np.sort(expected), f"kernel {kernel}, stride {stride}: {hint}")
    right("they are all the same exactly when the stride divides the kernel.")


def slope_price(answer):
    """The gradient penalty, of weight 10, of the critic x^2 + 2 y halfway between (2, 0) and (0, 2): one number."""
    answer = numbers(answer, (), "one number.")
    slope = np.sqrt(8)
    require(abs(answer - 10 * slope**2) > 0.1, "that punishes every slope; this penalty wants the slope 1.")
    require(abs(answer - 10 * (slope**2 - 1) ** 2) > 0.1, "take the length of the slope, not its square, and subtract 1.")
    require(abs(answer - (slope - 1) ** 2) > 0.01, "that is without its weight, 10.")
    require_close(answer, 10 * (slope - 1) ** 2, "the slope of the critic at (1, 1) is (2, 2).", tolerance=1e-3)
    right("a slope of 0 would have cost 10: this penalty also punishes a critic that is flat.")


def company(together, alone):
    """What batch norm makes of a feature of fakes, 1 there and 5 on reals: in a batch of half and half, and among fakes."""
    hint = "subtract the batch's mean and divide by its standard deviation."
    together, alone = (numbers(answer, (), hint) for answer in (together, alone))
    require(abs(together - 1) > 1e-3, "mind the sign: the fakes are below the batch's mean.")
    require_close(together, -1, f"the mixed batch has the mean 3 and the deviation 2. {hint}", tolerance=1e-3)
    require_close(alone, 0, f"among its like every fake is at the mean. {hint}", tolerance=1e-3)
    right("the one feature that tells them apart is gone when the fakes are alone.")


def undo(function):
    """function(observed, p) -> the shares (4,) of orientations before; with the chance p, each was given a random one of 4."""
    hint = "observed = (1 - p) before + p / 4; solve for before."
    for before, p in (([0.7, 0.1, 0.2, 0.0], 0.5), ([0.25, 0.25, 0.25, 0.25], 0.8), ([1.0, 0.0, 0.0, 0.0], 0.0)):
        observed = (1 - p) * np.array(before) + p / 4
        require_close(call(function, observed, p, hint=hint), before, hint)
    right("at every p below 1 the shares before can be told. At p = 1 they cannot, and the augmentation leaks.")


def line_distance(function):
    """function(x, y) -> the Wasserstein distance W1 of two samples of N numbers each: one number."""
    hint = "the cheapest plan on a line never lets routes cross: what follows for the order of both samples?"
    rng = np.random.default_rng(0)
    for count in (1, 2, 7):
        x, y = rng.normal(size=count), rng.normal(1, 2, size=count)
        answer = numbers(call(function, x, y, hint=hint), (), hint)
        expected = np.abs(np.sort(x) - np.sort(y)).mean()
        pairwise = count > 1 and abs(answer - np.abs(x - y).mean()) < 1e-9
        require(not pairwise, "that pairs the numbers as they happen to come. Which pairing is the cheapest?")
        require(abs(answer - count * expected) > 1e-9 or count == 1, "that is the sum over the points; take the mean.")
        require_close(answer, expected, hint)
    right("no linear program: in one dimension sorting is enough.")


def image_penalty(function):
    """function(gradients) -> (|gradient| - 1)^2 of each image, (B,), for a tensor of gradients (B, C, H, W)."""
    hint = "one length for each image: the root of the sum of squares over channels, rows and columns."
    gradients = torch.randn(3, 2, 4, 5, generator=torch.Generator().manual_seed(0))
    answer = call(function, gradients, hint=hint)
    shape = tuple(getattr(answer, "shape", ()))
    require(shape != (3, 4, 5), "that is still one number for each pixel.")
    require(shape == (3,), f"expected one number for each image, shape (3,), got {shape}. {hint}")
    length = gradients.double().square().sum((1, 2, 3)).sqrt()
    require_close(answer.detach().numpy(), ((length - 1) ** 2).numpy(), hint, tolerance=1e-4)
    right("flatten(1) was all that was missing.")
