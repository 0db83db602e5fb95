"""The network that draws row by row in Keras."""

import keras
import torch

from ..models.autoregressive import MaskedMLP


class MaskedDense(keras.layers.Layer):
    """A dense layer whose output i sees input j only where mask[i, j]; the twin of torch's `MaskedLinear`."""

    def __init__(self, mask: torch.Tensor):
        super().__init__()
        outputs, inputs = mask.shape
        self.mask = keras.ops.convert_to_tensor(mask.T, dtype="float32")  # (inputs, outputs), as Keras lays out kernels
        self.kernel = self.add_weight(shape=(inputs, outputs), initializer="glorot_uniform")
        self.bias = self.add_weight(shape=(outputs,), initializer="zeros")

    def call(self, x):
        return keras.ops.matmul(x, self.kernel * self.mask) + self.bias


class PixelBias(keras.layers.Layer):
    """Adds a number of its own to each pixel."""

    def __init__(self, height: int, width: int):
        super().__init__()
        self.bias = self.add_weight(shape=(height, width), initializer="zeros")

    def call(self, x):
        return x + self.bias


class RowRNN(keras.Model):
    """The twin of `course_lib.models.RowRNN` with one logit a pixel, in Keras' layout: images (B, H, W, 1) -> logits.

    A second input takes the labels, one-hot (B, classes), for a network with classes.

    shape: (H, W, 1) of the images.
    hidden: numbers in the state of the recurrent network.
    cell: keras.layers.LSTM or GRU.
    units: of each hidden layer of the head.
    depth: hidden layers of the head, 1 or more.
    above: how many rows above the head also sees as they are.
    classes: how many labels there are; 0 for a network that takes none.
    """

    def __init__(
        self,
        shape: tuple[int, int, int] = (28, 28, 1),
        *,
        hidden: int = 384,
        cell: type[keras.layers.Layer] = keras.layers.LSTM,
        units: int = 336,
        depth: int = 2,
        above: int = 2,
        classes: int = 0,
    ):
        super().__init__()
        height, width, _ = shape
        self.classes, self.above = classes, above
        masks = MaskedMLP(width, units=units, depth=depth, context=hidden + above * width)  # for its masks
        self.bias = PixelBias(height, width)
        self.memory = cell(hidden, return_sequences=True)
        self.memory.build((None, height, width + classes))
        self.direct = MaskedDense(masks.direct.mask)
        self.hidden_layers = [MaskedDense(layer.mask) for layer in masks.hidden]
        self.out = MaskedDense(masks.out.mask)
        self.built = True  # every layer is; there is nothing else to build

    def call(self, x, labels=None):
        ops, rows = keras.ops, x[..., 0]  # (B, H, W)
        count = rows.shape[1]
        padded = ops.pad(rows, ((0, 0), (max(self.above, 1), 0), (0, 0)))
        start = max(self.above, 1)
        before = [padded[:, start - k : start - k + count] for k in range(1, self.above + 1)]
        last = padded[:, start - 1 : start - 1 + count]
        if self.classes:
            labels = ops.zeros((len(rows), self.classes)) if labels is None else labels
            last = ops.concatenate([last, ops.repeat(labels[:, None], count, axis=1)], axis=2)
        seen = ops.concatenate([self.memory(last), *before, rows], axis=2)
        h = ops.silu(self.hidden_layers[0](seen))
        for layer in self.hidden_layers[1:]:
            h = h + ops.silu(layer(h))
        return self.bias(self.direct(seen) + self.out(h))[..., None]
