"""The convolutional classifiers, and the Keras twin of the first of them."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from course_lib import losses, runtime
from course_lib.models import ConvNet, LeNet, ResNet
from course_lib.models.cnn import ResidualBlock

import keras  # isort: skip  (course_lib chooses the backend first)
from course_lib import keras_twins  # isort: skip


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def small_resnet(**options):
    return ResNet((3, 8, 8), 4, widths=(4, 8), blocks=1, **options)


BUILT = [
    (lambda: ConvNet(), (1, 28, 28), 10, 64),
    (lambda: ConvNet((3, 18, 20), 7), (3, 18, 20), 7, 64),
    (lambda: LeNet(), (3, 32, 32), 10, 84),
    (lambda: LeNet((1, 28, 28), 3), (1, 28, 28), 3, 84),
    (lambda: ResNet(widths=(4, 8, 16), blocks=2), (3, 32, 32), 10, 16),
    (lambda: ResNet((1, 9, 7), 5, widths=(4, 8), blocks=1), (1, 9, 7), 5, 8),
]


@pytest.mark.parametrize(("build", "shape", "classes", "width"), BUILT)
def test_images_become_features_and_logits(build, shape, classes, width):
    model = build().eval()
    x = torch.rand(3, *shape)
    features = model.features(x)
    assert features.shape == (3, width)
    assert model(x).shape == (3, classes)
    torch.testing.assert_close(model(x), model.head(features))
    torch.testing.assert_close(model(x[:1]), model(x)[:1], rtol=1e-4, atol=1e-5)  # no example sees another


def test_sizes_are_those_that_the_docstrings_name():
    for model, count in ((ConvNet(), 93_322), (LeNet(), 62_006), (ResNet(), 269_722)):
        assert parameters(model) == count
        assert f"{count:,} parameters" in type(model).__doc__


def maps_of(model):
    """The shape (C, H, W) of what each layer makes of one image, for the layers that the comments of the source follow."""
    shapes, x = [], torch.rand(1, *model.shape)
    for layer in model.layers:
        x = layer(x)
        if isinstance(layer, (nn.Conv2d, nn.MaxPool2d)):
            shapes.append(tuple(x.shape[1:]))
    return shapes


def test_maps_shrink_as_the_comments_say():
    assert maps_of(ConvNet()) == [(32, 26, 26), (32, 13, 13), (64, 11, 11), (64, 5, 5), (64, 3, 3)]
    assert maps_of(LeNet()) == [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5)]


def test_each_stage_of_a_resnet_halves_the_map():
    blocks = [layer for layer in ResNet((3, 32, 32)).layers if isinstance(layer, ResidualBlock)]
    x, shapes = torch.rand(1, 16, 32, 32), []
    for block in blocks:
        x = block(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes == [(16, 32, 32)] * 3 + [(32, 16, 16)] * 3 + [(64, 8, 8)] * 3


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("outputs", [4, 6])
def test_a_residual_block_adds_its_input(stride, outputs):
    block = ResidualBlock(4, outputs, stride=stride).eval()
    with torch.no_grad():
        block.norms[1].weight.zero_()  # the convolutions then contribute nothing
    x = torch.rand(2, 4, 5, 5)
    h = block(x)
    torch.testing.assert_close(h[:, :4], x[:, :, ::stride, ::stride])
    assert not h[:, 4:].any()


def test_without_residual_links_only_the_convolutions_remain():
    block = ResidualBlock(4, 6, stride=2, normalization=None, residual=False)
    x = torch.rand(2, 4, 5, 5)
    torch.testing.assert_close(block(x), block.second(block.first(x).relu()).relu())


def test_what_normalize_and_residual_change():
    plain, normalized, residual = (
        small_resnet(normalization=None, residual=False),
        small_resnet(),
        small_resnet(normalization=None),
    )
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in residual.modules())
    assert parameters(plain) == parameters(residual)  # the link costs no parameters
    convolutions = [layer for layer in normalized.modules() if isinstance(layer, nn.Conv2d)]
    assert all(layer.bias is None for layer in convolutions)  # batch norm would subtract it
    assert parameters(normalized) - parameters(plain) == sum(layer.out_channels for layer in convolutions)
    plain.load_state_dict(residual.state_dict())
    x = torch.rand(2, 3, 8, 8)
    assert not torch.allclose(plain(x), residual(x))


def test_a_resnet_starts_with_the_weights_of_he():
    model = ResNet()
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            expected = (2 / (layer.out_channels * 9)) ** 0.5
            assert layer.weight.std().item() == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("model", [ConvNet((1, 18, 18)), LeNet((1, 16, 16)), ResNet((1, 8, 8), widths=(4,), blocks=1)])
def test_every_parameter_gets_a_gradient(model):
    x = torch.rand(16, *model.shape)
    losses.cross_entropy(model(x), torch.arange(16) % 10).mean().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


@pytest.mark.parametrize("build", [lambda: ConvNet((1, 18, 18)), lambda: LeNet((1, 16, 16)), small_resnet])
def test_saved_weights_give_the_same_answers(build, tmp_path):
    model, x = build(), torch.rand(4, *build().shape)
    model(x)  # batch norm gathers its averages
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    again = build()
    assert not torch.equal(again.eval()(x), model.eval()(x))
    again.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(again(x), model(x))


@pytest.mark.parametrize("model", [ConvNet(), LeNet((1, 28, 28)), ResNet((1, 28, 28), widths=(4,), blocks=1)])
@pytest.mark.parametrize("shape", [(2, 1, 28, 27), (2, 3, 28, 28), (1, 28, 28), (2, 784)])
def test_images_of_another_shape_are_refused(model, shape):
    name, got = type(model).__name__, ", ".join(map(str, shape))
    with pytest.raises(ValueError, match=rf"{name} expects images of \(B, 1, 28, 28\), got \({got}\); build it with"):
        model(torch.zeros(shape))


@pytest.mark.parametrize(
    ("build", "side"), [(lambda side: ConvNet((1, 28, side)), 18), (lambda side: LeNet((1, side, 28)), 16)]
)
def test_images_too_small_are_refused(build, side):
    build(side)
    with pytest.raises(ValueError, match=rf"at least {side} x {side} pixels, got .*\b{side - 1}\b.*; resize them\."):
        build(side - 1)


@pytest.fixture
def cpu():
    runtime.configure(device="cpu", precision="fp32")
    with keras.device("cpu"):
        yield


def twins(shape=(2, 19, 18), classes=4):
    """A torch model, its Keras twin with the same weights, images for each in its layout, and labels."""
    channels, height, width = shape
    model = ConvNet(shape, classes)
    twin = keras_twins.copy_weights(model, keras_twins.cnn((height, width, channels), classes))
    x, labels = torch.randn(6, *shape), torch.randint(0, classes, (6,))
    return model, twin, x, x.permute(0, 2, 3, 1).contiguous(), labels


def in_keras_layout(tensor, flattened=None):
    """By index, and so another way than copy_weights goes. flattened: (C, H, W) of the map that a dense layer reads."""
    if tensor.ndim == 4:
        return torch.einsum("oihw->hwio", tensor)
    if tensor.ndim == 2:
        order = slice(None)
        if flattened:
            order = torch.arange(tensor.shape[1]).reshape(flattened).permute(1, 2, 0).flatten()
        return tensor[:, order].T
    return tensor


def test_the_keras_twin_has_the_same_outputs_and_gradients(cpu):
    model, twin, x, images, labels = twins((2, 22, 18))  # the last map is 64 x 2 x 1
    ours, theirs = model(x), twin(images)
    torch.testing.assert_close(theirs, ours, rtol=1e-5, atol=1e-5)
    losses.cross_entropy(ours, labels).mean().backward()
    losses.cross_entropy(theirs, labels).mean().backward()
    assert len(twin.weights) == len(list(model.parameters())) == 10
    for p, variable in zip(model.parameters(), twin.weights, strict=True):
        flattened = (64, 2, 1) if p.shape == (64, 128) else None
        assert p.grad.any()
        torch.testing.assert_close(variable.value.grad, in_keras_layout(p.grad, flattened), rtol=1e-5, atol=1e-6)


def test_the_keras_twin_is_still_the_same_after_a_step(cpu):
    model, twin, x, images, labels = twins()
    before = model(x)
    losses.cross_entropy(before, labels).mean().backward()
    torch.optim.SGD(model.parameters(), lr=0.5).step()
    twin.compile(keras.optimizers.SGD(0.5), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    twin.train_on_batch(images.numpy(), labels.numpy())
    assert (model(x) - before).abs().max() > 0.01
    torch.testing.assert_close(twin(images), model(x), rtol=1e-5, atol=1e-5)


def test_the_keras_twin_counts_as_many_parameters():
    assert keras_twins.cnn().count_params() == parameters(ConvNet())
    assert keras_twins.cnn((32, 32, 3), 5).count_params() == parameters(ConvNet((3, 32, 32), 5))


def test_twins_of_different_networks_do_not_pair_up(cpu):
    with pytest.raises(ValueError, match=r"\(3, 3, 1, 32\).* in torch and \[\(3, 3, 3, 32\)"):
        keras_twins.copy_weights(ConvNet(), keras_twins.cnn((28, 28, 3)))
    with pytest.raises(ValueError, match="Expected layers of the same shapes in both models"):
        keras_twins.copy_weights(LeNet((1, 28, 28)), keras_twins.cnn())
