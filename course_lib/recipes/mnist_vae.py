"""Trains the VAE of black and white digits: python -m course_lib.recipes.mnist_vae (two hours on one CPU core).

All 60,000 training images of MNIST; a pixel is white with the probability that its grey value names, drawn anew each time an
image is seen. The 10,000 test images, drawn once so, only measure. The weights are the moving average of the last steps, kept
in half precision.
"""

from functools import partial

import torch

from .. import data, published, runtime
from ..callbacks import EMA, Schedule, one_cycle
from ..objectives import VariationalBound
from ..trainer import Trainer

SEED = 0
EPOCHS = 56
SEARCHED, DRAWS = 300, 5000  # test images, and draws for each, of the importance-weighted bound


def main():
    runtime.set_seed(SEED)
    train, test = data.mnist(profile="full")
    vae = published.mnist_vae(trained=False)
    bound = VariationalBound(vae)
    average = EMA(0.999)
    adam = partial(torch.optim.Adam, lr=2e-3, fused=True)
    trainer = Trainer(bound, adam, batch_size=128, seed=SEED, callbacks=[average, Schedule(one_cycle, epochs=EPOCHS)])
    trainer.fit(train.augmented(torch.bernoulli), EPOCHS)
    with average.applied(trainer):
        vae.half().float()  # as it will be read back
        facts = {
            "network": "course_lib.models.residual_vae(), half precision",
            "data": "MNIST, 60,000 training images, a pixel white with the probability of its grey value, drawn anew",
            "recipe": f"Adam, 2e-3, one cycle of {EPOCHS} epochs, batches of 128, weights averaged (0.999)",
            **measure(bound.eval(), test),
        }
        published.publish("mnist_vae", vae.half(), trainer, facts)
    print(facts)


@torch.no_grad()
def measure(bound, test):
    """What a card says, in nats an image: the bound over all test images, and how far above it the importance-weighted one is.

    The second needs thousands of decodings of an image, and is measured on the first images only. What it adds to the bound
    of the same image varies far less from image to image than the bound itself, so this difference is what is averaged.
    """
    grey, _ = test.batch(slice(None))
    white = torch.bernoulli(grey, generator=torch.Generator(grey.device).manual_seed(SEED))

    def bounds(images, repeats):  # (N,): minus the bound of each image, its expectation taken over `repeats` samples of z
        draws = [torch.cat([bound.metrics((some, None))["loss"] for some in images.split(500)]) for _ in range(repeats)]
        return torch.stack(draws).mean(0)

    every, few = bounds(white, 10), white[:SEARCHED]
    gain = bounds(few, 200) + bound.importance_bound(few, DRAWS)  # (SEARCHED,), how much the tighter bound adds
    return {
        "measured": f"{len(white):,} test images, binarised once (seed {SEED}); {DRAWS:,} draws of the first {len(few)}",
        "bound_nats": every.mean().item(),
        "bound_standard_error": (every.std() / len(every) ** 0.5).item(),
        "importance_bound_nats": (every.mean() - gain.mean()).item(),
        "gain_standard_error": (gain.std() / len(gain) ** 0.5).item(),
        "draws": DRAWS,
    }


if __name__ == "__main__":
    main()
