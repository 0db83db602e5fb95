"""A convolutional network and a vision transformer of the same size on the same budget, with 500, 4,000 and 60,000 digits.

    python benchmarks/attention.py            (a quarter of an hour on one CPU core; goes on where it was stopped)

Both networks (`models.ConvNet`, `models.ViT`) have about 93,000 parameters and take 480 steps of 125 digits, AdamW along one
cycle. The peak rate is chosen for each network and each number of digits on 5,000 training digits that are held out; then three
seeds train on digits drawn anew, all 60,000 in the last case, and the 10,000 test digits only measure. `shuffled` repeats the
second half for the ConvNet with the sixteen squares of 7 x 7 pixels of every digit, and the pixels of every square, in another
order, the same for all digits, at the rates already chosen. (To the ViT it makes no difference.) Results go to
benchmarks/results/attention.json after every run.
"""

import json
import statistics
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
COUNTS = (500, 4_000, 60_000)
RATES = (1e-3, 3e-3, 1e-2, 3e-2)
BATCH, STEPS = 125, 480
SEEDS = range(3)


def trained(name, digits, rate, seed):
    """A trainer after 480 steps on these digits."""
    epochs = max(1, round(STEPS * BATCH / len(digits)))
    runtime.set_seed(seed)
    objective = Classification(NETWORKS[name]())
    adamw = partial(torch.optim.AdamW, lr=rate, weight_decay=0.05, fused=True)
    trainer = Trainer(
        objective, adamw, batch_size=BATCH, seed=seed, callbacks=[LRSchedule(one_cycle, epochs=epochs)], progress=False
    )
    trainer.fit(digits, epochs)
    return trainer


def shuffled(digits):
    """The sixteen squares of 7 x 7 of each digit in another order, and the 49 pixels of each square too."""
    generator = torch.Generator().manual_seed(0)
    squares, pixels = torch.randperm(16, generator=generator), torch.randperm(49, generator=generator)
    patches = digits.images[:, 0].unflatten(2, (4, 7)).unflatten(1, (4, 7)).transpose(2, 3).flatten(3).flatten(1, 2)
    mixed = patches[:, squares][:, :, pixels].unflatten(2, (7, 7)).unflatten(1, (4, 4))  # (N, 16, 49) -> (N, 4, 4, 7, 7)
    images = mixed.transpose(2, 3).flatten(3).flatten(1, 2).unsqueeze(1)  # -> (N, 1, 28, 28)
    return digits.with_images(images, name="shuffled digits")


def main():
    train, test = data.mnist(profile="full")
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"rows": {}}
    found |= {
        "machine": runtime.describe_machine().splitlines(),
        "command": "python benchmarks/attention.py",
        "parameters": {name: sum(p.numel() for p in make().parameters()) for name, make in NETWORKS.items()},
        "batch": BATCH,
        "steps": STEPS,
    }
    rows = found["rows"]

    def keep(row, key, name, digits, rate, seed, measured):
        """Once, also when the script is started again."""
        if key not in row:
            row[key] = trained(name, digits, rate, seed).evaluate(measured)["accuracy"]
            write(found)
            print(name, len(digits), key, row[key], flush=True)

    fit_part, held_out = data.split(train, 55_000 / 60_000, seed=0)
    for count, name in product(COUNTS, NETWORKS):
        row = rows.setdefault(f"{name}, {count}", {})
        for rate in RATES:
            keep(row, f"held out, rate {rate:g}", name, some_of(fit_part, count, 0), rate, 0, held_out)
        row["rate"] = max(RATES, key=lambda rate, row=row: row[f"held out, rate {rate:g}"])
    for kind, count, name in product(("accuracy", "shuffled"), COUNTS, NETWORKS):
        if (kind, name) == ("shuffled", "ViT"):
            continue
        row = rows[f"{name}, {count}"]
        for seed in SEEDS:
            digits, measured = some_of(train, count, 1 + seed), test
            if kind == "shuffled":
                digits, measured = shuffled(digits), shuffled(measured)
            keep(row, f"{kind}, seed {seed}", name, digits, row["rate"], seed, measured)
        row[f"mean {kind}"] = round(statistics.mean(row[f"{kind}, seed {seed}"] for seed in SEEDS), 4)
    write(found)


def some_of(digits, count, seed):
    """`count` of the digits, as many of each class, or all if there are no more."""
    return data.split(digits, count / len(digits), seed=seed)[0] if count < len(digits) else digits


def write(found):
    RESULTS.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
