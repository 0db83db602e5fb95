"""The checks of the chapters on networks that draw one pixel after another take right answers and turn down wrong ones."""

import numpy as np
import torch
from scipy.special import expit, logsumexp
from torch import nn

from course_lib.checks import autoregressive
from course_lib.models import MADE, GatedPixelCNN, PixelCNN
from course_lib.models.autoregressive import MaskedConv2d


def by_torch(x, h, W, U, b, c):
    cell = nn.GRUCell(4, 5).double()
    with torch.no_grad():
        for weight, value in zip(cell.parameters(), (W, U, b, c), strict=True):
            weight.copy_(torch.from_numpy(value))
        return cell(torch.from_numpy(x), torch.from_numpy(h)).numpy()


def swapped(x, h, W, U, b, c):
    order = np.r_[5:10, 0:5, 10:15]
    return by_torch(x, h, W[order], U[order], b[order], c[order])


def overwritten(x, h, W, U, b, c):
    """Where the update gate is 1, the candidate."""
    turned = np.r_[1, 1, 1, 1, 1, -1, -1, -1, -1, -1, 1, 1, 1, 1, 1]
    return by_torch(x, h, W * turned[:, None], U * turned[:, None], b * turned, c * turned)


def bias_outside(x, h, W, U, b, c):
    b, c = b.copy(), c.copy()
    b[10:] += c[10:]
    c[10:] = 0
    return by_torch(x, h, W, U, b, c)


def log_probability(logits, x):
    return -np.logaddexp(0, -np.where(x == 1, logits, -logits)).sum(1)


def overflowing(logits, x):
    with np.errstate(all="ignore"):
        p = 1 / (1 + np.exp(-logits))
        return np.log(np.where(x == 1, p, 1 - p)).sum(1)


def posterior(log_p, log_prior):
    joint = log_p + log_prior
    log_x = logsumexp(joint, axis=1)
    return np.exp(joint - log_x[:, None]), log_x


def underflowing(log_p, log_prior):
    with np.errstate(all="ignore"):
        joint = np.exp(log_p + log_prior)
        return joint / joint.sum(1, keepdims=True), np.log(joint.sum(1))


def sharpened(p):
    """By walking down every picture's own path."""
    table, cooled = p.reshape((2,) * 9), np.ones((2,) * 9)
    for picture in np.ndindex(*table.shape):
        for i in range(9):
            black, white = (table[(*picture[:i], bit)].sum() for bit in (0, 1))
            share = white**2 / (white**2 + black**2)
            cooled[picture] *= share if picture[i] else 1 - share
    return cooled.ravel(), p**2 / (p**2).sum()


def masks(size, units):
    places, values = np.arange(units) * size // units, np.arange(size)
    return places[:, None] > values, values[:, None] >= places


def masks_both_loose(size, units):
    places, values = np.arange(units) * size // units, np.arange(size)
    return places[:, None] >= values, values[:, None] >= places


def masks_both_strict(size, units):
    places, values = np.arange(units) * size // units, np.arange(size)
    return places[:, None] > values, values[:, None] > places


def interval(low, width, white, bit):
    return (low, width * white) if bit else (low + width * white, width * (1 - white))


def looks_down():
    network = PixelCNN((1, 9, 9), channels=4, layers=0, kernel=3)
    network.first.mask[2, 1] = 1
    return network


def mask_b_first():
    network = PixelCNN((1, 9, 9), channels=4, layers=1, kernel=3)
    network.first.mask[1, 1] = 1
    return network


def nothing_from_the_left():
    network = PixelCNN((1, 9, 9), channels=4, layers=1, kernel=3)
    network.first.mask[1] = 0
    network.layers[0].mask[1, :1] = 0
    return network


RIGHT = [
    (autoregressive.digits, [237]),
    (autoregressive.cooler, [expit(2 * np.log(4))]),
    (autoregressive.log_probability, [log_probability]),
    (autoregressive.gru_step, [by_torch]),
    (autoregressive.posterior, [posterior]),
    (autoregressive.sharpened, [sharpened]),
    (autoregressive.mask, [lambda kernel, own: MaskedConv2d(1, 1, kernel, own=own).mask.numpy()]),
    (autoregressive.masks, [masks]),
    (autoregressive.reach, [12]),
    (autoregressive.file_size, [144_270]),
    (autoregressive.interval, [interval]),
    (autoregressive.causal, [MADE((1, 9, 9), units=162)]),
    (autoregressive.causal, [PixelCNN((1, 9, 9), channels=4, layers=2, kernel=3)]),
    (autoregressive.causal, [GatedPixelCNN((1, 9, 9), channels=4, layers=2, kernel=3)]),
]
WRONG = [
    (autoregressive.digits, [784], "binary digits"),
    (autoregressive.digits, [236], "one digit more"),
    (autoregressive.digits, [784 * np.log10(2)], "round up"),
    (autoregressive.digits, [100], "decimal logarithm"),
    (autoregressive.cooler, [0.64], "add up to one"),
    (autoregressive.cooler, [2 / 3], "doubles"),
    (autoregressive.cooler, [0.5], "sigmoid"),
    (autoregressive.log_probability, [lambda logits, x: -log_probability(logits, x)], "that is the cost"),
    (autoregressive.log_probability, [lambda logits, x: log_probability(logits, x) / 6], "their sum"),
    (autoregressive.log_probability, [overflowing], "logaddexp"),
    (autoregressive.log_probability, [lambda logits, x: np.zeros(len(x))], "log sigmoid"),
    (autoregressive.gru_step, [swapped], "reset gate comes first"),
    (autoregressive.gru_step, [overwritten], "OLD state"),
    (autoregressive.gru_step, [bias_outside], "together with its bias"),
    (autoregressive.gru_step, [lambda x, h, W, U, b, c: h], "tanh"),
    (autoregressive.posterior, [underflowing], "largest log out"),
    (autoregressive.posterior, [lambda log_p, log_prior: posterior(log_p, 0 * log_prior)], "prior has been left out"),
    (autoregressive.posterior, [lambda log_p, log_prior: posterior(log_p, log_prior)[0]], "expected two things"),
    (autoregressive.posterior, [lambda log_p, log_prior: (posterior(log_p, log_prior)[0], log_p.max(1))], "log of the sum"),
    (autoregressive.sharpened, [lambda p: (p**2 / (p**2).sum(),) * 2], "not the same"),
    (autoregressive.sharpened, [lambda p: (p**2, p**2 / (p**2).sum())], "must add up to one"),
    (autoregressive.sharpened, [lambda p: (sharpened(p)[0], p)], "p squared"),
    (autoregressive.sharpened, [lambda p: (p, p**2 / (p**2).sum())], "at each beginning"),
    (autoregressive.mask, [lambda kernel, own: MaskedConv2d(1, 1, kernel, own=own).mask.numpy().T], "swapped"),
    (autoregressive.mask, [lambda kernel, own: MaskedConv2d(1, 1, kernel, own=not own).mask.numpy()], "the middle must be"),
    (autoregressive.mask, [lambda kernel, own: np.pad([[float(own)]], kernel // 2)], "rows above"),
    (autoregressive.masks, [masks_both_loose], "its own value or a later one"),
    (autoregressive.masks, [masks_both_strict], "not reached"),
    (autoregressive.reach, [10], "mask A"),
    (autoregressive.reach, [30], "2 rows up"),
    (autoregressive.reach, [6], "kernel // 2"),
    (autoregressive.file_size, [100_000], "1 / log 2"),
    (autoregressive.file_size, [800_000 / np.log(2)], "a byte has eight"),
    (autoregressive.file_size, [3], "times 10,000"),
    (autoregressive.interval, [lambda low, width, white, bit: (low, width / 2)], "the width must be"),
    (autoregressive.interval, [lambda low, width, white, bit: (low, width * (white if bit else 1 - white))], "lower share"),
    (autoregressive.causal, [mask_b_first()], "its own pixel"),
    (autoregressive.causal, [looks_down()], "depends on the later pixel at"),
    (autoregressive.causal, [nothing_from_the_left()], "to its left"),
    (autoregressive.causal, [nn.Conv2d(1, 2, 3, padding=1)], "expected logits"),
    (autoregressive.causal, [lambda x: x.mean((2, 3))], "expected logits"),
]
