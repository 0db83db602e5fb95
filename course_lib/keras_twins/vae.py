"""The variational autoencoder in Keras."""

import math

import keras
import torch

from ..models.vae import LOGVAR_LIMIT


def dense_vae(
    shape: tuple[int, int, int] = (28, 28, 1), *, latent_dim: int = 32, hidden: tuple[int, ...] = (256, 128)
) -> "VAE":
    """The twin of `course_lib.models.dense_vae`, in Keras' layout: 784 - 256 - 128 - z - 128 - 256 - 784.

    shape: (H, W, C) of the images.
    latent_dim: the number of latent dimensions.
    hidden: units of the encoder's hidden layers.
    """
    size = math.prod(shape)
    encoder = [keras.Input(shape), keras.layers.Flatten()]
    encoder += [keras.layers.Dense(units, activation="relu") for units in hidden]
    decoder = [keras.Input((latent_dim,))]
    decoder += [keras.layers.Dense(units, activation="relu") for units in reversed(hidden)]
    return VAE(
        keras.Sequential([*encoder, keras.layers.Dense(2 * latent_dim)]),
        keras.Sequential([*decoder, keras.layers.Dense(size), keras.layers.Reshape(shape)]),
    )


class VAE(keras.Model):
    """The twin of `course_lib.models.VAE` under `course_lib.objectives.VariationalBound`: it adds the KL to the loss itself.

    compile(optimizer, loss=bernoulli_nll), then fit(x, x), x (N, H, W, C) in 0..1: the loss that `fit` shows is minus the
    bound, in nats an image.

    encoder: images (B, H, W, C) to (B, 2 latent_dim), means and log variances.
    decoder: z (B, latent_dim) to logits (B, H, W, C).
    """

    def __init__(self, encoder: keras.Model, decoder: keras.Model):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.seed = keras.random.SeedGenerator(0)
        self.built = True  # both networks are; there is nothing else to build

    def call(self, x, noise=None):
        mean, logvar = keras.ops.split(self.encoder(x), 2, axis=-1)  # (B, D) each
        logvar = keras.ops.clip(logvar, -LOGVAR_LIMIT, LOGVAR_LIMIT)
        if noise is None:
            noise = keras.random.normal(keras.ops.shape(mean), seed=self.seed)
        kl = 0.5 * (keras.ops.square(mean) + keras.ops.exp(logvar) - 1 - logvar)  # (B, D)
        self.add_loss(keras.ops.mean(keras.ops.sum(kl, axis=-1)))
        return self.decoder(mean + keras.ops.exp(logvar / 2) * noise)


def bernoulli_nll(x: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Minus the twin of `course_lib.likelihoods.Bernoulli.log_prob`: nats an image, (B,).

    x: images (B, H, W, C) in 0..1.
    logits: (B, H, W, C), what the decoder gives.
    """
    return keras.ops.sum(keras.ops.binary_crossentropy(x, logits, from_logits=True), axis=(1, 2, 3))
