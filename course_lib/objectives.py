"""What is minimised. An objective holds its networks by name and yields one loss for each example of a batch."""

from torch import nn

from . import losses, metrics


class Objective(nn.Module):
    """Networks, and what training them minimises.

    `parts` names the networks, which the constructor assigns as attributes. `losses(batch)` yields (part, loss) pairs, loss
    of shape (B,): each buys one optimizer step on that part. `metrics(batch)` returns what an evaluation averages over
    examples, a dict of (B,) tensors. A generative objective also has `sample(count, generator)`.
    """

    parts = ()

    def losses(self, batch):
        raise NotImplementedError(f"{type(self).__name__} needs losses(batch), which yields (part, loss of shape (B,)).")

    def metrics(self, batch):
        raise NotImplementedError(f"{type(self).__name__} needs metrics(batch), which returns a dict of (B,) tensors.")


class Classification(Objective):
    """Cross-entropy of a classifier whose logits are (B, K), on batches (x, labels).

    label_smoothing: the share of the target spread over all classes. l1: weight of the sum of absolute weights (not
    biases), added to the loss; the squared penalty, L2, is the optimizer's weight_decay.
    """

    parts = ("classifier",)

    def __init__(self, classifier, *, label_smoothing=0.0, l1=0.0):
        super().__init__()
        self.classifier = classifier
        self.label_smoothing = label_smoothing
        self.l1 = l1

    def losses(self, batch):
        x, labels = batch
        loss = losses.cross_entropy(self.classifier(x), labels, label_smoothing=self.label_smoothing)  # (B,)
        if self.l1:
            loss = loss + self.l1 * sum(weight.abs().sum() for weight in self.classifier.parameters() if weight.ndim > 1)
        yield "classifier", loss

    def metrics(self, batch):
        x, labels = batch
        logits = self.classifier(x)  # (B, K)
        return {"loss": losses.cross_entropy(logits, labels), "accuracy": (logits.argmax(1) == labels).float()}

    def predict(self, batch):
        """The most probable class of each example, int64 (B,)."""
        return self.classifier(batch[0]).argmax(1)


class Segmentation(Objective):
    """Per-pixel cross-entropy of a network whose logits are (B, K, H, W), on batches (x, masks), masks int64 (B, H, W).

    dice: weight of the Dice loss, added to it. Raises ValueError for masks of another size than the logits, and for a class
    in the first batch for which there is no logit (later batches are not searched, for that waits for the device).
    """

    parts = ("segmenter",)

    def __init__(self, segmenter, *, dice=0.0):
        super().__init__()
        self.segmenter = segmenter
        self.dice = dice
        self._first = True

    def losses(self, batch):
        logits, masks = self._logits(batch), batch[1]
        loss = losses.cross_entropy(logits, masks)  # (B,)
        if self.dice:
            loss = loss + self.dice * losses.dice_loss(logits, masks)
        yield "segmenter", loss

    def metrics(self, batch):
        """The loss, the share of pixels that are right, and the mean IoU of each image."""
        logits, masks = self._logits(batch), batch[1]
        predictions = logits.argmax(1)  # (B, H, W)
        return {
            "loss": losses.cross_entropy(logits, masks),
            "accuracy": (predictions == masks).float().mean((1, 2)),
            "iou": metrics.image_iou(masks, predictions, logits.shape[1]),
        }

    def predict(self, batch):
        """The most probable class of each pixel, int64 (B, H, W)."""
        return self.segmenter(batch[0]).argmax(1)

    def _logits(self, batch):
        x, masks = batch
        logits = self.segmenter(x)
        if masks.shape != (len(logits), *logits.shape[2:]):
            raise ValueError(
                f"Expected masks (B, H, W) of the size of the logits, {tuple(logits.shape)}, got {tuple(masks.shape)}; "
                "resize the masks with mode='nearest'."
            )
        if self._first and masks.max() >= logits.shape[1]:
            raise ValueError(
                f"Expected classes 0..{logits.shape[1] - 1} in the masks, for there are {logits.shape[1]} logits a pixel, "
                f"got {masks.max().item()}; build the network with an output for every class, the background included."
            )
        self._first = False
        return logits


class Regression(Objective):
    """A loss between a model's outputs (B, ...) and targets of the same shape, on batches (x, targets)."""

    parts = ("model",)

    def __init__(self, model, *, loss=losses.mean_squared_error):
        super().__init__()
        self.model = model
        self.loss = loss

    def losses(self, batch):
        x, targets = batch
        yield "model", self.loss(self.model(x), targets)

    def metrics(self, batch):
        x, targets = batch
        return {"loss": self.loss(self.model(x), targets)}

    def predict(self, batch):
        """The model's outputs, (B, ...)."""
        return self.model(batch[0])
