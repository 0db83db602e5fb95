"""Photographs of one's own: a folder with one sub-folder for each class, or without classes."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from .. import runtime
from .images import Images

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")


def image_folder(folder: str | Path, *, size: int, gray: bool = False, labeled: bool = True) -> Images:
    """Read folder/class name/any name.jpg as Images (N, 3, size, size), or (N, 1, size, size) if gray.

    Each picture is turned upright, put on white where it is transparent, cropped to its middle square and resized to
    `size` pixels. Palette, CMYK and 16-bit pictures are converted. Hidden files and folders are left out.

    folder: holds a folder for each class.
    size: height and width of the images, in pixels.
    gray: whether to read them as gray values, one channel.
    labeled: False reads every picture in the folder and below as one class, the folder's name, to generate more like them.

    Raises FileNotFoundError for a folder without class folders or pictures, ValueError when only one class has pictures and
    for a picture that cannot be read.
    """
    folder = Path(folder).expanduser()
    folders = sorted(entry for entry in folder.glob("[!.]*") if entry.is_dir()) if labeled else [folder]
    classes = [entry.name for entry in folders]
    files = [
        (path, label)
        for label, entry in enumerate(folders)
        for path in sorted(entry.rglob("*"))
        if path.suffix.lower() in ENDINGS and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not files:
        found = f"{len(classes)} class folders and no picture in them" if labeled else "no picture"
        raise FileNotFoundError(
            f"Expected pictures in class folders, such as {folder / 'cats' / 'one.jpg'}, or with labeled=False anywhere in "
            f"the folder; found {found}. Endings read: {', '.join(ENDINGS)}."
        )
    if labeled and len({label for _, label in files}) < 2:
        raise ValueError(
            f"Expected pictures of at least two classes in {folder}, a folder for each; found only {classes[files[0][1]]!r}, "
            "and one class leaves nothing to tell apart. Add a folder for another class, or pass labeled=False to read "
            "pictures without classes."
        )
    images = np.stack([_read(path, size, gray) for path, _ in files])  # (N, size, size) or (N, size, size, 3)
    images = torch.from_numpy(images).reshape(len(files), size, size, -1).permute(0, 3, 1, 2)  # -> (N, C, size, size)
    labels = torch.tensor([label for _, label in files])
    loaded = Images(images.contiguous(), {"label": labels}, {"label": classes}, name=folder.name)
    runtime.accelerator().print(loaded)
    return loaded


def _read(path, size, gray):
    try:
        with Image.open(path) as picture:
            picture = ImageOps.exif_transpose(picture)
            if picture.mode.startswith("I"):  # 16 bits a pixel, which Pillow would clip at 255 instead of scaling
                picture = Image.fromarray((np.asarray(picture, np.int64) >> 8).clip(0, 255).astype(np.uint8))
            if picture.has_transparency_data:
                picture = picture.convert("RGBA")
                picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
            picture = picture.convert("L" if gray else "RGB")
            return np.asarray(ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS))
    except Exception as error:  # what Pillow raises for a damaged file depends on the damage
        raise ValueError(f"Could not read the picture {path} ({error}); replace it or take it out of the folder.") from None
