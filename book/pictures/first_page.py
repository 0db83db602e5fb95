"""Makes the picture on the first page: digits to order.

    python book/pictures/first_page.py    (seconds)

From the published generator. Nothing is picked: the noise is that of seed 0.
"""

from pathlib import Path

import torch
from torchvision.utils import make_grid, save_image

from course_lib import published, runtime


@torch.no_grad()
def main():
    noise = torch.Generator().manual_seed(0)
    z = torch.randn(5, 64, generator=noise).repeat_interleave(10, dim=0)
    labels = torch.arange(10).repeat(5)
    here = runtime.device()
    digits = published.mnist_gan()(z.to(here), labels.to(here)).cpu()
    digits = digits.repeat_interleave(3, dim=2).repeat_interleave(3, dim=3)
    sheet = make_grid(digits.add(1).div(2), nrow=10, padding=4, pad_value=1)
    save_image(sheet, Path(__file__).parents[1] / "_static" / "hero.png")


if __name__ == "__main__":
    main()
