"""What each objective yields."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib.losses import dice_loss, mean_absolute_error
from course_lib.metrics import image_iou
from course_lib.models import MLP
from course_lib.objectives import Classification, Objective, Regression, Segmentation


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


def test_metrics_and_predictions_agree():
    objective = Classification(MLP((2, 3)))
    metrics = objective.metrics(batch())
    assert metrics["loss"].shape == metrics["accuracy"].shape == (5,)
    right = objective.predict(batch()) == batch()[1]
    assert torch.equal(metrics["accuracy"], right.float())


def test_regression():
    objective = Regression(nn.Linear(2, 2), loss=mean_absolute_error)
    x = batch()[0]
    [(part, loss)] = objective.losses((x, x + 1))
    assert part == "model"
    torch.testing.assert_close(loss, (objective.predict((x, x)) - x - 1).abs().mean(1))
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
    predictions, metrics = objective.predict((x, masks)), objective.metrics((x, masks))
    assert (predictions.dtype, predictions.shape) == (torch.int64, (4, 8, 8))
    assert {name: tuple(values.shape) for name, values in metrics.items()} == dict.fromkeys(("loss", "accuracy", "iou"), (4,))
    torch.testing.assert_close(metrics["accuracy"], (predictions == masks).float().mean((1, 2)))
    torch.testing.assert_close(metrics["iou"], image_iou(masks, predictions, 3))


@pytest.mark.parametrize("method", ["losses", "metrics"])
@pytest.mark.parametrize(
    ("masks", "sentence"),
    [
        (torch.zeros(4, 6, 8, dtype=torch.int64), r"size of the logits, \(4, 3, 8, 8\), got \(4, 6, 8\); resize the masks"),
        (torch.zeros(4, 1, 8, 8, dtype=torch.int64), r"got \(4, 1, 8, 8\)"),
        (torch.full((4, 8, 8), 3), r"classes 0..2 in the masks, for there are 3 logits a pixel, got 3; build the network"),
    ],
)
def test_segmentation_refuses_masks_that_do_not_fit(method, masks, sentence):
    with pytest.raises(ValueError, match=sentence):
        dict(getattr(Segmentation(nn.Conv2d(3, 3, 1)), method)((torch.rand(4, 3, 8, 8), masks)))
