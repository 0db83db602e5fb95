"""The small vision transformer."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from course_lib import losses
from course_lib.models import ConvNet, ViT


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def small(**options):
    return ViT((3, 8, 12), 5, patch=4, hidden=8, heads=2, **options)


def test_images_become_features_and_logits():
    model, x = small(), torch.rand(3, 3, 8, 12)
    assert model.layers[0](x).shape == (3, 6, 8)
    assert model.features(x).shape == (3, 8)
    assert model(x).shape == (3, 5)
    torch.testing.assert_close(model(x[:1]), model(x)[:1], rtol=1e-4, atol=1e-5)  # no example sees another


def test_its_size_is_that_of_the_docstring_and_near_the_convolutional_network():
    assert f"{parameters(ViT()):,} parameters" in ViT.__doc__
    assert abs(parameters(ViT()) / parameters(ConvNet()) - 1) < 0.01


def test_patches_are_a_convolution_whose_stride_is_its_kernel():
    patches, x = small().layers[0], torch.rand(2, 3, 8, 12)
    kernels = patches.embed.weight.view(8, 3, 4, 4)
    maps = nn.functional.conv2d(x, kernels, patches.embed.bias, stride=4)  # (2, 8, 2, 3)
    torch.testing.assert_close(patches(x), maps.flatten(2).transpose(1, 2) + patches.places)


def test_without_places_the_order_of_the_patches_does_not_matter():
    model, x = small(), torch.rand(2, 3, 8, 12)
    swapped = torch.cat([x[..., 8:], x[..., :8]], 3)
    assert not torch.allclose(model(x), model(swapped), atol=1e-4)
    with torch.no_grad():
        model.layers[0].places.zero_()
    torch.testing.assert_close(model(x), model(swapped))


def test_every_parameter_gets_a_gradient():
    model = small()
    losses.cross_entropy(model(torch.rand(4, 3, 8, 12)), torch.arange(4)).mean().backward()
    assert all(p.grad.any() for p in model.parameters())


def test_saved_weights_give_the_same_answers(tmp_path):
    model, x = small(), torch.rand(2, 3, 8, 12)
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    again = small()
    assert not torch.equal(again(x), model(x))
    again.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(again(x), model(x))


def test_a_patch_must_divide_the_image_and_images_fit():
    with pytest.raises(ValueError, match=r"a patch that divides 28 x 28 pixels, got 5"):
        ViT(patch=5)
    with pytest.raises(ValueError, match=r"This ViT expects images of \(B, 1, 28, 28\), got \(2, 1, 32, 32\)"):
        ViT()(torch.rand(2, 1, 32, 32))
