"""What the chapter From article to working code says is right stays so: a test for each of its sections, named there."""

import ast
import importlib.metadata
import math
import os
import re
import subprocess
import sys
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from pybtex.database import parse_file
from torch import nn

from course_lib import data, gan_losses, likelihoods, losses, runtime
from course_lib.models import MLP, ConvNet, Discriminator, Generator, conv_vae, dense_vae
from course_lib.objectives import Adversarial, Classification, VariationalBound
from course_lib.trainer import Trainer

import keras  # isort: skip  (course_lib chooses the backend first)
from course_lib import keras_twins  # isort: skip

CHAPTER = Path(__file__).parents[2] / "book" / "text" / "09c_corrections.md"


def sides(network, x):
    """The side of the map before the first layer of a network and after each."""
    found = [x.shape[-1]]
    for layer in network:
        x = layer(x)
        if x.ndim == 4:
            found.append(x.shape[-1])
    return found


def test_every_section_of_the_chapter_names_a_test_of_this_file():
    named = set(re.findall(r"`(?:tests/book/test_corrections\.py::)?(test_\w+)`", CHAPTER.read_text()))
    assert named == {name for name in globals() if name.startswith("test_")} - {
        "test_every_section_of_the_chapter_names_a_test_of_this_file",
        "test_the_chapter_counts_its_sections",
    }


def test_a_convolution_sums_over_channels_and_both_offsets():
    x, w, b = torch.rand(3, 6, 7), torch.rand(4, 3, 3, 2), torch.rand(4)
    y = torch.empty(4, 4, 6)
    for o in range(4):
        for i in range(4):
            for j in range(6):
                y[o, i, j] = b[o] + sum(
                    w[o, c, u, v] * x[c, i + u, j + v] for c in range(3) for u in range(3) for v in range(2)
                )
    torch.testing.assert_close(y, nn.functional.conv2d(x[None], w, b)[0])


def test_pooling_takes_the_maximum_of_each_window():
    x = torch.randn(2, 6, 6)
    by_hand = torch.stack([x[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].amax((1, 2)) for i in range(3) for j in range(3)], dim=1)
    torch.testing.assert_close(by_hand.view(2, 3, 3), nn.functional.max_pool2d(x, 2))


def test_pooling_has_no_parameters():
    network, pool = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3)), nn.MaxPool2d(2)
    assert list(pool.parameters()) == []
    x = torch.rand(2, 1, 12, 12)
    assert pool(network[0](x)).shape[2:] == (5, 5)  # it is the map that shrinks
    with_pool = nn.Sequential(network[0], pool, network[1])
    assert sum(p.numel() for p in with_pool.parameters()) == sum(p.numel() for p in network.parameters())


def test_the_classifier_has_three_convolutions():
    found = [layer.out_channels for layer in ConvNet().modules() if isinstance(layer, nn.Conv2d)]
    assert found == [32, 64, 64]
    with keras.device("cpu"):
        twin = [layer.filters for layer in keras_twins.cnn().layers if isinstance(layer, keras.layers.Conv2D)]
    assert twin == found


def test_softmax_of_a_linear_layer_is_blind_to_the_order_of_pixels():
    x, order = torch.rand(4, 1, 28, 28), torch.randperm(784)
    shuffled = x.flatten(1)[:, order].view_as(x)
    linear = MLP((784, 10))
    trained_on_shuffled = MLP((784, 10))
    with torch.no_grad():
        trained_on_shuffled.layers[0].weight.copy_(linear.layers[0].weight[:, order])
        trained_on_shuffled.layers[0].bias.copy_(linear.layers[0].bias)
    torch.testing.assert_close(trained_on_shuffled(shuffled), linear(x))
    network = ConvNet().eval()
    torch.testing.assert_close(network.head(network.features(x)), network(x))
    assert (network(shuffled) - network(x)).abs().max() > 1e-3


def test_a_linear_generator_makes_a_gaussian_and_a_deep_one_need_not():
    z = torch.randn(20_000, 2)
    linear, deep = MLP((2, 2)), MLP((2, 16, 2))
    with torch.no_grad():
        made = linear(z) - linear(torch.zeros(1, 2))
        kurtosis = made.pow(4).mean(0) / made.square().mean(0).square()
        torch.testing.assert_close(kurtosis, torch.full((2,), 3.0), atol=0.2, rtol=0)  # that of every Gaussian
        torch.testing.assert_close(linear(z) + linear(-z), 2 * linear(torch.zeros(20_000, 2)))  # opposite its mean
        assert (deep(z) + deep(-z)).std(0).min() > 0.01


@pytest.mark.parametrize(
    "game", [gan_losses.minimax, gan_losses.non_saturating, gan_losses.hinge, gan_losses.wasserstein, gan_losses.smoothed()]
)
def test_the_discriminator_needs_both_terms(game):
    real, fake = torch.zeros(3, requires_grad=True), torch.zeros(3, requires_grad=True)
    game.discriminator(real, fake).sum().backward()
    assert (real.grad < 0).all()  # a step down the slope calls real images real
    assert (fake.grad > 0).all()  # and generated ones generated


def test_the_generator_s_gradient_where_it_loses():
    for logit in (-6.0, -10.0):
        fake = torch.tensor(logit, requires_grad=True)
        (minimax,) = torch.autograd.grad(gan_losses.minimax.generator(fake), fake)
        (other,) = torch.autograd.grad(gan_losses.non_saturating.generator(fake), fake)
        assert minimax < 0
        assert other < 0
        assert other / minimax == pytest.approx(math.exp(-logit), rel=1e-3)


@pytest.mark.parametrize(("shape", "stages"), [((1, 28, 28), 2), ((3, 32, 32), 3), ((3, 16, 24), 2)])
def test_a_generator_reaches_the_shape_and_range_of_the_data(shape, stages):
    images = Generator(shape, latent_dim=100, width=4, stages=stages)(30 * torch.randn(8, 100))
    assert images.shape == (8, *shape)
    assert images.abs().max() <= 1
    assert images.min() < 0 < images.max()


def test_every_layer_of_a_generator_keeps_or_doubles_the_side():
    generator = Generator((3, 32, 32), latent_dim=5, width=4, stages=3)
    start = torch.randn(2, *generator.start)
    found = sides(generator.layers, start)
    assert found[0] == 4
    assert found[-1] == 32
    assert all(after in (before, 2 * before) for before, after in pairwise(found))


def test_padding_one_halves_the_side_and_padding_two_does_not():
    x = torch.rand(1, 3, 32, 32)

    def three(padding):
        return [nn.Conv2d(inputs, outputs, 4, 2, padding=padding) for inputs, outputs in ((3, 4), (4, 4), (4, 4))]

    assert sides(three(1), x) == [32, 16, 8, 4]
    assert sides(three(2), x) == [32, 17, 9, 5]
    assert sides(Discriminator((3, 32, 32), width=4, stages=3).layers, x)[-1] == 4
    with pytest.raises(ValueError, match=r"expects images \(B, 3, 32, 32\), got \(1, 3, 28, 28\)"):
        Discriminator((3, 32, 32), width=4, stages=3)(torch.rand(1, 3, 28, 28))


def test_discriminators_and_encoders_shrink_their_maps():
    x = torch.rand(2, 1, 28, 28)
    for network in (Discriminator(width=4).layers, conv_vae(latent_dim=2, width=4, hidden=8).encoder):
        found = sides(network, x)
        assert found == sorted(found, reverse=True)
        assert found[-1] == 7


def test_each_player_s_step_changes_that_player_alone():
    gan = Adversarial(MLP((2, 8, 2)), MLP((2, 8, 1)), latent_dim=2)
    trainer = Trainer(gan, partial(torch.optim.SGD, lr=0.1), batch_size=8, progress=False)
    batch = data.ring_of_gaussians(8).batch(slice(None))

    def weights(part):
        return torch.cat([p.detach().flatten() for p in part.parameters()])

    moved = []
    for part, loss in gan.losses(batch):
        before = {name: weights(player) for name, player in trainer.parts.items()}
        trainer.optimizers[part].zero_grad()
        loss.mean().backward(inputs=list(trainer.parts[part].parameters()))
        trainer.optimizers[part].step()
        changed = {name for name, player in trainer.parts.items() if not torch.equal(before[name], weights(player))}
        assert changed == {part}
        moved.append(part)
    assert moved == ["discriminator", "generator"]


def test_a_discriminator_takes_what_its_generator_makes():
    shape = (3, 16, 24)
    images = Generator(shape, latent_dim=5, width=4)(torch.randn(4, 5))
    assert images.shape == (4, *shape)
    assert Discriminator(shape, width=4)(images).shape == (4,)
    with keras.device("cpu"):
        generator = keras_twins.generator((16, 24, 3), latent_dim=5, width=4, stages=2)
        discriminator = keras_twins.discriminator((16, 24, 3), width=4, stages=2)
        assert generator.output_shape == discriminator.input_shape == (None, 16, 24, 3)
        assert discriminator(generator(np.zeros((4, 5), "float32"))).shape == (4, 1)


def test_categorical_cross_entropy_of_one_output_is_always_zero():
    with pytest.warns(SyntaxWarning, match="num_classes > 1"), keras.device("cpu"):
        loss = keras.losses.CategoricalCrossentropy()(np.ones((3, 1)), np.array([[0.01], [0.5], [0.99]]))
    assert float(loss) == pytest.approx(0, abs=1e-5)


def test_keras_takes_an_activation_in_a_layer_and_not_in_add():
    with keras.device("cpu"):
        with pytest.raises(TypeError, match="activation"):
            keras.Sequential().add(keras.layers.Dense(2), activation="relu")
        layer = keras.layers.Dense(2, activation="relu")
        assert layer.activation is keras.activations.relu


def test_every_code_example_of_the_book_is_complete():
    """What is printed and not run, an exercise's faulty lines among them, is at least Python: every bracket is closed."""
    texts = "".join(path.read_text() for path in sorted(CHAPTER.parent.glob("*.md")))
    examples = re.findall(r"^```python\n(.*?)^```", texts, re.DOTALL | re.MULTILINE)
    assert examples
    for example in examples:
        ast.parse(example)


def test_an_adversarial_network_learns_the_colour_of_a_photograph():
    sky = data.photograph(shrink=16)[:, :10]  # bright: the mean is far from an untrained generator's, which is 0
    patches = data.crops(sky, 8, count=256).with_value_range(-1, 1)
    shape = (3, 8, 8)
    painter = Adversarial(Generator(shape, latent_dim=8, width=8), Discriminator(shape, width=8), latent_dim=8)
    bright = patches.batch(slice(None))[0].mean().item()
    assert bright > 0.3
    adam = partial(torch.optim.Adam, lr=2e-3, betas=(0.5, 0.99))
    Trainer(painter, adam, batch_size=32, progress=False).fit(patches, 20)
    drawn = painter.eval().sample(64, torch.Generator().manual_seed(0)).mean().item()
    assert drawn == pytest.approx(bright, abs=bright / 2)


def test_dense_works_on_the_last_axis():
    with keras.device("cpu"):
        dense = keras.layers.Dense(256)
        assert dense(np.zeros((2, 28, 28, 1), "float32")).shape == (2, 28, 28, 256)
        assert dense.count_params() == 512
    assert dense_vae(latent_dim=3).encode(torch.rand(2, 1, 28, 28))[0].shape == (2, 3)


def test_the_kl_term_in_closed_form():
    mean, logvar = torch.randn(2, 4, 3).unbind(0)
    q, p = torch.distributions.Normal(mean, (logvar / 2).exp()), torch.distributions.Normal(0.0, 1.0)
    expected = torch.distributions.kl_divergence(q, p)
    torch.testing.assert_close((mean**2 + logvar.exp() - 1 - logvar) / 2, expected)
    torch.testing.assert_close(losses.gaussian_kl(mean, logvar), expected)
    bound = VariationalBound(dense_vae((1, 4, 4), latent_dim=2, hidden=(8,)), likelihood=likelihoods.Bernoulli())
    found = bound.metrics((torch.rand(3, 1, 4, 4), None))
    assert (found["rate"] > 0).all()
    torch.testing.assert_close(found["loss"], found["distortion"] + found["rate"])


@pytest.mark.parametrize("make", [dense_vae, conv_vae])
def test_rectified_ends_cannot_describe_a_narrow_code(make):
    mean, logvar = make().encode(torch.rand(64, 1, 28, 28))
    assert mean.min() < 0 < mean.max()
    assert logvar.min() < 0 < logvar.max()  # variances below one, and above
    broad = torch.zeros(1, 1, requires_grad=True)  # the narrowest code of a rectified end: a deviation of one
    (slope,) = torch.autograd.grad(torch.exp(broad.relu() / 2).sum(), broad)
    assert slope == 0  # and no way to a narrower one


def test_a_gradient_reaches_the_encoder_through_the_sample():
    vae = dense_vae((1, 4, 4), latent_dim=2, hidden=(8,))
    parameters, *_ = vae(torch.rand(3, 1, 4, 4), torch.randn(3, 2))
    parameters.square().mean().backward()  # a loss of the decoder's output alone
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in vae.encoder.parameters())


def test_a_code_is_drawn_from_the_encoder_s_distribution():
    vae = dense_vae((1, 4, 4), latent_dim=2, hidden=(8,))
    vae.decoder = nn.Identity()  # so that what comes out is the code
    x = torch.rand(1, 1, 4, 4).expand(20_000, -1, -1, -1)
    with torch.no_grad():
        z, mean, logvar = vae(x, torch.randn(20_000, 2))
    torch.testing.assert_close(z.mean(0), mean[0], atol=0.05, rtol=0)
    torch.testing.assert_close(z.std(0), (logvar[0] / 2).exp(), atol=0.05, rtol=0)


def test_a_reward_is_not_a_likelihood():
    shares = torch.tensor([0.5, 0.3, 0.2])
    logits = torch.zeros(3, requires_grad=True)
    expected_reward = (logits.softmax(0) * shares).sum()
    log_likelihood = (logits.log_softmax(0) * shares).sum()
    (to_reward,) = torch.autograd.grad(expected_reward, logits)
    (to_likelihood,) = torch.autograd.grad(log_likelihood, logits)
    torch.testing.assert_close(to_likelihood, shares - 1 / 3)
    at_the_shares = shares.log().requires_grad_()
    (rest,) = torch.autograd.grad((at_the_shares.log_softmax(0) * shares).sum(), at_the_shares)
    torch.testing.assert_close(rest, torch.zeros(3))  # likelihood is content with the shares of the data
    (further,) = torch.autograd.grad((at_the_shares.softmax(0) * shares).sum(), at_the_shares)
    assert further[0] > 0.01  # a reward still asks for more of the most common
    assert to_reward.argmax() == 0


def test_a_row_s_probabilities_depend_on_the_rows_above_alone():
    gru = nn.GRU(28, 8, batch_first=True)
    rows = torch.rand(2, 28, 28)
    changed = rows.clone()
    changed[:, 10:] = 0
    before, after = gru(rows)[0], gru(changed)[0]
    torch.testing.assert_close(before[:, :10], after[:, :10])
    assert (before[:, 10:] - after[:, 10:]).abs().max() > 0.01


def test_keras_knows_no_theano():
    environment = os.environ | {"KERAS_BACKEND": "theano"}
    answer = subprocess.run([sys.executable, "-c", "import keras"], env=environment, capture_output=True, text=True)
    assert answer.returncode
    assert "theano" in answer.stderr


@pytest.mark.parametrize("activation", [lambda a: torch.sin(3 * a), torch.tanh, torch.atan])
def test_any_activation_with_a_derivative_can_learn(activation):
    class Activation(nn.Module):
        def forward(self, x):
            return activation(x)

    runtime.set_seed(0)
    moons = data.moons(200)
    adam = partial(torch.optim.Adam, lr=0.03)
    trainer = Trainer(Classification(MLP((2, 16, 2), activation=Activation)), adam, batch_size=50, progress=False)
    trainer.fit(moons, 100)
    assert trainer.evaluate(moons)["accuracy"] > 0.95


def test_the_order_of_examples_does_not_decide_what_is_fitted():
    """Ten examples, thirty weights, steps on one example: in whatever order, the least weights that fit them all."""
    x, y = torch.randn(10, 30, dtype=torch.float64), torch.randn(10, dtype=torch.float64)

    def fitted(order_of_epoch):
        w = torch.zeros(30, dtype=torch.float64)
        for _ in range(3000):
            for i in order_of_epoch():
                w += 0.02 * (y[i] - x[i] @ w) * x[i]
        return w

    for order in (lambda: torch.randperm(10), lambda: torch.arange(10)):
        torch.testing.assert_close(fitted(order), torch.linalg.pinv(x) @ y)


def test_a_sound_is_read_along_one_axis():
    sound = torch.rand(4, 1, 100)
    with pytest.raises(RuntimeError, match="to have 1 channels"):
        nn.Conv2d(1, 8, 3)(sound)
    convolution = nn.Conv1d(1, 8, 3)
    assert convolution(sound).shape == (4, 8, 98)
    later = convolution(sound.roll(1, 2))
    torch.testing.assert_close(later[:, :, 1:], convolution(sound)[:, :, :-1])


def test_packages_ask_for_a_python_and_bring_none():
    assert not {"python", "python3"} & {distribution.name.lower() for distribution in importlib.metadata.distributions()}
    for package in ("numpy", "torch", "keras"):
        assert re.match(r">=3\.\d+", importlib.metadata.metadata(package)["Requires-Python"])


def test_papers_are_cited_as_papers_and_books_as_books():
    works = parse_file(CHAPTER.parents[1] / "references.bib").entries
    assert all(works[key].type == "inproceedings" for key in ("goodfellow2014gan", "kingma2014vae"))
    assert all(work.type != "book" or work.fields["publisher"] for work in works.values())
    assert not [key for key, work in works.items() if work.type == "book" and "arxiv" in work.fields.get("url", "")]


def test_the_chapter_counts_its_sections():
    words = {24: "twenty-four", 25: "twenty-five", 26: "twenty-six"}
    text = CHAPTER.read_text()
    told = text.count("**Commonly written:**") + len(re.findall(r'^\*\*"', text, re.MULTILINE))
    assert f"collects {words[told]} such slips" in text
