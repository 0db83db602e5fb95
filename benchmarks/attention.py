"""A convolutional network and a vision transformer of the same size on the same budget, with 500, 4,000 and 55,000 digits.

    python benchmarks/attention.py            (some seven minutes of one CPU core; goes on where it was stopped)

Both networks (`models.ConvNet`, `models.ViT`) have about 93,000 parameters and take 480 steps of 125 digits, AdamW along one
cycle, at each of three peak rates, one seed; with 55,000 digits, one pass, that is 440 steps. The other 5,000 of MNIST's
training digits are held out and measure. `best` is the best of the three rates. Results go to
benchmarks/results/attention.json after each run.
"""

import json
from functools import partial
from itertools import product
from pathlib import Path

import torch

from course_lib import data, models, runtime
from course_lib.callbacks import LRSchedule, one_cycle
from course_lib.objectives import Classification
from course_lib.trainer import Trainer

RESULTS = Path(__file__).parent / "results" / "attention.json"
NETWORKS = {"ConvNet": models.ConvNet, "ViT": models.ViT}
EPOCHS = {500: 120, 4_000: 15, 55_000: 1}
RATES = (1e-3, 3e-3, 1e-2)
BATCH = 125


def accuracy(name, digits, rate, held_out, *, epochs):
    """On the digits held out, after training on the others."""
    runtime.set_seed(0)
    adamw = partial(torch.optim.AdamW, lr=rate, weight_decay=0.05, fused=True)
    cycle = LRSchedule(one_cycle, epochs=epochs)
    trainer = Trainer(Classification(NETWORKS[name]()), adamw, batch_size=BATCH, callbacks=[cycle], progress=False)
    trainer.fit(digits, epochs)
    return trainer.evaluate(held_out)["accuracy"]


def main():
    fit_part, held_out = data.split(data.mnist(profile="full")[0], 55_000 / 60_000, seed=0)
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"rows": {}}
    found |= {
        "machine": runtime.describe_machine().splitlines(),
        "command": "python benchmarks/attention.py",
        "parameters": {name: sum(p.numel() for p in make().parameters()) for name, make in NETWORKS.items()},
        "batch": BATCH,
        "steps": {str(count): epochs * count // BATCH for count, epochs in EPOCHS.items()},
    }
    for (count, epochs), name in product(EPOCHS.items(), NETWORKS):
        digits = data.split(fit_part, count / len(fit_part), seed=0)[0] if count < len(fit_part) else fit_part
        row = found["rows"].setdefault(f"{name}, {count}", {})
        for rate in RATES:
            if f"{rate:g}" not in row:  # it goes on where it was stopped
                row[f"{rate:g}"] = accuracy(name, digits, rate, held_out, epochs=epochs)
                print(name, count, rate, row[f"{rate:g}"], flush=True)
            row["best"] = max(row[key] for key in row if key != "best")
            RESULTS.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
