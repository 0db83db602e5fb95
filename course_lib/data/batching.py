"""Which examples make up each batch: seeded, resumable, and shared out among processes."""

import numpy as np
import torch

from .. import runtime
from .images import Images
from .points import Points


def batches(
    count: int, batch_size: int, *, epoch: int, seed: int, rank: int = 0, world: int = 1
) -> list[tuple[torch.Tensor, int]]:
    """Index tensors of one process for one shuffled pass over `count` examples.

    The order depends on (seed, epoch) alone, so a run resumes by skipping batches it has done. Every batch of
    `batch_size` examples is shared out among the `world` processes: together they see each example once. The last batch
    is shorter when it must be; one too short to give each process an example joins the batch before it.

    count: examples.
    batch_size: examples in a batch, over all processes together.
    epoch, seed: what the order depends on.
    rank: the number of this process.
    world: how many processes there are.

    Returns (index, global_size) pairs, the indices on the device. Raises ValueError with fewer examples than processes, or
    a batch size below their number.
    """
    if batch_size < world or count < world:
        raise ValueError(
            f"Expected at least one example in each batch for each of {world} processes; "
            f"got {count} examples in batches of {batch_size}; take a larger batch_size, more examples or fewer processes."
        )
    order = torch.from_numpy(np.random.default_rng([seed, epoch]).permutation(count)).to(runtime.device())
    chunks = list(order.split(batch_size))
    if len(chunks[-1]) < world:
        chunks[-2:] = [torch.cat(chunks[-2:])]
    return [(chunk[rank::world], len(chunk)) for chunk in chunks]


def split(dataset: Images | Points, fraction: float, *, seed: int = 0) -> tuple:
    """Two sets, the first with `fraction` of each class of `dataset.labels`, in random order.

    dataset: Images or Points.
    fraction: between 0 and 1.
    seed: of the choice and the order.
    """
    from sklearn.model_selection import train_test_split

    if not 0 < fraction < 1:
        raise ValueError(f"Expected a fraction between 0 and 1, got {fraction}.")
    labels = dataset.labels.cpu().numpy()
    first, second = train_test_split(np.arange(len(labels)), train_size=fraction, stratify=labels, random_state=seed)
    return dataset.subset(first), dataset.subset(second)
