"""The pages of the API: a place for every module, and plain docstrings that become lists and links."""

import runpy
from pathlib import Path

import yaml

import course_lib

ROOT = Path(__file__).parents[2]
api_pages = runpy.run_path(str(ROOT / "book" / "extension" / "api_pages.py"))


def marked_up(text, of=None):
    lines = text.split("\n")
    api_pages["mark_up"](None, "function", "name", of, None, lines)
    return "\n".join(lines).rstrip("\n")


def test_every_module_has_a_place():
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text())["parts"]
    pages = [chapter["file"] for part in parts for chapter in part["chapters"] if "api" in chapter["file"]]
    text = "".join((ROOT / f"{page}.md").read_text() for page in pages)
    assert [name for name in course_lib.__all__ if f".. automodule:: course_lib.{name}\n" not in text] == []


def test_every_module_of_the_checks_gets_a_section():
    source = ["# Checks\n"]
    api_pages["list_checks"](None, "book/api_checks", source)
    assert source[0].count("\n.. automodule:: course_lib.checks.") == len(course_lib.checks._MODULES)
    assert "\n## Exercises of the chapter Variational autoencoders\n" in source[0]


def test_lines_of_arguments_become_a_list():
    told = "Does it.\n\nwidth, stages: how wide,\n    and how often.\nloss: as `Trainer` has it.\n\nRaises ValueError: no."
    assert marked_up(told) == (
        "Does it.\n\n- ``width``, ``stages``: how wide, and how often.\n- ``loss``: as :py:obj:`.Trainer` has it.\n\n"
        "Raises ValueError: no."
    )


def test_a_table_becomes_a_list_inside():
    told = "The targets are\n\n    mask        0 or 1;\n                no more\n    x, y        places\n\nsize: of it."
    assert marked_up(told) == (
        "The targets are\n\n    - ``mask``: 0 or 1; no more\n    - ``x``, ``y``: places\n\n- ``size``: of it."
    )


def test_formulas_stay_as_they_are():
    assert marked_up("|m_r - m_g|^2 over (B, *shape), see x_ and a\\b.") == (
        r"\|m\_r - m\_g\|^2 over (B, \*shape), see x\_ and a\\b."
    )


def test_names_become_links_and_other_code_does_not():
    def function(width):
        pass

    assert marked_up("`width` as `spirals`, `data.split`, `fit(2)`.", of=function) == (
        "``width`` as :py:obj:`spirals`, :py:obj:`.data.split`, ``fit(2)``."
    )
    assert marked_up("    from x import y\n    y()") == "::\n\n    from x import y\n    y()"
