"""Assignments: make them, grade what is handed in, and fill the learning platform's sheet."""

import argparse
import contextlib
import csv
import datetime
import json
import os
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml
from tqdm import tqdm

from . import assign as assigning
from . import batch, export, platforms, report, sandbox
from .judge import clean, grade
from .sandbox import Unusable
from .source import Assignment, read_key, ticket


def doctor(args):
    """Say which sandbox works here, what is missing and what mends it, and try hostile submissions on it."""
    works = []
    for backend in sandbox.BACKENDS:
        problems = sandbox.problems(backend)
        print(f"{backend}: {'works' if not problems else 'does not work here'}")
        for what, line in problems:
            print(f"  {what}\n  to mend it: {line}")
        works += [] if problems else [backend]
    if "user" in works:
        print("  only in a container that is thrown away: it can read what everyone may, forbidden packages too")
    if not works:
        raise Unusable("no sandbox works on this machine, so nothing can be graded on it")
    from . import hostile

    found = hostile.tried(works[0], tqdm(hostile.SET, desc=f"hostile submissions, {works[0]}", unit="", disable=None))
    for name, what in found:
        print(f"  {name}: {what}")
    print(f"{len(hostile.SET) - len({name for name, _ in found})} of {len(hostile.SET)} hostile submissions were held")
    if found:
        sys.exit(1)


def assign(args):
    """Make the student's notebook of each source, once the solved one earns all points, the untouched one none, and each wrong
    answer what it should."""
    for path in args.sources:
        assignment = Assignment.open(path)
        if faults := assigning.try_out(assignment):
            raise ValueError(f"{path} is not released: " + " ".join(faults))
        notebook = assigning.write_notebook(assignment, args.out or path.parent)
        questions = assignment.questions.values()
        print(f"{notebook}: {sum(each.points for each in questions)} points, {sum(each.minutes for each in questions)} minutes")


def tickets(args):
    """Write a table with each student's ticket, from which her own numbers are drawn; makes the key if there is none."""
    if not args.key.exists():
        with open(os.open(args.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32) + "\n")
        print(f"{args.key} is new: keep it secret, and keep it, since grades come from it")
    secret, sheet = read_key(args.key), platforms.Sheet.open(args.sheet)
    with open(args.out, "w", newline="", encoding="utf-8") as file:
        rows = [[who, ticket(secret, args.assignment.stem, who)] for who in sheet.students]
        csv.writer(file).writerows([["student", "ticket"], *rows])
    print(f"{args.out}: {len(sheet.students)} tickets of {args.assignment.stem}")


def collect(args):
    """Put the submissions in a platform's archive, or a folder, into a folder: a file for each student."""
    sheet = platforms.Sheet.open(args.sheet) if args.sheet else None
    due = args.due and args.due.timetuple()[:6]
    for sentence in platforms.collect(args.source, sheet, args.out, due):
        print(f"  {clean(sentence)}")
    print(f"{args.out}: {len(platforms.submissions(args.out))} submissions")


def grade_command(args):
    """Grade the submissions in a folder; a second run goes on where the first one was stopped."""
    assignment, secret = Assignment.open(args.assignment), read_key(args.key)
    submissions = platforms.submissions(args.submissions)
    if args.cluster is None and (problems := sandbox.problems(args.backend)):
        raise Unusable("; ".join(f"{what}: {line}" for what, line in problems))
    bar = tqdm(total=len(submissions), unit="submission", disable=None)

    def after_each(result):
        bar.update()
        bar.set_postfix_str(f"{result['student']} {result['points']:g}/{result['of']:g}")

    with bar, executor(args) as (pool, width):
        results = batch.grade_all(
            submissions, assignment, secret, args.out, pool, width=width, backend=args.backend, after_each=after_each
        )
    graded = sum(result["status"] == "graded" for result in results)
    print(f"{args.out}: {graded} graded, {len(results) - graded} refused")
    for who, why in report.needs_a_look(results):
        print(f"  {who}: {why}")


@contextlib.contextmanager
def executor(args):
    """What runs the submissions, and how many at a time."""
    if args.cluster:
        with batch.dask_client(args.cluster) as client:
            yield client.get_executor(), max(1, sum(client.nthreads().values()))
    else:
        with ThreadPoolExecutor(args.workers) as pool:
            yield pool, args.workers


def settled(args):
    results = batch.read(args.results)
    if not results:
        raise ValueError(f"Expected results in {args.results}, got none: python -m course_lib.grading grade makes them.")
    return report.settle(
        results,
        by_hand=report.read_by_hand(args.by_hand) if args.by_hand else None,
        late=report.read_late(args.late) if args.late else None,
        policy=report.LatePolicy(args.late_percent, args.late_days, args.late_grace),
    )


def report_command(args):
    """Write a page for each student, and one for the instructor with what the marks say of the questions."""
    print(report.write(settled(args), Assignment.open(args.assignment), args.out))


def export_command(args):
    """Fill the sheet that was downloaded from Canvas or Moodle, or write a plain table."""
    results = settled(args)
    text, sentences = (
        export.fill(results, platforms.Sheet.open(args.sheet), args.column, args.comments)
        if args.sheet
        else (export.plain(results), [])
    )
    args.out.write_text(text, encoding="utf-8", newline="")
    for sentence in sentences:
        print(f"  {sentence}")
    print(args.out)


def autograder(args):
    """Write the zip that Gradescope takes as an autograder."""
    export.autograder(Assignment.open(args.assignment), read_key(args.key), args.out, args.package)
    print(args.out)


def gradescope(args):
    """Grade the one submission in a folder inside Gradescope's container, and write its results.json."""
    assignment, files = Assignment.open(args.assignment), sorted(args.submission.rglob("*.ipynb"))
    metadata = args.submission.parent / "submission_metadata.json"
    users = json.loads(metadata.read_text())["users"] if metadata.exists() else [{}]
    who = str(users[0].get("sid") or users[0].get("email") or "student")
    if len(files) != 1:
        result = {"score": 0, "output": f"{len(files)} notebooks were handed in: hand in exactly one."}
    else:
        graded = grade(who, str(files[0]), assignment.text, assignment.name, read_key(args.key), backend="user")
        result = export.gradescope(report.settle([graded])[0])
    args.out.write_text(json.dumps(result), encoding="utf-8")


def command_line():
    """The parser; its help is made of the functions' own words."""
    parser = argparse.ArgumentParser(prog="python -m course_lib.grading", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(function, name=None):
        text = " ".join((function.__doc__ or "").split())
        added = commands.add_parser(name or function.__name__, help=text.split(". ")[0].rstrip("."), description=text)
        added.set_defaults(run_command=function)
        return added

    def whole(text):
        if not text.isdigit() or not 1 <= int(text) <= 1000:
            raise argparse.ArgumentTypeError(f"expected a whole number from 1 to 1000, got {text!r}")
        return int(text)

    def amount(text):
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 10_000:
            raise argparse.ArgumentTypeError(f"expected a number from 0 to 10000, got {text!r}")
        return value

    def moment(text):
        try:
            return datetime.datetime.fromisoformat(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected a time such as '2026-11-20 18:00', got {text!r}") from None

    command(doctor)
    options = command(assign)
    options.add_argument("sources", type=Path, nargs="+", help="such as book/assignments/by_hand.md")
    options.add_argument("--out", type=Path, help="folder for the notebooks; default: that of the source")
    options = command(tickets)
    options.add_argument("assignment", type=Path, help="its source")
    options.add_argument("sheet", type=Path, help="of the class: the platform's, or a table with ids in the first column")
    options.add_argument("--key", type=Path, required=True, help="file with your secret")
    options.add_argument("--out", type=Path, required=True, help="the table, such as tickets.csv")
    options = command(collect)
    options.add_argument("source", type=Path, help="zip of Canvas, Moodle or Gradescope, or a folder")
    options.add_argument("--sheet", type=Path, help="of the class: whoever is not in it is left out")
    options.add_argument("--due", type=moment, help="such as '2026-11-20 18:00', in the time of the archive")
    options.add_argument("--out", type=Path, required=True, help="a new folder")
    options = command(grade_command, "grade")
    options.add_argument("assignment", type=Path, help="its source")
    options.add_argument("submissions", type=Path, help="the --out of collect")
    options.add_argument("--key", type=Path, required=True, help="file with your secret")
    options.add_argument("--out", type=Path, required=True, help="the results, such as results.jsonl")
    options.add_argument(
        "--backend", choices=sandbox.BACKENDS, default="bubblewrap", help="how sandboxes are made (%(default)s)"
    )
    options.add_argument("--workers", type=whole, default=os.cpu_count() or 1, help="submissions at a time (%(default)s)")
    options.add_argument("--cluster", metavar="ADDRESS", help="of a Dask scheduler; it takes the place of --workers")
    for function, name in ((report_command, "report"), (export_command, "export")):
        options = command(function, name)
        if name == "report":
            options.add_argument("assignment", type=Path, help="its source")
        options.add_argument("results", type=Path, help="the --out of grade")
        if name == "export":
            options.add_argument("--sheet", type=Path, help="the platform's, to be filled; default: a plain table")
            options.add_argument("--column", help="heading of the column for grades; default: the only one there is")
            options.add_argument("--comments", default="", help="heading of the column for feedback; default: none")
        options.add_argument("--by-hand", type=Path, help="table with the columns student, question, points")
        options.add_argument("--late", type=Path, help="the collected.csv of collect")
        options.add_argument("--late-percent", type=amount, default=0.0, help="taken off a day begun (%(default)s)")
        options.add_argument("--late-days", type=whole, default=7, help="after which nothing counts (%(default)s)")
        options.add_argument("--late-grace", type=amount, default=0.0, help="hours that cost nothing (%(default)s)")
        options.add_argument("--out", type=Path, required=True, help="a folder" if name == "report" else "a file")
    options = command(autograder)
    options.add_argument("assignment", type=Path, help="its source")
    options.add_argument("--key", type=Path, required=True, help="file with your secret")
    options.add_argument("--package", required=True, help="what pip installs there: git+https://... of the course's repository")
    options.add_argument("--out", type=Path, required=True, help="such as autograder.zip")
    options = command(gradescope)
    options.add_argument("assignment", type=Path, help="its source")
    options.add_argument("submission", type=Path, help="folder with what was handed in")
    options.add_argument("--key", type=Path, required=True, help="file with your secret")
    options.add_argument("--out", type=Path, required=True, help="results.json")
    return parser


def main(arguments: list[str] | None = None):
    """Run one command. Exit status 1 with one sentence for what went wrong, 130 after Ctrl-C."""
    args = command_line().parse_args(arguments)
    try:
        args.run_command(args)
    except KeyboardInterrupt:
        print("Stopped; what has been graded is kept, and the same command goes on from there.", file=sys.stderr)
        sys.exit(130)
    except (OSError, ValueError, Unusable, yaml.YAMLError) as error:
        sys.exit(f"error: {clean(error)}")


if __name__ == "__main__":
    main()
