"""The commands, from a source to a filled sheet, and one sentence for what goes wrong."""

import csv
import json

import pytest

from course_lib.grading import __main__ as command_line
from course_lib.grading import hostile, sandbox
from course_lib.grading.source import ticket

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a source, a key, a class of three and what they handed in; the judge asks in this process."""
    from course_lib.grading import judge

    monkeypatch.setattr(judge, "Sandbox", lambda *_, **__: judge.InThisProcess())  # what is handed in here is ours
    monkeypatch.setattr(sandbox, "problems", lambda backend: [])
    (tmp_path / "probe.md").write_text(hostile.PROBE)
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "sheet.csv").write_text(
        "Student,ID,SIS User ID,SIS Login ID,Section,Probe (7)\n"
        "    Points Possible,,,,,6\nAnn,101,,,,\nBob,102,,,,\nCy,103,,,,\n"
    )
    (tmp_path / "in").mkdir()
    for who, replaced in (("101", ("", "")), ("102", ("np.ones(k)", "np.ones(2)"))):
        cells = [cell.replace("TICKET", ticket(KEY, "probe", who)).replace(*replaced) for cell in hostile.HONEST]
        (tmp_path / "in" / f"x_{who}_1_probe.ipynb").write_bytes(hostile.notebook(cells))
    (tmp_path / "in" / "x_103_1_probe.ipynb").write_text("no notebook")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(path):
    return list(csv.reader(path.read_text().splitlines()))


def run(line):
    command_line.main(line.split())


def test_a_class_from_the_archive_to_the_filled_sheet(folder, capsys):
    run("tickets probe.md sheet.csv --key key --out tickets.csv")
    assert table(folder / "tickets.csv")[1] == ["101", ticket(KEY, "probe", "101")]
    run("collect in --sheet sheet.csv --out submissions")
    run("grade probe.md submissions --key key --out results.jsonl --workers 1")
    assert "2 graded, 1 refused\n  103: This is not a notebook" in capsys.readouterr().out
    run("report probe.md results.jsonl --out pages")
    assert "4 of 6 points" in (folder / "pages" / "102.html").read_text()
    run("export results.jsonl --sheet sheet.csv --out filled.csv")
    assert [row[5] for row in table(folder / "filled.csv")] == ["Probe (7)", "6", "6", "4", "0"]
    run("export results.jsonl --out plain.csv --late submissions/collected.csv --late-percent 10")
    assert table(folder / "plain.csv")[1][:5] == ["101", "6.0", "6", "4.0", "2.0"]


def test_the_key_is_made_once_and_for_its_owner_alone(folder, capsys):
    run("tickets probe.md sheet.csv --key new --out tickets.csv")
    assert (folder / "new").stat().st_mode & 0o777 == 0o600
    assert len((folder / "new").read_text().strip()) == 64
    before = (folder / "tickets.csv").read_text()
    run("tickets probe.md sheet.csv --key new --out tickets.csv")
    assert (folder / "tickets.csv").read_text() == before
    assert capsys.readouterr().out.count("is new: keep it secret") == 1


def test_a_source_that_does_not_hold_is_not_released(folder, capsys):
    with pytest.raises(SystemExit, match=r"probe\.md is not released: Expected a wrong answer to window"):
        run("assign probe.md")
    assert not (folder / "probe.ipynb").exists()


def test_gradescope_grades_the_one_notebook_in_its_folder(folder):
    place = folder / "autograder" / "submission"
    place.mkdir(parents=True)
    (place.parent / "submission_metadata.json").write_text(json.dumps({"users": [{"sid": "102", "email": "b@x"}]}))
    (place / "x.ipynb").write_bytes((folder / "in" / "x_102_1_probe.ipynb").read_bytes())
    run("gradescope probe.md autograder/submission --key key --out results.json")
    assert json.loads((folder / "results.json").read_text())["score"] == 4
    (place / "y.ipynb").write_text("")
    run("gradescope probe.md autograder/submission --key key --out results.json")
    assert json.loads((folder / "results.json").read_text())["output"] == "2 notebooks were handed in: hand in exactly one."


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("grade probe.md in --key none --out r", "Expected your key in none, got no such file"),
        ("grade probe.md none --key key --out r", "No such file or directory: 'none'"),
        ("grade none.md in --key key --out r", "No such file or directory: 'none.md'"),
        ("report probe.md none --out pages", "Expected results in none, got none"),
        ("export none --out x", "Expected results in none, got none"),
        ("collect key --out x", "Expected a folder or a zip of submissions, got key"),
        ("collect in --sheet key --out x", "Expected a sheet with a row of headings"),
        ("tickets probe.md sheet.csv --key probe.md2/x --out t", "No such file or directory"),
    ],
)
def test_what_goes_wrong_is_one_sentence(line, told, folder):
    with pytest.raises(SystemExit, match=f"^error: .*{told}"):
        run(line)


def test_without_a_sandbox_nothing_is_graded_and_the_mending_line_is_told(folder, monkeypatch):
    monkeypatch.setattr(
        sandbox, "problems", lambda backend: [("bubblewrap is not installed", "sudo apt-get install bubblewrap")]
    )
    run("collect in --out submissions")
    with pytest.raises(SystemExit, match="bubblewrap is not installed: sudo apt-get install bubblewrap"):
        run("grade probe.md submissions --key key --out results.jsonl")
    with pytest.raises(SystemExit, match="no sandbox works on this machine"):
        run("doctor")
    assert not (folder / "results.jsonl").exists()
