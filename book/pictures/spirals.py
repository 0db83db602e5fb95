"""Makes a picture of the gallery: a network learns to tell three spirals apart.

    python book/pictures/spirals.py    (seconds)

Seed 0. The color of each place is the network's answer there, a mixture where it is
unsure; from the top left to the bottom right after 0 to 100 passes over 400 points.
"""

from functools import partial
from pathlib import Path

import torch
from matplotlib.colors import to_rgb
from torchvision.utils import make_grid, save_image

from course_lib import data, plots, runtime
from course_lib.callbacks import Callback
from course_lib.models import MLP
from course_lib.objectives import Classification
from course_lib.trainer import Trainer

EPOCHS = (0, 2, 5, 10, 15, 20, 30, 50, 100)
SIDE = 96


class Watch(Callback):
    def __init__(self, points):
        super().__init__()
        low, high = points.min() - 0.15, points.max() + 0.15
        ticks = torch.linspace(low, high, SIDE)
        self.places = torch.cartesian_prod(-ticks, ticks).flip(1).to(runtime.device())
        self.colors = torch.tensor([to_rgb(c) for c in plots.COLORS[:3]])
        self.tiles = []

    def on_fit_start(self, trainer):
        self.on_epoch_end(trainer)

    @torch.no_grad()
    def on_epoch_end(self, trainer):
        if trainer.epoch in EPOCHS:
            logits = trainer.objective.classifier(self.places).float().cpu()
            tile = logits.softmax(1) @ self.colors  # (SIDE * SIDE, 3)
            self.tiles.append(tile.T.reshape(3, SIDE, SIDE))


def main():
    runtime.set_seed(0)
    spirals = data.spirals(400, turns=1.25)
    watch = Watch(spirals.points.cpu())
    adam = partial(torch.optim.Adam, lr=5e-3)
    network = MLP((2, 64, 64, 3))
    Trainer(Classification(network), adam, batch_size=32, callbacks=[watch]).fit(
        spirals, EPOCHS[-1]
    )
    sheet = make_grid(torch.stack(watch.tiles), nrow=3, padding=2, pad_value=1)
    sheet = sheet[:, 2:-2, 2:-2]  # without the outer border
    save_image(sheet, Path(__file__).parents[1] / "_static/gallery/spirals.png")


if __name__ == "__main__":
    main()
