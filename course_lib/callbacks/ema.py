"""Weights averaged over the last steps."""

import copy
from contextlib import contextmanager

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

from .callback import Callback


class EMA(Callback):
    """Keeps an exponential moving average of the weights: after each step, decay x average + (1 - decay) x weights.

    The trainer evaluates, predicts and samples with the averaged weights, and goes on training with its own; a checkpoint
    holds both. Inside `with trainer.evaluating():` the networks carry the averaged ones. They begin as the weights before the
    first step. (Yazıcı et al., 2019, for generators.)

    decay: 0..1, the share of the old average that is kept at each step; 0.999 averages over about a thousand steps.
    """

    def __init__(self, decay: float = 0.999):
        super().__init__()
        if not 0 <= decay < 1:
            raise ValueError(f"Expected a decay of 0 or more and below 1, got {decay}.")
        self.decay = decay
        self._average = get_ema_multi_avg_fn(decay)  # torch's: one kernel for all tensors

    def on_fit_start(self, trainer):
        for name, part in trainer.parts.items():
            weights = part.state_dict()
            saved = self.state.get(name, weights)  # on the CPU, if it comes from a checkpoint
            self.state[name] = {key: saved[key].detach().to(tensor.device, copy=True) for key, tensor in weights.items()}

    @torch.no_grad()
    def on_step_end(self, trainer):
        for name, part in trainer.parts.items():
            averages, weights = self.state[name], part.state_dict()
            floating = [key for key, tensor in weights.items() if tensor.is_floating_point()]
            self._average([averages[key] for key in floating], [weights[key] for key in floating], None)
            for key in weights.keys() - floating:  # a count, such as batch norm's
                averages[key].copy_(weights[key])

    @contextmanager
    def evaluating(self, trainer):
        """Inside, the networks carry the averaged weights, once there are any."""
        if not self.state:
            yield
            return
        own = {name: copy.deepcopy(part.state_dict()) for name, part in trainer.parts.items()}
        for name, part in trainer.parts.items():
            part.load_state_dict(self.state[name])
        try:
            yield
        finally:
            for name, part in trainer.parts.items():
                part.load_state_dict(own[name])
