"""Makes the pictures of a graded class, from the pages that it got.

    python benchmarks/grading.py class
    python book/pictures/class_of_ten.py    (seconds)

A browser shows the pages of _build/class_of_ten, nearly as narrow as on a phone; what
is below their last line is cut off.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "_build" / "class_of_ten" / "pages"
OUT = ROOT / "book" / "_static" / "grading"
WIDTH, TALL = 520, 3000  # pixels; a browser has no narrower window
SHOWN = {"student": ("102.html", 900), "class": ("index.html", 852)}  # page, pixels
BROWSER = ["chromium", "--headless", "--no-sandbox", "--hide-scrollbars"]


def photographed(page):
    """A page as the browser shows it, without the empty rest."""
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, "page.png")
        options = [f"--window-size={WIDTH},{TALL}", f"--screenshot={picture}"]
        command = [*BROWSER, *options, page.as_uri()]
        subprocess.run(command, check=True, capture_output=True)
        image = Image.open(picture).convert("RGB")
    used = np.flatnonzero((np.asarray(image) != 255).any(axis=(1, 2)))
    return image.crop((0, 0, WIDTH, min(TALL, used[-1] + 16)))


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for name, (page, height) in SHOWN.items():
        image = photographed(PAGES / page)
        image = image.crop((0, 0, WIDTH, min(height, image.height)))
        image.quantize(32).save(OUT / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
