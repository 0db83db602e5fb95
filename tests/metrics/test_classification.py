import numpy as np
import pytest
import torch

from course_lib.metrics import classification_report

LABELS = [0, 0, 0, 1, 1, 2]
PREDICTIONS = [0, 0, 1, 1, 0, 0]


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor], ids=["list", "array", "tensor"])
def test_report_by_hand(kind):
    report = classification_report(kind(LABELS), kind(PREDICTIONS), ["cat", "dog", "owl"])
    assert report.confusion.tolist() == [[2, 1, 0], [1, 1, 0], [1, 0, 0]]
    assert report.accuracy == 3 / 6
    assert report.precision.tolist() == pytest.approx([2 / 4, 1 / 2, 0])
    assert report.recall.tolist() == pytest.approx([2 / 3, 1 / 2, 0])
    assert report.f1.tolist() == pytest.approx([4 / 7, 1 / 2, 0])
    assert report.classes == ("cat", "dog", "owl")


def test_report_of_a_class_that_never_occurs():
    report = classification_report([0, 1], [0, 1], ["cat", "dog", "owl"])
    assert report.accuracy == 1
    assert report.recall.tolist() == [1, 1, 0]
    assert report.precision.tolist() == [1, 1, 0]
    assert report.confusion.shape == (3, 3)


def test_report_prints_a_table():
    assert repr(classification_report(LABELS, PREDICTIONS, ["cat", "dog", "owl"])).splitlines() == [
        "        class  precision  recall     F1  examples",
        "          cat      0.500   0.667  0.571         3",
        "          dog      0.500   0.500  0.500         2",
        "          owl      0.000   0.000  0.000         1",
        "macro average      0.333   0.389  0.357         6",
        "accuracy 0.500",
    ]


@pytest.mark.parametrize(
    ("labels", "predictions", "error", "sentence"),
    [
        ([0, 1], [0], ValueError, r"one shape \(N,\) .* got \(2,\) and \(1,\)"),
        ([[0, 1]], [[0, 1]], ValueError, r"got \(1, 2\) and \(1, 2\)"),
        ([], [], ValueError, r"at least one example, got \(0,\) and \(0,\)"),
        ([0, 2], [0, 1], ValueError, r"labels 0..1 for 2 classes, got 0..2"),
        ([0, 1], [-1, 1], ValueError, r"predictions 0..1 for 2 classes, got -1..1"),
        ([0, 1], [0.2, 0.9], TypeError, r"predictions as integers, got float32; take .argmax\(1\)"),
    ],
)
def test_report_of_what_does_not_fit(labels, predictions, error, sentence):
    with pytest.raises(error, match=sentence):
        classification_report(labels, predictions, ["cat", "dog"])
