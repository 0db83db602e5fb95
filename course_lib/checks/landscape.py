"""Exercises of the chapter A landscape from one photograph."""

import numpy as np

from .verdict import call, numbers, require, require_close, right


def parameters(answer):
    """The number of weights and biases of the generator's dense layer, 100 numbers to a map of 8 x 8 x 128: one number."""
    answer = numbers(answer, (), "one whole number.")
    require(abs(answer - 100 * 8 * 8 * 128) > 0.5, "each of the outputs has a bias too.")
    require(abs(answer - 101 * 128) > 0.5, "the layer makes a whole map: 128 channels at each of 8 x 8 places.")
    require_close(answer, 101 * 8 * 8 * 128, "(inputs + 1) x outputs, and there are 8 x 8 x 128 outputs.")
    right("827,392 of 993,219: five sixths of the generator are in its first layer.")


def distinct_crops(answer):
    """How many patches of 64 x 64 the photograph of 427 x 640 has, the mirrored ones not counted: one number."""
    answer = numbers(answer, (), "one whole number.")
    require(
        abs(answer - 363 * 576) > 0.5, "the corner can stand at 0 and at 427 - 64 and everywhere between: one more each way."
    )
    require(abs(answer - 6 * 10) > 0.5, "those are the patches side by side; here they may overlap.")
    require(abs(answer - 2 * 364 * 577) > 0.5, "that is with the mirrored ones; leave them out.")
    require_close(answer, 364 * 577, "(height - 64 + 1) x (width - 64 + 1) places for the upper left corner.")
    right("210,028 patches, but a neighbor shares all but one of a patch's 64 rows or columns.")


def same_padding(function):
    """function(size, kernel, stride) -> (before, after), the zeros that Keras' padding "same" adds at the two ends."""
    hint = "outputs = ceil(size / stride); total = max((outputs - 1) * stride + kernel - size, 0); the odd zero comes after."
    for size, kernel, stride in ((64, 4, 2), (64, 3, 2), (63, 3, 2), (28, 5, 1), (7, 4, 3), (8, 1, 2)):
        outputs = -(-size // stride)
        total = max((outputs - 1) * stride + kernel - size, 0)
        answer = numbers(call(function, size, kernel, stride, hint=hint), (2,), hint)
        where = f"size {size}, kernel {kernel}, stride {stride}: "
        require((answer >= 0).all(), f"{where}there cannot be less than no zeros. {hint}")
        turned = total % 2 == 1 and np.array_equal(answer, [total - total // 2, total // 2])
        require(not turned, f"{where}where the total is odd, the additional zero comes after the row, not before it.")
        require_close(answer, [total // 2, total - total // 2], f"{where}{hint}")
    right("with kernel 4 and stride 2 one zero at either end, with kernel 3 one zero after and none before.")


def transposed(function):
    """function(x (n,), kernel (k,), stride) -> the transposed convolution of one row, without padding, an array."""
    hint = "start from zeros; for each i, add x[i] * kernel to the places i * stride to i * stride + k."
    random = np.random.default_rng(0)
    for count, width, stride in ((4, 4, 2), (3, 3, 1), (3, 2, 3)):
        x, kernel = random.normal(size=count), random.normal(size=width)
        expected = np.zeros((count - 1) * stride + width)
        flipped = expected.copy()
        for i, value in enumerate(x):
            expected[i * stride : i * stride + width] += value * kernel
            flipped[i * stride : i * stride + width] += value * kernel[::-1]
        answer = numbers(call(function, x, kernel, stride, hint=hint), expected.shape, hint)
        require(not np.allclose(answer, flipped), f"the kernel is turned round; here it is stamped as it is. {hint}")
        require_close(answer, expected, f"where stamps overlap, they add up. {hint}")
    right("each input stamps its kernel into the output, and the stamps add up where they overlap.")


def running_variance(answer):
    """By which factor torch's running variance moves further than Keras' for 32 maps of 8 x 8: one number."""
    answer = numbers(answer, (), "one number.")
    n = 32 * 8 * 8
    require(
        abs(answer - 32 / 31) > 1e-5, "the statistics of a channel are over all places of all images, not over images alone."
    )
    require(abs(answer - (n - 1) / n) > 1e-4, "that is Keras' over torch's; the question is the other way round.")
    require_close(answer, n / (n - 1), "torch divides by n - 1, Keras by n, and n = 32 x 8 x 8.", tolerance=1e-5)
    right("half a thousandth: too little to see, and enough to fail a test for equality.")
