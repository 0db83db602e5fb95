"""The same networks in Keras 3 on the torch backend, and the way to copy weights across."""

import keras
import torch
from torch import nn

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


@torch.no_grad()
def copy_weights(source, target):
    """Copy the weights of a torch model into its Keras twin, layer by layer in order; returns the twin.

    Dense: torch keeps (out, in), Keras (in, out). Raises ValueError when the layers do not pair up.
    """
    theirs = [layer for layer in source.modules() if isinstance(layer, nn.Linear)]
    ours = [layer for layer in target.layers if layer.weights]
    shapes = [tuple(layer.weight.T.shape) for layer in theirs], [tuple(layer.kernel.shape) for layer in ours]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"Expected layers of the same shapes in both models, got {shapes[0]} in torch and {shapes[1]} in Keras."
        )
    for torch_layer, keras_layer in zip(theirs, ours, strict=True):
        keras_layer.kernel.assign(torch_layer.weight.T.contiguous())
        keras_layer.bias.assign(torch_layer.bias)
    return target
