import pytest
import torch

from course_lib.layers import MinibatchDeviation


def test_the_minibatch_deviation_is_that_of_each_group():
    x = torch.randn(6, 2, 3)
    seen = MinibatchDeviation(3)(x)
    assert torch.equal(seen[:, :2], x)
    for first in (0, 3):
        group = x[first : first + 3]
        torch.testing.assert_close(seen[first : first + 3, 2:], group.std(0).expand(3, 2, 3))


def test_the_minibatch_deviation_of_equal_examples_is_zero_and_has_a_gradient():
    x = torch.ones(4, 2, requires_grad=True)
    seen = MinibatchDeviation(2)(x)
    assert seen[:, 2:].max() < 1e-3
    seen.sum().backward()
    assert torch.isfinite(x.grad).all()


def test_groups_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="a group of 2 examples or more, got 1"):
        MinibatchDeviation(1)
    with pytest.raises(ValueError, match="groups of 4 divide, got 6 examples"):
        MinibatchDeviation(4)(torch.zeros(6, 2))
