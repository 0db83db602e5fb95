"""The generator and the discriminator in Keras, and a model that trains them against each other."""

import keras
import torch


def generator(
    shape: tuple[int, int, int] = (64, 64, 3), *, latent_dim: int = 100, width: int = 32, stages: int = 3
) -> keras.Model:
    """The twin of `course_lib.models.Generator`, in Keras' layout: noise (B, latent_dim) -> images (B, *shape) in -1..1.

    shape: (H, W, C) of the images; H and W divisible by 2^stages.
    latent_dim: numbers of noise an image.
    width: channels before the last doubling.
    stages: doublings.
    """
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


def discriminator(shape: tuple[int, int, int] = (64, 64, 3), *, width: int = 64, stages: int = 2) -> keras.Model:
    """The twin of `course_lib.models.Discriminator`, in Keras' layout: images (B, *shape) -> logits (B, 1).

    shape: (H, W, C) of the images.
    width: channels after the first convolution.
    stages: halvings.
    """
    layers = [keras.Input(shape)]
    for stage in range(stages):  # each halves the sides
        layers.append(keras.layers.Conv2D(width * 2**stage, 4, strides=2, padding="same"))
        layers.append(keras.layers.LeakyReLU(negative_slope=0.2))
    return keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(1)])


class GAN(keras.Model):
    """The non-saturating loss with a training step of its own; the twin of `course_lib.objectives.Adversarial`.

    compile(generator_optimizer, discriminator_optimizer), then fit(real), real (N, H, W, C) in -1..1. The losses that `fit`
    shows are those of the last batch.

    generator: noise to images.
    discriminator: images to logits (B, 1).
    """

    def __init__(self, generator: keras.Model, discriminator: keras.Model):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
        self.built = True  # both players are; there is nothing else to build

    def compile(
        self, generator_optimizer: keras.optimizers.Optimizer, discriminator_optimizer: keras.optimizers.Optimizer
    ) -> None:
        super().compile()
        self.generator_optimizer, self.discriminator_optimizer = generator_optimizer, discriminator_optimizer

    def train_step(self, data):
        real = data[0] if isinstance(data, tuple) else data  # (B, H, W, C)
        return self.play(real, torch.randn(len(real), self.generator.input_shape[1], device=real.device))

    def play(self, real: torch.Tensor, z: torch.Tensor) -> dict[str, torch.Tensor]:
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

    def step(self, loss: torch.Tensor, player: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
        """Move the weights of one player alone."""
        self.zero_grad()
        loss.backward()
        variables = player.trainable_weights
        with torch.no_grad():
            optimizer.apply([variable.value.grad for variable in variables], variables)
