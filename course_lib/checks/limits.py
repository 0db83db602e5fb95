"""Exercises of the chapter on the steps, the likelihood and the width of a flow."""

import numpy as np

from .verdict import call, numbers, require, require_close, right

WIDTH = 1 / 127.5  # of a grey level, on a scale from -1 to 1


def budget(euler, heun):
    """The most steps of Euler and of Heun within 24 evaluations of a guided network: two whole numbers."""
    euler, heun = (numbers(value, (), "one whole number each.") for value in (euler, heun))
    require(euler != 24, "Euler: under guidance the network is asked with the label and without.")
    require_close(euler, 12, "Euler: two evaluations a step.")
    require(heun != 12, "Heun: 12 steps ask 23 times, and guidance doubles that.")
    require(heun != 7, "Heun: 7 steps are 13 times, so 26 evaluations.")
    require_close(heun, 6, "Heun: twice a step but once in the last, and each time with the label and without.")
    right("the last step of Heun, which lands at t = 0, is one of Euler: 22 evaluations.")


def bits(answer):
    """Bits per dimension of 784 grey values whose density on a scale from -1 to 1 is 2,000 nats: one number."""
    answer = numbers(answer, (), "one number.")
    density, width = -2000 / 784 / np.log(2), np.log2(127.5)
    require(abs(answer - density) > 1e-3, "that is the density's; a grey level has a width, and its share of probability.")
    require(abs(answer - density - 8) > 0.02, "the scale from -1 to 1 is 2 long: a grey level is 1 / 127.5 wide there.")
    require(abs(answer - (width - density)) > 1e-3, "a HIGHER density costs FEWER bits: mind its sign.")
    require(abs(answer - (-2000 / 784 + np.log(127.5))) > 1e-3, "those are nats; a bit is log 2 of them.")
    require_close(answer, density + width, "(-2000 / 784 + log 127.5) / log 2.", tolerance=1e-3)
    right("a positive log-density is no mistake: a density may be above 1, a probability may not.")


def extrapolated(function, seed=0):
    """function(coarse, fine) -> where a second-order method goes, from a result and the one of twice as many steps."""
    hint = "the step from coarse to fine is 3/4 of the coarse error: what is left is a third of that step."
    random = np.random.default_rng(seed)
    for limit, factor in zip(random.normal(size=4), random.normal(size=4), strict=True):
        coarse, fine = limit + factor / 10**2, limit + factor / 20**2
        answer = numbers(call(function, coarse, fine, hint=hint), (), hint)
        require(abs(answer - (2 * fine - coarse)) > 1e-9, "that is right for a method of FIRST order, whose error halves.")
        require(abs(answer - (4 * coarse - fine) / 3) > 1e-9, "coarse and fine are swapped.")
        require_close(answer, limit, hint)
    right("two cheap results and the order of the method tell more than the better of the two.")


def bits_of_images(function):
    """function(log_density, values, rng) -> bits per dimension, (B,), of grey values 0..255, (B, D), dequantised.

    log_density: from (B, D) on a scale from -1 to 1 to nats (B,). rng: a NumPy generator.
    """
    hint = "each value gets its own even draw from -1/2..1/2, then the scale; bits = (-nats / D + log 127.5) / log 2."
    values = np.random.default_rng(0).integers(0, 256, (6, 40)).astype(float)
    seen = []

    def log_density(x):
        seen.append(np.asarray(x, dtype=float))
        return -np.square(seen[-1]).sum(1)

    answer = numbers(call(lambda: function(log_density, values.copy(), np.random.default_rng(1)), hint=hint), (6,), hint)
    require(len(seen) == 1 and seen[0].shape == (6, 40), f"log_density takes all values once, (B, D). {hint}")
    moved = (seen[0] + 1) / WIDTH - values  # in grey levels
    require(
        np.abs(moved).max() > 1e-6, "the values are not dequantised: a density can be as high as it likes at whole numbers."
    )
    require(
        np.abs(moved).max() < 1, "the noise is wider than a grey level, whose width is 1 / 127.5 here: add it before the scale."
    )
    require(
        moved.min() < 0 and np.abs(moved).max() <= 0.5 + 1e-9, "the bin of a value reaches from 1/2 below it to 1/2 above it."
    )
    require(moved.std(1).min() > 0.1 and moved.std(0).min() > 0.02, "every value needs a draw of its own.")
    expected = (np.square(seen[0]).mean(1) + np.log(127.5)) / np.log(2)
    require(not np.allclose(answer, expected + 1), "1 bit too many: a grey level is 1 / 127.5 wide, not 1 / 255.")
    require_close(answer, expected, hint)
    right("in levels of 256 it can be compared with any other model of grey values.")
