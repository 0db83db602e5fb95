"""The list of assignments has every one, with links that lead to it."""

import re
from pathlib import Path

import yaml

from course_lib.grading.source import Assignment

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "book" / "assignments").glob("*.md"))
REPOSITORY = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]


def test_the_list_has_every_assignment_with_its_minutes_and_links():
    text = (ROOT / "book" / "assignments.md").read_text()
    colab = REPOSITORY["url"].replace("https://github.com", "https://colab.research.google.com/github")
    for path in SOURCES:
        name, about = path.stem, Assignment.open(path).about
        row = next(line for line in text.splitlines() if f"assignments/{name}.ipynb)" in line)
        assert row.startswith(f"| {about['topic']} |")
        assert f"| {about['minutes']} |" in row
        assert f"({colab}/blob/{REPOSITORY['branch']}/book/assignments/{name}.ipynb)" in row
        assert f"**{about['topic']}.**" in text
    assert len(re.findall(r"/raw/[\w.]+/book/assignments/\w+\.ipynb\)", text)) == len(SOURCES)
