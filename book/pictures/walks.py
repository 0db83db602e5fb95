"""Makes a picture of the gallery: from one handwritten digit to another.

    python book/pictures/walks.py    (seconds)

The first and the last of each row are two handwritten digits, as the published VAE
draws them again; between them it decodes points of the line between their codes.
Nothing is picked: they are the first digits of the fast profile's test set.
"""

from pathlib import Path

import torch
from torchvision.utils import make_grid, save_image

from course_lib import data, published


@torch.no_grad()
def main():
    vae = published.mnist_vae()
    _, test = data.mnist(profile="fast")
    gray, _ = test.batch(slice(0, 16))
    codes, _ = vae.encode(gray.round())  # (16, 32)
    steps = torch.linspace(0, 1, 8, device=codes.device)[:, None, None]
    walks = (1 - steps) * codes[:8] + steps * codes[8:]  # (8 steps, 8 walks, 32)
    digits = vae.decode(walks.transpose(0, 1).flatten(0, 1)).sigmoid().cpu()
    sheet = make_grid(digits, nrow=8, padding=4, pad_value=1)
    save_image(sheet, Path(__file__).parents[1] / "_static" / "gallery" / "walks.png")


if __name__ == "__main__":
    main()
