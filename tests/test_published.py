"""Published weights: each has a card that is true of them, and a recipe that runs."""

import importlib
import shutil

import pytest
import torch

from course_lib import data, metrics, published, recipes
from course_lib.objectives import Classification
from course_lib.trainer import Trainer

NAMES = sorted(path.stem for path in published.WEIGHTS.glob("*.safetensors"))
ON_EVERY_CARD = {"network", "parameters", "data", "recipe", "seed", "steps", "command", "machine"}


def test_there_are_published_weights():
    assert "mnist_features" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_has_a_card_and_is_small(name):
    card = published.card(name)
    assert card.keys() >= ON_EVERY_CARD
    assert card["command"] == f"python -m course_lib.recipes.{name}"
    network = getattr(published, name)()
    assert card["parameters"] == sum(parameter.numel() for parameter in network.parameters())
    assert not network.training
    assert (published.WEIGHTS / f"{name}.safetensors").stat().st_size < 2.1e6


def test_another_name_lists_what_there_is():
    with pytest.raises(FileNotFoundError, match=r"Expected the name of published weights \(.*mnist_features.*\), got 'cat'"):
        published.card("cat")


def test_the_feature_network_reads_digits():
    card = published.card("mnist_features")
    assert card["test_accuracy"] >= 0.995
    _, test = data.mnist(profile="fast")  # training images of MNIST: this guards the file, the card measures
    trainer = Trainer(Classification(published.mnist_features()), torch.optim.SGD)
    assert trainer.evaluate(test)["accuracy"] >= 0.995
    features = published.mnist_features().features(test.batch(slice(0, 3))[0])
    assert features.shape == (3, 64)


def test_the_landscape_generator_draws_patches_like_the_photograph():
    card = published.card("landscape_gan")
    assert card["frechet_distance_of_real_patches"] < card["frechet_distance"] < 3
    patches = data.crops(data.photograph(shrink=3), 64, count=150).with_range(-1, 1)
    real, _ = patches.batch(slice(None))
    with torch.no_grad():
        generated = [published.landscape_gan(trained=on)(torch.randn(150, 100)) for on in (True, False)]
    near, far = (metrics.patch_distance(real, images) for images in generated)
    assert near < 15 < 60 < far


@pytest.mark.parametrize("name", NAMES)
def test_each_recipe_runs(name, monkeypatch, tmp_path):
    recipe = importlib.import_module(f"{recipes.__name__}.{name}")
    train, test = data.mnist(profile="fast")
    few = train.subset(slice(0, 150)), test.subset(slice(0, 100))
    monkeypatch.setattr(data, "mnist", lambda **_: few)
    shutil.copy(published.WEIGHTS / "mnist_features.safetensors", tmp_path)  # what other recipes measure with
    monkeypatch.setattr(published, "WEIGHTS", tmp_path)
    monkeypatch.setattr(recipe, "EPOCHS", 1)
    monkeypatch.setattr(recipe, "COUNT", 160, raising=False)
    monkeypatch.setattr(recipe, "DRAWS", 50, raising=False)
    monkeypatch.setattr(recipe, "SEARCHED", 10, raising=False)
    recipe.main()
    again = getattr(published, name)()
    assert published.card(name)["steps"] >= 2
    assert all(torch.isfinite(tensor).all() for tensor in again.state_dict().values())
