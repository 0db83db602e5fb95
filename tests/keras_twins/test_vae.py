"""The Keras twin of the dense VAE and its bound, against the torch pair."""

import copy

import pytest
import torch
from torch import nn

from course_lib import likelihoods, losses, runtime
from course_lib.models import dense_vae

import keras  # isort: skip  (course_lib chooses the backend first)
from course_lib import keras_twins  # isort: skip


@pytest.fixture(autouse=True)
def cpu():
    runtime.configure(device="cpu", precision="fp32")
    with keras.device("cpu"):
        yield


LATENT, HIDDEN = 3, (16, 8)


def pair():
    """A torch VAE whose weights are not small, and its twin with the same weights."""
    vae = dense_vae((1, 6, 4), latent_dim=LATENT, hidden=HIDDEN)
    for parameter in vae.parameters():
        nn.init.normal_(parameter, std=0.3)
    return vae, copied(vae)


def copied(vae):
    twin = keras_twins.dense_vae((6, 4, 1), latent_dim=LATENT, hidden=HIDDEN)
    keras_twins.copy_weights(vae.encoder, twin.encoder)
    keras_twins.copy_weights(vae.decoder, twin.decoder)
    twin.compile(keras.optimizers.SGD(0.01), loss=keras_twins.bernoulli_nll)
    return twin


def channels_last(images):
    return images.permute(0, 2, 3, 1).contiguous()


def test_twins_are_of_one_size_at_the_chapters_shape():
    expected = sum(p.numel() for p in dense_vae().parameters())
    assert keras_twins.dense_vae().count_params() == expected


def test_outputs_loss_and_all_gradients_are_the_same():
    vae, twin = pair()
    x, noise = torch.rand(5, 1, 6, 4), torch.randn(5, LATENT)
    logits, mean, logvar = vae(x, noise)
    bound = (losses.gaussian_kl(mean, logvar).sum(1) - likelihoods.Bernoulli().log_prob(logits, x)).mean()
    theirs = twin(channels_last(x), noise)
    torch.testing.assert_close(theirs, channels_last(logits))
    loss = twin.compute_loss(y=channels_last(x), y_pred=theirs)
    torch.testing.assert_close(loss, bound)

    bound.backward()
    loss.backward()
    slopes = copy.deepcopy(vae)
    with torch.no_grad():
        for slope, parameter in zip(slopes.parameters(), vae.parameters(), strict=True):
            slope.copy_(parameter.grad)
    expected = copied(slopes)
    assert len(twin.trainable_weights) == 12
    for variable, slope in zip(twin.trainable_weights, expected.trainable_weights, strict=True):
        assert variable.value.grad.any()
        torch.testing.assert_close(variable.value.grad, slope.value.detach(), rtol=1e-4, atol=1e-4)


def test_the_log_variance_is_held_as_in_torch():
    vae, _ = pair()
    with torch.no_grad():
        vae.encoder[-1].bias.fill_(1e4)
    twin = copied(vae)
    x, noise = torch.rand(2, 1, 6, 4), torch.zeros(2, LATENT)
    twin(channels_last(x), noise)
    _, mean, logvar = vae(x, noise)
    torch.testing.assert_close(twin.losses[0], losses.gaussian_kl(mean, logvar).sum(1).mean())


def test_fit_adds_the_kl_and_learns():
    _, twin = pair()
    x = torch.rand(32, 6, 4, 1).round().numpy()
    history = twin.fit(x, x, batch_size=8, epochs=6, verbose=0).history["loss"]
    assert history[-1] < history[0]
    nll = keras_twins.bernoulli_nll(torch.from_numpy(x), twin(torch.from_numpy(x))).mean().item()
    (kl,) = twin.losses
    assert kl.item() > 0.01
    assert twin.evaluate(x, x, verbose=0) == pytest.approx(nll + kl.item(), rel=0.1)  # other noise
    assert not torch.equal(twin(torch.from_numpy(x)), twin(torch.from_numpy(x)))
