"""What a build writes: the pages that have changed, and all if others show what has changed."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils import nodes

ROOT = Path(__file__).parents[2]
course_page = runpy.run_path(str(ROOT / "book" / "extension" / "course_page.py"))


def book():
    """An environment of two pages, as Sphinx holds it."""
    return SimpleNamespace(
        found_docs={"book/a", "book/b"},
        tocs={name: nodes.bullet_list("", nodes.reference("", title)) for name, title in [("book/a", "A"), ("book/b", "B")]},
        domaindata={
            "std": {"labels": {"one": ("book/a", "one", "One"), "two": ("book/b", "two", "Two")}},
            "py": {"objects": {"course_lib.layers": ("book/a", "module")}},
        },
    )


def renamed(env):
    env.tocs["book/a"] = nodes.bullet_list("", nodes.reference("", "Another"))


def labelled(env):
    env.domaindata["std"]["labels"]["three"] = ("book/b", "three", "Three")


def documented(env):
    env.domaindata["py"]["objects"]["course_lib.layers"] = ("book/b", "module")


def test_a_change_of_prose_writes_that_page_alone():
    env = book()
    assert course_page["find_readers"](None, env) == env.found_docs  # the first build writes all
    labels = env.domaindata["std"]["labels"]
    labels["one"] = labels.pop("one")  # as when its page is read anew
    assert not course_page["find_readers"](None, env)


@pytest.mark.parametrize("change", [renamed, labelled, documented])
def test_what_other_pages_show_writes_all(change):
    env = book()
    course_page["find_readers"](None, env)
    change(env)
    assert course_page["find_readers"](None, env) == env.found_docs
    assert not course_page["find_readers"](None, env)
