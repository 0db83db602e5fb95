import importlib

import pytest
import torch
from torch import nn

from course_lib import losses, runtime
from course_lib.models import MLP, MLPs, NoiseMLP

import keras  # isort: skip  (course_lib chooses the backend first)
from course_lib import keras_twins  # isort: skip


def test_mlp_maps_any_shape_of_example_to_its_outputs():
    model = MLP((12, 7, 5, 3))
    assert model(torch.randn(4, 3, 2, 2)).shape == (4, 3)
    assert model(torch.randn(1, 12)).shape == (1, 3)
    weights = [tuple(layer.weight.shape) for layer in model.modules() if isinstance(layer, nn.Linear)]
    assert weights == [(7, 12), (5, 7), (3, 5)]


def test_mlp_computes_what_it_says():
    model = MLP((4, 6, 2), activation=nn.Tanh)
    first, last = (layer for layer in model.modules() if isinstance(layer, nn.Linear))
    x = torch.randn(5, 4)
    expected = (x @ first.weight.T + first.bias).tanh() @ last.weight.T + last.bias
    torch.testing.assert_close(model(x), expected)


def test_mlp_of_one_layer_is_linear():
    model = MLP((4, 2), dropout=0.5)
    assert [type(layer) for layer in model.layers] == [nn.Linear]


@pytest.mark.parametrize("shape", [(2, 1, 28, 27), (2, 785)])
def test_mlp_names_the_width_it_was_given(shape):
    got = torch.zeros(shape).flatten(1).shape[1]
    with pytest.raises(ValueError, match=rf"expects 784 numbers an example, got {got}; build it with widths\[0\]={got}\."):
        MLP((784, 10))(torch.zeros(shape))


def test_mlp_drops_units_in_training_alone():
    model = MLP((8, 1000, 1), dropout=0.25)
    hidden = model.layers[:3]
    x = torch.randn(1, 8)
    clean = hidden.eval()(x)
    torch.testing.assert_close(hidden(x), clean)
    dropped = hidden.train()(x)
    active = clean > 0
    kept = dropped[active] > 0
    assert kept.float().mean().item() == pytest.approx(0.75, abs=0.06)
    torch.testing.assert_close(dropped[active][kept], clean[active][kept] / 0.75)


def test_keras_runs_on_torch():
    assert keras.backend.backend() == "torch"


@pytest.fixture
def cpu():
    runtime.configure(device="cpu", precision="fp32")
    with keras.device("cpu"):
        yield


@pytest.mark.parametrize(("activation", "name"), [(nn.ReLU, "relu"), (nn.Tanh, "tanh")])
@pytest.mark.parametrize("widths", [(20, 16, 8, 4), (5, 3)])
def test_keras_twin_has_the_same_outputs_and_gradients(cpu, widths, activation, name):
    model = MLP(widths, activation=activation, dropout=0.2).eval()
    twin = keras_twins.copy_weights(model, keras_twins.mlp(widths, activation=name, dropout=0.2))
    x, labels = torch.randn(6, widths[0]), torch.randint(0, widths[-1], (6,))
    ours, theirs = model(x), twin(x, training=False)
    torch.testing.assert_close(theirs, ours, rtol=1e-5, atol=1e-5)

    losses.cross_entropy(ours, labels).mean().backward()
    losses.cross_entropy(theirs, labels).mean().backward()
    linear = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    dense = [layer for layer in twin.layers if layer.weights]
    for torch_layer, keras_layer in zip(linear, dense, strict=True):
        kernel, bias = (variable.value.grad for variable in keras_layer.weights)
        assert kernel.abs().max() > 0
        torch.testing.assert_close(kernel.T, torch_layer.weight.grad, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(bias, torch_layer.bias.grad, rtol=1e-5, atol=1e-5)


def test_keras_twin_keeps_weights_of_its_own(cpu):
    model = MLP((4, 3))
    twin = keras_twins.copy_weights(model, keras_twins.mlp((4, 3)))
    x = torch.randn(2, 4)
    before = twin(x).detach().clone()
    with torch.no_grad():
        model.layers[0].weight.zero_()
    assert torch.equal(twin(x), before)


def test_keras_twin_drops_units_in_training_alone(cpu):
    twin = keras_twins.mlp((8, 200, 3), dropout=0.5)
    x = torch.randn(1, 8)
    torch.testing.assert_close(twin(x, training=False), twin(x, training=False))
    assert not torch.equal(twin(x, training=True), twin(x, training=True))


@pytest.mark.parametrize("widths", [(4, 5, 2), (4, 2), (4, 3, 3, 2)])
def test_copy_weights_between_models_that_differ(cpu, widths):
    twin = keras_twins.mlp(widths)
    before = [weight.value.detach().clone() for weight in twin.weights]
    with pytest.raises(ValueError, match=r"Expected layers of the same shapes .* got \[\(4, 3\), \(3, 2\)\] in torch and"):
        keras_twins.copy_weights(MLP((4, 3, 2)), twin)
    assert all(torch.equal(weight.value, value) for weight, value in zip(twin.weights, before, strict=True))


def test_keras_twins_refuse_another_backend(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match=r"on its torch backend, got 'jax': .* import course_lib first\."):
        importlib.reload(keras_twins.backend)


def test_the_dense_network_of_noise():
    model, z, angle = NoiseMLP(5, width=16, classes=3), torch.randn(4, 5), torch.tensor([0.3, 0.3, 0.9, 0.3])
    assert not model(z, angle).any()  # at first
    torch.nn.init.normal_(model.last.weight)
    z = z[:1].repeat(4, 1)
    found = model(z, angle, torch.tensor([0, 0, 0, 1]))
    torch.testing.assert_close(found[0], found[1])
    for other in (2, 3):
        assert (found[0] - found[other]).abs().max() > 1e-3
    torch.testing.assert_close(model(z, angle), model(z, angle, torch.full((4,), -1)))
    with pytest.raises(ValueError, match=r"^This NoiseMLP expects \(B, 5\), got \(4, 6\)"):
        model(torch.randn(4, 6), angle)
    with pytest.raises(ValueError, match=r"^Expected no labels for this network, which has no classes, got some\.$"):
        NoiseMLP(5)(z, angle, torch.tensor([0, 0, 0, 1]))


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh])
def test_networks_side_by_side_are_the_networks_alone(activation):
    together = MLPs(3, (2, 5, 4, 1), activation=activation)
    x = torch.randn(12, 2, requires_grad=True)
    (slope,) = torch.autograd.grad(together(x).sum(), x)
    for index, part in enumerate(x.detach().chunk(3)):
        alone = MLP((2, 5, 4, 1), activation=activation)
        linear = [layer for layer in alone.layers if isinstance(layer, nn.Linear)]
        with torch.no_grad():
            for layer, weight, bias in zip(linear, together.weights, together.biases, strict=True):
                layer.weight.copy_(weight[index].T)
                layer.bias.copy_(bias[index, 0])
        part.requires_grad_()
        torch.testing.assert_close(together(x).chunk(3)[index], alone(part))
        torch.testing.assert_close(slope.chunk(3)[index], torch.autograd.grad(alone(part).sum(), part)[0])


def test_networks_side_by_side_begin_differently_and_name_what_they_expect():
    together = MLPs(2, (2, 5, 1))
    assert not torch.equal(*together.weights[0])
    for shape in ((5, 2), (4, 3)):
        expected = f"expect a multiple of 2 examples with 2 numbers each, got {shape[0]} with {shape[1]}"
        with pytest.raises(ValueError, match=expected):
            together(torch.zeros(shape))
