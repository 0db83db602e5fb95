"""Trains the generator of landscape patches: python -m course_lib.recipes.landscape_gan (half an hour on one CPU core).

All real images are patches of one photograph. The weights are the moving average of the last steps, kept in half precision.
"""

from functools import partial

import torch
from torch.nn.functional import avg_pool2d

from .. import data, games, metrics, published, runtime
from ..callbacks import EMA, Schedule, cosine
from ..models import Discriminator
from ..objectives import Adversarial
from ..trainer import Trainer

SEED = 0
EPOCHS = 60
COUNT = 4096  # patches of an epoch, and half of them to measure with


def near_and_far(patches):
    """What the discriminator sees: of half the patches a window of 32 x 32, of the others all, shrunk to that size."""
    near, far = patches.chunk(2)
    top, left = torch.randint(33, (2,)).tolist()
    return torch.cat([near[..., top : top + 32, left : left + 32], avg_pool2d(far, 2)])


def main():
    runtime.set_seed(SEED)
    photo = data.photograph(shrink=3)  # (3, 142, 213)
    patches = data.crops(photo, 64, count=COUNT).with_range(-1, 1)
    generator = published.landscape_gan(trained=False)
    discriminator = Discriminator((3, 32, 32), width=40, stages=3, batch_norm=True)
    gan = Adversarial(generator, discriminator, latent_dim=100, game=games.smoothed(0.9), augment=near_and_far)
    adam = partial(torch.optim.Adam, betas=(0.5, 0.99), fused=True)
    optimizers = {"generator": partial(adam, lr=6e-4), "discriminator": partial(adam, lr=1.5e-4)}
    average = EMA(0.998)
    trainer = Trainer(gan, optimizers, batch_size=16, seed=SEED, callbacks=[average, Schedule(cosine, epochs=EPOCHS)])
    trainer.fit(patches, EPOCHS)
    with average.applied(trainer):
        generator.half().float()  # as it will be read back
        facts = {
            "network": "course_lib.models.Generator((3, 64, 64), latent_dim=100, width=32, stages=3), half precision",
            "data": f"{COUNT:,} patches of 64 x 64, half of them mirrored, of china.jpg shrunk to 142 x 213 (scikit-learn)",
            "recipe": "non-saturating game, real labels of 0.9, discriminator of three stages with batch norm, which sees of "
            "half the patches a window of 32 x 32 and the others shrunk to that size; Adam (generator 6e-4, discriminator "
            f"1.5e-4), batches of 16, half a cosine over {EPOCHS} epochs, weights averaged (0.998)",
            **measure(generator, photo),
        }
        published.publish("landscape_gan", generator.half(), trainer, facts)
    print(facts)


@torch.no_grad()
def measure(generator, photo):
    """How like real patches the generated ones are, and how like their most similar place in the photograph: a dict."""
    count = COUNT // 2
    z = torch.randn(count, 100, generator=torch.Generator().manual_seed(1)).to(runtime.device())
    generated = torch.cat([generator.eval()(some) for some in z.split(128)])
    real, others = (data.crops(photo, 64, count=count, seed=seed).with_range(-1, 1).batch(slice(None))[0] for seed in (1, 2))
    places = photo.float() / 127.5 - 1  # 0..255 -> -1..1
    few = generated[: COUNT // 16]
    nearest, *_ = metrics.nearest_crop(few, torch.stack([places, places.flip(2)]))
    return {
        "frechet_distance": metrics.patch_distance(real, generated),
        "frechet_distance_of_real_patches": metrics.patch_distance(real, others),
        "images_measured": count,
        "distance_to_the_most_similar_place": nearest.median().item(),
        "images_searched_for": len(few),
    }


if __name__ == "__main__":
    main()
