"""The checks of the chapter on the limits of a flow take right answers and turn down wrong ones."""

import numpy as np

from course_lib.checks import limits


def bits(log_density, values, rng):
    x = (values + rng.random(values.shape) - 0.5) / 127.5 - 1
    return (-log_density(x) / values.shape[1] + np.log(127.5)) / np.log(2)


def noise_after_the_scale(log_density, values, rng):
    return bits(lambda x: log_density(values / 127.5 - 1 + rng.random(values.shape) - 0.5), values, rng)


def one_draw_an_image(log_density, values, rng):
    x = (values + rng.random((len(values), 1)) - 0.5) / 127.5 - 1
    return (-log_density(x) / values.shape[1] + np.log(127.5)) / np.log(2)


def upwards(log_density, values, rng):
    x = (values + rng.random(values.shape)) / 127.5 - 1
    return (-log_density(x) / values.shape[1] + np.log(127.5)) / np.log(2)


def not_at_all(log_density, values, rng):
    return (-log_density(values / 127.5 - 1) / values.shape[1] + np.log(127.5)) / np.log(2)


def half_as_wide(log_density, values, rng):
    return bits(log_density, values, rng) + 1


RIGHT = [
    (limits.budget, [12, 6]),
    (limits.bits, [(-2000 / 784 + np.log(127.5)) / np.log(2)]),
    (limits.bits, [3.314]),
    (limits.extrapolated, [lambda coarse, fine: (4 * fine - coarse) / 3]),
    (limits.extrapolated, [lambda coarse, fine: fine + (fine - coarse) / 3]),
    (limits.bits_of_images, [bits]),
]
WRONG = [
    (limits.budget, [24, 6], "with the label and without"),
    (limits.budget, [11, 6], "two evaluations a step"),
    (limits.budget, [12, 12], "guidance doubles"),
    (limits.budget, [12, 7], "26 evaluations"),
    (limits.budget, [12, 5], "once in the last"),
    (limits.budget, [None, 6], "one whole number each"),
    (limits.bits, [-2000 / 784 / np.log(2)], "has a width"),
    (limits.bits, [-2000 / 784 / np.log(2) + np.log2(255)], "1 / 127.5 wide"),
    (limits.bits, [2000 / 784 / np.log(2) + np.log2(127.5)], "mind its sign"),
    (limits.bits, [-2000 / 784 + np.log(127.5)], "those are nats"),
    (limits.bits, [1.65], "log 127.5"),
    (limits.extrapolated, [lambda coarse, fine: 2 * fine - coarse], "FIRST order"),
    (limits.extrapolated, [lambda coarse, fine: (4 * coarse - fine) / 3], "swapped"),
    (limits.extrapolated, [lambda coarse, fine: fine], "3/4"),
    (limits.extrapolated, [lambda coarse: coarse], "your function raised TypeError"),
    (limits.bits_of_images, [noise_after_the_scale], "before the scale"),
    (limits.bits_of_images, [one_draw_an_image], "draw of its own"),
    (limits.bits_of_images, [upwards], "1/2 below"),
    (limits.bits_of_images, [not_at_all], "not dequantised"),
    (limits.bits_of_images, [half_as_wide], "1 bit too many"),
    (limits.bits_of_images, [lambda log_density, values, rng: log_density(values)], "noise|bits ="),
]
