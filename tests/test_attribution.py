"""Attribution maps against models for which the right map is known, and against finite differences."""

import pytest
import torch
from torch import nn

from course_lib.attribution import grad_cam, occlusion, saliency
from course_lib.models import ResNet


class Linear(nn.Module):
    """Logits that are linear in the image: weight (K, C, H, W)."""

    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, x):
        return torch.einsum("bchw,kchw->bk", x, self.weight)


class Pooled(nn.Module):
    """Convolutions, the mean over all places, and a linear head: the network that class activation mapping is defined for."""

    def __init__(self, act=None):
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(2, 6, 3, padding=1), nn.Tanh(), nn.Conv2d(6, 5, 3, stride=2), act or nn.Tanh()
        )
        self.head = nn.Linear(5, 3)
        self.spare = nn.Conv2d(1, 1, 1)  # part of the model, but forward does not use it

    def forward(self, x):
        return self.head(self.convolutions(x).mean((2, 3)))


def pixel(y, x):
    """A model whose one logit is the value of one pixel."""
    return lambda images: images[:, 0, y, x, None]


METHODS = {
    "saliency": saliency,
    "occlusion": occlusion,
    "grad_cam": lambda model, x, labels: grad_cam(model, model.convolutions[2], x, labels),
}
every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def test_saliency_of_a_linear_model_is_the_size_of_its_weights():
    weight = torch.randn(4, 3, 5, 6)
    labels = torch.tensor([2, 0, 3])
    maps = saliency(Linear(weight), torch.randn(3, 3, 5, 6), labels)
    torch.testing.assert_close(maps, weight[labels].abs().amax(1))


def test_saliency_agrees_with_finite_differences():
    model, x, labels = Pooled().double(), torch.randn(2, 2, 7, 6).double(), torch.tensor([1, 2])
    slopes = torch.zeros_like(x)
    for place in torch.cartesian_prod(torch.arange(2), torch.arange(7), torch.arange(6)):
        nudge = torch.zeros_like(x)
        nudge[:, *place] = 1e-6
        with torch.no_grad():
            change = (model(x + nudge) - model(x - nudge)) / 2e-6  # (B, K)
        slopes[:, *place] = change.gather(1, labels[:, None])[:, 0]
    torch.testing.assert_close(saliency(model, x, labels), slopes.abs().amax(1), rtol=1e-6, atol=1e-8)


def test_occlusion_of_a_model_of_one_pixel_lies_on_the_squares_over_it():
    x = torch.rand(2, 1, 6, 7) + 1
    labels = torch.zeros(2, dtype=torch.int64)
    alone = occlusion(pixel(2, 3), x, labels, window=1, stride=1)
    expected = torch.zeros(2, 6, 7)
    expected[:, 2, 3] = x[:, 0, 2, 3]  # the logit falls from the pixel's value to zero
    torch.testing.assert_close(alone, expected)

    squares = occlusion(pixel(2, 3), x, labels, window=3, stride=3, fill=1.0)  # tops 0, 3; lefts 0, 3, 4
    expected = torch.zeros(2, 6, 7)
    expected[:, 0:3, 3] = expected[:, 0:3, 3] + (x[:, 0, 2, 3] - 1)[:, None]  # covered by the square at 3 alone
    expected[:, 0:3, 4:6] = (x[:, 0, 2, 3] - 1)[:, None, None] / 2  # by the squares at 3 and at 4: the mean of a fall and 0
    torch.testing.assert_close(squares, expected)


def test_occlusion_of_a_linear_model_is_the_mean_over_the_squares_on_a_pixel():
    weight, x, labels = torch.randn(2, 3, 4, 5), torch.randn(3, 3, 4, 5), torch.tensor([0, 1, 1])
    shares = (weight[labels] * x).sum(1)  # (B, H, W), what each pixel adds to the logit
    falls = nn.functional.unfold(shares[:, None], 2).sum(1).reshape(3, 3, 4)  # the squares of 2 x 2, stride 1
    ones = torch.ones(3, 4, 12)
    squares = nn.functional.fold(falls.reshape(3, 1, 12).expand(3, 4, 12), (4, 5), 2)[:, 0]
    expected = squares / nn.functional.fold(ones, (4, 5), 2)[:, 0]
    torch.testing.assert_close(occlusion(Linear(weight), x, labels, window=2, stride=1), expected)


def test_occlusion_takes_a_window_as_large_as_the_image():
    x, labels = torch.rand(1, 1, 4, 4), torch.tensor([0])
    torch.testing.assert_close(occlusion(pixel(1, 1), x, labels, window=4, stride=2), x[:, 0, 1, 1, None, None].expand(1, 4, 4))


def test_grad_cam_of_mean_pooling_and_a_linear_head_is_the_class_activation_map():
    model, x, labels = Pooled(), torch.randn(4, 2, 9, 9), torch.tensor([0, 2, 1, 0])
    maps = model.convolutions(x)  # (4, 5, 4, 4)
    cam = torch.einsum("bchw,bc->bhw", maps, model.head.weight[labels]).relu() / 16  # Zhou et al., 2016
    expected = nn.functional.interpolate(cam[:, None], (9, 9), mode="bilinear")[:, 0]
    torch.testing.assert_close(grad_cam(model, model.convolutions, x, labels), expected.detach())
    assert expected.max() > 0


def test_grad_cam_sees_the_maps_before_an_activation_that_works_in_place():
    apart, in_place = Pooled(nn.ReLU()), Pooled(nn.ReLU(inplace=True))
    in_place.load_state_dict(apart.state_dict())
    x, labels = torch.randn(4, 2, 9, 9), torch.tensor([0, 2, 1, 0])
    maps = [grad_cam(model, model.convolutions[2], x, labels) for model in (apart, in_place)]
    torch.testing.assert_close(*maps)


def test_grad_cam_of_a_frozen_model():
    model = Pooled()
    x, labels = torch.randn(2, 2, 9, 9), torch.tensor([0, 1])
    expected = grad_cam(model, model.convolutions, x, labels)
    torch.testing.assert_close(grad_cam(model.requires_grad_(False), model.convolutions, x, labels), expected)


@every_method
def test_a_map_has_the_size_of_the_image_and_no_graph(method):
    maps = method(Pooled(), torch.randn(3, 2, 9, 8), torch.tensor([0, 1, 2]))
    assert maps.shape == (3, 9, 8)
    assert maps.isfinite().all()
    assert not maps.requires_grad


@every_method
def test_each_image_is_explained_by_itself(method):
    model, x, labels = Pooled(), torch.randn(3, 2, 9, 9), torch.tensor([0, 1, 2])
    together = method(model, x, labels)
    torch.testing.assert_close(method(model, x[1:2], labels[1:2]), together[1:2])


@every_method
def test_it_works_where_gradients_are_switched_off(method):
    model, x, labels = Pooled(), torch.randn(2, 2, 9, 9), torch.tensor([0, 1])
    expected = method(model, x, labels)
    with torch.no_grad():
        torch.testing.assert_close(method(model, x, labels), expected)


@every_method
def test_the_model_and_the_images_are_left_as_they_were(method):
    model = Pooled().train()
    model.convolutions[0].eval()  # a part that is frozen on purpose
    model.convolutions.append(nn.Dropout(0.9))
    parameters = list(model.parameters())
    parameters[0].grad = torch.ones_like(parameters[0])
    x, labels = torch.randn(2, 2, 9, 9), torch.tensor([0, 1])
    before = x.clone()
    first = method(model, x, labels)
    torch.testing.assert_close(method(model, x, labels), first)  # dropout was off
    assert model.training
    assert model.convolutions[-1].training
    assert not model.convolutions[0].training
    assert (parameters[0].grad == 1).all()
    assert all(p.grad is None for p in parameters[1:])
    assert torch.equal(x, before)
    assert not x.requires_grad
    assert not any(part._forward_hooks for part in model.modules())


@every_method
def test_the_model_is_left_as_it_was_after_an_error(method):
    model = Pooled().train()
    with pytest.raises(ValueError, match=r"Expected labels 0\.\.2 for 3 classes, got 0\.\.3\."):
        method(model, torch.randn(2, 2, 9, 9), torch.tensor([0, 3]))
    assert all(part.training and not part._forward_hooks for part in model.modules())


@every_method
def test_batch_norm_uses_and_keeps_its_running_statistics(method):
    model = ResNet((2, 9, 9), 3, widths=(4, 8), blocks=1).train()
    model.convolutions = model.layers
    x, labels = torch.randn(2, 2, 9, 9), torch.tensor([0, 1])
    buffers = [buffer.clone() for buffer in model.buffers()]
    torch.testing.assert_close(method(model, x, labels)[:1], method(model, x[:1], labels[:1]))
    assert all(torch.equal(now, then) for now, then in zip(model.buffers(), buffers, strict=True))


@every_method
@pytest.mark.parametrize(
    ("labels", "got"),
    [
        (torch.tensor([0]), r"torch\.int64 of shape \(1,\)"),
        (torch.tensor([[0], [1]]), r"torch\.int64 of shape \(2, 1\)"),
        (torch.tensor([0.0, 1.0]), r"torch\.float32 of shape \(2,\)"),
    ],
)
def test_labels_that_do_not_fit_the_images(method, labels, got):
    with pytest.raises(ValueError, match=rf"Expected one integer label for each of 2 images, got {got}\."):
        method(Pooled(), torch.randn(2, 2, 9, 9), labels)


@every_method
def test_labels_below_zero(method):
    with pytest.raises(ValueError, match=r"Expected labels 0\.\.2 for 3 classes, got -1\.\.1\."):
        method(Pooled(), torch.randn(2, 2, 9, 9), torch.tensor([-1, 1]))


@every_method
def test_one_image_without_a_batch(method):
    with pytest.raises(ValueError, match=r"B at least 1, got \(2, 9, 9\); one image needs x\.unsqueeze\(0\)"):
        method(Pooled(), torch.randn(2, 9, 9), torch.tensor([0]))


def test_a_window_larger_than_the_image():
    with pytest.raises(ValueError, match="Expected a window of 1 to 6 pixels for 6 x 9 images, got 7"):
        occlusion(pixel(0, 0), torch.zeros(1, 1, 6, 9), torch.tensor([0]), window=7)


@pytest.mark.parametrize("stride", [0, 4])
def test_a_stride_that_leaves_pixels_out(stride):
    with pytest.raises(ValueError, match=f"Expected a stride of 1 to 3, the window, .* got {stride}"):
        occlusion(pixel(0, 0), torch.zeros(1, 1, 6, 9), torch.tensor([0]), window=3, stride=stride)


def test_a_layer_that_the_model_does_not_run():
    model, x, labels = Pooled(), torch.randn(1, 2, 9, 9), torch.tensor([0])
    for layer in (model.spare, nn.Conv2d(2, 2, 3)):
        with pytest.raises(ValueError, match=r"Expected a layer that the model runs, got one that it does not: Conv2d\("):
            grad_cam(model, layer, x, labels)
        assert not layer._forward_hooks


class TwoOutputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Conv2d(2, 3, 3)
        self.layer = nn.Module()
        self.layer.forward = lambda x: (self.inner(x), x)

    def forward(self, x):
        return self.layer(x)[0].mean((2, 3))


@pytest.mark.parametrize(
    ("model", "layer", "got"), [(Pooled(), "head", r"\(1, 3\)"), (TwoOutputs(), "layer", "tuple")], ids=["head", "tuple"]
)
def test_a_layer_whose_output_is_not_a_map(model, layer, got):
    with pytest.raises(ValueError, match=rf"Expected a layer whose output is a map \(B, C, h, w\), got .* with output {got}"):
        grad_cam(model, getattr(model, layer), torch.randn(1, 2, 9, 9), torch.tensor([0]))
