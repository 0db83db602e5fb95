"""Exercises of the chapter Convolutional networks."""

import copy

import numpy as np
import torch
import torch.nn.functional as F

from .verdict import NotYet, call, numbers, require, require_close, right


def cost(parameters, multiply_adds):
    """Of 64 kernels of 3 x 3 on a map of 32 x 13 x 13 without padding: weights and biases, and multiply-adds for one image."""
    require(parameters != 64 * 32 * 9, "these are the weights; each kernel has a bias too.")
    require(parameters != 64 * 9 + 64, "a kernel has weights of its own for each of the 32 channels that it reads.")
    require(parameters == 18_496, "each of the 64 kernels has 32 x 3 x 3 weights and one bias.")
    require(multiply_adds != 64 * 32 * 9 * 13 * 13, "without padding the map shrinks: there are 11 x 11 places, not 13 x 13.")
    hint = "one for each weight of a kernel, at each of 11 x 11 places, for each of 64 kernels."
    require(multiply_adds == 2_230_272, hint)
    right("each weight is used at 121 places.")


def shift_kernel(w):
    """A kernel (3, 3) that, with a padding of 1, moves a picture one pixel to the right and one down."""
    w = numbers(w, (3, 3), "w is a kernel of 3 x 3 numbers, such as [[0, 0, 0], [0, 1, 0], [0, 0, 0]].")
    x = torch.arange(1.0, 26, dtype=torch.float64).view(1, 1, 5, 5)

    def result(kernel):
        return F.conv2d(x, torch.tensor(kernel)[None, None], padding=1)[0, 0].numpy()

    hint = "the output at row i and column j must be the pixel at i - 1 and j - 1, so only one of the nine weights is not zero."
    moved = result(w)
    require(not np.allclose(moved, x[0, 0]), "this kernel leaves the picture where it is.")
    require(not np.allclose(moved[:-1, :-1], x[0, 0, 1:, 1:]), f"this kernel moves it to the left and up; {hint}")
    require_close(moved[1:, 1:], x[0, 0, :-1, :-1], hint)
    require_close(moved, np.pad(x[0, 0, :-1, :-1], [(1, 0), (1, 0)]), hint)
    right("a convolution can move a picture, and a network can learn to.")


def convolution(function):
    """function(x (C, H, W), w (O, C, k, k), b (O,), stride) -> (O, h, w), no padding; ValueError where they do not fit."""
    hint = "y[o, i, j] is b[o] plus the sum over c, u and v of w[o, c, u, v] * x[c, i * stride + u, j * stride + v]."
    random = np.random.default_rng(0)
    for outputs, channels, size, stride, sides in ((1, 1, 3, 1, (5, 5)), (4, 2, 3, 1, (6, 8)), (2, 3, 2, 3, (9, 7))):
        x, w = random.normal(size=(channels, *sides)), random.normal(size=(outputs, channels, size, size))
        b = random.normal(size=outputs)
        expected = F.conv2d(torch.tensor(x), torch.tensor(w), torch.tensor(b), stride).numpy()
        answer = numbers(call(function, x, w, b, stride, hint=hint), expected.shape, hint)
        flipped = F.conv2d(torch.tensor(x), torch.tensor(w).flip(2, 3), torch.tensor(b), stride).numpy()
        require(not np.allclose(answer, flipped), "this is right with a flipped kernel; deep learning does not flip it.")
        require(not np.allclose(answer, expected - b[:, None, None]), "add the bias of each output map.")
        require_close(answer, expected, hint)
    w, b = np.ones((2, 2, 5, 5)), np.zeros(2)
    _refuses(function, np.ones((3, 8, 8)), w, b, 1, what="an image of 3 channels and kernels for 2", named="32")
    _refuses(function, np.ones((2, 8, 4)), w, b, 1, what="kernels of 5 x 5 and an image of 8 x 4", named="54")
    right("it agrees with torch, and refuses what does not fit.")


def _refuses(function, *arguments, what, named):
    """Raise NotYet unless the function raises a ValueError that names the numbers that do not fit."""
    try:
        function(*copy.deepcopy(arguments))
    except ValueError as error:
        missing = [number for number in named if number not in str(error)]
        require(not missing, f'for {what} the message "{error}" should name the numbers that do not fit.')
    except Exception as error:
        raise NotYet(f"for {what} raise ValueError; your function raised {type(error).__name__}: {error}.") from None
    else:
        raise NotYet(f"{what} do not fit: raise ValueError, with a sentence that says what was expected and what came.")


def depthwise(function):
    """function(x (B, C, H, W), w (C, k, k), b (C,)) -> (B, C, h, w): each channel has a kernel of its own, and no other."""
    hint = "map c is channel c convolved with w[c], plus b[c]; channels are not added up."
    random = np.random.default_rng(0)
    for channels, size in ((3, 3), (5, 2)):
        x, w, b = (
            random.normal(size=(2, channels, 6, 7)),
            random.normal(size=(channels, size, size)),
            random.normal(size=channels),
        )
        expected = F.conv2d(torch.tensor(x), torch.tensor(w)[:, None], torch.tensor(b), groups=channels)
        require_close(call(function, x, w, b, hint=hint), expected, hint)
    right("C kernels in place of C x C: that is what small networks for phones are made of.")


def transposed(function):
    """function(d (B, O, h, w), w (O, C, k, k), stride) -> (B, C, H, W), H = (h - 1) stride + k: back through a convolution."""
    hint = "each number d[b, o, i, j] adds d * w[o] to the k x k pixels that its window read, from (i * stride, j * stride) on."
    random = np.random.default_rng(0)
    for size, stride in ((3, 1), (2, 2), (4, 2), (2, 3)):
        d, w = random.normal(size=(2, 3, 4, 5)), random.normal(size=(3, 2, size, size))
        expected = F.conv_transpose2d(torch.tensor(d), torch.tensor(w), stride=stride)
        require_close(call(function, d, w, stride, hint=hint), expected, f"kernel {size}, stride {stride}: {hint}")
    right("the layer with which generators draw: a convolution's way back, used forwards.")


def receptive_field(function):
    """function(layers), a list of (kernel, stride) pairs from the image on -> pixels along a side that one number sees."""
    hint = "start at 1 with pixels 1 apart; each layer adds (kernel - 1) times the distance, then multiplies it by its stride."
    for layers, expected in (
        ([], 1),
        ([(3, 1)], 3),
        ([(3, 1)] * 3, 7),
        ([(2, 2), (3, 1)], 6),
        ([(3, 1), (2, 2), (3, 1), (2, 2), (3, 1)], 18),
        ([(4, 2)] * 3, 22),
    ):
        answer = numbers(call(function, layers, hint=hint), (), hint)
        unstrided = 1 + sum(kernel - 1 for kernel, _ in layers)
        ignored = answer == unstrided != expected
        require(not ignored, f"{layers}: after a stride of 2 neighbors lie 2 pixels apart, so later kernels reach further.")
        require(answer == expected, f"{layers} gives {expected}, not {answer:g}. {hint}")
    right("18 pixels for the chapter's network: most of a digit.")


def temperature(function):
    """function(logits (N, K), labels (N,)) -> the T > 0 for which softmax(logits / T) has the lowest cross-entropy."""
    from scipy.optimize import minimize_scalar

    hint = "minimize the mean of -log softmax(logits / T)[label] over T, for instance over np.geomspace(0.1, 10, 1000)."
    random = np.random.default_rng(0)
    z = 2 * random.normal(size=(2000, 5))
    labels = (z + random.gumbel(size=z.shape)).argmax(1)  # drawn with probabilities softmax(z)
    for scale in (3.0, 0.4):

        def loss(log_t, logits=scale * z):
            shrunk = logits / np.exp(log_t)
            return (np.log(np.exp(shrunk).sum(1)) - shrunk[np.arange(len(z)), labels]).mean()

        best = np.exp(minimize_scalar(loss, bounds=(-2.5, 2.5), method="bounded").x)
        answer = numbers(call(function, scale * z, labels, hint=hint), (), f"return one number. {hint}")
        require(abs(answer * best - 1) > 0.02, "divide the logits by T; this is the best number to multiply them by.")
        require_close(answer, best, hint, tolerance=0.02)
    right("one number mends the confidence, and changes no answer.")


def as_matrix(matrix):
    """The matrix (3, 5) that convolves five numbers with the kernel (1, 2, 3), without padding."""
    hint = "row i holds what the output i reads: the kernel from column i on, and zeros elsewhere."
    matrix = numbers(matrix, (3, 5), f"five numbers in, three out. {hint}")
    expected = np.array([[1, 2, 3, 0, 0], [0, 1, 2, 3, 0], [0, 0, 1, 2, 3]])
    flipped = expected[::-1, ::-1]
    require(not np.array_equal(matrix, flipped), "that flips the kernel; in deep learning it stays as it is written.")
    require_close(matrix, expected, hint)
    right("a dense layer with six of fifteen weights fixed at zero and the other nine made of three numbers.")


def share_right(function):
    """function(answers (N,), labels (N,), batch_size) -> the share of right answers, whatever the size of the batches."""
    hint = "it takes answers, labels and batch_size, and returns one number."
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 23)
    answers = np.where(random.random(23) < 0.7, labels, 3)
    answers[-3:] = 3
    found = [numbers(call(function, answers, labels, size, hint=hint), (), hint) for size in (23, 10, 4, 1)]
    require(np.isclose(found[0], (answers == labels).mean()), "with a single batch it should be the share of right answers.")
    require(np.allclose(found, found[0]), "the number depends on the size of the batches: how much does each example count?")
    right("each example counts the same.")
