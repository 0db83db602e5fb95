"""Networks that were trained for longer than a chapter has: their weights come with the package, each with a card.

A card is a dict: what the network is, the data, recipe, seed and machine it was trained with, what was measured, and the
command that trains it anew.
"""

import json
from pathlib import Path

import torch

from . import checkpoints, models, runtime
from .data.download import data_folder, fetch

WEIGHTS = Path(__file__).parent / "weights"

INCEPTION_URL = "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth"
INCEPTION_HASH = "sha256:6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"


def card(name):
    """The card of published weights; raises FileNotFoundError, which lists what there is, for another name."""
    path = WEIGHTS / f"{name}.json"
    if not path.is_file():
        names = ", ".join(sorted(path.stem for path in WEIGHTS.glob("*.json")))
        raise FileNotFoundError(f"Expected the name of published weights ({names}), got {name!r}.")
    return json.loads(path.read_text())


def publish(name, network, trainer, facts):
    """Write a network's weights and its card into the package: the dict `facts`, and what `trainer` and the network tell."""
    told = {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "seed": trainer.seed,
        "steps": trainer.step,
        "command": f"python -m course_lib.recipes.{name}",
        "machine": runtime.describe_machine().splitlines(),
    }
    WEIGHTS.mkdir(exist_ok=True)
    checkpoints.save_weights(network, WEIGHTS / f"{name}.safetensors")
    (WEIGHTS / f"{name}.json").write_text(json.dumps(facts | told, indent=2, ensure_ascii=False) + "\n")


def mnist_features(*, trained=True):
    """A small residual network that reads digits; its `features`, (B, 1, 28, 28) in 0..1 -> (B, 64), are for measures.

    trained: False for the network before training, as its recipe starts from it. In evaluation mode, on the device.
    """
    return _network(models.ResNet((1, 28, 28), blocks=1), "mnist_features", trained)


def landscape_gan(*, trained=True):
    """Draws patches of a landscape: noise (B, 100) -> images (B, 3, 64, 64) in -1..1. Otherwise as `mnist_features`."""
    return _network(models.Generator((3, 64, 64), latent_dim=100, width=32, stages=3), "landscape_gan", trained)


def shapes_gan(*, trained=True):
    """Draws coloured shapes: noise (B, 64) -> images (B, 3, 32, 32) in -1..1. Otherwise as `mnist_features`."""
    return _network(models.Generator((3, 32, 32), latent_dim=64, width=48, stages=3), "shapes_gan", trained)


def inception(*, root=None):
    """The network of the original FID; its `features`, (B, 1 or 3, H, W) in 0..1 -> (B, 2048), are what a FID compares.

    For readers online: 96 MB, downloaded once into `root` (default: the user's cache folder) and checked. Needs the package
    pytorch-fid, whose conversion of the TensorFlow weights of 2015-12-05 it is. In evaluation mode, on the device. Raises
    ImportError without the package, OSError when the file cannot be had or is another.
    """
    network = models.Inception()
    path = Path(root or data_folder()).expanduser() / INCEPTION_URL.rsplit("/", 1)[1]
    fetch([INCEPTION_URL], path, INCEPTION_HASH, instead="course_lib.published.mnist_features()")
    weights = torch.load(path, map_location="cpu", weights_only=True)
    network.layers.load_state_dict({name: tensor for name, tensor in weights.items() if not name.startswith("fc.")})
    return network.to(runtime.device()).eval()


def mnist_gan(*, trained=True):
    """A generator of digits to order: z (B, 64), standard normal, and labels 0..9, int64 (B,) -> (B, 1, 28, 28) in -1..1.

    trained: False for the network before training, as its recipe starts from it. In evaluation mode, on the device.
    """
    return _network(models.Generator(latent_dim=64, width=48, classes=10), "mnist_gan", trained)


def mnist_vae(*, trained=True):
    """A residual VAE of black and white digits: images (B, 1, 28, 28) of 0s and 1s, z (B, 32), logits of the Bernoulli.

    trained: False for the network before training, as its recipe starts from it. In evaluation mode, on the device.
    """
    return _network(models.residual_vae(), "mnist_vae", trained)


def _network(module, name, trained):
    if trained:
        checkpoints.load_weights(module, WEIGHTS / f"{name}.safetensors")
    return module.to(runtime.device()).eval()
