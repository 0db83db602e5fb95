"""Weights of few bits that know what they are for: most bits where errors cost most, and the rest make good what one spoils.

A change d of a row of weights changes its answer to inputs x by d^T M d in the mean of squares, M = E[x x^T]. So once a column
is rounded, the weights that are still free move to where that is least (GPTQ: Frantar et al., 2023).
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

SEEN = 4_000  # inputs of a layer, at most: pixels are many and alike
DAMPING = 0.01  # of the mean moment, added to each: so much is not trusted
FEWEST, MOST = 1.3, 7.0  # bits

Study = dict[nn.Module, tuple[torch.Tensor, float]]


def study(network: nn.Module, run: Callable[[], torch.Tensor]) -> Study:
    """Of each dense layer and convolution of a network: the moment (K, K) of its inputs, and bits above the mean.

    A bit more makes errors half as large, so the bits that cost least in all go with the logarithm of what errors cost: the
    gradient, squared, of the network's answers. Averaged over all weights they are 0.

    network: whose layers are looked at.
    run: runs it on examples, and returns what it answers.
    """
    moments, random = {}, torch.Generator().manual_seed(0)

    def look(layer, given):
        x = given[0].detach().float()
        if isinstance(layer, nn.Conv2d):
            x = F.unfold(x, layer.kernel_size, padding=layer.padding, stride=layer.stride).transpose(1, 2)  # (B, places, K)
        x = x.flatten(0, -2)
        x = x[torch.randperm(len(x), generator=random)[:SEEN].to(x.device)]
        moments[layer] = x.T @ x / len(x)

    layers = [layer for layer in network.modules() if isinstance(layer, (nn.Linear, nn.Conv2d))]
    hooks = [layer.register_forward_pre_hook(look) for layer in layers]
    try:
        with torch.enable_grad():
            answers = run()
            signs = 2.0 * torch.randint(0, 2, answers.shape, generator=random) - 1  # so the square of the sum sums squares
            found = torch.autograd.grad(answers, [layer.weight for layer in moments], signs.to(answers))
    finally:
        for hook in hooks:
            hook.remove()
    costs = {}
    for layer, gradient in zip(moments, found, strict=True):
        size = layer.weight.detach().flatten(1).square().mean(1, keepdim=True)  # errors grow with their row's weights
        costs[layer] = math.log2((gradient.flatten(1).square() * size).mean().item() + 1e-30) / 2
    weights = sum(layer.weight.numel() for layer in costs)
    mean = sum(layer.weight.numel() * cost for layer, cost in costs.items()) / weights
    return {layer: (moments[layer], costs[layer] - mean) for layer in moments}


def rounded(rows: torch.Tensor, scale: torch.Tensor, moment: torch.Tensor) -> torch.Tensor:
    """Whole numbers -127..127 whose products with their row's scale do what the rows (R, K) did.

    rows: weights (R, K).
    scale: (R,), above 0.
    moment: (K, K), of `study`.
    """
    damped = moment + DAMPING * moment.diagonal().mean() * torch.eye(len(moment), device=moment.device)
    order = damped.diagonal().argsort(descending=True)  # columns that matter most have most others left to make good
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped[order][:, order]))
    root = torch.linalg.cholesky(inverse, upper=True)  # (K, K)
    left, whole = rows[:, order].clone(), torch.empty_like(rows)
    for start in range(0, len(order), 64):  # in blocks, so that most of it is one product of matrices
        block = slice(start, start + 64)
        spoilt = torch.zeros_like(left[:, block])
        for i, column in enumerate(order[block].tolist(), start):
            whole[:, column] = (left[:, i] / scale).round().clamp(-127, 127)
            spoilt[:, i - start] = (left[:, i] - whole[:, column] * scale) / root[i, i]
            left[:, i : start + 64] -= spoilt[:, i - start, None] * root[i, i : start + 64]
        left[:, start + 64 :] -= spoilt @ root[block, start + 64 :]
    return whole
