"""Trains the generator of digits to order: python -m course_lib.recipes.mnist_gan (an hour on one CPU core).

All 60,000 training images of MNIST; the measures hold 10,000 samples against the 10,000 test images, in the features of
`published.mnist_features`. The weights are the moving average of the last steps, kept in half precision.
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
EPOCHS = 24


def main():
    runtime.set_seed(SEED)
    train, test = data.mnist(profile="full")
    generator = published.mnist_gan(trained=False)
    discriminator = models.Discriminator(width=32, stages=3, classes=10, batch_norm=True)
    gan = Adversarial(generator, discriminator, latent_dim=generator.latent_dim, conditional=True)
    average = EMA(0.998)
    adam = partial(torch.optim.Adam, lr=5e-4, betas=(0.5, 0.99), fused=True)
    trainer = Trainer(gan, adam, batch_size=64, seed=SEED, callbacks=[average, Schedule(cosine, epochs=EPOCHS)])
    trainer.fit(train.with_range(-1, 1), EPOCHS)
    with average.applied(trainer):
        generator.half().float()  # as it will be read back
        facts = {
            "network": "course_lib.models.Generator(latent_dim=64, width=48, classes=10), half precision",
            "data": "MNIST, 60,000 training images",
            "recipe": "non-saturating game; discriminator of width 32, 3 stages, with batch norm; Adam, 5e-4, betas 0.5 "
            f"and 0.99, cosine over {EPOCHS} epochs, batches of 64, weights averaged (0.998)",
            **measures(generator, train, test),
        }
        published.publish("mnist_gan", generator.half(), trainer, facts)
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
        parts = zip((scale * z).split(500), labels.split(500), strict=True)
        return torch.cat([generator.eval()(*(each.to(runtime.device()) for each in part)) for part in parts]).add(1).div(2)

    references = features(test.batch(slice(None))[0])

    def report(images, ordered=None):
        found = features(images)
        probabilities = network.head(found).softmax(1).cpu()  # (N, 10)
        values = asdict(generative_report(references, found))
        values["confident"] = (probabilities.max(1).values > 0.9).float().mean().item()
        if ordered is not None:
            values["agreement"] = (probabilities.argmax(1) == ordered).float().mean().item()
        return {key: round(value, 4) for key, value in values.items()}

    return {
        "measured": f"{count:,} images against the {count:,} test images, features of published.mnist_features, 5 neighbours",
        "noise_1": report(drawn(1.0), labels),
        "noise_0.9": report(drawn(0.9), labels),
        "real_training_images": report(train.batch(slice(0, count))[0]),
    }


if __name__ == "__main__":
    main()
