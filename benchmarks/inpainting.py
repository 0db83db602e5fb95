"""Inpainting: every method on the same digits under the same masks, and how it was set.

    python benchmarks/inpainting.py choose          (settings, on training digits that the flow was not trained on)
    python benchmarks/inpainting.py compare         (100 test digits, two fillings of each)
    python benchmarks/inpainting.py compare half    (one mask alone)

A row that is in benchmarks/results/inpainting.json is not measured again. Seconds are of processor time on one thread, for all
fillings of a row, without what is made ready once: digits to look among, and the training of the U-Net, a row of its own.
"""

import sys
import time
from functools import cache, partial
from pathlib import Path

import torch
from torch import nn
from usual import save, saved

from course_lib import applications, callbacks, data, likelihoods, models, objectives, paths, published, runtime, samplers
from course_lib.trainer import Trainer

RESULTS = Path(__file__).parent / "results" / "inpainting.json"
PATH = paths.STRAIGHT
DRAWS = 2  # fillings of each digit


def frozen(network):
    return network.requires_grad_(False)


@cache
def examples():
    return data.mnist(profile="fast")[0]


def nearest(x, keep, seed, *, count=10):
    return applications.mean_of_nearest(x, keep, examples().batch(slice(None))[0], count=count)


@cache
def trained():
    """The trainer of a U-Net for all masks, as the chapter trains it."""
    runtime.set_seed(0)
    network = nn.Sequential(nn.PixelUnshuffle(2), models.UNet(8, 4, widths=(16, 32)), nn.PixelShuffle(2))
    pictures = applications.Masked(examples(), any_mask)
    trainer = Trainer(
        objectives.Regression(network),
        partial(torch.optim.Adam, lr=4e-3, fused=True),
        batch_size=32,
        callbacks=[callbacks.LRSchedule(callbacks.cosine, epochs=3)],
        progress=False,
    )
    started = time.process_time()
    trainer.fit(pictures, 3)
    save(RESULTS, "compare", {"training of the U-Net": {"seconds": round(time.process_time() - started, 2)}})
    return trainer


def regression(x, keep, seed):
    with trained().evaluating(), torch.no_grad():
        return trained().objective.model(applications.shown(x, keep)).clamp(0, 1)


def any_mask(count):
    """Masks of all kinds, in random order."""
    parts = [draw(-(-count // 3)) for draw in applications.MASKS.values()]
    return torch.cat(parts)[torch.randperm(3 * len(parts[0]))[:count]]


def autoregressive(x, keep, seed):
    """In black and white, without a label."""
    return models.draw(
        published.mnist_autoregressive(), len(x), given=(x > 0.5).float(), keep=keep[0, 0], generator=seeded(seed)
    )


def vae(x, keep, seed, *, deviation=0.3, steps=60):
    network = frozen(published.mnist_vae())

    def draw(z):
        return likelihoods.Bernoulli().mean(network.decode(z))

    start = 0.5 * torch.randn(len(x), 32, generator=seeded(seed))
    return draw(applications.search(draw, start, x, keep, deviation=deviation, steps=steps)[0])


def gan(x, keep, seed, *, deviation=0.3, first=20, steps=60):
    """All ten labels a little way, then the one that fits best to the end."""
    network = frozen(published.mnist_gan())
    labels = torch.arange(10).repeat(len(x))

    def draw(labels):
        return lambda z: network(z, labels).add(1).div(2)

    tenfold = [each.repeat_interleave(10, 0) for each in (x, keep)]
    start = torch.randn(10 * len(x), 64, generator=seeded(seed))
    z, cost = applications.search(draw(labels), start, *tenfold, deviation=deviation, steps=first)
    best = cost.view(-1, 10).argmin(1)
    z = z.view(-1, 10, 64)[torch.arange(len(x)), best]
    return draw(best)(applications.search(draw(best), z, x, keep, deviation=deviation, steps=steps)[0])


def repaint(x, keep, seed, *, steps=20, rounds=1):
    network = frozen(published.mnist_flow())
    with runtime.mixed_precision({"network": network}):
        denoise = samplers.denoiser(network, PATH, "velocity")
        return applications.repaint(denoise, x, keep, PATH, PATH.times(steps), rounds=rounds, generator=seeded(seed))


def guided(x, keep, seed, *, steps=20, strength=2.0):
    network = frozen(published.mnist_flow())
    with runtime.mixed_precision({"network": network}):
        denoise = samplers.denoiser(network, PATH, "velocity")
        steered = applications.guided(denoise, lambda x: x * keep, (2 * x - 1) * keep, PATH, strength=strength)
        drawn = samplers.euler(steered, torch.randn(x.shape, generator=seeded(seed)), PATH, PATH.times(steps))
    return drawn.clamp(-1, 1).add(1).div(2)


METHODS = {
    "mean of the 10 nearest": nearest,
    "nearest digit": partial(nearest, count=1),
    "autoregressive": autoregressive,
    "VAE, search": vae,
    "GAN, search": gan,
    "flow, replacement": repaint,
    "flow, RePaint": partial(repaint, rounds=4),
    "flow, guided": guided,
    "flow, replacement in 80 steps": partial(repaint, steps=80),
    "U-Net regression": regression,
}
ALWAYS_THE_SAME = {"mean of the 10 nearest", "nearest digit", "U-Net regression"}
CHOICES = {
    "mean of nearest": (nearest, [{"count": count} for count in (3, 10, 30)]),
    "VAE, search": (vae, [{"deviation": deviation} for deviation in (0.15, 0.3, 0.6)]),
    "GAN, search": (gan, [{"deviation": deviation} for deviation in (0.15, 0.3, 0.6)]),
    "flow, RePaint": (repaint, [{"steps": s, "rounds": r} for s, r in ((20, 1), (40, 1), (80, 1), (10, 8), (20, 4), (40, 2))]),
    "flow, guided": (guided, [{"strength": strength} for strength in (0.5, 1.0, 2.0, 4.0)]),
}


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def measured(x, labels, keep, fill, draws=DRAWS):
    """What a method makes of the images: error, share read as the true digit, seams, spread, seconds."""
    started = time.process_time()
    fillings = torch.stack([applications.composite(x, fill(x, keep, seed), keep) for seed in range(draws)])
    seconds = time.process_time() - started
    right = torch.stack([read(each) == labels for each in fillings]).float().mean(0)  # (B,)
    error = torch.stack([applications.hidden_error(x, each, keep) for each in fillings]).square().mean(0).sqrt()
    seam = torch.stack([applications.seams(each, keep) for each in fillings]).mean() / applications.seams(x, keep).mean()
    row = {"agreement": right.mean(), "agreement_se": right.std() / len(x) ** 0.5, "error": error.square().mean().sqrt()}
    row |= {"seams": seam, "spread": applications.spread(fillings, keep).mean() if draws > 1 else 0.0}
    return {name: round(float(value), 4) for name, value in row.items()} | {"seconds": round(seconds, 2)}, right


@torch.no_grad()
def read(images):
    reader = published.mnist_features()
    return reader.head(reader.features(images)).argmax(1)


def choose(count=60):
    """On the lower half of digits of the fast profile that the flow was not trained on."""
    train = data.mnist(profile="full")[0]
    _, held_out = data.split(train, 11 / 12)
    x, labels = held_out.batch(slice(0, count))
    keep = applications.lower_half(count)
    for name, (fill, grid) in CHOICES.items():
        for setting in grid:
            row = f"{name}, " + ", ".join(f"{key} {value:g}" for key, value in setting.items())
            if row not in saved(RESULTS, "choose"):
                save(RESULTS, "choose", {row: measured(x, labels, keep, partial(fill, **setting), draws=1)[0]})


def compare(*kinds):
    """All methods; for each mask also which digits were read right, for paired intervals."""
    digits = data.unseen_digits()
    x, labels = digits.batch(slice(None))
    ready = {"mean of the 10 nearest": examples, "nearest digit": examples, "U-Net regression": trained}
    for kind in kinds or applications.MASKS:
        draw = applications.MASKS[kind]
        keep = draw(len(x)) if kind == "half" else draw(len(x), generator=seeded(0))
        if f"{kind}, whole digits" not in saved(RESULTS, "compare"):
            row = {"agreement": (read(x) == labels).float().mean().item(), "hidden": round(1 - keep.float().mean().item(), 3)}
            save(RESULTS, "compare", {f"{kind}, whole digits": row})
        for name, fill in METHODS.items():
            if f"{kind}, {name}" in saved(RESULTS, "compare") or (name == "autoregressive" and kind != "half"):
                continue
            ready.get(name, lambda: None)()
            row, right = measured(x, labels, keep, fill, draws=1 if name in ALWAYS_THE_SAME else DRAWS)
            row["right"] = "".join(f"{value * DRAWS:.0f}" for value in right.tolist())
            save(RESULTS, "compare", {f"{kind}, {name}": row})


if __name__ == "__main__":
    {"choose": choose, "compare": compare}[sys.argv[1]](*sys.argv[2:])
