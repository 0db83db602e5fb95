"""Where and how the course computes: seeds, device, precision, profile, and the one Accelerator.

Everything is chosen for the machine. `configure` is the one place that overrides a choice, and the environment variables
COURSE_LIB_DEVICE, COURSE_LIB_PRECISION and COURSE_LIB_PROFILE give its defaults, so that a notebook can be run in
another profile without an edit.
"""

import os
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import set_seed  # noqa: F401  (public here: runtime.set_seed)

_CHOICES = {"device": ("cpu", "cuda", "mps"), "precision": ("fp32", "bf16"), "profile": ("fast", "full")}
_chosen = {}


def configure(*, device=None, precision=None, profile=None):
    """Override what the machine would choose; None leaves that choice to the environment variable or the machine.

    device: "cpu", "cuda" or "mps". precision: "fp32" or "bf16". profile: "fast" (embedded data, minutes on a laptop) or
    "full" (whole data sets, best with a GPU). Models and data already made stay where they are: call it first.
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
def accelerator():
    """The one Accelerator of this process: device, precision, and the other processes when there are any."""
    device = _choice("device")
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    precision = _choice("precision") or ("bf16" if bf16_pays(device) else "fp32")
    return Accelerator(cpu=device == "cpu", mixed_precision={"fp32": "no", "bf16": "bf16"}[precision])


def device():
    """The torch.device that data and models are put on."""
    return accelerator().device


def precision():
    """ "bf16" (matrix products in bfloat16, weights and losses in float32) or "fp32"."""
    return {"no": "fp32", "bf16": "bf16"}[accelerator().mixed_precision]


def profile():
    """ "fast" or "full": how much data and training a chapter takes on. Full is the default with a GPU."""
    return _choice("profile") or ("fast" if device().type == "cpu" else "full")


def bf16_pays(device_type):
    """Whether bfloat16 is quicker there: CPUs with AMX or AVX512-BF16, GPUs from compute capability 8.0."""
    if device_type == "cuda":
        return torch.cuda.get_device_capability() >= (8, 0)
    return device_type == "cpu" and bool({"amx_bf16", "avx512_bf16"} & _cpu()["flags"])


def memory_format():
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


def require_version(expected):
    """Raises RuntimeError, which says what to do, unless course_lib has the version that a notebook was written for."""
    if (found := version("course_lib")) != expected:
        raise RuntimeError(
            f"This notebook expects course_lib {expected}, got {found}. In Colab choose Runtime, Restart session, and run it "
            "from the top; on your own machine bring notebook and package to one version: git pull, then make book."
        )


def describe_machine():
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
