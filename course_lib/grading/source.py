"""An assignment's one source: a text in MyST from which the student's notebook, the solved one and the judge are made.

Cells are what their tags say:

    answer    the student's; what stands between `# SOLUTION` and `# END` is cut out, but for faulty code that the student is to
              mend: it stands as comments after `# GIVEN`
    check     a public check, which the student sees and runs
    ticket    draws the numbers of this student from `ticket`
    judge     the hidden side: defines the parts of its question with `@part(points, "what it looks at")`
    wrong     a wrong answer in place of the answer cell before it; its first line is `# WRONG 2: what is wrong`, with the
              points that the question then earns

Cells without a tag are given. A question begins with a heading `## Question name: Title (5 points, 20 minutes)`; one whose
heading says `(3 points by hand, 15 minutes)` is read by a person.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import jupytext
import nbformat

KINDS = {"answer", "check", "ticket", "judge", "wrong"}
QUESTION = re.compile(r"^## Question (\w+): (.+) \((\d+) points?( by hand)?, (\d+) minutes\)$", re.MULTILINE)
CUT = re.compile(r"^([ \t]*)# SOLUTION\n.*?^(?:[ \t]*# GIVEN\n(.*?)^)?[ \t]*# END\n?", re.MULTILINE | re.DOTALL)
MARKS = re.compile(r"^[ \t]*# (SOLUTION|GIVEN\n.*?# END|END)\n?", re.MULTILINE | re.DOTALL)
WRONG = re.compile(r"# WRONG ([\d.]+): (.+)\n")
PRACTICE = "practice"  # the ticket of those whose work nobody grades


class BadSource(ValueError):
    """The source of an assignment is not as it must be; the message says where."""


@dataclass
class Part:
    """What one hidden test looks at, and what it is worth.

    points: at most.
    label: what it looks at, in a few words.
    function: (student, random) -> None, a share 0..1, or (share, sentence); raises NotYet for a wrong answer.
    """

    points: float
    label: str
    function: Callable


@dataclass
class Question:
    """One question of an assignment; its answers that are known to be wrong are (points, what is wrong, cell, code)."""

    name: str
    title: str
    points: int
    by_hand: bool
    minutes: int
    wrong: list[tuple[float, str, int, str]] = field(default_factory=list)


class Assignment:
    """An assignment, read from its source.

    text: the source, MyST.
    name: of the assignment; the name of its file.

    Raises BadSource.
    """

    def __init__(self, text: str, name: str):
        try:
            self.notebook = jupytext.reads(text, fmt="md:myst")
        except Exception as error:
            raise BadSource(f"Expected a MyST notebook in {name}, got a text that does not read as one: {error}") from None
        self.text, self.name = text, name
        self.about = dict(self.notebook.metadata.get("assignment", {}))
        unknown = self.about.keys() - {"topic", "forbidden", "seconds", "call_seconds", "outcomes", "minutes", "note", "rubric"}
        if unknown:
            raise BadSource(f"Expected known words under `assignment` of {name}, got {', '.join(sorted(unknown))}.")
        self.seconds = float(self.about.get("seconds", 20))  # of processor time, for a cell
        self.call_seconds = float(self.about.get("call_seconds", 5))
        self.questions = {}
        self.cells = []  # (kind, text, question) in order
        self._read()
        given = "\n".join(text for kind, text, _ in self.cells if kind not in ("judge", "wrong"))
        self.version = hashlib.sha256(given.encode()).hexdigest()[:6]
        if unknown := self.about.get("forbidden", {}).keys() - {"all", *self.questions}:
            raise BadSource(f"Expected questions of {name}, or `all`, under `forbidden`, got {', '.join(sorted(unknown))}.")

    def forbidden(self, question: str) -> tuple[str, ...]:
        """The packages that are not there when a question is judged."""
        lists = self.about.get("forbidden", {})
        return (*lists.get("all", ()), *lists.get(question, ()))

    @classmethod
    def open(cls, path: str | Path) -> "Assignment":
        """The assignment in a file; raises BadSource, OSError."""
        return cls(Path(path).read_text(encoding="utf-8"), Path(path).stem)

    def _read(self):
        question, last_answer = None, None
        for cell in self.notebook.cells:
            if cell.cell_type != "code":
                for found in QUESTION.finditer(cell.source):
                    name, title, points, by_hand, minutes = found.groups()
                    if name in self.questions:
                        raise BadSource(f"Expected one question {name} in {self.name}, got two.")
                    question = self.questions[name] = Question(name, title, int(points), bool(by_hand), int(minutes))
                if len(QUESTION.findall(cell.source)) != cell.source.count("## Question"):
                    hint = "## Question name: Title (5 points, 20 minutes)"
                    raise BadSource(f"Expected headings such as `{hint}` in {self.name}, got: {cell.source.splitlines()[0]}")
                self.cells.append(("text", cell.source, question))
                continue
            tags = set(cell.metadata.get("tags", [])) & KINDS
            kind = tags.pop() if len(tags) == 1 else "given"
            if tags:
                raise BadSource(
                    f"Expected one of {', '.join(sorted(KINDS))} on a cell of {self.name}, got two: {cell.source[:60]!r}"
                )
            source = cell.source + "\n"
            if kind == "answer":
                last_answer = len(self.cells)
                if source.count("# SOLUTION") != source.count("# END") or not CUT.search(source):
                    raise BadSource(f"Expected `# SOLUTION` ... `# END` in an answer of {self.name}, got: {source[:80]!r}")
            elif "# SOLUTION" in source:
                raise BadSource(f"Expected the tag `answer` on a cell of {self.name} with a solution: {source[:80]!r}")
            if kind == "wrong":
                found = WRONG.match(source)
                if not found or not question or last_answer is None:
                    raise BadSource(
                        f"Expected `# WRONG points: what is wrong` after an answer of {self.name}, got: {source[:80]!r}"
                    )
                question.wrong.append((float(found[1]), found[2], last_answer, source))
            self.cells.append((kind, source, question))

    def _variant(self, cell, *, ticket=PRACTICE, replace=None, until=None):
        """The notebook's cells, [(kind, text)], each answer made by `cell`, one of them replaced by {place: text}."""
        replace, made = replace or {}, []
        for place, (kind, text, question) in enumerate(self.cells):
            if kind in ("judge", "wrong"):
                continue
            if until and question and list(self.questions).index(question.name) > list(self.questions).index(until):
                break
            if kind == "answer":
                text = replace.get(place) or cell(text)
            if kind == "check":
                text = text.rstrip("\n") + '\nprint("Public checks passed.")\n'
            made.append((kind, text.rstrip("\n")))
            if len(made) == 1:
                made.append(("given", self.first_cell(ticket)))
        return made

    def first_cell(self, ticket: str) -> str:
        """The code that says which assignment, which version of it and whose numbers a notebook has."""
        lines = f'assignment = "{self.name} {self.version}"  # leave this line as it is'
        return f'{lines}\nticket = "{ticket}"  # your own, as you were told it'

    def students_cells(self) -> list[tuple[str, str]]:
        """The cells of the student's notebook, (kind, text), without solutions."""
        return self._variant(lambda text: CUT.sub(_gap, text))

    def untouched(self) -> list[str]:
        """The code cells of the student's notebook."""
        return [text for kind, text in self.students_cells() if kind != "text"]

    def solved(self, ticket: str = PRACTICE, *, replace: dict[int, str] | None = None, until: str | None = None) -> list[str]:
        """The code cells of the solved notebook.

        ticket: of the student whose it is.
        replace: other answers, {place: code}.
        until: the last question that is in it; all by default.
        """
        variant = self._variant(lambda text: MARKS.sub("", text), ticket=ticket, replace=replace, until=until)
        return [text for kind, text in variant if kind != "text"]

    def students_notebook(self) -> nbformat.NotebookNode:
        """The notebook that a student gets; the same source gives the same bytes."""
        notebook = nbformat.v4.new_notebook()
        notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
        for number, (kind, text) in enumerate(self.students_cells()):
            make = nbformat.v4.new_markdown_cell if kind == "text" else nbformat.v4.new_code_cell
            cell = make(text, id=f"{self.name}-{number}"[-64:])
            if kind in ("answer", "check"):
                cell.metadata["tags"] = [kind]
            notebook.cells.append(cell)
        return notebook

    def parts(self, ticket: str) -> dict[str, list[Part]]:
        """The hidden side for a ticket: the parts of each question. This runs the cells `ticket` and `judge`, which are ours.

        Raises BadSource if the points of a question's parts do not add up to those of its heading.
        """
        found = {name: [] for name in self.questions}
        scope = {"__name__": f"judge_of_{self.name}", "ticket": ticket, "print": lambda *_: None}
        for kind, text, question in self.cells:
            if kind in ("ticket", "judge"):
                scope["part"] = self._collector(found, question)
                exec(compile(text, f"<{kind} of {self.name}>", "exec"), scope)
        for name, question in self.questions.items():
            total = sum(part.points for part in found[name])
            if total != (0 if question.by_hand else question.points):
                raise BadSource(f"Expected parts of {question.points} points in question {name} of {self.name}, got {total:g}.")
        return found

    def _collector(self, found, question):
        def part(points, label):
            def collect(function):
                found[question.name].append(Part(points, label, function))
                return function

            return collect

        return part


def _gap(found):
    """What a student finds in place of a solution: faulty code, or dots."""
    indent, given = found.groups()
    return re.sub(r"^([ \t]*)# ?", r"\1", given, flags=re.MULTILINE) if given else f"{indent}...  # your code\n"


def derived(secret: str, *names: str) -> bytes:
    """32 bytes that only who has the secret can make of the names."""
    return hmac.new(secret.encode(), "\0".join(names).encode(), hashlib.sha256).digest()


def ticket(secret: str, assignment: str, student: str) -> str:
    """Six letters and digits from which a student's numbers are drawn."""
    letters = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that reads as another
    return "".join(letters[byte % 32] for byte in derived(secret, "ticket", assignment, student)[:6])


def read_key(path: str | Path) -> str:
    """The instructor's secret in a file; raises ValueError for one that is too short, OSError for none."""
    if not Path(path).exists():
        raise FileNotFoundError(f"Expected your key in {path}, got no such file: it is the one that made the tickets.")
    secret = Path(path).read_text(encoding="utf-8").strip()
    if len(secret) < 16:
        raise ValueError(f"Expected a secret of 16 characters or more in {path}, got {len(secret)}.")
    return secret
