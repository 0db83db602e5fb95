"""Puts the live widgets of `course_lib.widgets` into the pages.

An output of `widgets.show` holds its scripts and its networks itself, as a notebook
needs them. Here they become files, one of each name for the whole book: the networks
as the run has made them, the scripts as they are in the package now. A page that is
no notebook shows a widget by a `{live-widget}` of that kind.
Sphinx loads this file by `local_extensions` in _config.yml.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from course_lib import widgets
from course_lib.widgets.show import scripts

FOLDER = "widgets"  # in _static
PART = re.compile(r'<(style|script) data-file="([\w.-]+)">(.*?)</\1>\n', re.DOTALL)


def setup(app):
    app.add_directive("live-widget", LiveWidget)
    app.connect("html-page-context", share, priority=950)  # the page is complete
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class LiveWidget(SphinxDirective):
    """A widget, with the course's own network: ```{live-widget} ask```."""

    required_arguments = 1

    def run(self):
        widget = widgets.show(self.arguments[0])
        return [nodes.raw("", widget._repr_html_(), format="html")]


def share(app, pagename, templatename, context, doctree):
    """Make a file of each script and style of a page, and ask for it once."""
    files = {}

    def keep(found):
        files[found[2]] = found[3]
        return ""

    body = PART.sub(keep, context.get("body", ""))
    if not files:
        return
    folder = Path(app.outdir, "_static", FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    for kind in re.findall(r'class="course-widget" data-kind="(\w+)"', body):
        files |= scripts(kind)
    files["mount.js"] = files.pop("mount.js")  # last, once all is known
    tags = ""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
        address = context["pathto"](f"_static/{FOLDER}/{name}", resource=True)
        if name.endswith(".css"):
            tags += f'<link rel="stylesheet" href="{address}">\n'
        else:
            tags += f'<script defer src="{address}"></script>\n'
    context["body"] = tags + body
