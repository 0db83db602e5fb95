"""Makes the pages of the API: plain docstrings become lists and links.

A docstring of `course_lib` is plain text. A paragraph of lines `name: meaning`, or an
indented one of lines `name   meaning`, becomes a list; a name in backticks becomes a
link if it has an entry, and code if not. In the chapters' code, a name links to its
entry where it first stands.
Sphinx loads this file by `local_extensions` in _config.yml.
"""

import inspect
import pkgutil
import re
from importlib import import_module
from itertools import chain

from course_lib import checks

ARGUMENT = re.compile(r"((?:[a-z_]\w*, )*[a-z_]\w*): (.+)")
ROW = re.compile(r" {4}(\S.*?) {2,}(\S.*)")
CHECKS = "book/api_checks"


def setup(app):
    app.setup_extension("sphinx_codeautolink")  # which brings autodoc
    app.connect("builder-inited", keep_names, priority=100)  # before it empties them
    app.connect("source-read", list_checks)
    app.connect("autodoc-process-docstring", mark_up)
    app.connect("env-updated", keep_first_links, priority=900)  # after they are made
    app.connect("html-page-context", put_arguments_in_lines)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def list_checks(app, docname, source):
    """Add a section for each module of the checks."""
    if docname != CHECKS:
        return
    for module in pkgutil.iter_modules(checks.__path__):
        name = f"{checks.__name__}.{module.name}"
        title = import_module(name).__doc__.partition("\n")[0].rstrip(".")
        source[0] += f"\n## {title}\n\n```{{eval-rst}}\n.. automodule:: {name}\n```\n"


def mark_up(app, what, name, obj, options, lines):
    """Turn the plain lines of a docstring into reStructuredText, in place."""
    try:
        arguments = set(inspect.signature(obj).parameters)
    except (TypeError, ValueError):  # a module, or a value
        arguments = set()
    paragraphs = re.split(r"\n\s*\n", "\n".join(lines).strip("\n"))
    marked = [paragraph(text.split("\n"), arguments) for text in paragraphs]
    lines[:] = chain.from_iterable([*each, ""] for each in marked)


def paragraph(lines, arguments):
    """One paragraph: a list, a block of code, or text."""
    for kind in (ARGUMENT, ROW):
        if kind.fullmatch(lines[0]):
            return items(lines, kind, arguments)
    if all(line.startswith("    ") for line in lines):
        return ["::", "", *lines]
    return inline("\n".join(lines), arguments).split("\n")


def items(lines, kind, arguments):
    """A list; a line that starts no item goes on with the one before."""
    found = []
    for line in lines:
        if item := kind.fullmatch(line):
            found.append([re.sub(r"(\w+)", r"``\1``", item[1]), item[2]])
        else:
            found[-1][1] += f" {line.strip()}"
    mark = "    -" if kind is ROW else "-"
    return [f"{mark} {names}: {inline(meaning, arguments)}" for names, meaning in found]


def inline(text, arguments):
    """Code and links for what is in backticks; everything else as it stands."""
    parts = re.split(r"`([^`]+)`", text)
    for index, part in enumerate(parts):
        if index % 2 == 0:
            parts[index] = re.sub(r"([\\*_|])", r"\\\1", part)
        elif part in arguments or not re.fullmatch(r"[A-Za-z_][\w.]*", part):
            parts[index] = f"``{part}``"
        else:  # with a dot before it, a name is looked for in all modules
            anywhere = "." if part[0].isupper() or "." in part else ""
            parts[index] = f":py:obj:`{anywhere}{part}`"
    return "".join(parts)


def keep_names(app):
    """Keep the names in pages that are not read anew, which codeautolink drops."""
    kept = getattr(app.env, "sphinx_codeautolink_transforms", {})
    app.connect(
        "env-before-read-docs",
        lambda app, env, docnames: env.sphinx_codeautolink_transforms.update(kept),
    )


def keep_first_links(app, env):
    """Of the links in a page's code, keep the first to each entry."""
    for blocks in env.sphinx_codeautolink_transforms.values():
        seen = set()
        for block in blocks:
            new = {}
            for name in block.names:
                if name.resolved_location not in seen:
                    new.setdefault(name.resolved_location, name)
            seen.update(new)
            block.names = list(new.values())


def put_arguments_in_lines(app, pagename, templatename, context, doctree):
    """Sphinx puts the arguments of a long signature into a list without terms."""
    context["body"] = re.sub(
        r"<dl>\s*((?:<dd><em class=\"sig-param\">.*</dd>\s*)+)</dl>",
        lambda found: re.sub(
            "<dd>(.*)</dd>", r'<span class="sig-line">\1</span>', found[1]
        ),
        context.get("body", ""),
    )
