"""Networks that were trained for longer than a chapter has: their weights come with the package, each with a card.

A card is a dict: what the network is, the data, recipe, seed and machine it was trained with, what was measured, and the
command that trains it anew.
"""

import copy
import inspect
import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from . import checkpoints, contract, data, likelihoods, models, paths, runtime, samplers
from .data.download import data_folder, fetch

WEIGHTS = Path(__file__).parent / "weights"
STUDIES = Path(__file__).parent / "studies"
DRAWN_AT_ONCE = 500  # images, to bound the memory

INCEPTION_URL = "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth"
INCEPTION_HASH = "sha256:6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
RESNET18_URL = "https://download.pytorch.org/models/resnet18-f37072fd.pth"
RESNET18_HASH = "sha256:f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec"


def card(name: str) -> dict:
    """The card of published weights; raises FileNotFoundError, which lists what there is, for another name."""
    return _told(WEIGHTS, name, "published weights")


def study(name: str) -> dict:
    """What a benchmark of the repository measured, too long for a chapter; raises FileNotFoundError as `card` does."""
    return _told(STUDIES, name, "a study")


def _told(folder, name, what):
    path = folder / f"{name}.json"
    if not path.is_file():
        names = ", ".join(sorted(path.stem for path in folder.glob("*.json")))
        raise FileNotFoundError(f"Expected the name of {what} ({names}), got {name!r}.")
    return json.loads(path.read_text())


def publish(folder: str | Path, name: str, network: nn.Module, facts: dict) -> dict:
    """Write a network's weights, in half precision, and its card into a folder; returns the card.

    Whoever looks after the package copies both to course_lib/weights.

    folder: where they go; made if it is not there.
    name: of the two files.
    network: what is published.
    facts: what the card says; the number of parameters and the machine are added.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    told = facts | {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "machine": runtime.describe_machine().splitlines(),
    }
    checkpoints.save_weights(copy.deepcopy(network).half(), folder / f"{name}.safetensors")
    (folder / f"{name}.json").write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    return told


def draw(name: str, count: int, *, generator: torch.Generator | None = None, **conditions: Any) -> torch.Tensor:
    """Images (count, C, H, W) in 0..1 of a published generator, on the device.

    name: one of `GENERATORS`.
    count: how many.
    generator: a torch.Generator on the CPU, for the noise; the same seed gives the same noise everywhere.
    conditions: what is asked for. Of mnist_gan, labels: int64 (count,); by default the classes in turn. Of
        mnist_autoregressive, labels, by default none, and a temperature. Of the flows, steps, a sampler and
        guidance, see `course_lib.samplers`; of those of digits labels, by default in turn, of shapes_text captions, a list of
        count sentences, by default none.

    Raises ValueError for another name, a count below 1, and conditions that the generator does not take.
    """
    if name not in GENERATORS:
        raise ValueError(f"Expected a published generator ({', '.join(GENERATORS)}), got {name!r}.")
    contract.whole_number("count", count, at_least=1)
    taken = inspect.signature(GENERATORS[name]).parameters.keys() - {"network", "count", "generator"}
    if not conditions.keys() <= taken:
        raise ValueError(
            f"Expected of the conditions of {name} only {', '.join(taken) or 'none'}, got {', '.join(conditions)}."
        )
    with torch.no_grad():
        return GENERATORS[name](globals()[name](), count, generator, **conditions)


def mnist_features(*, trained: bool = True) -> models.ResNet:
    """A small residual network that reads digits; its `features`, (B, 1, 28, 28) in 0..1 -> (B, 64), are for measures.

    trained: False for the network before training, as its recipe starts from it. In evaluation mode, on the device.
    """
    return _network(models.ResNet((1, 28, 28), blocks=1), "mnist_features", trained)


def landscape_gan(*, trained: bool = True) -> models.Generator:
    """Draws patches of a landscape: noise (B, 100) -> images (B, 3, 64, 64) in -1..1. Otherwise as `mnist_features`."""
    return _network(models.Generator((3, 64, 64), latent_dim=100, width=32, stages=3), "landscape_gan", trained)


def landscape_flow(*, trained: bool = True) -> models.NoiseUNet:
    """Flow matching of patches of the same landscape: z (B, 3, 64, 64), angles (B,) -> v, see `paths.Path.target`.

    On the straight path. `course_lib.samplers` draws with it, or `draw`; `applications.overlapping` makes wider pictures with
    it. Patches are in -1..1. Otherwise as `mnist_features`.
    """
    return _network(models.NoiseUNet(3, widths=(16, 32, 64, 96), patch=1), "landscape_flow", trained)


def shapes_gan(*, trained: bool = True) -> models.Generator:
    """Draws colored shapes: noise (B, 64) -> images (B, 3, 32, 32) in -1..1. Otherwise as `mnist_features`."""
    return _network(models.Generator((3, 32, 32), latent_dim=64, width=48, stages=3), "shapes_gan", trained)


def shapes_reader(*, trained: bool = True) -> models.ResNet:
    """Reads shape, color, size, place and background: images (B, 3, 32, 32) in 0..1 -> logits (B, 27), see `data.WORDS`.

    `objectives.Attributes(published.shapes_reader(), data.WORDS).predict(images)` tells them apart, (B, 5).

    trained: False for the network before training, as its recipe starts from it. In evaluation mode, on the device.
    """
    return _network(models.ResNet((3, 32, 32), 27, blocks=2), "shapes_reader", trained)


def shapes_text(*, trained: bool = True) -> models.NoiseUNet:
    """Flow matching of colored shapes to a sentence: z (B, 3, 32, 32), angles (B,), tokens (B, 12) of `data.VOCABULARY`.

    -> the velocity on the straight path. `course_lib.samplers` draws with it, or `draw`. Pictures are in -1..1.

    trained: False for the network before training, as its recipe starts from it. In evaluation mode, on the device.
    """
    text = models.TextEncoder(len(data.VOCABULARY), data.VOCABULARY.longest)
    return _network(models.NoiseUNet(3, widths=(32, 64, 128), patch=1, text=text), "shapes_text", trained)


def inception(*, root: str | Path | None = None) -> models.Inception:
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


def resnet18(classes: int, *, trained: bool = True, root: str | Path | None = None) -> models.ResNet18:
    """A network that has learned the 1,000 classes of ImageNet's photographs, with a new, untrained head for yours.

    For readers online: 47 MB of torchvision's weights (`ResNet18_Weights.IMAGENET1K_V1`), downloaded once and checked. In
    evaluation mode, on the device. Raises OSError when the file cannot be had or is another.

    classes: the number of logits of the head.
    trained: False for a network that has learned nothing, without a download.
    root: where the download is kept; by default the user's cache folder.
    """
    network = models.ResNet18(classes)
    if trained:
        path = Path(root or data_folder()).expanduser() / RESNET18_URL.rsplit("/", 1)[1]
        fetch([RESNET18_URL], path, RESNET18_HASH, instead=f"course_lib.published.resnet18({classes}, trained=False)")
        weights = torch.load(path, map_location="cpu", weights_only=True)
        network.layers.load_state_dict({name: tensor for name, tensor in weights.items() if not name.startswith("fc.")})
    return network.to(runtime.device()).eval()


def mnist_gan(*, trained: bool = True) -> models.Generator:
    """A generator of digits to order: z (B, 64), standard normal, and labels 0..9, int64 (B,) -> (B, 1, 28, 28) in -1..1.

    trained: False for the network before training, as its recipe starts from it. In evaluation mode, on the device.
    """
    return _network(models.Generator(latent_dim=64, width=48, classes=10), "mnist_gan", trained)


def mnist_vae(*, trained: bool = True) -> models.VAE:
    """A residual VAE of black and white digits: images (B, 1, 28, 28) of 0s and 1s, z (B, 32), logits of the Bernoulli.

    trained: False for the network before training, as its recipe starts from it. In evaluation mode, on the device.
    """
    return _network(models.residual_vae(), "mnist_vae", trained)


def mnist_autoregressive(*, trained: bool = True) -> models.RowRNN:
    """A network that draws digits row by row: images (B, 1, 28, 28) of 0s and 1s -> logits of the Bernoulli, same shape.

    The logits at a pixel depend on the pixels before it in raster order alone, so that it gives exact probabilities: p(x), or
    p(x | label) with labels 0..9, int64 (B,), as a second argument. `course_lib.models.draw` draws with it, also the rest of
    a digit that has begun.

    trained: False for the network before training, as its recipe starts from it. In evaluation mode, on the device.
    """
    return _network(models.RowRNN(classes=10), "mnist_autoregressive", trained)


def mnist_flow(*, trained: bool = True) -> models.NoiseUNet:
    """Flow matching of digits to order: z (B, 1, 28, 28), angles (B,) and labels (B,) -> the velocity on the straight path.

    `course_lib.samplers` draws with it, or `draw`. Digits are in -1..1; label -1 stands for none.

    trained: False for the network before training, as its recipe starts from it. In evaluation mode, on the device.
    """
    return _network(models.NoiseUNet(1, widths=(64, 128), classes=10), "mnist_flow", trained)


def mnist_latent_flow(*, trained: bool = True) -> models.NoiseMLP:
    """Flow matching of the codes of `mnist_vae`, to order: z (B, 32), angles (B,) and labels (B,) -> the velocity.

    On the straight path; `mnist_vae().decode` makes pictures of what it draws. Label -1 stands for none.

    trained: False for the network before training, as its recipe starts from it. In evaluation mode, on the device.
    """
    return _network(models.NoiseMLP(32, width=88, blocks=2, classes=10), "mnist_latent_flow", trained)


def _network(module, name, trained):
    if trained:
        checkpoints.load_weights(module, WEIGHTS / f"{name}.safetensors")
    return module.to(runtime.device()).eval()


def _from_noise(network, count, generator):
    """Images of a generator that makes -1..1 of noise."""
    z = torch.randn(count, network.latent_dim, generator=generator)
    return torch.cat([network(some.to(runtime.device())) for some in z.split(DRAWN_AT_ONCE)]).add(1).div(2)


def _digits_to_order(network, count, generator, labels=None):
    """The same, of a generator that also takes labels."""
    labels = torch.arange(count) % network.classes if labels is None else torch.as_tensor(labels)
    if labels.shape != (count,) or labels.is_floating_point() or not 0 <= labels.min() <= labels.max() < network.classes:
        raise ValueError(
            f"Expected {count} labels, integers 0..{network.classes - 1}, got {labels.dtype} of shape {tuple(labels.shape)}."
        )
    z = torch.randn(count, network.latent_dim, generator=generator)
    parts = zip(z.split(DRAWN_AT_ONCE), labels.split(DRAWN_AT_ONCE), strict=True)
    return torch.cat([network(*(each.to(runtime.device()) for each in part)) for part in parts]).add(1).div(2)


def _means_of_codes(network, count, generator):
    """Means of a VAE with a Bernoulli likelihood, for z from the prior."""
    z = torch.randn(count, network.latent_dim, generator=generator)
    means = likelihoods.Bernoulli().mean
    return torch.cat([means(network.decode(some.to(runtime.device()))) for some in z.split(DRAWN_AT_ONCE)])


def _pixel_by_pixel(network, count, generator, labels=None, temperature=1.0):
    """Black and white images of an autoregressive network, of the labels' classes if there are any."""
    labels = _asked(torch.full((count,), -1) if labels is None else labels, count)
    how = {"generator": generator, "temperature": temperature}
    return torch.cat([models.draw(network, len(some), labels=some, **how) for some in labels.split(DRAWN_AT_ONCE)])


def _asked(labels, count):
    """Labels as a tensor; raises ValueError for another shape than (count,)."""
    labels = torch.as_tensor(labels)
    if labels.shape != (count,):
        raise ValueError(f"Expected {count} labels, got shape {tuple(labels.shape)}.")
    return labels


def _in_turn(labels, count, classes):
    """The labels that are asked for, (count,), by default all in turn."""
    return _asked(torch.arange(count) % classes if labels is None else labels, count)


def _digits_by_flow(network, count, generator, labels=None, steps=8, sampler=samplers.heun, guidance=1.3):
    """Digits of the classes of the labels."""
    asked, times = _in_turn(labels, count, network.classes), paths.STRAIGHT.times(steps)
    return _pictures(_by_flow(network, (count, 1, 28, 28), generator, times, sampler, labels=asked, guidance=guidance))


def _digits_by_latent_flow(network, count, generator, labels=None, steps=10, sampler=samplers.heun, guidance=1.0):
    """Means of the published VAE for codes that are drawn to order."""
    asked, times = _in_turn(labels, count, network.classes), paths.STRAIGHT.times(steps)
    codes = _by_flow(network, (count, network.size), generator, times, sampler, labels=asked, guidance=guidance)
    vae, means = mnist_vae(), likelihoods.Bernoulli().mean
    return torch.cat([means(vae.decode(some)) for some in codes.split(DRAWN_AT_ONCE)])


def _shapes_by_flow(network, count, generator, captions=None, steps=10, sampler=samplers.heun, guidance=4.0):
    """Pictures of shapes to a list of captions, each of which is a sentence; without them, of any shape."""
    if captions is None:
        tokens, guidance = torch.full((count, network.text.longest), -1), 1.0
    else:
        tokens = data.VOCABULARY.encode(captions)
    if len(tokens) != count:
        raise ValueError(f"Expected {count} captions, got {len(tokens)}.")
    times = paths.STRAIGHT.times(steps, shift=3.0)
    return _pictures(_by_flow(network, (count, 3, 32, 32), generator, times, sampler, labels=tokens, guidance=guidance))


def _patches_by_flow(network, count, generator, steps=30, sampler=samplers.heun):
    """Patches of the landscape."""
    times = paths.STRAIGHT.times(steps, shift=2.0)
    return _pictures(_by_flow(network, (count, 3, 64, 64), generator, times, sampler, prediction="v"))


def _by_flow(network, shape, generator, times, sampler, *, labels=None, guidance=1.0, prediction="velocity"):
    """What a network on the straight path draws from noise of a shape (B, ...)."""
    drawn, z = [], torch.randn(shape, generator=generator)
    for index in torch.arange(len(z)).split(DRAWN_AT_ONCE):
        asked = None if labels is None else labels[index].to(runtime.device())
        denoise = samplers.denoiser(network, paths.STRAIGHT, prediction, labels=asked, guidance=guidance)
        drawn.append(sampler(denoise, z[index].to(runtime.device()), paths.STRAIGHT, times))
    return torch.cat(drawn)


def _pictures(x):
    """-1..1, and what is beyond, as 0..1."""
    return x.clamp(-1, 1).add(1).div(2)


GENERATORS = {  # how each published generator draws
    "mnist_gan": _digits_to_order,
    "shapes_gan": _from_noise,
    "landscape_gan": _from_noise,
    "mnist_vae": _means_of_codes,
    "mnist_autoregressive": _pixel_by_pixel,
    "mnist_flow": _digits_by_flow,
    "mnist_latent_flow": _digits_by_latent_flow,
    "shapes_text": _shapes_by_flow,
    "landscape_flow": _patches_by_flow,
}
