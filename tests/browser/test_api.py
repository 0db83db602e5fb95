"""The API in the built book: an entry for every name, and links from the chapters that lead to one."""

import re
from collections import Counter
from functools import cache

import pytest
from offered import OFFERED

from .conftest import HTML

CHAPTERS = sorted(path.stem for path in HTML.glob("_sources/book/*.ipynb"))


@cache
def page(name):
    return (HTML / "book" / name).read_text(encoding="utf-8")


def test_every_name_has_an_entry():
    entries = set(re.findall(r'id="(course_lib\.[\w.]+)"', "".join(page(path.name) for path in HTML.glob("book/api_*.html"))))
    assert sorted(OFFERED.keys() - entries) == []


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_name_in_the_code_of_a_chapter_leads_to_its_entry_where_it_first_stands(chapter):
    links = re.findall(r'<a class="sphinx-codeautolink-a" href="\.\./book/([^"#]+)#([^"]+)"', page(f"{chapter}.html"))
    assert len(links) > 5
    assert [link for link, count in Counter(links).items() if count > 1] == []
    assert [(name, target) for name, target in links if f'id="{target}"' not in page(name)] == []
