"""Exercises of the chapter Training that generalises."""

import numpy as np

from .verdict import require, require_close, right


def rmsprop(step):
    """step(w, gradient, square, rate, decay) -> (new w, new square), one step of RMSprop with epsilon 1e-8 outside the root."""
    import torch

    start = np.array([1.0, -2.0, 3.0])
    parameter = torch.tensor(start, requires_grad=True)
    optimizer = torch.optim.RMSprop([parameter], lr=0.1, alpha=0.9, eps=1e-8)
    w, square = start.copy(), np.zeros(3)
    for number in range(1, 4):
        gradient = 2 * w  # of the sum of squares
        w, square = step(w.copy(), gradient, square.copy(), 0.1, 0.9)
        optimizer.zero_grad()
        parameter.square().sum().backward()
        optimizer.step()
        hint = (
            f"after step {number}: square <- decay * square + (1 - decay) * gradient^2, "
            "then w <- w - rate * gradient / (sqrt(square) + 1e-8)."
        )
        require_close(w, parameter.detach().numpy(), hint)
    right("three steps agree with torch.optim.RMSprop.")


def dropout(function):
    """function(h, share, rng, training) -> h with `share` of its entries at zero and the others scaled up, in training only."""
    h = np.full((200, 200), 3.0)
    require_close(function(h.copy(), 0.4, np.random.default_rng(0), False), h, "outside of training nothing changes.")
    dropped = function(h.copy(), 0.4, np.random.default_rng(0), True)
    require(dropped.shape == h.shape, f"expected shape {h.shape}, got {dropped.shape}.")
    zeros = (dropped == 0).mean()
    require(abs(zeros - 0.4) < 0.02, f"a share of 0.4 should be zero; it is {zeros:.2f}.")
    hint = "divide what is kept by 1 - share, so that the expected value stays: 3 becomes 5 for a share of 0.4."
    require_close(dropped[dropped != 0], np.full((dropped != 0).sum(), 5.0), hint)
    again = function(h.copy(), 0.4, np.random.default_rng(1), True)
    require(not np.array_equal(dropped == 0, again == 0), "the choice must be random: draw it from rng.")
    right("the mean is kept, and a network without dropout needs no correction.")


def interval(function):
    """function(values) -> (mean, half width) of the 95 % confidence interval by Student's t, from a list of numbers."""
    from scipy import stats

    for values in ([0.90, 0.92, 0.94], [0.5, 0.6, 0.55, 0.7, 0.65]):
        half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
        mean, answer = function(values)
        require_close(mean, np.mean(values), "the middle is the mean.")
        normal = 1.96 * np.std(values, ddof=1) / np.sqrt(len(values))
        require(
            abs(answer - normal) > 1e-4, "1.96 belongs to the normal distribution; with three values Student's t gives 4.30."
        )
        require_close(answer, half, "half width: t times the standard deviation (ddof=1) over the root of their number.")
    right("with three seeds the interval is wide, and honest.")


def weight_decay(answer):
    """For which optimizer is L2 in the loss the same as shrinking the weights a little at each step: "sgd" or "adam"?"""
    require(answer in ("sgd", "adam"), 'answer "sgd" or "adam".')
    require(
        answer == "sgd", "Adam divides the penalty's gradient by its own root mean square, so that large weights are spared."
    )
    right("for Adam they differ, which is why AdamW exists.")
