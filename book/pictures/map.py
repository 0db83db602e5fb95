"""Makes the map of the chapters on the first page, from chapters.yml and _toc.yml.

    python book/pictures/map.py    (at once)

A line for each chapter in the order of the book, a column of dots for each number: 01
and 01b share one. Curves lead from a chapter to those that build on it. The questions,
which build on nothing, are not on it.
"""

import re
from html import escape
from pathlib import Path

import yaml

BOOK = Path(__file__).parents[1]
LINE, COLUMN, BESIDE, LEFT, TOP = 28, 22, 9, 14, 18
LETTER = 7.6  # the mean width of a letter, in a wide font
COLORS = "#00639c", "#a8480a", "#00734f", "#8a3a74", "#6b5d00", "#3b4a9b"


def title(chapter):
    """The first heading of a chapter, as far as a colon."""
    text = (BOOK / "text" / f"{chapter}.md").read_text(encoding="utf-8")
    return re.search(r"^# ([^:\n]+)", text, re.MULTILINE)[1]


def curve(start, end, color, *, first):
    """From dot to dot, beside the column where it holds other dots or curves between.

    first: whether the end is the first of its column, which is then free above it.
    """
    (a, b), (x, y) = start, end
    aside = x
    if y - b > LINE and not first:
        aside = x - BESIDE if a == x else x + BESIDE
    bend, half = b + LINE, LINE / 2
    path = f"M{a} {b}C{a} {b + half},{aside} {b + half},{aside} {bend}"
    if y > bend:
        path += f"V{y - LINE}C{aside} {y - half},{x} {y - half},{x} {y}"
    return f'<path d="{path}" stroke="{color}"/>'


def drawn():
    """The map as SVG, as wide as the longest title asks for: about a phone."""
    notes = yaml.safe_load((BOOK / "chapters.yml").read_text(encoding="utf-8"))
    leads = {need for note in notes.values() for need in note["needs"]}
    shown = [name for name, note in notes.items() if note["needs"] or name in leads]
    numbers = list(dict.fromkeys(name[:2] for name in shown))
    place = {
        name: (LEFT + COLUMN * numbers.index(name[:2]), TOP + LINE * line)
        for line, name in enumerate(shown)
    }
    color = {name: COLORS[numbers.index(name[:2]) % len(COLORS)] for name in shown}
    labels = {name: f"{name.split('_')[0]} {title(name)}" for name in shown}
    beside = LEFT + COLUMN * len(numbers)
    curves, dots, columns = [], [], set()
    for name in shown:
        for need in notes[name]["needs"]:
            first = name[:2] not in columns
            curves.append(curve(place[need], place[name], color[name], first=first))
        columns.add(name[:2])
        x, y = place[name]
        dots.append(f'<circle cx="{x}" cy="{y}" r="5" fill="{color[name]}"/>')
        dots.append(f'<text x="{beside}" y="{y + 5}">{escape(labels[name])}</text>')
    width = beside + round(LETTER * max(map(len, labels.values())))
    height = 2 * TOP + LINE * (len(shown) - 1)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
            f' viewBox="0 0 {width} {height}" role="img">',
            "<title>Which chapter builds on which</title>",
            '<rect width="100%" height="100%" rx="8" fill="#ffffff"/>',
            '<g fill="none" stroke-width="2.5">',
            *curves,
            "</g>",
            '<g font-family="system-ui, sans-serif" font-size="13" fill="#1f2933">',
            *dots,
            "</g>",
            "</svg>\n",
        ]
    )


if __name__ == "__main__":
    (BOOK / "_static" / "map.svg").write_text(drawn(), encoding="utf-8")
