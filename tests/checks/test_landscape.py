"""The checks of the chapter A landscape from one photograph: see test_all.py."""

import numpy as np
import torch

from course_lib.checks import landscape


def same_padding(size, kernel, stride):
    outputs = int(np.ceil(size / stride))
    total = max((outputs - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def by_torch(x, kernel, stride):
    x, kernel = (torch.tensor(values)[None, None] for values in (x, kernel))
    return torch.nn.functional.conv_transpose1d(x, kernel, stride=stride)[0, 0].numpy()


def without_overlap(x, kernel, stride):
    out = np.zeros((len(x) - 1) * stride + len(kernel))
    for i, value in enumerate(x):
        out[i * stride : i * stride + len(kernel)] = value * kernel
    return out


RIGHT = [
    (landscape.parameters, [100 * 8192 + 8192]),
    (landscape.distinct_crops, [len(range(427 - 63)) * len(range(640 - 63))]),
    (landscape.same_padding, [same_padding]),
    (landscape.transposed, [by_torch]),
    (landscape.running_variance, [2048 / 2047]),
]
WRONG = [
    (landscape.parameters, [819_200], "a bias too"),
    (landscape.parameters, [101 * 128], "at each of 8 x 8 places"),
    (landscape.parameters, [993_219], r"\(inputs \+ 1\) x outputs"),
    (landscape.distinct_crops, [363 * 576], "one more each way"),
    (landscape.distinct_crops, [60], "may overlap"),
    (landscape.distinct_crops, [420_056], "leave them out"),
    (landscape.distinct_crops, [427 * 640], "upper left corner"),
    (
        landscape.same_padding,
        [lambda size, kernel, stride: (kernel // 2, kernel // 2)],
        "size 64, kernel 4, stride 2: outputs =",
    ),
    (landscape.same_padding, [lambda *a: same_padding(*a)[::-1]], "size 64, kernel 3, stride 2: where the total is odd"),
    (landscape.same_padding, [lambda s, k, t: ((k - t) // 2, k - t - (k - t) // 2)], "outputs = ceil"),
    (landscape.same_padding, [lambda s, k, t: same_padding(s, k, t) if k > 1 else (-1, 0)], "less than no zeros"),
    (landscape.transposed, [lambda x, kernel, stride: by_torch(x, kernel[::-1].copy(), stride)], "stamped as it is"),
    (landscape.transposed, [without_overlap], "they add up"),
    (landscape.transposed, [lambda x, kernel, stride: x], "expected shape"),
    (landscape.running_variance, [32 / 31], "over all places of all images"),
    (landscape.running_variance, [2047 / 2048], "the other way round"),
    (landscape.running_variance, [1], "torch divides by n - 1"),
]
