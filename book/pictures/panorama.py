"""Makes a picture of the gallery: a landscape that nobody photographed.

    python book/pictures/panorama.py    (half a minute)

From the published flow of patches of 64 x 64, in windows that overlap, nine times as
large as a patch. Nothing is picked: the noise is that of seed 0.
"""

from pathlib import Path

import torch
from torchvision.utils import save_image

from course_lib import applications, paths, published, runtime, samplers

PATH = paths.STRAIGHT


@torch.no_grad()
def main():
    patches = samplers.denoiser(published.landscape_flow(), PATH, "v")
    denoise = applications.overlapping(patches, 64, stride=16)
    noise = torch.randn(1, 3, 192, 192, generator=torch.Generator().manual_seed(0))
    made = samplers.heun(
        denoise, noise.to(runtime.device()), PATH, PATH.times(10, shift=2.0)
    )
    save_image(
        made.clamp(-1, 1).add(1).div(2),
        Path(__file__).parents[1] / "_static" / "gallery" / "panorama.png",
    )


if __name__ == "__main__":
    main()
