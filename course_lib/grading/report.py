"""What results say: to each student, on one page, and to the instructor, of each question."""

import csv
import html
import math
import statistics
from dataclasses import dataclass
from pathlib import Path

from .judge import clean
from .source import Assignment

STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}"
    "table{border-collapse:collapse;width:100%}td,th{padding:.3rem .6rem;border-bottom:1px solid #ccc;text-align:left;"
    "vertical-align:top}td.number{text-align:right;white-space:nowrap}"
    "div{overflow-x:auto}h1,p,li,td:last-child{overflow-wrap:anywhere}@media(max-width:30rem){td,th{padding:.3rem .2rem}}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}td,th{border-color:#555}}"
)


@dataclass
class LatePolicy:
    """What is taken off for each day begun.

    percent: of the points that can be earned, a day.
    days: after which nothing counts.
    grace: hours that cost nothing.
    """

    percent: float = 0.0
    days: int = 7
    grace: float = 0.0

    def points(self, points: float, of: float, hours: float) -> float:
        """What is left of points that were handed in so many hours late."""
        if hours <= self.grace:
            return points
        days = math.ceil((hours - self.grace) / 24)
        return 0.0 if days > self.days else max(0.0, round(points - of * self.percent / 100 * days, 2))


def settle(
    results: list[dict],
    *,
    by_hand: dict[tuple[str, str], float] | None = None,
    late: dict[str, float] | None = None,
    policy: LatePolicy | None = None,
) -> list[dict]:
    """The results with what a person has read, and with the late policy: "total" of "out_of", and "taken_off".

    results: as graded.
    by_hand: {(student, question): points}.
    late: {student: hours}.
    policy: what lateness costs.
    """
    settled = []
    for result in results:
        questions = {}
        for name, marks in result["questions"].items():
            points = (by_hand or {}).get((result["student"], name), marks["points"])
            if points is not None and not 0 <= points <= marks["of"]:
                raise ValueError(
                    f"Expected 0 to {marks['of']} points by hand for {result['student']} in {name}, got {points:g}."
                )
            questions[name] = marks | {"points": points}
        earned = round(sum(marks["points"] or 0 for marks in questions.values()), 2)
        out_of = sum(marks["of"] for marks in questions.values()) or result["of"]
        total = (policy or LatePolicy()).points(earned, out_of, (late or {}).get(result["student"], 0.0))
        more = {"questions": questions, "total": total, "out_of": out_of, "taken_off": round(earned - total, 2)}
        settled.append(result | more)
    return settled


def read_by_hand(path: str | Path) -> dict[tuple[str, str], float]:
    """{(student, question): points} of a table with these three columns; raises ValueError."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        try:
            return {(row["student"], row["question"]): float(row["points"]) for row in csv.DictReader(file)}
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"Expected the columns student, question, points in {path}, got something else.") from None


def read_late(path: str | Path) -> dict[str, float]:
    """{student: hours late} of the table that `collect` writes; raises ValueError."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        try:
            return {row["student"]: float(row["hours late"] or 0) for row in csv.DictReader(file)}
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"Expected the columns student and hours late in {path}, got something else.") from None


def feedback(result: dict) -> str:
    """A student's feedback in one line."""
    if result["status"] == "refused":
        return result["message"]
    told = []
    for name, marks in result["questions"].items():
        points = "to be read" if marks["points"] is None else f"{marks['points']:g}/{marks['of']:g}"
        missed = [f"{part['label']}: {part['message']}" for part in marks["parts"] if part["points"] < part["of"]]
        told.append(f"{name} {points}" + (f" ({'; '.join(missed)})" if missed else ""))
    return ". ".join(told)


def page(result: dict, titles: dict[str, str]) -> str:
    """A student's page, without anything that a browser would run or fetch.

    result: settled.
    titles: of the questions, {name: title}.
    """
    rows = []
    for name, marks in result["questions"].items():
        points = "to be read" if marks["points"] is None else f"{marks['points']:g} of {marks['of']:g}"
        rows.append(_row(f"<strong>{_text(titles.get(name, name))}</strong>", f"<strong>{points}</strong>", ""))
        rows += [
            _row(_text(part["label"]), f"{part['points']:g} of {part['of']:g}", _text(part["message"]))
            for part in marks["parts"]
        ]
    body = _table(("Question", "Points", "What was found"), rows) if rows else ""
    if result["status"] == "refused":
        body += f"<p>{_text(result['message'])}</p>"
    if result["taken_off"]:
        body += f"<p>{result['taken_off']:g} points are taken off because it was handed in late.</p>"
    if result.get("stopped"):
        stopped = "".join(f"<li>Cell {_text(number)} {_text(what)}" for number, what in result["stopped"].items())
        body += f"<h2>Cells that stopped</h2><p>Code cells are counted from the top, the first is 1.</p><ul>{stopped}</ul>"
    return _document(f"{result['assignment']}: {result['total']:g} of {result['out_of']:g} points", body)


def of_questions(results: list[dict]) -> list[dict]:
    """For each question its difficulty, the mean share of its points, and its discrimination.

    Discrimination is the correlation, over students, of the question's points with the points of all others: near 0, or below,
    who does well elsewhere does not do better here, and the question deserves a look. None where it is not defined.
    """
    graded = [result for result in results if result["status"] == "graded"]
    table = []
    for name in [name for name, marks in graded[0]["questions"].items() if marks["of"]] if graded else ():
        points = [result["questions"][name]["points"] or 0 for result in graded]
        rest = [
            sum(marks["points"] or 0 for marks in result["questions"].values()) - own
            for result, own in zip(graded, points, strict=True)
        ]
        of = graded[0]["questions"][name]["of"]
        varied = len(set(points)) > 1 and len(set(rest)) > 1
        table.append(
            {
                "question": name,
                "students": len(graded),
                "difficulty": statistics.mean(points) / of,
                "discrimination": statistics.correlation(points, rest) if varied else None,
                "all points": sum(own == of for own in points),
                "none": sum(own == 0 for own in points),
            }
        )
    return table


def needs_a_look(results: list[dict]) -> list[tuple[str, str]]:
    """(student, why) for what a person should see: refused, unusual, or the same file as another's."""
    found, owners = [], {}
    for result in results:
        found += [(result["student"], why) for why in result["look"]]
        if result["status"] == "refused":
            found.append((result["student"], result["message"]))
        if result.get("by_clock"):
            found.append((result["student"], "was stopped by the wall clock, alone too"))
        owners.setdefault(result.get("sha256", object()), []).append(result["student"])
    return found + [
        (who, f"the same file as {', '.join(set(same) - {who})}") for same in owners.values() if len(same) > 1 for who in same
    ]


def write(results: list[dict], assignment: Assignment, folder: str | Path) -> Path:
    """Write a page for each student, STUDENT.html, and index.html for the instructor; return the path of the latter.

    results: settled.
    assignment: what was graded.
    folder: where.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    titles = {name: question.title for name, question in assignment.questions.items()}
    for result in results:
        (folder / f"{result['student']}.html").write_text(page(result, titles), encoding="utf-8")
    rows = [
        f"<tr><td><a href='{_text(result['student'])}.html'>{_text(result['student'])}</a>"
        f"<td class=number>{result['total']:g} of {result['out_of']:g}<td>{_text(feedback(result))}"
        for result in results
    ]
    questions = [
        f"<tr><td>{_text(titles[row['question']])}<td class=number>{row['difficulty']:.2f}<td class=number>"
        f"{'' if row['discrimination'] is None else format(row['discrimination'], '.2f')}<td class=number>{row['all points']}"
        f"<td class=number>{row['none']}"
        for row in of_questions(results)
    ]
    looks = [f"<li>{_text(who)}: {_text(why)}" for who, why in needs_a_look(results)]
    body = f"<h2>Needs a look</h2><ul>{''.join(looks)}</ul>" if looks else ""
    for name, points in assignment.about.get("rubric", {}).items():
        body += f"<h2>To be read: {_text(titles[name])}</h2><ul>{''.join(f'<li>{_text(each)}' for each in points)}</ul>"
    body += "<h2>Questions</h2>" + _table(("Question", "Difficulty", "Discrimination", "All points", "None"), questions)
    body += "<h2>Students</h2>" + _table(("Student", "Points", "Feedback"), rows)
    index = folder / "index.html"
    index.write_text(_document(f"{assignment.name}: {len(results)} submissions", body), encoding="utf-8")
    return index


def _table(heads, rows):
    """In a box of its own, which scrolls where a screen is too narrow for it."""
    return f"<div tabindex=0><table><tr>{''.join(f'<th>{head}' for head in heads)}{''.join(rows)}</table></div>"


def _row(*cells):
    return "<tr>" + "".join(f"<td>{cell}" for cell in cells)


def _text(value):
    return html.escape(clean(value))


def _document(title, body):
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width"><title>{_text(title)}</title><style>{STYLE}</style>'
        f"<h1>{_text(title)}</h1>{body}</html>\n"
    )
