"""Every work that a page links to has its entry in references.bib, under its name, and every entry is linked to."""

import re
from pathlib import Path

from pybtex.database import parse_file

BOOK = Path(__file__).parents[2] / "book"
ENTRIES = parse_file(BOOK / "references.bib").entries  # raises for an entry that stands twice


def cited():
    """(page, text, key) of every link to a work in the chapters' texts and the plain pages."""
    for page in sorted([*BOOK.glob("text/*.md"), *BOOK.glob("*.md")]):
        for text, key in re.findall(r"\[([^\]]+)\]\(references\.md#([^)]+)\)", page.read_text(encoding="utf-8")):
            yield page.name, text, key


def authors(entry):
    """As the course names them: one, two with an ampersand, or the first and et al."""
    last = [" ".join([*person.prelast_names, *person.last_names]) for person in entry.persons["author"]]
    many = len(last) > 2 or last[-1] == "others"
    return f"{last[0]} et al.".strip("{}") if many else " & ".join(last).strip("{}")


def test_every_citation_has_an_entry():
    assert [f"{page}: {key}" for page, _, key in cited() if key not in ENTRIES] == []


def test_every_citation_names_its_authors_and_year():
    forms = "{} ({})", "{}, {}"
    names = {key: [form.format(authors(entry), entry.fields["year"]) for form in forms] for key, entry in ENTRIES.items()}
    assert [f"{page}: {text} for {key}" for page, text, key in cited() if text not in names[key]] == []


def test_every_entry_is_cited():
    assert sorted(set(ENTRIES) - {key for *_, key in cited()}) == []


def test_notebooks_read_well_without_the_book():
    """No reference in Sphinx's own notation, which other readers of a notebook show as it stands; links say the same."""
    pages = sorted(BOOK.glob("text/*.md"))
    roles = r"\{(?!code-cell)[\w:]+\}`[^`]*`|^\([\w-]+\)=$|^\$\$ \([\w-]+\)$"
    assert [f"{page.name}: {role}" for page in pages for role in re.findall(roles, page.read_text(), re.MULTILINE)] == []
