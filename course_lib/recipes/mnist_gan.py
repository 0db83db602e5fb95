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


def main():
    train_and_publish("mnist_gan", EPOCHS)


def train_and_publish(name, epochs):
    runtime.set_seed(SEED)
    train, test = data.mnist(profile="full")
    generator = getattr(published, name)(trained=False)
    classes = generator.classes
    discriminator = models.Discriminator(width=32, stages=3, classes=classes, batch_norm=True)
    gan = Adversarial(generator, discriminator, latent_dim=generator.latent_dim, conditional=classes is not None)
    average = EMA(0.998)
    adam = partial(torch.optim.Adam, lr=5e-4, betas=(0.5, 0.99), fused=True)
    trainer = Trainer(gan, adam, batch_size=64, seed=SEED, callbacks=[average, Schedule(cosine, epochs=epochs)])
    trainer.fit(train.with_range(-1, 1), epochs)
    with average.applied(trainer):
        facts = {
            "network": "course_lib.models.Generator(latent_dim=64, width=32" + (f", classes={classes})" if classes else ")"),
            "parameters": sum(parameter.numel() for parameter in generator.parameters()),
            "data": "MNIST, 60,000 training images",
            "recipe": "non-saturating game; discriminator of width 32, 3 stages, with batch norm; Adam, 5e-4, betas 0.5 "
            f"and 0.99, cosine over {epochs} epochs, batches of 64, weights averaged (0.998)",
            "seed": SEED,
            "steps": trainer.step,
            "command": f"python -m course_lib.recipes.{name}",
            **measures(generator, train, test),
        }
        published.publish(name, generator, facts)
    print(facts)


@torch.no_grad()
def measures(generator, train, test):
    """What a card says of a generator: noise as it was trained with, noise shrunk to 0.9, and real images in its place."""
    network, count = published.mnist_features(), len(test)
    labels = torch.arange(count) % 10
    z = torch.randn(count, generator.latent_dim, generator=torch.Generator().manual_seed(SEED))

    def features(images):  # (N, 1, 28, 28) in 0..1 -> (N, 64)
        return torch.cat([network.features(some) for some in images.split(500)])

    def drawn(scale):
        inputs = [scale * z, labels] if generator.classes else [scale * z]
        parts = zip(*(each.to(runtime.device()).split(500) for each in inputs), strict=True)
        return torch.cat([generator.eval()(*part) for part in parts]).add(1).div(2)

    references = features(test.batch(slice(None))[0])

    def report(images):
        found = features(images)
        probabilities = network.head(found).softmax(1).cpu()  # (N, 10)
        values = asdict(generative_report(references, found)) | {
            "confident": (probabilities.max(1).values > 0.9).float().mean().item()
        }
        if generator.classes and images is not real:
            values["agreement"] = (probabilities.argmax(1) == labels).float().mean().item()
        return {key: round(value, 4) for key, value in values.items()}

    real = train.batch(slice(0, count))[0]
    return {
        "measured": f"{count:,} images against the {count:,} test images, features of published.mnist_features, 5 neighbours",
        "noise_1": report(drawn(1.0)),
        "noise_0.9": report(drawn(0.9)),
        "real_training_images": report(real),
    }


if __name__ == "__main__":
    main()
