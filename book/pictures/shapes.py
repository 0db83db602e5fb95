"""Makes a picture of the gallery: shapes, drawn by rule, with noise and with bars.

    python book/pictures/shapes.py    (a second)

Seed 0. Each row has more noise than the one above it, and wider bars over the shapes.
"""

from pathlib import Path

import torch
from torchvision.utils import make_grid, save_image

from course_lib import data

SIDE = 6


def main():
    rows = [
        data.shapes(SIDE, seed=row, noise=6 * row, occlusion=0.06 * row).images
        for row in range(SIDE)
    ]
    images = torch.cat(rows).cpu() / 255  # (SIDE * SIDE, 3, 32, 32)
    sheet = make_grid(images, nrow=SIDE, padding=1, pad_value=1)[:, 1:-1, 1:-1]
    save_image(sheet, Path(__file__).parents[1] / "_static/gallery/shapes.png")


if __name__ == "__main__":
    main()
