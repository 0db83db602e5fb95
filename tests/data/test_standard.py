import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile

import numpy as np
import pytest
import torch
from torchvision import datasets

from course_lib import data, published, runtime
from course_lib.data import standard

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@pytest.fixture(scope="module")
def digits():
    return data.mnist(profile="fast")


def test_fast_mnist_is_stratified(digits):
    train, test = digits
    assert train.images.shape == (4000, 1, 28, 28)
    assert test.images.shape == (1000, 1, 28, 28)
    assert train.labels.bincount().tolist() == [400] * 10
    assert test.labels.bincount().tolist() == [100] * 10
    assert train.classes == tuple("0123456789")
    assert (train.images.min(), train.images.max(), train.images.dtype) == (0, 255, torch.uint8)


def test_the_unseen_digits_are_ten_of_each_and_none_of_the_fast_profile(digits):
    unseen = data.unseen_digits()
    assert unseen.images.shape == (100, 1, 28, 28)
    assert unseen.labels.tolist() == [*range(10)] * 10
    known = {image.numpy().tobytes() for part in digits for image in part.images}
    assert len({image.numpy().tobytes() for image in unseen.images} - known) == 100
    read = published.mnist_features()(unseen.batch(slice(None))[0]).argmax(1)
    assert (read == unseen.labels).float().mean() > 0.97


def test_fast_mnist_has_no_digit_in_both_parts(digits):
    train, test = ({image.numpy().tobytes() for image in part.images} for part in digits)
    assert len(train) == 4000
    assert len(test) == 1000
    assert not train & test


def test_fast_mnist_is_split_the_same_way_everywhere(digits):
    hashes = [hashlib.md5(part.images.numpy().tobytes() + bytes(part.labels.tolist())).hexdigest() for part in digits]
    assert hashes == ["367ac8f467355256fba7b1558b0a8b52", "6c5f3a43f6a4130a1c7f56f6d82e3785"]


def test_mnist_refuses_another_profile():
    with pytest.raises(ValueError, match="Expected profile 'fast' or 'full', got 'fats'"):
        data.mnist(profile="fats")


def idx(array):
    """The idx format of MNIST's files: two zero bytes, the type (8: uint8), the number of axes, their lengths, the values."""
    return bytes([0, 0, 8, array.ndim]) + b"".join(length.to_bytes(4, "big") for length in array.shape) + array.tobytes()


def fake_idx_files():
    """The four files of a tiny MNIST, {name: content}: 30 training and 10 test images."""
    random = np.random.default_rng(0)
    files = {}
    for part, count in (("train", 30), ("t10k", 10)):
        files[f"{part}-images-idx3-ubyte"] = idx(random.integers(0, 256, (count, 28, 28), dtype=np.uint8))
        files[f"{part}-labels-idx1-ubyte"] = idx(np.arange(count, dtype=np.uint8) % 10)
    return files


def md5(content):
    return hashlib.md5(content).hexdigest()


@pytest.fixture
def mnist_server(server, monkeypatch):
    """A server of a tiny MNIST, which torchvision's MNIST and Fashion-MNIST take for the real one."""
    packed = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in fake_idx_files().items()}
    server.files |= {f"/{name}": content for name, content in packed.items()}
    server.resources = [(name, md5(content)) for name, content in packed.items()]
    for dataset in (datasets.MNIST, datasets.FashionMNIST):
        monkeypatch.setattr(dataset, "mirrors", [server.url])
        monkeypatch.setattr(dataset, "resources", server.resources)
    return server


def load_mnist(root):
    return data.mnist(profile="full", root=root)


def load_fashion(root):
    return data.fashion_mnist(root=root)


@pytest.mark.parametrize(
    ("load", "folder", "name", "classes"),
    [
        (load_mnist, "MNIST", "MNIST", standard.DIGITS),
        (load_fashion, "FashionMNIST", "Fashion-MNIST", standard.CLOTHES),
    ],
)
def test_full_mnist_and_fashion_mnist(mnist_server, tmp_path, capsys, load, folder, name, classes):
    train, test = load(tmp_path)
    for part, prefix in ((train, "train"), (test, "t10k")):
        content = fake_idx_files()[f"{prefix}-images-idx3-ubyte"]
        assert part.images.numpy().tobytes() == content[16:]
        assert part.images.shape[1:] == (1, 28, 28)
        assert part.labels.tolist() == [i % 10 for i in range(len(part))]
        assert part.classes == classes
    text = capsys.readouterr().out.splitlines()
    assert text == [
        f"train: {name}: 30 images of 1x28x28, 10 classes, values 0 to 1",
        f"test:  {name}: 10 images of 1x28x28, 10 classes, values 0 to 1",
    ]
    assert sorted(path.name for path in (tmp_path / folder / "raw").glob("*ubyte")) == sorted(FILES)
    load(tmp_path)
    assert sorted(mnist_server.asked) == sorted(f"/{name}.gz" for name in FILES)


def test_mnist_follows_the_profile_and_the_folder_of_the_environment(mnist_server, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_LIB_DATA", str(tmp_path))
    runtime.configure(profile="full")
    assert [len(part) for part in data.mnist()] == [30, 10]
    assert (tmp_path / "MNIST" / "raw" / FILES[0]).exists()


def test_full_mnist_with_a_wrong_hash_unpacks_nothing(mnist_server, tmp_path):
    mnist_server.files[f"/{FILES[0]}.gz"] = gzip.compress(b"something else")
    with pytest.raises(OSError, match=f"Could not get {FILES[0]}.gz") as caught:
        load_mnist(tmp_path)
    assert mnist_server.resources[0][1] in str(caught.value)
    assert md5(mnist_server.files[f"/{FILES[0]}.gz"]) in str(caught.value)
    assert [path for path in (tmp_path / "MNIST" / "raw").iterdir() if path.suffix != ".lock"] == []


@pytest.mark.parametrize("load", [load_mnist, load_fashion, lambda root: data.cifar10(root=root)])
def test_a_device_that_is_not_there_is_found_before_a_download(mnist_server, cifar_server, tmp_path, monkeypatch, load):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("COURSE_LIB_DEVICE", "cuda")
    runtime.configure()
    with pytest.raises(ValueError, match="COURSE_LIB_DEVICE=cuda"):
        load(tmp_path)
    assert mnist_server.asked == []


IMAGES, LABELS = FILES[:2]


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        (IMAGES, lambda content: b""),
        (IMAGES, lambda content: content[:10]),
        (IMAGES, lambda content: content[: len(content) // 2]),
        (IMAGES, lambda content: b"<html>not here</html>" * 100),
        (IMAGES, lambda content: b"\0\0\x0a" + content[3:]),
        (IMAGES, lambda content: b"\0\0\x0d" + content[3:]),
        (IMAGES, lambda content: idx(np.zeros((20, 28, 28), np.uint8))),
        (LABELS, lambda content: idx(np.full(30, 77, np.uint8))),
        (LABELS, lambda content: content[:-1]),
    ],
    ids=["empty", "header cut", "cut", "a web page", "no such type", "floats", "fewer images", "no such label", "labels cut"],
)
def test_damaged_files_of_mnist(mnist_server, tmp_path, file, damage):
    load_mnist(tmp_path)
    path = tmp_path / "MNIST" / "raw" / file
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(OSError, match=r"The files of MNIST in .*raw are damaged \(.+\); delete that folder and load") as caught:
        load_mnist(tmp_path)
    assert "\n" not in str(caught.value)


CIFAR_FILES = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]


def cifar_records():
    """20 records for each of CIFAR-10's files, uint8 (20, 3073): a label, then the pixels."""
    random = np.random.default_rng(1)
    records = random.integers(0, 256, (6, 20, 3073), dtype=np.uint8)
    records[:, :, 0] = np.arange(20) % 10
    return dict(zip(CIFAR_FILES, records, strict=True))


@pytest.fixture
def cifar_server(server, monkeypatch):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, records in cifar_records().items():
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = records.size
            tar.addfile(info, io.BytesIO(records.tobytes()))
    server.files["/cifar.tar.gz"] = packed.getvalue()
    server.cifar_hash = f"md5:{md5(packed.getvalue())}"
    monkeypatch.setattr(standard, "CIFAR10_URL", server.url + "cifar.tar.gz")
    monkeypatch.setattr(standard, "CIFAR10_HASH", server.cifar_hash)
    return server


def test_cifar10(cifar_server, tmp_path, capsys):
    train, test = data.cifar10(root=tmp_path)
    records = cifar_records()
    expected = np.concatenate([records[name] for name in CIFAR_FILES[:5]])
    assert np.array_equal(train.images.numpy(), expected[:, 1:].reshape(100, 3, 32, 32))
    assert np.array_equal(test.images.numpy(), records["test_batch.bin"][:, 1:].reshape(20, 3, 32, 32))
    assert train.labels.tolist() == [i % 10 for i in range(100)]
    assert train.classes[:2] == ("plane", "car")
    assert capsys.readouterr().out.splitlines() == [
        "train: CIFAR-10: 100 images of 3x32x32, 10 classes, values 0 to 1",
        "test:  CIFAR-10: 20 images of 3x32x32, 10 classes, values 0 to 1",
    ]
    data.cifar10(root=tmp_path)
    assert cifar_server.asked == ["/cifar.tar.gz"]


def test_cifar10_with_a_wrong_hash_unpacks_nothing(cifar_server, tmp_path):
    cifar_server.files["/cifar.tar.gz"] = b"something else"
    with pytest.raises(OSError, match=r"Could not get cifar\.tar\.gz"):
        data.cifar10(root=tmp_path)
    assert [path for path in tmp_path.iterdir() if path.suffix != ".lock"] == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(b"\xc8" + path.read_bytes()[1:]),
    ],
    ids=["missing", "empty", "cut", "no such label"],
)
def test_damaged_files_of_cifar10(cifar_server, tmp_path, damage):
    data.cifar10(root=tmp_path)
    damage(tmp_path / "cifar-10-batches-bin" / "test_batch.bin")
    with pytest.raises(OSError, match=r"CIFAR-10 in .* are damaged \(.+\); delete that folder and load again"):
        data.cifar10(root=tmp_path)


LOADS_BOTH = """
import json, sys, urllib.request
from torchvision.datasets import MNIST
from course_lib import data
from course_lib.data import standard

url, root, MNIST.resources, standard.CIFAR10_HASH = json.loads(sys.argv[1])
MNIST.mirrors, standard.CIFAR10_URL = [url], url + "cifar.tar.gz"
urllib.request.urlopen(url + "meeting").read()
data.mnist(profile="full", root=root)
data.cifar10(root=root)
"""


def test_two_processes_download_once(mnist_server, cifar_server, tmp_path):
    arguments = json.dumps([mnist_server.url, str(tmp_path), mnist_server.resources, cifar_server.cifar_hash])
    command = [sys.executable, "-c", LOADS_BOTH, arguments]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=600)
        assert process.returncode == 0, err
        assert "train: MNIST: 30 images" in out
        assert "train: CIFAR-10: 100 images" in out
    asked = sorted(name for name in mnist_server.asked if name != "/meeting")
    assert asked == sorted(["/cifar.tar.gz", *(f"/{name}.gz" for name in FILES)])
