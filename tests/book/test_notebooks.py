"""The first cell of every notebook: one text, the version and the address of this repository, and harmless in Colab."""

import json
import sys
import tomllib
import types
from pathlib import Path

import pytest
import yaml
from compare_colab import OURS, versions
from IPython.core.interactiveshell import InteractiveShell
from run_first_cell import first_cell

from course_lib import runtime

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted(ROOT.glob("book/*.ipynb"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REPOSITORY = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]
ADDRESS = REPOSITORY["url"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_first_cell_is_that_of_all(notebook):
    cell = first_cell(notebook)
    assert cell == first_cell(NOTEBOOKS[0])
    assert f'version = "{PROJECT["version"]}"' in cell
    assert f'repository = "{ADDRESS}"' in cell


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_solution_is_folded_in_colab_and_jupyterlab_too(notebook):
    cells = [cell["metadata"] for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]]
    for folded in (cell for cell in cells if "hide-cell" in cell.get("tags", [])):
        assert folded["cellView"] == "form"
        assert folded["jupyter"] == {"source_hidden": True}


def test_colab_opens_the_notebooks_of_the_version_that_they_install():
    assert REPOSITORY["branch"] == f"v{PROJECT['version']}"


@pytest.mark.parametrize("in_colab", [True, False])
def test_the_first_cell_installs_in_colab_alone(in_colab, monkeypatch, capsys):
    if in_colab:
        monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    shell, lines = InteractiveShell(), []
    shell.register_magic_function(lines.append, magic_name="pip")
    shell.run_cell(first_cell(NOTEBOOKS[0])).raise_error()
    packages = f"mlxtend pooch git+{ADDRESS}@v{PROJECT['version']}"
    assert lines == ([f"install -q --no-deps {packages}"] if in_colab else [])
    assert runtime.describe_machine() in capsys.readouterr().out


def test_what_the_first_cell_leaves_out_comes_with_colab():
    """Whatever else the package needs, the cell has to install."""
    needed = {requirement.split(">")[0] for requirement in PROJECT["dependencies"]}
    assert needed - set(versions(OURS.read_text())) == {"pooch"}
    assert not [requirement for requirement in PROJECT["dependencies"] if "<" in requirement or "==" in requirement]
