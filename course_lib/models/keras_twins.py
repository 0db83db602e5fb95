"""The same networks in Keras 3 on the torch backend, and the way to copy weights across."""

import math

import keras
import torch
from torch import nn

from .vae import LOGVAR_LIMIT

if keras.backend.backend() != "torch":
    raise RuntimeError(
        f"Expected Keras on its torch backend, got {keras.backend.backend()!r}: keras was imported before course_lib. "
        "Restart the kernel and import course_lib first."
    )


def mlp(widths, *, activation="relu", dropout=0.0):
    """The twin of `course_lib.models.MLP`: (B, widths[0]) -> logits (B, widths[-1])."""
    layers = [keras.Input((widths[0],))]
    for units in widths[1:-1]:
        layers += [keras.layers.Dense(units, activation=activation), keras.layers.Dropout(dropout)]
    return keras.Sequential([*layers, keras.layers.Dense(widths[-1])])


def cnn(shape=(28, 28, 1), classes=10):
    """The twin of `course_lib.models.ConvNet`, in Keras' layout: (B, H, W, C), shape = (H, W, C) -> logits (B, classes)."""
    return keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Conv2D(32, 3, activation="relu"),  # 28 x 28 x 1 -> 26 x 26 x 32
            keras.layers.MaxPooling2D(2),  # -> 13 x 13 x 32
            keras.layers.Conv2D(64, 3, activation="relu"),  # -> 11 x 11 x 64
            keras.layers.MaxPooling2D(2),  # -> 5 x 5 x 64
            keras.layers.Conv2D(64, 3, activation="relu"),  # -> 3 x 3 x 64
            keras.layers.Flatten(),  # -> 576
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(classes),
        ]
    )


def generator(shape=(64, 64, 3), *, latent_dim=100, width=32, stages=3):
    """The twin of `course_lib.models.Generator`, in Keras' layout: noise (B, latent_dim) -> images (B, *shape) in -1..1."""
    rows, columns, channels = shape[0] // 2**stages, shape[1] // 2**stages, shape[2]
    first = width * 2 ** (stages - 1)
    layers = [keras.Input((latent_dim,)), keras.layers.Dense(rows * columns * first)]
    layers += [keras.layers.Reshape((rows, columns, first)), *_norm_and_relu()]
    for stage in reversed(range(stages - 1)):  # each doubles the sides and halves the channels
        layers.append(keras.layers.Conv2DTranspose(width * 2**stage, 4, strides=2, padding="same", use_bias=False))
        layers += _norm_and_relu()
    return keras.Sequential([*layers, keras.layers.Conv2DTranspose(channels, 4, strides=2, padding="same", activation="tanh")])


def _norm_and_relu():
    """With torch's numbers: its momentum 0.1 is the share of the new, Keras' 0.9 the share of the old."""
    return [keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5), keras.layers.ReLU()]


def discriminator(shape=(64, 64, 3), *, width=64, stages=2):
    """The twin of `course_lib.models.Discriminator`, in Keras' layout: images (B, *shape) -> logits (B, 1)."""
    layers = [keras.Input(shape)]
    for stage in range(stages):  # each halves the sides
        layers.append(keras.layers.Conv2D(width * 2**stage, 4, strides=2, padding="same"))
        layers.append(keras.layers.LeakyReLU(negative_slope=0.2))
    return keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(1)])


class GAN(keras.Model):
    """The non-saturating game with a training step of its own; the twin of `course_lib.objectives.Adversarial`.

    compile(generator_optimizer, discriminator_optimizer), then fit(real), real (N, H, W, C) in -1..1. The losses that `fit`
    shows are those of the last batch.
    """

    def __init__(self, generator, discriminator):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
        self.built = True  # both players are; there is nothing else to build

    def compile(self, generator_optimizer, discriminator_optimizer):
        super().compile()
        self.generator_optimizer, self.discriminator_optimizer = generator_optimizer, discriminator_optimizer

    def train_step(self, data):
        real = data[0] if isinstance(data, tuple) else data  # (B, H, W, C)
        return self.play(real, torch.randn(len(real), self.generator.input_shape[1], device=real.device))

    def play(self, real, z):
        """One round on real images (B, H, W, C) and noise (B, latent_dim): a step of the discriminator, then the generator."""
        fake = self.generator(z, training=True)
        on_real, on_fake = (self.discriminator(x, training=True) for x in (real, fake.detach()))  # (B, 1) each
        loss = self.cross_entropy(torch.ones_like(on_real), on_real)
        loss = loss + self.cross_entropy(torch.zeros_like(on_fake), on_fake)
        self.step(loss, self.discriminator, self.discriminator_optimizer)

        on_fake = self.discriminator(fake, training=True)
        fooled = self.cross_entropy(torch.ones_like(on_fake), on_fake)
        self.step(fooled, self.generator, self.generator_optimizer)
        return {"discriminator_loss": loss.detach(), "generator_loss": fooled.detach()}

    def step(self, loss, player, optimizer):
        """Move the weights of one player alone."""
        self.zero_grad()
        loss.backward()
        variables = player.trainable_weights
        with torch.no_grad():
            optimizer.apply([variable.value.grad for variable in variables], variables)


def dense_vae(shape=(28, 28, 1), *, latent_dim=32, hidden=(256, 128)):
    """The twin of `course_lib.models.dense_vae`, in Keras' layout: 784 - 256 - 128 - z - 128 - 256 - 784."""
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
    """

    def __init__(self, encoder, decoder):
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


def bernoulli_nll(x, logits):
    """The twin of `course_lib.likelihoods.Bernoulli.nll`: nats an image, (B,) from two (B, H, W, C)."""
    return keras.ops.sum(keras.ops.binary_crossentropy(x, logits, from_logits=True), axis=(1, 2, 3))


# What copy_weights knows: a torch layer's tensors in the order and layout of its Keras twin's weights.
IN_KERAS = {
    nn.Linear: lambda layer: [layer.weight.T, layer.bias],  # (out, in) -> (in, out)
    nn.Conv2d: lambda layer: [layer.weight.permute(2, 3, 1, 0), layer.bias],  # (out, in, h, w) -> (h, w, in, out)
    nn.ConvTranspose2d: lambda layer: [layer.weight.permute(2, 3, 1, 0), layer.bias],  # (in, out, h, w) -> (h, w, out, in)
    nn.BatchNorm2d: lambda layer: [layer.weight, layer.bias, layer.running_mean, layer.running_var],
}


@torch.no_grad()
def copy_weights(source, target):
    """Copy the weights of a torch model into its Keras twin, layer by layer in order; returns the twin.

    Channels come first in torch and last in Keras: kernels are transposed, and so are the rows of a dense layer that reads a
    flattened map, and the columns of one whose outputs are folded into a map. Raises ValueError when the layers do not pair up.
    """
    theirs = [IN_KERAS[type(layer)](layer) for layer in source.modules() if type(layer) in IN_KERAS]
    ours = [layer for layer in target.layers if layer.weights]
    shapes = [tuple(kernel.shape) for kernel, *_ in theirs], [tuple(layer.weights[0].shape) for layer in ours]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"Expected layers of the same shapes in both models, got {shapes[0]} in torch and {shapes[1]} in Keras."
        )
    before = dict(zip(target.layers[1:], target.layers, strict=False))
    after = dict(zip(target.layers, target.layers[1:], strict=False))
    for tensors, layer in zip(theirs, ours, strict=True):
        if type(before.get(layer)) is keras.layers.Flatten:
            height, width, channels = before[layer].input.shape[1:]
            rows = tensors[0].reshape(channels, height, width, -1)  # (C*H*W, out) -> (C, H, W, out)
            tensors[0] = rows.permute(1, 2, 0, 3).flatten(0, 2)  # -> (H*W*C, out)
        if type(after.get(layer)) is keras.layers.Reshape:
            height, width, channels = after[layer].target_shape
            columns = [tensor.unflatten(-1, (channels, height, width)) for tensor in tensors]  # (..., C*H*W) -> (..., C, H, W)
            tensors = [column.movedim(-3, -1).flatten(-3) for column in columns]  # -> (..., H*W*C)
        for variable, tensor in zip(layer.weights, [t for t in tensors if t is not None], strict=True):
            variable.assign(tensor.contiguous())
    return target
