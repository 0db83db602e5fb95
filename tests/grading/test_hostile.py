"""Hostile submissions earn what their honest cells earn, and reach nothing. The whole set runs in benchmarks/grading.py."""

import os
import sys

import pytest

from course_lib.grading import hostile, sandbox
from course_lib.grading.judge import grade
from course_lib.grading.worker import filter_program

WORKS = sandbox.usable()
needs_sandbox = pytest.mark.skipif(
    not WORKS, reason="no sandbox here: bubblewrap is missing or not allowed to work (python -m course_lib.grading doctor)"
)
QUICK = (
    "network",
    "other kinds of socket",
    "reads the key",
    "namespaces, mounts, ptrace, users",
    "clone into a new user namespace",
    "writes to the machine",
    "a package that is forbidden",
    "frames and gc",
    "forged replies, ahead of time",
    "a daemon that stays",
    "a pickle",
    "a ticket that is an array",
    "a ticket that raises",
    "a trouble of the machine, forged",
    "half a surrogate in a message",
    "ends the process",
)


def test_the_set_is_large_and_each_has_a_name_of_its_own():
    assert len({each.name for each in hostile.SET}) == len(hostile.SET) >= 70


@pytest.mark.parametrize("attack", [each for each in hostile.SET if each.file and each.points == 0], ids=lambda each: each.name)
def test_a_file_that_is_no_submission_earns_nothing_and_is_told_why(attack):
    if attack.name == "half a surrogate and a zero byte":
        pytest.skip("a notebook: runs in the sandbox, with the benchmark")
    found, result = hostile.try_one("bubblewrap", attack)
    assert found == []
    assert result["status"] == "refused"
    assert result["message"].endswith(".")


@needs_sandbox
@pytest.mark.parametrize("attack", [each for each in hostile.SET if each.name in QUICK], ids=lambda each: each.name)
def test_an_attack_is_held(attack):
    assert hostile.try_one(WORKS, attack)[0] == []


@needs_sandbox
def test_an_attack_that_gets_something_is_found():
    """The set would see it: an honest notebook that should earn less, and one that says what it reached."""
    assert hostile.try_one(WORKS, hostile.Hostile("honest", "x = 1", 5))[0] == ["6 points, not 5"]
    assert hostile.try_one(WORKS, hostile.Hostile("reaches", "reached = ['key']", 6))[0] == ["reached ['key']"]


@needs_sandbox
def test_what_takes_too_long_is_stopped_and_costs_its_own_points_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "PATIENCE", 1)
    for code, what in (
        ("while True: pass", "stopped with TooLong: took more than 2 seconds"),
        ("import time; time.sleep(600)", "took too long and was stopped"),
    ):
        (tmp_path / "x.ipynb").write_bytes(hostile.notebook([*hostile.HONEST, code]))
        result = grade("somebody", tmp_path / "x.ipynb", hostile.PROBE, "probe", hostile.SECRET)
        assert result["points"] == 6
        assert list(result["stopped"].values()) in ([what], ["took too long and was stopped"])
        assert result["look"] == ["its process was lost and started again"] * ("started" in str(result["look"]))


@needs_sandbox
def test_many_cells_that_wait_are_stopped_all_the_same(tmp_path, monkeypatch):
    """None of them waits for longer than a cell may."""
    monkeypatch.setattr(sandbox, "PATIENCE", 2)
    monkeypatch.setitem(sandbox.LIMITS, "cpu", 1)
    (tmp_path / "x.ipynb").write_bytes(hostile.notebook([*hostile.HONEST, *["import time; time.sleep(1)"] * 100]))
    result = grade("somebody", tmp_path / "x.ipynb", hostile.PROBE, "probe", hostile.SECRET)
    assert result["by_clock"]
    assert result["seconds"] < 60


@needs_sandbox
def test_weights_that_come_with_a_notebook_are_there_to_load(tmp_path):
    import zipfile

    code = "# AFTER\nnumber = int(open('net.safetensors').read())"
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("x.ipynb", hostile.notebook([*hostile.HONEST, code]))
        archive.writestr("net.safetensors", "7")
    result = grade("somebody", tmp_path / "x.zip", hostile.PROBE, "probe", hostile.SECRET)
    assert result["questions"]["number"]["points"] == 0
    assert result["stopped"] == {}


def test_limits_are_control_groups_of_either_version(tmp_path):
    (tmp_path / "one" / "memory").mkdir(parents=True)
    (tmp_path / "one" / "pids").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "cgroup.controllers").write_text("memory pids")
    one = sandbox.control_groups("x", tmp_path / "one")
    assert [(group / file).read_text() for group, file in zip(one, ("memory.limit_in_bytes", "pids.max"), strict=True)] == [
        str(sandbox.LIMITS["memory"]),
        "64",
    ]
    (two,) = sandbox.control_groups("x", tmp_path / "two")
    assert [(two / file).read_text() for file in ("memory.max", "memory.swap.max", "pids.max")] == [
        str(sandbox.LIMITS["memory"]),
        "0",
        "64",
    ]
    assert sandbox.control_groups("x", tmp_path / "none") == []


def test_what_a_killed_grader_left_is_taken_away_and_what_a_living_one_has_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox.tempfile, "gettempdir", lambda: str(tmp_path))
    for name in (f"grading-{os.getpid()}-x", "grading-99999999-x", "grading-notes"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    sandbox.tidy("bubblewrap")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([f"grading-{os.getpid()}-x", "grading-notes"])


STUB = """#!/bin/sh
echo "$@" >> "FOLDER/told"
case "$*" in
  *purelib*) "PYTHON" -c "import sysconfig; print(sysconfig.get_path('purelib'))" ;;
  run*) for last; do :; done; exec "PYTHON" -I -S "WORKER" "$last" ;;
  ps*) echo grading-99999999-1; echo grading-1-1 ;;
esac
"""


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """A `docker` that makes no container, runs the worker as it is, and writes down what it was told; gives that file."""
    worker, site = sandbox.FILES[0], sandbox.image_packages
    text = STUB.replace("FOLDER", str(tmp_path)).replace("PYTHON", sys.executable).replace("WORKER", str(worker))
    (tmp_path / "docker").write_text(text)
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    site.cache_clear()
    yield tmp_path / "told"
    site.cache_clear()


@pytest.mark.skipif(sys.platform != "linux", reason="the worker locks itself up as Linux does")
def test_a_container_has_no_network_little_to_write_to_and_is_taken_away(stub, tmp_path):
    assert sandbox.problems("docker") == []
    (tmp_path / "x.ipynb").write_bytes(hostile.notebook(hostile.HONEST))
    result = grade("somebody", tmp_path / "x.ipynb", hostile.PROBE, "probe", hostile.SECRET, backend="docker")
    assert result["points"] == 6
    told = stub.read_text().splitlines()
    run = next(line for line in told if "torch:ro" in line)
    for part in ("--network none", "--read-only", "--cap-drop ALL", "--security-opt no-new-privileges", "--pids-limit 64"):
        assert part in run
    name = run.split("--name ")[1].split()[0]
    assert f"rm --force {name}" in told


@pytest.mark.skipif(sys.platform != "linux", reason="the worker locks itself up as Linux does")
def test_a_process_that_closes_its_pipes_and_stays_is_not_waited_for(stub, tmp_path, monkeypatch):
    code = "# AFTER\nimport os, time\nos.closerange(0, 256)\ntime.sleep(600)"
    (tmp_path / "x.ipynb").write_bytes(hostile.notebook([*hostile.HONEST, code]))
    result = grade("somebody", tmp_path / "x.ipynb", hostile.PROBE, "probe", hostile.SECRET, backend="docker")
    assert result["points"] == 6
    assert result["seconds"] < 60


def test_containers_of_killed_graders_are_taken_away_and_no_others(stub):
    sandbox.tidy("docker")
    assert [line for line in stub.read_text().splitlines() if line.startswith("rm")] == ["rm --force grading-99999999-1"]


@pytest.mark.skipif(sandbox.problems("docker") != [], reason="no Docker here, or no image course-sandbox")
@pytest.mark.parametrize("attack", [each for each in hostile.SET if each.name in QUICK], ids=lambda each: each.name)
def test_an_attack_is_held_by_a_container(attack):
    assert hostile.try_one("docker", attack)[0] == []


def test_a_machine_without_bubblewrap_says_what_mends_it(monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    assert sandbox.problems("bubblewrap") == [("bubblewrap is not installed", "sudo apt-get install bubblewrap")]
    assert sandbox.problems("docker") == [("docker is not installed", "see https://docs.docker.com/engine/install")]
    assert sandbox.usable() is None
    for message, line in (
        ("bwrap: setting up uid map: Permission denied", "apparmor"),
        ("bwrap: Creating new namespace failed: Operation not permitted", "seccomp=unconfined"),
    ):
        assert line in sandbox.how_to_mend(message)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_of_system_calls_decides_as_it_should(machine):
    """The filter, run by hand on (call, first argument)."""
    import struct

    from course_lib.grading import worker

    program = [
        struct.unpack("<HBBI", worker.filter_program(machine)[i : i + 8]) for i in range(0, len(filter_program(machine)), 8)
    ]

    def decided(call, argument=0, architecture=worker.ARCHITECTURE[machine]):
        data, at = {0: call, 4: architecture, 16: argument & 0xFFFFFFFF}, 0
        while True:
            code, yes, no, value = program[at]
            at += 1
            if code == 0x06:
                return value
            if code == 0x20:
                held = data[value]
            else:
                test = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[code]
                at += yes if test else no

    allow = 0x7FFF0000
    assert decided(0) == decided(3) == allow
    assert decided(worker.SOCKET[machine], 1) == allow
    assert decided(worker.SOCKET[machine], 2) == decided(worker.SOCKET[machine], 16) == 0x50061
    assert decided(worker.CLONE[machine], 0x11) == allow
    assert decided(worker.CLONE[machine], 0x10000011) == 0x50001
    assert decided(worker.CLONE3) == 0x50026
    assert decided(425) == decided(int(worker.REFUSED[machine].split()[-1])) == 0x50001
    assert decided(0, architecture=7) == 0x80000000
    if machine == "x86_64":
        assert decided(0x40000000) == 0x50001
