"""Networks that say how probable each pixel is, given the pixels before it: p(x) = prod over i of p(x_i | x_1 ... x_(i-1)).

Pixels are taken in raster order, row by row from the top, each row from the left. A network maps images (B, 1, H, W) to the
parameters (B, params_per_channel, H, W) of a likelihood of `course_lib.likelihoods`, such as one logit a pixel; those at a
pixel depend on the pixels before it alone. One pass therefore scores a whole image, while drawing one takes a step for each
pixel: `draw`.
"""

from collections.abc import Callable, Iterator
from itertools import product

import torch
import torch.nn.functional as F
from torch import nn

from .. import likelihoods
from ..layers import TransformerBlock


class Autoregressive(nn.Module):
    """What the networks below share.

    shape: (1, H, W) of the images.
    params_per_channel: maps of parameters, as many as the likelihood takes.
    """

    def __init__(self, shape: tuple[int, int, int], params_per_channel: int):
        super().__init__()
        if len(shape) != 3 or shape[0] != 1:
            raise ValueError(f"Expected images of one channel, shape (1, H, W), got {tuple(shape)}; turn colors into gray.")
        self.shape, self.params_per_channel = tuple(shape), params_per_channel

    def walk(self, x: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yields the parameters (B, params_per_channel) of each pixel in turn, from what x holds before it at that moment.

        The caller fills x, (B, 1, H, W), in place, a pixel after each yield. Here the whole network runs anew for every pixel;
        a network that can keep what it has computed overrides this with the same results, sooner.
        """
        height, width = x.shape[2:]
        for row, column in product(range(height), range(width)):
            yield self(x)[:, :, row, column]

    def _check(self, x):
        if tuple(x.shape[1:]) != self.shape:
            raise ValueError(
                f"This network expects images (B, {', '.join(map(str, self.shape))}), got {tuple(x.shape)}; "
                "resize the images, or build it with their shape."
            )


class MaskedLinear(nn.Linear):
    """A dense layer whose output i sees input j only where mask[i, j]. mask: bool (outputs, inputs)."""

    def __init__(self, mask: torch.Tensor):
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask.float(), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, self.weight * self.mask, self.bias)


class MaskedMLP(nn.Module):
    """A dense network over values in order, (..., context + size) -> (..., outputs, size): outputs see values before theirs.

    Direct links lead past the hidden layers. Source: Germain et al., 2015, who give the hidden units their places at random;
    here they are spread evenly.

    size: how many values there are.
    units: of each hidden layer; a unit stands at a place of the order, sees the values before it and the units up to it.
    depth: hidden layers; 0 for a logistic regression of each value on those before.
    context: numbers that stand before the values, and that all outputs see.
    outputs: for each value.
    """

    def __init__(self, size: int, *, units: int = 500, depth: int = 1, context: int = 0, outputs: int = 1):
        super().__init__()
        values = torch.cat([torch.full((context,), -1), torch.arange(size)])  # the place of each input
        places = torch.arange(units) * size // units  # of each hidden unit
        ends = torch.arange(size).repeat(outputs)  # of each output
        self.size, self.outputs = size, outputs
        self.direct = MaskedLinear(ends[:, None] > values)
        self.hidden = nn.ModuleList()
        if depth:
            self.hidden.append(MaskedLinear(places[:, None] > values))
            self.hidden.extend(MaskedLinear(places[:, None] >= places) for _ in range(depth - 1))
            self.out = MaskedLinear(ends[:, None] >= places)
        for layer in [self.direct, *([self.out] if depth else [])]:
            nn.init.normal_(layer.weight, std=0.1 / layer.in_features**0.5)  # so that all odds are near even at the start

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parameters = self.direct(x)
        if self.hidden:
            h = F.silu(self.hidden[0](x))
            for layer in self.hidden[1:]:
                h = h + F.silu(layer(h))
            parameters = parameters + self.out(h)
        return parameters.unflatten(-1, (self.outputs, self.size))


class MADE(Autoregressive):
    """A masked dense network over all pixels (Germain et al., 2015).

    shape: (1, H, W) of the images.
    units: of each hidden layer.
    depth: hidden layers; 0 makes a fully visible sigmoid belief network (Frey et al., 1996).
    params_per_channel: maps of parameters, as many as the likelihood takes.
    """

    def __init__(
        self,
        shape: tuple[int, int, int] = (1, 28, 28),
        *,
        units: int = 500,
        depth: int = 1,
        params_per_channel: int = 1,
    ):
        super().__init__(shape, params_per_channel)
        self.network = MaskedMLP(shape[1] * shape[2], units=units, depth=depth, outputs=params_per_channel)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self._check(x)
        return self.network(x.flatten(1)).unflatten(2, self.shape[1:])  # (B, P, H*W) -> (B, P, H, W)


class RowNetwork(Autoregressive):
    """A memory of the rows above, and within the row a masked head that sees the memory and the pixels to the left.

    memory: a module from the row above each row, (B, R, W), to features (B, R, `features`), of which those of a row depend on
        the rows above it alone; with `classes`, the row above is followed by the label, one-hot, or zeros where there is none.
        `memory.resume(last, state)` takes one row, and what it returned as state for the row before, None at first.
    units, depth: of the head, a `MaskedMLP`.
    above: how many rows above the head also sees as they are.
    classes: how many labels there are; 0 for a network that takes none.
    dropout: of the memory's features, on their way to the head.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        memory: nn.Module,
        features: int,
        *,
        units: int,
        depth: int,
        above: int,
        classes: int,
        dropout: float,
        params_per_channel: int,
    ):
        super().__init__(shape, params_per_channel)
        _, height, width = shape
        self.classes, self.above = classes, above
        self.memory, self.dropout = memory, nn.Dropout(dropout)
        context = features + above * width
        self.head = MaskedMLP(width, units=units, depth=depth, context=context, outputs=params_per_channel)
        self.bias = nn.Parameter(torch.zeros(params_per_channel, height, width))

    def forward(self, x: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        """x (B, 1, H, W); labels int64 (B,), -1 for none, or None for none at all -> (B, params_per_channel, H, W)."""
        self._check(x)
        rows = x[:, 0]  # (B, H, W)
        last, before = self._above(rows, labels)
        features = self.dropout(self.memory(last))  # (B, H, features)
        parameters = self.head(torch.cat([features, before, rows], 2))  # (B, H, P, W)
        return parameters.transpose(1, 2) + self.bias

    def walk(self, x: torch.Tensor, labels: torch.Tensor | None = None) -> Iterator[torch.Tensor]:
        """As `Autoregressive.walk`; the memory goes on by one row at a time, and only the head runs for each pixel."""
        self._check(x)
        _, height, width = self.shape
        state = None
        for row in range(height):
            last, before = (rows[:, -1:] for rows in self._above(x[:, 0, : row + 1], labels))
            features, state = self.memory.resume(last, state)  # (B, 1, features)
            context = torch.cat([features, before], 2)[:, 0]
            for column in range(width):
                parameters = self.head(torch.cat([context, x[:, 0, row]], 1))  # (B, P, W)
                yield parameters[:, :, column] + self.bias[:, row, column]

    def _above(self, rows, labels):
        """For each of the rows (B, R, W): the row above with the label, (B, R, W + classes), and all that the head sees."""
        count = rows.shape[1]
        padded = F.pad(rows, (0, 0, self.above, 0))  # black rows above the first
        before = [padded[:, self.above - k : self.above - k + count] for k in range(1, self.above + 1)]
        last = F.pad(rows, (0, 0, 1, -1))
        if self.classes:
            label = self._one_hot(labels, rows)  # (B, classes)
            last = torch.cat([last, label[:, None].expand(-1, count, -1)], 2)
        elif labels is not None:
            raise ValueError("Got labels for a network that was built without: build it with classes=, or leave them out.")
        return last, torch.cat([rows[:, :, :0], *before], 2)  # (B, R, W + classes), (B, R, above * W)

    def _one_hot(self, labels, rows):
        if labels is None:
            return rows.new_zeros(len(rows), self.classes)
        if labels.shape != (len(rows),) or labels.is_floating_point() or labels.min() < -1 or labels.max() >= self.classes:
            raise ValueError(
                f"Expected a label from 0 to {self.classes - 1} for each of {len(rows)} images, or -1 for none, "
                f"got {labels.dtype} of shape {tuple(labels.shape)} from {labels.min()} to {labels.max()}."
            )
        return F.one_hot(labels + 1, self.classes + 1)[:, 1:].to(rows.dtype)  # -1 becomes all zeros


class RowRNN(RowNetwork):
    """Rows of an image as a sequence: a recurrent network remembers those above, a masked head draws the row.

    shape: (1, H, W) of the images.
    hidden: numbers in the state of the recurrent network.
    cell: nn.LSTM (Hochreiter and Schmidhuber, 1997) or nn.GRU (Cho et al., 2014); on CPUs with bfloat16, PyTorch trains the
        first three times as fast.
    units: of each hidden layer of the head.
    depth: hidden layers of the head.
    above: how many rows above the head also sees as they are.
    classes: how many labels there are; 0 for a network that takes none.
    dropout: the share of the memory's features that is set to zero in training.
    params_per_channel: maps of parameters, as many as the likelihood takes.
    """

    def __init__(
        self,
        shape: tuple[int, int, int] = (1, 28, 28),
        *,
        hidden: int = 384,
        cell: type[nn.LSTM | nn.GRU] = nn.LSTM,
        units: int = 336,
        depth: int = 2,
        above: int = 2,
        classes: int = 0,
        dropout: float = 0.0,
        params_per_channel: int = 1,
    ):
        super().__init__(
            shape,
            Recurrent(cell(shape[2] + classes, hidden, batch_first=True)),
            hidden,
            units=units,
            depth=depth,
            above=above,
            classes=classes,
            dropout=dropout,
            params_per_channel=params_per_channel,
        )


class Recurrent(nn.Module):
    """The outputs alone of a recurrent layer of PyTorch: (B, T, inputs) -> (B, T, hidden)."""

    def __init__(self, layer: nn.LSTM | nn.GRU):
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)[0]

    def resume(self, x: torch.Tensor, state=None) -> tuple[torch.Tensor, object]:
        """The output of one more step, (B, 1, hidden), and the state after it."""
        return self.layer(x, state)


class RowTransformer(RowNetwork):
    """As `RowRNN`, but the rows above are not remembered in a state: each row looks back at all of them by attention.

    shape: (1, H, W) of the images.
    hidden: features of a row.
    layers, heads: of the transformer (Vaswani et al., 2017).
    units: of each hidden layer of the head.
    depth: hidden layers of the head.
    above: how many rows above the head also sees as they are.
    classes: how many labels there are; 0 for a network that takes none.
    dropout: the share of the memory's features that is set to zero in training.
    params_per_channel: maps of parameters, as many as the likelihood takes.
    """

    def __init__(
        self,
        shape: tuple[int, int, int] = (1, 28, 28),
        *,
        hidden: int = 192,
        layers: int = 2,
        heads: int = 4,
        units: int = 336,
        depth: int = 2,
        above: int = 2,
        classes: int = 0,
        dropout: float = 0.0,
        params_per_channel: int = 1,
    ):
        super().__init__(
            shape,
            CausalTransformer(shape[2] + classes, shape[1], hidden=hidden, layers=layers, heads=heads),
            hidden,
            units=units,
            depth=depth,
            above=above,
            classes=classes,
            dropout=dropout,
            params_per_channel=params_per_channel,
        )


class CausalTransformer(nn.Module):
    """Attention over a sequence, from each place to itself and those before: (B, T, inputs) -> (B, T, hidden), T <= length."""

    def __init__(self, inputs: int, length: int, *, hidden: int, layers: int, heads: int):
        super().__init__()
        self.embed = nn.Linear(inputs, hidden)
        self.places = nn.Parameter(0.02 * torch.randn(length, hidden))
        self.layers = nn.ModuleList(TransformerBlock(hidden, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x) + self.places[: x.shape[1]]
        for layer in self.layers:
            x = layer(x, causal=True)
        return self.norm(x)

    def resume(self, x: torch.Tensor, state: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """The output of one more place, (B, 1, hidden), and all inputs so far, which it looks back at."""
        state = x if state is None else torch.cat([state, x], 1)
        return self(state)[:, -1:], state


class MaskedConv2d(nn.Conv2d):
    """A convolution that keeps the size and sees, of its square of `kernel` x `kernel`, what comes before the middle.

    own: whether it also sees the middle; False is mask A of van den Oord et al. (2016a), for the image itself, True mask B, for
        features that have not seen their pixel.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, own: bool):
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)
        middle = kernel // 2
        mask = torch.zeros(kernel, kernel)
        mask[:middle] = 1  # the rows above
        mask[middle, :middle] = 1  # to the left
        mask[middle, middle] = own
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)

    def at(self, padded: torch.Tensor, row: int, column: int) -> torch.Tensor:
        """The outputs (B, outputs) at one pixel, from inputs padded by kernel // 2 on every side."""
        kernel = self.kernel_size[0]
        patch = padded[:, :, row : row + kernel, column : column + kernel]
        return F.conv2d(patch, self.weight * self.mask, self.bias)[:, :, 0, 0]


class PixelCNN(Autoregressive):
    """Masked convolutions on top of each other: mask A on the image, then mask B with residual links.

    Its square masks leave a blind spot: what stands above and to the right beyond a cone is never seen, however many layers
    there are. Source: van den Oord et al., 2016a; the blind spot, 2016b.

    shape: (1, H, W) of the images.
    channels: features of each layer.
    layers: of mask B.
    kernel: side of the squares, odd.
    params_per_channel: maps of parameters, as many as the likelihood takes.
    """

    def __init__(
        self,
        shape: tuple[int, int, int] = (1, 28, 28),
        *,
        channels: int = 32,
        layers: int = 5,
        kernel: int = 5,
        params_per_channel: int = 1,
    ):
        super().__init__(shape, params_per_channel)
        self.first = MaskedConv2d(1, channels, kernel, own=False)
        self.layers = nn.ModuleList(MaskedConv2d(channels, channels, kernel, own=True) for _ in range(layers))
        self.out = nn.Conv2d(channels, params_per_channel, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self._check(x)
        h = self.first(x)
        for layer in self.layers:
            h = h + layer(F.silu(h))
        return self.out(F.silu(h))

    def walk(self, x: torch.Tensor) -> Iterator[torch.Tensor]:
        """As `Autoregressive.walk`; features of the pixels before are kept, so that each layer runs at one pixel only."""
        self._check(x)
        _, height, width = self.shape
        reach = self.first.kernel_size[0] // 2
        kept = [x.new_zeros(len(x), self.out.in_channels, height + 2 * reach, width + 2 * reach) for _ in self.layers]
        for row, column in product(range(height), range(width)):
            h = self.first.at(F.pad(x, (reach,) * 4), row, column)  # (B, channels)
            for layer, features in zip(self.layers, kept, strict=True):
                features[:, :, row + reach, column + reach] = F.silu(h)
                h = h + layer.at(features, row, column)
            yield F.linear(F.silu(h), self.out.weight.flatten(1), self.out.bias)


class GatedPixelCNN(Autoregressive):
    """Two stacks without a blind spot: one goes down the image, one along the row and takes in the first at every layer.

    Instead of masks the inputs are shifted, the one stack's down by a row, the other's to the right by a pixel; convolutions
    that reach up, and to the left, then keep to what came before. Gates multiply features: tanh(a) * sigmoid(b).
    Source: van den Oord et al., 2016b; the shifts, Salimans et al., 2017.

    shape: (1, H, W) of the images.
    channels: features of each stack.
    layers: of both stacks.
    kernel: side of the square whose upper half the stack that goes down sees, odd.
    params_per_channel: maps of parameters, as many as the likelihood takes.
    """

    def __init__(
        self,
        shape: tuple[int, int, int] = (1, 28, 28),
        *,
        channels: int = 32,
        layers: int = 5,
        kernel: int = 5,
        params_per_channel: int = 1,
    ):
        super().__init__(shape, params_per_channel)
        self.reach = kernel // 2
        self.layers = nn.ModuleList(GatedLayer(channels if k else 1, channels, self.reach) for k in range(layers))
        self.out = nn.Conv2d(channels, params_per_channel, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self._check(x)
        reach = self.reach
        down = F.pad(x, (0, 0, 1, -1))  # at every pixel the one above
        along = F.pad(x, (1, -1))  # at every pixel the one to the left
        for layer in self.layers:
            below = layer.down(F.pad(down, (reach, reach, reach, 0)))  # (B, 2 channels, H, W)
            along = layer.beside(F.pad(along, (reach, 0)), along, below)
            down = gate(below)
        return self.out(along)

    def walk(self, x: torch.Tensor) -> Iterator[torch.Tensor]:
        """As `Autoregressive.walk`; the stack that goes down runs once for each row, the one along it at one pixel only."""
        self._check(x)
        _, height, width = self.shape
        reach, channels = self.reach, [1] + [self.out.in_channels] * (len(self.layers) - 1)
        kept = [x.new_zeros(len(x), c, height + reach, width + 2 * reach) for c in channels]  # inputs of `down`, padded
        for row in range(height):
            belows, line = [], x[:, :, row - 1 : row] if row else x.new_zeros(len(x), 1, 1, width)
            for layer, features in zip(self.layers, kept, strict=True):
                features[:, :, row + reach, reach : reach + width] = line[:, :, 0]
                belows.append(layer.down(features[:, :, row : row + reach + 1]))  # (B, 2 channels, 1, W)
                line = gate(belows[-1])
            lines = [x.new_zeros(len(x), c, 1, width + reach) for c in channels]  # inputs of `along`, padded
            for column in range(width):
                along = x[:, :, row : row + 1, column - 1 : column] if column else x.new_zeros(len(x), 1, 1, 1)
                for layer, features, below in zip(self.layers, lines, belows, strict=True):
                    features[..., column + reach] = along[..., 0]
                    window = features[..., column : column + reach + 1]
                    along = layer.beside(window, along, below[..., column : column + 1])
                yield self.out(along)[:, :, 0, 0]


class GatedLayer(nn.Module):
    """The convolutions of one layer of both stacks. reach: how far they look up, left, and above also to the right."""

    def __init__(self, inputs: int, channels: int, reach: int):
        super().__init__()
        self.down = nn.Conv2d(inputs, 2 * channels, (reach + 1, 2 * reach + 1))
        self.along = nn.Conv2d(inputs, 2 * channels, (1, reach + 1))
        self.link = nn.Conv2d(2 * channels, 2 * channels, 1)
        self.mix = nn.Conv2d(channels, channels, 1)

    def beside(self, padded: torch.Tensor, along: torch.Tensor, below: torch.Tensor) -> torch.Tensor:
        """The next features along the row: `along` as it is and padded to the left, `below` from the other stack."""
        features = self.mix(gate(self.along(padded) + self.link(below)))
        return along + features  # where along has one channel, the image's, each feature starts from it


def gate(x: torch.Tensor) -> torch.Tensor:
    """tanh of the first half of the channels times sigmoid of the second, (B, 2C, H, W) -> (B, C, H, W)."""
    a, b = x.chunk(2, dim=1)
    return a.tanh() * b.sigmoid()


@torch.no_grad()
def draw(
    network: Autoregressive,
    count: int,
    *,
    likelihood: likelihoods.Likelihood = likelihoods.Bernoulli(),  # noqa: B008  (immutable)
    generator: torch.Generator | None = None,
    labels: torch.Tensor | None = None,
    temperature: float = 1.0,
    given: torch.Tensor | None = None,
    keep: torch.Tensor | None = None,
    walk: Callable | None = None,
) -> torch.Tensor:
    """Draw images (count, 1, H, W) one pixel after another.

    network: whose parameters the likelihood takes.
    count: images.
    likelihood: of a pixel, one that gives each of its levels a probability.
    generator: a torch.Generator on the CPU, for one uniform number a pixel; the pixel takes the lowest level at which the
        probabilities so far add up to it.
    labels: int64 (count,), for a network with classes.
    temperature: log-probabilities of the levels are divided by it; below 1 each pixel leans to its likelier levels, at 1
        the images come from the network's own distribution.
    given, keep: images (count, 1, H, W), and a bool mask (H, W) of the pixels that stay as they are there, which come before
        all others in raster order; the rest is drawn from its distribution given them.
    walk: in place of the network's own, such as `partial(Autoregressive.walk, network)`, which computes all anew.

    Raises ValueError for a temperature of 0 or less, and for a mask or images of another kind.
    """
    _, height, width = network.shape
    device = next(network.parameters()).device
    if not temperature > 0:
        raise ValueError(f"Expected a temperature above 0, got {temperature}; towards 0 each pixel takes its likeliest level.")
    x, known = torch.zeros(count, 1, height, width, device=device), 0
    if keep is not None:
        known = _known(keep, (height, width))
        if given is None or given.shape != x.shape:
            found = "none" if given is None else tuple(given.shape)
            raise ValueError(f"Expected images {tuple(x.shape)} of which the kept pixels stay, got {found}.")
        x = torch.where(keep.to(device), given.to(device), x)
    uniform = torch.rand(count, height * width, generator=generator).to(device)
    walk = walk or network.walk
    steps = walk(x) if labels is None else walk(x, labels.to(device))
    for pixel, parameters in enumerate(steps):  # parameters: (count, P)
        if pixel >= known:
            chances = (level_log_probs(likelihood, parameters) / temperature).softmax(1)  # (count, levels)
            level = (chances.cumsum(1) < uniform[:, pixel, None]).sum(1).clamp(max=likelihood.levels - 1)
            x[:, 0, pixel // width, pixel % width] = level / (likelihood.levels - 1)
    return x


def level_log_probs(likelihood: likelihoods.Likelihood, parameters: torch.Tensor) -> torch.Tensor:
    """log p of every level that a pixel can take, (B, levels), from its parameters (B, params_per_channel)."""
    x = torch.linspace(0, 1, likelihood.levels, dtype=parameters.dtype, device=parameters.device)
    parameters = parameters.repeat_interleave(likelihood.levels, 0)[:, :, None, None]  # (B * levels, P, 1, 1)
    log_probs = likelihood.log_prob(parameters, x.repeat(len(parameters) // len(x))[:, None, None, None])
    return log_probs.view(-1, likelihood.levels)


def _known(keep, size):
    """How many pixels are kept; raises ValueError for a mask of another shape, or with a kept pixel after one to be drawn."""
    if keep.dtype != torch.bool or tuple(keep.shape) != size:
        raise ValueError(f"Expected a bool mask {size} of the pixels to keep, got {keep.dtype} {tuple(keep.shape)}.")
    known = int(keep.sum())
    if not keep.flatten()[:known].all():
        raise ValueError(
            "Expected the kept pixels to come before all others, row by row from the top: what a network draws depends on "
            "pixels before it alone. Keep the upper rows, or turn or mirror the images and train on those."
        )
    return known
