"""One photograph, and patches cut from it."""

import numpy as np
import torch
from torch.nn.functional import avg_pool2d

from .. import runtime
from .images import Images


def photograph(name: str = "china", *, shrink: int = 1) -> torch.Tensor:
    """A photograph that scikit-learn bundles (427 x 640, no download): uint8 tensor (3, H, W) on the device.

    name: "china", a landscape, or "flower", a dahlia. Raises ValueError for another.
    shrink: side of the blocks of pixels that are averaged into one; what does not fill a block is cut off.
    """
    from sklearn.datasets import load_sample_image

    if name not in ("china", "flower"):
        raise ValueError(f"Expected the name of a photograph, china or flower, got {name!r}.")
    pixels = torch.from_numpy(np.array(load_sample_image(f"{name}.jpg"))).permute(2, 0, 1)  # (H, W, 3) -> (3, H, W)
    return avg_pool2d(pixels.float(), shrink).round().to(runtime.device(), torch.uint8)


def crops(photo: torch.Tensor, size: int, *, count: int, seed: int = 0) -> Images:
    """`count` patches of size x size at random places of a photograph, half of them mirrored left to right.

    All places are equally likely, and some are drawn more than once.

    photo: uint8 tensor (C, H, W).
    size: height and width of a patch, in pixels.
    count: how many.
    seed: of the places and the mirroring.

    Raises ValueError for a patch that is larger than the photograph.
    """
    height, width = photo.shape[1:]
    if size > min(height, width):
        raise ValueError(f"Expected patches that fit into the photograph of {height} x {width}, got size {size}; shrink less.")
    random = torch.Generator().manual_seed(seed)
    rows = torch.randint(height - size + 1, (count,), generator=random)
    columns = torch.randint(width - size + 1, (count,), generator=random)
    mirrored = torch.rand(count, generator=random) < 0.5
    places = photo.cpu().unfold(1, size, 1).unfold(2, size, 1)  # a view: (C, H - size + 1, W - size + 1, size, size)
    patches = places[:, rows, columns].transpose(0, 1)  # (C, N, size, size) -> (N, C, size, size)
    patches = torch.where(mirrored[:, None, None, None], patches.flip(3), patches)
    labels = torch.zeros(count, dtype=torch.int64)
    return Images(patches, {"label": labels}, {"label": ("patch",)}, name=f"patches of a {height} x {width} photograph")
