"""Data sets of torch and torchvision, brought into memory."""

import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset
from torchvision.datasets import FakeData
from torchvision.transforms import ToTensor

from course_lib.data import from_torch


class Pictures(torch.utils.data.Dataset):
    classes = ("dark", "light")

    def __init__(self, *items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


def picture(level, size=(6, 5)):
    return Image.new("RGB", size, (level, 0, 255))


def test_pictures_bytes_and_floats_are_the_same_set():
    pil = Pictures((picture(10), 0), (picture(200), 1))
    tensors = [((ToTensor()(image) * 255).round().byte(), label) for image, label in pil.items]
    floats = [(ToTensor()(image), label) for image, label in pil.items]
    sets = [from_torch(Pictures(*items)) for items in (pil.items, tensors, floats)]
    assert repr(sets[0]) == "Pictures: 2 images of 3x5x6, 2 classes, values 0 to 1"
    assert sets[0].images[:, 0, 0, 0].tolist() == [10, 200]
    assert sets[0].labels.tolist() == [0, 1]
    assert all(torch.equal(sets[0].images, other.images) for other in sets[1:])


def test_a_set_of_torchvision():
    with pytest.raises(ValueError, match=r"FakeData: expected the names of its classes, .* pass classes="):
        from_torch(FakeData(3, (3, 8, 8), num_classes=4))
    images = from_torch(FakeData(3, (3, 8, 8), num_classes=4, transform=ToTensor()), classes="abcd", name="fake")
    assert repr(images) == "fake: 3 images of 3x8x8, 4 classes, values 0 to 1"


@pytest.mark.parametrize(
    ("dataset", "error", "sentence"),
    [
        (Pictures((picture(0), 0), (picture(0, (4, 4)), 1)), ValueError, "images of one size, got several"),
        (Pictures((torch.randn(3, 4, 4) * 9, 0)), ValueError, r"float images in 0..1, got -.* leave out the transform"),
        (Pictures(picture(0)), TypeError, r"\(image, label\) pairs, got Image at 0"),
        (TensorDataset(torch.zeros(2, 3, 4, 4)), TypeError, r"\(image, label\) pairs, got tuple at 0"),
        (Pictures((picture(0), 2)), ValueError, "classes 0..1 of the label"),
    ],
)
def test_what_cannot_be_brought_in(dataset, error, sentence):
    with pytest.raises(error, match=sentence):
        from_torch(dataset, classes=("dark", "light"))
