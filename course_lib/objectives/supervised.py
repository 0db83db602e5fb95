"""Learning from answers that are known: classes, masks, numbers."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import nn

from .. import losses, metrics
from .objective import Objective


class Classes(Objective):
    """What objectives share whose targets are classes: a data set with more classes than logits is refused."""

    def __init__(self):
        super().__init__()
        self.classes = ()  # of the data set in hand

    def check(self, dataset) -> None:
        super().check(dataset)
        self.classes = getattr(dataset, "classes", ())

    def _enough(self, logits):
        """The logits (B, K, ...); raises ValueError when there are fewer than classes."""
        if len(self.classes) > logits.shape[1]:
            raise ValueError(
                f"Expected a logit for each of {len(self.classes)} classes ({', '.join(self.classes[:12])}), got "
                f"{logits.shape[1]}; build the network with an output for every class."
            )
        return logits


class Classification(Classes):
    """Cross-entropy of a classifier whose logits are (B, K), on batches (x, labels).

    classifier: images or points (B, ...) to logits (B, K).
    label_smoothing: the share of the target spread over all classes.
    l1: weight of the sum of absolute weights (not biases), added to the loss; the squared penalty, L2, is the optimizer's
        weight_decay.

    Its metrics: "loss", as it is minimized; "cross_entropy", without smoothing and penalty; "accuracy".
    """

    parts = ("classifier",)

    def __init__(self, classifier: nn.Module, *, label_smoothing: float = 0.0, l1: float = 0.0):
        super().__init__()
        self.classifier = classifier
        self.label_smoothing = label_smoothing
        self.l1 = l1

    def losses(self, batch: tuple) -> Iterator[tuple[str, torch.Tensor]]:
        x, labels = batch
        yield "classifier", self._loss(self._enough(self.classifier(x)), labels)

    def metrics(self, batch: tuple) -> dict[str, torch.Tensor]:
        x, labels = batch
        logits = self._enough(self.classifier(x))  # (B, K)
        return {
            "loss": self._loss(logits, labels),
            "cross_entropy": losses.cross_entropy(logits, labels),
            "accuracy": (logits.argmax(1) == labels).float(),
        }

    def predict(self, x: torch.Tensor) -> torch.Tensor:
        """The most probable class of each example, int64 (B,)."""
        return self.classifier(x).argmax(1)

    def _loss(self, logits, labels):
        loss = losses.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)  # (B,)
        if self.l1:
            loss = loss + self.l1 * sum(weight.abs().sum() for weight in self.classifier.parameters() if weight.ndim > 1)
        return loss


class Attributes(Objective):
    """The summed cross-entropies of a network that tells several things of an image at once, on batches (x, labels, ...).

    classifier: images (B, ...) to logits (B, K), K the number of all classes together, one attribute's after another's.
    classes: the names of each attribute's classes; the labels of a batch come in the same order, each int64 (B,).

    Its metrics: "loss", and the accuracy of each attribute under its name.

    Raises ValueError for another number of logits or of labels.
    """

    parts = ("classifier",)

    def __init__(self, classifier: nn.Module, classes: Mapping[str, Sequence[str]]):
        super().__init__()
        self.classifier, self.classes = classifier, {name: len(names) for name, names in classes.items()}

    def losses(self, batch: tuple) -> Iterator[tuple[str, torch.Tensor]]:
        yield "classifier", self._loss(*self._logits_labels(batch))

    def metrics(self, batch: tuple) -> dict[str, torch.Tensor]:
        logits, labels = self._logits_labels(batch)
        right = {name: (logits[name].argmax(1) == labels[name]).float() for name in logits}
        return {"loss": self._loss(logits, labels)} | right

    def predict(self, x: torch.Tensor) -> torch.Tensor:
        """The most probable class of each attribute, int64 (B, attributes), in the order of `classes`."""
        return torch.stack([logits.argmax(1) for logits in self._logits(x).values()], 1)

    def _loss(self, logits, labels):
        return sum(losses.cross_entropy(logits[name], labels[name]) for name in logits)

    def _logits(self, x):
        logits = self.classifier(x)
        if logits.shape[1] != sum(self.classes.values()):
            raise ValueError(f"Expected a logit for each class of {self.classes}, got {logits.shape[1]} logits.")
        return dict(zip(self.classes, logits.split(tuple(self.classes.values()), 1), strict=True))

    def _logits_labels(self, batch):
        x, *labels = batch
        if len(labels) != len(self.classes):
            raise ValueError(f"Expected labels of {', '.join(self.classes)}, got {len(labels)}; use images.by(...).")
        return self._logits(x), dict(zip(self.classes, labels, strict=True))


class Segmentation(Classes):
    """Per-pixel cross-entropy of a network whose logits are (B, K, H, W), on batches (x, masks), masks int64 (B, H, W).

    segmenter: images (B, C, H, W) to logits (B, K, H, W).
    dice: weight of the Dice loss, added to it.

    Its metrics: "loss", as it is minimized; "cross_entropy"; "accuracy", the share of pixels that are right; "iou", the mean
    IoU of each image.

    Raises ValueError for masks of another size than the logits.
    """

    parts = ("segmenter",)

    def __init__(self, segmenter: nn.Module, *, dice: float = 0.0):
        super().__init__()
        self.segmenter = segmenter
        self.dice = dice

    def losses(self, batch: tuple) -> Iterator[tuple[str, torch.Tensor]]:
        yield "segmenter", self._loss(self._logits(batch), batch[1])

    def metrics(self, batch: tuple) -> dict[str, torch.Tensor]:
        logits, masks = self._logits(batch), batch[1]
        predictions = logits.argmax(1)  # (B, H, W)
        return {
            "loss": self._loss(logits, masks),
            "cross_entropy": losses.cross_entropy(logits, masks),
            "accuracy": (predictions == masks).float().mean((1, 2)),
            "iou": metrics.image_iou(masks, predictions, logits.shape[1]),
        }

    def predict(self, x: torch.Tensor) -> torch.Tensor:
        """The most probable class of each pixel, int64 (B, H, W)."""
        return self.segmenter(x).argmax(1)

    def _loss(self, logits, masks):
        loss = losses.cross_entropy(logits, masks)  # (B,)
        return loss + self.dice * losses.dice_loss(logits, masks) if self.dice else loss

    def _logits(self, batch):
        x, masks = batch
        logits = self._enough(self.segmenter(x))
        if masks.shape != (len(logits), *logits.shape[2:]):
            raise ValueError(
                f"Expected masks (B, H, W) of the size of the logits, {tuple(logits.shape)}, got {tuple(masks.shape)}; "
                "resize the masks with mode='nearest'."
            )
        return logits


class Regression(Objective):
    """A loss between a model's outputs (B, ...) and targets of the same shape, on batches (x, targets).

    model: (B, ...) to (B, ...).
    loss: a function of outputs and targets, (B,).
    """

    parts = ("model",)

    def __init__(
        self,
        model: nn.Module,
        *,
        loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = losses.mean_squared_error,
    ):
        super().__init__()
        self.model = model
        self.loss = loss

    def losses(self, batch: tuple) -> Iterator[tuple[str, torch.Tensor]]:
        x, targets = batch
        yield "model", self.loss(self.model(x), targets)

    def metrics(self, batch: tuple) -> dict[str, torch.Tensor]:
        x, targets = batch
        return {"loss": self.loss(self.model(x), targets)}

    def predict(self, x: torch.Tensor) -> torch.Tensor:
        """The model's outputs, (B, ...)."""
        return self.model(x)
