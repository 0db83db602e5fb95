"""Trains the generator of coloured shapes: python -m course_lib.recipes.shapes_gan (an hour and a half on one CPU core).

The real pictures are drawn by the course itself. The weights are the moving average of the last steps, kept in half precision.
"""

from functools import partial

import torch

from .. import data, games, metrics, published, runtime
from ..callbacks import EMA, Schedule, cosine
from ..models import Discriminator
from ..objectives import Adversarial
from ..trainer import Trainer

SEED = 0
EPOCHS = 30
COUNT, MEASURED = 20_000, 2000  # pictures of an epoch, and to measure with


def main():
    runtime.set_seed(SEED)
    pictures = data.shapes(COUNT, seed=SEED).by("shape").with_range(-1, 1)
    generator = published.shapes_gan(trained=False)
    discriminator = Discriminator((3, 32, 32), width=48, stages=3)
    gan = Adversarial(generator, discriminator, latent_dim=generator.latent_dim, penalty=games.r1(0.1))
    adam = partial(torch.optim.Adam, betas=(0.0, 0.99), fused=True)
    optimizers = {"generator": partial(adam, lr=8e-4), "discriminator": partial(adam, lr=5e-4)}
    average = EMA(0.999)
    schedule = Schedule(partial(cosine, hold=0.5), epochs=EPOCHS)
    trainer = Trainer(gan, optimizers, batch_size=32, seed=SEED, callbacks=[average, schedule])
    trainer.fit(pictures, EPOCHS)
    with average.applied(trainer):
        generator.half().float()  # as it will be read back
        facts = {
            "network": "course_lib.models.Generator((3, 32, 32), latent_dim=64, width=48, stages=3), half precision",
            "data": f"{COUNT:,} pictures of course_lib.data.shapes",
            "recipe": "non-saturating game, R1 penalty of weight 0.1; discriminator of three stages, width 48; Adam (generator "
            f"8e-4, discriminator 5e-4, betas 0 and 0.99), falling along half a cosine over the later half of {EPOCHS} epochs, "
            "batches of 32, weights averaged (0.999)",
            "discriminator_loss": round(trainer.history[-1]["discriminator_loss"], 5),  # nats, over the last epoch
            **measure(generator),
        }
        published.publish("shapes_gan", generator.half(), trainer, facts)
    print(facts)


@torch.no_grad()
def measure(generator):
    """How like drawn pictures the generated ones are, and how like each other two sets of drawn ones: a dict."""
    z = torch.randn(MEASURED, generator.latent_dim, generator=torch.Generator().manual_seed(1)).to(runtime.device())
    generated = torch.cat([generator.eval()(some) for some in z.split(500)])
    real, others = (data.shapes(MEASURED, seed=seed).by("shape").with_range(-1, 1).batch(slice(None))[0] for seed in (1, 2))
    return {
        "frechet_distance": metrics.patch_distance(real, generated),
        "frechet_distance_of_drawn_pictures": metrics.patch_distance(real, others),
        "images_measured": MEASURED,
    }


if __name__ == "__main__":
    main()
