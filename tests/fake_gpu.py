"""A GPU that is not there: its tensors compute, and may not meet those of the CPU.

Each holds its values in a tensor on the CPU and says that it lies on the device `GPU`. What a GPU refuses is refused here: an
operation on tensors of both devices, a generator of the other device, `.numpy()`. Unlike in torch's `FakeTensorMode` there are
values, so checks of values, backward passes, optimizers and whole trainings run. The device is called "meta" and not "cuda",
for autograd sends a backward pass on "cuda" to a thread that only a real one has.
"""

from contextlib import contextmanager
from functools import partial
from typing import ClassVar

import torch
from torch.optim import optimizer
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from course_lib import runtime

GPU = torch.device("meta")
aten = torch.ops.aten
COPIES = (aten.copy_.default, aten._to_copy.default)  # the two ways from one device to the other
SCALARS = (aten.fill_.Tensor, aten.masked_fill.Tensor, aten.masked_fill_.Tensor)  # like all that is pointwise, they take one


class OnGPU(torch.Tensor):
    """A tensor of the GPU; `values` is one of the CPU."""

    is_meta = False  # torch takes a tensor on "meta" for one without values, and leaves it out when it loads weights

    @staticmethod
    def __new__(cls, values):
        layout = {"strides": values.stride(), "storage_offset": values.storage_offset(), "dtype": values.dtype}
        return torch.Tensor._make_wrapper_subclass(cls, values.shape, device=GPU, **layout)

    def __init__(self, values):
        self.values = values

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return compute(function, args, kwargs or {})

    def tolist(self):
        return self.values.tolist()

    def __format__(self, form):
        return format(self.values, form)

    def __repr__(self):
        return f"OnGPU({self.values!r})"

    def __reduce_ex__(self, protocol):  # a file holds the values; they are read onto the CPU
        return self.values.__reduce_ex__(protocol)


class _Operations(TorchDispatchMode):
    """Sees what is made on the GPU or carried there by tensors of the CPU."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return compute(function, args, kwargs or {})


class _Generator(torch.Generator):
    """A generator of random numbers, of either device."""

    of_gpu: ClassVar[dict] = {}  # those of the GPU by their address, kept, so that no other takes it

    def __new__(cls, device="cpu"):
        generator = super().__new__(cls)
        if _is_gpu(device):
            cls.of_gpu[generator._cdata] = generator
        return generator


@contextmanager
def fake_gpu(monkeypatch):
    """Inside, the course computes on the GPU that is not there."""
    monkeypatch.setattr(runtime, "device", lambda: GPU)
    monkeypatch.setattr(torch, "Generator", _Generator)
    for make in (torch.tensor, torch.as_tensor):
        monkeypatch.setattr(torch, make.__name__, partial(_made_of_numbers, make))
    fused = optimizer._get_fused_kernels_supported_devices()
    monkeypatch.setattr(optimizer, "_get_fused_kernels_supported_devices", lambda: [*fused, GPU.type])
    with _Operations():
        yield


def _made_of_numbers(make, *arguments, device=None, **options):
    """What torch makes of numbers; it makes a tensor on "meta" without them."""
    made = make(*arguments, **options)
    return made if device is None else made.to(device)


def compute(function, args, kwargs):
    """One operation of torch, on the CPU, after making sure that a GPU would take it."""
    given = [value for value in tree_leaves((args, kwargs)) if isinstance(value, torch.Tensor)]
    device = kwargs.get("device")
    on_gpu = any(isinstance(tensor, OnGPU) for tensor in given) if device is None else _is_gpu(device)
    if function not in COPIES:
        _refuse_mixed(function, args, kwargs)
    if (generator := kwargs.get("generator")) is not None and (generator._cdata in _Generator.of_gpu) != on_gpu:
        raise RuntimeError(f"Expected a generator for the device of the tensors, got another for {function}.")
    if _is_gpu(device):
        kwargs = kwargs | {"device": torch.device("cpu")}
    result = function(*_values(args), **_values(kwargs))
    known = {id(_values(tensor)): tensor for tensor in given}  # an operation in place returns a tensor that it was given
    return tree_map_only(torch.Tensor, lambda t: known[id(t)] if id(t) in known else OnGPU(t) if on_gpu else t, result)


def _refuse_mixed(function, args, kwargs):
    """Raises RuntimeError for tensors of both devices, where a GPU would."""
    lenient = torch.Tag.pointwise in function.tags or function in SCALARS  # take a number that lies on the CPU
    arguments = function._schema.arguments
    given = kwargs | {argument.name: value for argument, value in zip(arguments, args, strict=False)}
    on_gpu, on_cpu = False, False
    for argument in arguments:
        written = argument.alias_info is not None and argument.alias_info.is_write
        for tensor in tree_leaves(given.get(argument.name)):
            if isinstance(tensor, OnGPU):
                on_gpu = True
            elif isinstance(tensor, torch.Tensor) and argument.name != "indices":  # which may lie on the CPU
                on_cpu = on_cpu or tensor.ndim > 0 or written or not lenient
    if on_gpu and on_cpu:
        raise RuntimeError(f"Expected all tensors on one device, got some on the GPU and some on the CPU for {function}.")


def _values(tree):
    return tree_map_only(OnGPU, lambda tensor: tensor.values, tree)


def _is_gpu(device):
    return device is not None and torch.device(device).type == GPU.type
