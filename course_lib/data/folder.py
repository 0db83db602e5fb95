"""Photographs of one's own: a folder with one sub-folder for each class, or without classes."""

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from .. import contract, runtime
from .images import Images

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")


def image_folder(folder: str | Path, *, size: int, gray: bool = False, labeled: bool = True) -> Images:
    """Read folder/class name/any name.jpg as Images (N, 3, size, size), or (N, 1, size, size) if gray.

    Each picture is turned upright, put on white where it is transparent, cropped to its middle square and resized to
    `size` pixels. Palette, CMYK and 16-bit pictures are converted. Hidden files and folders are left out, and what macOS adds.

    folder: holds a folder for each class.
    size: height and width of the images, in pixels.
    gray: whether to read them as gray values, one channel.
    labeled: False reads every picture in the folder and below as one class, the folder's name, to generate more like them.

    Raises FileNotFoundError for a folder without class folders or pictures, ValueError when only one class has pictures or one
    has none, and for a picture that cannot be read, or whose numbers have no fixed range (floats, 32 bits).
    """
    size = contract.whole_number("size", size, at_least=1)
    folder = Path(folder).expanduser()
    folders = (
        sorted(entry for entry in folder.glob("*") if entry.is_dir() and not _left_out(entry.name)) if labeled else [folder]
    )
    classes = [entry.name for entry in folders]
    files = [
        (path, label)
        for label, entry in enumerate(folders)
        for path in sorted(entry.rglob("*"))
        if path.suffix.lower() in ENDINGS and not path.is_dir() and not any(map(_left_out, path.relative_to(folder).parts))
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
    if empty := [name for label, name in enumerate(classes) if label not in {label for _, label in files}]:
        raise ValueError(
            f"Expected pictures in every class folder of {folder}, found none in {', '.join(empty[:5])}; add some or remove it."
        )
    images = np.stack([_read(path, size, gray) for path, _ in files])  # (N, size, size) or (N, size, size, 3)
    images = torch.from_numpy(images).reshape(len(files), size, size, -1).permute(0, 3, 1, 2)  # -> (N, C, size, size)
    labels = torch.tensor([label for _, label in files])
    loaded = Images(images.contiguous(), {"label": labels}, {"label": classes}, name=folder.name)
    runtime.tell(loaded)
    return loaded


def _left_out(name):
    return name.startswith(".") or name == "__MACOSX"


def _read(path, size, gray):
    try:
        if not path.is_file():
            raise ValueError("it is no plain file")  # a pipe would be waited for without end
        with warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning), Image.open(path) as picture:
            picture = ImageOps.exif_transpose(picture)
            if picture.mode.startswith(("I", "F")):  # Pillow would clip these at 255 instead of scaling them
                values = np.asarray(picture)
                if picture.mode == "F" or values.min() < 0 or values.max() > 65535:
                    raise ValueError("its numbers have no fixed range: save it with 8 or 16 bits a channel")
                picture = Image.fromarray((values.astype(np.int64) >> 8).astype(np.uint8))
            if picture.has_transparency_data:
                picture = picture.convert("RGBA")
                picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
            picture = picture.convert("L" if gray else "RGB")
            return np.asarray(ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS))
    except Exception as error:  # what Pillow raises for a damaged file depends on the damage
        raise ValueError(f"Could not read the picture {path} ({error}); replace it or take it out of the folder.") from None
