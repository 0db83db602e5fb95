"""The checks of the chapter Convolutional networks take right answers and turn down wrong ones: see test_all.py."""

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import minimize_scalar

from course_lib.checks import cnn

# One step to the right and down, in a kernel of 3 x 3 that reads the pixel above and to the left.
RIGHT_AND_DOWN = [[1, 0, 0], [0, 0, 0], [0, 0, 0]]
LEFT_AND_UP = [[0, 0, 0], [0, 0, 0], [0, 0, 1]]
STAY = [[0, 0, 0], [0, 1, 0], [0, 0, 0]]


def loops(x, w, b, stride):
    outputs, channels, size, _ = w.shape
    if channels != len(x):
        raise ValueError(f"The kernels read {channels} channels, the image has {len(x)}.")
    if size > min(x.shape[1:]):
        raise ValueError(f"The kernels are {size} x {size}, the image is {x.shape[1]} x {x.shape[2]}.")
    rows, columns = ((side - size) // stride + 1 for side in x.shape[1:])
    y = np.zeros((outputs, rows, columns))
    for o, i, j in np.ndindex(y.shape):
        y[o, i, j] = b[o] + (w[o] * x[:, i * stride : i * stride + size, j * stride : j * stride + size]).sum()
    return y


def unguarded(x, w, b, stride):
    return F.conv2d(torch.tensor(x[: w.shape[1]]), torch.tensor(w), torch.tensor(b), stride).numpy()


def silent(x, w, b, stride):
    try:
        return loops(x, w, b, stride)
    except ValueError:
        raise ValueError("wrong shape") from None


def half_guarded(x, w, b, stride):
    if w.shape[1] != len(x):
        raise ValueError(f"{w.shape[1]} and {len(x)}")
    return unguarded(x, w, b, stride) if min(x.shape[1:]) >= w.shape[2] else np.zeros(0)


def depthwise(x, w, b):
    return F.conv2d(torch.tensor(x), torch.tensor(w)[:, None], torch.tensor(b), groups=len(w)).numpy()


def added_up(x, w, b):
    return depthwise(x, w, b).sum(1, keepdims=True)


def transposed(d, w, stride):
    size = w.shape[2]
    x = np.zeros((len(d), w.shape[1], *((side - 1) * stride + size for side in d.shape[2:])))
    for i, j in np.ndindex(d.shape[2:]):
        window = np.s_[:, :, i * stride : i * stride + size, j * stride : j * stride + size]
        x[window] += np.einsum("bo,ocuv->bcuv", d[:, :, i, j], w)
    return x


def without_adding(d, w, stride):
    size = w.shape[2]
    x = np.zeros((len(d), w.shape[1], *((side - 1) * stride + size for side in d.shape[2:])))
    for i, j in np.ndindex(d.shape[2:]):
        window = np.s_[:, :, i * stride : i * stride + size, j * stride : j * stride + size]
        x[window] = np.einsum("bo,ocuv->bcuv", d[:, :, i, j], w)
    return x


def receptive_field(layers):
    field = jump = 1
    for kernel, stride in layers:
        field += (kernel - 1) * jump
        jump *= stride
    return field


def stride_too_soon(layers):
    field = jump = 1
    for kernel, stride in layers:
        jump *= stride
        field += (kernel - 1) * jump
    return field


def temperature(logits, labels):
    def loss(t):
        return F.cross_entropy(torch.tensor(logits / t), torch.tensor(labels)).item()

    return minimize_scalar(loss, bounds=(0.05, 20), method="bounded").x


MATRIX = np.array([[1, 2, 3, 0, 0], [0, 1, 2, 3, 0], [0, 0, 1, 2, 3]])


def mean_of_means(answers, labels, size):
    starts = range(0, len(labels), size)
    return np.mean([(answers[i : i + size] == labels[i : i + size]).mean() for i in starts])


RIGHT = [
    (cnn.share_right, [lambda answers, labels, size: (answers == labels).mean()]),
    (cnn.cost, [18_496, 2_230_272]),
    (cnn.shift_kernel, [RIGHT_AND_DOWN]),
    (cnn.convolution, [loops]),
    (cnn.depthwise, [depthwise]),
    (cnn.transposed, [transposed]),
    (cnn.receptive_field, [receptive_field]),
    (cnn.temperature, [temperature]),
    (cnn.temperature, [lambda z, y: min(np.geomspace(0.1, 10, 400), key=lambda t: F.cross_entropy(*tensors(z / t, y)))]),
    (cnn.as_matrix, [MATRIX.tolist()]),
]
WRONG = [
    (cnn.share_right, [mean_of_means], "depends on the size"),
    (cnn.share_right, [lambda answers, labels, size: (answers == labels).sum()], "share of right"),
    (cnn.share_right, [lambda answers, labels, size: None], "one number"),
    (cnn.cost, [18_432, 2_230_272], "has a bias too"),
    (cnn.cost, [640, 2_230_272], "each of the 32 channels"),
    (cnn.cost, [0, 0], "32 x 3 x 3 weights and one bias"),
    (cnn.cost, [18_496, 64 * 32 * 9 * 13 * 13], "the map shrinks"),
    (cnn.cost, [18_496, None], "one for each weight of a kernel"),
    (cnn.shift_kernel, [STAY], "leaves the picture where it is"),
    (cnn.shift_kernel, [LEFT_AND_UP], "to the left and up"),
    (cnn.shift_kernel, [np.zeros((3, 3))], "only one of the nine"),
    (cnn.shift_kernel, [[1, 0, 0]], "a kernel of 3 x 3 numbers"),
    (cnn.convolution, [lambda x, w, b, s: loops(x, w[:, :, ::-1, ::-1], b, s)], "does not flip it"),
    (cnn.convolution, [lambda x, w, b, s: loops(x, w, 0 * b, s)], "add the bias"),
    (cnn.convolution, [lambda x, w, b, s: loops(x, w, b, 1)], r"expected shape \(2, 3, 2\)"),
    (cnn.convolution, [lambda x, w, b, s: loops(x, w**2, b, s)], "plus the sum over c, u and v"),
    (cnn.convolution, [lambda x, w, b, s: None], "got None"),
    (cnn.convolution, [unguarded], "an image of 3 channels and kernels for 2 do not fit: raise ValueError"),
    (cnn.convolution, [silent], '"wrong shape" should name the numbers'),
    (cnn.convolution, [half_guarded], "kernels of 5 x 5 and an image of 8 x 4 do not fit"),
    (cnn.convolution, [lambda x, w, b, s: loops(x, w, b, s) if len(x) == w.shape[1] else 1 / 0], "raised ZeroDivisionError"),
    (cnn.depthwise, [added_up], "expected shape .* channels are not added up"),
    (cnn.depthwise, [lambda x, w, b: depthwise(x, w, 0 * b)], "plus b"),
    (cnn.transposed, [without_adding], r"kernel 3, stride 1: each number .* adds"),
    (cnn.transposed, [lambda d, w, stride: transposed(d, w, 1)], "kernel 2, stride 2: .* from "),
    (cnn.receptive_field, [lambda layers: 1 + sum(k - 1 for k, _ in layers)], "neighbors lie 2 pixels apart"),
    (cnn.receptive_field, [stride_too_soon], "gives 6, not 7. start at 1"),
    (cnn.receptive_field, [lambda layers: 3], r"\[\] gives 1, not 3"),
    (cnn.receptive_field, [lambda layers: layers[0][0]], "raised IndexError"),
    (cnn.temperature, [lambda z, y: 1 / temperature(z, y)], "divide the logits by T"),
    (cnn.temperature, [lambda z, y: 1.0], "minimize the mean"),
    (cnn.temperature, [lambda z, y: z / 3], "return one number"),
    (cnn.as_matrix, [MATRIX[::-1, ::-1]], "flips the kernel"),
    (cnn.as_matrix, [MATRIX.T], "five numbers in, three out"),
    (cnn.as_matrix, [np.eye(3, 5)], "the kernel from column i on"),
]


def tensors(logits, labels):
    return torch.tensor(logits), torch.tensor(labels)
