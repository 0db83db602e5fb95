"""What stops a deep plain network from learning, and which part of batch normalization mends it.

    python benchmarks/depth.py                (ten minutes on one CPU core; goes on where it was stopped)

Networks of the chapter Deeper networks, on 500 digits of 14 x 14 pixels, 320 steps of 32 with AdamW at a constant rate. Each
kind is trained at each of two rates with three seeds, which choose the digits and the weights. Kept are the shares right, on
the training digits and on the 1,000 new ones, after 80 and after 320 steps. Results go to benchmarks/results/depth.json after
every run, with the rate that is best on the training digits at the end, on average: the question is what can be learned at all.
"""

import json
import statistics
from functools import partial
from itertools import product
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from course_lib import data, models, runtime
from course_lib.objectives import Classification
from course_lib.trainer import Trainer

RESULTS = Path(__file__).parent / "results" / "depth.json"
RATES = (1e-3, 3e-3)
SEEDS = range(3)


class Centered(nn.Module):
    """Batch normalization without the division: each channel minus its mean, plus a learned shift."""

    def __init__(self, channels):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(channels))
        self.register_buffer("average", torch.zeros(channels))

    def forward(self, x):
        mean = x.float().mean((0, 2, 3)) if self.training else self.average
        if self.training:
            self.average.lerp_(mean.detach(), 0.1)
        return x - (mean - self.shift)[:, None, None]


class Scaled(nn.Module):
    """Batch normalization without the subtraction: each channel over its standard deviation, times a learned scale."""

    def __init__(self, channels):
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("average", torch.ones(channels))

    def forward(self, x):
        variance = x.float().var((0, 2, 3)) if self.training else self.average
        if self.training:
            self.average.lerp_(variance.detach(), 0.1)
        return x * (self.scale / (variance + 1e-5).sqrt())[:, None, None] + self.shift[:, None, None]


KINDS = {
    "plain": {"normalization": None, "residual": False},
    "centered": {"normalization": Centered, "residual": False},
    "scaled": {"normalization": Scaled, "residual": False},
    "batch norm": {"residual": False},
    "links": {"normalization": None},
    "batch norm and links": {},
}
NETWORKS = [(1, "plain"), *((3, kind) for kind in KINDS)]


def halved(digits):
    images = F.avg_pool2d(digits.images.float(), 2).round().to(torch.uint8)
    return digits.with_images(images, name="half-size digits")


def shares(train, test, blocks, kind, rate, seed):
    """Shares right on training and new digits, after 80 and after 320 steps."""
    few, _ = data.split(train, 500 / len(train), seed=seed)
    runtime.set_seed(seed)
    network = models.ResNet((1, 14, 14), widths=(8, 16, 32), blocks=blocks, **KINDS[kind])
    adamw = partial(torch.optim.AdamW, lr=rate, weight_decay=0.01)
    trainer = Trainer(Classification(network), adamw, batch_size=32, seed=seed, progress=False)
    found = {}
    for steps, epochs in ((80, 5), (320, 15)):
        trainer.fit(few, epochs)
        found[f"{steps} steps"] = [round(trainer.evaluate(part)["accuracy"], 4) for part in (few, test)]
    return found


def main():
    train, test = map(halved, data.mnist(profile="fast"))
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"rows": {}}
    found |= {"machine": runtime.describe_machine().splitlines(), "command": "python benchmarks/depth.py"}
    for blocks, kind in NETWORKS:
        row = found["rows"].setdefault(f"{6 * blocks + 2} layers, {kind}", {"runs": {}})
        for rate, seed in product(RATES, SEEDS):
            key = f"rate {rate:g}, seed {seed}"
            if key not in row["runs"]:
                row["runs"][key] = shares(train, test, blocks, kind, rate, seed)
                RESULTS.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
                print(blocks, kind, key, row["runs"][key], flush=True)
        shares_of = {rate: [row["runs"][f"rate {rate:g}, seed {seed}"]["320 steps"][0] for seed in SEEDS] for rate in RATES}
        row["rate"] = max(RATES, key=lambda rate, found=shares_of: statistics.mean(found[rate]))
    RESULTS.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
