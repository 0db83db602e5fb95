"""The Keras twins of the generator and the discriminator, and the game that they play, against the torch pair."""

import copy

import pytest
import torch
from torch import nn

from course_lib import gan_losses, runtime
from course_lib.models import Discriminator, Generator

import keras  # isort: skip  (course_lib chooses the backend first)
from course_lib import keras_twins  # isort: skip


@pytest.fixture(autouse=True)
def cpu():
    runtime.configure(device="cpu", precision="fp32")
    with keras.device("cpu"):
        yield


SHAPE, LATENT = (3, 16, 24), 5


def channels_last(images):
    return images.permute(0, 2, 3, 1).contiguous()


def pairs():
    """A torch generator and discriminator whose weights are not small, and their twins."""
    generator = Generator(SHAPE, latent_dim=LATENT, width=4, stages=3)
    discriminator = Discriminator(SHAPE, width=4, stages=2)
    for module in (generator, discriminator):
        for parameter in module.parameters():
            nn.init.normal_(parameter, std=0.3)
    for layer in generator.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean, -1, 1)
            nn.init.uniform_(layer.running_var, 0.5, 2)
    _, height, width = SHAPE
    twins = (
        keras_twins.generator((height, width, 3), latent_dim=LATENT, width=4, stages=3),
        keras_twins.discriminator((height, width, 3), width=4, stages=2),
    )
    return (generator, discriminator), tuple(map(keras_twins.copy_weights, (generator, discriminator), twins))


def test_twins_are_of_one_size_at_the_chapters_shape():
    for ours, theirs in (
        (Generator((3, 64, 64), width=32, stages=3), keras_twins.generator()),
        (Discriminator((3, 64, 64), stages=2), keras_twins.discriminator()),
    ):
        assert sum(p.numel() for p in ours.parameters()) == sum(w.value.numel() for w in theirs.trainable_weights)
    assert keras_twins.generator().output_shape == (None, 64, 64, 3)
    assert keras_twins.discriminator().output_shape == (None, 1)


@pytest.mark.parametrize("training", [False, True])
def test_the_generators_make_the_same_images(training):
    (generator, _), (twin, _) = pairs()
    z = torch.randn(6, LATENT)
    images = generator.train(training)(z)
    assert images.std() > 0.1
    torch.testing.assert_close(twin(z, training=training), channels_last(images), rtol=1e-4, atol=1e-5)


def test_the_discriminators_and_all_gradients_are_the_same():
    (generator, discriminator), (twin, judge) = pairs()
    z = torch.randn(6, LATENT)
    ours, theirs = discriminator(generator(z)), judge(twin(z, training=True))
    torch.testing.assert_close(theirs.squeeze(1), ours, rtol=1e-4, atol=1e-4)
    ours.square().mean().backward()
    theirs.square().mean().backward()
    for module, network, build in (
        (generator, twin, lambda: keras_twins.generator((16, 24, 3), latent_dim=LATENT, width=4)),
        (discriminator, judge, lambda: keras_twins.discriminator((16, 24, 3), width=4)),
    ):
        slopes = copy.deepcopy(module)
        with torch.no_grad():
            for slope, parameter in zip(slopes.parameters(), module.parameters(), strict=True):
                slope.copy_(parameter.grad)
        expected = keras_twins.copy_weights(slopes, build())
        for variable, slope in zip(network.trainable_weights, expected.trainable_weights, strict=True):
            assert variable.value.grad.any()
            scale = slope.value.abs().max().item()
            torch.testing.assert_close(variable.value.grad, slope.value.detach(), rtol=1e-3, atol=1e-4 * scale)


def test_one_round_of_both_players_leaves_the_same_weights():
    (generator, discriminator), twins = pairs()
    real, z = torch.rand(6, *SHAPE) * 2 - 1, torch.randn(6, LATENT)
    gan = keras_twins.GAN(*twins)
    gan.compile(*(keras.optimizers.SGD(0.05) for _ in range(2)))
    before = [weight.value.detach().clone() for player in twins for weight in player.trainable_weights]
    logged = gan.play(channels_last(real), z)

    fake = generator(z)
    optimizers = [torch.optim.SGD(player.parameters(), lr=0.05) for player in (discriminator, generator)]
    losses = []
    for player, optimizer in zip((discriminator, generator), optimizers, strict=True):
        if player is discriminator:
            loss = gan_losses.non_saturating.discriminator(discriminator(real), discriminator(fake.detach())).mean()
        else:
            loss = gan_losses.non_saturating.generator(discriminator(fake)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert [logged[f"{name}_loss"].item() for name in ("discriminator", "generator")] == pytest.approx(losses, rel=1e-4)

    moved = [weight.value.detach() for player in twins for weight in player.trainable_weights]
    assert max((a - b).abs().max() for a, b in zip(moved, before, strict=True)) > 1e-3
    fresh = keras_twins.generator((16, 24, 3), latent_dim=LATENT, width=4), keras_twins.discriminator((16, 24, 3), width=4)
    for module, twin, build in zip((generator, discriminator), twins, fresh, strict=True):
        expected = keras_twins.copy_weights(module, build)
        for weight, value in zip(twin.weights, expected.weights, strict=True):
            # torch keeps the unbiased variance of a batch, Keras the biased one: 36 values of a channel at the first layer
            tolerance = 5e-3 if weight.name == "moving_variance" else 1e-4
            torch.testing.assert_close(weight.value.detach(), value.value.detach(), rtol=tolerance, atol=1e-4, msg=weight.path)


def test_fit_moves_both_players():
    _, twins = pairs()
    gan = keras_twins.GAN(*twins)
    gan.compile(*(keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in range(2)))
    before = [player.weights[0].value.detach().clone() for player in twins]
    history = gan.fit((torch.rand(8, 16, 24, 3) * 2 - 1).numpy(), batch_size=4, epochs=2, verbose=0).history
    assert history.keys() == {"discriminator_loss", "generator_loss"}
    assert all((player.weights[0].value - old).abs().max() > 1e-5 for player, old in zip(twins, before, strict=True))
    assert [len(values) for values in history.values()] == [2, 2]


def test_twins_of_other_stages_do_not_pair_up():
    with pytest.raises(ValueError, match="Expected layers of the same shapes in both models"):
        keras_twins.copy_weights(Generator(SHAPE, latent_dim=LATENT, width=4, stages=2), pairs()[1][0])
