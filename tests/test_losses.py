import math

import pytest
import torch

from course_lib import losses


def test_cross_entropy_by_hand():
    logits = torch.tensor([[0.0, 0.0, 0.0], [math.log(2), 0.0, 0.0], [math.log(2), 0.0, 0.0]])
    loss = losses.cross_entropy(logits, torch.tensor([1, 0, 2]))
    torch.testing.assert_close(loss, torch.tensor([math.log(3), math.log(2), math.log(4)]))


def test_label_smoothing_spreads_its_share_over_all_classes():
    logits, labels = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    target = 0.9 * torch.eye(3)[labels] + 0.1 / 3
    expected = -(target * logits.log_softmax(1)).sum(1)
    torch.testing.assert_close(losses.cross_entropy(logits, labels, label_smoothing=0.1), expected)


@pytest.mark.parametrize(
    ("loss", "expected"), [(losses.mean_squared_error, [2.5, 0.0]), (losses.mean_absolute_error, [1.5, 0.0])]
)
def test_errors_by_hand(loss, expected):
    prediction = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]])
    target = torch.tensor([[[0.0, 0.0], [4.0, 2.0]], [[5.0, 6.0], [7.0, 8.0]]])
    assert loss(prediction, target).tolist() == expected


@pytest.mark.parametrize("loss", [losses.mean_squared_error, losses.mean_absolute_error])
@pytest.mark.parametrize(("prediction", "target"), [((4, 1), (4,)), ((4,), (4,)), ((4, 1), (4, 3)), ((4, 2), (1, 2))])
def test_errors_refuse_shapes_that_would_broadcast(loss, prediction, target):
    with pytest.raises(ValueError, match=r"one shape \(B, \.\.\.\).*got .*; reshape them first") as caught:
        loss(torch.zeros(prediction), torch.zeros(target))
    assert f"got {prediction} and {target};" in str(caught.value)
