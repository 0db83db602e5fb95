"""Networks that draw one pixel after another: what may depend on what, and that probabilities are probabilities."""

from functools import partial

import pytest
import torch
from torch import nn

from course_lib.models import MADE, GatedPixelCNN, PixelCNN, RowRNN, RowTransformer
from course_lib.models.autoregressive import Autoregressive, MaskedConv2d, draw

SHAPE = (1, 5, 6)
NETWORKS = {
    "logistic": partial(MADE, depth=0),
    "MADE": partial(MADE, units=40),
    "deep MADE": partial(MADE, units=40, depth=3),
    "row LSTM": partial(RowRNN, hidden=16, units=13),
    "row GRU": partial(RowRNN, hidden=16, units=13, depth=1, above=0, cell=nn.GRU),
    "row RNN with labels": partial(RowRNN, hidden=16, units=13, above=7, classes=3),
    "row transformer": partial(RowTransformer, hidden=16, units=13),
    "PixelCNN": partial(PixelCNN, channels=6, layers=4, kernel=3),
    "gated PixelCNN": partial(GatedPixelCNN, channels=6, layers=6, kernel=3),
}


@pytest.fixture(params=NETWORKS)
def make(request):
    """Builds one of the networks for images of another size: make(shape)."""

    def make(shape, **options):
        network = NETWORKS[request.param](shape, **options).eval()
        with torch.no_grad():  # far from the start, where outputs hardly depend on inputs
            for weight in network.parameters():
                weight.add_(0.3 * torch.randn_like(weight))
        return network

    return make


def jacobian(network):
    """d output / d input of every pair of pixels in raster order, (H*W, H*W), at a random image."""
    x = torch.rand(1, *network.shape, dtype=torch.float64)
    pixels = x.numel()
    return torch.autograd.functional.jacobian(lambda x: network(x)[0, 0], x).reshape(pixels, pixels)


def every_image(height, width):
    """All binary images of that size, float64 (2^(height*width), 1, height, width)."""
    bits = torch.arange(2 ** (height * width))[:, None] >> torch.arange(height * width) & 1
    return bits.double().view(-1, 1, height, width)


def total(network, *labels):
    """The sum of the probabilities of all images of 3 x 3."""
    x = every_image(3, 3)
    logits = network(x, *labels)
    nats = nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)
    return (-nats).exp().sum().item()


def test_no_output_depends_on_its_own_pixel_or_a_later_one(make):
    assert jacobian(make(SHAPE).double()).triu().abs().max() == 0


def test_every_output_depends_on_every_pixel_before_unless_there_is_a_blind_spot(make):
    network = make(SHAPE).double()
    seen = jacobian(network).abs() > 1e-12
    before = torch.ones_like(seen).tril(-1)
    assert (seen == before).all() != isinstance(network, PixelCNN)


def test_the_probabilities_of_all_images_add_up_to_one(make):
    assert total(make((1, 3, 3)).double()) == pytest.approx(1, abs=1e-12)


def test_they_add_up_to_one_for_each_label():
    network = NETWORKS["row RNN with labels"]((1, 3, 3)).double()
    for label in (-1, 0, 2):
        assert total(network, torch.full((512,), label)) == pytest.approx(1, abs=1e-12)


def test_several_parameters_a_pixel_are_as_causal(make):
    network = make(SHAPE, params_per_channel=3).double()
    x = torch.rand(1, *SHAPE, dtype=torch.float64)
    assert network(x).shape == (1, 3, 5, 6)
    found = torch.autograd.functional.jacobian(lambda x: network(x)[0], x).reshape(3, 30, 30)
    assert found.triu().abs().max() == 0
    assert (found.abs().sum((1, 2)) > 0).all()


def test_blind_spot_of_square_masks():
    """Whatever the depth, the pixel two to the right in the row above is not seen from kernels of 3."""
    deep = jacobian(PixelCNN((1, 9, 9), channels=4, layers=9, kernel=3).double()).view(9, 9, 9, 9)[4, 4].abs() > 0
    assert deep[3].tolist() == [True] * 6 + [False] * 3  # as far left as one likes, to the right by one
    assert deep[2].tolist() == [True] * 7 + [False] * 2  # a cone
    gated = jacobian(GatedPixelCNN((1, 9, 9), channels=4, layers=9, kernel=3).double()).view(9, 9, 9, 9)[4, 4].abs() > 0
    assert gated[:4].all()
    assert gated[4].tolist() == [True] * 4 + [False] * 5


@pytest.mark.parametrize(
    "spoil",
    [
        lambda network: network.first.mask.copy_(network.layers[0].mask),  # mask B in the first layer
        lambda network: [layer.mask.fill_(1) for layer in network.layers],  # none at all
        lambda network: network.layers[0].mask[1, 2].fill_(1),  # one pixel to the right
    ],
)
def test_mask_bugs_are_caught_by_both_tests(spoil):
    network = PixelCNN((1, 3, 3), channels=4, layers=2, kernel=3).double()
    with torch.no_grad():
        spoil(network)
    assert jacobian(network).triu().abs().max() > 0
    assert abs(total(network) - 1) > 1e-3


def test_masks_are_those_of_the_paper():
    a, b = (MaskedConv2d(1, 1, 5, own=own).mask for own in (False, True))
    assert a.flatten().tolist() == [1] * 12 + [0] * 13
    assert b.flatten().tolist() == [1] * 13 + [0] * 12


def test_a_memory_of_rows_is_torchs():
    network = RowRNN((1, 4, 5), hidden=7, units=6, cell=nn.GRU)
    x = torch.rand(2, 1, 4, 5)
    rows = torch.cat([torch.zeros(2, 1, 5), x[:, 0, :3]], 1)
    torch.testing.assert_close(network.memory(rows), network.memory.layer(rows)[0])


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_drawing_with_what_is_kept_equals_drawing_anew(make, temperature):
    network = make(SHAPE)
    drawn = [
        draw(network, 16, generator=torch.Generator().manual_seed(3), temperature=temperature, walk=walk)
        for walk in (None, partial(Autoregressive.walk, network))
    ]
    assert torch.equal(*drawn)
    assert drawn[0].unique().tolist() == [0, 1]


def test_draws_are_as_frequent_as_the_probabilities_say(make):
    network = make((1, 2, 2))
    drawn = draw(network, 20_000, generator=torch.Generator().manual_seed(0))
    images = every_image(2, 2).float()
    places = (drawn.flatten(1) @ (2.0 ** torch.arange(4))).long()
    logits = network(images)
    nats = nn.functional.binary_cross_entropy_with_logits(logits, images, reduction="none").flatten(1).sum(1)
    frequencies = torch.bincount(places, minlength=16) / len(drawn)
    assert (frequencies - (-nats).exp()).abs().max() < 0.015


def test_labels_reach_the_draws():
    network = RowRNN(SHAPE, hidden=8, units=12, classes=2)
    with torch.no_grad():
        network.memory.layer.weight_ih_l0[:, -2:] += torch.tensor([-9.0, 9.0])
        network.head.direct.weight[:, :8] = -9 * network.head.direct.mask[:, :8]
    drawn = draw(network, 40, labels=torch.arange(40) % 2, generator=torch.Generator().manual_seed(0)).flatten(1).mean(1)
    assert abs(drawn[::2].mean() - drawn[1::2].mean()) > 0.3


def test_what_is_kept_stays_and_the_rest_is_drawn_given_it(make):
    network = make(SHAPE)
    keep = torch.zeros(5, 6, dtype=torch.bool)
    keep[:2], keep[2, :3] = True, True
    given = torch.bernoulli(torch.full((9, *SHAPE), 0.5))
    drawn = draw(network, 9, given=given, keep=keep)
    assert torch.equal(drawn[:, 0, keep], given[:, 0, keep])
    again = draw(network, 9, given=drawn, keep=torch.ones(5, 6, dtype=torch.bool))
    assert torch.equal(again, drawn)


def test_a_low_temperature_takes_the_likelier_value(make):
    network = make(SHAPE)
    drawn = draw(network, 3, temperature=1e-4)
    assert torch.equal(drawn, (network(drawn) > 0).float())


def test_weights_are_saved_and_read_back(make, tmp_path):
    from course_lib import checkpoints

    network, other = make(SHAPE), make(SHAPE)
    x = torch.bernoulli(torch.full((2, *SHAPE), 0.5))
    assert not torch.equal(network(x), other(x))
    checkpoints.save_weights(network, tmp_path / "network.safetensors")
    checkpoints.load_weights(other, tmp_path / "network.safetensors")
    torch.testing.assert_close(network(x), other(x), rtol=0, atol=0)


def test_another_image_size_is_refused(make):
    network = make(SHAPE)
    with pytest.raises(ValueError, match=r"expects images \(B, 1, 5, 6\), got \(2, 1, 6, 5\); resize the images"):
        network(torch.zeros(2, 1, 6, 5))
    with pytest.raises(ValueError, match=r"one channel, shape \(1, H, W\), got \(3, 5, 6\)"):
        make((3, 5, 6))


@pytest.mark.parametrize("temperature", [0, -1.0, float("nan")])
def test_a_temperature_of_zero_or_less_is_refused(temperature):
    with pytest.raises(ValueError, match="Expected a temperature above 0"):
        draw(MADE(SHAPE), 1, temperature=temperature)


def test_masks_that_fit_no_completion_are_refused():
    given, upper = torch.zeros(2, *SHAPE), torch.zeros(5, 6, dtype=torch.bool)
    upper[:2] = True
    with pytest.raises(ValueError, match=r"a bool mask \(5, 6\) of the pixels to keep, got torch.bool \(6, 5\)"):
        draw(MADE(SHAPE), 2, given=given, keep=upper.T)
    with pytest.raises(ValueError, match=r"a bool mask .* got torch.float32"):
        draw(MADE(SHAPE), 2, given=given, keep=upper.float())
    with pytest.raises(ValueError, match="kept pixels to come before all others"):
        draw(MADE(SHAPE), 2, given=given, keep=~upper)
    with pytest.raises(ValueError, match=r"Expected images \(2, 1, 5, 6\) of which the kept pixels stay, got none"):
        draw(MADE(SHAPE), 2, keep=upper)
    with pytest.raises(ValueError, match=r"got \(1, 1, 5, 6\)"):
        draw(MADE(SHAPE), 2, given=given[:1], keep=upper)


@pytest.mark.parametrize("labels", [torch.zeros(3), torch.tensor([0, 1]), torch.tensor([0, 1, 3]), torch.tensor([0, 1, -2])])
def test_labels_that_fit_no_class_are_refused(labels):
    network = RowRNN(SHAPE, hidden=8, units=12, classes=3)
    with pytest.raises(ValueError, match="Expected a label from 0 to 2 for each of 3 images, or -1 for none"):
        network(torch.zeros(3, *SHAPE), labels)
    with pytest.raises(ValueError, match="built without: build it with classes="):
        RowRNN(SHAPE, hidden=8, units=12)(torch.zeros(3, *SHAPE), labels)


def test_no_label_is_minus_one():
    network = RowRNN(SHAPE, hidden=8, units=12, classes=3)
    x = torch.bernoulli(torch.full((2, *SHAPE), 0.5))
    torch.testing.assert_close(network(x), network(x, torch.tensor([-1, -1])))
    assert not torch.equal(network(x), network(x, torch.tensor([0, 1])))
