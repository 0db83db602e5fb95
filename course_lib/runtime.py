"""Where and how the course computes: seeds, device, precision, profile, and the one Accelerator.

Everything is chosen for the machine. `configure` is the one place that overrides a choice, and the environment variables
COURSE_LIB_DEVICE, COURSE_LIB_PRECISION and COURSE_LIB_PROFILE give its defaults, so that a notebook can be run in
another profile without an edit.
"""

import os
import platform
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import broadcast, convert_outputs_to_fp32, gather_object
from accelerate.utils import set_seed as _set_seed
from torch import nn

from . import contract

PASSES = ("forward", "encode", "decode", "features")  # what of a network runs in mixed precision
_CHOICES = {"device": ("cpu", "cuda", "mps"), "precision": ("fp32", "bf16"), "profile": ("fast", "full")}
_chosen = {}


def set_seed(seed: int) -> None:
    """Seed the random generators of Python, NumPy and torch. Raises TypeError or ValueError unless it is 0, 1, 2, ..."""
    _set_seed(contract.whole_number("seed", seed, at_least=0))


def configure(*, device: str | None = None, precision: str | None = None, profile: str | None = None) -> None:
    """Override what the machine would choose; None leaves that choice to the environment variable or the machine.

    Models and data already made stay where they are: call it first.

    device: "cpu", "cuda" or "mps".
    precision: "fp32" or "bf16".
    profile: "fast" (embedded data, minutes on a laptop) or "full" (whole data sets, best with a GPU).

    Raises ValueError for a name that is not listed and for a device that is not there.
    """
    asked = {"device": device, "precision": precision, "profile": profile}
    for name, value in asked.items():
        if value is not None:
            _check(name, value, f"{name}={value!r}")
    if PartialState._shared_state and PartialState().num_processes > 1:
        raise RuntimeError("configure() came after the processes had met: call it before the first data set or trainer.")
    _chosen.clear()
    _chosen.update({name: value for name, value in asked.items() if value is not None})
    accelerator.cache_clear()
    AcceleratorState._reset_state(reset_partial_state=True)


def _check(name, value, origin):
    if value not in _CHOICES[name]:
        raise ValueError(f"Expected {name} to be one of {', '.join(_CHOICES[name])}; got {origin}.")
    missing = {"cuda": not torch.cuda.is_available(), "mps": not torch.backends.mps.is_available()}
    if name == "device" and missing.get(value):
        raise ValueError(
            f"The device {value!r} was asked for ({origin}), but torch {torch.__version__} finds none on this machine. "
            "Use 'cpu', or in Colab choose Runtime > Change runtime type > GPU."
        )


def _choice(name):
    """What configure() or the environment asks for, else None."""
    if name in _chosen:
        return _chosen[name]
    variable = f"COURSE_LIB_{name.upper()}"
    if value := os.environ.get(variable):
        _check(name, value, f"{variable}={value}")
        return value
    return None


@cache
def accelerator() -> Accelerator:
    """The one Accelerator of this process: device, precision, and the other processes when there are any."""
    device = _choice("device")
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    precision = _choice("precision") or ("bf16" if bf16_pays(device) else "fp32")
    return Accelerator(cpu=device == "cpu", mixed_precision={"fp32": "no", "bf16": "bf16"}[precision])


def device() -> torch.device:
    """The torch.device that data and models are put on."""
    return accelerator().device


def precision() -> str:
    """ "bf16" (matrix products in bfloat16, weights and losses in float32) or "fp32"."""
    return {"no": "fp32", "bf16": "bf16"}[accelerator().mixed_precision]


def profile() -> str:
    """ "fast" or "full": how much data and training a chapter takes on. Full is the default with a GPU."""
    return _choice("profile") or ("fast" if device().type == "cpu" else "full")


def bf16_pays(device_type: str) -> bool:
    """Whether bfloat16 is quicker there: CPUs with AMX or AVX512-BF16, GPUs from compute capability 8.0."""
    if device_type == "cuda":
        return torch.cuda.get_device_capability() >= (8, 0)
    return device_type == "cpu" and bool({"amx_bf16", "avx512_bf16"} & _cpu()["flags"])


def choices() -> dict[str, str]:
    """The device and the precision of this process, as a trainer remembers what it was made for."""
    return {"device": device().type, "precision": precision()}


def check_choices(made_for: dict[str, str]) -> None:
    """Raises RuntimeError unless device and precision are still those that something was `made_for`."""
    if made_for != choices():
        raise RuntimeError(
            f"Expected runtime.configure() before the trainer is made, got it after: the trainer was made for "
            f"{_text(made_for)}, the choice is now {_text(choices())}. Make data, networks and trainer anew."
        )


def _text(made_for):
    return f"{made_for['device']} in {made_for['precision']}"


def tell(*values: object, **options: object) -> None:
    """print(), from the first process alone. That nobody can read it any more, or a disk is full, does not end a training."""
    with suppress(OSError, ValueError):  # ValueError: a closed file
        accelerator().print(*values, flush=True, **options)


@contextmanager
def evaluation_mode(network: nn.Module) -> Iterator[None]:
    """Inside, a network and all in it are in evaluation mode; afterwards each is in the mode that it was in."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def mixed_precision(networks: dict[str, nn.Module]) -> Iterator[None]:
    """Inside, what each network computes runs in the chosen precision and is returned in float32."""
    calls = [(network, name) for network in networks.values() for name in PASSES if hasattr(network, name)]
    wrapped = [(network, name) for network, name in calls if precision() != "fp32" and name not in vars(network)]
    for network, name in wrapped:
        setattr(network, name, convert_outputs_to_fp32(accelerator().autocast()(getattr(network, name))))
    try:
        yield
    finally:
        for network, name in wrapped:
            delattr(network, name)


def start_together(network: nn.Module, seed: int) -> None:
    """Give every process the weights of the first, but noise and dropout of its own."""
    if accelerator().num_processes > 1:
        broadcast([tensor.data for tensor in network.state_dict().values()])
        torch.manual_seed(seed + accelerator().process_index)


def sum_over_processes(values: torch.Tensor) -> list[float]:
    """The sums (n,) over all processes, as floats; this waits for the device."""
    return accelerator().reduce(values, "sum").tolist()


def average_over_processes(tensors: list[torch.Tensor]) -> None:
    """Give every process the mean over processes of each tensor, in place, in one message."""
    if accelerator().num_processes == 1 or not tensors:
        return
    mean = accelerator().reduce(torch.cat([tensor.flatten() for tensor in tensors]), "mean")
    for tensor, values in zip(tensors, mean.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(values.view_as(tensor))


def memory_format() -> torch.memory_format:
    """channels_last, in which convolutions run as fast or faster on GPUs and CPUs; contiguous on Apple's, where they do not."""
    return torch.contiguous_format if device().type == "mps" else torch.channels_last


@cache
def _cpu():
    """Name and instruction-set flags of the processor; Linux tells both, elsewhere only the name is known."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return {"name": platform.processor() or platform.machine(), "flags": set()}
    pairs = dict(reversed([line.split(":", 1) for line in lines if ":" in line]))
    facts = {key.strip(): value.strip() for key, value in pairs.items()}
    return {"name": facts.get("model name", platform.machine()), "flags": set(facts.get("flags", "").split())}


def random_state() -> dict:
    """Where the random generators of Python, NumPy and torch are: a dict for `set_random_state`, which a checkpoint holds."""
    kind, key, *rest = np.random.get_state()
    state = {"python": random.getstate(), "numpy": [kind, torch.from_numpy(key.astype(np.int64)), *rest]}
    return state | {"torch": torch.get_rng_state()} | _device_random_state()


def random_states() -> list[dict]:
    """The `random_state` of each process."""
    return gather_object([random_state()])


def set_random_state(state: dict) -> None:
    """Put the random generators of Python, NumPy and torch where `random_state` found them, here or in an earlier run.

    Raises ValueError, with nothing changed, for what is none of their states.
    """
    before = random_state()
    try:
        _set_random_state(state)
    except (TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        _set_random_state(before)
        raise ValueError(f"Expected a random state as this package saves it, got another ({error}).") from None


def _set_random_state(state):
    kind, key, *rest = state["numpy"]
    random.setstate(state["python"])
    np.random.set_state((kind, key.numpy().astype(np.uint32), *rest))
    _set_torch_state(state)


@contextmanager
def own_random(seed: int) -> Iterator[None]:
    """Inside, torch draws from `seed`; afterwards it goes on where it was. For measures, which must not change a training."""
    before = {"torch": torch.get_rng_state()} | _device_random_state()
    torch.manual_seed(seed)
    try:
        yield
    finally:
        _set_torch_state(before)


def _device_random_state():
    return {"cuda": torch.cuda.get_rng_state()} if device().type == "cuda" else {}


def _set_torch_state(state):
    torch.set_rng_state(state["torch"])
    if "cuda" in state and device().type == "cuda":
        torch.cuda.set_rng_state(state["cuda"])


def require_version(expected: str) -> None:
    """Raises RuntimeError, which says what to do, unless course_lib has the version that a notebook was written for."""
    if (found := version("course_lib")) != expected:
        raise RuntimeError(
            f"This notebook expects course_lib {expected}, got {found}. In Colab choose Runtime, Restart session, and run it "
            "from the top; on your own machine bring notebook and package to one version: git pull, then make book."
        )


def describe_machine() -> str:
    """Two lines: the versions at work, and the machine with what was chosen for it."""
    names = ("course_lib", "torch", "keras", "numpy")
    versions = " · ".join(f"{name} {version(name)}" for name in names)
    here = device()
    if here.type == "cuda":
        properties = torch.cuda.get_device_properties(here)
        hardware = f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
    else:
        hardware = f"{_cpu()['name']}, {torch.get_num_threads()} threads"
    processes = accelerator().num_processes
    together = f" · {processes} processes" if processes > 1 else ""
    return (
        f"{versions} · Python {platform.python_version()}\n"
        f"{here.type}: {hardware} · precision {precision()} · profile {profile()}{together}"
    )
