"""A convolutional network and a vision transformer of the same size on the same budget, with 500, 4,000 and 60,000 digits.

    python benchmarks/attention.py            (an hour on one CPU core; goes on where it was stopped)

Both networks (`models.ConvNet`, `models.ViT`) have about 93,000 parameters and take 960 steps of 125 digits, AdamW along one cycle.
The peak rate is chosen for each network and each number of digits on 5,000 training digits that are held out; then three seeds
train on digits drawn anew, all 60,000 in the last case, and the 10,000 test digits only measure. `shuffled` repeats the second
half with the sixteen squares of 7 x 7 pixels of every digit in another order, the same for all digits, at the rates already chosen.
Results go to benchmarks/results/attention.json after every run.
"""

import json
import statistics
from functools import partial
from pathlib import Path

import torch

from course_lib import data, models, runtime
from course_lib.callbacks import LRSchedule, one_cycle
from course_lib.objectives import Classification
from course_lib.trainer import Trainer

RESULTS = Path(__file__).parent / "results" / "attention.json"
NETWORKS = {"ConvNet": models.ConvNet, "ViT": models.ViT}
COUNTS = (500, 4_000, 60_000)
RATES = (1e-3, 3e-3, 1e-2)
BATCH, STEPS = 125, 960
SEEDS = range(3)


def trained(name, digits, rate, seed):
    """A trainer after 960 steps on these digits."""
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
    """The sixteen squares of 7 x 7 of each digit, in another order."""
    order = torch.randperm(16, generator=torch.Generator().manual_seed(0))
    squares = digits.images.unflatten(3, (4, 7)).unflatten(2, (4, 7)).transpose(3, 4)  # (N, 1, 4, 4, 7, 7)
    mixed = squares.flatten(2, 3)[:, :, order].unflatten(2, (4, 4)).transpose(3, 4)  # -> (N, 1, 4, 7, 4, 7)
    return digits.with_images(mixed.flatten(4).flatten(2, 3), name="shuffled digits")


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

    def keep(row, key, run):
        """Once, also when the script is started again."""
        if key not in row:
            row[key] = run()
            RESULTS.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
            print(key, row[key], flush=True)

    fit_part, held_out = data.split(train, 55_000 / 60_000, seed=0)
    for count in COUNTS:
        for name in NETWORKS:
            row = rows.setdefault(f"{name}, {count}", {})
            few = data.split(fit_part, count / len(fit_part), seed=0)[0] if count < len(fit_part) else fit_part
            for rate in RATES:
                keep(row, f"held out, rate {rate:g}", lambda: trained(name, few, rate, 0).evaluate(held_out)["accuracy"])
            row["rate"] = max(RATES, key=lambda rate: row[f"held out, rate {rate:g}"])
    for change in (None, shuffled):
        for count in COUNTS:
            for name in NETWORKS:
                row = rows[f"{name}, {count}"]
                kind = "shuffled" if change else "accuracy"
                for seed in SEEDS:
                    digits = data.split(train, count / len(train), seed=1 + seed)[0] if count < len(train) else train
                    parts = [change(part) if change else part for part in (digits, test)]
                    keep(
                        row,
                        f"{kind}, seed {seed}",
                        lambda: trained(name, parts[0], row["rate"], seed).evaluate(parts[1])["accuracy"],
                    )
                row[f"mean {kind}"] = round(statistics.mean(row[f"{kind}, seed {seed}"] for seed in SEEDS), 4)
                RESULTS.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    found["complete"] = True
    RESULTS.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
