"""The generators of the leaderboard: published ones as they are, and families to train, each in a few lines on the package.

A published one, or a control, is a function of the training and the validation images that returns a `Generator`. A family to
train has a few settings, of which validation chooses one, and a function of (training images, setting, processor seconds,
seed); these are for gray images of 28 x 28.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch

from course_lib import gan_losses, models, objectives, paths, published, runtime, samplers
from course_lib.objectives.density import dequantized

PIXELS = 784
BATCH = 64
R1 = gan_losses.r1(0.1)


@dataclass
class Generator:
    """What a run measures.

    draw: `draw(count, generator)`.
    facts: its parameters, evaluations of a network for an image, and the like.
    likelihood: from test images to facts, nats or bits and what they count, or None where a family has none.
    """

    draw: Callable
    facts: dict = field(default_factory=dict)
    likelihood: Callable | None = None


def in_black_and_white(images):
    """A set drawn in black and white once, with the seed of the cards."""
    return torch.bernoulli(images.batch(slice(None))[0], generator=torch.Generator().manual_seed(0))


# Published generators and controls


def others(train, validation):
    """Real images, each once: the floor of every distance."""

    def draw(count, generator):
        return validation.batch(torch.randperm(len(validation), generator=generator)[:count])[0]

    return Generator(draw)


def copier(train, validation):
    """Training images, with repetition, as a network gives them back that has learned them by heart."""

    def draw(count, generator):
        return train.batch(torch.randint(len(train), (count,), generator=generator))[0]

    return Generator(draw)


def few_again(train, validation):
    """Fifty good images, none of them from the training set, again and again."""
    few = validation.batch(slice(-50, None))[0]

    def draw(count, generator):
        return few[torch.randint(50, (count,), generator=generator)]

    return Generator(draw)


def closed_form(fit, setting, train, validation):
    """A family that needs no budget."""
    return fit(train, setting)


def by_package(name, evaluations, train, validation, *, network=None, asks=None, likelihood=(), on=(), **options):
    """A generator that comes with the package, of which labels are asked as often as they stand in the training set.

    network: in place of its own, one that is trained further.
    asks: the condition that tells it, labels or captions, and the target that this is.
    likelihood: facts of its card, by the name that they have here.
    on: other published networks that it stands on.
    """
    card, network = published.card(name), network or getattr(published, name)()

    def draw(count, generator):
        asked = train.subset(torch.randint(len(train), (count,), generator=generator)).targets
        conditions = options | {condition: asked[target] for condition, target in dict(asks or {}).items()}
        with torch.no_grad(), runtime.mixed_precision({"network": network}):
            return published.GENERATORS[name](network, count, generator, **conditions)

    known = {key: card[of] for key, of in dict(likelihood).items()}
    parameters = sum(published.card(each)["parameters"] for each in (name, *on))
    return Generator(draw, {"parameters": parameters, "evaluations": evaluations} | known)


class Pairs:
    """Codes that the published latent flow draws, with the noise that each begins at, and labels as in a training set."""

    def __init__(self, train, count):
        flow, path = published.mnist_latent_flow(), paths.STRAIGHT
        self.labels = train.labels[torch.randint(len(train), (count,))]
        self.noise = torch.randn(count, flow.size).to(self.labels.device)
        denoise = samplers.denoiser(flow, path, "velocity", labels=self.labels)
        with torch.no_grad():
            self.codes = samplers.heun(denoise, self.noise, path, path.times(10))

    def __len__(self):
        return len(self.codes)

    def batch(self, index):
        return self.codes[index], self.noise[index], self.labels[index]


def one_step(train, validation, seconds=30.0):
    """A student of the published latent flow, which begins as its teacher and learns to go its twenty evaluations in one."""
    network = published.mnist_latent_flow()
    student = objectives.Reflow(network, (network.size,), times=torch.ones)
    _, facts = train_for(seconds, student, Pairs(train, 30_000), 2e-3, 0)
    how = {"network": network, "asks": TO_ORDER, "on": ["mnist_vae"], "steps": 1, "sampler": samplers.euler}
    made = by_package("mnist_latent_flow", 1, train, validation, **how)
    made.facts |= facts
    return made


def memorizing_gan(train, validation, seconds=120.0):
    """A GAN of fifty training digits alone, whose discriminator nothing holds back: it learns them by heart."""
    return gan(train.subset(slice(0, 50)), 1e-3, seconds, 0, latent_dim=8, penalty=None)


# Families to train


def train_for(seconds, objective, images, rate, seed, *, betas=(0.9, 0.99), clip=None):
    """An objective after so many processor seconds, Adam along a cosine of the time, with averaged weights; and its facts."""
    optimizers = {}
    for part in objective.parts:
        weights = list(getattr(objective, part).parameters())
        optimizers[part] = torch.optim.Adam(weights, lr=rate, betas=betas, fused=True), weights
    every = [tensor for tensor in objective.state_dict().values() if tensor.is_floating_point()]
    average, step = [tensor.clone() for tensor in every], 0
    objective.train()
    started = time.process_time()
    with runtime.mixed_precision({part: getattr(objective, part) for part in objective.parts}):
        while (spent := time.process_time() - started) < seconds:
            batch = images.batch(torch.randint(len(images), (BATCH,)))
            for part, loss in objective.losses(batch):
                optimizer, weights = optimizers[part]
                optimizer.param_groups[0]["lr"] = rate * (1 + math.cos(math.pi * spent / seconds)) / 2
                optimizer.zero_grad()
                loss.mean().backward(inputs=weights)
                if clip:
                    torch.nn.utils.clip_grad_norm_(weights, clip)
                optimizer.step()
            step += 1
            torch._foreach_lerp_(average, every, 1 - min(0.998, (step + 1) / (step + 20)))
    torch._foreach_copy_(every, average)
    return objective.eval(), {"images_seen": BATCH * step}


def counted(network, facts, evaluations=1):
    return facts | {"parameters": sum(weight.numel() for weight in network.parameters()), "evaluations": evaluations}


def in_parts(draw, at_once=500):
    """A `draw` that keeps its memory small, in the chosen precision."""

    def drawn(count, generator):
        with torch.no_grad():
            return torch.cat([draw(min(at_once, count - done), generator) for done in range(0, count, at_once)])

    return drawn


def normal(mean, covariance, parameters, shape):
    """A normal distribution over pixels, cut off at 0 and 1 when drawn."""
    factor = torch.linalg.cholesky(covariance)

    def draw(count, generator):
        z = torch.randn(count, len(mean), generator=generator, dtype=torch.float64)
        return (mean + z @ factor.T).clamp(0, 1).float().view(-1, *shape)

    def likelihood(test):
        with runtime.own_random(0):
            x = dequantized(test.batch(slice(None))[0]).flatten(1).double()
        found = -torch.distributions.MultivariateNormal(mean, scale_tril=factor).log_prob(x).mean().item()
        return {"bits": found / len(mean) / math.log(2) + 8}

    return Generator(draw, {"parameters": parameters, "evaluations": 1}, likelihood)


def moments(train):
    """Mean and covariance of dequantized pixels."""
    with runtime.own_random(0):
        x = dequantized(train.batch(slice(None))[0]).flatten(1).double()
    return x.mean(0), x.T.cov()


def gaussian(train, setting, seconds=0, seed=0):
    """Fitted to pixels; the setting is added to each variance, for some pixels never change."""
    mean, covariance = moments(train)
    size = len(mean)
    return normal(mean, covariance + setting * torch.eye(size), size + size * (size + 1) // 2, train.images.shape[1:])


def ppca(train, setting, seconds=0, seed=0):
    """As many directions as the setting says, and noise (Tipping and Bishop, 1999, equations 7 and 8)."""
    mean, covariance = moments(train)
    values, vectors = torch.linalg.eigh(covariance)
    noise = values[:-setting].mean()
    within = vectors[:, -setting:] * (values[-setting:] - noise)
    fitted = within @ vectors[:, -setting:].T + noise * torch.eye(PIXELS)
    return normal(mean, fitted, PIXELS * (setting + 1) + 1, train.images.shape[1:])


def kernel_density(train, setting, seconds=0, seed=0):
    """A training digit, of whose pixels each is left to a coin with the probability `setting`: a mixture of all of them.

    An exact likelihood of black and white digits.
    """

    def means(images):
        return (1 - setting) * images + setting / 2

    def draw(count, generator):
        return means(train.batch(torch.randint(len(train), (count,), generator=generator))[0])

    def likelihood(test):
        white, p = in_black_and_white(test)[:2000].flatten(1), means(train.batch(slice(None))[0]).flatten(1)
        odds, base = p.logit(), torch.log1p(-p).sum(1)
        nats = torch.cat([(some @ odds.T + base).logsumexp(1) for some in white.split(100)]) - math.log(len(p))
        return {"nats": -nats.mean().item()}

    return Generator(draw, {"parameters": PIXELS * len(train), "evaluations": 1}, likelihood)


def vae(train, rate, seconds, seed):
    network = models.dense_vae(latent_dim=20, hidden=(400, 256))
    images = train.augmented(torch.bernoulli)
    objective, facts = train_for(seconds, objectives.VariationalBound(network), images, rate, seed)

    @torch.no_grad()
    def likelihood(test):
        with runtime.own_random(0):
            parts = in_black_and_white(test).split(500)
            return {"bound_nats": torch.cat([objective.metrics((some,))["negative_elbo"] for some in parts]).mean().item()}

    return Generator(in_parts(objective.sample), counted(network, facts), likelihood)


def gan(train, rate, seconds, seed, *, latent_dim=64, loss=gan_losses.non_saturating, penalty=R1):
    generator = models.Generator(latent_dim=latent_dim, width=32)
    discriminator = models.Discriminator(width=32, stages=3)
    game = objectives.Adversarial(generator, discriminator, latent_dim=latent_dim, loss=loss, penalty=penalty)
    game, facts = train_for(seconds, game, train.with_value_range(-1, 1), rate, seed, betas=(0.0, 0.99))
    return Generator(in_parts(lambda *how: (game.sample(*how) + 1) / 2), counted(generator, facts))


def coupling_flow(train, rate, seconds, seed):
    network = models.CouplingFlow()
    network.start_from(dequantized(train.batch(slice(0, 5000))[0]))
    objective, facts = train_for(seconds, objectives.Density(network), train, rate, seed, clip=500.0)

    @torch.no_grad()
    def likelihood(test):
        with runtime.own_random(0):
            parts = (test.batch(index) for index in torch.arange(len(test)).split(500))
            return {"bits": torch.cat([objective.metrics(part)["bits"] for part in parts]).mean().item()}

    return Generator(in_parts(objective.sample), counted(network, facts), likelihood)


def autoregressive(make, train, rate, seconds, seed):
    network = make()
    objective = objectives.ExactLikelihood(network, binarize=True)
    objective, facts = train_for(seconds, objective, train, rate, seed, clip=200.0)

    @torch.no_grad()
    def likelihood(test):
        parts = in_black_and_white(test).split(500)
        return {"nats": torch.cat([objective.metrics((some,))["loss"] for some in parts]).mean().item()}

    return Generator(in_parts(objective.sample), counted(network, facts, PIXELS), likelihood)


def denoising(train, rate, seconds, seed, **options):
    network = models.NoiseUNet(1, widths=(32, 64))
    objective = objectives.Denoising(network, (1, 28, 28), steps=8, **options)
    objective, facts = train_for(seconds, objective, train.with_value_range(-1, 1), rate, seed, clip=1.0)

    def draw(count, generator):
        with runtime.mixed_precision({"network": network}):
            return objective.sample(count, generator).clamp(-1, 1).add(1).div(2)

    return Generator(in_parts(draw), counted(network, facts, 15))


@dataclass(frozen=True)
class Family:
    settings: tuple
    fit: Callable


CONTROLS = {"copier": copier, "fifty again": few_again}
MEMORIZER = {"memorising GAN": memorizing_gan}  # of gray images
CLOSED = {  # forms that need no budget, for gray images
    "Gaussian": partial(closed_form, gaussian, 1e-3),
    "probabilistic PCA": partial(closed_form, ppca, 60),
    "kernel density": partial(closed_form, kernel_density, 0.03),
}
TO_ORDER = {"labels": "label"}
PUBLISHED = {  # by the kind of pictures; whatever was not trained here
    "mnist": {
        "real digits": others,
        **CONTROLS,
        **MEMORIZER,
        **CLOSED,
        "GAN": partial(by_package, "mnist_gan", 1, asks=TO_ORDER),
        "VAE": partial(by_package, "mnist_vae", 1, likelihood={"bound_nats": "bound_nats", "nats": "importance_bound_nats"}),
        "row LSTM": partial(
            by_package,
            "mnist_autoregressive",
            PIXELS,
            asks=TO_ORDER,
            likelihood={"nats": "nats_averaged_over_labels"},
        ),
        "latent flow": partial(by_package, "mnist_latent_flow", 20, asks=TO_ORDER, on=["mnist_vae"]),
        "one-step student": one_step,
        "flow matching": partial(by_package, "mnist_flow", 30, asks=TO_ORDER),  # both halves of its guidance counted
        "flow, 4 steps": partial(by_package, "mnist_flow", 14, asks=TO_ORDER, steps=4),
    },
    "fashion-mnist": {"real clothes": others, **CONTROLS, **MEMORIZER, **CLOSED},
    "shapes": {
        "real shapes": others,
        **CONTROLS,
        "Gaussian": CLOSED["Gaussian"],
        "GAN": partial(by_package, "shapes_gan", 1),
        "text, unasked": partial(by_package, "shapes_text", 19),
        "text, asked": partial(by_package, "shapes_text", 38, asks={"captions": "caption"}),
    },
}
TRAINED = {
    "Gaussian": Family((1e-4, 1e-3, 1e-2), gaussian),
    "probabilistic PCA": Family((30, 60, 120), ppca),
    "kernel density": Family((0.01, 0.03, 0.1), kernel_density),
    "VAE": Family((1e-3, 2e-3, 4e-3, 8e-3), vae),
    "GAN": Family((5e-4, 1e-3, 2e-3, 4e-3), gan),
    "WGAN-GP": Family(
        (5e-4, 1e-3, 2e-3, 4e-3, 8e-3),
        partial(gan, loss=gan_losses.wasserstein, penalty=gan_losses.gradient_penalty(10.0)),
    ),
    "coupling flow": Family((5e-4, 1e-3, 2e-3, 4e-3), coupling_flow),
    "row LSTM": Family((2e-3, 4e-3, 8e-3, 1.6e-2), partial(autoregressive, partial(models.RowRNN, hidden=256, units=256))),
    "PixelCNN": Family((1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2), partial(autoregressive, models.PixelCNN)),
    "flow matching": Family((1e-3, 2e-3, 4e-3, 8e-3), denoising),
    "diffusion": Family((1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2), partial(denoising, path=paths.COSINE, prediction="v")),
}
