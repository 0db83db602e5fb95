"""What each objective yields."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib.losses import mean_absolute_error
from course_lib.models import MLP
from course_lib.objectives import Classification, Objective, Regression


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
