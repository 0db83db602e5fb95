"""The checks of the chapter on labels and codebooks take right answers and turn down wrong ones."""

import math

import torch

from course_lib.checks import vocabulary


def nearest(h, codebook):
    return torch.cdist(h, codebook).argmin(1)


def shares(codes, words):
    return torch.bincount(codes.flatten(), minlength=words) / codes.numel()


def perplexity(codes, words):
    return torch.special.entr(shares(codes, words)).sum().exp()


def perplexity_of_nan(codes, words):
    share = shares(codes, words)
    return (-share * share.log()).sum().exp()


def squares(h, e):
    return (h - e).square().sum(1)


RIGHT = [
    (vocabulary.bits, [13_312, 256 * 256 * 24 / 13_312]),
    (vocabulary.nearest, [nearest]),
    (vocabulary.nearest, [lambda h, codebook: (codebook.square().sum(1) - 2 * h @ codebook.T).argmin(1)]),
    (vocabulary.perplexity, [perplexity]),
    (vocabulary.two_terms, [lambda h, e: (squares(h.detach(), e), squares(h, e.detach()))]),
]
WRONG = [
    (vocabulary.bits, [1024 * math.log(8192), 118], "in nats"),
    (vocabulary.bits, [1024 * 8192, 118], "one of 8,192"),
    (vocabulary.bits, [13_312, 256 * 256 * 8 / 13_312], "three channels"),
    (vocabulary.bits, [13_312, 256 * 256 * 3 / 13_312], "eight bits"),
    (vocabulary.nearest, [lambda h, codebook: (h @ codebook.T).argmax(1)], "long words"),
    (vocabulary.nearest, [lambda h, codebook: torch.cdist(h, codebook).argmax(1)], "farthest"),
    (vocabulary.nearest, [lambda h, codebook: torch.cdist(h, codebook)], "(7,)"),
    (vocabulary.perplexity, [perplexity_of_nan], "never occurs"),
    (vocabulary.perplexity, [lambda codes, words: perplexity(codes, words).log()], "exponential"),
    (vocabulary.two_terms, [lambda h, e: (squares(h, e.detach()), squares(h, e.detach()))], "moves nothing"),
    (vocabulary.two_terms, [lambda h, e: (squares(h, e), squares(h, e))], "as well"),
    (vocabulary.two_terms, [lambda h, e: (squares(h, e).detach(), squares(h, e))], "a gradient"),
]
