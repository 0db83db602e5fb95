"""Many submissions: each graded once, whatever ends in between; what the wall clock stopped is graded again, alone."""

import json
import os
import signal
import sys
import threading
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import pytest

from course_lib.grading import batch, hostile
from course_lib.grading.batch import grade_all, read
from course_lib.grading.sandbox import Unusable


class OneAtATime(Executor):
    """Runs what is submitted at once, and counts."""

    def __init__(self):
        self.begun = 0

    def submit(self, function, *arguments, **options):
        self.begun += 1
        future = Future()
        try:
            future.set_result(function(*arguments, **options))
        except BaseException as error:
            future.set_exception(error)
        return future


@pytest.fixture
def graded(monkeypatch, tmp_path):
    """Three submissions, a grader that runs nothing, and what it was asked for: (who, patience)."""
    asked = []

    def grade(who, path, text, name, secret, *, backend, patience):
        asked.append((who, patience))
        if who in graded.fails:
            raise Unusable("no bubblewrap")
        slow = who in graded.slow and patience < 5
        return {
            "student": who,
            "version": hostile.ASSIGNMENT.version,
            "status": "graded",
            "points": 0 if slow else 6,
            "by_clock": slow,
        }

    monkeypatch.setattr(batch, "grade", grade)
    graded.asked, graded.slow, graded.fails, graded.results = asked, set(), set(), tmp_path / "out" / "results.jsonl"
    graded.files = {}
    for who in ("cy", "ann", "bob"):
        graded.files[who] = tmp_path / f"{who}.ipynb"
        graded.files[who].write_text(who)
    graded.run = lambda executor=None, **options: grade_all(
        graded.files, hostile.ASSIGNMENT, "secret", graded.results, executor or OneAtATime(), width=2, **options
    )
    return graded


def test_each_is_graded_once_and_a_second_run_grades_nothing(graded):
    results = graded.run()
    assert [result["student"] for result in results] == ["ann", "bob", "cy"]
    assert graded.run() == results
    assert sorted(graded.asked) == [("ann", 3), ("bob", 3), ("cy", 3)]


def test_what_changed_is_graded_again_and_the_last_result_counts(graded):
    graded.run()
    graded.files["bob"].write_text("another")
    graded.run()
    assert graded.asked[3:] == [("bob", 3)]
    assert len(graded.results.read_text().splitlines()) == 4
    assert len(read(graded.results)) == 3


def test_another_version_of_the_assignment_grades_all_again(graded):
    graded.run()
    text = graded.results.read_text()
    graded.results.write_text(text.replace(hostile.ASSIGNMENT.version, "000000"))
    graded.run()
    assert len(graded.asked) == 6


def test_a_line_that_was_cut_off_is_graded_again(graded):
    graded.run()
    whole = graded.results.read_bytes()
    for cut in (1, 20, len(whole.splitlines()[-1])):
        graded.results.write_bytes(whole[:-cut])
        assert len(read(graded.results)) == 2
        before = len(graded.asked)
        assert len(graded.run()) == 3
        assert len(graded.asked) == before + 1
        assert all(json.loads(line) for line in graded.results.read_text().splitlines())


def test_a_line_that_is_no_result_gets_one_sentence(graded):
    graded.run()
    graded.results.write_text("nothing\n" + graded.results.read_text())
    with pytest.raises(ValueError, match=r"Expected a result in line 1 of .*results.jsonl"):
        graded.run()


def test_what_the_clock_stopped_is_graded_once_more_alone(graded):
    graded.slow = {"ann"}
    results = graded.run()
    assert graded.asked[-1] == ("ann", 10)
    assert [result["points"] for result in results] == [6, 6, 6]
    assert graded.run() == results
    assert len(graded.asked) == 4


def test_a_machine_without_a_sandbox_keeps_what_was_graded(graded):
    graded.fails = {"cy"}
    with pytest.raises(Unusable, match="no bubblewrap"):
        graded.run()
    assert {result["student"] for result in read(graded.results)} == {"ann", "bob"}
    graded.fails = set()
    graded.run()
    assert [who for who, _ in graded.asked].count("ann") == 1


def test_each_result_is_on_disk_before_another_is_begun(graded):
    seen = []

    class Watching(OneAtATime):
        def submit(self, function, who, *arguments, **options):
            seen.append(len(read(graded.results)))
            return super().submit(function, who, *arguments, **options)

    grade_all(graded.files, hostile.ASSIGNMENT, "secret", graded.results, Watching(), width=1)
    assert seen == [0, 1, 2]


def test_two_dask_workers_one_of_them_killed_grade_each_once(monkeypatch, tmp_path):
    distributed = pytest.importorskip("distributed", reason="no Dask here: pip install -e .[dask]")
    files = {f"s{number:02}": tmp_path / f"s{number:02}.ipynb" for number in range(30)}
    for path in files.values():
        path.touch()
    killed = []

    def grade(who, *_, **__):  # as the judge's, in a worker
        time.sleep(0.05)
        return {"student": who, "version": version, "status": "graded", "points": 6}

    def after_each(_):
        if not killed and len(read(tmp_path / "results.jsonl")) >= 10:
            killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    version = hostile.ASSIGNMENT.version
    monkeypatch.setattr(batch, "grade", grade)
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        batch.dask_client(cluster.scheduler_address) as client,
    ):
        pool = client.get_executor()
        results = grade_all(
            files, hostile.ASSIGNMENT, "secret", tmp_path / "results.jsonl", pool, width=2, after_each=after_each
        )
    assert killed
    assert [result["student"] for result in results] == sorted(files)
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == 30


def test_without_dask_a_cluster_gets_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r"which is not installed: pip install -e \.\[dask\]"):
        batch.dask_client("tcp://localhost:8786")


def test_two_graders_do_not_write_into_one_file(graded):
    inside, go_on = threading.Event(), threading.Event()

    def after_each(result):
        inside.set()
        assert go_on.wait(60)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(graded.run, after_each=after_each)
        assert inside.wait(60)
        try:
            with pytest.raises(BlockingIOError, match=r"results.jsonl is in use by process"):
                graded.run()
        finally:
            go_on.set()
        assert len(first.result()) == 3
    assert len(graded.asked) == 3
