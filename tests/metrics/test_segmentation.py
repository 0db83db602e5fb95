import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, jaccard_score

from course_lib.metrics import image_iou, segmentation_report

CLASSES = ("ground", "cat", "dog")
MASKS = torch.tensor([[[0, 0, 0], [0, 1, 1]], [[0, 0, 0], [0, 0, 0]]])
PREDICTIONS = torch.tensor([[[0, 0, 1], [0, 1, 0]], [[0, 0, 0], [0, 0, 2]]])


def test_report_by_hand():
    report = segmentation_report(MASKS, PREDICTIONS, CLASSES)
    assert report.confusion.tolist() == [[8, 1, 1], [1, 1, 0], [0, 0, 0]]
    assert report.iou.tolist() == [8 / 11, 1 / 3, 0]
    assert report.dice.tolist() == [16 / 19, 1 / 2, 0]
    assert report.accuracy == 9 / 12
    assert report.mean_iou == pytest.approx((8 / 11 + 1 / 3) / 3)
    assert report.mean_dice == pytest.approx((16 / 19 + 1 / 2) / 3)


@pytest.mark.parametrize("kind", [torch.tensor, np.array, lambda values: torch.tensor(values, dtype=torch.uint8)])
def test_report_agrees_with_scikit_learn(kind):
    random = np.random.default_rng(0)
    masks = random.integers(0, 4, (5, 6, 7))
    predictions = np.where(random.random((5, 6, 7)) < 0.6, masks, random.integers(0, 4, (5, 6, 7)))
    report = segmentation_report(kind(masks), kind(predictions), "abcd")
    true, predicted = masks.ravel(), predictions.ravel()
    np.testing.assert_allclose(report.iou, jaccard_score(true, predicted, average=None))
    np.testing.assert_allclose(report.dice, f1_score(true, predicted, average=None))
    assert report.mean_iou == pytest.approx(jaccard_score(true, predicted, average="macro"))
    assert report.mean_dice == pytest.approx(f1_score(true, predicted, average="macro"))
    assert report.accuracy == accuracy_score(true, predicted)
    np.testing.assert_array_equal(report.confusion, confusion_matrix(true, predicted))
    np.testing.assert_allclose(report.dice, 2 * report.iou / (1 + report.iou))


def test_a_class_that_is_nowhere_does_not_count():
    masks = torch.tensor([[[0, 1]]])
    report = segmentation_report(masks, masks, CLASSES)
    assert np.isnan(report.iou[2])
    assert np.isnan(report.dice[2])
    assert (report.mean_iou, report.mean_dice, report.accuracy) == (1, 1, 1)


def test_report_prints_a_table():
    assert repr(segmentation_report(MASKS, PREDICTIONS, CLASSES)).splitlines() == [
        " class    IoU   Dice       pixels",
        "ground  0.727  0.842           10",
        "   cat  0.333  0.500            2",
        "   dog  0.000  0.000            0",
        "  mean  0.354  0.447           12",
        "pixel accuracy 0.750",
    ]


@pytest.mark.parametrize(
    ("masks", "predictions", "error", "sentence"),
    [
        (MASKS, PREDICTIONS[:, :1], ValueError, r"one shape \(N, H, W\) .* got \(2, 2, 3\) and \(2, 1, 3\); resize"),
        (MASKS[0], PREDICTIONS[0], ValueError, r"got \(2, 3\) and \(2, 3\)"),
        (MASKS[:0], PREDICTIONS[:0], ValueError, "at least one pixel"),
        (MASKS, PREDICTIONS.float(), TypeError, r"predictions as integers, got torch.float32; take .argmax\(1\)"),
        (MASKS + 2, PREDICTIONS, ValueError, r"masks 0..2 for 3 classes, got 2..3"),
        (MASKS, PREDICTIONS - 1, ValueError, r"predictions 0..2 for 3 classes, got -1..1"),
    ],
)
def test_what_cannot_be_reported(masks, predictions, error, sentence):
    with pytest.raises(error, match=sentence):
        segmentation_report(masks, predictions, CLASSES)


def test_iou_of_each_image():
    expected = [(3 / 5 + 1 / 3) / 2, (5 / 6 + 0) / 2]
    assert image_iou(MASKS, PREDICTIONS, 3).tolist() == pytest.approx(expected)
    for index in range(2):
        report = segmentation_report(MASKS[index : index + 1], PREDICTIONS[index : index + 1], CLASSES)
        assert report.mean_iou == pytest.approx(expected[index])
