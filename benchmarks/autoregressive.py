"""The ladder of exact likelihoods, and what keeping results saves when one draws.

    python benchmarks/autoregressive.py ladder    (fifteen minutes on one CPU core)
    python benchmarks/autoregressive.py draw      (ten minutes: 64 digits with what is kept, and with everything anew)
    python benchmarks/autoregressive.py step      (three minutes: images a second of the trainer, against a loop by hand)

Dynamically binarized MNIST, nats an image on the 10,000 test images, binarized once with seed 0. Each network has the same
budget of 75 processor seconds on one thread, batches of 32, Adam along a cosine, averaged weights (0.998, fewer at first), and
starts from the frequencies of the pixels. Of two learning rates, the one with fewer nats on 1,000 held-out training images
after 15 seconds is taken; training is on 55,000 others. One seed: the order of networks that are far apart holds, that of
neighbors may not.
Results go to benchmarks/results/autoregressive.json.
"""

import math
import sys
import time
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from usual import save, trainer_over_bare

from course_lib import data, runtime
from course_lib.models import MADE, GatedPixelCNN, PixelCNN, RowRNN, RowTransformer, draw
from course_lib.models.autoregressive import Autoregressive
from course_lib.objectives import ExactLikelihood
from course_lib.trainer import Trainer

RESULTS = Path(__file__).parent / "results" / "autoregressive.json"
SECONDS, SEARCH = 75, 15


class IndependentRows(nn.Module):
    """A GRU reads the rows above; the pixels of a row are independent given its state."""

    def __init__(self, hidden=256):
        super().__init__()
        self.gru = nn.GRU(28, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 28)
        self.bias = nn.Parameter(torch.zeros(1, 28, 28))

    def forward(self, x):
        return self.out(self.gru(F.pad(x[:, 0], (0, 0, 1, -1)))[0])[:, None] + self.bias


LADDER = {  # how to make each network, and the learning rates
    "logistic regressions (FVSBN)": (partial(MADE, depth=0), (3e-3, 1e-2)),
    "MADE": (MADE, (1e-3, 3e-3)),
    "row GRU, independent pixels": (IndependentRows, (2e-3, 5e-3)),
    "row LSTM, masked head": (RowRNN, (2e-3, 5e-3)),
    "row transformer, masked head": (RowTransformer, (5e-4, 1.5e-3)),
    "PixelCNN": (PixelCNN, (1e-3, 3e-3)),
    "gated PixelCNN": (GatedPixelCNN, (1e-3, 3e-3)),
}


def white_images():
    """(55,000 training, 1,000 validation, 10,000 test) images, of which the first are drawn anew and the others once."""
    train, test = data.mnist(profile="full")

    def once(images):
        gray, *_ = images.batch(slice(None))
        white = torch.bernoulli(gray, generator=torch.Generator().manual_seed(0)).mul(255).to(torch.uint8)
        return images.with_images(white, name="MNIST in black and white")

    held_out = once(train.subset(slice(55_000, 56_000)))
    return train.subset(slice(0, 55_000)).augmented(torch.bernoulli), held_out, once(test)


@torch.no_grad()
def start_from(network, log_odds):
    """Set the biases so that an untrained network gives the frequencies of the pixels, log odds (1, 28, 28), or their mean."""
    if isinstance(network, MADE):
        network.network.direct.bias.copy_(log_odds.flatten())
    elif hasattr(network, "bias"):
        network.bias.copy_(log_odds)
    else:
        network.out.bias.fill_(log_odds.sigmoid().mean().logit())


def train_for(make, rate, train, log_odds, seconds):
    """A network after so many seconds of the processor, with averaged weights, and the number of images that it saw."""
    runtime.set_seed(0)
    objective = ExactLikelihood(make())
    start_from(objective.network, log_odds)
    weights = list(objective.parameters())
    optimizer = torch.optim.Adam(weights, lr=rate, fused=True)
    average = [weight.detach().clone() for weight in weights]
    started, step = time.process_time(), 0
    with runtime.mixed_precision({"network": objective.network}):
        while (spent := time.process_time() - started) < seconds:
            optimizer.param_groups[0]["lr"] = rate * (1 + math.cos(math.pi * spent / seconds)) / 2
            ((_, loss),) = objective.losses(train.batch(torch.randint(len(train), (32,))))
            optimizer.zero_grad()
            loss.mean().backward()
            optimizer.step()
            step += 1
            share = 1 - min(0.998, (step + 1) / (step + 20))
            torch._foreach_lerp_(average, [weight.detach() for weight in weights], share)
    with torch.no_grad():
        for weight, mean in zip(weights, average, strict=True):
            weight.copy_(mean)
    return objective.eval(), 32 * step


@torch.no_grad()
def nats_of(objective, images):
    """Of each image, (N,), in float32."""
    parts = torch.arange(len(images)).split(250)
    return torch.cat([objective.metrics(images.batch(part))["loss"] for part in parts])


def ladder(*names):
    """The networks of those names, or all; what is there already of others stays."""
    train, held_out, test = white_images()
    log_odds = train.images.float().mean(0).div(255).clamp(1e-4, 1 - 1e-4).logit()
    x, *_ = test.batch(slice(None))
    alone = F.binary_cross_entropy_with_logits(log_odds.expand_as(x), x, reduction="none").flatten(1).sum(1)
    save(RESULTS, "ladder", {"independent pixels": {"parameters": 784, "seconds": 0, "nats": alone.mean().item()}})
    for name in names or LADDER:
        make, rates = LADDER[name]
        tried = {}
        for rate in rates:
            objective, _ = train_for(make, rate, train, log_odds, SEARCH)
            tried[rate] = nats_of(objective, held_out).mean().item()
        rate = min(tried, key=tried.get)
        objective, images = train_for(make, rate, train, log_odds, SECONDS)
        nats = nats_of(objective, test)
        row = {
            "parameters": sum(weight.numel() for weight in objective.parameters()),
            "seconds": SECONDS,
            "images": images,
            "searched": {str(rate): nats for rate, nats in tried.items()},
            "rate": rate,
            "nats": nats.mean().item(),
            "standard_error": (nats.std() / len(nats) ** 0.5).item(),
        }
        save(RESULTS, "ladder", {name: row})


def drawing(*names):
    """Processor seconds for 64 digits, with the untrained networks of those names, or three."""
    for name in names or ("row LSTM, masked head", "PixelCNN", "gated PixelCNN"):
        runtime.set_seed(0)
        network, found = LADDER[name][0]().eval(), {}
        for way, walk in {"kept": None, "anew": partial(Autoregressive.walk, network)}.items():
            started = time.process_time()
            images = draw(network, 64, generator=torch.Generator().manual_seed(0), walk=walk)
            found[way] = time.process_time() - started, images
        same = torch.equal(found["kept"][1], found["anew"][1])
        seconds = {way: round(spent, 2) for way, (spent, _) in found.items()}
        row = seconds | {"times": round(seconds["anew"] / seconds["kept"], 1), "same_pictures": same}
        save(RESULTS, "draw", {name: row})


def step(rounds=8, images=6_400):
    """The trainer's rate over that of a loop by hand, for the row LSTM."""
    train = data.mnist(profile="fast")[0]
    train = train.subset(torch.arange(images) % len(train)).augmented(torch.bernoulli)
    adam = partial(torch.optim.Adam, lr=1e-3, fused=True)
    by_trainer = Trainer(ExactLikelihood(RowRNN()), adam, batch_size=32, progress=False)
    network, reduced = RowRNN(), runtime.precision() == "bf16"
    optimizer = adam(network.parameters())

    def bare():
        for index in torch.randperm(images).split(32):
            x = torch.bernoulli(train.images[index].float().mul_(1 / 255))
            with torch.autocast("cpu", torch.bfloat16, enabled=reduced):
                logits = network(x).float()
            loss = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.item()

    save(RESULTS, "step", trainer_over_bare(lambda: by_trainer.fit(train, 1), bare, rounds, images))


if __name__ == "__main__":
    {"ladder": ladder, "draw": drawing, "step": step}[sys.argv[1]](*sys.argv[2:])
