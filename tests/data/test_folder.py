import numpy as np
import pytest
import torch
from PIL import Image

from course_lib.data import image_folder


def save(picture, path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, **options)
    return path


def plain(mode, color, size=(8, 8)):
    return Image.new(mode, size, color)


def sixteen_bits(value):
    return Image.fromarray(np.full((8, 8), value, np.uint16))


def with_palette():
    return plain("RGB", (200, 30, 60)).quantize(2)


def test_classes_are_the_folders(tmp_path, capsys):
    save(plain("RGB", "red"), tmp_path / "pets" / "dogs" / "one.PNG")
    save(plain("RGB", "blue"), tmp_path / "pets" / "cats" / "b.jpeg")
    save(plain("RGB", "lime"), tmp_path / "pets" / "cats" / "album" / "a.bmp")
    (tmp_path / "pets" / "cats" / "notes.txt").write_text("not a picture")
    images = image_folder(tmp_path / "pets", size=6)
    assert images.classes == ("cats", "dogs")
    assert images.labels.tolist() == [0, 0, 1]
    assert images.images.shape == (3, 3, 6, 6)
    assert images.images.dtype == torch.uint8
    assert images.images[0, :, 3, 3].tolist() == [0, 255, 0]
    assert capsys.readouterr().out == "pets: 3 images of 3x6x6, 2 classes, values 0 to 1\n"


def test_hidden_files_and_folders_are_left_out(tmp_path):
    save(plain("RGB", "red"), tmp_path / "cats" / "one.png")
    (tmp_path / "cats" / "._one.png").write_bytes(b"what macOS leaves in archives")
    save(plain("RGB", "red"), tmp_path / ".ipynb_checkpoints" / "one.png")
    save(plain("RGB", "red"), tmp_path / "cats" / ".ipynb_checkpoints" / "one.png")
    save(plain("RGB", "blue"), tmp_path / "dogs" / "two.png")
    images = image_folder(tmp_path, size=8)
    assert images.classes == ("cats", "dogs")
    assert len(images) == 2


@pytest.mark.parametrize(
    ("picture", "name", "options", "expected"),
    [
        (plain("L", 100), "a.png", {}, (100, 100, 100)),
        (plain("1", 1), "a.png", {}, (255, 255, 255)),
        (plain("RGB", (200, 30, 60)), "a.png", {}, (200, 30, 60)),
        (plain("RGBA", (200, 30, 60, 255)), "a.png", {}, (200, 30, 60)),
        (plain("RGBA", (200, 30, 60, 0)), "a.png", {}, (255, 255, 255)),
        (plain("RGBA", (255, 0, 0, 51)), "a.png", {}, (255, 204, 204)),
        (plain("LA", (0, 51)), "a.png", {}, (204, 204, 204)),
        (with_palette(), "a.png", {}, (200, 30, 60)),
        (with_palette(), "a.gif", {}, (200, 30, 60)),
        (with_palette(), "a.png", {"transparency": 0}, (255, 255, 255)),
        (with_palette(), "a.gif", {"transparency": 0}, (255, 255, 255)),
        (plain("CMYK", (0, 255, 255, 0)), "a.tif", {}, (255, 0, 0)),
        (sixteen_bits(200 * 256 + 17), "a.png", {}, (200, 200, 200)),
        (sixteen_bits(65535), "a.tif", {}, (255, 255, 255)),
    ],
    ids=lambda value: getattr(value, "mode", None),
)
def test_every_kind_of_picture_becomes_rgb(tmp_path, picture, name, options, expected):
    save(picture, tmp_path / "class" / name, **options)
    images = image_folder(tmp_path, size=4, labeled=False).images
    assert images.shape == (1, 3, 4, 4)
    assert torch.equal(images, torch.tensor(expected, dtype=torch.uint8).reshape(1, 3, 1, 1).expand(1, 3, 4, 4))


@pytest.mark.parametrize(
    ("picture", "expected"),
    [(plain("L", 100), 100), (plain("RGB", "white"), 255), (plain("LA", (0, 51)), 204), (sixteen_bits(51200), 200)],
    ids=lambda value: getattr(value, "mode", None),
)
def test_gray(tmp_path, picture, expected):
    save(picture, tmp_path / "class" / "a.png")
    images = image_folder(tmp_path, size=4, gray=True, labeled=False).images
    assert torch.equal(images, torch.full((1, 1, 4, 4), expected, dtype=torch.uint8))


def test_a_long_picture_is_cut_to_its_middle_square(tmp_path):
    columns = np.zeros((10, 30, 3), np.uint8)
    columns[:, :10], columns[:, 10:20], columns[:, 20:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    save(Image.fromarray(columns), tmp_path / "class" / "wide.png")
    save(Image.fromarray(columns.transpose(1, 0, 2)), tmp_path / "class" / "high.png")
    images = image_folder(tmp_path, size=10, labeled=False).images
    assert torch.equal(images, torch.tensor([0, 255, 0], dtype=torch.uint8).reshape(1, 3, 1, 1).expand(2, 3, 10, 10))


@pytest.mark.parametrize(
    ("orientation", "stored"),
    [(6, Image.Transpose.ROTATE_90), (3, Image.Transpose.ROTATE_180), (2, Image.Transpose.FLIP_LEFT_RIGHT)],
)
def test_a_picture_taken_sideways_is_turned_upright(tmp_path, orientation, stored):
    quarters = np.zeros((8, 8, 3), np.uint8)
    quarters[:4, :4], quarters[:4, 4:], quarters[4:, :4] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(Image.fromarray(quarters).transpose(stored), tmp_path / "class" / "a.png", exif=exif)
    images = image_folder(tmp_path, size=8, labeled=False).images
    assert torch.equal(images[0], torch.from_numpy(quarters).permute(2, 0, 1))


def test_pictures_without_classes_are_one_class(tmp_path, capsys):
    folder = tmp_path / "garden"
    for name in ("b.png", "album/a.png", ".hidden/c.png", "album/.d.png"):
        save(plain("RGB", "lime"), folder / name)
    images = image_folder(folder, size=6, labeled=False)
    assert images.classes == ("garden",)
    assert images.labels.tolist() == [0, 0]
    assert capsys.readouterr().out == "garden: 2 images of 3x6x6, 1 classes, values 0 to 1\n"


@pytest.mark.parametrize("empty", [[], ["ants", "dogs"]], ids=["one folder", "others empty"])
def test_one_class_is_nothing_to_tell_apart(tmp_path, empty):
    save(plain("RGB", "red"), tmp_path / "cats" / "one.png")
    for name in empty:
        (tmp_path / name).mkdir()
    with pytest.raises(ValueError, match=r"two classes in .*; found only 'cats', .*Add a folder .*labeled=False") as caught:
        image_folder(tmp_path, size=8)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("folders", [[], ["cats", "dogs"]], ids=["nothing", "empty classes"])
def test_a_folder_without_pictures(tmp_path, folders):
    for name in folders:
        (tmp_path / name).mkdir()
    with pytest.raises(FileNotFoundError, match=rf"such as .*found {len(folders)} class folders and no picture"):
        image_folder(tmp_path, size=8)


def test_a_folder_without_pictures_or_classes(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"labeled=False anywhere in the folder; found no picture\."):
        image_folder(tmp_path, size=8, labeled=False)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="Expected pictures in class folders"):
        image_folder(tmp_path / "nowhere", size=8)


def noise():
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8))


@pytest.mark.parametrize("name", ["bad.jpg", "bad.png", "bad.gif", "bad.webp", "bad.bmp", "bad.tif"])
@pytest.mark.parametrize("damage", ["half", "text", "empty"])
def test_a_damaged_picture_is_named(tmp_path, name, damage):
    save(noise(), tmp_path / "class" / "good.png")
    bad = save(noise(), tmp_path / "class" / name)
    whole = bad.read_bytes()
    bad.write_bytes({"half": whole[: len(whole) // 2], "text": b"no picture at all", "empty": b""}[damage])
    with pytest.raises(ValueError, match="replace it or take it out of the folder") as caught:
        image_folder(tmp_path, size=8, labeled=False)
    assert f"Could not read the picture {bad} (" in str(caught.value)
    assert "\n" not in str(caught.value)
