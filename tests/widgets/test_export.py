"""A network becomes a file that a page can run: what it holds, how small it is, and what is refused."""

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load
from torch import nn

from course_lib import models
from course_lib.widgets.export import digest, export
from course_lib.widgets.show import deflated

CONV = nn.Conv2d(1, 2, 3)


def program(file):
    length = int.from_bytes(file[:8], "little")
    return json.loads(json.loads(file[8 : 8 + length])["__metadata__"]["program"])


def test_a_batch_norm_is_multiplied_into_the_layer_before_it():
    file = export(nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).eval(), (1, 5, 5))
    assert [step["layer"] for step in program(file)["steps"]] == ["conv", "relu"]


def test_eight_bits_take_a_quarter_and_err_by_half_a_step_at_most():
    layer = nn.Linear(100, 100)
    assert len(export(layer, (100, 1, 1))) < 0.3 * len(export(layer, (100, 1, 1), bits=32))
    tensors = load(export(layer, (100, 1, 1)))
    (name,) = (name for name, tensor in tensors.items() if tensor.dtype == np.int8)
    scale = tensors[f"{name} scale"].astype(np.float32)[:, None]
    apart = np.abs(tensors[name] * scale - layer.weight.detach().numpy())
    assert (apart <= scale * 0.51 + 127 * scale * 2**-11).all()  # the last term: the scale itself has 11 bits


@pytest.mark.parametrize("bits", [3, 4, 5, 6])
def test_fewer_bits_take_that_many_once_deflated(bits):
    torch.manual_seed(0)
    layer = nn.Linear(300, 200, bias=False)
    nn.init.normal_(layer.weight)
    file = export(layer, (300, 1, 1), bits=bits)
    assert 8 * len(deflated(file)) / layer.weight.numel() == pytest.approx(bits, abs=0.25)
    tensors = load(file)
    (name,) = (name for name, tensor in tensors.items() if tensor.dtype == np.int8)
    apart = tensors[name] * tensors[f"{name} scale"].astype(np.float32)[:, None] - layer.weight.detach().numpy()
    assert np.sqrt((apart**2).mean()) < 1.3 / 2**bits  # a step is 4.13 / 2**bits wide, and its error 1 / sqrt(12) of that


def test_the_name_follows_the_numbers():
    torch.manual_seed(0)
    first = export(nn.Linear(3, 3), (3, 1, 1))
    torch.manual_seed(0)
    assert digest(export(nn.Linear(3, 3), (3, 1, 1))) == digest(first)
    assert digest(export(nn.Linear(3, 3), (3, 1, 1))) != digest(first)


def test_the_maps_of_a_classifier_are_kept_for_the_widget():
    steps = program(export(models.ConvNet(), (1, 28, 28)))["steps"]
    assert [step["name"] for step in steps if step["layer"] == "keep"] == ["0", "1", "2", "3"]


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(broken):
    layer = nn.Linear(2, 2)
    layer.weight.data[0, 0] = broken
    with pytest.raises(ValueError, match="Expected weights that are all finite, got nan or inf: train the network anew"):
        export(layer, (2, 1, 1))


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        (nn.LSTM(2, 2), r"A page cannot run LSTM: write its steps in course_lib/widgets/export\.py\."),
        (models.NoiseUNet(1, classes=10), "A page runs a NoiseUNet with text and patch=1, got patch=2, 10 classes"),
        (nn.Conv2d(2, 2, 3, groups=2), "A page runs convolutions without groups and dilation, got Conv2d"),
        (nn.Conv2d(2, 2, 3, dilation=2), "A page runs convolutions without groups and dilation, got Conv2d"),
    ],
)
def test_a_layer_that_a_page_cannot_run_is_refused(layer, told):
    with pytest.raises(TypeError, match=told):
        export(layer, (2, 5, 5))


def test_other_bits_are_refused():
    with pytest.raises(ValueError, match=r"Expected bits to be one of \(3, 4, 5, 6, 8, 16, 32\), got 2\."):
        export(CONV, (1, 5, 5), bits=2)
