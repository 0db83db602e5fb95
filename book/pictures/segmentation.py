"""Makes a picture of the gallery: a U-Net says which shape each pixel belongs to.

    python book/pictures/segmentation.py    (a minute on two cores)

Seed 0, three passes over 3,000 pictures with noise and with bars over the shapes. The
pictures shown are the first ones of another seed: each above the network's answer.
"""

from functools import partial
from pathlib import Path

import torch
from matplotlib.colors import to_rgb
from torchvision.utils import make_grid, save_image

from course_lib import data, plots, runtime
from course_lib.models import UNet
from course_lib.objectives import Segmentation
from course_lib.trainer import Trainer

SIDE = 6


def main():
    runtime.set_seed(0)
    hard = {"noise": (0, 40), "occlusion": (0, 0.4)}
    train, shown = data.shapes(3000, **hard), data.shapes(SIDE**2 // 2, seed=1, **hard)
    adam = partial(torch.optim.Adam, lr=3e-3)
    trainer = Trainer(Segmentation(UNet(3, len(train.classes))), adam, batch_size=32)
    trainer.fit(train, 3)
    colours = ["#222222", *plots.COLOURS[:5]]  # the background's, and each shape's
    palette = torch.tensor([to_rgb(colour) for colour in colours])
    answers = palette[trainer.predict(shown).cpu().long()].permute(0, 3, 1, 2)
    pictures = shown.images.cpu() / 255  # (N, 3, 32, 32), as the answers
    pairs = zip(pictures.split(SIDE), answers.split(SIDE), strict=True)
    tiles = torch.cat([row for pair in pairs for row in pair])
    sheet = make_grid(tiles, nrow=SIDE, padding=1, pad_value=1)
    sheet = sheet[:, 1:-1, 1:-1]  # without the outer border
    save_image(sheet, Path(__file__).parents[1] / "_static/gallery/segmentation.png")


if __name__ == "__main__":
    main()
