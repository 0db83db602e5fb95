"""Weights of a torch network, copied into its Keras twin."""

import keras
import torch
from torch import nn

from ..models.autoregressive import MaskedLinear, RowRNN

# What copy_weights knows: a torch layer's tensors in the order and layout of its Keras twin's weights.
IN_KERAS = {
    nn.Linear: lambda layer: [layer.weight.T, layer.bias],  # (out, in) -> (in, out)
    nn.Conv2d: lambda layer: [layer.weight.permute(2, 3, 1, 0), layer.bias],  # (out, in, h, w) -> (h, w, in, out)
    nn.ConvTranspose2d: lambda layer: [layer.weight.permute(2, 3, 1, 0), layer.bias],  # (in, out, h, w) -> (h, w, out, in)
    MaskedLinear: lambda layer: [layer.weight.T, layer.bias],
    nn.LSTM: lambda layer: [layer.weight_ih_l0.T, layer.weight_hh_l0.T, layer.bias_ih_l0 + layer.bias_hh_l0],
    nn.GRU: lambda layer: [  # torch's gates are reset, update, candidate, those of Keras update, reset, candidate
        _gates(layer.weight_ih_l0).T,
        _gates(layer.weight_hh_l0).T,
        torch.stack([_gates(layer.bias_ih_l0), _gates(layer.bias_hh_l0)]),
    ],
    RowRNN: lambda network: [network.bias[0]],
    nn.LayerNorm: lambda layer: [layer.weight, layer.bias],
    nn.BatchNorm2d: lambda layer: [layer.weight, layer.bias, layer.running_mean, layer.running_var],
}


def _gates(tensor):
    reset, update, candidate = tensor.chunk(3)
    return torch.cat([update, reset, candidate])


@torch.no_grad()
def copy_weights(source: nn.Module, target: keras.Model) -> keras.Model:
    """Copy the weights of a torch model into its Keras twin, layer by layer in order; returns the twin.

    Channels come first in torch and last in Keras: kernels are transposed, and so are the rows of a dense layer that reads a
    flattened map, and the columns of one whose outputs are folded into a map.

    source: of linear layers, convolutions, transposed convolutions, layer norms and batch norms.
    target: the twin; raises ValueError when its layers do not pair up with the source's.
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
