"""Networks that were trained for longer than a chapter has: their weights come with the package, each with a card.

A card is a dict: what the network is, the data, recipe, seed and machine it was trained with, what was measured, and the
command that trains it anew.
"""

import json
from pathlib import Path

from . import checkpoints, models, runtime

WEIGHTS = Path(__file__).parent / "weights"


def card(name):
    """The card of published weights; raises FileNotFoundError, which lists what there is, for another name."""
    path = WEIGHTS / f"{name}.json"
    if not path.is_file():
        names = ", ".join(sorted(path.stem for path in WEIGHTS.glob("*.json")))
        raise FileNotFoundError(f"Expected the name of published weights ({names}), got {name!r}.")
    return json.loads(path.read_text())


def publish(name, module, facts):
    """Write a network's weights and its card, the dict `facts`, into the package."""
    WEIGHTS.mkdir(exist_ok=True)
    checkpoints.save_weights(module, WEIGHTS / f"{name}.safetensors")
    text = json.dumps({**facts, "machine": runtime.describe_machine().splitlines()}, indent=2, ensure_ascii=False)
    (WEIGHTS / f"{name}.json").write_text(text + "\n")


def mnist_features(*, trained=True):
    """A small residual network that reads digits; its `features`, (B, 1, 28, 28) in 0..1 -> (B, 64), are for measures.

    trained: False for the network before training, as its recipe starts from it. In evaluation mode, on the device.
    """
    return _network(models.ResNet((1, 28, 28), blocks=1), "mnist_features", trained)


def _network(module, name, trained):
    if trained:
        checkpoints.load_weights(module, WEIGHTS / f"{name}.safetensors")
    return module.to(runtime.device()).eval()
