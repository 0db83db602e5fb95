"""What pages have beyond the theme: outcomes, times, buttons, little weight.

A build reads the pages anew whose text or run has changed, or all if anything else of
the book has. It writes those, and all if a heading or a label has changed, which other
pages show and lead to. The first page, with every chapter's time, is always written.

Sphinx loads this file by `local_extensions` in _config.yml.
"""

import hashlib
import re
import shutil
from itertools import chain
from pathlib import Path

import nbformat
import yaml
from docutils import nodes
from jupyter_cache import get_cache
from myst_nb.sphinx_ import NbMetadataCollector
from PIL import Image
from sphinx import addnodes
from sphinx.errors import ExtensionError

from course_lib import widgets

WORDS_A_MINUTE = 200
BOOK = Path(__file__).parents[1]
DOTS_PER_INCH = 110  # at which a figure of 6.4 inches fills the column
# What a page may load: what lies beside it, and what its scripts and figures make. The
# theme, MathJax and the widgets have scripts and styles within the page.
POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'wasm-unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "object-src": "'none'",
    "base-uri": "'none'",
}
# Folders of _static that no page asks for: other outputs of MathJax, fonts of icons,
# translations of the theme.
UNUSED = (
    "locales",
    "vendor",
    *(
        f"mathjax/{name}"
        for name in ("a11y", "adaptors", "input/mml", "output/svg", "sre", "ui")
    ),
)


def setup(app):
    app.connect("env-before-read-docs", find_runs)
    # Before links are looked for in code, which wants each section to have a title:
    app.connect("doctree-read", read, priority=480)
    app.connect("env-updated", find_readers)
    app.connect("doctree-resolved", list_chapters)
    # After the theme and MathJax have added theirs:
    app.connect("html-page-context", write, priority=900)
    app.connect("build-finished", prune, priority=900)
    return {
        "env_version": made_of(),  # with another one, Sphinx reads all pages
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }


def made_of():
    """A digest of what goes into many pages: the book's files but its texts, the
    widgets, and the packages."""
    kinds = ("extension/*.py", "*.yml", "*.bib", "templates/*.html")
    files = chain(*map(BOOK.glob, kinds), Path(widgets.__path__[0]).glob("*.*"))
    above = ("_config.yml", "_toc.yml", "requirements.txt")
    digest = hashlib.sha256()
    for path in [*sorted(files), *(BOOK.parent / name for name in above)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def run_of(env, docname):
    """The file of a notebook's run, None for other pages; KeyError without a run."""
    notebook, runs = Path(env.doc2path(docname)), env.mystnb_config.execution_cache_path
    if notebook.suffix != ".ipynb":
        return None
    code = nbformat.read(notebook, as_version=4)
    found = get_cache(runs).match_cache_notebook(code)
    return Path(runs, "executed", found.hashkey, "base.ipynb")


def find_runs(app, env, docnames):
    """Insist on a run of each notebook: a build runs none, book/conftest.py does."""
    missing = []
    for docname in docnames:
        try:
            run_of(env, docname)
        except KeyError:
            missing.append(Path(env.doc2path(docname)).name)
    if missing:
        # In this folder the theme puts its logo, even when a build has failed.
        Path(app.outdir, "_static").mkdir(parents=True, exist_ok=True)
        names = ", ".join(missing)
        raise ExtensionError(f"No run of {names} that passed: make chapters runs it.")


def find_readers(app, env):
    """The pages to write besides those read: all if what they show of others is new."""
    domains = (env.domaindata["std"]["labels"], env.domaindata["py"]["objects"])
    headings = [toc.pformat() for _, toc in sorted(env.tocs.items())]
    shown = repr((headings, *(sorted(known.items()) for known in domains)))
    known, env.shown_elsewhere = getattr(env, "shown_elsewhere", None), shown
    return [] if shown == known else env.found_docs


def read(app, doctree):
    """Count the words of a page, outputs apart; take away the ids exercises share."""
    if run := run_of(app.env, app.env.docname):
        app.env.note_dependency(str(run))
    outputs = [
        node
        for node in doctree.findall(nodes.container)
        if "cell_output" in node["classes"]
    ]
    words = len(doctree.astext().split()) - sum(
        len(node.astext().split()) for node in outputs
    )
    app.env.metadata[app.env.docname]["words"] = words
    for section in list(doctree.findall(nodes.section)):
        if section["ids"] in (["exercise-content"], ["solution-content"]):
            section["ids"] = []  # or the first child would inherit it
            section.replace_self(section.children)
    if note := chapters().get(Path(app.env.docname).name):
        title = next(doctree.findall(nodes.title))
        place = title.parent.index(title) + 1
        top = nodes.container("", *outcomes(note, app.env.docname))
        top["classes"] = ["outcomes"]
        title.parent.insert(place, top)


def chapters():
    """What each chapter builds on and what a reader can do after it, by its name."""
    return yaml.safe_load((BOOK / "chapters.yml").read_text(encoding="utf-8"))


def outcomes(note, docname):
    """Both, as nodes; the links to chapters are resolved with all others."""
    items = [
        nodes.list_item("", nodes.paragraph("", outcome[0].upper() + outcome[1:] + "."))
        for outcome in note["outcomes"]
    ]
    yield nodes.paragraph("", "After this chapter you can:")
    yield nodes.bullet_list("", *items)
    if note["needs"]:
        line = nodes.paragraph("", "Builds on ")
        for i, need in enumerate(note["needs"]):
            link = addnodes.pending_xref(
                "",
                nodes.inline("", need),
                refdoc=docname,
                refdomain="std",
                reftype="doc",
                reftarget=f"/book/{need}",
                refexplicit=False,
                refwarn=True,
            )
            line += [nodes.Text(" and "), link] if i else [link]
        line += nodes.Text(".")
        yield line


def minutes(env, docname):
    """How long a chapter takes to read and took to run; None for other pages."""
    ran = NbMetadataCollector.get_doc_data(env)[docname].get("exec_data")
    if not ran:
        return None
    to_read = max(1, round(env.metadata[docname]["words"] / WORDS_A_MINUTE))
    to_run = max(1, round(ran["runtime"] / 60))
    return f"{to_read} min to read, {to_run} min to run on one core"


def list_chapters(app, doctree, docname):
    """Fill a `{div} chapters`: by parts, with the time each takes and its outcomes."""
    notes = chapters()
    for place in doctree.findall(
        lambda node: isinstance(node, nodes.container) and "chapters" in node["classes"]
    ):
        for part in app.env.get_doctree(docname).findall(addnodes.toctree):
            lines = []
            for _, chapter in part["entries"]:
                if facts := minutes(app.env, chapter):
                    target = app.builder.get_relative_uri(docname, chapter)
                    title = app.env.titles[chapter].astext()
                    link = nodes.reference("", title, internal=True, refuri=target)
                    lines.append(nodes.paragraph("", "", link, nodes.inline("", facts)))
                    note = notes[Path(chapter).name]
                    needs = (app.env.titles[f"book/{need}"] for need in note["needs"])
                    needs = ", ".join(title.astext() for title in needs)
                    can = "; ".join(note["outcomes"]) + "."
                    after = f" Builds on {needs}." if needs else ""
                    lines.append(nodes.paragraph("", f"You can {can}{after}"))
                    lines[-1]["classes"] = ["can"]
            if lines:
                place += [nodes.rubric("", part["caption"]), *lines]


def write(app, pagename, templatename, context, doctree):
    """A policy, times and buttons, sizes of figures, MathJax where there is maths."""
    policy = "; ".join(f"{what} {sources}" for what, sources in POLICY.items())
    tag = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
    context["metatags"] = tag + context.get("metatags", "")
    body = context.get("body", "")
    sources = {
        name: Path(app.srcdir, path) for path, name in app.builder.images.items()
    }
    body = re.sub(
        r'<img [^>]*src="[^"]*_images/([^"]+\.(?:png|svg))"',
        lambda tag: tag[0] + size(sources[tag[1]]),
        body,
    )
    facts = doctree and minutes(app.env, pagename)
    if facts:
        (launch,) = (
            button
            for button in context["header_buttons"]
            if button["label"] == "launch-buttons"
        )
        context["header_buttons"].remove(launch)
        notebook = context["pathto"](f"_sources/{context['sourcename']}", resource=True)
        line = (
            f'</h1>\n<p class="chapter-facts"><span>{facts}</span>'
            f'<a href="{launch["buttons"][0]["url"]}">Open in Colab</a>'
            f'<a href="{notebook}" download>Download the notebook</a>'
            '<button type="button" onclick="print()">Print</button></p>'
        )
        body = body.replace("</h1>", line, 1)
    if 'class="math ' not in body:
        context["script_files"] = [
            script
            for script in context["script_files"]
            if "mathjax" not in str(script.filename)
        ]
    # An entry of a list is a list item: its other role has gone out of use. What
    # unfolds has its own words for a name.
    body = body.replace('role="doc-biblioentry"', 'role="listitem"')
    context["body"] = body.replace(' aria-label="Toggle hidden content"', "")


def size(path):
    """The size at which a page shows a picture, to keep its place free at once."""
    if path.suffix == ".svg":
        return " " + re.search(r'width="\d+" height="\d+"', path.read_text())[0]
    with Image.open(path) as image:
        scale = DOTS_PER_INCH / image.info.get("dpi", (DOTS_PER_INCH, 0))[0]
        width, height = (round(side * scale) for side in image.size)
    return f' width="{width}" height="{height}"'


def prune(app, exception):
    static = Path(app.outdir, "_static")
    for name in UNUSED:
        shutil.rmtree(static / name, ignore_errors=True)
    for path in [*static.rglob("*.map"), *static.glob("mathjax/*.js")]:
        if path.name != "tex-chtml.js":
            path.unlink()
