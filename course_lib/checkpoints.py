"""Weights and training state on disk: safetensors, written whole or not at all, and read only as they were written."""

import hashlib
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from . import contract, runtime
from .locks import lock

PREFIX = "step-"


def save_weights(module: nn.Module, path: str | Path) -> None:
    """Write a module's parameters and buffers to one safetensors file. Tied weights are written under each of their names."""
    _write(Path(path), _weights(module.state_dict()))


def load_weights(module: nn.Module, path: str | Path) -> nn.Module:
    """Fill a module from a safetensors file; returns the module.

    Raises ValueError, before anything is changed, for a file of another kind (a pickle is never opened) and for names, shapes,
    types or values that do not fit, which it lists.
    """
    module.load_state_dict(read_weights(path, module.state_dict()))
    return module


def read_weights(path: str | Path, expected: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file, a dict like `expected`; raises ValueError where they do not fit it.

    Any floating type does for another: published weights are in half precision.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"Expected a safetensors file of weights at {path}; there is none.")
    try:
        found = safetensors.torch.load_file(path)
    except (SafetensorError, KeyError) as error:  # KeyError: a type of numbers that torch has not
        raise ValueError(
            f"Expected a safetensors file, got {path.name}, which is none ({error}). Pickled weights (.pt, .pth, .pkl) can "
            "run code when they load and are refused: convert them where you trust them, with safetensors.torch.save_file."
        ) from None
    problems = [f"missing {name}" for name in expected.keys() - found.keys()]
    problems += [f"unexpected {name}" for name in found.keys() - expected.keys()]
    for name in expected.keys() & found.keys():
        here, there = expected[name], found[name]
        if there.shape != here.shape:
            problems.append(f"{name} is {tuple(there.shape)} in the file, {tuple(here.shape)} in the model")
        elif there.dtype != here.dtype and not (there.is_floating_point() and here.is_floating_point()):
            problems.append(f"{name} is {there.dtype} in the file, {here.dtype} in the model")
        elif not there.isfinite().all() and here.isfinite().all():
            problems.append(f"{name} has values that are not finite")
    if problems:
        raise ValueError(f"{path.name} does not fit the model: {'; '.join(sorted(problems))}.")
    return found


def save(folder: str | Path, state: dict, weights: dict, config: dict) -> Path:
    """Write one checkpoint, folder/step-N, atomically; returns its path.

    The files are complete on disk in a temporary folder before it takes its name, so whatever stops the process, the
    checkpoints that have a name are whole. Raises OSError, which names the last whole checkpoint, when there is no room.

    folder: holds the checkpoints of a run; made if it is not there.
    state: as `Trainer.state_dict` gives it. Its "parts" go to {part}.training.safetensors where they differ from `weights`, the
        rest to resume.pt.
    weights: {part: state dict}, the weights to use, which go to {part}.safetensors.
    config: what a reader or a program needs to rebuild the networks, written to config.json beside the hash of each file.
    """
    folder, files = Path(folder), {}
    final, temporary = step_folder(folder, state["progress"]["step"]), folder / f".writing-{os.getpid()}"
    folder.mkdir(parents=True, exist_ok=True)
    _tidy(folder)
    if final in _strangers(folder):
        raise _in_the_way(final)

    def write(name, content):
        files[name] = hashlib.sha256(content).hexdigest()
        _write(temporary / name, content)

    try:
        temporary.mkdir()
        for name, tensors in state["parts"].items():
            write(f"{name}.safetensors", _weights(weights[name]))
            if not all(torch.equal(tensor, weights[name][key]) for key, tensor in tensors.items()):
                write(f"{name}.training.safetensors", _weights(tensors))
        rest = io.BytesIO()
        torch.save(_plain({key: value for key, value in state.items() if key != "parts"}), rest)
        write("resume.pt", rest.getbuffer())
        told = json.dumps(_plain(config | {"files": files}), indent=2, default=torch.Tensor.tolist) + "\n"
        _write(temporary / "config.json", told.encode())
        if final.exists():  # the same step, saved again: it has another name until the older one is gone
            temporary = temporary.rename(_again(final))
            _delete(final)
        temporary.rename(final)
    except BaseException as error:
        shutil.rmtree(folder / f".writing-{os.getpid()}", ignore_errors=True)
        reason = contract.shortage(error) or (error.strerror if isinstance(error, OSError) else None)
        if reason is None:
            raise
        raise OSError(f"Could not write the checkpoint {final} ({reason}). {standing(folder)}") from None
    return final


def load(checkpoint: str | Path, like: dict) -> dict:
    """The state in one checkpoint folder, its weights checked against `like`, a trainer's state; nothing in it can run code.

    Raises ValueError for a checkpoint that is not as it was written, as `config` does.
    """
    checkpoint, parts = Path(checkpoint), {}
    config(checkpoint)
    for name, expected in like["parts"].items():
        training = checkpoint / f"{name}.training.safetensors"
        parts[name] = read_weights(training if training.exists() else checkpoint / f"{name}.safetensors", expected)
    try:
        return {"parts": parts} | torch.load(checkpoint / "resume.pt", map_location="cpu", weights_only=True)
    except Exception:
        raise ValueError(f"{checkpoint / 'resume.pt'} cannot be resumed from: it was not written by this package.") from None


def step_folder(folder: str | Path, step: int) -> Path:
    """Where the checkpoint of a step is, or would be."""
    return Path(folder) / f"{PREFIX}{step:08d}"


def every(folder: str | Path) -> list[Path]:
    """The checkpoints in a folder, oldest first: of folders named step- and eight digits or more, those with a config.json."""
    found = [entry for entry in _named(folder) if not entry.is_symlink() and (entry / "config.json").is_file()]
    return sorted(found, key=lambda entry: (_step(entry), len(entry.name)))


def latest(folder: str | Path) -> Path:
    """The last complete checkpoint in a folder. Raises FileNotFoundError when there is none."""
    if found := every(folder):
        return found[-1]
    raise FileNotFoundError(f"Expected a checkpoint such as {Path(folder) / (PREFIX + '00000100')}; found none.")


def standing(folder: str | Path) -> str:
    """A sentence that names the last checkpoint in a folder."""
    found = every(folder)
    return f"The last whole checkpoint is {found[-1]}." if found else "No checkpoint was written before."


def config(checkpoint: str | Path) -> dict:
    """The config.json of a checkpoint, a dict.

    Raises ValueError unless it and the files beside it are as `save` wrote them; it names the file, and an older checkpoint.
    """
    checkpoint = Path(checkpoint)
    found, problem = _verified(checkpoint)
    if not problem:
        return found
    whole = [older for older in every(checkpoint.parent) if older.name < checkpoint.name and not _verified(older)[1]]
    stands = f"{whole[-1]} is whole: move {checkpoint.name} away to go on from there" if whole else "no older one is whole"
    raise ValueError(f"{problem}, so the checkpoint cannot be resumed from or used; {stands}.")


def _verified(checkpoint):
    """The config.json of a checkpoint, and what is wrong with the checkpoint, "" if nothing is."""
    file = checkpoint / "config.json"
    if not file.is_file():
        return None, f"{file} is missing"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        contract.progress(found)
        files = dict(found.get("files", {}))
    except (ValueError, TypeError, RecursionError) as error:
        return None, f"{file} is not as it was written ({str(error).rstrip('.')})"
    for name, digest in files.items():
        if not (checkpoint / name).is_file():
            return found, f"{checkpoint / name} is missing"
        with open(checkpoint / name, "rb") as content:
            if hashlib.file_digest(content, "sha256").hexdigest() != digest:
                return found, f"{checkpoint / name} is not as it was written"
    return found, ""


def try_writing(folder: str | Path) -> None:
    """Make a folder, and write into it; raises OSError where that cannot be."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(4096))
    except OSError as error:
        reason = "it is no folder" if isinstance(error, (FileExistsError, NotADirectoryError)) else error.strerror
        raise OSError(f"Cannot write into {folder} ({reason}): name a folder that can be written to.") from None


@contextmanager
def claim(folder: str | Path) -> Iterator[None]:
    """Inside, this process alone trains into `folder`, which is made, and tried, now: not when there is much to lose.

    Raises OSError for what cannot be written to, BlockingIOError, which names the process, while another one trains there.
    """
    folder = Path(folder)
    if not runtime.accelerator().is_main_process:
        yield
        return
    try_writing(folder)
    for stranger in _strangers(folder):
        raise _in_the_way(stranger)
    with lock(folder / ".lock", told=f"The run in {folder}"):
        yield


def prune(folder: str | Path, keep: int) -> None:
    """Delete all complete checkpoints in a folder but the last `keep`, 1 or more."""
    for old in every(folder)[: -contract.whole_number("keep", keep, at_least=1)]:
        _delete(old)


def _delete(checkpoint):
    """Take its name from a checkpoint before it is deleted, so that no half of it is ever found under a name."""
    nameless = checkpoint.with_name(f".writing-{os.getpid()}")
    checkpoint.rename(nameless)
    shutil.rmtree(nameless, ignore_errors=True)


def _tidy(folder):
    """Finish what killed writers have left half done: never what a living one is doing."""
    for left in folder.glob(".writing-*"):
        if not _alive(left.name.removeprefix(".writing-")):
            shutil.rmtree(left, ignore_errors=True)
    for checkpoint in every(folder):
        final = step_folder(folder, _step(checkpoint))
        if checkpoint == _again(final):  # saved again, and stopped before it took the name
            if final.exists():
                _delete(final)
            checkpoint.rename(final)


def _again(checkpoint):
    """The name that a newer edition of a checkpoint has until the older one is gone: as many steps, one zero more."""
    return checkpoint.with_name(checkpoint.name.replace(PREFIX, f"{PREFIX}0", 1))


def _alive(process):
    """Whether another process of this number runs here; where that cannot be told, yes."""
    if os.name != "posix" or not process.isdecimal():
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return int(process) != os.getpid()


def _named(folder):
    """What is named as checkpoints are: step- and eight digits or more."""
    return [entry for entry in Path(folder).glob(f"{PREFIX}*") if re.fullmatch(r"[0-9]{8,}", entry.name.removeprefix(PREFIX))]


def _strangers(folder):
    """What is named so, and is no checkpoint."""
    return [entry for entry in _named(folder) if entry not in every(folder)]


def _in_the_way(stranger):
    return FileExistsError(f"{stranger} is named as a checkpoint, but holds none (no config.json): move it away first.")


def _step(checkpoint):
    return int(checkpoint.name.removeprefix(PREFIX))


def _weights(tensors):
    """A state dict as the bytes of a safetensors file, which takes no two names for one memory: tied weights become copies."""
    copies = {name: tensor.detach().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}
    return safetensors.torch.save(copies)


def _write(path, content):
    """The one place that writes: bytes, to the disk itself, under their name when all are there."""
    part = path.with_name(f".{path.name}.part")
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OSError(error.errno, f"{error.strerror}, for the {len(content):,} bytes of {path.name}") from None


def _plain(value):
    """What is to be read again without running code: of NumPy's arrays tensors, of its numbers and of paths Python's own."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return (list if isinstance(value, list) else tuple)(map(_plain, value))
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    value = value.item() if isinstance(value, np.generic) else str(value) if isinstance(value, Path) else value
    if value is None or isinstance(value, (torch.Tensor, bool, int, float, str)):
        return value
    raise TypeError(
        f"Expected the state of a callback in tensors, numbers, strings, lists and dicts of them, got {type(value).__name__}."
    )
