"""Makes the picture on the first page: an adversarial network learns to draw digits.

    COURSE_LIB_PROFILE=full python book/pictures/first_page.py    (minutes on two cores)

Seed 0, all 60,000 training digits, 12 epochs. Columns are moments of the training.
Nothing is picked: the rows are the first six noise vectors. How it works is the subject
of the chapter on adversarial networks.
"""

from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import softplus
from torchvision.utils import make_grid, save_image

from course_lib import data, runtime
from course_lib.callbacks import Callback
from course_lib.objectives import Objective
from course_lib.trainer import Trainer

STEPS = (0, 25, 50, 100, 150, 200, 300, 469, 938, 1876, 3752, 5628)


class Adversarial(Objective):
    parts = ("discriminator", "generator")

    def __init__(self, generator, discriminator):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator

    def losses(self, batch):
        real, _ = batch
        fake = self.generator(torch.randn(len(real), 64, device=real.device))
        yield (
            "discriminator",
            softplus(-self.discriminator(real))
            + softplus(self.discriminator(fake.detach())),
        )
        yield "generator", softplus(-self.discriminator(fake))


class Watch(Callback):
    """Draws from the same six noise vectors at each of STEPS."""

    def __init__(self):
        super().__init__()
        self.noise = torch.randn(6, 64, generator=torch.Generator().manual_seed(0)).to(
            runtime.device()
        )
        self.columns = []

    def on_fit_start(self, trainer):
        self.on_step_end(trainer)

    @torch.no_grad()
    def on_step_end(self, trainer):
        if trainer.step in STEPS:
            trainer.objective.generator.eval()
            self.columns.append(trainer.objective.generator(self.noise).float().cpu())
            trainer.objective.generator.train()


class Critic(nn.Sequential):
    def forward(self, x):
        return super().forward(x).squeeze(1)  # (B, 1) -> (B,)


def main():
    runtime.set_seed(0)
    generator = nn.Sequential(
        nn.Linear(64, 128 * 7 * 7), nn.Unflatten(1, (128, 7, 7)),
        nn.BatchNorm2d(128), nn.ReLU(),
        nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.BatchNorm2d(64), nn.ReLU(),
        nn.ConvTranspose2d(64, 1, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    discriminator = Critic(
        nn.Conv2d(1, 64, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.Dropout(0.3), nn.Flatten(), nn.Linear(128 * 7 * 7, 1),
    )  # fmt: skip
    watch = Watch()
    adam = partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.999))
    train, _ = data.mnist()
    trainer = Trainer(Adversarial(generator, discriminator), adam, callbacks=[watch])
    trainer.fit(train.with_range(-1, 1), 12)
    rows = torch.stack(
        watch.columns, dim=1
    )  # (6, steps, 1, 28, 28): one a noise vector
    sheet = make_grid(
        rows.flatten(0, 1),
        nrow=len(STEPS),
        padding=1,
        pad_value=1,
        normalize=True,
        value_range=(-1, 1),
    )[:, 1:-1, 1:-1]  # without the outer border
    sheet = sheet.repeat_interleave(3, dim=1).repeat_interleave(3, dim=2)
    save_image(sheet, Path(__file__).parents[1] / "_static" / "hero.png")


if __name__ == "__main__":
    main()
