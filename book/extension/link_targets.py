"""Makes the glossary's page, and lets plain links point to a term or to a work.

`[batch](glossary.md#batch)` and `[He et al. (2016)](references.md#he2016)` read well
wherever a notebook is opened. The terms are in book/glossary.yml.
Sphinx loads this file by `local_extensions` in _config.yml.
"""

import re
from pathlib import Path

import yaml
from pybtex.database import parse_file


def setup(app):
    app.connect("source-read", fill)
    app.connect("doctree-read", name)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def fill(app, docname, source):
    """Add the terms below what book/glossary.md says."""
    if docname == "book/glossary":
        words = Path(app.srcdir, "book", "glossary.yml").read_text(encoding="utf-8")
        entries = "\n\n".join(entry(**term) for term in yaml.safe_load(words))
        source[0] += f"\n:::{{glossary}}\n:sorted:\n\n{entries}\n:::\n"


def entry(*, term, chinese, chapter, means, aliases=()):
    """One entry: the name, the Chinese ones, the meaning, other names, the chapter."""
    also = f" Also: {', '.join(aliases)}." if aliases else ""
    names = " / ".join(chinese)
    return f"{term}\n    **{names}** · {means}{also} Taught in {{doc}}`{chapter}`."


def name(app, doctree):
    """Add to MyST's list of a page's headings: name -> (line, id on the page, text)."""
    if app.env.docname == "book/glossary":
        terms = app.env.get_domain("std").objects
        found = {
            slug(term): (0, target, term)
            for (kind, term), (_, target) in terms.items()
            if kind == "term"
        }
    elif app.env.docname == "book/references":
        keys = parse_file(Path(app.srcdir, "book", "references.bib")).entries
        found = {
            key: (0, app.config.bibtex_cite_id.format(key=key), key) for key in keys
        }
    else:
        return
    app.env.metadata[app.env.docname].setdefault("myst_slugs", {}).update(found)


def slug(term):
    """The name of a term in a link: "Fréchet distance" -> "fréchet-distance"."""
    return re.sub(r"\W+", "-", term.lower()).strip("-")
