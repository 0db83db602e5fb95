"""Trains the generator of digits: python -m course_lib.recipes.mnist_gan (about 25 minutes on one CPU core).

All 60,000 training images of MNIST; the measures hold 10,000 samples against the 10,000 test images, in the features of
`published.mnist_features`. The weights are the moving average of the generator's.
"""

from dataclasses import asdict
from functools import partial

import torch

from .. import data, models, published, runtime
from ..callbacks import EMA, Schedule, cosine
from ..metrics import generative_report
from ..objectives import Adversarial
from ..trainer import Trainer

SEED = 0
EPOCHS = 12


def main(name="mnist_gan"):
    runtime.set_seed(SEED)
    train, test = data.mnist(profile="full")
    generator = getattr(published, name)(trained=False)
    classes = generator.classes
    discriminator = models.Discriminator(width=32, stages=3, classes=classes, batch_norm=True)
    gan = Adversarial(generator, discriminator, latent_dim=generator.latent_dim, conditional=classes is not None)
    average = EMA(0.998)
    adam = partial(torch.optim.Adam, lr=5e-4, betas=(0.5, 0.99), fused=True)
    trainer = Trainer(gan, adam, batch_size=64, seed=SEED, callbacks=[average, Schedule(cosine, epochs=EPOCHS)])
    while trainer.epoch < EPOCHS:
        trainer.fit(train.with_range(-1, 1), 3)
        with average.applied(trainer):
            measured = measure(gan, test)
        print(f"epoch {trainer.epoch}: {measured}", flush=True)
    with average.applied(trainer):
        facts = {
            "network": "course_lib.models.Generator(latent_dim=64, width=32" + (f", classes={classes})" if classes else ")"),
            "parameters": sum(parameter.numel() for parameter in generator.parameters()),
            "data": "MNIST, 60,000 training images",
            "recipe": "non-saturating game; discriminator of width 32, 3 stages, with batch norm; Adam, 5e-4, betas 0.5 "
            f"and 0.99, cosine over {EPOCHS} epochs, batches of 64, weights averaged (0.998)",
            "seed": SEED,
            "steps": trainer.step,
            "command": f"python -m course_lib.recipes.{name}",
            "measured": "10,000 samples against the 10,000 test images, features of published.mnist_features, 5 neighbours",
            **measured,
        }
        published.publish(name, generator, facts)
    print(facts)


@torch.no_grad()
def measure(gan, test, count=10_000):
    """The generative report of `count` samples as a dict; also the share read with a confidence above 0.9, and as ordered."""
    gan.eval()
    network = published.mnist_features()
    labels = torch.arange(count) % 10
    noise = torch.Generator().manual_seed(SEED)
    options = [{"labels": some} if gan.conditional else {} for some in labels.split(500)]
    images = torch.cat([gan.sample(500, noise, **given) for given in options]).add(1).div(2)  # (N, 1, 28, 28) in 0..1
    real = test.batch(slice(0, count))[0]
    features, references = (torch.cat([network.features(some) for some in x.split(500)]) for x in (images, real))
    found = asdict(generative_report(references, features))
    probabilities = network.head(features).softmax(1)  # (N, 10)
    found["confident"] = (probabilities.max(1).values > 0.9).float().mean().item()
    if gan.conditional:
        found["agreement"] = (probabilities.argmax(1).cpu() == labels).float().mean().item()
    return found


if __name__ == "__main__":
    main()
