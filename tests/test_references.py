"""Every citation has its entry in references.bib, and every entry is cited."""

import re
from pathlib import Path

BOOK = Path(__file__).parents[1] / "book"
KEYS = re.findall(r"^@\w+\{([^,\s]+),", (BOOK / "references.bib").read_text(encoding="utf-8"), re.MULTILINE)


def cited():
    """(page, key) of every citation in the chapters' texts and the plain pages."""
    for page in sorted([*BOOK.glob("text/*.md"), *BOOK.glob("*.md")]):
        for keys in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", page.read_text(encoding="utf-8")):
            yield from ((page.name, key.strip()) for key in keys.split(","))


def test_every_citation_has_an_entry():
    assert [f"{page}: {key}" for page, key in cited() if key not in KEYS] == []


def test_every_entry_is_cited():
    assert sorted(set(KEYS) - {key for _, key in cited()}) == []


def test_no_entry_stands_twice():
    assert len(KEYS) == len(set(KEYS))
