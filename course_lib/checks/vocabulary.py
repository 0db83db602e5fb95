"""Exercises of the chapter on labels and codebooks."""

import math

import torch

from .verdict import call, call_for_pair, numbers, require, require_close, right


def bits(words, times):
    """Bits of 32 x 32 words out of 8,192, and how many times fewer than those of 256 x 256 pixels of 3 bytes: two numbers."""
    words, times = (numbers(value, (), "one number each.") for value in (words, times))
    require(abs(words - 1024 * math.log(8192)) > 1, "that is in nats: a bit is the logarithm to base 2.")
    require(abs(words - 1024 * 8192) > 1, "a word of 8,192 is one of 8,192, not 8,192 bits.")
    require_close(words, 13_312, "13 bits a word, 1,024 words.")
    require(abs(times - 256 * 256 * 8 / words) > 1e-3, "the picture has three channels.")
    require(abs(times - 256 * 256 * 3 / words) > 1e-3, "those are bytes: eight bits each.")
    require_close(times, 256 * 256 * 24 / words, "24 bits a pixel, divided by the bits of the words.", tolerance=1e-2)
    right("a network that continues sequences has 1,024 words to write, not 196,608 bytes.")


def nearest(function):
    """function(h, codebook) -> the index of the nearest codeword for each vector, of tensors (N, D) and (K, D): (N,)."""
    hint = "the squared distance of each vector to each word, (N, K); then the smallest of each row."
    generator = torch.Generator().manual_seed(0)
    for count, words, dim in ((7, 4, 3), (5, 9, 2), (1, 3, 8)):
        h = torch.randn(count, dim, generator=generator)
        codebook = torch.randn(words, dim, generator=generator) * torch.linspace(0.3, 3, words)[:, None]
        distances = torch.cdist(h.double(), codebook.double())
        answer = call(function, h, codebook, hint=hint)
        found = numbers(answer, (count,), hint)
        by_product = (h @ codebook.T).argmax(1).numpy()
        if (by_product != distances.argmin(1).numpy()).any():
            require(
                not (found == by_product).all(), "the largest product favours long words; take off half their squared length."
            )
        require(not (found == distances.argmax(1).numpy()).all() or words == 1, "that is the farthest.")
        require_close(found, distances.argmin(1).numpy(), hint)
    right("each vector has its word.")


def perplexity(function):
    """function(codes, words) -> the perplexity of whole numbers, a tensor of any shape, with so many words: a number."""
    hint = "exp of the entropy of the words' shares, in nats."
    generator = torch.Generator().manual_seed(0)
    cases = [(torch.arange(8).view(2, 4), 8), (torch.full((3, 5), 2), 6)]
    cases.append((torch.randint(0, 5, (4, 7, 7), generator=generator), 9))
    for codes, words in cases:
        share = torch.bincount(codes.flatten(), minlength=words).double() / codes.numel()
        entropy = torch.special.entr(share).sum().item()
        answer = call(function, codes, words, hint=hint)
        found = numbers(answer, (), hint)
        require(math.isfinite(found), "a word that never occurs counts as 0, not as 0 times minus infinity.")
        if entropy:
            require(abs(found - entropy) > 1e-6, "that is the entropy: take its exponential.")
        require_close(found, math.exp(entropy), hint, tolerance=1e-4)
    right("equally frequent words give their number, a single one gives 1.")


def two_terms(function):
    """function(h, e) -> the codebook's term and the commitment, each (N,), of tensors (N, D)."""
    hint = "both are squared distances; they differ in which of the two is a constant."
    generator = torch.Generator().manual_seed(0)
    h, e = (torch.randn(4, 3, generator=generator).requires_grad_() for _ in range(2))
    found = call_for_pair(lambda: function(h, e), hint=hint)  # a copy would keep the slopes to itself
    distance = (h - e).square().sum(1).detach()
    for name, term, moves, stays in (("the codebook's term", found[0], e, h), ("the commitment", found[1], h, e)):
        require(isinstance(term, torch.Tensor) and term.requires_grad, f"{name}: expected a tensor with a gradient.")
        require_close(numbers(term.detach(), (4,), hint), distance.numpy(), f"{name}: the squared distance of each row.")
        slopes = torch.autograd.grad(term.sum(), [moves, stays], allow_unused=True, retain_graph=True)
        require(slopes[0] is not None and slopes[0].abs().sum() > 0, f"{name} moves nothing that it should: what is constant?")
        require(slopes[1] is None or slopes[1].abs().sum() == 0, f"{name} moves the other one as well: make that a constant.")
    right("one moves the words, the other the encoder.")
