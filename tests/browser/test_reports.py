"""The pages of a graded class on a phone: nothing is wider than the screen but in a box that scrolls."""

from pathlib import Path

import pytest

from course_lib.grading import report
from course_lib.grading.source import Assignment

SOURCE = Path(__file__).parents[2] / "book" / "assignments" / "segmentation.md"


@pytest.fixture
def pages(tmp_path):
    """The pages of two students, one of whom has a long id and was told something that nowhere breaks."""
    assignment = Assignment.open(SOURCE)

    def result(who, share, message):
        questions = {
            name: {
                "points": share * question.points,
                "of": question.points,
                "parts": [{"label": "pictures", "points": 0, "of": question.points, "message": message}],
            }
            for name, question in assignment.questions.items()
        }
        facts = {"student": who, "assignment": assignment.name, "status": "graded", "look": [message], "sha256": who}
        return facts | {"questions": questions, "stopped": {"3": message}, "of": 20}

    results = [result("101", 1.0, "right"), result("a.long.address.of.a.student@university.example", 0.5, "x" * 500)]
    return report.write(report.settle(results), assignment, tmp_path).parent


@pytest.mark.parametrize("name", ["index", "101", "a.long.address.of.a.student@university.example"])
def test_a_report_fits_a_phone(name, browser, pages):
    page = browser.new_page(viewport={"width": 360, "height": 640})
    page.goto(f"file://{pages}/{name}.html")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    boxes = page.evaluate("[...document.querySelectorAll('table')].map(each => each.parentElement.clientWidth)")
    assert boxes
    assert max(boxes) <= 328
    page.close()
