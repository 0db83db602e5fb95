"""Blocks that models share, against PyTorch's own."""

import pytest
import torch
from torch import nn

from course_lib.layers import MinibatchDeviation, SelfAttention, TransformerBlock


def causal_mask(count):
    return nn.Transformer.generate_square_subsequent_mask(count, dtype=torch.float64)


@pytest.mark.parametrize("causal", [False, True])
def test_self_attention_is_that_of_pytorch(causal):
    ours, theirs = SelfAttention(12, 3).double(), nn.MultiheadAttention(12, 3, batch_first=True).double()
    theirs.load_state_dict(
        {
            "in_proj_weight": ours.queries_keys_values.weight,
            "in_proj_bias": ours.queries_keys_values.bias,
            "out_proj.weight": ours.out.weight,
            "out_proj.bias": ours.out.bias,
        }
    )
    x = torch.randn(2, 5, 12, dtype=torch.float64)
    expected = theirs(x, x, x, attn_mask=causal_mask(5) if causal else None, need_weights=False)[0]
    torch.testing.assert_close(ours(x, causal), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("causal", [False, True])
def test_a_transformer_block_is_that_of_pytorch(causal):
    ours = TransformerBlock(12, 3).double()
    theirs = nn.TransformerEncoderLayer(12, 3, 48, dropout=0.0, activation="gelu", batch_first=True, norm_first=True).double()
    weights = list(ours.state_dict().values())  # in one order: attention, network, norms
    theirs.load_state_dict(dict(zip(theirs.state_dict(), weights, strict=True)))
    x = torch.randn(2, 5, 12, dtype=torch.float64)
    expected = theirs(x, src_mask=causal_mask(5) if causal else None)
    torch.testing.assert_close(ours(x, causal), expected, rtol=0, atol=1e-12)


def test_without_a_mask_every_place_sees_every_other_and_the_order_does_not_matter():
    attention, x = SelfAttention(8, 2).double(), torch.randn(1, 6, 8, dtype=torch.float64)
    order = torch.randperm(6)
    torch.testing.assert_close(attention(x[:, order]), attention(x)[:, order])
    seen = torch.autograd.functional.jacobian(lambda x: attention(x)[0].sum(1), x)[:, 0].abs().sum(2)
    assert (seen > 0).all()


def test_the_heads_divide_the_features():
    with pytest.raises(ValueError, match=r"a multiple of heads, got hidden=10 and heads=4"):
        SelfAttention(10, 4)


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
