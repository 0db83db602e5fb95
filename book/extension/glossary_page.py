"""Makes the glossary's page, and the targets of `{term}`, from book/glossary.yml.

Sphinx loads this file by `local_extensions` in _config.yml.
"""

from pathlib import Path

import yaml


def setup(app):
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def fill(app, docname, source):
    """Add the terms below what book/glossary.md says."""
    if docname == "book/glossary":
        words = Path(app.srcdir, "book", "glossary.yml").read_text(encoding="utf-8")
        entries = "\n\n".join(entry(**term) for term in yaml.safe_load(words))
        source[0] += f"\n:::{{glossary}}\n:sorted:\n\n{entries}\n:::\n"


def entry(*, term, chinese, chapter, means, aliases=()):
    """One entry: both names, the meaning, other names, and the chapter."""
    also = f" Also: {', '.join(aliases)}." if aliases else ""
    return f"{term}\n{chinese}\n    {means}{also} Taught in {{doc}}`{chapter}`."
