"""Weights and training state on disk: safetensors, written whole or not at all."""

import json
import os
import shutil
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

PREFIX = "step-"


def save_weights(module, path):
    """Write a module's parameters and buffers to one safetensors file."""
    save_file({name: tensor.contiguous() for name, tensor in module.state_dict().items()}, path)


def load_weights(module, path):
    """Fill a module from a safetensors file; returns the module.

    Raises ValueError, before anything is changed, for a file of another kind (a pickle is never opened) and for names or
    shapes that do not fit, which it lists.
    """
    module.load_state_dict(read_weights(path, module.state_dict()))
    return module


def read_weights(path, expected):
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


def save(folder, state, config):
    """Write one checkpoint, folder/step-N, atomically; returns its path.

    state: as `Trainer.state_dict` gives it: "parts" go to {part}.safetensors, the rest to resume.pt. config: what a reader
    or a program needs to rebuild the networks, written to config.json. The files are complete on disk in a temporary
    folder before it takes its name, so whatever stops the process, the checkpoints that have a name are whole.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"{PREFIX}{state['progress']['step']:08d}"
    temporary = folder / f".writing-{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir()
        for name, tensors in state["parts"].items():
            save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, temporary / f"{name}.safetensors")
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


def load(checkpoint, parts):
    """The state in one checkpoint folder, checked against `parts`, {name: state dict}; nothing in it can run code."""
    checkpoint = Path(checkpoint)
    state = {"parts": {name: read_weights(checkpoint / f"{name}.safetensors", like) for name, like in parts.items()}}
    try:
        return state | torch.load(checkpoint / "resume.pt", map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"{checkpoint / 'resume.pt'} cannot be resumed from ({reason}); the weights beside it may still be whole."
        ) from None


def every(folder):
    """The complete checkpoints in a folder, oldest first."""
    return sorted(Path(folder).glob(f"{PREFIX}*"))


def latest(folder):
    """The last complete checkpoint in a folder. Raises FileNotFoundError when there is none."""
    if found := every(folder):
        return found[-1]
    raise FileNotFoundError(f"Expected a checkpoint such as {Path(folder) / (PREFIX + '00000100')}; found none.")


def config(checkpoint):
    """The config.json of a checkpoint, a dict."""
    return json.loads((Path(checkpoint) / "config.json").read_text())
