"""A widget as a notebook and a page receive it: complete, small, in words of its own; and what is refused."""

import re
from functools import cache

import pytest
import torch
from torch import nn

from course_lib import models, published, widgets
from course_lib.widgets.show import HERE, SCRIPTS, STRINGS

KINDS = sorted(SCRIPTS)
GENERATOR = {"latent_dim": 8, "width": 4}


@cache
def course(kind):
    """The widget with the course's own network."""
    return widgets.show(kind)


@pytest.fixture(params=KINDS)
def shown(request):
    """(kind, the HTML of its output)."""
    return request.param, course(request.param)._repr_html_()


def files(html):
    return {name: text for _, name, text in re.findall(r'<(script|style) data-file="([\w.-]+)">(.*?)</\1>', html, re.DOTALL)}


def test_the_engine_is_small_and_the_widgets_are_light(shown):
    _, html = shown
    own = files(html)
    assert len(own["engine.js"].encode()) < 20_000
    assert sum(len(text.encode()) for text in own.values()) < 700_000
    assert len(own["engine.js"].splitlines()) < 300


def test_it_needs_nothing_from_elsewhere_and_no_eval(shown):
    _, html = shown
    told = "".join(text for name, text in files(html).items() if not re.search(r"-[0-9a-f]{8}\.js", name))
    assert re.findall(r"https?://|\bfetch\(|\beval\(|new Function|import\(|XMLHttpRequest|Worker\(", told) == []


def test_a_picture_by_the_same_network_holds_its_place(shown):
    kind, html = shown
    image = re.search(r'<img alt="([^"]+)" src="data:image/png;base64,[^"]+" width="(\d+)" height="(\d+)">', html)
    assert len(image[1]) > 40
    assert int(image[2]) >= 280
    assert f'.course-widget[data-kind="{kind}"]' in files(html)["widgets.css"]  # with its height


def test_where_there_is_no_html_it_is_a_sentence():
    assert repr(course("boundary")).startswith("Decision boundary: a live widget, where a page shows it. Three spirals")


def test_every_string_of_a_script_is_there_and_none_is_left_over():
    for kind in KINDS:
        script = (HERE / f"{kind}.js").read_text()
        told = set(STRINGS[kind]) - {"title", "prediction", "seen", "alternative"}
        used = set(re.findall(r"\bwords\.(\w+)", script))
        assert used <= told, kind
        by_name = {name for name in told - used if re.search(rf'["\s{{\[(,]{name}["\s,:}}\])]', script) or "words[" in script}
        assert told - used - by_name == set(), kind
        for name in ("title", "prediction", "seen", "alternative"):
            assert STRINGS[kind][name].strip(), (kind, name)


def test_no_script_has_words_of_its_own():
    for path in HERE.glob("*.js"):
        code = re.sub(r"//.*", "", re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL))
        begun = set(re.findall(r"""["'`]([A-Z][a-z]+)\b""", code))
        assert begun <= {"Enter", "Expected"}, path.name  # a key, and what whoever writes a widget reads of a wrong network


def test_every_value_that_a_string_asks_for_is_given_by_its_script():
    for kind in KINDS:
        script = (HERE / f"{kind}.js").read_text()
        for text in (text for text in STRINGS[kind].values() if isinstance(text, str)):
            for value in re.findall(r"\{(\w+)\}", text):
                assert re.search(rf"\b{value}\b", script), (kind, text)


def test_each_kind_has_its_two_files():
    assert {path.stem for path in HERE.glob("*.js")} == {"engine", "page"} | {
        name for names in SCRIPTS.values() for name in names
    }
    assert all((HERE / f"{kind}.py").is_file() for kind in KINDS)


def test_a_readers_own_network_takes_the_place_of_the_courses():
    torch.manual_seed(0)
    own = {
        "ask": models.Generator(classes=10, **GENERATOR),
        "boundary": models.MLP((2, 4, 3)),
        "convolution": models.ConvNet(),
        "draw": models.ConvNet(),
        "judge": models.Generator(classes=10, **GENERATOR),
        "latent": models.dense_vae(latent_dim=4),
        "sampler": models.NoiseMLP(32, width=16, classes=10),
        "sentence": published.shapes_text(trained=False),
    }
    for kind, network in own.items():
        network.train()
        parts = widgets.show(kind, network).parts
        assert network.training
        assert (parts.networks, parts.facts) != (course(kind).parts.networks, course(kind).parts.facts), kind


def test_the_classifier_does_little_better_than_guessing():
    suspected = course("judge").parts.facts["suspected"]
    right = 100 - sum(suspected["real"]) + sum(suspected["generated"])
    assert 80 < right < 130


def test_a_page_is_one_file_with_the_prediction_first_and_what_was_seen_last(tmp_path):
    path = widgets.export_page("convolution", None, tmp_path / "convolution.html")
    page = path.read_text()
    order = [page.index(STRINGS["convolution"][name].split(",")[0]) for name in ("prediction", "seen")]
    assert order == sorted(order)
    assert not re.search(r'(src|href)="(?!data:)', page)


REFUSED = {
    "another kind": (("digits", None), r"Expected the kind of a widget \(ask, boundary, .*\), got 'digits'\."),
    "a classifier to ask": (("ask", models.ConvNet()), r"Expected a generator of digits to order, .*, got ConvNet; see"),
    "a generator without labels": (("ask", models.Generator(**GENERATOR)), "Expected a generator of digits to order"),
    "a generator in color": (
        ("judge", models.Generator((3, 28, 28), classes=10, **GENERATOR)),
        "Expected a generator of digits",
    ),
    "a generator of other sides": (("ask", models.Generator((1, 32, 32), classes=10, **GENERATOR)), "Expected a generator of"),
    "two classes": (("boundary", models.MLP((2, 4, 2))), "Expected an MLP from two numbers to three classes"),
    "another activation": (("boundary", models.MLP((2, 4, 3), activation=nn.SiLU)), "Expected an MLP from two numbers"),
    "five classes": (("draw", models.ConvNet(classes=5)), r"Expected a Classifier of \(1, 28, 28\) with 10 classes"),
    "colors": (("convolution", models.LeNet()), "Expected a Classifier of images with one channel"),
    "a flow of other codes": (
        ("sampler", models.NoiseMLP(8, classes=10)),
        r"Expected a flow of the published VAE's codes, models",
    ),
    "a flow that does not read": (("sentence", models.NoiseUNet(3, patch=1)), "Expected a flow of captioned shapes, models"),
    "a flow of another vocabulary": (
        ("sentence", models.NoiseUNet(3, patch=1, text=models.TextEncoder(5, 12))),
        "Expected a flow of captioned shapes",
    ),
    "colored latents": (("latent", models.dense_vae((3, 28, 28))), r"Expected a VAE of \(1, 28, 28\)"),
    "a network for the ring": (("ring", models.MLP((2, 4, 1))), 'Expected no network for the widget "ring"'),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_in_one_sentence(name):
    (kind, network), told = REFUSED[name]
    with pytest.raises(ValueError, match=told):
        widgets.show(kind, network)


def test_a_network_that_is_not_finite_is_refused_and_nothing_is_written(tmp_path):
    network = models.ConvNet()
    network.head.weight.data.fill_(float("nan"))
    with pytest.raises(ValueError, match="Expected weights that are all finite"):
        widgets.export_page("draw", network, tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


def test_a_page_of_another_ending_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"Expected a path that ends in \.html, got '.*page\.txt'\."):
        widgets.export_page("convolution", None, tmp_path / "page.txt")
