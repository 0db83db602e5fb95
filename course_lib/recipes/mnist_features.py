"""Trains the feature network of MNIST: python -m course_lib.recipes.mnist_features (25 minutes on one CPU core).

All 60,000 training images, moved, turned and scaled a little; the 10,000 test images only measure. The weights are the
moving average of the last steps.
"""

from functools import partial

import torch
from torchvision.transforms import v2

from .. import data, published, runtime
from ..callbacks import EMA, Schedule, one_cycle
from ..objectives import Classification
from ..trainer import Trainer

SEED = 0
EPOCHS = 16


def main():
    runtime.set_seed(SEED)
    train, test = data.mnist(profile="full")
    warp = v2.RandomAffine(degrees=10, translate=(0.08, 0.08), scale=(0.9, 1.1), shear=5)
    network = published.mnist_features(trained=False)
    average = EMA(0.998)
    adam = partial(torch.optim.AdamW, lr=4e-3, weight_decay=0.05)
    trainer = Trainer(Classification(network), adam, seed=SEED, callbacks=[Schedule(one_cycle, epochs=EPOCHS), average])
    trainer.fit(train.augmented(warp), EPOCHS)
    with average.applied(trainer):
        measured = trainer.evaluate(test)
        facts = {
            "network": "course_lib.models.ResNet((1, 28, 28), blocks=1)",
            "data": "MNIST, 60,000 training images, augmented by small affine maps",
            "recipe": f"AdamW, 4e-3, weight decay 0.05, one cycle of {EPOCHS} epochs, batches of 128, weights averaged (0.998)",
            "test_accuracy": measured["accuracy"],
            "test_loss_nats": measured["loss"],
        }
        published.publish("mnist_features", network, trainer, facts)
    print(facts)


if __name__ == "__main__":
    main()
