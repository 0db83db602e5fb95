"""What Canvas, Moodle and Gradescope hand out and take back: archives of submissions, and sheets of grades."""

import csv
import io
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import yaml

from .submission import FILE_MAX, Refused, _read

CANVAS = re.compile(r"[^_/]*(?:_LATE)?_(\d+)_\d+_([^/]+)$", re.IGNORECASE)
MOODLE = re.compile(r"_(\d+)_assignsubmission_file_?/?([^/]+)$")
GRADESCOPE = re.compile(r"(submission_\d+)/([^/]+)$")
PLAIN = re.compile(r"(?:^|/)([\w.@+-]{1,64})(?:/[^/]+|\.ipynb|\.zip)$")
ID = re.compile(r"[\w.@+-]{1,64}")
NUMBER = re.compile(r"-?\d+([.,]\d+)?")


@dataclass
class Sheet:
    """The sheet of grades that an instructor downloaded; filled in, it keeps its columns, its language and its order.

    rows: the cells; the first row holds the headings.
    kind: "canvas", "moodle" or "plain", a table whose first column holds the ids.
    students: {id: number of the row}.
    """

    rows: list[list[str]]
    kind: str
    delimiter: str
    students: dict[str, int] = field(default_factory=dict)

    @classmethod
    def open(cls, path: str | Path) -> "Sheet":
        """Read a sheet; raises ValueError for what is none."""
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise ValueError(f"Expected a table of comma-separated values in UTF-8 in {path}, got another file.") from None
        head = text.partition("\n")[0]
        delimiter = max(",;\t", key=head.count)
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
        if len(rows) < 2:
            raise ValueError(
                f"Expected a sheet with a row of headings and a row for each student in {path}, got {len(rows)} rows."
            )
        if rows[0][:2] == ["Student", "ID"]:
            students = {row[1]: number for number, row in enumerate(rows) if re.fullmatch(r"\d+", row[1].strip())}
            return cls(rows, "canvas", delimiter, students)
        numbers = [re.search(r"\D(\d+)$", row[0]) for row in rows[1:]]
        if all(numbers) and len({row[0][: found.start(1)] for row, found in zip(rows[1:], numbers, strict=True)}) == 1:
            return cls(rows, "moodle", delimiter, {found[1]: number for number, found in enumerate(numbers, start=1)})
        return cls(rows, "plain", delimiter, {row[0].strip(): number for number, row in enumerate(rows) if number})

    def column(self, name: str | None) -> int:
        """The number of the column for the grades; raises ValueError if it is not clear which."""
        heads = self.rows[0]
        if name is not None:
            fitting = [number for number, head in enumerate(heads) if head == name or head.startswith(f"{name} (")]
        elif self.kind == "moodle":  # whatever the language: the one before the column that says the same number for all
            maximum = [{row[number] for row in self.rows[1:]} for number in range(len(heads))]
            fitting = [number - 1 for number, said in enumerate(maximum) if number > 1 and len(said) == 1 and _is_number(*said)]
        else:
            fitting = [number for number, head in enumerate(heads) if re.fullmatch(r".+ \(\d+\)", head)]
        if len(fitting) != 1:
            raise ValueError(f"Expected one column for the grades, got {len(fitting)}: name it with --column, one of {heads}.")
        return fitting[0]

    def fill(
        self, grades: dict[str, float], column: str | None, comments: dict[str, str] | None = None, heading: str = ""
    ) -> str:
        """The text of the sheet with grades written in; students without one keep what is there.

        grades: {id: points}.
        column: its heading; found by itself where there is one alone.
        comments: {id: sentence}, for the column `heading`.
        heading: of the column for comments.
        """
        place = self.column(column)
        beside = self.rows[0].index(heading) if comments and heading in self.rows[0] else None
        if comments and beside is None:
            raise ValueError(f"Expected a column {heading!r} for comments, got {self.rows[0]}.")
        comma = self.kind == "moodle" and any("," in row[place + 1] for row in self.rows[1:])
        rows = [list(row) for row in self.rows]
        for who, number in self.students.items():
            if who in grades:
                text = f"{grades[who]:.10g}"
                rows[number][place] = text.replace(".", ",") if comma else text
            if beside is not None and who in comments:
                rows[number][beside] = harmless(comments[who])
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=self.delimiter, lineterminator="\r\n").writerows(rows)
        return out.getvalue()


def _is_number(text):
    return NUMBER.fullmatch(text.strip()) is not None


def harmless(text: object) -> str:
    """Text for a cell, which a spreadsheet will not take for a formula."""
    text = " ".join(str(text).split())
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") and not _is_number(text) else text


@dataclass
class Found:
    """A file among those handed in: whose it is, what it is called, when it came, and how to read it."""

    who: str
    name: str
    when: tuple
    read: object


def files(path: str | Path) -> tuple[list[Found], list[str]]:
    """The files in an archive of Canvas, Moodle or Gradescope or in a folder, and sentences on those that cannot be told.

    Of each file at most a little more than may be handed in is read. Raises ValueError for what is no archive.
    """
    path = Path(path)
    if path.is_dir():
        members = [
            (file.relative_to(path).as_posix(), _when(file), file) for file in sorted(path.rglob("*")) if not file.is_dir()
        ]
        found = [(name, when, lambda file=file: _read(file)) for name, when, file in members]
        submitters = _submitters(path.rglob("submission_metadata.yml"))
    else:
        try:
            archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError):
            raise ValueError(f"Expected a folder or a zip of submissions, got {path}.") from None
        inside = [member for member in archive.infolist() if not member.is_dir() and (member.external_attr >> 28) != 0o12]
        found = [(each.filename, each.date_time, lambda each=each: archive.open(each).read(FILE_MAX + 1)) for each in inside]
        listed = [each for each in inside if each.filename.endswith("submission_metadata.yml")]
        submitters = _submitters(zipfile.Path(archive, each.filename) for each in listed)
    return _sorted_out(found, submitters)


def _when(file):
    import time

    return tuple(time.localtime(file.lstat().st_mtime)[:6])


def _sorted_out(found, submitters):
    known, sentences = [], []
    for name, when, read in found:
        if name.endswith("submission_metadata.yml") or "__MACOSX" in name or PurePosixPath(name).name.startswith("."):
            continue
        for pattern in (MOODLE, CANVAS, GRADESCOPE, PLAIN):
            if match := pattern.search(name):
                who = submitters.get(match[1], match[1])
                if ID.fullmatch(who):
                    known.append(Found(who, PurePosixPath(name).name, when, read))
                    break
        else:
            sentences.append(f"{name[-80:]!r}: nothing in the name says whose it is.")
    return known, sentences


def _submitters(paths):
    """{submission_123: the student's id} of Gradescope's list, where there is one."""
    found = {}
    for path in paths:
        listed = yaml.safe_load(path.read_text()[: 10 << 20])
        for name, facts in (listed or {}).items():
            for submitter in facts.get(":submitters", [])[:1]:
                found[name] = str(submitter.get(":sid") or submitter.get(":email"))
    return found


def collect(source: str | Path, sheet: Sheet | None, out: str | Path, due: tuple | None = None) -> list[str]:
    """Put each student's submission into a folder as ID.ipynb or ID.zip, and return sentences on what needs a look.

    The table collected.csv there says for each student which file it was, when it came and how many hours late.

    source: an archive or a folder.
    sheet: of the class; whoever is not in it is left out. None: no list of the class.
    out: the folder, which may not hold submissions yet.
    due: (year, month, day, hour, minute, second), in the time of the archive.
    """
    out = Path(out)
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"Expected a new or empty folder, got {out}, which has something in it.")
    known, sentences = files(source)
    by_student = {}
    for file in known:
        by_student.setdefault(file.who, []).append(file)
    out.mkdir(parents=True, exist_ok=True)
    rows = [["student", "file", "handed in", "hours late"]]
    for who, theirs in sorted(by_student.items()):
        if sheet is not None and who not in sheet.students:
            sentences.append(f"{who} is not in the sheet: {len(theirs)} files left out.")
            continue
        try:
            name, when = _put(theirs, out / who, sentences)
        except (Refused, OSError, zipfile.BadZipFile, RuntimeError) as error:
            sentences.append(f"{who}: {error}")
            continue
        rows.append(
            [
                who,
                harmless(name),
                "{}-{:02}-{:02} {:02}:{:02}:{:02}".format(*when),
                f"{hours_late(when, due):.2f}" if due else "",
            ]
        )
    for who in sorted(sheet.students.keys() - by_student.keys()) if sheet else ():
        sentences.append(f"{who} has handed in nothing.")
    with open(out / "collected.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return sentences


def _put(theirs, target, sentences):
    """Write one student's files as one, and return (name, when)."""
    theirs = sorted(theirs, key=lambda file: file.when)
    weights = {file.name: file for file in theirs if file.name.endswith(".safetensors")}
    others = [file for file in theirs if file.name not in weights]
    if not others:
        raise Refused("no notebook, only weights.")
    last = others[-1]
    if len(others) > 1:
        sentences.append(f"{last.who} has handed in {len(others)} files: the last one counts, {last.name!r}.")
    data = last.read()
    if not weights or data[:2] == b"PK":
        target.with_name(target.name + (".zip" if data[:2] == b"PK" else ".ipynb")).write_bytes(data)
    else:
        with zipfile.ZipFile(target.with_name(target.name + ".zip"), "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("notebook.ipynb", data)
            for name, file in weights.items():
                archive.writestr(name, file.read())
    return last.name, last.when


def hours_late(when: tuple, due: tuple) -> float:
    """Hours from one time to another, 0 for what came before it."""
    import datetime

    return max(0.0, (datetime.datetime(*when) - datetime.datetime(*due)).total_seconds() / 3600)


def submissions(folder: str | Path) -> dict[str, Path]:
    """What `collect` has put into a folder: {student's id: file}."""
    found = {path.stem: path for path in sorted(Path(folder).iterdir()) if path.suffix in (".ipynb", ".zip")}
    if not found:
        raise ValueError(f"Expected submissions in {folder}, got none: python -m course_lib.grading collect puts them there.")
    return found
