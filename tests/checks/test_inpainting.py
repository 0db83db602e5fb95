"""The checks of the chapter on inpainting take right answers and turn down wrong ones."""

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F

from course_lib.checks import inpainting


def back(z, noise, alpha, sigma, alpha_after, sigma_after):
    s = alpha / alpha_after
    return s * z + (sigma**2 - s**2 * sigma_after**2) ** 0.5 * noise


def painter(*, noisy=True, shrunk=True, deviation="right", inverted=False, rounds_off=0):
    """RePaint, with its usual mistakes."""

    def paint(denoise, known, keep, times, rounds, rng):
        z = rng.standard_normal(known.shape)
        for t, after in pairwise(times):
            for left in reversed(range(rounds + rounds_off)):
                x, noise = denoise(z, t)
                put = (1 - after) * known + after * rng.standard_normal(z.shape) if noisy else known
                z = np.where(~keep if inverted else keep, put, (1 - after) * x + after * noise)
                if left:
                    s = (1 - t) / (1 - after) if shrunk else 1
                    missing = {"right": (t**2 - (s * after) ** 2) ** 0.5, "all": t, "difference": t - after}[deviation]
                    z = s * z + missing * rng.standard_normal(z.shape)
        return z

    return paint


RIGHT = [
    (inpainting.two_fillings, [0.4, 0.12, 0.24]),
    (inpainting.passes, [100, 15]),
    (inpainting.one_step_back, [back]),
    (inpainting.shrink, [lambda x: F.avg_pool2d(x, 4)]),
    (inpainting.shrink, [lambda x: F.interpolate(x, scale_factor=1 / 4, mode="area")]),
    (inpainting.blur, [lambda x: F.avg_pool2d(x, 5, 1, 2)]),
    (inpainting.blur, [lambda x: F.conv2d(x, torch.full((1, 1, 5, 5), 1 / 25), padding=2)]),
    (inpainting.repaint, [painter()]),
]
WRONG = [
    (inpainting.two_fillings, [0.6, 0.16, 0.24], "half way"),
    (inpainting.two_fillings, [0.2, 0.16, 0.24], "most frequent"),
    (inpainting.two_fillings, [0.5, 0.12, 0.24], "the mean"),
    (inpainting.two_fillings, [0.4, 0.3, 0.24], "the variance"),
    (inpainting.two_fillings, [0.4, 0.12, 0.12], "comes on top"),
    (inpainting.two_fillings, [0.4, 0.12, 0.3], "of the cases"),
    (inpainting.passes, [25, 15], "four times"),
    (inpainting.passes, [100, 16], "one of Euler"),
    (inpainting.passes, [90, 15], "four rounds each"),
    (inpainting.passes, [100, 8], "two evaluations"),
    (inpainting.one_step_back, [lambda z, noise, a, s, b, r: a / b * z + s * noise], "noise in z already"),
    (inpainting.one_step_back, [lambda z, noise, a, s, b, r: z + (s**2 - r**2) ** 0.5 * noise], "shrink too"),
    (inpainting.one_step_back, [lambda z, noise, a, s, b, r: a / b * z + (s - a / b * r) * noise], "variances add up"),
    (inpainting.one_step_back, [lambda z, *_: z], "sqrt"),
    (inpainting.shrink, [lambda x: x[..., ::4, ::4]], "one pixel of each block"),
    (inpainting.shrink, [lambda x: x], "avg_pool2d"),
    (inpainting.shrink, [lambda x: F.avg_pool2d(x.detach(), 4)], "find its way back"),
    (inpainting.blur, [lambda x: F.avg_pool2d(x, 5, 1)], "keeps its size"),
    (inpainting.blur, [lambda x: F.avg_pool2d(x, 5, 1, 2, count_include_pad=False)], "beyond the edge"),
    (inpainting.blur, [lambda x: F.avg_pool2d(x, 3, 1, 1)], "avg_pool2d"),
    (inpainting.blur, [lambda x: None], "find its way back"),
    (inpainting.repaint, [painter(noisy=False)], "how much noise"),
    (inpainting.repaint, [painter(shrunk=False)], "how it goes back"),
    (inpainting.repaint, [painter(deviation="all")], "how it goes back"),
    (inpainting.repaint, [painter(deviation="difference")], "how it goes back"),
    (inpainting.repaint, [painter(rounds_off=1)], "is to be asked at"),
    (inpainting.repaint, [lambda denoise, known, *_: known], "is to be asked at"),
]
