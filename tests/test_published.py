"""Published weights: each has a card that is true of them, and a recipe that runs."""

import json
import re
from dataclasses import replace
from functools import partial

import pytest
import torch

from course_lib import checkpoints, data, metrics, published, recipes
from course_lib.objectives import Attributes, Classification
from course_lib.recipes import denoising, publish, vaes
from course_lib.trainer import Trainer

NAMES = sorted(path.stem for path in published.WEIGHTS.glob("*.safetensors"))
OF = {recipe.publishes: recipe for recipe in recipes.RECIPES.values() if recipe.publishes}
SHAPES = {"mnist": (1, 28, 28), "landscape": (3, 64, 64)}  # of the images of the recipes' data; of shapes (3, 32, 32)
ON_EVERY_CARD = {"objective", "parameters", "data", "recipe", "seed", "steps", "command", "machine"}


def test_there_are_published_weights():
    assert "mnist_features" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_has_a_card_and_is_small(name):
    card = published.card(name)
    assert card.keys() >= ON_EVERY_CARD
    command = re.fullmatch(r"python -m course_lib train (\w+) --profile full --out RUN", card["command"])
    assert recipes.RECIPES[command[1]] is OF[name]
    network = getattr(published, name)()
    assert card["parameters"] == sum(parameter.numel() for parameter in network.parameters())
    assert not network.training
    assert (published.WEIGHTS / f"{name}.safetensors").stat().st_size < (3e6 if name == "shapes_text" else 2.1e6)


def test_another_name_lists_what_there_is():
    with pytest.raises(FileNotFoundError, match=r"Expected the name of published weights \(.*mnist_features.*\), got 'cat'"):
        published.card("cat")
    with pytest.raises(FileNotFoundError, match=r"Expected the name of a study \(.*leaderboard.*\), got 'cat'"):
        published.study("cat")


def test_the_feature_network_reads_digits():
    card = published.card("mnist_features")
    assert card["test_accuracy"] >= 0.995
    _, test = data.mnist(profile="fast")  # training images of MNIST: this guards the file, the card measures
    trainer = Trainer(Classification(published.mnist_features()), torch.optim.SGD)
    assert trainer.evaluate(test)["accuracy"] >= 0.995
    features = published.mnist_features().features(test.batch(slice(0, 3))[0])
    assert features.shape == (3, 64)


def test_the_landscape_flow_draws_patches_like_the_photograph():
    card, gan = (published.card(f"landscape_{family}") for family in ("flow", "gan"))
    assert card["frechet_distance_of_real_patches"] < card["frechet_distance"] < gan["frechet_distance"]
    real, _ = data.crops(data.photograph(shrink=3), 64, count=64).with_value_range(0, 1).batch(slice(None))
    drawn = published.draw("landscape_flow", 16, generator=torch.Generator().manual_seed(0), steps=5)
    noise = torch.rand(16, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    detail, near, far = (metrics.patch_features(images * 2 - 1)[:, 51:] for images in (real, drawn, noise))  # and slopes
    off = [(each.mean(0) - detail.mean(0)).abs() / detail.std(0) for each in (near, far)]
    assert off[0].mean() < 0.6 < 2 < off[1].mean()


def test_the_landscape_generator_draws_patches_like_the_photograph():
    card = published.card("landscape_gan")
    assert card["frechet_distance_of_real_patches"] < card["frechet_distance"] < 3
    patches = data.crops(data.photograph(shrink=3), 64, count=150).with_value_range(-1, 1)
    real, _ = patches.batch(slice(None))
    with torch.no_grad():
        generated = [published.landscape_gan(trained=on)(torch.randn(150, 100)) for on in (True, False)]
    near, far = (metrics.patch_distance(real, images) for images in generated)
    assert near < 15 < 60 < far


@pytest.mark.parametrize("name", NAMES)
def test_each_card_tells_the_recipe_that_there_is(name):
    recipe = OF[name]
    assert recipe.describe().items() <= published.card(name).items()
    objective = recipe.objective(SHAPES.get(recipe.data, (3, 32, 32)), 10)
    checkpoints.load_weights(getattr(objective, recipe.part), published.WEIGHTS / f"{name}.safetensors")


@pytest.mark.parametrize("name", NAMES)
def test_each_recipe_trains_measures_and_publishes(name, monkeypatch, tmp_path):
    recipe = replace(OF[name], epochs=1, batch_size=32)
    monkeypatch.setattr(vaes, "DRAWS", 50)
    monkeypatch.setattr(vaes, "SEARCHED", 10)
    monkeypatch.setattr(denoising, "CAPTIONS", 12)
    quick = partial(published.GENERATORS["landscape_flow"], steps=2)
    monkeypatch.setitem(published.GENERATORS, "landscape_flow", quick)
    if recipe.data == "mnist":
        train, test = (part.subset(slice(0, count)) for part, count in zip(data.mnist(), (160, 100), strict=True))
    else:
        train, test = (part.subset(slice(0, 100)) for part in recipes.DATASETS[recipe.data]())
    trainer = recipe.trainer(SHAPES.get(recipe.data, (3, 32, 32)), 10)
    images, _ = recipe.prepared(train, trainer.objective.value_range)
    trainer.fit(images, 1)
    before = {name: tensor.clone() for name, tensor in trainer.objective.state_dict().items()}
    value_range = trainer.objective.value_range or (0, 1)
    card = publish(recipe, trainer, *(part.with_value_range(*value_range) for part in (train, test)), tmp_path, "a command")
    assert card.keys() >= ON_EVERY_CARD
    assert json.loads((tmp_path / f"{name}.json").read_text()) == json.loads(json.dumps(card))
    again = checkpoints.load_weights(getattr(published, name)(trained=False), tmp_path / f"{name}.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in again.state_dict().values())
    assert all(torch.equal(tensor, before[name]) for name, tensor in trainer.objective.state_dict().items())


@pytest.mark.parametrize("name", published.GENERATORS)
def test_each_generator_draws_images_from_a_seed(name):
    first, again, other = (published.draw(name, 3, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert first.shape[0] == 3
    assert 0 <= first.min() < first.max() <= 1
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not first.requires_grad


def test_digits_to_order():
    reader, labels = published.mnist_features(), torch.tensor([3] * 10 + [8] * 10)
    digits = published.draw("mnist_gan", 20, generator=torch.Generator().manual_seed(0), labels=labels)
    assert (reader(digits).argmax(1) == labels).sum() >= 18


@pytest.mark.parametrize(
    ("name", "count", "conditions", "error", "sentence"),
    [
        ("mnist_gun", 3, {}, ValueError, r"a published generator \(mnist_gan, shapes_gan, .*\), got 'mnist_gun'"),
        ("mnist_gan", 0, {}, ValueError, "Expected count of 1 or more, got 0"),
        ("mnist_gan", 2.5, {}, TypeError, "Expected count as a whole number"),
        ("shapes_gan", 3, {"labels": [1, 2, 3]}, ValueError, "of the conditions of shapes_gan only none, got labels"),
        ("mnist_gan", 3, {"label": 3}, ValueError, "of the conditions of mnist_gan only labels, got label"),
        ("mnist_gan", 3, {"labels": [1, 2]}, ValueError, r"3 labels, integers 0..9, got torch.int64 of shape \(2,\)"),
        ("mnist_gan", 1, {"labels": [10]}, ValueError, "1 labels, integers 0..9"),
        ("mnist_gan", 1, {"labels": [0.5]}, ValueError, "got torch.float32"),
        ("shapes_text", 3, {"captions": ["a star"]}, ValueError, "Expected 3 captions, got 1"),
        (
            "shapes_text",
            1,
            {"captions": ["a rad star"]},
            ValueError,
            "Expected words of the vocabulary, got 'rad'; did you mean",
        ),
        ("shapes_text", 1, {"captions": [""]}, ValueError, "Expected a sentence of 1 to 12 words, got 0"),
        ("shapes_text", 6, {"captions": "a star"}, TypeError, "Expected a list of sentences, got one"),
        ("shapes_text", 1, {"labels": [1]}, ValueError, "of the conditions of shapes_text only .*captions.*, got labels"),
    ],
)
def test_what_cannot_be_drawn(name, count, conditions, error, sentence):
    with pytest.raises(error, match=sentence):
        published.draw(name, count, **conditions)


def test_every_published_network_that_draws_has_its_way_to():
    assert set(NAMES) - {"mnist_features", "shapes_reader"} == set(published.GENERATORS)


def test_the_reader_of_shapes_reads_them():
    card, drawn = published.card("shapes_reader"), data.shapes(500, seed=7)
    read = Attributes(published.shapes_reader(), data.WORDS).predict(drawn.batch(slice(None))[0])
    for place, name in enumerate(data.WORDS):
        right = (read[:, place] == drawn.targets[name]).float().mean().item()
        assert min(card["test_accuracy"][name], right) > 0.96, name


def test_pictures_to_a_sentence_obey_it():
    drawn = data.shapes(16, seed=7)
    how = {"captions": drawn.targets["caption"].tolist(), "steps": 6}
    pictures = published.draw("shapes_text", 16, generator=torch.Generator().manual_seed(0), **how)
    assert (pictures.shape, pictures.min() >= 0, pictures.max() <= 1) == ((16, 3, 32, 32), True, True)
    read = Attributes(published.shapes_reader(), data.WORDS).predict(pictures)
    for name in ("color", "place", "background"):
        assert (read[:, list(data.WORDS).index(name)] == drawn.targets[name]).sum() >= 14, name


def test_the_flow_draws_the_digits_that_are_asked_for():
    labels = torch.arange(20) // 2
    how = {"labels": labels, "steps": 4, "guidance": 2.0}
    digits = published.draw("mnist_flow", 20, generator=torch.Generator().manual_seed(0), **how)
    assert (digits.shape, digits.min() >= 0, digits.max() <= 1) == ((20, 1, 28, 28), True, True)
    with torch.no_grad():
        assert (published.mnist_features()(digits).argmax(1) == labels).float().mean() >= 0.9
    with pytest.raises(ValueError, match=r"^Expected labels 0..9, integers, or -1 for none, got 0..12\.$"):
        published.draw("mnist_flow", 2, labels=torch.tensor([0, 12]))
    with pytest.raises(ValueError, match=r"^Expected 1 step or more, got 0\.$"):
        published.draw("mnist_flow", 2, steps=0)


def test_the_card_of_the_flow():
    card = published.card("mnist_flow")
    flow, gan, real = (card[name] for name in ("drawn", "mnist_gan", "real_training_images"))
    assert real["frechet"] < flow["frechet"] < min(gan["frechet"], 1.5 * real["frechet"])
    for name in ("recall", "coverage", "density"):
        assert gan[name] < flow[name] < real[name], name
    assert flow["confident"] > 0.97
