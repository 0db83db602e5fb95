"""What each objective yields."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib.data import Images
from course_lib.losses import dice_loss, mean_absolute_error
from course_lib.metrics import image_iou
from course_lib.models import MLP
from course_lib.objectives import Attributes, Classification, Objective, Regression, Segmentation
from course_lib.trainer import Trainer


def batch():
    random = torch.Generator().manual_seed(0)
    return torch.randn(5, 2, generator=random), torch.tensor([0, 1, 2, 0, 1])


def test_classification_yields_cross_entropy_of_each_example():
    objective = Classification(MLP((2, 3)), label_smoothing=0.1)
    x, labels = batch()
    [(part, loss)] = objective.losses((x, labels))
    assert part == "classifier"
    expected = F.cross_entropy(objective.classifier(x), labels, reduction="none", label_smoothing=0.1)
    torch.testing.assert_close(loss, expected)


def test_l1_adds_the_absolute_weights_and_no_biases():
    model = MLP((2, 3))
    plain = next(Classification(model).losses(batch()))[1]
    penalised = next(Classification(model, l1=0.5).losses(batch()))[1]
    torch.testing.assert_close(penalised - plain, torch.full((5,), 0.5 * model.layers[0].weight.abs().sum().item()))


def test_attributes_are_cross_entropies_side_by_side():
    objective = Attributes(MLP((2, 5)), {"size": ("small", "large"), "color": ("red", "green", "blue")})
    x, color = batch()
    size = torch.tensor([0, 1, 1, 0, 0])
    [(part, loss)] = objective.losses((x, size, color))
    logits = objective.classifier(x)
    expected = F.cross_entropy(logits[:, :2], size, reduction="none") + F.cross_entropy(logits[:, 2:], color, reduction="none")
    torch.testing.assert_close(loss, expected)
    assert part == "classifier"
    read, found = objective.predict(x), objective.metrics((x, size, color))
    torch.testing.assert_close(found["loss"], loss)
    for place, (name, labels, columns) in enumerate((("size", size, slice(0, 2)), ("color", color, slice(2, 5)))):
        assert torch.equal(read[:, place], logits[:, columns].argmax(1))
        assert torch.equal(found[name], (read[:, place] == labels).float())


def test_attributes_refuse_what_does_not_fit():
    x, color = batch()
    names = {"size": ("small", "large"), "color": ("red", "green", "blue")}
    with pytest.raises(ValueError, match=r"^Expected labels of size, color, got 1; use images\.by\(\.\.\.\)\.$"):
        next(Attributes(MLP((2, 5)), names).losses((x, color)))
    with pytest.raises(ValueError, match=r"^Expected a logit for each class of .*, got 4 logits\.$"):
        next(Attributes(MLP((2, 4)), names).losses((x, color, color)))


def test_metrics_and_predictions_agree():
    objective = Classification(MLP((2, 3)))
    metrics = objective.metrics(batch())
    assert metrics["loss"].shape == metrics["accuracy"].shape == (5,)
    right = objective.predict(batch()[0]) == batch()[1]
    assert torch.equal(metrics["accuracy"], right.float())


def test_regression():
    objective = Regression(nn.Linear(2, 2), loss=mean_absolute_error)
    x = batch()[0]
    [(part, loss)] = objective.losses((x, x + 1))
    assert part == "model"
    torch.testing.assert_close(loss, (objective.predict(x) - x - 1).abs().mean(1))
    torch.testing.assert_close(objective.metrics((x, x + 1))["loss"], loss)


@pytest.mark.parametrize("method", ["losses", "metrics"])
def test_an_objective_says_what_it_lacks(method):
    with pytest.raises(NotImplementedError, match=f"Objective needs {method}"):
        getattr(Objective(), method)(batch())


def masked_batch():
    return torch.rand(4, 3, 8, 8), torch.randint(0, 3, (4, 8, 8))


def test_segmentation_yields_cross_entropy_of_each_image_and_dice_when_asked():
    network, (x, masks) = nn.Conv2d(3, 3, 1), masked_batch()
    [(part, loss)] = Segmentation(network).losses((x, masks))
    assert part == "segmenter"
    torch.testing.assert_close(loss, F.cross_entropy(network(x), masks, reduction="none").mean((1, 2)))
    [(_, both)] = Segmentation(network, dice=0.5).losses((x, masks))
    torch.testing.assert_close(both - loss, 0.5 * dice_loss(network(x), masks))


def test_segmentation_predicts_and_measures_the_same_masks():
    objective, (x, masks) = Segmentation(nn.Conv2d(3, 3, 1)), masked_batch()
    predictions, metrics = objective.predict(x), objective.metrics((x, masks))
    assert (predictions.dtype, predictions.shape) == (torch.int64, (4, 8, 8))
    assert {name: tuple(values.shape) for name, values in metrics.items()} == dict.fromkeys(
        ("loss", "cross_entropy", "accuracy", "iou"), (4,)
    )
    torch.testing.assert_close(metrics["accuracy"], (predictions == masks).float().mean((1, 2)))
    torch.testing.assert_close(metrics["iou"], image_iou(masks, predictions, 3))


@pytest.mark.parametrize("method", ["losses", "metrics"])
@pytest.mark.parametrize(
    ("masks", "sentence"),
    [
        (torch.zeros(4, 6, 8, dtype=torch.int64), r"size of the logits, \(4, 3, 8, 8\), got \(4, 6, 8\); resize the masks"),
        (torch.zeros(4, 1, 8, 8, dtype=torch.int64), r"got \(4, 1, 8, 8\)"),
    ],
)
def test_segmentation_refuses_masks_that_do_not_fit(method, masks, sentence):
    with pytest.raises(ValueError, match=sentence):
        dict(getattr(Segmentation(nn.Conv2d(3, 3, 1)), method)((torch.rand(4, 3, 8, 8), masks)))


@pytest.mark.parametrize("classes", [3, 4])
def test_more_classes_than_logits_are_refused_before_the_training(classes):
    images, names = torch.zeros(6, 1, 4, 4, dtype=torch.uint8), "abcd"[:classes]
    labels, masks = torch.arange(6) % 3, torch.zeros(6, 4, 4, dtype=torch.int64)
    targets, named = {"label": labels, "mask": masks}, {"label": names, "mask": names}
    pictures = Images(images, targets, named, name="set")
    reader = Trainer(Classification(MLP((16, 3))), torch.optim.SGD, progress=False)
    painter = Trainer(Segmentation(nn.Conv2d(1, 3, 1)), torch.optim.SGD, progress=False)
    for trainer, dataset in ((reader, pictures), (painter, pictures.by("mask"))):
        if classes == 3:
            trainer.fit(dataset, 1)
            continue
        with pytest.raises(ValueError, match=r"a logit for each of 4 classes \(a, b, c, d\), got 3; build the network"):
            trainer.fit(dataset, 1)
        assert trainer.step == 0


def test_the_loss_is_what_is_minimized_in_training_and_validation():
    smoothed = Classification(MLP((2, 3)), label_smoothing=0.2, l1=0.1)
    found = smoothed.metrics(batch())
    [(_, loss)] = smoothed.losses(batch())
    torch.testing.assert_close(found["loss"], loss)
    x, labels = batch()
    torch.testing.assert_close(found["cross_entropy"], F.cross_entropy(smoothed.classifier(x), labels, reduction="none"))
    segmentation = Segmentation(nn.Conv2d(3, 3, 1), dice=0.5)
    [(_, loss)] = segmentation.losses(masked_batch_of(0))
    torch.testing.assert_close(segmentation.metrics(masked_batch_of(0))["loss"], loss)


def masked_batch_of(seed):
    torch.manual_seed(seed)
    return masked_batch()
