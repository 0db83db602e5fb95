"""How good a classifier is, class by class; the counting is scikit-learn's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support


@dataclass(frozen=True)
class ClassificationReport:
    """How good a classifier is, class by class.

    Printed, it is a table with the macro average (every class counts the same) in its last line.

    classes: the names of the K classes.
    accuracy: the share of examples that are right.
    precision, recall, f1: float64 (K,), a class each.
    confusion: int64 (K, K), true x predicted.
    """

    classes: tuple[str, ...]
    accuracy: float
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    confusion: np.ndarray

    def __repr__(self):
        width = max(len("macro average"), *map(len, self.classes))
        lines = [f"{'class':>{width}}  precision  recall     F1  examples"]
        names = [*self.classes, "macro average"]
        examples = [*self.confusion.sum(1), self.confusion.sum()]
        columns = [[*values, values.mean()] for values in (self.precision, self.recall, self.f1)]
        for name, precision, recall, f1, count in zip(names, *columns, examples, strict=True):
            lines.append(f"{name:>{width}}  {precision:9.3f}  {recall:6.3f}  {f1:5.3f}  {count:8,}")
        return "\n".join([*lines, f"accuracy {self.accuracy:.3f}"])


def classification_report(
    labels: torch.Tensor | np.ndarray, predictions: torch.Tensor | np.ndarray, classes: Sequence[str]
) -> ClassificationReport:
    """Accuracy, precision, recall, F1 and confusion matrix.

    A class that is never predicted has precision 0, one that never occurs recall 0.

    labels, predictions: integers (N,) of 0..len(classes) - 1.
    classes: the names of the classes.

    Raises ValueError when the two differ in shape or a value has no class, TypeError when they are not integers.
    """
    labels, predictions = (torch.as_tensor(values).cpu().numpy() for values in (labels, predictions))
    if labels.ndim != 1 or labels.shape != predictions.shape or not len(labels):
        raise ValueError(
            "Expected labels and predictions of one shape (N,) with at least one example, "
            f"got {labels.shape} and {predictions.shape}."
        )
    for name, values in (("labels", labels), ("predictions", predictions)):
        if values.dtype.kind not in "iu":
            raise TypeError(f"Expected {name} as integers, got {values.dtype}; take .argmax(1) of logits (N, K).")
        if values.min() < 0 or values.max() >= len(classes):
            raise ValueError(
                f"Expected {name} 0..{len(classes) - 1} for {len(classes)} classes, got {values.min()}..{values.max()}."
            )
    indices = range(len(classes))
    precision, recall, f1, _ = precision_recall_fscore_support(labels, predictions, labels=indices, zero_division=0)
    return ClassificationReport(
        classes=tuple(classes),
        accuracy=float(accuracy_score(labels, predictions)),
        precision=precision,
        recall=recall,
        f1=f1,
        confusion=confusion_matrix(labels, predictions, labels=indices),
    )
