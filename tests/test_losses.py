import math

import pytest
import torch

from course_lib import losses
from course_lib.metrics import segmentation_report


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


def test_dice_loss_by_hand():
    p = torch.tensor([[0.8, 0.2], [0.1, 0.9]])  # of two pixels: classes 0 and 1
    logits = p.log().T.reshape(1, 2, 1, 2)  # (1, K, 1, 2)
    one_each = 1 - (2 * 0.8 / (0.9 + 1) + 2 * 0.9 / (1.1 + 1)) / 2
    all_zero = 1 - 2 * 0.9 / (0.9 + 2)  # class 1 is absent and does not count
    loss = losses.dice_loss(logits.repeat(2, 1, 1, 1), torch.tensor([[[0, 1]], [[0, 0]]]))
    torch.testing.assert_close(loss, torch.tensor([one_each, all_zero]))


def test_dice_loss_of_certain_logits_is_one_minus_the_dice_of_the_report():
    masks, predictions = torch.randint(0, 3, (4, 6, 5)), torch.randint(0, 3, (4, 6, 5))
    logits = 1e4 * torch.nn.functional.one_hot(predictions).movedim(-1, 1).float()  # (B, H, W, K) -> (B, K, H, W)
    expected = [1 - segmentation_report(m[None], p[None], "abc").mean_dice for m, p in zip(masks, predictions, strict=True)]
    torch.testing.assert_close(losses.dice_loss(logits, masks), torch.tensor(expected))
    certain = 1e4 * torch.nn.functional.one_hot(masks).movedim(-1, 1).float()
    assert losses.dice_loss(certain, masks).tolist() == pytest.approx([0] * 4, abs=1e-6)


def test_dice_loss_has_the_gradient_of_finite_differences():
    logits = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    masks = torch.randint(0, 3, (2, 4, 4))
    assert torch.autograd.gradcheck(lambda values: losses.dice_loss(values, masks), logits)


def test_cross_entropy_of_masks_is_the_mean_over_pixels():
    logits, masks = torch.randn(2, 3, 4, 5), torch.randint(0, 3, (2, 4, 5))
    pixels = logits.movedim(1, -1).reshape(2, 20, 3)  # (B, K, H, W) -> (B, H * W, K)
    expected = [losses.cross_entropy(p, m.flatten()).mean() for p, m in zip(pixels, masks, strict=True)]
    torch.testing.assert_close(losses.cross_entropy(logits, masks), torch.stack(expected))
