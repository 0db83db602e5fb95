"""Makes a picture of the gallery: patches of a landscape that nobody photographed.

    python book/pictures/landscape.py    (seconds)

From the published generator. Nothing is picked: the noise is that of seed 0.
"""

from pathlib import Path

import torch
from torchvision.utils import make_grid, save_image

from course_lib import published, runtime


@torch.no_grad()
def main():
    z = torch.randn(16, 100, generator=torch.Generator().manual_seed(0))
    patches = published.landscape_gan()(z.to(runtime.device())).cpu()
    sheet = make_grid(patches.add(1).div(2), nrow=4, padding=4, pad_value=1)
    save_image(
        sheet, Path(__file__).parents[1] / "_static" / "gallery" / "landscape.png"
    )


if __name__ == "__main__":
    main()
