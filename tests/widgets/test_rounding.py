"""Weights of few bits: what one spoils, others make good, and bits go where errors cost most."""

import pytest
import torch
from safetensors.numpy import load
from torch import nn

from course_lib.widgets.export import export
from course_lib.widgets.rounding import rounded, study


def alike(count, size):
    """Inputs (count, size) that are alike, so that weights can stand in for each other."""
    return torch.randn(count, 4) @ torch.randn(4, size) + 0.1 * torch.randn(count, size)


def test_errors_of_the_answer_are_a_fraction_of_those_of_plain_rounding():
    torch.manual_seed(0)
    x, rows = alike(500, 60), torch.randn(8, 60)
    scale = torch.full((8,), 0.7)
    whole = rounded(rows, scale, x.T @ x / len(x))
    assert (whole == whole.round()).all()
    plain = (rows / scale[:, None]).round()
    errors = [((each * scale[:, None] - rows) @ x.T).square().mean().item() for each in (whole, plain)]
    assert errors[0] < 0.1 * errors[1]


def test_where_inputs_have_nothing_in_common_it_is_plain_rounding():
    torch.manual_seed(0)
    rows, scale = torch.randn(8, 60), torch.rand(8) + 0.5
    assert (rounded(rows, scale, torch.eye(60)) == (rows / scale[:, None]).round()).all()


def test_whole_numbers_fit_into_eight_bits():
    assert rounded(torch.tensor([[1000.0, -1000.0]]), torch.tensor([1.0]), torch.eye(2)).tolist() == [[127, -127]]


def test_a_convolution_sees_its_windows():
    layer, x = nn.Conv2d(2, 3, 3, padding=1, stride=2), torch.randn(4, 2, 6, 6)
    ((moment, _),) = study(layer, lambda: layer(x)).values()
    windows = nn.functional.unfold(x, 3, padding=1, stride=2).transpose(1, 2).flatten(0, 1)
    torch.testing.assert_close(moment, windows.T @ windows / len(windows))


def test_a_layer_whose_errors_count_twice_as_much_has_a_bit_more():
    torch.manual_seed(0)
    first, second = nn.Linear(200, 200), nn.Linear(200, 200)
    second.load_state_dict(first.state_dict())
    x = torch.randn(64, 200)
    known = study(nn.ModuleList([first, second]), lambda: 2 * first(x) + second(x))
    more = [known[layer][1] for layer in (first, second)]
    assert more == pytest.approx([0.5, -0.5], abs=0.01)  # 0 in the mean


def test_nothing_stays_behind_on_the_network():
    layer = nn.Linear(3, 2)
    study(layer, lambda: layer(torch.randn(5, 3)))
    assert layer.weight.grad is None
    assert not layer._forward_pre_hooks


def test_a_file_of_a_studied_network_answers_better_than_one_of_as_many_bits():
    torch.manual_seed(0)
    x, layer = alike(500, 100), nn.Linear(100, 80)
    answers = []
    for known in (None, study(layer, lambda: layer(x))):
        tensors = load(export(layer, (100, 1, 1), bits=3, studied=known))
        weight = torch.from_numpy(tensors["t1"]) * torch.from_numpy(tensors["t1 scale"]).float()[:, None]
        answers.append(((weight - layer.weight) @ x.T).square().mean().item())
    assert answers[1] < 0.1 * answers[0]
