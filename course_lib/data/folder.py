"""Photographs of one's own: a folder with one sub-folder for each class."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from .. import runtime
from .images import Images

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")


def image_folder(folder, *, size, grey=False):
    """Read folder/class name/any name.jpg as Images (N, 3, size, size), or (N, 1, size, size) if grey.

    Each picture is turned upright, put on white where it is transparent, cropped to its middle square and resized to
    `size` pixels. Palette, CMYK and 16-bit pictures are converted. Hidden files and folders are left out.
    Raises FileNotFoundError for a folder without class folders or pictures, ValueError for a picture that cannot be read.
    """
    folder = Path(folder).expanduser()
    classes = sorted(entry.name for entry in folder.glob("[!.]*") if entry.is_dir())
    files = [
        (path, label)
        for label, name in enumerate(classes)
        for path in sorted((folder / name).rglob("*"))
        if path.suffix.lower() in ENDINGS and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not files:
        raise FileNotFoundError(
            f"Expected pictures in class folders, such as {folder / 'cats' / 'one.jpg'}; "
            f"found {len(classes)} class folders and no picture in them. Endings read: {', '.join(ENDINGS)}."
        )
    images = np.stack([_read(path, size, grey) for path, _ in files])  # (N, size, size) or (N, size, size, 3)
    images = torch.from_numpy(images).reshape(len(files), size, size, -1).permute(0, 3, 1, 2)  # -> (N, C, size, size)
    loaded = Images(images.contiguous(), torch.tensor([label for _, label in files]), classes, name=folder.name)
    runtime.accelerator().print(loaded)
    return loaded


def _read(path, size, grey):
    try:
        with Image.open(path) as picture:
            picture = ImageOps.exif_transpose(picture)
            if picture.mode.startswith("I"):  # 16 bits a pixel, which Pillow would clip at 255 instead of scaling
                picture = Image.fromarray((np.asarray(picture, np.int64) >> 8).clip(0, 255).astype(np.uint8))
            if picture.has_transparency_data:
                picture = picture.convert("RGBA")
                picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
            picture = picture.convert("L" if grey else "RGB")
            return np.asarray(ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS))
    except Exception as error:  # what Pillow raises for a damaged file depends on the damage
        raise ValueError(f"Could not read the picture {path} ({error}); replace it or take it out of the folder.") from None
