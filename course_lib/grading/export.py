"""Settled results as learning platforms take them: a filled sheet, a plain table, Gradescope's files."""

import csv
import io
import zipfile
from pathlib import Path

from .judge import clean
from .platforms import Sheet, harmless
from .report import feedback
from .source import Assignment


def fill(results: list[dict], sheet: Sheet, column: str | None = None, comments: str = "") -> tuple[str, list[str]]:
    """The text of a sheet with totals, and sentences on students who are in one of both alone.

    results: settled.
    sheet: as it was downloaded.
    column: of the grades; found by itself where there is one alone.
    comments: the column for feedback; none by default.
    """
    totals = {result["student"]: result["total"] for result in results}
    told = {result["student"]: feedback(result) for result in results} if comments else None
    missing = [f"{who} is in the sheet and has no result." for who in sheet.students if who not in totals]
    missing += [f"{who} has a result and is not in the sheet." for who in totals if who not in sheet.students]
    return sheet.fill(totals, column, told, comments), missing


def plain(results: list[dict]) -> str:
    """A table: the student, the total, what it is out of, the points of each question, the feedback."""
    names = list(dict.fromkeys(name for result in results for name in result["questions"]))
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["student", "points", "out of", *names, "feedback"])
    for result in results:
        points = [result["questions"].get(name, {}).get("points") for name in names]
        writer.writerow([result["student"], result["total"], result["out_of"], *points, harmless(clean(feedback(result)))])
    return out.getvalue()


def gradescope(result: dict) -> dict:
    """What Gradescope's results.json holds, for a settled result."""
    tests = [
        {
            "name": f"{name}: {part['label']}",
            "score": part["points"],
            "max_score": part["of"],
            "output": part["message"],
            "output_format": "text",
            "visibility": "visible",
        }
        for name, marks in result["questions"].items()
        for part in marks["parts"]
    ]
    return {
        "score": result["total"],
        "output": feedback(result),
        "output_format": "text",
        "visibility": "visible",
        "tests": tests,
    }


def autograder(assignment: Assignment, secret: str, path: str | Path, package: str) -> None:
    """Write the zip that Gradescope takes as an autograder: it grades in its own throw-away container, as another user.

    assignment: what is graded.
    secret: of the instructor; it lies in the zip, where the student's user cannot read it.
    path: of the zip.
    package: what pip installs there, such as an address of the course's repository.
    """
    setup = "#!/bin/sh\nset -e\napt-get -qq update\napt-get -qq install -y git python3-pip\npip install uv\n"
    setup += "export UV_PYTHON_INSTALL_DIR=/opt/python\nuv venv --python 3.13 /opt/course\n"  # where another user can read
    setup += f"uv pip install --python /opt/course/bin/python {package} jupytext\nchmod 700 /autograder/source\n"
    run = (
        "#!/bin/sh\ncd /autograder/source\n/opt/course/bin/python -m course_lib.grading gradescope "
        f"{assignment.name}.md /autograder/submission --key key --out /autograder/results/results.json\n"
    )
    files = {"setup.sh": setup, "run_autograder": run, f"{assignment.name}.md": assignment.text, "key": secret}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = 0o755 << 16
            archive.writestr(member, text)
