"""Six ways in which adversarial training fails, what cures each, and what does not: three seeds of everything.

    python benchmarks/failures.py              (all parts; some thirty minutes of one CPU core)
    python benchmarks/failures.py memory grid  (only these; the others stay as they are in the results)

The failures are those of the chapter The failure clinic, with its networks and rates. In the plane a mode is covered as
`metrics.modes_covered` defines it, from 4,000 generated points. Results go to benchmarks/results/failures.json.

The part "tuned" gives each treatment of a collapse up to three settings, and plays seven games with each side by side, on
smaller networks: two of them choose the setting by the modes that they cover, the other five are what the chapter reports.
"""

import json
import statistics
import sys
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn
from torch.func import functional_call
from torch.nn.functional import avg_pool2d, normalize, pad
from torch.nn.utils.parametrizations import spectral_norm

from course_lib import data, gan_losses, runtime
from course_lib.callbacks import EMA, LRSchedule, cosine
from course_lib.layers import MinibatchDeviation
from course_lib.metrics import modes_covered
from course_lib.models import MLP, MLPs
from course_lib.objectives import Adversarial, Unrolled
from course_lib.trainer import Trainer

RESULTS = Path(__file__).parent / "results" / "failures.json"
SEEDS = (0, 1, 2)
HIDDEN = (64, 64, 64)
GAMES = 7  # side by side
LOOKS = 10  # epochs over which the discriminator's answers are averaged


def adam(rate, betas=(0.5, 0.9)):
    return partial(torch.optim.Adam, lr=rate, betas=betas, fused=True)


def with_spectral_norm(network):
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            spectral_norm(layer)
    return network


def jittered(points, deviation=0.3):
    """Noise on all that the discriminator sees (Arjovsky and Bottou, 2017)."""
    return points + deviation * torch.randn_like(points)


def shifted(images, reach=2):
    """Each image (B, 1, H, W) moved by up to `reach` pixels, with black (-1) where nothing was (after Zhao et al., 2020)."""
    count, _, height, width = images.shape
    down, right = torch.randint(2 * reach + 1, (2, count, 1, 1), device=images.device)
    rows = down + torch.arange(height, device=images.device).view(1, -1, 1)  # (B, H, 1)
    columns = right + torch.arange(width, device=images.device)  # (B, 1, W)
    which = torch.arange(count, device=images.device).view(-1, 1, 1)
    return pad(images, [reach] * 4, value=-1.0)[which, 0, rows, columns].unsqueeze(1)


def cures(game, *, r1, penalty, augment):
    """Every cure on top of `game`; a cure that is a game of its own replaces it."""
    return {
        "none": {"loss": game},
        "non-saturating loss": {"loss": gan_losses.non_saturating},
        "smoothed labels": {"loss": gan_losses.GANLoss(gan_losses.smoothed(0.9).discriminator, game.generator)},
        "hinge, spectral norm": {"loss": gan_losses.hinge, "spectral": True},
        "Wasserstein, gradient penalty": {
            "loss": gan_losses.wasserstein,
            "penalty": gan_losses.gradient_penalty(penalty),
        },
        "R1": {"loss": game, "penalty": gan_losses.r1(r1)},
        "augmented input": {"loss": game, "augment": augment},
    }


def measured(gan, points):
    fake = gan.sample(4000, torch.Generator().manual_seed(1))
    modes, good = modes_covered(fake, points.centers, points.deviation)
    return {"modes": modes, "good": round(good, 4)}


def play(
    points,
    seed,
    *,
    rounds,
    rates=(2e-3, 2e-3),
    betas=(0.5, 0.9),
    latent=2,
    hidden=HIDDEN,
    spectral=False,
    lead=0,
    schedule=False,
    **options,
):
    """What the last weights and the averaged ones cover after a game.

    rates: of the generator and the discriminator. lead: rounds that the discriminator plays alone first.
    """
    runtime.set_seed(seed)
    generator, discriminator = MLP((latent, *hidden, 2)), MLP((2, *hidden, 1))
    if spectral:
        with_spectral_norm(discriminator)
    gan, average = Adversarial(generator, discriminator, latent_dim=latent, **options), EMA(0.995)
    epochs = rounds * 256 // len(points)
    callbacks = [average] + ([LRSchedule(cosine, epochs=epochs)] if schedule else [])
    optimizers = {"generator": adam(rates[0], betas), "discriminator": adam(rates[1], betas)}
    trainer = Trainer(gan, optimizers, batch_size=256, seed=seed, callbacks=callbacks, progress=False)
    for _ in range(lead):
        _, loss = next(gan.losses(points.batch(torch.randint(len(points), (256,)))))
        trainer.optimizers["discriminator"].zero_grad()
        loss.mean().backward()
        trainer.optimizers["discriminator"].step()
    trainer.fit(points, epochs)
    found = {"last": measured(gan, points)}
    with trainer.evaluating():
        found["averaged"] = measured(gan, points)
    return found


def in_the_plane(game=gan_losses.non_saturating, *, more=None, **how):
    """Every cure, and `more`, against one failure on the ring; the averaged generator has the runs of "none"."""
    ring, rows = data.ring_of_gaussians(4096), {}
    for name, options in (cures(game, r1=0.1, penalty=0.1, augment=jittered) | (more or {})).items():
        if name == "non-saturating loss" and game is gan_losses.non_saturating:
            continue
        runs = [play(ring, seed, **(how | options)) for seed in SEEDS]
        rows[name] = [run["last"] for run in runs]
        if name == "none":
            rows["averaged generator"] = [run["averaged"] for run in runs]
        print(name, rows[name], flush=True)
    return rows


class SpectralNorm(nn.Module):
    """`MLPs` whose weight matrices are divided by their largest stretch, times `scale` (Miyato et al., 2018)."""

    def __init__(self, networks, scale):
        super().__init__()
        self.networks, self.scale = networks, scale
        self.ahead = [torch.randn(len(w), 1, w.shape[1]) for w in networks.weights]  # what each is stretched along, (K, 1, in)

    def forward(self, x):
        divided = {}
        for index, weight in enumerate(self.networks.weights):  # (K, in, out)
            with torch.no_grad():
                v = normalize(self.ahead[index].to(weight) @ weight, dim=2)  # (K, 1, out)
                u = self.ahead[index] = normalize(v @ weight.mT, dim=2)
            divided[f"weights.{index}"] = self.scale * weight / (u @ weight @ v.mT)
        return functional_call(self.networks, divided, (x,))


class Critic(Adversarial):
    """The same game, with more steps of the discriminator in each round, on points of their own."""

    def __init__(self, *players, points, steps, **options):
        super().__init__(*players, **options)
        self.points, self.steps = points, steps

    def losses(self, batch):
        for _ in range(self.steps - 1):
            yield next(super().losses(self.points.batch(torch.randint(len(self.points), (len(batch[0]),)))))
        yield from super().losses(batch)


def side_by_side(points, rates, *, scale=None, group=None, steps=None, ahead=None, averaged=False, rounds=1000, **options):
    """What each of seven games covers after some rounds, from the last weights or from `averaged` ones.

    rates: of the generator and the discriminator. scale: of spectral norm. group: of the minibatch deviation. steps: of the
    discriminator in a round. ahead: the rate of five steps ahead.
    """
    runtime.set_seed(0)
    generator, discriminator = MLPs(GAMES, (2, 32, 32, 32, 2)), MLPs(GAMES, (4 if group else 2, 32, 32, 32, 1))
    if scale:
        discriminator = SpectralNorm(discriminator, scale)
    if group:
        discriminator = nn.Sequential(MinibatchDeviation(group), discriminator)
    kind = partial(Critic, points=points, steps=steps) if steps else Adversarial
    if ahead:  # the mean over all games divides the gradient of each by their number
        kind = partial(Unrolled, steps=5, rate=ahead * GAMES)
    gan = kind(generator, discriminator, latent_dim=2, **options)
    optimizers = {"generator": adam(rates[0]), "discriminator": adam(rates[1])}
    trainer = Trainer(gan, optimizers, batch_size=GAMES * 64, callbacks=[EMA(0.995)] if averaged else [], progress=False)
    trainer.fit(points, rounds * GAMES * 64 // len(points))
    with trainer.evaluating():
        fake = gan.sample(GAMES * 4000, torch.Generator().manual_seed(1)).unflatten(0, (GAMES, -1))
    pairs = [modes_covered(each, points.centers, points.deviation) for each in fake]
    return [{"modes": modes, "good": round(good, 4)} for modes, good in pairs]


def tuned():
    """Every treatment of a collapse, with each of its settings: seven games."""
    ring, rows = data.ring_of_gaussians(GAMES * 64 * 10), {}
    losses = {target: gan_losses.smoothed(target) for target in (0.9, 0.8, 0.7)}
    treatments = {
        "none": {"": {}},
        "rates of one size": {str(rate): {"rates": (rate, rate)} for rate in (5e-4, 2e-3, 8e-3)},
        "averaged generator": {"0.995": {"averaged": True}},
        "smoothed labels": {str(target): {"loss": loss} for target, loss in losses.items()},
        "hinge, spectral norm": {str(scale): {"loss": gan_losses.hinge, "scale": scale} for scale in (1, 2, 4)},
        "Wasserstein, gradient penalty": {
            f"{weight}, {steps} a round": {
                "loss": gan_losses.wasserstein,
                "penalty": gan_losses.gradient_penalty(weight),
                "steps": steps,
            }
            for weight, steps in ((10, 5), (1, 5), (1, 1))
        },
        "R1": {str(weight): {"penalty": gan_losses.r1(weight)} for weight in (0.01, 0.1, 1.0)},
        "noisy input": {str(size): {"augment": partial(jittered, deviation=size)} for size in (0.1, 0.3, 1.0)},
        "minibatch deviation": {str(group): {"group": group} for group in (4, 16, 64)},
        "unrolled, 5 steps": {str(rate): {"ahead": rate} for rate in (0.1, 1.0)},
    }
    for name, settings in treatments.items():
        rows[name] = {}
        for setting, options in settings.items():
            rows[name][setting] = side_by_side(ring, **({"rates": (1e-4, 5e-3)} | options))
            print(name, setting, rows[name][setting], flush=True)
    return rows


class Small:
    """Images (N, 1, 14, 14) from -1 to 1, without labels."""

    def __init__(self, images):
        whole = images.with_value_range(-1, 1).batch(torch.arange(len(images)))[0]
        self.images = avg_pool2d(whole, 2)  # (N, 1, 28, 28) -> (N, 1, 14, 14)

    def __len__(self):
        return len(self.images)

    def batch(self, index):
        return self.images[index], index


def small_digits(few, unseen, seed, *, rounds, spectral=False, dropout=0.0, **options):
    """The shares of training, unseen and generated digits that a discriminator gets right, over the last epochs."""
    runtime.set_seed(seed)
    generator = nn.Sequential(MLP((32, 128, 128, 196)), nn.Tanh(), nn.Unflatten(1, (1, 14, 14)))
    discriminator = MLP((196, 128, 128, 1), dropout=dropout)
    if spectral:
        with_spectral_norm(discriminator)
    gan = Adversarial(generator, discriminator, latent_dim=32, **options)
    trainer = Trainer(gan, adam(1e-3), batch_size=64, seed=seed, progress=False)
    trainer.fit(few, rounds * 64 // len(few) - LOOKS)
    looks = []
    for _ in range(LOOKS):
        trainer.fit(few, 1)
        known, new = trainer.evaluate(few), trainer.evaluate(unseen)
        looks.append((known["accuracy_real"], new["accuracy_real"], known["accuracy_fake"]))
    shares = (round(statistics.mean(share), 4) for share in zip(*looks, strict=True))
    return dict(zip(("training", "unseen", "generated"), shares, strict=True))


def memory(rounds=960, count=16):
    """Every cure against a discriminator that learns 16 digits by heart, and dropout in it."""
    (train, test), rows = data.mnist(profile="fast"), {}
    few = [Small(train.subset(torch.arange(seed * count, (seed + 1) * count).repeat(1024 // count))) for seed in SEEDS]
    all_cures = cures(gan_losses.non_saturating, r1=5.0, penalty=10.0, augment=shifted) | {"dropout": {"dropout": 0.5}}
    for name, options in all_cures.items():
        if name == "non-saturating loss":  # it is the game of them all
            continue
        rows[name] = [small_digits(few[seed], Small(test), seed, rounds=rounds, **options) for seed in SEEDS]
        print(name, rows[name], flush=True)
    return rows


def enlarge(kind, inputs, outputs):
    """A layer that doubles the sides, in three ways."""
    if kind == "upsample":
        return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, 3, padding=1))
    kernel = {"kernel 3": 3, "kernel 4": 4}[kind]
    return nn.ConvTranspose2d(inputs, outputs, kernel, 2, padding=1, output_padding=kernel % 2)


def unevenness(images):
    """The largest over the smallest variance of the four kinds of pixel: even or odd row, even or odd column."""
    variances = [images[..., row::2, column::2].var(0).mean() for row in (0, 1) for column in (0, 1)]
    return round((max(variances) / min(variances)).item(), 3)


def checkerboard(epochs=15):
    """How uneven the pixels of a generator are, before and after a training on 1,000 digits, for three ways to enlarge."""
    train, _ = data.mnist(profile="fast")
    digits, rows = Small(train.subset(slice(1000))), {"real": unevenness(Small(train).images)}
    for kind in ("kernel 3", "kernel 4", "upsample"):
        rows[kind] = []
        for seed in SEEDS:
            runtime.set_seed(seed)
            start = (MLP((32, 16 * 49)), nn.Unflatten(1, (16, 7, 7)), nn.BatchNorm2d(16), nn.ReLU())
            generator = nn.Sequential(*start, enlarge(kind, 16, 1), nn.Tanh())
            gan = Adversarial(generator, MLP((196, 128, 128, 1)), latent_dim=32, penalty=gan_losses.r1(1.0))
            trainer = Trainer(gan, adam(1e-3), batch_size=64, seed=seed, progress=False)
            found = {}
            for when in ("before", "after"):
                gan.eval()
                found[when] = unevenness(gan.sample(2000, torch.Generator().manual_seed(1)))
                if when == "before":
                    trainer.fit(digits, epochs)
            rows[kind].append(found)
        print(kind, rows[kind], flush=True)
    return rows


class OneBatch(Adversarial):
    """The same game, but in its turn the discriminator sees real and generated points in one batch."""

    def losses(self, batch):
        real, _ = batch
        fake = self.generator(torch.randn(len(real), self.latent_dim, device=real.device))
        both = self.discriminator(torch.cat([real, fake.detach()])).view(-1)  # (2 B,)
        yield "discriminator", self.loss.discriminator(*both.chunk(2))
        yield "generator", self.loss.generator(self.discriminator(fake).view(-1))


def normalized(widths):
    """Dense layers with batch norm after the hidden ones but the first (Radford et al., 2016)."""
    layers = [nn.Linear(widths[0], widths[1]), nn.ReLU()]
    for inputs, outputs in pairwise(widths[1:-1]):
        layers += [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))


def batch_norm(rounds=800):
    """Batch norm in the discriminator: real and generated points in one batch, in two, and no batch norm."""
    ring, rows = data.ring_of_gaussians(4096), {}
    kinds = {"one batch": (OneBatch, normalized), "two batches": (Adversarial, normalized), "no batch norm": (Adversarial, MLP)}
    for name, (objective, network) in kinds.items():
        rows[name] = []
        for seed in SEEDS:
            runtime.set_seed(seed)
            gan = objective(MLP((8, *HIDDEN, 2)), network((2, *HIDDEN, 1)), latent_dim=8)
            trainer = Trainer(gan, adam(1e-3), batch_size=256, seed=seed, progress=False)
            trainer.fit(ring, rounds * 256 // len(ring))
            rows[name].append(measured(gan, ring))
        print(name, rows[name], flush=True)
    return rows


def best(points, **how):
    """The recipe that has come out best, for three seeds; the averaged generator counts."""
    found = []
    for seed in SEEDS:
        found.append(play(points, seed, penalty=gan_losses.r1(0.1), schedule=True, **how)["averaged"])
        print(found[-1], flush=True)
    return found


LESS_MOMENTUM = {
    "less momentum": {"betas": (0.5, 0.9)},
    "less momentum, R1": {"betas": (0.5, 0.9), "penalty": gan_losses.r1(0.1)},
}
EQUAL = {"equal rates": {"rates": (2e-3, 2e-3)}}
PARTS = {
    "chase": partial(in_the_plane, rounds=960, betas=(0.9, 0.999), more=LESS_MOMENTUM),
    "vanishing": partial(in_the_plane, gan_losses.minimax, rounds=1280, rates=(1e-3, 1e-3), latent=8, lead=400),
    "fast_generator": partial(in_the_plane, rounds=640, rates=(5e-3, 5e-4), latent=8, more=EQUAL),
    "collapse": partial(in_the_plane, rounds=640, rates=(1e-4, 5e-3), latent=8, more=EQUAL),
    "tuned": tuned,
    "memory": memory,
    "checkerboard": checkerboard,
    "batch_norm": batch_norm,
    "ring": lambda: best(data.ring_of_gaussians(4096), rounds=8000),
    "grid": lambda: best(data.grid_of_gaussians(8192), rounds=4800, hidden=(128,) * 3),
}


def main():
    print(runtime.describe_machine())
    for name in sys.argv[1:] or PARTS:
        print(name, flush=True)
        started = time.process_time()
        rows = PARTS[name]()
        found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        found["command"], found["seeds"] = "python benchmarks/failures.py", SEEDS
        seconds = round(time.process_time() - started)
        found[name] = {"machine": runtime.describe_machine().splitlines(), "rows": rows, "processor_seconds": seconds}
        RESULTS.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
