"""Samples drawn while a generator learns."""

import torch

from .. import contract
from .callback import Callback


class SampleGrid(Callback):
    """Draws samples from the same noise again and again, so that what changes is the learning.

    The objective has `sample(count, generator)`, which returns images (count, C, H, W). `grids` collects them on the CPU,
    an (epoch, images) pair each.

    count: images a time.
    every: epochs from one time to the next.
    seed: of the noise.
    """

    def __init__(self, *, count: int = 64, every: int = 1, seed: int = 0):
        super().__init__()
        self.count = contract.whole_number("count", count, at_least=1)
        self.every = contract.whole_number("every", every, at_least=1)
        self.seed = seed
        self.grids = []

    @torch.no_grad()
    def on_epoch_end(self, trainer):
        if trainer.epoch % self.every == 0:
            noise = torch.Generator().manual_seed(self.seed)  # on the CPU: the same noise everywhere
            with trainer.evaluating():
                self.grids.append((trainer.epoch, trainer.objective.sample(self.count, noise).cpu()))
