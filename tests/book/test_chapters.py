"""chapters.yml tells of every chapter of the book, and what is made from it is up to date."""

import re
import runpy
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
NOTES = yaml.safe_load((ROOT / "book" / "chapters.yml").read_text(encoding="utf-8"))
PARTS = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))["parts"]
CHAPTERS = [
    Path(entry["file"]).name for part in PARTS for entry in part["chapters"] if (ROOT / f"{entry['file']}.ipynb").exists()
]


def test_every_chapter_has_its_note_in_the_order_of_the_book():
    assert list(NOTES) == CHAPTERS


def test_a_chapter_builds_on_earlier_ones_alone():
    late = [(name, need) for i, (name, note) in enumerate(NOTES.items()) for need in note["needs"] if need not in CHAPTERS[:i]]
    assert late == []


def test_outcomes_are_a_few_things_that_one_can_do():
    for name, note in NOTES.items():
        assert note.keys() == {"needs", "outcomes"}, name
        assert 3 <= len(note["outcomes"]) <= 5, name
        assert all(re.match(r"[a-z].*[^.]$", outcome) for outcome in note["outcomes"]), name


def test_the_map_of_the_chapters_is_up_to_date():
    drawn = runpy.run_path(ROOT / "book" / "pictures" / "map.py")["drawn"]()
    assert (ROOT / "book" / "_static" / "map.svg").read_text(encoding="utf-8") == drawn, "python book/pictures/map.py"


def test_the_plans_for_teaching_leave_no_chapter_out():
    plans = (ROOT / "book" / "teaching.md").read_text(encoding="utf-8").split("### ")
    linked = {plan.split()[0]: re.findall(r"\((\w+)\.ipynb\)", plan) for plan in plans}
    assert {name for names in linked.values() for name in names} == set(CHAPTERS)
    for weeks, number in (("Six", 6), ("Ten", 10), ("Fourteen", 14)):
        rows = next(plan for plan in plans if plan.startswith(weeks)).split("\n")
        assert sum(re.match(r"\| \d+ \|", row) is not None for row in rows) == number
        told = [name for name in linked[weeks] if NOTES[name]["needs"]]
        assert told == sorted(told)  # nothing before what it builds on
