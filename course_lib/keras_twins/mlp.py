"""The multilayer perceptron in Keras."""

from collections.abc import Sequence

import keras


def mlp(widths: Sequence[int], *, activation: str = "relu", dropout: float = 0.0) -> keras.Model:
    """The twin of `course_lib.models.MLP`: (B, widths[0]) -> logits (B, widths[-1]).

    widths: the number of units of each layer, input first: (784, 256, 128, 10).
    activation: of the hidden layers, by Keras' name for it.
    dropout: the share of each hidden layer's units that is set to zero in training.
    """
    layers = [keras.Input((widths[0],))]
    for units in widths[1:-1]:
        layers += [keras.layers.Dense(units, activation=activation), keras.layers.Dropout(dropout)]
    return keras.Sequential([*layers, keras.layers.Dense(widths[-1])])
