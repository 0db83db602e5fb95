"""book/conftest.py: what nbval runs once is what the book shows, and it runs again only when something it ran on changes."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from jupyter_cache import get_cache
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.utils import coalesce_streams
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from sphinx.errors import ExtensionError

BOOK = Path(__file__).parents[1] / "book"
LIMIT = 3  # seconds of processor time, of which a kernel's start takes one

SHOWS = [
    "from IPython.display import HTML, display\n%precision 3",
    "line = display({'text/plain': 'epoch 0'}, raw=True, display_id=True)\nprint('before')\ndisplay(HTML('<b>bold</b>'))",
    "line.update({'text/plain': 'epoch 2'}, raw=True)\nprint('after')\nmissing",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\nprint('drawn')",
    "line\n2 / 3",
]
NOTEBOOKS = {
    "shows": SHOWS,
    "fails": ["1", "assert False, 'claimed wrongly'", "2"],
    "warns": ["import warnings\nwarnings.warn('take care')"],
    "slow": [f"import time\nwhile time.process_time() < {LIMIT + 1}:\n    pass", "1"],
    "dies": ["import os\nos._exit(1)"],
    "imports": ["import course_lib.direct, course_lib.published\nprint('ran')"],
}
MODULES = {"__init__": "", "direct": "from . import indirect", "indirect": "", "published": "", "unused": ""}


def notebook(cells):
    made = new_notebook(metadata={"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}})
    made.cells = [new_markdown_cell("Prose."), *map(new_code_cell, cells)]
    for cell in made.cells:
        cell.metadata.tags = ["raises-exception"] if "missing" in cell.source else []
    return made


def run(course, *options, **settings):
    """What pytest prints of the notebooks of a small course."""
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", *options, "book"]
    told = subprocess.run(
        command,
        cwd=course,
        env=os.environ | {"PYTHONPATH": str(course)} | settings,
        capture_output=True,
        text=True,
        timeout=600,
    )
    return told.stdout


def stands(course, **settings):
    """Whether the notebook that imports would not run again."""
    return "book/imports.ipynb::stands" in run(course, "--collect-only", "--quiet", **settings)


def runs(course):
    return get_cache(course / "_build" / ".jupyter_cache")


def conftest(course, busy):
    """The book's own, with a short limit that is judged up to this load of a core."""
    text = (BOOK / "conftest.py").read_text()
    for name, value in (("LIMIT", LIMIT), ("BUSY", busy)):
        text, found = re.subn(rf"^{name} = [\d.]+", f"{name} = {value}", text, flags=re.M)
        assert found == 1
    (course / "book" / "conftest.py").write_text(text)


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """(course, printed) of a small course after one run of its notebooks, side by side as make runs them."""
    course = tmp_path_factory.mktemp("course")
    for folder in ("book", "course_lib/weights", "course_lib/studies"):
        (course / folder).mkdir(parents=True)
    conftest(course, busy=1e9)
    for file in ("pytest.ini", "requirements.txt", "course_lib/weights/net.safetensors", "course_lib/studies/net.json"):
        (course / file).touch()
    for name, code in MODULES.items():
        (course / "course_lib" / f"{name}.py").write_text(code)
    for name, cells in NOTEBOOKS.items():
        nbformat.write(notebook(cells), course / "book" / f"{name}.ipynb")
    return course, run(course, "--dist", "loadfile", "--numprocesses", "2")


@pytest.fixture
def course(once, tmp_path):
    """A copy of that course, to change."""
    return shutil.copytree(once[0], tmp_path / "course")


def test_the_book_shows_what_its_own_run_would_show(once):
    ours = notebook(SHOWS)
    ours.metadata["language_info"] = None
    _, ours = runs(once[0]).merge_match_into_notebook(ours)
    own = notebook(SHOWS)
    assert single_nb_execution(own, cwd=once[0] / "book", timeout=600, allow_errors=False).err is None
    assert ours.metadata == own.metadata
    for cell, same in zip(ours.cells, own.cells, strict=True):
        cell.id = same.id
        if cell.cell_type == "code":
            same.metadata.pop("execution", None)
            same.outputs = coalesce_streams(same.outputs)
        assert cell == same
    assert ours.cells[2].outputs[0].data == {"text/plain": "epoch 2"}  # the last state of the line
    nbformat.validate(ours)


@pytest.mark.parametrize("name", sorted(NOTEBOOKS))
def test_only_what_passed_reaches_the_book(once, name):
    course, printed = once
    if name in ("shows", "imports"):
        record = runs(course).match_cache_notebook(notebook(NOTEBOOKS[name]))
        assert 0 < record.data["execution_seconds"] < 60
        assert re.search(rf"^{name} +\d\.\d s$", printed, re.M)
    else:
        with pytest.raises(KeyError):
            runs(course).match_cache_notebook(notebook(NOTEBOOKS[name]))


def test_what_failed_is_told(once):
    printed = once[1]
    failed = re.findall(r"^FAILED book/(\w+)\.ipynb::Cell (\d)", printed, re.M)
    assert sorted(failed) == [("dies", "0"), ("fails", "1"), ("slow", "1"), ("warns", "0")]
    assert "take care" in printed
    assert "claimed wrongly" in printed
    assert re.search(rf"slow\.ipynb took [4-9] s of processor time, more than {LIMIT} s", printed)
    assert "The kernel has died" in printed


def test_no_notebook_is_too_slow_on_a_busy_machine(course):
    conftest(course, busy=-1)
    printed = run(course, "-k", "slow")
    assert "2 passed" in printed
    assert re.search(rf"^slow +\d\.\d s, over {LIMIT} s, but the machine is busy$", printed, re.M)
    assert runs(course).match_cache_notebook(notebook(NOTEBOOKS["slow"])).data["execution_seconds"] > LIMIT


def test_what_passed_stands(course):
    printed = run(course, "-k", "imports")
    assert re.search(r"^imports +\d\.\d s, and stands$", printed, re.M)
    assert "1 passed" in printed


def test_new_prose_goes_with_the_old_run(course):
    changed = notebook(NOTEBOOKS["imports"])
    changed.cells[0].source = "Better prose."
    changed.cells.append(new_markdown_cell("More of it."))
    nbformat.write(changed, course / "book" / "imports.ipynb")
    assert stands(course)
    _, shown = runs(course).merge_match_into_notebook(changed)
    assert [cell.source for cell in shown.cells[::2]] == ["Better prose.", "More of it."]
    assert shown.cells[1].outputs[0].text == "ran\n"


def test_what_a_notebook_did_not_import_leaves_it_alone(course):
    (course / "course_lib" / "unused.py").write_text("new = 1")
    (course / "course_lib" / "added.py").touch()
    assert stands(course)


@pytest.mark.parametrize(
    "file",
    [
        "requirements.txt",
        "course_lib/__init__.py",
        "course_lib/direct.py",
        "course_lib/indirect.py",
        "course_lib/weights/net.safetensors",
        "course_lib/studies/net.json",
    ],
)
def test_a_notebook_runs_again_when_what_it_ran_on_changes(course, file):
    (course / file).write_text("# new")
    assert not stands(course)
    with pytest.raises(KeyError):  # no book shows the old run
        runs(course).match_cache_notebook(notebook(NOTEBOOKS["imports"]))


def test_a_notebook_runs_again_when_its_code_or_a_setting_changes(course):
    assert not stands(course, COURSE_LIB_PROFILE="full")
    changed = notebook([*NOTEBOOKS["imports"], "1"])
    nbformat.write(changed, course / "book" / "imports.ipynb")
    assert not stands(course)


def test_a_build_refuses_what_did_not_pass(once, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(BOOK / "extension")
    import course_page

    course = once[0]
    app = SimpleNamespace(outdir=tmp_path / "html")
    env = SimpleNamespace(
        doc2path=lambda name: course / "book" / f"{name}.ipynb",
        mystnb_config=SimpleNamespace(execution_cache_path=course / "_build" / ".jupyter_cache"),
    )
    course_page.find_runs(app, env, ["imports", "shows"])
    assert course_page.run_of(env, "shows").is_file()  # whose change makes Sphinx read the page anew
    with pytest.raises(ExtensionError, match=r"No run of fails.ipynb, warns.ipynb that passed: make chapters runs it"):
        course_page.find_runs(app, env, ["fails", "shows", "warns"])
