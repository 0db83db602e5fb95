import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_lib import checkpoints, runtime
from course_lib.layers import PreActivationBlock
from course_lib.models import NoiseUNet, TextEncoder, UNet
from course_lib.models.unet import PlaceAttention, WordAttention


@pytest.mark.parametrize(
    ("widths", "height", "width"), [((8, 16, 32), 16, 24), ((8,), 5, 7), ((4, 4, 4, 4), 8, 8), ((12, 20), 6, 10)]
)
def test_unet_keeps_the_size(widths, height, width):
    model = UNet(2, 5, widths=widths)
    assert model(torch.randn(3, 2, height, width)).shape == (3, 5, height, width)


def test_unet_computes_what_it_says():
    model = UNet(3, 4, widths=(8, 16, 24)).eval()
    x = torch.randn(2, 3, 8, 12)
    fine = model.down[0](model.stem(x))
    middle = model.down[1](F.max_pool2d(fine, 2))
    coarse = model.down[2](F.max_pool2d(middle, 2))
    assert [tuple(h.shape[1:]) for h in (fine, middle, coarse)] == [(8, 8, 12), (16, 4, 6), (24, 2, 3)]
    twice = nn.Upsample(scale_factor=2)
    middle = model.up[0](torch.cat([middle, twice(coarse)], 1))
    fine = model.up[1](torch.cat([fine, twice(middle)], 1))
    torch.testing.assert_close(model(x), model.head(fine))


def test_the_skip_connections_carry_single_pixels():
    model = UNet(1, 1, widths=(8, 8)).eval()
    x = torch.zeros(1, 1, 8, 8)
    x[0, 0, 3, 4] = 1
    with torch.no_grad():
        model.up[0].first.weight[:, 8:] = model.up[0].shortcut.weight[:, 8:] = 0  # nothing is taken from below
        difference = (model(x) - model(torch.zeros_like(x))).abs()
    assert difference.max() > 1e-4
    assert difference[0, 0, 3, 4] > difference.mean()


def test_an_examples_output_does_not_depend_on_the_others():
    model, x = UNet(3, 2, widths=(8, 16)), torch.randn(4, 3, 8, 8)
    torch.testing.assert_close(model(x)[:1], model(x[:1]), rtol=1e-4, atol=1e-5)


def test_a_block_by_hand():
    def normalized(h, norm):
        groups = h.reshape(3, -1, 4, 6, 6)  # (B, C, H, W) -> (B, C / 4, 4, H, W)
        var, mean = torch.var_mean(groups, dim=(2, 3, 4), correction=0, keepdim=True)
        return ((groups - mean) / (var + 1e-5).sqrt()).reshape(h.shape) * norm.weight[:, None, None] + norm.bias[:, None, None]

    block, x = PreActivationBlock(8, 12), torch.randn(3, 8, 6, 6)
    for norm in block.norms:
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    h = block.first(F.silu(normalized(x, block.norms[0])))
    h = block.second(F.silu(normalized(h, block.norms[1])))
    expected = h + torch.einsum("oi, bihw -> bohw", block.shortcut.weight[..., 0, 0], x) + block.shortcut.bias[:, None, None]
    torch.testing.assert_close(block(x), expected, rtol=1e-4, atol=1e-5)
    same = PreActivationBlock(8, 8)
    for parameter in same.second.parameters():
        nn.init.zeros_(parameter)
    torch.testing.assert_close(same(x), x)


def test_unet_learns_where_a_pixel_is_bright():
    model = UNet(1, 2, widths=(8, 16))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(30):
        x = torch.randn(8, 1, 8, 8)
        loss = F.cross_entropy(model(x), (x[:, 0] > 0.5).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x = torch.randn(16, 1, 8, 8)
    assert (model(x).argmax(1) == (x[:, 0] > 0.5)).float().mean() > 0.9


def test_every_weight_gets_a_gradient():
    model = UNet(3, 2, widths=(8, 16, 32))
    model(torch.randn(2, 3, 8, 8)).square().mean().backward()
    assert all(weight.grad.abs().max() > 0 for weight in model.parameters())


def test_a_seed_repeats_the_weights():
    runtime.set_seed(3)
    first = UNet(3, 2)
    runtime.set_seed(3)
    second = UNet(3, 2)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ((1, 1, 8, 8), r"expects images \(B, 3, H, W\), got \(1, 1, 8, 8\); build it with the images' number"),
        ((3, 8, 8), r"got \(3, 8, 8\); .* the axis of the batch with x\[None\]"),
        ((1, 3, 8, 10), r"halves its input 2 times, so height and width must be multiples of 4, got 8 x 10; pad or resize"),
        ((1, 3, 30, 32), r"multiples of 4, got 30 x 32"),
    ],
)
def test_images_that_do_not_fit(shape, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        UNet(3, 2, widths=(8, 8, 8))(torch.zeros(shape))
    assert "\n" not in str(caught.value)


def test_saved_weights_give_the_same_answers(tmp_path):
    model, again, x = UNet(3, 2, widths=(8, 16)), UNet(3, 2, widths=(8, 16)), torch.randn(2, 3, 8, 8)
    checkpoints.save_weights(model, tmp_path / "unet.safetensors")
    checkpoints.load_weights(again, tmp_path / "unet.safetensors")
    assert torch.equal(again(x), model(x))


@pytest.mark.parametrize("widths", [(), (6, 8), (8, 2), (0, 4)])
def test_widths_that_cannot_be_normalized(widths):
    with pytest.raises(ValueError, match=r"one width or more, each a multiple of 4, got \("):
        UNet(3, 2, widths=widths)


def test_the_network_of_noise_keeps_the_size_and_begins_with_nothing():
    for channels, widths, patch, height, width in ((1, (8, 16), 2, 28, 28), (3, (8, 16, 32), 1, 16, 24), (3, (12,), 4, 8, 8)):
        model = NoiseUNet(channels, widths=widths, patch=patch, classes=3)
        z, angle = torch.randn(2, channels, height, width), torch.rand(2)
        assert model(z, angle, torch.tensor([2, -1])).shape == z.shape
        assert not model(z, angle).any()


def awake(model):
    """With weights in the layers that begin at zero."""
    for parameter in model.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return model


def test_the_network_of_noise_heeds_angle_and_label():
    model, z = awake(NoiseUNet(1, widths=(8, 16), classes=3)), torch.randn(1, 1, 8, 8).repeat(4, 1, 1, 1)
    found = model(z, torch.tensor([0.3, 0.3, 0.9, 0.3]), torch.tensor([0, 0, 0, 1]))
    torch.testing.assert_close(found[0], found[1])
    for other in (2, 3):
        assert (found[0] - found[other]).abs().max() > 1e-3
    torch.testing.assert_close(
        model(z, torch.zeros(4)), model(z, torch.zeros(4), torch.full((4,), -1))
    )  # without labels all are -1


def test_the_network_of_noise_reads_sentences():
    model = awake(NoiseUNet(3, widths=(8, 16, 32), patch=1, text=TextEncoder(6, 4)))
    assert model.classes == 6
    z, angle = torch.randn(1, 3, 8, 8).repeat(4, 1, 1, 1), torch.full((4,), 0.3)
    sentences = torch.tensor([[0, 1, 2, -1], [0, 1, 2, -1], [2, 1, 0, -1], [-1, -1, -1, -1]])
    found = model(z, angle, sentences)
    torch.testing.assert_close(found[0], found[1])
    for other in (2, 3):
        assert (found[0] - found[other]).abs().max() > 1e-3
    torch.testing.assert_close(model(z, angle)[0], found[3])  # no sentence is one of no words
    with pytest.raises(ValueError, match=r"^Expected classes or text, got 3 classes and text; tell the class in words\.$"):
        NoiseUNet(3, classes=3, text=TextEncoder(6, 4))


def test_each_way_to_tell_the_words_is_heeded():
    for silent in ("reading", "modulation"):  # either alone tells the sentence
        model = awake(NoiseUNet(3, widths=(8, 16), patch=1, text=TextEncoder(6, 4)))
        for name, parameter in model.named_parameters():
            if silent in name:
                nn.init.zeros_(parameter)
        found = model(
            torch.randn(1, 3, 8, 8).repeat(2, 1, 1, 1), torch.zeros(2), torch.tensor([[0, 1, -1, -1], [2, 1, -1, -1]])
        )
        assert (found[0] - found[1]).abs().max() > 1e-4


def test_attention_to_words_is_torchs():
    attention, x, words = awake(WordAttention(64, 12)), torch.randn(2, 64, 3, 5), torch.randn(2, 7, 12)
    queries = attention.queries(attention.norm(x).flatten(2).transpose(1, 2)).unflatten(2, (2, 32)).transpose(1, 2)
    keys, values = (each.unflatten(2, (2, 32)).transpose(1, 2) for each in attention.keys_values(words).chunk(2, 2))
    found = attention.out(F.scaled_dot_product_attention(queries, keys, values).transpose(1, 2).flatten(2))
    torch.testing.assert_close(attention(x, words), x + found.transpose(1, 2).reshape(x.shape), atol=1e-5, rtol=1e-4)
    weights = attention.weights(x, words)
    assert weights.shape == (2, 2, 15, 7)
    torch.testing.assert_close(weights.sum(3), torch.ones(2, 2, 15))


def test_the_shapes_of_every_layer_of_the_network_of_noise():
    model, shapes = NoiseUNet(1, widths=(64, 128), classes=10), {}
    for name, module in model.named_modules():
        module.register_forward_hook(lambda _, inputs, output, name=name: shapes.__setitem__(name, tuple(output.shape)))
    model(torch.randn(2, 1, 28, 28), torch.rand(2), torch.tensor([3, 4]))
    expected = {
        "told": (2, 128),
        "unet.stem": (2, 64, 14, 14),
        "unet.down.0": (2, 64, 14, 14),
        "unet.down.1": (2, 128, 7, 7),
        "unet.attention": (2, 128, 7, 7),
        "unet.bottom": (2, 128, 7, 7),
        "unet.up.0": (2, 64, 14, 14),
        "unet.head": (2, 4, 14, 14),
        "": (2, 1, 28, 28),
    }
    assert {name: shapes[name] for name in expected} == expected


def test_attention_between_places_is_torchs():
    attention, x = PlaceAttention(64), torch.randn(2, 64, 3, 5)
    inner, places = attention.attention, attention.norm(x).flatten(2).transpose(1, 2)  # (B, H W, C)
    queries, keys, values = (
        each.unflatten(2, (2, 32)).transpose(1, 2)  # (B, heads, H W, 32)
        for each in inner.queries_keys_values(places).chunk(3, 2)
    )
    found = inner.out(F.scaled_dot_product_attention(queries, keys, values).transpose(1, 2).flatten(2))
    torch.testing.assert_close(attention(x), x + found.transpose(1, 2).reshape(x.shape), atol=1e-5, rtol=1e-4)


def test_what_the_network_of_noise_refuses():
    model = NoiseUNet(1, widths=(8, 8, 8), classes=0)
    with pytest.raises(ValueError, match=r"^Expected no labels for this network, which has no classes, got some\.$"):
        model(torch.randn(2, 1, 8, 8), torch.rand(2), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match=r"sides divisible by 2, got \(2, 1, 9, 8\); pad or resize them\.$"):
        model(torch.randn(2, 1, 9, 8), torch.rand(2))
    with pytest.raises(ValueError, match=r"height and width must be multiples of 4, got 7 x 7"):
        model(torch.randn(2, 1, 14, 14), torch.rand(2))
