"""The Keras twin of the row RNN, against the torch network."""

import pytest
import torch
from torch import nn

from course_lib import likelihoods, runtime
from course_lib.models import RowRNN

import keras  # isort: skip  (course_lib chooses the backend first)
from course_lib import keras_twins  # isort: skip


@pytest.fixture(autouse=True)
def cpu():
    runtime.configure(device="cpu", precision="fp32")
    with keras.device("cpu"):
        yield


CELLS = {"LSTM": (nn.LSTM, keras.layers.LSTM), "GRU": (nn.GRU, keras.layers.GRU)}
SIZES = {"hidden": 7, "units": 12, "depth": 2, "above": 2}


def pair(cell="LSTM", classes=0, **sizes):
    """A torch network whose weights are not small, and its twin with the same weights."""
    sizes, (ours, theirs) = SIZES | sizes, CELLS[cell]
    network = RowRNN((1, 6, 5), cell=ours, classes=classes, **sizes)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.5)
    twin = keras_twins.RowRNN((6, 5, 1), cell=theirs, classes=classes, **sizes)
    return network, keras_twins.copy_weights(network, twin)


def channels_last(images):
    return images.permute(0, 2, 3, 1).contiguous()


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("above", [0, 2])
def test_logits_and_all_gradients_are_the_same(cell, above):
    network, twin = pair(cell, above=above)
    x = torch.bernoulli(torch.full((4, 1, 6, 5), 0.5))
    logits, theirs = network(x), twin(channels_last(x))
    torch.testing.assert_close(theirs, channels_last(logits))
    assert len(list(network.parameters())) - len(twin.trainable_weights) == 1  # Keras' LSTM has one bias, its GRU a pair in one
    (-likelihoods.Bernoulli().log_prob(logits, x)).mean().backward()
    loss = keras.ops.binary_crossentropy(channels_last(x), theirs, from_logits=True).sum() / len(x)
    loss.backward()
    torch.testing.assert_close(
        twin.memory.cell.kernel.value.grad.abs().sum(), network.memory.layer.weight_ih_l0.grad.abs().sum()
    )
    torch.testing.assert_close(twin.direct.kernel.value.grad, network.head.direct.weight.grad.T)
    torch.testing.assert_close(twin.out.kernel.value.grad, network.head.out.weight.grad.T)
    torch.testing.assert_close(twin.bias.bias.value.grad, network.bias.grad[0])


def test_labels_are_the_same():
    network, twin = pair(classes=3)
    x, labels = torch.bernoulli(torch.full((4, 1, 6, 5), 0.5)), torch.tensor([0, 2, 1, 0])
    one_hot = nn.functional.one_hot(labels, 3).float()
    torch.testing.assert_close(twin(channels_last(x), one_hot), channels_last(network(x, labels)))
    torch.testing.assert_close(twin(channels_last(x)), channels_last(network(x)))


def test_twins_are_of_one_size_at_the_chapters_shape():
    spare = 4 * 384  # torch has two biases for each gate
    expected = sum(p.numel() for p in RowRNN(classes=10).parameters())
    assert keras_twins.RowRNN(classes=10).count_params() == expected - spare
