"""Pictures and points that no data set should swallow."""

import os

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib.data import Points, image_folder


@pytest.fixture
def folder(tmp_path):
    """Two classes of one white picture each."""
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 8), "white").save(tmp_path / name / "one.png")
    return tmp_path


def test_numbers_without_a_range_are_refused(folder):
    for values in (np.full((8, 8), 0.5, np.float32), np.full((8, 8), 70_000, np.int32), np.full((8, 8), -1, np.int32)):
        Image.fromarray(values).save(folder / "cats" / "odd.tif")
        with pytest.raises(
            ValueError, match=r"odd\.tif \(its numbers have no fixed range: save it with 8 or 16 bits a channel\)"
        ):
            image_folder(folder, size=4)


@pytest.mark.parametrize("kind", [np.uint16, np.int32])
def test_sixteen_bits_are_scaled(folder, kind):
    Image.fromarray(np.full((8, 8), 128 * 256, kind)).save(folder / "cats" / "odd.tif")
    assert image_folder(folder, size=4).images[0].unique().tolist() == [128]


def test_a_picture_too_large_to_be_one(folder, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 63)
    with pytest.raises(ValueError, match=r"Could not read the picture .*one\.png .*64 pixels.* replace it or take it out"):
        image_folder(folder, size=4)


def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo(folder / "cats" / "two.png")
    with pytest.raises(ValueError, match=r"two\.png \(it is no plain file\); replace it or take it out of the folder"):
        image_folder(folder, size=4)


def test_what_macos_adds_to_an_archive_is_left_out(folder):
    for name in ("__MACOSX/cats", "cats/__MACOSX"):
        (folder / name).mkdir(parents=True)
        (folder / name / "one.png").write_bytes(b"no picture")
    images = image_folder(folder, size=4)
    assert (images.classes, len(images)) == (("cats", "dogs"), 2)


def test_a_class_without_pictures_is_told(folder):
    (folder / "birds").mkdir()
    with pytest.raises(ValueError, match=r"pictures in every class folder of .*, found none in birds; add some or remove it"):
        image_folder(folder, size=4)


@pytest.mark.parametrize("size", [0, -1, 1.5, "8"])
def test_sizes_that_are_none(folder, size):
    with pytest.raises((TypeError, ValueError), match=r"Expected size .*1 or more, got"):
        image_folder(folder, size=size)


@pytest.mark.parametrize("labels", [[0.0, float("nan")], [0.0, float("inf")], [0.0, 0.5], [0, -1]])
def test_labels_of_points_are_whole_numbers(labels):
    with pytest.raises(ValueError, match=r"two: expected .*labels"):
        Points(torch.zeros(2, 2), labels, name="two")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_points_are_finite(value):
    with pytest.raises(ValueError, match="two: expected finite points"):
        Points([[0.0, 0.0], [0.0, value]], [0, 1], name="two")
