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


# What copy_weights knows: a torch layer's tensors in the order and layout of its Keras twin's weights.
IN_KERAS = {
    nn.Linear: lambda layer: [layer.weight.T, layer.bias],  # (out, in) -> (in, out)
    nn.Conv2d: lambda layer: [layer.weight.permute(2, 3, 1, 0), layer.bias],  # (out, in, h, w) -> (h, w, in, out)
}


@torch.no_grad()
def copy_weights(source, target):
    """Copy the weights of a torch model into its Keras twin, layer by layer in order; returns the twin.

    Channels come first in torch and last in Keras: kernels are transposed, and so are the rows of a dense layer that reads a
    flattened map. Raises ValueError when the layers do not pair up.
    """
    theirs = [IN_KERAS[type(layer)](layer) for layer in source.modules() if type(layer) in IN_KERAS]
    ours = [layer for layer in target.layers if layer.weights]
    shapes = [tuple(kernel.shape) for kernel, *_ in theirs], [tuple(layer.weights[0].shape) for layer in ours]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"Expected layers of the same shapes in both models, got {shapes[0]} in torch and {shapes[1]} in Keras."
        )
    before = dict(zip(target.layers[1:], target.layers, strict=False))
    for tensors, layer in zip(theirs, ours, strict=True):
        if type(before.get(layer)) is keras.layers.Flatten:
            height, width, channels = before[layer].input.shape[1:]
            rows = tensors[0].reshape(channels, height, width, -1)  # (C*H*W, out) -> (C, H, W, out)
            tensors[0] = rows.permute(1, 2, 0, 3).flatten(0, 2)  # -> (H*W*C, out)
        for variable, tensor in zip(layer.weights, tensors, strict=True):
            variable.assign(tensor.contiguous())
    return target
