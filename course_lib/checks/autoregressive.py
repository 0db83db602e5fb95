"""Exercises of the chapters on networks that draw one pixel after another."""

import numpy as np
import torch

from .verdict import call, call_for_pair, numbers, require, require_close, right


def digits(answer):
    """How many decimal digits 2^784 - 1 has: one number."""
    answer = numbers(answer, (), "one number.")
    require(answer != 784, "784 is the number of binary digits.")
    require(abs(answer - 784 * np.log10(2)) > 1e-6 and answer != 235, "nearly: round up, since 10^n has n + 1 digits.")
    require(answer != 236, "nearly: a number of logarithm 236.009 has one digit more than 236.")
    require_close(answer, 237, "784 times the decimal logarithm of 2, rounded up.")
    right("237 digits; the atoms of the universe are counted with about 80.")


def cooler(answer):
    """The probability of white at temperature 0.5, if it is 0.8 at temperature 1: one number."""
    answer = numbers(answer, (), "one number.")
    require(abs(answer - 0.64) > 1e-3, "that is 0.8 squared; black's 0.2 is squared too, and the two must add up to one.")
    require(abs(answer - 2 / 3) > 1e-3, "that is hotter: the logit is divided by 0.5, so it doubles.")
    require_close(answer, 16 / 17, "double the logit, log(0.8 / 0.2), and take its sigmoid.", tolerance=1e-3)
    right("odds of 4 to 1 became odds of 16 to 1.")


def log_probability(function):
    """function(logits, x) -> log p(x) in nats, (B,): arrays (B, D) of logits and of pixels 0 or 1."""
    hint = "log sigmoid(logit) for a white pixel, log sigmoid(-logit) for a black one, added up over the pixels."
    random = np.random.default_rng(0)
    logits, x = random.normal(size=(4, 6)), random.integers(0, 2, (4, 6)).astype(float)
    expected = -np.logaddexp(0, np.where(x == 1, -logits, logits)).sum(1)
    answer = numbers(call(function, logits, x, hint=hint), (4,), hint)
    require(not np.allclose(answer, -expected), "that is the cost, minus the log of the probability.")
    require(not np.allclose(answer, expected / 6), "that is the mean over the pixels; their sum is the image's.")
    require_close(answer, expected, hint)
    logits, x = np.array([[1000.0, -1000.0], [1000.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    with np.errstate(all="ignore"):
        answer = numbers(call(function, logits, x, hint=hint), (2,), hint)
    stable = "at a logit of 1000 the exponential overflows: -np.logaddexp(0, -a) is log sigmoid(a) for every a."
    require(np.isfinite(answer).all(), stable)
    require_close(answer, [0, -1000 - np.log(2)], stable)
    right("no logit is too large for it.")


def gru_step(function):
    """function(x, h, W, U, b, c) -> new states (B, H) of a GRU, matrices stacked as reset, update, candidate."""
    hint = "h' = (1 - z) n + z h, with n = tanh(W_n x + b_n + r (U_n h + c_n))."
    random = np.random.default_rng(0)
    x, h, W, U = (random.normal(size=shape) for shape in ((3, 4), (3, 5), (15, 4), (15, 5)))
    b, c = random.normal(size=(2, 15))

    def step(*, order=(0, 1), kept_old=True, bias_outside=False):
        inputs, state = np.split(x @ W.T + b, 3, axis=1), np.split(h @ U.T + c, 3, axis=1)
        r, z = (1 / (1 + np.exp(-inputs[k] - state[k])) for k in order)
        own = r * (state[2] - c[10:]) + c[10:] if bias_outside else r * state[2]
        n = np.tanh(inputs[2] + own)
        return (1 - z) * n + z * h if kept_old else (1 - z) * h + z * n

    answer = numbers(call(function, x, h, W, U, b, c, hint=hint), (3, 5), hint)
    require(not np.allclose(answer, step(order=(1, 0))), "reset and update gate are swapped: the reset gate comes first.")
    require(not np.allclose(answer, step(kept_old=False)), "where the update gate is 1, the OLD state stays: (1 - z) n + z h.")
    require(
        not np.allclose(answer, step(bias_outside=True)),
        "the reset gate multiplies the state's part of the candidate together with its bias c.",
    )
    require_close(answer, step(), hint)
    right("gate for gate what PyTorch computes.")


def posterior(function):
    """function(log_p, log_prior) -> p(y | x), (B, K), and log p(x), (B,), from log p(x | y), (B, K), and log p(y), (K,)."""
    hint = "log p(x) is the log of the sum over y of exp(log p(x | y) + log p(y))."
    log_p = np.array([[-80.0, -82.0, -90.0], [-2000.0, -2001.0, -1999.0]])
    log_prior = np.log([0.5, 0.2, 0.3])
    joint = log_p + log_prior
    log_x = np.logaddexp.reduce(joint, axis=1)
    chance, found = call_for_pair(function, log_p, log_prior, hint=hint)
    chance, found = numbers(chance, (2, 3), hint), numbers(found, (2,), hint)
    stable = "exp(-2000) is 0: take the largest log out first, and add it back."
    require(np.isfinite(chance).all() and np.isfinite(found).all(), stable)
    flat = np.exp(log_p - np.logaddexp.reduce(log_p, axis=1)[:, None])
    require(not np.allclose(chance, flat), "the prior has been left out; add log p(y) before anything else.")
    require_close(chance, np.exp(joint - log_x[:, None]), hint)
    require_close(found, log_x, hint)
    right("Bayes' rule that no small number can break.")


def sharpened(function):
    """function(p) -> what pixels at temperature 0.5 draw from, and p^2 normalized: arrays (512,) from probabilities (512,)."""
    hint = "at each beginning a chance a of white becomes a^2 / (a^2 + (1 - a)^2); multiply these along each picture."
    p = np.random.default_rng(0).dirichlet(np.full(512, 0.3))
    cooled, number = np.ones(512), np.arange(512)
    for i in range(9):
        branches = p.reshape(2**i, 2, -1).sum(2) ** 2
        bit = number >> (8 - i) & 1
        cooled = cooled * (branches / branches.sum(1, keepdims=True))[number >> (9 - i), bit]
    first, second = call_for_pair(function, p, hint=hint)
    first, second = numbers(first, (512,), hint), numbers(second, (512,), hint)
    require(np.isclose(first.sum(), 1), f"the first adds up to {first.sum():.3f}; each pixel's two chances must add up to one.")
    require_close(second, p**2 / (p**2).sum(), "the second is p squared, divided by its sum.")
    require(not np.allclose(first, second), "the two are not the same: cool each pixel's chance, not the whole picture's.")
    require_close(first, cooled, hint)
    right("two different distributions from one temperature.")


def mask(function):
    """function(kernel, own) -> the mask of a convolution as an array (kernel, kernel) of 0 and 1."""
    hint = "ones in the rows above the middle, and in its own row to the left; the middle itself only if `own`."
    for kernel in (3, 5, 7):
        before = np.arange(kernel**2).reshape(kernel, kernel)
        middle = kernel**2 // 2
        for own in (False, True):
            expected = (before <= middle - (not own)).astype(float)
            answer = numbers(call(function, kernel, own, hint=hint), (kernel, kernel), hint)
            require(not np.allclose(answer, expected.T), "rows and columns are swapped: images are read row by row.")
            require(answer.flat[middle] == own, f"the middle must be {int(own)} when own is {own}.")
            require_close(answer, expected, hint)
    right("masks A and B, for every odd kernel.")


def masks(function):
    """function(size, units) -> the two masks of a MADE with one hidden layer: (units, size) and (size, units)."""
    hint = "a unit sees values before its place; an output sees units up to its own place."
    for size, units in ((4, 8), (5, 7), (9, 30)):
        into, out_of = (np.asarray(m, dtype=float) for m in call_for_pair(function, size, units, hint=hint))
        into, out_of = numbers(into, (units, size), hint), numbers(out_of, (size, units), hint)
        paths = out_of @ into
        require(not np.triu(paths).any(), f"an output is reached by its own value or a later one: {paths.astype(int).tolist()}")
        require(
            (paths[np.tril_indices(size, -1)] > 0).all() or units < size,
            "some output is not reached by every value before it: spread the places over all the values.",
        )
    right("no path from a value to itself or to an earlier output.")


def reach(answer):
    """How many rows above a pixel a PixelCNN of kernels 5 sees: mask A and five layers of mask B: one number."""
    answer = numbers(answer, (), "one number.")
    require(answer != 10, "the first layer, with mask A, reaches up as well.")
    require(answer not in (25, 30), "a kernel of 5 reaches 2 rows up, not 5.")
    require_close(answer, 12, "each of the six layers reaches kernel // 2 rows further.")
    right("12 of the 27 rows that may lie above; the rows further up cannot help it.")


def file_size(answer):
    """Bytes that 10,000 images of 80 nats each take: one number."""
    answer = numbers(answer, (), "one number.")
    require(abs(answer - 100_000) > 100, "those would be bits of nats: a nat is 1 / log 2 bits.")
    require(abs(answer / 8 - 80 * 10_000 / np.log(2) / 8) > 100, "those are bits; a byte has eight.")
    require_close(answer, 80 * 10_000 / np.log(2) / 8, "nats / log 2 / 8 for each image, times 10,000.", tolerance=1e-3)
    right("144 kB, where one bit a pixel takes 980 kB.")


def interval(function):
    """function(low, width, white, bit) -> the part of an interval that a pixel takes, (low, width), for a chance of white."""
    hint = "white takes the lower share `white` of the interval, black the rest above it."
    for low, width, white in ((0.0, 1.0, 0.8), (0.25, 0.5, 0.1)):
        for bit in (1, 0):
            share = width * (white if bit else 1 - white)
            start = low if bit else low + width * white
            answer = numbers(call_for_pair(function, low, width, white, bit, hint=hint), (2,), hint)
            require(np.isclose(answer[1], share), f"the width must be {share:g}: the old width times the pixel's probability.")
            require_close(answer, [start, share], hint)
    right("likely pixels hardly narrow the interval; that is why they cost hardly any bits.")


def causal(network):
    """A network from images (1, 1, 9, 9) to logits of that shape, of which none may depend on its own or a later pixel."""
    hint = "the network takes images (1, 1, 9, 9) and returns a tensor of that shape."
    x = torch.rand(1, 1, 9, 9)
    with torch.random.fork_rng(), torch.enable_grad():
        out = call(network, x, hint=hint)
        require(isinstance(out, torch.Tensor) and out.shape == x.shape, f"expected logits (1, 1, 9, 9). {hint}")
        found = torch.autograd.functional.jacobian(lambda x: network(x).flatten(), x).reshape(81, 81).abs()
    own, later = found.diagonal().max(), found.triu(1).max()
    require(own == 0, "a logit depends on its own pixel: the first layer must not see its middle (mask A).")
    worst = found.triu(1).max(1).values.argmax().item()
    spot = found.triu(1)[worst].argmax().item()
    require(later == 0, f"the logit at {divmod(worst, 9)} (row, column) depends on the later pixel at {divmod(spot, 9)}.")
    middle = found.view(9, 9, 81)[4, 4].view(9, 9)
    require(middle[3, 4] > 0, "a logit does not see the pixel above it.")
    require(middle[4, 3] > 0, "a logit does not see the pixel to its left.")
    right("no logit sees its own pixel or a later one, and each sees its neighbors before.")
