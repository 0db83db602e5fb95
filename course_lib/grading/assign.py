"""From a source to the notebook that students get, which is refused unless the judge judges as the source says."""

from pathlib import Path

import nbformat

from .judge import InThisProcess, Student, mark
from .source import PRACTICE, Assignment

SECRET = "a secret for trying out"  # what is tried here is ours


def try_out(assignment: Assignment) -> list[str]:
    """Sentences on what is wrong with an assignment: none if the judge judges as its source says.

    The solved notebook must earn all points, with any ticket, and pass its public checks; the untouched one none; each wrong
    answer what its line says. All of it runs in this process: it is our own.
    """
    questions = [question for question in assignment.questions.values() if not question.by_hand]
    found = []

    def points(cells, ticket=PRACTICE, only=None):
        student = Student(cells, InThisProcess, seconds=assignment.seconds, call_seconds=assignment.call_seconds)
        marks = mark(assignment, lambda _: student, SECRET, "somebody", ticket, only)
        stopped = [f"cell {number} {what}" for number, what in student.stopped.items()]
        return marks, stopped

    def expect_all(question, marks):
        if (earned := marks[question.name]["points"]) != question.points:
            why = "; ".join(part["message"] for part in marks[question.name]["parts"] if part["points"] < part["of"])
            found.append(f"Expected the solved {question.name} to earn {question.points}, got {earned:g}: {why}")

    marks, stopped = points(assignment.solved())
    found += [f"Expected the solved notebook to run, got: {what}." for what in stopped]
    for question in questions:
        expect_all(question, marks)
    for question in [question for kind, _, question in assignment.cells if kind == "ticket"]:
        cells = assignment.solved("ANOTHER", until=question.name)
        expect_all(question, points(cells, "ANOTHER", question.name)[0])
    for name, each in points(assignment.untouched())[0].items():
        if each["points"]:
            found.append(f"Expected the untouched {name} to earn nothing, got {each['points']:g}.")
    for question in questions:
        if not question.wrong:
            found.append(f"Expected a wrong answer to {question.name} with `# WRONG points: what is wrong`, got none.")
        for expected, what, place, code in question.wrong:
            cells = assignment.solved(replace={place: code}, until=question.name)
            marks, _ = points(cells, only=question.name)
            if (earned := marks[question.name]["points"]) != expected:
                told = "; ".join(part["message"] for part in marks[question.name]["parts"])
                found.append(f"Expected {expected:g} for {question.name} with {what}, got {earned:g}: {told}")
    return found


def write_notebook(assignment: Assignment, folder: str | Path) -> Path:
    """Write the student's notebook NAME.ipynb into a folder, and return its path."""
    path = Path(folder) / f"{assignment.name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(assignment.students_notebook()) + "\n", encoding="utf-8")
    return path
