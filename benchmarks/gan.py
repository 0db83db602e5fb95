"""How fast the trainer plays the adversarial game, as ratios in one run: against the best loop by hand, and a textbook loop.

    python benchmarks/gan.py            (about 5 minutes on two CPU cores; writes benchmarks/results/gan.json)

The networks are those of the published digits: a generator of width 32 from 64 numbers, a discriminator of width 32 with
three stages and batch norm; batches of 64, Adam. A turn is 3,200 embedded digits. The contestants take turns in an order
that is reversed from round to round. The textbook loop draws PIL pictures through a DataLoader, computes in
float32 with PyTorch's own layout, and lets the generator's turn leave gradients in the discriminator, as introductions do.
"""

import json
import statistics
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus
from usual import Pictures, compare, take_turns

from course_lib import data, runtime
from course_lib.models import Discriminator, Generator
from course_lib.objectives import Adversarial
from course_lib.trainer import Trainer

ROUNDS, IMAGES, BATCH, NOISE = 10, 3200, 64, 64
TURNS = ("bare", "trainer") * 2 + ("textbook",)
adam = partial(torch.optim.Adam, lr=5e-4, betas=(0.5, 0.99), fused=True)


def players():
    return Generator(latent_dim=NOISE, width=32), Discriminator(width=32, stages=3, normalization=nn.BatchNorm2d)


def bare(train):
    """The best loop we can write by hand: same precision, layout, batches and optimizers, and nothing else."""
    device, layout = runtime.device(), runtime.memory_format()
    generator, discriminator = (network.to(device, memory_format=layout) for network in players())
    optimizers = adam(generator.parameters()), adam(discriminator.parameters())
    reduced = runtime.precision() == "bf16"

    def judge(x):
        with torch.autocast(device.type, torch.bfloat16, enabled=reduced):
            return discriminator(x).float()

    def turn():
        for index in torch.randperm(len(train)).split(BATCH):
            real = train.images[index].float().mul_(2 / 255).sub_(1).contiguous(memory_format=layout)
            with torch.autocast(device.type, torch.bfloat16, enabled=reduced):
                fake = generator(torch.randn(len(real), NOISE, device=device)).float()
            loss = (softplus(-judge(real)) + softplus(judge(fake.detach()))).mean()
            optimizers[1].zero_grad()
            loss.backward()
            optimizers[1].step()
            optimizers[0].zero_grad()
            softplus(-judge(fake)).mean().backward(inputs=list(generator.parameters()))
            optimizers[0].step()
        return loss.item()

    return turn


def trainer(train):
    """The trainer as a reader calls it, with its progress line and its history."""
    run = Trainer(Adversarial(*players(), latent_dim=NOISE), adam, batch_size=BATCH)
    return lambda: run.fit(train, 1)


def textbook(train):
    """The loop of most introductions: a DataLoader of PIL pictures, labels of ones and zeros, losses read after each step."""
    device = runtime.device()
    generator, discriminator = (network.to(device) for network in players())
    make = partial(torch.optim.Adam, lr=5e-4, betas=(0.5, 0.99))
    optimizers = make(generator.parameters()), make(discriminator.parameters())
    loader = torch.utils.data.DataLoader(Pictures(train), batch_size=BATCH, shuffle=True)

    def turn():
        for x, _ in loader:
            x = x.to(device)
            ones, zeros = torch.ones(len(x), device=device), torch.zeros(len(x), device=device)
            optimizers[1].zero_grad()
            loss_real = binary_cross_entropy_with_logits(discriminator(x), ones)
            loss_real.backward()
            fake = generator(torch.randn(len(x), NOISE, device=device))
            loss_fake = binary_cross_entropy_with_logits(discriminator(fake.detach()), zeros)
            loss_fake.backward()
            optimizers[1].step()
            optimizers[0].zero_grad()
            loss = binary_cross_entropy_with_logits(discriminator(fake), ones)
            loss.backward()
            optimizers[0].step()
            seen = loss_real.item(), loss_fake.item(), loss.item()
        return seen

    return turn


def main():
    print(runtime.describe_machine())
    runtime.set_seed(0)
    train = data.mnist(profile="fast")[0].subset(slice(0, IMAGES)).with_value_range(-1, 1)
    contestants = {function.__name__: function(train) for function in (bare, trainer, textbook)}
    rates = take_turns(contestants, TURNS, ROUNDS, IMAGES)
    result = {
        "machine": runtime.describe_machine().splitlines(),
        "command": "python benchmarks/gan.py",
        "rounds": ROUNDS,
        "images_per_second": {name: round(statistics.median(values)) for name, values in rates.items()},
        "trainer_over": {name: compare(rates["trainer"], rates[name]) for name in ("bare", "textbook")},
    }
    path = Path(__file__).parent / "results" / "gan.json"
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
