"""The checks of the chapter What the network sees take right answers and turn down wrong ones: see test_all.py."""

import numpy as np
import torch
from scipy.stats import spearmanr

from course_lib.checks import seeing


def clean(pixels):
    pixels[:, :, :4, :4] = 0
    return pixels


def clean_too_much(pixels):
    pixels[:, :, :5, :5] = 0
    return pixels


def clean_too_little(pixels):
    pixels[:, :, :3, :3] = 0
    return pixels


def spearman(a, b):
    return np.corrcoef(a.argsort().argsort(), b.argsort().argsort())[0, 1]


def ranked_once(a, b):
    return np.corrcoef(a.argsort(), b.argsort())[0, 1]


def smooth(method, x, count, scale):
    return sum(method(x + scale * torch.randn_like(x)) for _ in range(count)) / count


def one_noise(method, x, count, scale):
    noise = scale * torch.randn_like(x)
    return sum(method(x + noise) for _ in range(count)) / count


def noise_outside(method, x, count, scale):
    return sum(method(x) + scale * torch.randn_like(method(x)) for _ in range(count)) / count


def variance(method, x, count, scale):
    return smooth(method, x, count, scale**2)


def integrated(model, x, labels, steps, place=0.5, share=None):
    total = torch.zeros_like(x)
    for i in range(steps):
        point = ((i + place) / steps * x).requires_grad_()
        total += torch.autograd.grad(model(point).gather(1, labels[:, None]).sum(), point)[0]
    return x * total / (steps if share is None else share)


def without_path(model, x, labels, steps):
    point = x.clone().requires_grad_()
    return x * torch.autograd.grad(model(point).gather(1, labels[:, None]).sum(), point)[0]


def highest_logit(model, x, labels, steps):
    return integrated(model, x, model(x).argmax(1), steps)


def map_for(model, x, labels):
    x = x.detach().clone().requires_grad_()
    return torch.autograd.grad(model(x).gather(1, labels[:, None]).sum(), x)[0].abs().amax(1)


def accumulated(model, x, labels):
    x.requires_grad_()
    model(x).gather(1, labels[:, None]).sum().backward()
    return x.grad.abs().amax(1)


RIGHT = [
    (seeing.map_for, [map_for]),
    (seeing.squares, [169]),
    (seeing.receptive_field, [25 + 2 * 4 + 2 * 8]),
    (seeing.clean, [clean]),
    (seeing.spearman, [spearman]),
    (seeing.spearman, [lambda a, b: spearmanr(a, b).statistic]),
    (seeing.smooth, [smooth]),
    (seeing.smooth, [lambda method, x, n, s: torch.stack([smooth(method, x, 1, s) for _ in range(n)]).mean(0)]),
    (seeing.integrated, [integrated]),
    (seeing.cam_weight, [0.98 / 49]),
    (seeing.cam_weight, [torch.tensor(0.02)]),
    (seeing.slope, [0.999 * (1 - 0.999)]),
]
WRONG = [
    (seeing.map_for, [lambda model, x, labels: accumulated(model, x, labels)], "left? behind|leave behind"),
    (seeing.map_for, [lambda model, x, labels: -map_for(model, x, labels)], "already the first"),
    (seeing.map_for, [lambda model, x, labels: x], "returns a tensor"),
    (seeing.squares, [13], "the image has two"),
    (seeing.squares, [12 * 12], "one more place after 22"),
    (seeing.squares, [24 * 24], "a stride of 1"),
    (seeing.squares, [None], "squares begin at 0, 2, 4"),
    (seeing.receptive_field, [33], "the first of the two"),
    (seeing.receptive_field, [41], "8 pixels apart, not 4"),
    (seeing.receptive_field, [29], "the distance in pixels between neighbors"),
    (seeing.clean, [lambda pixels: None], "expected a tensor, got None"),
    (seeing.clean, [lambda pixels: clean(pixels)[:, 0]], "expected shape"),
    (seeing.clean, [lambda pixels: clean(pixels) / 255], "the same shape and type"),
    (seeing.clean, [clean_too_little], "rows 0 to 3 and columns 0 to 3"),
    (seeing.clean, [clean_too_much], "outside of the corner"),
    (seeing.clean, [lambda pixels: pixels[:, :, :4, :4].zero_()], "expected shape"),
    (seeing.clean, [lambda: None], "raised TypeError"),
    (seeing.spearman, [lambda a, b: np.corrcoef(a, b)[0, 1]], "same order have correlation 1"),
    (seeing.spearman, [ranked_once], "argsort twice"),
    (seeing.spearman, [lambda a, b: np.corrcoef(a, b)], r"expected shape \(\)"),
    (seeing.spearman, [lambda a, b: -spearman(a, b)], "argsort twice"),
    (seeing.smooth, [lambda method, x, count, scale: count * smooth(method, x, count, scale)], "divide the sum by count"),
    (seeing.smooth, [one_noise], "noise of its own"),
    (seeing.smooth, [noise_outside], "before method sees it"),
    (seeing.smooth, [variance], "scale . torch.randn_like"),
    (seeing.smooth, [lambda method, x, count, scale: x], "expected shape"),
    (seeing.integrated, [lambda *given: integrated(*given, share=1)], "the mean over the steps, not the sum"),
    (seeing.integrated, [lambda model, x, *rest: integrated(model, x, *rest) / x], "multiply it by x"),
    (seeing.integrated, [without_path], "at t \\* x, not at x alone"),
    (seeing.integrated, [lambda *given: integrated(*given, place=1.0)], "in the middles of the pieces"),
    (seeing.integrated, [lambda *given: integrated(*given, place=0.0)], "in the middles of the pieces"),
    (seeing.integrated, [highest_logit], "of the label's logit"),
    (seeing.integrated, [lambda model, x, labels, steps: model(x)], "expected shape"),
    (seeing.cam_weight, [0.98], "1 / 49 of it"),
    (seeing.cam_weight, [0.98 / 7], "7 x 7 places, not 7"),
    (seeing.cam_weight, [0.5], "the mean of these slopes"),
    (seeing.cam_weight, [None], "one number"),
    (seeing.slope, [0.001], "nearly: the slope"),
    (seeing.slope, [0.999], "slope of the sigmoid where"),
    (seeing.slope, ["p"], "one number"),
]


def test_a_check_leaves_the_random_numbers_that_follow_to_their_seed():
    torch.manual_seed(0)
    seeing.clean(clean)
    assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.Generator().manual_seed(0)))
