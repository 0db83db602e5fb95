import pytest
import torch

from course_lib.models import TextEncoder


def test_a_vector_for_each_place_that_depends_on_words_and_order():
    encoder = TextEncoder(5, 4, width=8, heads=2)
    tokens = torch.tensor([[0, 1, -1, -1], [1, 0, -1, -1], [0, 1, 2, -1], [-1, -1, -1, -1]])
    read = encoder(tokens)
    assert read.shape == (4, 4, 8)
    for first in range(4):
        for second in range(first):
            assert (read[first] - read[second]).abs().max() > 1e-3


def test_every_weight_gets_a_gradient():
    encoder = TextEncoder(3, 4, width=8, heads=2, layers=2)
    encoder(torch.tensor([[0, 1, 2, -1]])).square().mul(torch.randn(4, 8)).sum().backward()
    assert all(weight.grad.abs().max() > 0 for weight in encoder.parameters())


@pytest.mark.parametrize("tokens", [torch.zeros(2, 3).long(), torch.zeros(4).long(), torch.zeros(2, 4)])
def test_other_tokens_are_refused(tokens):
    with pytest.raises(ValueError, match=r"^Expected tokens \(B, 4\), integers, got torch\..* \(.*\)\.$"):
        TextEncoder(5, 4, width=8)(tokens)
