"""Exercises of the chapter What the network sees."""

import math

import numpy as np
import torch

from .verdict import call, call_as_it_is, numbers, require, require_close, right


def squares(answer):
    """Squares that occlusion covers on 28 x 28 pixels with a window of 5 and a stride of 2, an int."""
    require(answer not in (13, 12), "that is for one side; the image has two.")
    require(answer != 144, "the last square of a row touches the edge: there is one more place after 22.")
    require(answer != 576, "that is for a stride of 1.")
    require(answer == 169, "along a side squares begin at 0, 2, 4, ... while they fit, and at 23; count, then take both sides.")
    right("169 forward passes, and one for the whole image.")


def receptive_field(answer):
    """Width in pixels of what a unit of a stage 4 sees, an int."""
    require(answer != 33, "that is after the first of the two convolutions.")
    require(answer != 41, "after the convolution of stride 2, neighbors are 8 pixels apart, not 4.")
    require(answer == 49, "a 3 x 3 convolution adds, on either side, the distance in pixels between neighbors that it reads.")
    right("wider than the whole image of 28.")


def clean(function):
    """function(pixels uint8 (N, 1, 28, 28)) -> the same with the upper left 4 x 4 corner black."""
    pixels = torch.randint(1, 256, (3, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    hint = "it takes uint8 images (N, 1, 28, 28) and returns images of the same shape and type."
    cleaned = _tensor(call(function, pixels, hint=hint), pixels.shape, hint)
    require(cleaned.dtype == torch.uint8, hint)
    require((cleaned[:, :, :4, :4] == 0).all(), "rows 0 to 3 and columns 0 to 3 must be 0: [:, :, :4, :4].")
    outside = torch.ones(28, 28, dtype=torch.bool)
    outside[:4, :4] = False
    require(torch.equal(cleaned[..., outside], pixels[..., outside]), "outside of the corner nothing changes.")
    right("the corner is black, the digit untouched.")


def spearman(function):
    """function(a (N,), b (N,)) -> Spearman's rank correlation, for numbers without ties."""
    random = np.random.default_rng(0)
    a = random.normal(size=50)
    b = a + random.normal(size=50)
    hint = "rank a and b with argsort twice (once tells which element comes i-th), then np.corrcoef of the ranks."
    answer = numbers(call(function, a, b, hint=hint), (), hint)
    require_close(call(function, a, np.exp(3 * a), hint=hint), 1.0, f"two arrays in the same order have correlation 1; {hint}")
    require_close(call(function, a, -a, hint=hint), -1.0, f"two arrays in opposite order have correlation -1; {hint}")
    from scipy.stats import spearmanr

    require_close(answer, spearmanr(a, b).statistic, hint)
    right("it agrees with SciPy.")


def smooth(function):
    """function(method, x, count, scale) -> mean of method's maps over `count` noisy copies of x (B, C, H, W)."""
    hint = "it takes method, x, count, scale and returns maps of the shape that method gives."
    x = torch.rand(2, 1, 20, 20, generator=torch.Generator().manual_seed(0))
    still = _tensor(call(function, _first_channel, x, 5, 0.0, hint=hint), (2, 20, 20), hint)
    require_close(still, x[:, 0], "without noise the mean over the copies is method's map of x: divide the sum by count.")
    noisy = _tensor(call(function, _first_channel_size, torch.zeros_like(x), 50, 0.5, hint=hint), (2, 20, 20), hint)
    require(noisy.std() < 0.1, "each copy needs noise of its own; draw it anew inside the loop.")
    expected = 0.5 * math.sqrt(2 / math.pi)  # the mean size of a normal number of standard deviation 0.5
    hint = f"add scale * torch.randn_like(x) to the image, before method sees it: expected about {expected:.2f} here."
    require(abs(noisy.mean() - expected) < 0.02, f"{hint} It is {noisy.mean():.2f}.")
    right("what depends on the last grain of the image averages out.")


def integrated(function):
    """function(model, x, labels, steps) -> integrated gradients from a black image, of x's shape (B, C, H, W)."""
    hint = "it takes model, x, labels, steps and returns a tensor of x's shape."
    x = torch.tensor([[[[2.0, 3.0]]], [[[-1.0, 0.5]]]])
    labels = torch.tensor([1, 0])
    answer = _tensor(call(function, _linear, x, labels, 10, hint=hint), x.shape, hint)
    expected = x * torch.tensor([[[[1.0, -2.0]]], [[[3.0, 4.0]]]])  # for a linear model, weight times pixel
    require(not torch.allclose(answer, expected / x), "the mean gradient is right; multiply it by x.")
    require(not torch.allclose(answer, 10 * expected), "take the mean over the steps, not the sum.")
    require_close(answer, expected, "for a linear model it is weight times pixel, of the label's logit.", tolerance=1e-5)
    answer = _tensor(call(function, _either, torch.ones(1, 1, 1, 2), torch.tensor([0]), 100, hint=hint), (1, 1, 1, 2), hint)
    hint = "for min(x1 + x2, 1) at (1, 1) it is a half each: take the gradient along the way, at t * x, not at x alone."
    require_close(answer, torch.full((1, 1, 1, 2), 0.5), hint, tolerance=0.011)
    square = _tensor(call(function, _square, torch.ones(1, 1, 1, 2), torch.tensor([0]), 4, hint=hint), (1, 1, 1, 2), hint)
    hint = "take the gradients in the middles of the pieces, at t = (i + 0.5) / steps."
    require_close(square, torch.ones(1, 1, 1, 2), hint, tolerance=1e-5)  # exact for a gradient that is linear in t
    right("the parts add up to the whole.")


def cam_weight(answer):
    """Grad-CAM's weight of a map with 7 x 7 places when the head's weight is 0.98, a number."""
    answer = numbers(answer, (), "one number.")
    require(abs(answer - 0.98) > 1e-6, "the head sees the mean over the places: each place counts for 1 / 49 of it.")
    require(abs(answer - 0.14) > 1e-6, "there are 7 x 7 places, not 7.")
    require_close(answer, 0.02, "the logit has the slope w / (h w) by each place of the map; take the mean of these slopes.")
    right("the head's weight over the number of places.")


def slope(answer):
    """The factor from the gradient of the logit to that of the probability 0.999, for two classes."""
    answer = numbers(answer, (), "one number.")
    require(abs(answer - 0.001) > 1e-7, "nearly: the slope of the sigmoid is p (1 - p).")
    require_close(answer, 0.000999, "the probability is sigmoid(a); what is the slope of the sigmoid where it is p?")
    right("a thousand times fainter, because the network is sure.")


def _tensor(answer, shape, hint):
    """The answer as a detached tensor of the given shape; raises NotYet for anything else."""
    require(isinstance(answer, torch.Tensor), f"expected a tensor, got {answer!r}. {hint}")
    require(tuple(answer.shape) == tuple(shape), f"expected shape {tuple(shape)}, got {tuple(answer.shape)}. {hint}")
    return answer.detach().cpu()


def _first_channel(x):
    return x[:, 0]


def _first_channel_size(x):
    return x[:, 0].abs()


def _linear(x):
    return torch.stack([x.flatten(1) @ torch.tensor(w) for w in ([3.0, 4.0], [1.0, -2.0])], 1)  # (B, 2)


def _either(x):
    return x.flatten(1).sum(1, keepdim=True).clip(max=1.0)  # (B, 1)


def _square(x):
    return x.flatten(1).square().sum(1, keepdim=True)  # (B, 1)


def map_for(function):
    """function(model, x, labels) -> the saliency map (B, H, W) of the labels' logits, whatever was asked before."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(24, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    x = torch.rand(4, 1, 4, 6)
    hint = "it takes model, x (B, C, H, W) and labels (B,), and returns a tensor (B, H, W)."
    for labels in (torch.tensor([0, 1, 2, 0]), torch.tensor([1, 2, 0, 1])):
        again = x.clone().requires_grad_()
        logit = model(again).gather(1, labels[:, None]).sum()
        expected = torch.autograd.grad(logit, again)[0].abs().amax(1)
        answer = call_as_it_is(function, model, x, labels, hint=hint)
        require(isinstance(answer, torch.Tensor) and answer.shape == expected.shape, hint)
        same = torch.allclose(answer.detach(), expected, atol=1e-6)
        first = labels[0] == 0
        require(same or not first, "already the first map is not the size of the logit's gradient.")
        require(same, "the first map is right, the second, of other classes, is not: what did the first leave behind?")
    right("each answer has a map of its own.")
