"""Networks that say how probable each pixel is, given the pixels before it: p(x) = prod over i of p(x_i | x_1 ... x_(i-1)).

Pixels are taken in raster order, row by row from the top, each row from the left. A network maps images (B, 1, H, W) to
`parameters` (B, numbers, H, W) for a likelihood of `course_lib.likelihoods`, such as one logit a pixel; those at a pixel depend
on the pixels before it alone. One pass therefore scores a whole image, while drawing one takes a step for each pixel: `draw`.
"""

from itertools import product

import torch
import torch.nn.functional as F
from torch import nn


class Autoregressive(nn.Module):
    """What the networks below share. shape: (1, H, W) of the images. numbers: maps of parameters, as the likelihood needs."""

    def __init__(self, shape, numbers):
        super().__init__()
        if len(shape) != 3 or shape[0] != 1:
            raise ValueError(f"Expected images of one channel, shape (1, H, W), got {tuple(shape)}; turn colours into grey.")
        self.shape, self.numbers = tuple(shape), numbers

    def walk(self, x):
        """Yields the parameters (B, numbers) of each pixel in turn, from what x (B, 1, H, W) holds before it at that moment.

        The caller fills x in place, a pixel after each yield. Here the whole network runs anew for every pixel; a network
        that can keep what it has computed overrides this with the same results, sooner.
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

    def __init__(self, mask):
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask.float(), persistent=False)

    def forward(self, x):
        return F.linear(x, self.weight * self.mask, self.bias)


class MaskedMLP(nn.Module):
    """A dense network from `size` values in order to `numbers` outputs for each, which see the values before theirs alone.

    (..., context + size) -> (..., numbers, size). context: numbers that stand before the values, and that all outputs see.
    units: of each of `depth` hidden layers; a unit stands at a place of the order, sees values before it and units up to it.
    depth: 0 for a logistic regression of each value on those before. Direct links lead past the hidden layers.
    Source: Germain et al., 2015, who give the units their places at random; here they are spread evenly.
    """

    def __init__(self, size, *, units=500, depth=1, context=0, numbers=1):
        super().__init__()
        values = torch.cat([torch.full((context,), -1), torch.arange(size)])  # the place of each input
        places = torch.arange(units) * size // units  # of each hidden unit
        outputs = torch.arange(size).repeat(numbers)
        self.size, self.numbers = size, numbers
        self.direct = MaskedLinear(outputs[:, None] > values)
        self.hidden = nn.ModuleList()
        if depth:
            self.hidden.append(MaskedLinear(places[:, None] > values))
            self.hidden.extend(MaskedLinear(places[:, None] >= places) for _ in range(depth - 1))
            self.out = MaskedLinear(outputs[:, None] >= places)
        for layer in [self.direct, *([self.out] if depth else [])]:
            nn.init.normal_(layer.weight, std=0.1 / layer.in_features**0.5)  # so that all odds are near even at the start

    def forward(self, x):
        parameters = self.direct(x)
        if self.hidden:
            h = F.silu(self.hidden[0](x))
            for layer in self.hidden[1:]:
                h = h + F.silu(layer(h))
            parameters = parameters + self.out(h)
        return parameters.unflatten(-1, (self.numbers, self.size))


class MADE(Autoregressive):
    """A masked dense network over all pixels (Germain et al., 2015). depth: 0 for a fully visible sigmoid belief network.

    units: of each hidden layer; see `MaskedMLP`. Source of the case without hidden layers: Frey, Hinton and Dayan, 1996.
    """

    def __init__(self, shape=(1, 28, 28), *, units=500, depth=1, numbers=1):
        super().__init__(shape, numbers)
        self.network = MaskedMLP(shape[1] * shape[2], units=units, depth=depth, numbers=numbers)

    def forward(self, x):
        self._check(x)
        return self.network(x.flatten(1)).unflatten(2, self.shape[1:])  # (B, numbers, H*W) -> (B, numbers, H, W)


class RowNetwork(Autoregressive):
    """A memory of the rows above, and within the row a masked head that sees the memory and the pixels to the left.

    memory: a module from the row above each row, (B, H, W), to features (B, H, `features`), of which those of a row depend on
    the rows above it alone; with `classes`, the row above is followed by the label, one-hot, all zeros where there is none.
    above: how many rows above the head also sees as they are. units, depth: of the head, a `MaskedMLP`.
    """

    def __init__(self, shape, memory, features, *, units, depth, above, classes, numbers):
        super().__init__(shape, numbers)
        _, height, width = shape
        self.classes, self.above = classes, above
        self.memory = memory
        self.head = MaskedMLP(width, units=units, depth=depth, context=features + above * width, numbers=numbers)
        self.bias = nn.Parameter(torch.zeros(numbers, height, width))

    def forward(self, x, labels=None):
        """x (B, 1, H, W); labels int64 (B,), -1 for none, or None for none at all -> parameters (B, numbers, H, W)."""
        self._check(x)
        rows = x[:, 0]  # (B, H, W)
        parameters = self.head(torch.cat([self._context(rows, labels), rows], 2))  # (B, H, numbers, W)
        return parameters.transpose(1, 2) + self.bias

    def walk(self, x, labels=None):
        """As `Autoregressive.walk`; the rows above are read once for each row, and only the head runs for each pixel."""
        self._check(x)
        _, height, width = self.shape
        for row in range(height):
            context = self._context(x[:, 0, : row + 1], labels)[:, row]  # (B, features + above * W)
            for column in range(width):
                parameters = self.head(torch.cat([context, x[:, 0, row]], 1))  # (B, numbers, W)
                yield parameters[:, :, column] + self.bias[:, row, column]

    def _context(self, rows, labels):
        """What the head knows of the rows above each row, (B, R, features + above * W), from rows (B, R, W)."""
        count = rows.shape[1]
        padded = F.pad(rows, (0, 0, self.above, 0))  # black rows above the first
        before = [padded[:, self.above - k : self.above - k + count] for k in range(1, self.above + 1)]
        last = F.pad(rows, (0, 0, 1, -1))
        if self.classes:
            label = self._one_hot(labels, rows)  # (B, classes)
            last = torch.cat([last, label[:, None].expand(-1, count, -1)], 2)
        elif labels is not None:
            raise ValueError("Got labels for a network that was built without: build it with classes=, or leave them out.")
        return torch.cat([self.memory(last), *before], 2)

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

    hidden: state of the recurrent network. cell: nn.LSTM (Hochreiter and Schmidhuber, 1997) or nn.GRU (Cho et al., 2014); on
    CPUs with bfloat16, PyTorch trains the first three times as fast. Otherwise as `RowNetwork`.
    """

    def __init__(
        self,
        shape=(1, 28, 28),
        *,
        hidden=384,
        units=336,
        depth=2,
        above=2,
        classes=0,
        numbers=1,
        cell=nn.LSTM,
    ):
        memory = Recurrent(cell(shape[2] + classes, hidden, batch_first=True))
        super().__init__(shape, memory, hidden, units=units, depth=depth, above=above, classes=classes, numbers=numbers)


class Recurrent(nn.Module):
    """The outputs alone of a recurrent layer of PyTorch: (B, T, inputs) -> (B, T, hidden)."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0]


class RowTransformer(RowNetwork):
    """As `RowRNN`, but the rows above are not remembered in a state: each row looks back at all of them by attention.

    hidden: features of a row. layers, heads: of the transformer (Vaswani et al., 2017).
    """

    def __init__(
        self,
        shape=(1, 28, 28),
        *,
        hidden=192,
        layers=2,
        heads=4,
        units=336,
        depth=2,
        above=2,
        classes=0,
        numbers=1,
    ):
        memory = CausalTransformer(shape[2] + classes, shape[1], hidden=hidden, layers=layers, heads=heads)
        super().__init__(shape, memory, hidden, units=units, depth=depth, above=above, classes=classes, numbers=numbers)


class CausalTransformer(nn.Module):
    """Attention over a sequence, from each place to itself and those before: (B, T, inputs) -> (B, T, hidden), T <= length."""

    def __init__(self, inputs, length, *, hidden, layers, heads):
        super().__init__()
        self.embed = nn.Linear(inputs, hidden)
        self.places = nn.Parameter(0.02 * torch.randn(length, hidden))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                hidden, heads, 4 * hidden, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(hidden)

    def forward(self, x):
        length = x.shape[1]
        later = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)  # True where one may not look
        x = self.embed(x) + self.places[:length]
        for layer in self.layers:
            x = layer(x, src_mask=later)
        return self.norm(x)


class MaskedConv2d(nn.Conv2d):
    """A convolution that keeps the size and sees, of its square of `kernel` x `kernel`, what comes before the middle.

    own: whether it also sees the middle; False is mask A of van den Oord et al. (2016a), for the image itself, True mask B, for
    features that have not seen their pixel.
    """

    def __init__(self, inputs, outputs, kernel, *, own):
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)
        middle = kernel // 2
        mask = torch.zeros(kernel, kernel)
        mask[:middle] = 1  # the rows above
        mask[middle, :middle] = 1  # to the left
        mask[middle, middle] = own
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x):
        return F.conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)

    def at(self, padded, row, column):
        """The outputs (B, outputs) at one pixel, from inputs padded by kernel // 2 on every side."""
        kernel = self.kernel_size[0]
        patch = padded[:, :, row : row + kernel, column : column + kernel]
        return F.conv2d(patch, self.weight * self.mask, self.bias)[:, :, 0, 0]


class PixelCNN(Autoregressive):
    """Masked convolutions on top of each other: mask A on the image, then `layers` of mask B with residual links.

    Its square masks leave a blind spot: what stands above and to the right beyond a cone is never seen, however many layers
    there are. Source: van den Oord et al., 2016a; the blind spot, 2016b.
    """

    def __init__(self, shape=(1, 28, 28), *, channels=32, layers=5, kernel=5, numbers=1):
        super().__init__(shape, numbers)
        self.first = MaskedConv2d(1, channels, kernel, own=False)
        self.layers = nn.ModuleList(MaskedConv2d(channels, channels, kernel, own=True) for _ in range(layers))
        self.out = nn.Conv2d(channels, numbers, 1)

    def forward(self, x):
        self._check(x)
        h = self.first(x)
        for layer in self.layers:
            h = h + layer(F.silu(h))
        return self.out(F.silu(h))

    def walk(self, x):
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
    """

    def __init__(self, shape=(1, 28, 28), *, channels=32, layers=5, kernel=5, numbers=1):
        super().__init__(shape, numbers)
        self.reach = kernel // 2
        self.layers = nn.ModuleList(GatedLayer(channels if k else 1, channels, self.reach) for k in range(layers))
        self.out = nn.Conv2d(channels, numbers, 1)

    def forward(self, x):
        self._check(x)
        reach = self.reach
        down = F.pad(x, (0, 0, 1, -1))  # at every pixel the one above
        along = F.pad(x, (1, -1))  # at every pixel the one to the left
        for layer in self.layers:
            below = layer.down(F.pad(down, (reach, reach, reach, 0)))  # (B, 2 channels, H, W)
            along = layer.beside(F.pad(along, (reach, 0)), along, below)
            down = gate(below)
        return self.out(along)

    def walk(self, x):
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

    def __init__(self, inputs, channels, reach):
        super().__init__()
        self.down = nn.Conv2d(inputs, 2 * channels, (reach + 1, 2 * reach + 1))
        self.along = nn.Conv2d(inputs, 2 * channels, (1, reach + 1))
        self.link = nn.Conv2d(2 * channels, 2 * channels, 1)
        self.mix = nn.Conv2d(channels, channels, 1)

    def beside(self, padded, along, below):
        """The next features along the row: `along` as it is and padded to the left, `below` from the other stack."""
        features = self.mix(gate(self.along(padded) + self.link(below)))
        return along + features  # where along has one channel, the image's, each feature starts from it


def gate(x):
    """tanh of the first half of the channels times sigmoid of the second, (B, 2C, H, W) -> (B, C, H, W)."""
    a, b = x.chunk(2, dim=1)
    return a.tanh() * b.sigmoid()


@torch.no_grad()
def draw(network, count, *, generator=None, labels=None, temperature=1.0, given=None, keep=None, walk=None):
    """`count` binary images (count, 1, H, W) drawn from a network of one logit a pixel, one pixel after another.

    generator: a torch.Generator on the CPU, for one uniform number a pixel; the pixel is white where that is below the
    probability of white. labels: int64 (count,), for a network with classes. temperature: the logits are divided by it; below
    1 the draws are more typical and less varied, at 1 they come from the network's own distribution. given, keep: images
    (count, 1, H, W) and a bool mask (H, W) of the pixels that stay as they are there, which come before all others in raster
    order; the rest is drawn from its distribution given them. walk: instead of the network's own, such as
    `partial(Autoregressive.walk, network)`, which computes everything anew for each pixel.
    """
    _, height, width = network.shape
    device = next(network.parameters()).device
    if not temperature > 0:
        raise ValueError(f"Expected a temperature above 0, got {temperature}; towards 0 each pixel takes its likelier value.")
    known = 0
    x = torch.zeros(count, 1, height, width, device=device)
    if keep is not None:
        known = _known(keep, (height, width))
        if given is None or given.shape != x.shape:
            found = "none" if given is None else tuple(given.shape)
            raise ValueError(f"Expected images {tuple(x.shape)} of which the kept pixels stay, got {found}.")
        x = torch.where(keep.to(device), given.to(device), x)
    uniform = torch.rand(count, height * width, generator=generator).to(device)
    walk = walk or network.walk
    steps = walk(x) if labels is None else walk(x, labels.to(device))
    for pixel, parameters in enumerate(steps):  # parameters: (count, 1)
        if pixel >= known:
            white = uniform[:, pixel] < (parameters[:, 0] / temperature).sigmoid()
            x[:, 0, pixel // width, pixel % width] = white.float()
    return x


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
