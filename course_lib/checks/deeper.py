"""Exercises of the chapter Deeper networks."""

import copy

import numpy as np
import torch
import torch.nn.functional as F

from .verdict import call, call_as_it_is, call_for_pair, numbers, require, require_close, right


def lenet(features, parameters):
    """Of LeNet for images of 1 x 28 x 28: how many numbers it flattens, and its parameters for ten classes."""
    hint = "28 becomes 24, 12, 8 and 4: a convolution of 5 x 5 takes 4 pixels away, a pooling halves."
    require(features != 400, "400 belongs to 32 x 32 pixels; here the last maps are smaller than 5 x 5.")
    require(features == 256, f"16 maps of how many pixels? {hint}")
    require(parameters != 62_006, "these are the parameters for 3 x 32 x 32; two layers are smaller here.")
    require(parameters != 44_726, "the first convolution reads one channel here, not three.")
    hint = "156 + 2,416 in the convolutions, (256 + 1) x 120 in the first dense layer, then 10,164 and 850."
    require(parameters == 44_426, hint)
    right("most of the difference lies in the first dense layer, as most of the parameters do.")


def block(parameters):
    """The parameters of a residual block from 16 to 32 channels with two convolutions of 3 x 3 and batch norm after each."""
    require(parameters != 13_824, "these are the two kernels; batch norm has two numbers for each of its channels.")
    require(parameters != 14_016, "the convolutions need no bias here: batch norm takes the mean away again.")
    require(parameters not in (13_888, 14_080), "batch norm has a scale and a shift for each of 32 channels, twice.")
    require(parameters == 13_952, "16 x 32 x 9 + 32 x 32 x 9 weights, and 2 x 32 numbers for each of two batch norms.")
    right("the link itself costs nothing.")


def running(batches):
    """Batches after which a running mean with momentum 0.1 that began at zero is within 1 % of a mean that stays the same."""
    require(batches != 43, "after 43 batches 0.9 ** 43 = 0.0108 of the way is left: one more.")
    hint = "each batch leaves 0.9 of the distance that was there before it: find the first n with 0.9 ** n below 0.01."
    require(batches == 44, hint)
    right("evaluate after fewer batches than that, and the averages still remember where they began.")


def layer_norm(function):
    """function(x (B, C, H, W), scale (C,), shift (C,)) -> the same shape: each image to mean 0 and variance 1, then scaled."""
    hint = "take mean and variance over the channels and places of each image, axes (1, 2, 3), with 1e-5 under the root."
    random = np.random.default_rng(0)
    for batch in (4, 1):
        x = random.normal(2.0, 3.0, size=(batch, 3, 5, 4))
        scale, shift = random.normal(size=(2, 3))
        parts = [torch.tensor(array) for array in (x, scale, shift)]
        answer = numbers(call(function, x, scale, shift, hint=hint), x.shape, hint)
        by_channel = F.batch_norm(parts[0], None, None, *parts[1:], training=True).numpy()
        require(not np.allclose(answer, by_channel), "this is batch norm: here each image has a mean of its own.")
        require_close(answer, F.group_norm(parts[0], 1, *parts[1:]).numpy(), f"batch of {batch}: {hint}", tolerance=1e-9)
    right("no image looks at another: a batch of one is like any other, and training like evaluation.")


def fold(function):
    """function(w (O, C, k, k), scale, shift, mean, variance, each (O,)) -> (w, b) of one convolution in place of two layers.

    The two are a convolution without bias, then batch norm in evaluation mode, with 1e-5 under the root.
    """
    hint = "batch norm multiplies map o by scale[o] / sqrt(variance[o] + 1e-5) and adds a number that depends on o alone."
    random = np.random.default_rng(0)
    for outputs, channels, size in ((4, 3, 3), (2, 1, 5)):
        w = random.normal(size=(outputs, channels, size, size))
        scale, shift, mean = random.normal(size=(3, outputs))
        variance = random.uniform(0.01, 2, size=outputs)
        folded = call_for_pair(function, w, scale, shift, mean, variance, hint=hint)
        new_w, new_b = (numbers(part, like.shape, hint) for part, like in zip(folded, (w, shift), strict=True))
        factor = scale / np.sqrt(variance + 1e-5)
        require_close(new_w, w * factor[:, None, None, None], f"w: {hint}", tolerance=1e-9)
        left = "w is right; b is the shift less what the mean becomes."
        require_close(new_b, shift - mean * factor, left, tolerance=1e-9)
    right("in evaluation batch norm costs nothing: it is part of the convolution before it.")


def backward(function):
    """function(d (B, C), x (B, C), scale (C,)) -> the loss's derivative by x, through batch norm in training mode.

    d is the derivative by the output; 1e-5 stands under the root.
    """
    hint = "with z for the normalized x: scale / s * (d - mean of d - z * mean of d z), the means over the batch."
    random = np.random.default_rng(0)
    for batch, channels in ((6, 3), (2, 1)):
        x, d = random.normal(1.0, 2.0, size=(2, batch, channels))
        scale = random.normal(size=channels)
        inputs = torch.tensor(x, requires_grad=True)
        F.batch_norm(inputs, None, None, torch.tensor(scale), training=True).backward(torch.tensor(d))
        answer = numbers(call(function, d, x, scale, hint=hint), x.shape, hint)
        fixed = d * scale / np.sqrt(x.var(0) + 1e-5)
        missing = "mean and deviation depend on x too, so a change of one example changes what the others become."
        require(not np.allclose(answer, fixed), missing)
        require_close(answer, inputs.grad.numpy(), hint, tolerance=1e-9)
    right("what would move the whole batch up, or stretch it, is taken out of the gradient.")


def shifted(function):
    """function(images (N, H, W), pixels, rng) -> each image moved by a choice of its own, up to `pixels` down and right.

    Negative choices move it up and left; zeros come in. rng draws whole numbers from -pixels to pixels, both included.
    """
    hint = "pad each image with `pixels` zeros all around, and cut a window of the old size at a random place."
    images = np.random.default_rng(0).integers(1, 256, size=(300, 6, 5))
    answer = numbers(call(function, images, 2, np.random.default_rng(1), hint=hint), images.shape, hint)
    padded = np.pad(images, [(0, 0), (2, 2), (2, 2)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (6, 5), axis=(1, 2))  # (300, 5, 5, 6, 5)
    same = (windows == answer[:, None, None]).all((3, 4))  # (300, 5, 5): is it this window?
    require(same.any((1, 2)).all(), f"not every image is a moved copy of the one it came from. {hint}")
    places = same.sum(0)  # (5, 5), how often each move was drawn
    require((places > 0).sum() > 1, "every image moves by the same amount: draw anew for each.")
    require(places.min() > 0, "some of the 25 moves are never drawn: -2 to 2, both included, each way by itself.")
    right("each image moves by itself, to all 25 places.")


def paths(count, mean_length):
    """Of the ways from image to answer through nine residual blocks: how many, and through how many blocks on average."""
    require(count not in (9, 10, 81), "at every block a path either takes the two convolutions or goes past them.")
    require(count == 512, "two choices at each of nine blocks multiply.")
    require(mean_length != 9, "9 is the longest path, and there is only one of it.")
    require_close(mean_length, 4.5, "each block lies on half of the paths.")
    right("a deep residual network is also a crowd of shallow ones.")


def evaluate(function):
    """function(network, x, labels, batch_size) -> the share of right answers; the network stays as it was."""
    torch.manual_seed(0)
    hint = "it takes network, x, labels and batch_size, and returns one number."
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    network(torch.randn(50, 4) + 1)
    x, labels = torch.randn(30, 1, 2, 2), torch.arange(30) % 3
    network.eval()
    expected = (network(x).argmax(1) == labels).float().mean().item()
    for training in (True, False):
        network.train(training)
        before = copy.deepcopy(network.state_dict())
        found = [numbers(call_as_it_is(function, network, x, labels, size, hint=hint), (), hint) for size in (30, 7)]
        moved = [name for name, value in network.state_dict().items() if not torch.equal(value, before[name])]
        require(not moved, f"measuring has changed {''.join(moved[:1])}: in which mode does batch norm gather averages?")
        require(np.isclose(found[0], found[1]), "the number depends on the size of the batches.")
        require(np.isclose(found[0], expected), "the share of right answers in evaluation mode.")
        require(network.training == training, "set the mode back to what it was.")
    right("looking does not change what is looked at.")
