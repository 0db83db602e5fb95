"""The flow of digits: how much guidance, how many steps, and what the trainer and the samplers cost.

    python benchmarks/flow.py guidance   (four minutes on one CPU core: chosen on training digits that were held out)
    python benchmarks/flow.py steps      (ten minutes, and goes on where it stopped: Fréchet distance against evaluations)
    python benchmarks/flow.py likelihood (five minutes, the same: bits a dimension of test digits, and whether they converge)
    python benchmarks/flow.py step       (two minutes: images a second of the trainer, against a loop by hand)
    python benchmarks/flow.py sampler    (a minute: seconds of a sampler, against those of its evaluations alone)

Distances are of the features of published.mnist_features, between 2,000 drawn and 2,000 real digits. Results go to
benchmarks/results/flow.json, those of steps and likelihood, which a chapter reads, to course_lib/studies/flow.json.
"""

import math
import statistics
import sys
import time
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import torch
from usual import save, saved, trainer_over_bare

from course_lib import data, metrics, models, paths, published, runtime, samplers
from course_lib.objectives import Denoising
from course_lib.recipes.likeness import features, labels_like
from course_lib.trainer import Trainer

RESULTS = Path(__file__).parent / "results" / "flow.json"
COUNT = 2_000
SCALES = (1.0, 1.2, 1.3, 1.4, 1.7)
STEPS = {"euler": (1, 2, 5, 10, 20, 50, 100), "heun": (2, 3, 5, 8, 15), "ancestral": (10, 20, 50)}
STUDY = published.STUDIES / "flow.json"
SCORED, SOLVED = 200, (10, 20, 40)  # digits whose likelihood is computed, and in how many steps


@torch.no_grad()
def distance(real, **how):
    """The Fréchet distance of the published flow's digits, drawn as `how` says, and their precision and recall.

    Their labels are those of training digits, so that classes are as frequent as there.
    """
    network, labels = published.mnist_flow(), labels_like(training_digits(), COUNT)
    with runtime.mixed_precision({"network": network}):
        images = published.GENERATORS["mnist_flow"](network, COUNT, torch.Generator().manual_seed(7), labels=labels, **how)
    drawn = features(images)
    report = metrics.generative_report(real, drawn)
    return {name: round(getattr(report, name), 4) for name in ("frechet", "precision", "recall", "density", "coverage")}


@cache
def training_digits():
    return data.mnist(profile="full")[0]


def held_out():
    """As many of the training digits that the network was not trained on, in 0..1."""
    _, validation = data.split(training_digits(), 11 / 12)
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
    if "real" not in saved(STUDY, "steps"):
        floor = metrics.frechet_distance(real, features(train.batch(slice(0, COUNT))[0]))
        save(STUDY, "steps", {"real": {"frechet": round(floor, 4)}})
    asked = [(evaluations(name, count), name, count) for name, counts in STEPS.items() for count in counts]
    for spent, name, count in sorted(asked):
        if f"{name} {count}" in saved(STUDY, "steps"):
            continue
        how = {"generator": torch.Generator().manual_seed(1)} if name == "ancestral" else {}
        row = distance(real, steps=count, sampler=partial(samplers.SAMPLERS[name], **how))
        save(STUDY, "steps", {f"{name} {count}": {"sampler": name, "steps": count, "evaluations": spent} | row})


def evaluations(name, count):
    """Of the network for one digit: each time it is asked with and without the label."""
    return 2 * (2 * count - 1 if name == "heun" else count)


def likelihood():
    """Bits a dimension of 8-bit test digits, by the ODE from the data to the noise, and by each pixel's own histogram.

    A grey value v stands for the bin from v - 1/2 to v + 1/2: a place in it is drawn evenly, and the mean log-density there,
    with the bin's width, bounds log p(v) from below (Theis et al., 2016). The steps are short near the data, t = u^3.
    """
    train, test = data.mnist(profile="full")
    chosen = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))[:SCORED]
    values, noise = test.images[chosen].float(), torch.rand(SCORED, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    x = (values + noise - 0.5) / 127.5 - 1
    path = replace(paths.STRAIGHT, rho=3.0)
    denoise = samplers.denoiser(published.mnist_flow(), path, "velocity")
    if "histograms" not in saved(STUDY, "likelihood"):
        save(STUDY, "likelihood", {"histograms": {"bits": round(histograms(train, values), 4)}})
    for probe in (0, 1):
        for count in SOLVED[: len(SOLVED) - probe]:  # the second probe is spared the most steps
            if f"{count} steps, probe {probe}" in saved(STUDY, "likelihood"):
                continue
            nats = torch.cat(
                [
                    samplers.log_likelihood(
                        denoise, some, path, path.times(count), generator=torch.Generator().manual_seed(10 * number + probe)
                    )
                    for number, some in enumerate(x.split(50))
                ]
            )
            bits = (-nats / 784 + math.log(127.5)) / math.log(2)
            row = {"steps": count, "bits": bits.mean().item(), "half_interval": 1.96 * (bits.std() / SCORED**0.5).item()}
            row |= {"each": [round(value, 4) for value in bits.tolist()]}
            save(STUDY, "likelihood", {f"{count} steps, probe {probe}": row})


def histograms(train, values):
    """Bits a dimension if each pixel had the grey values of its place in the training digits, each met once more."""
    counts = torch.ones(256, 784)
    counts.scatter_add_(0, train.images.long().flatten(1), torch.ones(len(train), 784))
    shares = counts / counts.sum(0)
    return -shares.gather(0, values.long().flatten(1)).log2().mean().item()


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


COMMANDS = {
    "guidance": guidance,
    "steps": steps,
    "likelihood": likelihood,
    "step": step,
    "sampler": sampler,
}
if __name__ == "__main__":
    COMMANDS[sys.argv[1]]()
