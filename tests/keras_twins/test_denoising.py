"""The Keras twin of the small denoiser, against the torch pair."""

import pytest
import torch
from torch import nn

from course_lib import models, runtime
from course_lib.objectives import Denoising

import keras  # isort: skip  (course_lib chooses the backend first)
from course_lib import keras_twins  # isort: skip

SIZE, OPTIONS = 5, {"width": 16, "blocks": 2}


@pytest.fixture(autouse=True)
def cpu():
    runtime.configure(device="cpu", precision="fp32")
    with keras.device("cpu"):
        yield


@pytest.fixture
def pair():
    network = models.NoiseMLP(SIZE, **OPTIONS)
    nn.init.normal_(network.last.weight, std=0.3)
    return network, keras_twins.copy_weights(network, keras_twins.NoiseMLP(SIZE, **OPTIONS))


def in_order(network):
    """The torch network's linear and norm layers, in the order of the twin's."""
    return [layer for layer in network.modules() if isinstance(layer, nn.Linear | nn.LayerNorm)]


def test_outputs_loss_and_all_gradients_are_the_same(pair):
    network, twin = pair
    x, t = torch.randn(6, SIZE), torch.rand(6)
    torch.testing.assert_close(twin((x, t)), network(x, t))
    objective = Denoising(network, (SIZE,), times=lambda count: t)
    torch.manual_seed(3)
    ((_, loss),) = objective.losses((x,))
    torch.manual_seed(3)
    theirs = twin.error(x, torch.randn_like(x), t)
    torch.testing.assert_close(theirs, loss.mean())
    loss.mean().backward()
    theirs.backward()
    for layer, twin_layer in zip(in_order(network), twin.layers, strict=True):
        for parameter, variable in zip((layer.weight, layer.bias), twin_layer.weights, strict=True):
            expected = parameter.grad.T if parameter.ndim == 2 else parameter.grad
            torch.testing.assert_close(variable.value.grad, expected)


def test_fit_takes_the_steps_it_says(pair):
    _, twin = pair
    other = keras_twins.copy_weights(pair[0], keras_twins.NoiseMLP(SIZE, **OPTIONS))
    x = torch.randn(8, SIZE)
    twin.compile(keras.optimizers.SGD(0.1))
    history = twin.fit(x, batch_size=8, epochs=1, shuffle=False, verbose=0).history
    seed = keras.random.SeedGenerator(0)
    noise = keras.random.normal(x.shape, seed=seed)
    t = keras.ops.sigmoid(keras.random.normal((8,), seed=seed))
    loss = other.error(x, noise, t)
    assert history["loss"][0] == pytest.approx(loss.item(), rel=1e-5)
    loss.backward()
    for mine, theirs in zip(twin.trainable_weights, other.trainable_weights, strict=True):
        torch.testing.assert_close(mine.value, theirs.value - 0.1 * theirs.value.grad)


def test_it_learns():
    torch.manual_seed(0)
    twin = keras_twins.NoiseMLP(2, width=32, blocks=2)
    twin.compile(keras.optimizers.Adam(1e-2))
    losses = twin.fit(torch.randn(256, 2) * 0.1 + 1, batch_size=64, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.6 * losses[0]
