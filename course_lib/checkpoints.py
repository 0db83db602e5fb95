"""Weights and training state on disk: safetensors, written whole or not at all."""

import json
import os
import shutil
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

PREFIX = "step-"
PROGRESS = ("epoch", "step", "batches_done", "totals", "history")  # how far a trainer is, by the names of its attributes


def save_weights(module: nn.Module, path: str | Path) -> None:
    """Write a module's parameters and buffers to one safetensors file. Tied weights are written under each of their names."""
    _write(module.state_dict(), path)


def load_weights(module: nn.Module, path: str | Path) -> nn.Module:
    """Fill a module from a safetensors file; returns the module.

    Raises ValueError, before anything is changed, for a file of another kind (a pickle is never opened) and for names or
    shapes that do not fit, which it lists.
    """
    module.load_state_dict(read_weights(path, module.state_dict()))
    return module


def read_weights(path: str | Path, expected: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file, a dict like `expected`; raises ValueError where they do not fit it."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"Expected a safetensors file of weights at {path}; there is none.")
    try:
        found = load_file(path)
    except SafetensorError as error:
        raise ValueError(
            f"Expected a safetensors file, got {path.name}, which is none ({error}). Pickled weights (.pt, .pth, .pkl) can "
            "run code when they load and are refused: convert them where you trust them, with safetensors.torch.save_file."
        ) from None
    problems = [f"missing {name}" for name in expected.keys() - found.keys()]
    problems += [f"unexpected {name}" for name in found.keys() - expected.keys()]
    problems += [
        f"{name} is {tuple(found[name].shape)} in the file, {tuple(expected[name].shape)} in the model"
        for name in expected.keys() & found.keys()
        if found[name].shape != expected[name].shape
    ]
    if problems:
        raise ValueError(f"{path.name} does not fit the model: {'; '.join(sorted(problems))}.")
    return found


def save(folder: str | Path, state: dict, weights: dict, config: dict) -> Path:
    """Write one checkpoint, folder/step-N, atomically; returns its path.

    The files are complete on disk in a temporary folder before it takes its name, so whatever stops the process, the
    checkpoints that have a name are whole.

    folder: holds the checkpoints of a run; made if it is not there.
    state: as `Trainer.state_dict` gives it. Its "parts" go to {part}.training.safetensors where they differ from `weights`, the
        rest to resume.pt.
    weights: {part: state dict}, the weights to use, which go to {part}.safetensors.
    config: what a reader or a program needs to rebuild the networks, written to config.json.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    final = step_folder(folder, state["progress"]["step"])
    temporary = folder / f".writing-{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir()
        for name, tensors in state["parts"].items():
            _write(weights[name], temporary / f"{name}.safetensors")
            if not all(torch.equal(tensor, weights[name][key]) for key, tensor in tensors.items()):
                _write(tensors, temporary / f"{name}.training.safetensors")
        torch.save({key: value for key, value in state.items() if key != "parts"}, temporary / "resume.pt")
        (temporary / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        for file in temporary.iterdir():
            with open(file, "rb+") as written:
                os.fsync(written.fileno())
        if final.exists():  # the same step, saved again
            final.rename(temporary / "replaced")
        temporary.rename(final)
        shutil.rmtree(final / "replaced", ignore_errors=True)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return final


def load(checkpoint: str | Path, like: dict) -> dict:
    """The state in one checkpoint folder, checked against `like`, a trainer's state; nothing in it can run code."""
    checkpoint, parts = Path(checkpoint), {}
    for name, expected in like["parts"].items():
        training = checkpoint / f"{name}.training.safetensors"
        parts[name] = read_weights(training if training.exists() else checkpoint / f"{name}.safetensors", expected)
    try:
        return {"parts": parts} | torch.load(checkpoint / "resume.pt", map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"{checkpoint / 'resume.pt'} cannot be resumed from ({reason}); the weights beside it may still be whole."
        ) from None


def step_folder(folder: str | Path, step: int) -> Path:
    """Where the checkpoint of a step is, or would be."""
    return Path(folder) / f"{PREFIX}{step:08d}"


def prune(folder: str | Path, keep: int) -> None:
    """Delete all complete checkpoints in a folder but the last `keep`."""
    for old in every(folder)[:-keep]:
        shutil.rmtree(old)


def _write(tensors, path):
    """A state dict as a safetensors file, which takes no two names for one memory: tied weights become copies."""
    save_file({name: tensor.detach().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}, path)


def every(folder: str | Path) -> list[Path]:
    """The complete checkpoints in a folder, oldest first."""
    return sorted(Path(folder).glob(f"{PREFIX}*"))


def latest(folder: str | Path) -> Path:
    """The last complete checkpoint in a folder. Raises FileNotFoundError when there is none."""
    if found := every(folder):
        return found[-1]
    raise FileNotFoundError(f"Expected a checkpoint such as {Path(folder) / (PREFIX + '00000100')}; found none.")


def config(checkpoint: str | Path) -> dict:
    """The config.json of a checkpoint, a dict."""
    return json.loads((Path(checkpoint) / "config.json").read_text())
