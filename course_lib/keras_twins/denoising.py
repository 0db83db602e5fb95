"""Flow matching in Keras."""

import math

import keras
import torch


class NoiseMLP(keras.Model):
    """The twin of `course_lib.models.NoiseMLP` without classes, under `course_lib.objectives.Denoising` on the straight path.

    compile(optimizer), then fit(x), x (N, size): the loss that `fit` shows is the squared error of the velocity, on average
    over numbers.

    size: numbers an example.
    width: units between the residual blocks.
    blocks: residual blocks.
    """

    def __init__(self, size: int, *, width: int = 256, blocks: int = 3):
        super().__init__()
        self.angle = [keras.layers.Dense(width, activation="silu"), keras.layers.Dense(width)]
        self.first, self.last = keras.layers.Dense(width), keras.layers.Dense(size, kernel_initializer="zeros")
        self.blocks = [
            [
                keras.layers.LayerNormalization(epsilon=1e-5),
                keras.layers.Dense(2 * width, activation="silu"),
                keras.layers.Dense(width),
            ]
            for _ in range(blocks)
        ]
        self.seed = keras.random.SeedGenerator(0)
        self.shown = keras.metrics.Mean(name="loss")
        self((keras.ops.zeros((1, size)), keras.ops.zeros(1)))  # makes the weights

    @property
    def layers(self):
        return [*self.angle, self.first, self.last, *(layer for block in self.blocks for layer in block)]

    @property
    def metrics(self):
        return [self.shown]

    def call(self, inputs):
        z, angle = inputs  # (B, size), (B,)
        turned = angle[:, None] * keras.ops.logspace(0, math.log10(128), 32)
        told = keras.ops.concatenate([keras.ops.cos(turned), keras.ops.sin(turned)], axis=1)  # (B, 64)
        for layer in self.angle:
            told = layer(told)
        told, h = keras.ops.silu(told), self.first(z)  # (B, width) each
        for norm, wide, narrow in self.blocks:
            h = h + narrow(wide(norm(h + told)))
        return self.last(h)  # (B, size)

    def error(self, x: torch.Tensor, noise: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """The squared error of the velocity noise - x at (1 - t) x + t noise, a number.

        x, noise: (B, size).
        t: (B,) in 0..1.
        """
        alpha, sigma = 1 - t[:, None], t[:, None]
        z = (alpha * x + sigma * noise) / keras.ops.sqrt(alpha**2 + sigma**2)
        output = self((z, keras.ops.arctan2(t, 1 - t)))
        return keras.ops.mean(keras.ops.square(output - (noise - x)))

    def train_step(self, x):
        noise = keras.random.normal(keras.ops.shape(x), seed=self.seed)
        t = keras.ops.sigmoid(keras.random.normal((len(x),), seed=self.seed))
        self.zero_grad()
        loss = self.error(x, noise, t)
        loss.backward()
        weights = self.trainable_weights
        with torch.no_grad():
            self.optimizer.apply([weight.value.grad for weight in weights], weights)
        self.shown.update_state(loss.detach())
        return {"loss": self.shown.result()}
