import pytest
import torch
from torchvision.transforms import v2

from course_lib.data import Images


def grey(count=6, *, classes=("a", "b", "c")):
    images = torch.randint(0, 256, (count, 1, 4, 5), dtype=torch.uint8)
    images[0, 0, 0, :2] = torch.tensor([0, 255])
    return Images(images, torch.arange(count) % len(classes), classes, name="noise")


def test_images_stay_uint8_and_say_what_they_are():
    images = grey(1200)
    assert (images.images.dtype, images.labels.dtype) == (torch.uint8, torch.int64)
    assert len(images) == 1200
    assert images.classes == ("a", "b", "c")
    assert repr(images) == "noise: 1,200 images of 1x4x5, 3 classes, values 0 to 1"
    assert repr(images.with_range(-1, 1)) == "noise: 1,200 images of 1x4x5, 3 classes, values -1 to 1"


def test_images_take_arrays_and_lists():
    images = Images(torch.zeros(2, 3, 1, 1, dtype=torch.uint8).numpy(), [1, 0], ["a", "b"], name="two")
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
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), [0], ValueError, r"each of 2 images, got torch.int64 of shape \(1,\)"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), [0.0, 1.0], ValueError, r"one integer label .* got torch.float32"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), [0, 2], ValueError, r"labels 0..1 for 2 classes, got 0..2"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), [-1, 1], ValueError, r"labels 0..1 for 2 classes, got -1..1"),
    ],
)
def test_what_is_no_set_of_images(images, labels, error, sentence):
    with pytest.raises(error, match=sentence) as caught:
        Images(images, labels, ["a", "b"], name="set")
    assert "\n" not in str(caught.value)


def test_a_batch_is_scaled_to_its_range():
    images = grey()
    x, labels = images.batch(torch.tensor([0, 4]))
    assert (x.dtype, x.shape, labels.tolist()) == (torch.float32, (2, 1, 4, 5), [0, 1])
    assert x[0, 0, 0, :2].tolist() == [0.0, 1.0]
    torch.testing.assert_close(x, images.images[[0, 4]] / 255)
    assert torch.equal(images.batch(slice(0, 2))[0], images.batch(torch.tensor([0, 1]))[0])


@pytest.mark.parametrize(("low", "high"), [(-1, 1), (0, 1), (0.5, 2), (-0.5, 0)])
def test_with_range_scales_a_copy(low, high):
    images = grey()
    x, _ = images.with_range(low, high).batch(slice(None))
    torch.testing.assert_close(x, low + images.images / 255 * (high - low))
    assert x[0, 0, 0, :2].tolist() == pytest.approx([low, high], abs=1e-7)
    assert images.batch(slice(None))[0].min() == 0


def test_a_batch_is_laid_out_for_the_device():
    images = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    x, _ = Images(images, [0, 0], ["a"], name="set").batch(slice(None))
    assert x.dtype == torch.float32
    assert x.is_contiguous(memory_format=torch.channels_last)


def test_subset_is_a_set_of_its_own():
    images = grey().with_range(-1, 1)
    part = images.subset([4, 1])
    assert (len(part), len(images)) == (2, 6)
    assert part.labels.tolist() == [1, 1]
    assert torch.equal(part.batch(slice(None))[0], images.batch(torch.tensor([4, 1]))[0])


def test_eight_images_share_an_augmentation_and_others_draw_their_own():
    one = torch.zeros(1, 1, 16, 16, dtype=torch.uint8)
    one[0, 0, 8, 8] = 255
    same = Images(one.repeat(60, 1, 1, 1), [0] * 60, ["dot"], name="dots")
    moved, _ = same.augmented(v2.RandomAffine(degrees=0, translate=(0.4, 0.4))).batch(slice(None))
    assert moved.shape == (60, 1, 16, 16)
    places = [{image.argmax().item() for image in together} for together in moved.split(8)]
    assert [len(place) for place in places] == [1] * 8
    assert len(set.union(*places)) >= 6
    assert torch.equal(same.batch(slice(None))[0][5], one[0] / 255)


def test_a_seed_repeats_an_augmentation():
    turned = grey().augmented(v2.RandomRotation(90))
    draws = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        draws.append(turned.batch(slice(None))[0])
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_augmentation_sees_scaled_images_and_goes_with_a_subset():
    plain = grey().with_range(-1, 1)
    negative = plain.augmented(torch.neg)
    assert torch.equal(negative.subset([2, 3]).batch(slice(None))[0], -plain.batch(slice(2, 4))[0])
