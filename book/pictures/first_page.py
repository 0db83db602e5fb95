"""Makes the picture on the first page: digits to order.

    python book/pictures/first_page.py    (half a minute)

From the published flow, with a little more guidance than it has by default. Nothing is
picked: the noise is that of seed 0.
"""

from pathlib import Path

import torch
from torchvision.utils import make_grid, save_image

from course_lib import published


def main():
    noise = torch.Generator().manual_seed(0)
    digits = published.draw("mnist_flow", 50, generator=noise, guidance=1.7, steps=15)
    digits = digits.cpu().repeat_interleave(3, dim=2).repeat_interleave(3, dim=3)
    sheet = make_grid(digits, nrow=10, padding=4, pad_value=1)
    save_image(sheet, Path(__file__).parents[1] / "_static" / "hero.png")


if __name__ == "__main__":
    main()
