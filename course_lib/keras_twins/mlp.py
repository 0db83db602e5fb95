"""The multilayer perceptron in Keras."""

from collections.abc import Sequence

import keras


def mlp(widths: Sequence[int], *, activation: str = "relu", dropout: float = 0.0) -> keras.Model:
    """The twin of `course_lib.models.MLP`: (B, widths[0]) -> logits (B, widths[-1])."""
    layers = [keras.Input((widths[0],))]
    for units in widths[1:-1]:
        layers += [keras.layers.Dense(units, activation=activation), keras.layers.Dropout(dropout)]
    return keras.Sequential([*layers, keras.layers.Dense(widths[-1])])
