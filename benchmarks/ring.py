"""How often the adversarial game in the plane loses modes, and which prices and games cure it.

    python benchmarks/ring.py               (about 10 minutes on one CPU core; writes benchmarks/results/ring.json)

The networks, rounds and rates are those of the chapter Generative adversarial networks; three seeds each. A mode is covered
as `metrics.modes_covered` defines it, from 4,000 generated points. What the real points reach is in the row "real".
"""

import json
import statistics
import time
from functools import partial
from pathlib import Path

import torch

from course_lib import data, games, runtime
from course_lib.callbacks import Schedule, cosine
from course_lib.metrics import modes_covered
from course_lib.models import MLP
from course_lib.objectives import Adversarial
from course_lib.trainer import Trainer

ROUNDS, BATCH, SEEDS = 3840, 256, (0, 1, 2)
GAMES = {
    "non-saturating": {},
    "+ smoothed labels": {"game": games.smoothed(0.9)},
    "+ R1, 0.02": {"penalty": games.r1(0.02)},
    "+ R1, 0.1": {"penalty": games.r1(0.1)},
    "+ R1, 1": {"penalty": games.r1(1.0)},
    "minimax + R1, 0.1": {"game": games.minimax, "penalty": games.r1(0.1)},
    "hinge": {"game": games.hinge},
    "Wasserstein + gradient penalty, 0.1": {"game": games.wasserstein, "penalty": games.gradient_penalty(0.1)},
}


def play(ring, seed, **options):
    """Modes covered and share of good points after a whole game."""
    runtime.set_seed(seed)
    hidden = (64, 64, 64)
    gan = Adversarial(MLP((8, *hidden, 2)), MLP((2, *hidden, 1)), latent_dim=8, **options)
    epochs = ROUNDS * BATCH // len(ring)
    adam = partial(torch.optim.Adam, lr=2e-3, betas=(0.5, 0.9))
    schedule = Schedule(cosine, epochs=epochs)
    Trainer(gan, adam, batch_size=BATCH, seed=seed, callbacks=[schedule], progress=False).fit(ring, epochs)
    return modes_covered(gan.sample(4000, torch.Generator().manual_seed(1)), ring.centres, ring.deviation)


def main():
    print(runtime.describe_machine())
    ring, started = data.ring_of_gaussians(4096), time.perf_counter()
    rows = {"real": modes_covered(ring.points, ring.centres, ring.deviation)}
    for name, options in GAMES.items():
        modes, shares = zip(*(play(ring, seed, **options) for seed in SEEDS), strict=True)
        rows[name] = {"modes": modes, "good": [round(share, 4) for share in shares], "mean_good": statistics.mean(shares)}
        print(name, rows[name], flush=True)
    found = {
        "machine": runtime.describe_machine().splitlines(),
        "command": "python benchmarks/ring.py",
        "rounds": ROUNDS,
        "seeds": SEEDS,
        "rows": rows,
        "total_seconds": round(time.perf_counter() - started),
    }
    path = Path(__file__).parent / "results" / "ring.json"
    path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
