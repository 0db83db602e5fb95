"""The book's side of the live widgets: what an output holds itself becomes files, one of each name, asked for once."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.numpy import save

from course_lib.widgets.show import SCRIPTS, Widget, scripts

ROOT = Path(__file__).parents[2]
live_widgets = runpy.run_path(str(ROOT / "book" / "extension" / "live_widgets.py"))


def output(kind, networks):
    """What a notebook's run has kept, with networks of no weight and scripts that have grown old."""
    widget = object.__new__(Widget)
    widget.kind, widget.words = kind, {"title": "Title", "alternative": "A picture."}
    widget.parts = SimpleNamespace(networks=networks, facts={}, picture=torch.zeros(4, 4))
    return widget._repr_html_().replace("/* Runs a trained network", "/* Ran a trained network")


@pytest.fixture
def shared(tmp_path):
    """(body, folder) of a page with two widgets, one of them twice."""
    file = save({}, {"program": "{}"})
    outputs = [output("ask", {"generator": file}), output("ring", {}), output("ask", {"generator": file})]
    context = {"body": "<h1>Title</h1>" + "".join(outputs), "pathto": lambda path, resource: f"../{path}"}
    live_widgets["share"](SimpleNamespace(outdir=tmp_path), "book/page", None, context, None)
    return context["body"], tmp_path / "_static" / "widgets"


def test_each_file_is_written_and_asked_for_once(shared):
    body, folder = shared
    names = [path.name for path in folder.iterdir()]
    assert {"engine.js", "ask.js", "ring.js", "training.js", "widgets.css"} <= set(names)
    assert [body.count(f'"../_static/widgets/{name}"') for name in names] == [1] * len(names)
    assert "data-file" not in body
    assert body.count('class="course-widget"') == 3


def test_the_widgets_are_mounted_after_all_scripts(shared):
    body, _ = shared
    assert body.rindex(".js") == body.index("mount.js") + len("mount")


def test_the_scripts_are_those_of_the_package_now(shared):
    _, folder = shared
    for kind in ("ask", "ring"):
        for name, text in scripts(kind).items():
            assert (folder / name).read_text() == text


def test_a_page_without_widgets_stays_as_it_is(tmp_path):
    context = {"body": "<h1>Title</h1><script>1</script>"}
    live_widgets["share"](SimpleNamespace(outdir=tmp_path), "book/page", None, context, None)
    assert context == {"body": "<h1>Title</h1><script>1</script>"}
    assert list(tmp_path.iterdir()) == []


def test_each_kind_is_shown_in_a_chapter():
    texts = "".join(path.read_text() for path in (ROOT / "book" / "text").glob("*.md"))
    assert [kind for kind in SCRIPTS if f'widgets.show("{kind}")' not in texts] == []
