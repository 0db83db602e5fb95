import pytest
import torch
from torchvision.transforms import v2

from course_lib.data import Images


def labeled(images, labels, classes, *, name):
    return Images(images, {"label": labels}, {"label": classes}, name=name)


def gray(count=6, *, classes=("a", "b", "c")):
    images = torch.randint(0, 256, (count, 1, 4, 5), dtype=torch.uint8)
    images[0, 0, 0, :2] = torch.tensor([0, 255])
    return labeled(images, torch.arange(count) % len(classes), classes, name="noise")


def test_images_stay_uint8_and_say_what_they_are():
    images = gray(1200)
    assert (images.images.dtype, images.labels.dtype) == (torch.uint8, torch.int64)
    assert len(images) == 1200
    assert images.classes == ("a", "b", "c")
    assert repr(images) == "noise: 1,200 images of 1x4x5, 3 classes, values 0 to 1"
    assert repr(images.with_value_range(-1, 1)) == "noise: 1,200 images of 1x4x5, 3 classes, values -1 to 1"


def test_images_take_arrays_and_lists():
    images = labeled(torch.zeros(2, 3, 1, 1, dtype=torch.uint8).numpy(), [1, 0], ["a", "b"], name="two")
    assert images.labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("images", "labels", "error", "sentence"),
    [
        (torch.rand(2, 1, 4, 4), [0, 1], TypeError, r"set: expected uint8 images .* got torch.float32 from 0\.\d+ to 0\.\d+; "),
        (torch.full((2, 1, 4, 4), 300), [0, 1], TypeError, r"got torch.int64 from 300 to 300; scale to 0..255"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.bool), [0, 1], TypeError, r"got torch.bool from 0 to 0"),
        (torch.zeros(0, 1, 4, 4), [], TypeError, r"got torch.float32"),
        (torch.zeros(2, 4, 4, dtype=torch.uint8), [0, 1], ValueError, r"shape \(N, C, H, W\) .* got \(2, 4, 4\); .*unsqueeze"),
        (torch.zeros(2, 4, 4, 3, dtype=torch.uint8), [0, 1], ValueError, r"got \(2, 4, 4, 3\); .*permute\(0, 3, 1, 2\)"),
        (torch.zeros(0, 1, 4, 4, dtype=torch.uint8), [], ValueError, r"expected at least one image, got none"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), [0], ValueError, r"expected a label for each of 2 images, got 1"),
        (
            torch.zeros(2, 1, 4, 4, dtype=torch.uint8),
            [0.0, 1.0],
            TypeError,
            r"for the classes of the label, got torch.float32",
        ),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), [0, 2], ValueError, r"classes 0..1 of the label \(a, b\), .* got 0..2"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), [-1, 1], ValueError, r"classes 0..1 of the label .* got -1..1"),
    ],
)
def test_what_is_no_set_of_images(images, labels, error, sentence):
    with pytest.raises(error, match=sentence) as caught:
        labeled(images, labels, ["a", "b"], name="set")
    assert "\n" not in str(caught.value)


def test_a_batch_is_scaled_to_its_range():
    images = gray()
    x, labels = images.batch(torch.tensor([0, 4]))
    assert (x.dtype, x.shape, labels.tolist()) == (torch.float32, (2, 1, 4, 5), [0, 1])
    assert x[0, 0, 0, :2].tolist() == [0.0, 1.0]
    torch.testing.assert_close(x, images.images[[0, 4]] / 255)
    assert torch.equal(images.batch(slice(0, 2))[0], images.batch(torch.tensor([0, 1]))[0])


@pytest.mark.parametrize(("low", "high"), [(-1, 1), (0, 1), (0.5, 2), (-0.5, 0)])
def test_with_range_scales_a_copy(low, high):
    images = gray()
    x, _ = images.with_value_range(low, high).batch(slice(None))
    torch.testing.assert_close(x, low + images.images / 255 * (high - low))
    assert x[0, 0, 0, :2].tolist() == pytest.approx([low, high], abs=1e-7)
    assert images.batch(slice(None))[0].min() == 0


def test_a_batch_is_laid_out_for_the_device():
    images = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    x, _ = labeled(images, [0, 0], ["a"], name="set").batch(slice(None))
    assert x.dtype == torch.float32
    assert x.is_contiguous(memory_format=torch.channels_last)


def test_subset_is_a_set_of_its_own():
    images = gray().with_value_range(-1, 1)
    part = images.subset([4, 1])
    assert (len(part), len(images)) == (2, 6)
    assert part.labels.tolist() == [1, 1]
    assert torch.equal(part.batch(slice(None))[0], images.batch(torch.tensor([4, 1]))[0])


def test_eight_images_share_an_augmentation_and_others_draw_their_own():
    one = torch.zeros(1, 1, 16, 16, dtype=torch.uint8)
    one[0, 0, 8, 8] = 255
    same = labeled(one.repeat(60, 1, 1, 1), [0] * 60, ["dot"], name="dots")
    moved, _ = same.augmented(v2.RandomAffine(degrees=0, translate=(0.4, 0.4))).batch(slice(None))
    assert moved.shape == (60, 1, 16, 16)
    places = [{image.argmax().item() for image in together} for together in moved.split(8)]
    assert [len(place) for place in places] == [1] * 8
    assert len(set.union(*places)) >= 6
    assert torch.equal(same.batch(slice(None))[0][5], one[0] / 255)


def test_a_seed_repeats_an_augmentation():
    turned = gray().augmented(v2.RandomRotation(90))
    draws = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        draws.append(turned.batch(slice(None))[0])
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_augmentation_sees_scaled_images_and_goes_with_a_subset():
    plain = gray().with_value_range(-1, 1)
    negative = plain.augmented(torch.neg)
    assert torch.equal(negative.subset([2, 3]).batch(slice(None))[0], -plain.batch(slice(2, 4))[0])


PIXELS, MASKS = torch.zeros(2, 3, 4, 5, dtype=torch.uint8), torch.zeros(2, 4, 5, dtype=torch.int64)
ANIMALS = ["ground", "cat", "dog"]


def masked(masks, classes=ANIMALS):
    return Images(PIXELS, {"mask": masks}, {"mask": classes}, name="set")


@pytest.mark.parametrize(
    ("masks", "error", "sentence"),
    [
        (MASKS.float(), TypeError, "set: expected integers for the classes of the mask, got torch.float32"),
        (["cat", "dog"], TypeError, "expected integers for the classes of the mask, got object"),
        (MASKS[:, :3], ValueError, r"for each pixel, \(2, 4, 5\), got \(2, 3, 5\); resize masks with mode='nearest'"),
        (MASKS[:1], ValueError, "a mask for each of 2 images, got 1"),
        (MASKS[:, None], ValueError, r"got \(2, 1, 4, 5\)"),
        (MASKS + 3, ValueError, r"classes 0..2 of the mask \(ground, cat, dog\), .* got 3..3; name the missing class"),
        (MASKS - 1, ValueError, r"got -1..-1"),
    ],
)
def test_masks_that_do_not_fit(masks, error, sentence):
    with pytest.raises(error, match=sentence) as caught:
        masked(masks)
    assert "\n" not in str(caught.value)


def test_a_mask_has_at_most_256_classes():
    masked(MASKS + 255, [str(i) for i in range(256)])
    with pytest.raises(ValueError, match="at most 256 in a mask"):
        masked(MASKS, [str(i) for i in range(257)])


def test_masks_of_ones_own():
    own = masked(MASKS.numpy() + 2)
    assert repr(own) == "set: 2 images of 3x4x5, mask of 3 classes, values 0 to 1"
    assert own.targets["mask"].dtype == torch.uint8
    x, masks = own.subset([1]).batch(slice(None))
    assert (x.dtype, masks.dtype, masks.tolist()) == (torch.float32, torch.int64, [[[2] * 5] * 4])
    with pytest.raises(ValueError, match="expected a target with a class for each image, got mask"):
        own.labels  # noqa: B018


def told():
    """Six images with a target of each kind."""
    captions = [f"image {i}" for i in range(6)]
    targets = {"label": torch.arange(6) % 3, "caption": captions, "weight": torch.linspace(0, 1, 6)}
    images = torch.arange(6, dtype=torch.uint8).view(6, 1, 1, 1).expand(6, 1, 4, 5)
    return Images(images, targets, {"label": "abc"}, name="told")


def test_by_chooses_what_a_batch_holds_and_keeps_the_rest():
    images = told()
    assert len(images.batch(slice(0, 2))) == 2
    x, captions, weights = images.by("caption", "weight").batch(torch.tensor([4, 1]))
    assert (x[:, 0, 0, 0] * 255).round().tolist() == [4, 1]
    assert list(captions) == ["image 4", "image 1"]
    assert weights.tolist() == pytest.approx([0.8, 0.2])
    assert images.by("caption").labels.tolist() == images.labels.tolist()
    assert images.by("weight").classes == ()
    assert repr(images.by("caption", "label")).startswith("told: 6 images of 1x4x5, caption, 3 classes, ")
    with pytest.raises(ValueError, match="told: expected one or more of label, caption, weight; got colour"):
        images.by("colour")


@pytest.mark.parametrize("index", [[5, 0], torch.tensor([5, 0])])
def test_a_subset_keeps_every_target(index):
    part = told().by("caption").subset(index)
    assert part.targets["caption"].tolist() == ["image 5", "image 0"]
    assert part.targets["label"].tolist() == [2, 0]
    assert list(part.batch(slice(None))[1]) == ["image 5", "image 0"]


def test_other_pixels_with_the_same_targets():
    images = told()
    negative = images.with_images(255 - images.images, name="negative")
    assert negative.targets == images.targets
    assert repr(negative).startswith("negative: 6 images")
    assert images.images.max() == 5
    with pytest.raises(ValueError, match="few: expected 6 images, one for each of told, got 2"):
        images.with_images(images.images[:2], name="few")
    with pytest.raises(TypeError, match="float: expected uint8 images"):
        images.with_images(images.images / 255, name="float")


@pytest.mark.parametrize(
    ("targets", "classes", "sentence"),
    [({}, {}, "at least one target, .* got targets none"), ({"label": [0, 1]}, {"kind": "ab"}, "classes of kind")],
)
def test_targets_that_are_none(targets, classes, sentence):
    with pytest.raises(ValueError, match=sentence):
        Images(PIXELS, targets, classes, name="set")
