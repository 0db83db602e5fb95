"""The flow of digits: how much guidance, how many steps, and what the trainer and the samplers cost.

    python benchmarks/flow.py guidance   (four minutes on one CPU core: chosen on training digits that were held out)
    python benchmarks/flow.py steps      (six minutes: Fréchet distance against evaluations, on the test digits)
    python benchmarks/flow.py step       (two minutes: images a second of the trainer, against a loop by hand)
    python benchmarks/flow.py sampler    (a minute: seconds of a sampler, against those of its evaluations alone)

Distances are of the features of published.mnist_features, between 2,000 drawn and 2,000 real digits. Results go to
benchmarks/results/flow.json.
"""

import statistics
import sys
import time
from functools import partial
from pathlib import Path

import torch
from usual import save, trainer_over_bare

from course_lib import data, metrics, models, paths, published, runtime, samplers
from course_lib.objectives import Denoising
from course_lib.recipes.likeness import features
from course_lib.trainer import Trainer

RESULTS = Path(__file__).parent / "results" / "flow.json"
COUNT = 2_000
SCALES = (1.0, 1.2, 1.4, 1.7, 2.0)
STEPS = {"euler": (2, 5, 10, 20), "heun": (2, 3, 5, 8), "ancestral": (10, 20)}


@torch.no_grad()
def distance(real, **how):
    """The Fréchet distance of the published flow's digits, drawn as `how` says, and their precision and recall."""
    network = published.mnist_flow()
    with runtime.mixed_precision({"network": network}):
        images = published.GENERATORS["mnist_flow"](network, COUNT, torch.Generator().manual_seed(7), **how)
    drawn = features(images)
    report = metrics.generative_report(real, drawn)
    return {name: round(getattr(report, name), 4) for name in ("frechet", "precision", "recall", "density", "coverage")}


def held_out():
    """As many of the training digits that the network was not trained on, in 0..1."""
    images = data.mnist(profile="full")[0]
    _, validation = data.split(images, 11 / 12)
    return validation.batch(slice(0, COUNT))[0]


@torch.no_grad()
def guidance():
    real = features(held_out())
    for scale in SCALES:
        save(RESULTS, "guidance", {f"{scale:g}": distance(real, guidance=scale)})


@torch.no_grad()
def steps():
    train, test = data.mnist(profile="full")
    real = features(test.batch(slice(0, COUNT))[0])
    save(RESULTS, "steps", {"real": {"frechet": metrics.frechet_distance(real, features(train.batch(slice(0, COUNT))[0]))}})
    for name, counts in STEPS.items():
        for count in counts:
            sampler = samplers.SAMPLERS[name]
            how = {"generator": torch.Generator().manual_seed(1)} if name == "ancestral" else {}
            evaluations = 2 * (2 * count - 1 if name == "heun" else count)  # each asks with and without the label
            row = distance(real, steps=count, sampler=partial(sampler, **how))
            save(RESULTS, "steps", {f"{name} {count}": {"evaluations": evaluations} | row})


def step(rounds=8, images=1_280):
    """The trainer's rate over that of a loop by hand."""
    train = data.mnist(profile="fast")[0].with_value_range(-1, 1).subset(slice(0, images))
    adam = partial(torch.optim.Adam, lr=1e-3, fused=True)
    make = partial(models.NoiseUNet, 1, widths=(64, 128), classes=10)
    by_trainer = Trainer(Denoising(make(), (1, 28, 28)), adam, batch_size=64, progress=False)
    network, reduced = make().to(memory_format=torch.channels_last), runtime.precision() == "bf16"
    optimizer = adam(network.parameters())

    def bare():
        for index in torch.randperm(images).split(64):
            x = train.images[index].float().mul_(2 / 255).sub_(1).contiguous(memory_format=torch.channels_last)
            labels = torch.where(torch.rand(len(x)) < 0.1, -1, train.labels[index])
            t, noise = torch.randn(len(x)).sigmoid(), torch.randn_like(x)
            seen = paths.STRAIGHT.seen(paths.STRAIGHT.mix(x, noise, t), t)
            with torch.autocast("cpu", torch.bfloat16, enabled=reduced):
                output = network(*seen, labels)
            loss = (output.float() - (noise - x)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.item()

    save(RESULTS, "step", trainer_over_bare(lambda: by_trainer.fit(train, 1), bare, rounds, images))


@torch.no_grad()
def sampler(rounds=10, images=100, count=8):
    """The time of the network's evaluations alone over that of Euler's sampler, which makes as many."""
    network = published.mnist_flow()
    z, angle, labels = torch.randn(images, 1, 28, 28), torch.full((images,), 0.5), torch.arange(images) % 10
    times = paths.STRAIGHT.times(count)
    ratios = []
    for _ in range(rounds):
        started = time.process_time()
        for _ in range(count):
            network(z, angle, labels)
        between = time.process_time()
        samplers.euler(samplers.denoiser(network, paths.STRAIGHT, "velocity", labels=labels), z, paths.STRAIGHT, times)
        ratios.append((between - started) / (time.process_time() - between))
    save(RESULTS, "sampler", {"evaluations_over_sampler": round(statistics.median(ratios), 3)})


if __name__ == "__main__":
    {"guidance": guidance, "steps": steps, "step": step, "sampler": sampler}[sys.argv[1]]()
