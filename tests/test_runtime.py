import os
import subprocess
import sys
from importlib.metadata import version

import pytest
import torch
from accelerate.state import AcceleratorState, PartialState

import course_lib
from course_lib import runtime


@pytest.fixture(autouse=True)
def fresh_choices():
    """No test finds or leaves an Accelerator that was made for other choices."""
    runtime.configure()
    yield
    runtime.configure()


@pytest.fixture
def bare_cpu(monkeypatch):
    """A machine without a GPU, and nothing asked for in the environment."""
    for name in ("DEVICE", "PRECISION", "PROFILE"):
        monkeypatch.delenv(f"COURSE_LIB_{name}")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def chosen():
    return runtime.device().type, runtime.precision(), runtime.profile()


@pytest.mark.parametrize(
    ("flags", "precision"), [(set(), "fp32"), ({"avx2"}, "fp32"), ({"amx_bf16", "avx2"}, "bf16"), ({"avx512_bf16"}, "bf16")]
)
def test_the_machine_chooses(bare_cpu, monkeypatch, flags, precision):
    monkeypatch.setattr(runtime, "_cpu", lambda: {"name": "some", "flags": flags})
    assert runtime.bf16_pays("cpu") == (precision == "bf16")
    assert chosen() == ("cpu", precision, "fast")


@pytest.mark.parametrize(("capability", "pays"), [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_bf16_pays_on_newer_gpus(monkeypatch, capability, pays):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    assert runtime.bf16_pays("cuda") is pays
    assert runtime.bf16_pays("mps") is False


def test_full_is_the_profile_of_a_gpu(bare_cpu, monkeypatch):
    monkeypatch.setattr(runtime, "device", lambda: torch.device("cuda"))
    assert runtime.profile() == "full"


def test_configure_overrides_the_environment_until_the_next_call(monkeypatch):
    monkeypatch.setenv("COURSE_LIB_PRECISION", "bf16")
    monkeypatch.setenv("COURSE_LIB_PROFILE", "full")
    assert chosen() == ("cpu", "bf16", "full")
    runtime.configure(precision="fp32", profile="fast")
    assert chosen() == ("cpu", "fp32", "fast")
    runtime.configure(precision="fp32")
    assert chosen() == ("cpu", "fp32", "full")
    runtime.configure()
    assert chosen() == ("cpu", "bf16", "full")


def test_an_empty_variable_asks_for_nothing(bare_cpu, monkeypatch):
    monkeypatch.setenv("COURSE_LIB_PROFILE", "")
    assert runtime.profile() == "fast"


@pytest.mark.parametrize(
    ("name", "listed"), [("device", "cpu, cuda, mps"), ("precision", "fp32, bf16"), ("profile", "fast, full")]
)
def test_wrong_names_are_refused(monkeypatch, name, listed):
    runtime.configure(profile="full")
    with pytest.raises(ValueError, match=rf"Expected {name} to be one of {listed}; got {name}='wrong'\."):
        runtime.configure(**{name: "wrong"})
    assert runtime.profile() == "full"
    runtime.configure()
    monkeypatch.setenv(f"COURSE_LIB_{name.upper()}", "wrong")
    with pytest.raises(ValueError, match=rf"Expected {name} to be one of {listed}; got COURSE_LIB_{name.upper()}=wrong\."):
        chosen()


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_gpu_that_is_not_there(bare_cpu, monkeypatch, device):
    with pytest.raises(ValueError, match=rf"device='{device}'.* finds none on this machine\. Use 'cpu'"):
        runtime.configure(device=device)
    assert runtime.device().type == "cpu"
    runtime.configure()
    monkeypatch.setenv("COURSE_LIB_DEVICE", device)
    with pytest.raises(ValueError, match=rf"COURSE_LIB_DEVICE={device}.* finds none on this machine"):
        runtime.device()


def test_configure_comes_before_the_processes_meet(monkeypatch):
    runtime.accelerator()
    monkeypatch.setitem(PartialState._shared_state, "num_processes", 2)
    with pytest.raises(RuntimeError, match="call it before the first data set or trainer"):
        runtime.configure(precision="bf16")
    assert runtime.precision() == "fp32"


def test_there_is_one_accelerator_until_configure():
    first = runtime.accelerator()
    assert runtime.accelerator() is first
    assert first.device == runtime.device() == torch.device("cpu")
    runtime.configure(precision="bf16")
    assert runtime.accelerator() is not first
    assert runtime.accelerator().mixed_precision == "bf16"


@pytest.mark.parametrize(("kind", "layout"), [("cpu", torch.channels_last), ("mps", torch.contiguous_format)])
def test_memory_format_follows_the_device(monkeypatch, kind, layout):
    monkeypatch.setattr(runtime, "device", lambda: torch.device(kind))
    assert runtime.memory_format() == layout


def test_set_seed_repeats_the_random_numbers():
    runtime.set_seed(3)
    first = torch.randn(4)
    assert not torch.equal(torch.randn(4), first)
    runtime.set_seed(3)
    assert torch.equal(torch.randn(4), first)


def test_describe_machine_is_two_lines():
    versions, machine = runtime.describe_machine().split("\n")
    assert versions.startswith(f"course_lib {course_lib.__version__} · torch {torch.__version__.split('+')[0]}")
    assert f"{torch.get_num_threads()} threads" in machine
    assert machine.startswith("cpu: ")
    assert machine.endswith(" · precision fp32 · profile fast")


def test_describe_machine_counts_the_processes(monkeypatch):
    runtime.accelerator()
    monkeypatch.setitem(AcceleratorState._shared_state, "num_processes", 3)
    assert runtime.describe_machine().endswith(" · profile fast · 3 processes")


IMPORTS = """
import os, sys
import course_lib
heavy = {"torch", "keras", "accelerate", "numpy", "matplotlib"} & set(sys.modules)
assert not heavy, heavy
assert os.environ["KERAS_BACKEND"] == "torch"
"""


def test_importing_course_lib_imports_nothing_heavy():
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    done = subprocess.run([sys.executable, "-c", IMPORTS], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_submodules_load_by_name():
    assert course_lib.runtime is runtime
    assert "trainer" in dir(course_lib)
    with pytest.raises(AttributeError, match=r"course_lib has no module 'trainr'; it has .*trainer"):
        _ = course_lib.trainr


def test_a_notebook_of_another_version_is_told_what_to_do():
    runtime.require_version(version("course_lib"))
    with pytest.raises(RuntimeError, match=r"expects course_lib 9\.0, got .* Restart session.* git pull"):
        runtime.require_version("9.0")
