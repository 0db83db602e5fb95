"""Makes the picture on the first page: digits on order, and patches of a landscape.

    python book/pictures/first_page.py    (seconds)

From the published generators. Nothing is picked: the noise is that of seed 0.
"""

from pathlib import Path

import torch
from torchvision.utils import make_grid, save_image

from course_lib import published, runtime

GAP = 4  # pixels


@torch.no_grad()
def main():
    noise = torch.Generator().manual_seed(0)
    z = torch.randn(4, 64, generator=noise).repeat_interleave(10, dim=0)
    labels = torch.arange(10).repeat(4)
    here = runtime.device()
    digits = published.mnist_gan()(z.to(here), labels.to(here))
    patches = published.landscape_gan()(torch.randn(7, 100, generator=noise).to(here))
    rows = [
        enlarged(digits, 3, columns=10).expand(3, -1, -1),  # 10 x 28 x 3 = 840 wide
        enlarged(patches, 2, columns=7),
    ]
    width = max(row.shape[2] for row in rows)
    sheet = [
        torch.nn.functional.pad(row, (0, width - row.shape[2]), value=1) for row in rows
    ]
    save_image(
        torch.cat(sheet, dim=1), Path(__file__).parents[1] / "_static" / "hero.png"
    )


def enlarged(images, times, columns):
    """Images (N, C, H, W) in -1..1 as one sheet (C, h, w) in 0..1, pixels as squares."""
    images = images.cpu().add(1).div(2).clamp(0, 1)
    images = images.repeat_interleave(times, dim=2).repeat_interleave(times, dim=3)
    return make_grid(images, nrow=columns, padding=GAP, pad_value=1)


if __name__ == "__main__":
    main()
