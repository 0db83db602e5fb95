"""A network as a page runs it: one file of safetensors, whose header lists the steps of `engine.js`."""

import hashlib
import json
from functools import singledispatch

import numpy as np
import torch
from safetensors.numpy import save
from torch import nn

from ..layers import PreActivationBlock, SelfAttention, TransformerBlock
from ..models import MLP, Generator, NoiseMLP, NoiseUNet, TextEncoder
from ..models.cnn import Classifier, ResidualBlock
from ..models.unet import PlaceAttention, WordAttention
from .rounding import FEWEST, MOST, Study, rounded

SMALL = 5_000  # weights: below, 16 bits for each cost next to nothing, and layers next to the input or output need them most
BITS = (3, 4, 5, 6, 8, 16, 32)
ENTROPY = (2 * np.pi * np.e) ** 0.5  # normal numbers in steps of ENTROPY / 2**b deviations take b bits each, once deflated


class Program:
    """The steps of a network, with its tensors by name, and the layers whose matrices they are."""

    def __init__(self):
        self.tensors, self.layers = {}, {}

    def put(self, tensor, layer=None):
        name = f"t{len(self.tensors)}"
        self.tensors[name], self.layers[name] = np.ascontiguousarray(tensor.detach().float().cpu()), layer
        return name

    def chain(self, layers):
        """The steps of layers that follow each other; a batch norm goes into the weights of the layer before it."""
        steps = []
        for layer, following in zip(layers, [*layers[1:], None], strict=True):
            if isinstance(layer, nn.BatchNorm2d):
                continue
            steps += [self.product(layer, following)] if isinstance(following, nn.BatchNorm2d) else steps_of(layer, self)
        return steps

    def product(self, layer, norm=None, rows=slice(None)):
        """The step of a dense layer, or some rows of one, or a convolution, with the batch norm behind it."""
        weight, bias = (each[rows] for each in _folded(layer, norm))
        step = {"weight": None, "bias": self.put(bias)}
        if isinstance(layer, nn.Linear):
            step |= {"layer": "dense", "rows": len(weight)}
        else:
            if layer.groups != 1 or layer.dilation != (1, 1) or layer.padding_mode != "zeros" or len(set(layer.stride)) > 1:
                raise TypeError(f"A page runs convolutions without groups and dilation, got {layer}.")
            step |= {"kernel": list(layer.kernel_size), "stride": layer.stride[0], "padding": layer.padding[0]}
            if isinstance(layer, nn.ConvTranspose2d):
                channels, size = weight.shape[1], weight[0].numel()
                weight = weight.flatten(1).T  # (C, O, kh, kw) -> (O kh kw, C)
                step |= {"layer": "deconv", "channels": channels, "rows": size}
            else:
                step |= {"layer": "conv", "rows": len(weight)}
        return step | {"weight": self.put(weight, layer)}


def _folded(layer, norm):
    """Weight and bias of a layer, with the batch norm behind it (in evaluation mode) multiplied in."""
    outputs = layer.weight.shape[isinstance(layer, nn.ConvTranspose2d)]
    bias = torch.zeros(outputs, device=layer.weight.device) if layer.bias is None else layer.bias
    if norm is None:
        return layer.weight, bias
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    shift = norm.bias - norm.running_mean * scale
    each = outputs // len(scale)  # of a dense layer, whose outputs are (c h w)
    scale, shift = scale.repeat_interleave(each), shift.repeat_interleave(each)
    axis = isinstance(layer, nn.ConvTranspose2d)  # (C, O, kh, kw), others (O, ...)
    sides = [-1 if i == axis else 1 for i in range(layer.weight.ndim)]
    return layer.weight * scale.view(sides), bias * scale + shift


@singledispatch
def steps_of(layer, program):
    """The steps that do what a layer does: one dictionary for each, as `LAYERS` in engine.js has them."""
    raise TypeError(f"A page cannot run {type(layer).__name__}: write its steps in course_lib/widgets/export.py.")


@steps_of.register(nn.Linear)
@steps_of.register(nn.Conv2d)
@steps_of.register(nn.ConvTranspose2d)
def _(layer, program):
    return [program.product(layer)]


@steps_of.register
def _(layer: nn.Sequential, program):
    return program.chain(list(layer))


@steps_of.register(nn.Dropout)
@steps_of.register(nn.Identity)
def _(layer, program):
    return []


for kind, name in {
    nn.ReLU: "relu",
    nn.Tanh: "tanh",
    nn.Sigmoid: "sigmoid",
    nn.SiLU: "silu",
    nn.GELU: "gelu",
    nn.Flatten: "flatten",
}.items():
    steps_of.register(kind)(lambda layer, program, name=name: [{"layer": name}])


@steps_of.register
def _(layer: nn.LeakyReLU, program):
    return [{"layer": "leaky", "slope": layer.negative_slope}]


@steps_of.register
def _(layer: nn.Unflatten, program):
    return [{"layer": "unflatten", "shape": list(layer.unflattened_size)}]


@steps_of.register
def _(layer: nn.MaxPool2d, program):
    return [{"layer": "maxpool", "size": layer.kernel_size}]


@steps_of.register
def _(layer: nn.AdaptiveAvgPool2d, program):
    return [{"layer": "average"}]


@steps_of.register
def _(layer: nn.GroupNorm, program):
    norm = {"scale": program.put(layer.weight), "bias": program.put(layer.bias)}
    return [{"layer": "groupnorm", "groups": layer.num_groups, "eps": layer.eps, **norm}]


@steps_of.register
def _(block: ResidualBlock, program):
    body = program.chain([block.first, block.norms[0], nn.ReLU(), block.second, block.norms[1]])
    return [*([{"layer": "residual", "body": body, "stride": block.stride}] if block.residual else body), {"layer": "relu"}]


@steps_of.register
def _(block: PreActivationBlock, program):
    body = program.chain([block.norms[0], nn.SiLU(), block.first, block.norms[1]])
    if hasattr(block, "modulation"):
        body += [{"layer": "modulate", "body": program.chain([block.modulation])}]
    body += program.chain([nn.SiLU(), block.second])
    shortcut = steps_of(block.shortcut, program) or None
    return [{"layer": "residual", "body": body, "shortcut": shortcut, "stride": 1}]


@steps_of.register
def _(network: Generator, program):
    dense = [network.dense, network.layers[0]]  # the first batch norm belongs to the dense layer
    start = {"layer": "unflatten", "shape": list(network.start)}
    return [*program.chain(dense), start, *program.chain(list(network.layers[1:]))]


@steps_of.register
def _(network: MLP, program):
    return steps_of(network.layers, program)


@steps_of.register
def _(layer: nn.LayerNorm, program):
    norm = {"scale": program.put(layer.weight), "bias": program.put(layer.bias)}
    return [{"layer": "groupnorm", "groups": 1, "eps": layer.eps, **norm}]  # of one place, it is the same


@steps_of.register
def _(network: NoiseMLP, program):
    """One step, of z, `layers.waves` of the angle, and a one at the label's place or, for none, at the last."""
    lists = {
        "first": [network.first],
        "angle": list(network.told.angle),
        "label": [nn.Linear(network.classes + 1, network.first.out_features, bias=False)],
        "last": [network.last],
    }
    if network.classes:
        lists["label"][0].weight = nn.Parameter(network.told.label.weight.T)
    else:
        nn.init.zeros_(lists["label"][0].weight)
    told = {name: program.chain(layers) for name, layers in lists.items()}
    return [{"layer": "told", "size": network.size, "blocks": [program.chain(list(block)) for block in network.blocks], **told}]


@steps_of.register
def _(layer: SelfAttention, program, **places):
    whole = layer.queries_keys_values
    queries, keys = slice(whole.in_features), slice(whole.in_features, None)
    lists = {"queries": program.product(whole, rows=queries), "keys": program.product(whole, rows=keys)}
    return [_attention(layer.heads, **lists, out=program.product(layer.out)) | places]


def _attention(heads, **lists):
    return {"layer": "attention", "heads": heads} | {name: [step] for name, step in lists.items()}


def _added(body):
    return {"layer": "residual", "body": body, "stride": 1}


@steps_of.register
def _(layer: PlaceAttention, program):
    return [_added([*steps_of(layer.norm, program), *steps_of(layer.attention, program)])]


@steps_of.register
def _(layer: WordAttention, program, words):
    lists = {"queries": layer.queries, "keys": layer.keys_values, "out": layer.out}
    step = _attention(layer.heads, **{name: program.product(each) for name, each in lists.items()})
    return [_added([*steps_of(layer.norm, program), step | {"words": words}])]


@steps_of.register
def _(network: TextEncoder, program):
    """Each word a one at its place, those for no word and for the word's place in the sentence behind: T inputs a sentence."""
    first = nn.Linear(network.words + 1 + network.longest, network.places.shape[1], bias=False)
    first.weight = nn.Parameter(torch.cat([network.embed.weight, network.places]).T)
    steps = [program.product(first)]
    for block in network.blocks:
        if isinstance(block, TransformerBlock):
            looks = steps_of(block.attention, program, places=network.longest)
            steps += [_added([*steps_of(block.norms[0], program), *looks])]
            steps += [_added(program.chain([block.norms[1], *block.mlp]))]
        else:
            steps += steps_of(block, program)
    return steps


@steps_of.register
def _(network: NoiseUNet, program):
    """Of z; in `kept` it looks for `layers.waves` of the angle, and for the words as its text encoder tells of them."""
    if not network.text or network.patch != 1:
        raise TypeError(f"A page runs a NoiseUNet with text and patch=1, got patch={network.patch}, {network.classes} classes.")
    unet, words = network.unet, network.text.longest
    steps = [{"layer": "tell", "body": program.chain([*network.told.angle, nn.SiLU()]), "words": words}]
    steps += program.chain([unet.stem])
    for number, block in enumerate(unet.down[:-1]):
        steps += [*steps_of(block, program), {"layer": "store", "name": f"down {number}"}, {"layer": "maxpool", "size": 2}]
    steps += program.chain([unet.down[-1], unet.attention, unet.bottom])
    for number, reading, block in zip(reversed(range(unet.halvings)), unet.reading, unet.up, strict=True):
        back = [{"layer": "double"}, {"layer": "beside", "name": f"down {number}"}]
        steps += [*steps_of(reading, program, words=words), *back, *steps_of(block, program)]
    return [*steps, *program.chain([unet.head])]


@steps_of.register
def _(network: Classifier, program):
    """Whatever a layer makes of maps is kept under its number, for a widget to show."""
    steps = []
    for step in program.chain(list(network.layers)):
        steps.append(step)
        if step["layer"] == "relu":
            steps.append({"layer": "keep", "name": str(sum(each["layer"] == "keep" for each in steps))})
    return [*steps, *steps_of(network.head, program)]


def export(
    network: nn.Module,
    shape: tuple[int, int, int],
    *,
    bits: float = 8,
    studied: Study | None = None,
) -> bytes:
    """A file of safetensors with a network's weights and the list of its steps.

    network: in evaluation mode; of layers that `steps_of` knows.
    shape: (C, H, W) of what it takes; a vector of C numbers is (C, 1, 1).
    bits: for each weight, one of 3, 4, 5, 6, 8, 16, 32. With 8 and fewer, a row of a matrix has one scale for its integers, and
        matrices of fewer than 5,000 weights have 16 bits. Fewer than 8 make coarser integers, which take that many bits once
        the file is deflated.
    studied: of `rounding.study`, for fewer than 8 bits, which are then the mean of its layers and any number from 2 on; weights
        make good what others spoil. Matrices of other layers have 8.

    Raises TypeError for a layer that a page cannot run, ValueError for weights that are not finite and for other bits.
    """
    if bits not in BITS and not (studied and 2 <= bits < 8):
        raise ValueError(f"Expected bits to be one of {BITS}, got {bits!r}.")
    program = Program()
    told = {"input": list(shape), "steps": steps_of(network, program)}
    tensors = {}
    for name, array in program.tensors.items():
        if not np.isfinite(array).all():
            raise ValueError("Expected weights that are all finite, got nan or inf: train the network anew, or load it again.")
        known = (studied or {}).get(program.layers[name])
        if bits <= 8 and array.ndim > 1 and (known or array.size > SMALL):
            rows = array.reshape(len(array), -1)
            tensors[name], tensors[f"{name} scale"] = whole(rows, 8 if studied and not known else bits, known)
        else:
            tensors[name] = array.astype(np.float32 if bits == 32 else np.float16)
    return save(tensors, {"program": json.dumps(told, separators=(",", ":"))})


def whole(rows, bits, known):
    """Integers of 8 bits for rows (R, K), and the scale of each row, (R,) in half precision; known: of `study`, or None."""
    scale = np.abs(rows).max(1) / 127
    if bits < 8:
        moment, more = known or (None, 0)
        scale = np.maximum(scale, ENTROPY / 2 ** np.clip(bits + more, FEWEST, MOST) * np.sqrt((rows**2).mean(1)))
    scale = scale.astype(np.float16)
    scale[scale == 0] = 1
    if bits < 8 and known:
        found = rounded(torch.from_numpy(rows), torch.from_numpy(scale).float(), moment.cpu()).numpy()
    else:
        found = np.rint(rows / scale.astype(np.float32)[:, None]).clip(-127, 127)
    return found.astype(np.int8), scale


def digest(file: bytes) -> str:
    """Eight letters that name a file by its steps and its numbers, in whatever order they stand."""
    length = int.from_bytes(file[:8], "little")
    header = json.loads(file[8 : 8 + length])
    program = header.pop("__metadata__")["program"]
    told = hashlib.sha256(program.encode())
    for name, entry in sorted(header.items()):
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        told.update(name.encode() + file[start:end])
    return told.hexdigest()[:8]
