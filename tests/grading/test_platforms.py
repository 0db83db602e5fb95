"""What platforms hand out is understood, and what they take back is what they take by their own rules."""

import csv
import io
import json
import re
import statistics
import zipfile

import numpy as np
import pytest

from course_lib.grading import export, hostile, platforms, report

CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,By hand (4711),Final Score\n"
    "    Points Possible,,,,,20,(read only)\n"
    '"Right, Ann",101,a1,ann,S1,,\n"Wrong, Bob",102,b1,bob,S1,3,\n"Away, Cy",103,c1,cy,S1,,\n'
)
MOODLE = {
    "English": "Identifier,Full name,Email address,Status,Grade,Maximum grade,Grade can be changed,"
    "Last modified (submission),Last modified (grade),Feedback comments\n"
    'Participant 101,Ann,a@x,Submitted,,20.00,Yes,"Thursday, 26 November 2026, 11:00 AM",-,\n'
    "Participant 102,Bob,b@x,Submitted,,20.00,Yes,-,-,\n",
    "German": "ID,Vollständiger Name,E-Mail-Adresse,Status,Bewertung,Bestwertung,"
    "Bewertung kann geändert werden,Zuletzt geändert (Abgabe),Zuletzt geändert (Bewertung),Feedback als Kommentar\n"
    'Teilnehmer/in101,Ann,a@x,Abgegeben,,"20,00",Ja,-,-,\nTeilnehmer/in102,Bob,b@x,Abgegeben,,"20,00",Ja,-,-,\n',
    "Chinese": "标识号,全名,Email地址,状态,成绩,最高分,成绩可以被更改,最后修改(提交),最后修改(成绩),反馈评语\n"
    "参与者101,Ann,a@x,已提交,,20.00,是,-,-,\n参与者102,Bob,b@x,已提交,,20.00,是,-,-,\n",
}


def result(who, window=4.0, number=2.0, **more):
    parts = [{"label": "two", "points": window, "of": 4, "message": "=right" if window == 4 else "<b>wrong</b>"}]
    questions = {"window": {"points": window, "of": 4, "parts": parts}, "number": {"points": number, "of": 2, "parts": []}}
    made = {"student": who, "assignment": "probe", "status": "graded", "look": [], "questions": questions, "of": 6}
    return made | {"sha256": who, "stopped": {}, "points": window + number} | more


REFUSED = result("103") | {"status": "refused", "message": "This is not a notebook.", "questions": {}, "points": 0.0}
RESULTS = [result("101"), result("102", 1.5, stopped={"3": "stopped with <i>Error</i>"}), REFUSED]


def sheet(tmp_path, text, encoding="utf-8"):
    (tmp_path / "sheet.csv").write_text(text, encoding=encoding, newline="")
    return platforms.Sheet.open(tmp_path / "sheet.csv")


def canvas_reads(text):
    """{id: score} as Canvas's importer takes a file: by id, scores below a heading `name (id)`, a row of points possible."""
    head, *rows = csv.reader(io.StringIO(text))
    assert head[:2] == ["Student", "ID"]
    columns = [number for number, name in enumerate(head) if re.fullmatch(r".+ \((\d+)\)", name)]
    assert rows[0][0].strip().lower() == "points possible"
    return {row[1]: float(row[columns[0]]) if row[columns[0]] else None for row in rows[1:]}


def moodle_reads(text):
    """{id: grade} as Moodle takes its worksheet: the first column says whose row it is; a number may have a comma."""
    _, *rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    return {re.search(r"(\d+)$", row[0])[1]: float(row[4].replace(",", ".")) if row[4] else None for row in rows}


def test_canvas_takes_back_its_own_sheet_with_the_totals(tmp_path):
    text, sentences = export.fill(report.settle(RESULTS), sheet(tmp_path, CANVAS))
    assert canvas_reads(text) == {"101": 6, "102": 3.5, "103": 0}
    before, after = csv.reader(io.StringIO(CANVAS)), csv.reader(io.StringIO(text))
    assert [row[:5] + row[6:] for row in before] == [row[:5] + row[6:] for row in after]
    assert sentences == []


@pytest.mark.parametrize("language", MOODLE)
def test_moodle_takes_back_its_own_sheet_in_any_language(language, tmp_path):
    filled = sheet(tmp_path, MOODLE[language], "utf-8-sig")
    text, sentences = export.fill(report.settle(RESULTS[:2]), filled, comments=filled.rows[0][-1])
    assert moodle_reads(text) == {"101": 6, "102": 3.5}
    assert ('"3,5"' in text) == (language == "German")
    assert "window 1.5/4 (two: <b>wrong</b>)" in text
    assert sentences == []


def test_who_is_in_one_of_both_alone_is_told(tmp_path):
    _, sentences = export.fill(report.settle([result("101"), result("999")]), sheet(tmp_path, CANVAS))
    assert sentences == [
        "102 is in the sheet and has no result.",
        "103 is in the sheet and has no result.",
        "999 has a result and is not in the sheet.",
    ]
    text, _ = export.fill(report.settle([result("101")]), sheet(tmp_path, CANVAS))
    assert canvas_reads(text) == {"101": 6, "102": 3, "103": None}  # what stood there stays


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Expected a sheet with a row of headings"),
        ("a,b\n", "Expected a sheet with a row of headings"),
        (CANVAS.replace("(4711)", "4711"), "Expected one column for the grades, got 0: name it with --column"),
        (CANVAS.replace("Final Score", "Other (5)"), "Expected one column for the grades, got 2: name it with --column"),
    ],
)
def test_a_sheet_that_cannot_be_filled_gets_one_sentence(text, told, tmp_path):
    with pytest.raises(ValueError, match=re.escape(told)):
        export.fill(report.settle(RESULTS), sheet(tmp_path, text))
    text, _ = export.fill(report.settle(RESULTS), sheet(tmp_path, CANVAS.replace("Final Score", "Other (5)")), "By hand")
    assert canvas_reads(text)["101"] == 6


def test_a_spreadsheet_takes_no_feedback_for_a_formula():
    assert [platforms.harmless(text) for text in ("=1+1", "@x", "+1", "-2.5", "a\n=b", "-x")] == [
        "'=1+1",
        "'@x",
        "'+1",
        "-2.5",
        "a =b",
        "'-x",
    ]
    table = export.plain(report.settle([result("101", 0.0)]))
    assert next(csv.reader(io.StringIO(table))) == ["student", "points", "out of", "window", "number", "feedback"]


def test_gradescope_gets_what_its_results_file_has():
    told = json.loads(json.dumps(export.gradescope(report.settle(RESULTS)[1])))
    assert told["score"] == 3.5
    assert {"name", "score", "max_score", "output", "output_format", "visibility"} == set(told["tests"][0])
    assert told["tests"][0]["output_format"] == told["output_format"] == "text"
    assert told["visibility"] in ("hidden", "after_due_date", "after_published", "visible")


def test_the_autograder_of_gradescope_holds_all_that_it_runs(tmp_path):
    export.autograder(hostile.ASSIGNMENT, "secret" * 4, tmp_path / "a.zip", "git+https://example.org/course")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert set(archive.namelist()) == {"setup.sh", "run_autograder", "probe.md", "key"}
        assert "gradescope probe.md /autograder/submission --key key" in archive.read("run_autograder").decode()
        assert all(member.external_attr >> 16 == 0o755 for member in archive.infolist())


# archives


def archive(path, *names, data=b"notebook"):
    with zipfile.ZipFile(path, "w") as made:
        for number, name in enumerate(names):
            made.writestr(zipfile.ZipInfo(name, (2026, 11, 20, 18, number, 0)), data + str(number).encode())
    return path


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["rightann_101_555_by_hand.ipynb", "wrongbob_LATE_102_556_by_hand-1.ipynb"], {"101": ".ipynb", "102": ".ipynb"}),
        (
            ["Ann Right_101_assignsubmission_file_/x.ipynb", "王 伟_102_assignsubmission_file_y.ipynb"],
            {"101": ".ipynb", "102": ".ipynb"},
        ),
        (["101/x.ipynb", "102.ipynb"], {"101": ".ipynb", "102": ".ipynb"}),
        (["101/x.ipynb", "101/net.safetensors", "102/only.safetensors"], {"101": ".zip"}),
        (["a/submission_7/x.ipynb", "a/submission_metadata.yml"], {"101": ".ipynb"}),
    ],
)
def test_an_archive_is_put_into_a_folder_with_a_file_for_each_student(names, found, tmp_path):
    path = archive(tmp_path / "all.zip", *[name for name in names if not name.endswith(".yml")])
    if names[-1].endswith(".yml"):
        with zipfile.ZipFile(path, "a") as made:
            made.writestr(names[-1], "submission_7:\n  :submitters:\n  - :name: Ann\n    :sid: '101'\n    :email: a@x\n")
    platforms.collect(path, None, tmp_path / "out")
    assert {who: file.suffix for who, file in platforms.submissions(tmp_path / "out").items()} == found


def test_two_files_an_unknown_student_and_a_missing_one_are_told(tmp_path):
    names = ["a_101_1_x.ipynb", "a_101_2_y.ipynb", "z_999_3_x.ipynb", "strange name"]
    sentences = platforms.collect(
        archive(tmp_path / "all.zip", *names), sheet(tmp_path, CANVAS), tmp_path / "out", (2026, 11, 20, 17, 1, 0)
    )
    assert sentences == [
        "'strange name': nothing in the name says whose it is.",
        "101 has handed in 2 files: the last one counts, 'a_101_2_y.ipynb'.",
        "999 is not in the sheet: 1 files left out.",
        "102 has handed in nothing.",
        "103 has handed in nothing.",
    ]
    assert (tmp_path / "out" / "101.ipynb").read_bytes() == b"notebook1"
    assert report.read_late(tmp_path / "out" / "collected.csv") == {"101": 1.0}


def test_paths_that_lead_out_and_links_put_nothing_outside(tmp_path):
    path = archive(tmp_path / "all.zip", "../../101/x.ipynb", "/etc/102/x.ipynb", "..ipynb")
    with zipfile.ZipFile(path, "a") as made:
        link = zipfile.ZipInfo("103/x.ipynb")
        link.external_attr = 0o120777 << 16
        made.writestr(link, "/etc/passwd")
    (tmp_path / "out").mkdir()
    platforms.collect(path, None, tmp_path / "out")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["101.ipynb", "102.ipynb", "collected.csv"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["all.zip", "out"]


def test_a_folder_of_submissions_with_a_link_and_a_huge_file_goes_on(tmp_path):
    (tmp_path / "in" / "101").mkdir(parents=True)
    (tmp_path / "in" / "101" / "x.ipynb").write_text("{}")
    (tmp_path / "in" / "102.ipynb").symlink_to("/etc/passwd")
    with open(tmp_path / "in" / "103.ipynb", "wb") as file:
        file.truncate(1 << 30)
    sentences = platforms.collect(tmp_path / "in", None, tmp_path / "out")
    assert [sentence[:4] for sentence in sentences] == ["102:", "103:"]
    assert list(platforms.submissions(tmp_path / "out")) == ["101"]


def test_what_cannot_be_collected_gets_one_sentence(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"no zip")
    with pytest.raises(ValueError, match="Expected a folder or a zip of submissions"):
        platforms.collect(tmp_path / "x.zip", None, tmp_path / "out")
    with pytest.raises(FileExistsError, match="Expected a new or empty folder"):
        platforms.collect(archive(tmp_path / "y.zip", "101.ipynb"), None, tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="Expected submissions in"):
        platforms.submissions(tmp_path / "empty")


# reports


def test_a_students_page_runs_and_fetches_nothing():
    text = report.page(report.settle(RESULTS)[1], {"window": "Sums"})
    assert "&lt;b&gt;wrong&lt;/b&gt;" in text
    assert "Cell 3 stopped with &lt;i&gt;Error" in text
    assert not re.search(r"<(script|img|iframe|link|b|i)[ >]|javascript:|https?:", text)
    assert "default-src 'none'" in text


def test_the_late_policy_takes_off_each_day_begun():
    policy = report.LatePolicy(percent=10, days=3, grace=1)
    assert [policy.points(8, 10, hours) for hours in (0, 1, 2, 25, 25.5, 73, 73.5)] == [8, 8, 7, 7, 6, 5, 0]
    settled = report.settle(RESULTS, late={"101": 30}, policy=policy)
    assert [each["total"] for each in settled] == [4.8, 3.5, 0]
    assert settled[0]["taken_off"] == 1.2


def test_points_by_hand_count_and_are_asked_for(tmp_path):
    open_one = result("101")
    open_one["questions"]["derive"] = {"points": None, "of": 3, "parts": []}
    assert report.settle([open_one])[0]["total"] == 6
    assert report.settle([open_one])[0]["out_of"] == 9
    assert "derive to be read" in report.feedback(open_one)
    (tmp_path / "marks.csv").write_text("student,question,points\n101,derive,2.5\n")
    marks = report.read_by_hand(tmp_path / "marks.csv")
    assert report.settle([open_one], by_hand=marks)[0]["total"] == 8.5
    with pytest.raises(ValueError, match="Expected 0 to 3 points by hand for 101 in derive, got 4"):
        report.settle([open_one], by_hand={("101", "derive"): 4.0})
    (tmp_path / "marks.csv").write_text("name\nAnn\n")
    with pytest.raises(ValueError, match="Expected the columns student, question, points"):
        report.read_by_hand(tmp_path / "marks.csv")


def test_difficulty_and_discrimination_are_those_of_the_closed_form():
    """Of n students the k best solve a question of 2 points, and the others nothing; the rest is their rank, 0 ... n - 1.

    The correlation of a step with a rank is then sqrt(3 k (n - k) / (n^2 - 1)).
    """
    n, k = 20, 7
    results = [result(str(rank), number=2.0 * (rank >= n - k)) | {"questions": {}} for rank in range(n)]
    for rank, each in enumerate(results):
        each["questions"] = {
            "number": {"points": 2.0 * (rank >= n - k), "of": 2, "parts": []},
            "window": {"points": rank / 10, "of": 4, "parts": []},
        }
    number, window = report.of_questions(results)
    assert number["difficulty"] == pytest.approx(k / n)
    assert number["discrimination"] == pytest.approx((3 * k * (n - k) / (n**2 - 1)) ** 0.5)
    assert (number["all points"], number["none"], number["students"]) == (k, n - k, n)
    assert window["difficulty"] == pytest.approx(statistics.mean(range(n)) / 40)
    assert window["discrimination"] == pytest.approx(number["discrimination"])  # of two questions, each is the other's rest
    ranks = np.arange(n)
    assert number["discrimination"] == pytest.approx(np.corrcoef(ranks >= n - k, ranks)[0, 1])
    assert report.of_questions([result("1"), result("2")])[0]["discrimination"] is None
    assert report.of_questions([]) == []


def test_what_a_person_should_see_is_listed(tmp_path):
    results = report.settle([result("101"), result("102", sha256="101", look=["used the ticket X"]), REFUSED | {"sha256": "z"}])
    assert report.needs_a_look(results) == [
        ("102", "used the ticket X"),
        ("103", "This is not a notebook."),
        ("101", "the same file as 102"),
        ("102", "the same file as 101"),
    ]
    index = report.write(results, hostile.ASSIGNMENT, tmp_path / "pages")
    assert {file.name for file in index.parent.iterdir()} == {"index.html", "101.html", "102.html", "103.html"}
    assert "used the ticket X" in index.read_text()
