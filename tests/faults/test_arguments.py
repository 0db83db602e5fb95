"""The command line where someone types something wrong, or what it prints to goes away."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from course_lib import checkpoints

from .conftest import sentence


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("--checkpoint-every", ["0", "-5", "1.5", "often", "", "1e20"]),
        ("--epochs", ["-1", "1.5", "nan", "99999999999999999999"]),
        ("--batch-size", ["0", "-1", "1e3", "99999999999999999999"]),
        ("--learning-rate", ["0", "-0.1", "nan", "inf", "1e38", "fast"]),
        ("--seed", ["-1", "0.5", "4294967296"]),
        ("--out", ["", "  "]),
    ],
)
def test_numbers_that_train_does_not_take(course_lib, tmp_path, option, values):
    for value in values:
        line = ["train", "mlp", *(() if option == "--out" else ("--out", tmp_path / "run")), f"{option}={value}"]
        status, printed = course_lib(*line)
        assert status == 2
        assert f"argument {option}: expected a " in printed.err.splitlines()[-1]
        assert f"got {value!r}" in printed.err
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("option", "values"),
    [("--count", ["0", "-3", "1e20", "100000000000000000000", "few"]), ("--label", ["-1", "x"]), ("--seed", ["-1"])],
)
def test_numbers_that_sample_does_not_take(course_lib, tmp_path, option, values):
    for value in values:
        status, printed = course_lib("sample", "mnist_gan", "--out", tmp_path / "x.png", f"{option}={value}")
        assert status == 2
        assert f"argument {option}: expected a whole number from" in printed.err
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "line",
    [
        ("sample", "mnist_gan", "--count", "1", "--out", "{0}/none/x.png"),
        ("sample", "mnist_gan", "--count", "1", "--out", "{0}/x.what"),
        ("sample", "{0}", "--out", "{0}/x.png"),
        ("evaluate", "{0}/none"),
        ("describe", "/dev/null"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(course_lib, tmp_path, line):
    status, _ = course_lib(*(word.format(tmp_path) for word in line))
    assert isinstance(status, str)
    assert status.startswith("error: ")
    assert "\n" not in status


class Gone(io.TextIOWrapper):
    """A standard output that nobody reads any more: the reader of a pipe has left, or the disk of a log is full."""

    def __init__(self, number):
        self.number = number
        super().__init__(io.BytesIO(), encoding="utf-8")

    def flush(self):
        raise OSError(self.number, os.strerror(self.number))

    def close(self):
        pass


@pytest.mark.parametrize("number", [28, 32])
def test_an_output_that_goes_away_does_not_end_a_training(course_lib, tmp_path, monkeypatch, number):
    monkeypatch.setattr(os, "dup2", lambda *_: None)  # of the real one
    monkeypatch.setattr(sys, "stdout", Gone(number))
    monkeypatch.setattr(Gone, "fileno", lambda self: 1)
    assert course_lib("train", "mlp", "--epochs", 3, "--out", tmp_path)[0] == 0
    assert checkpoints.config(checkpoints.latest(tmp_path))["epoch"] == 3
    status, _ = course_lib("describe", tmp_path)
    assert os.strerror(number) in status


def test_no_output_at_all(course_lib, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert course_lib("train", "mlp", "--epochs", 1, "--out", tmp_path)[0] == 0
    assert checkpoints.config(checkpoints.latest(tmp_path))["epoch"] == 1


def test_a_locale_of_ascii(course_lib, monkeypatch):
    page = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(page, encoding="ascii", errors="strict"))
    assert course_lib("describe")[0] == 0
    assert rb"\xb7 torch " in page.getvalue()  # the dot in the middle


ENDS = [sys.executable, "-m", "course_lib"]


def test_ctrl_c_in_the_first_seconds_is_a_sentence():
    with subprocess.Popen([*ENDS, "describe"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        while "numpy" not in Path(f"/proc/{running.pid}/maps").read_text():  # in the midst of its imports
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        out, error = running.communicate(timeout=60)
    assert (running.returncode, out, error) == (130, "", "Stopped before anything was begun.\n")


def test_ctrl_c_while_data_are_loaded(course_lib, tmp_path, monkeypatch):
    from course_lib import recipes

    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setitem(recipes.DATASETS, "mnist", interrupt)
    status, printed = course_lib("train", "mlp", "--out", tmp_path)
    assert (status, printed.err) == (130, "Stopped. No checkpoint was written before.\n")


BARE = """
    import sys
    from importlib.machinery import SourceFileLoader

    def get_code(self, name, *, usual=SourceFileLoader.get_code):
        path = self.get_filename(name)
        ours = name.startswith("course_lib")
        return compile(self.get_data(path), path, "exec", optimize=2) if ours else usual(self, name)

    SourceFileLoader.get_code = get_code
    from course_lib.__main__ import main, train
    from course_lib.trainer import Trainer
    assert train.__doc__ is Trainer.__doc__ is None
    for line in (["train", "--help"], ["sample", "mnist_gan", "--count", "2", "--out", sys.argv[1]]):
        sys.argv = ["course_lib", *line]
        try:
            main()
        except SystemExit as ended:
            assert not ended.code, ended.code
"""


def test_without_docstrings_and_asserts(tmp_path):
    """As under python -OO, which would compile all of torch for it: our own files alone."""
    line = [sys.executable, "-c", textwrap.dedent(BARE), str(tmp_path / "x.png")]
    shown = subprocess.run(line, capture_output=True, text=True, timeout=300)
    assert shown.returncode == 0, shown.stderr
    assert "--checkpoint-every" in shown.stdout
    assert (tmp_path / "x.png").exists()


def test_damaged_numbers_of_a_training_are_a_sentence(course_lib, tmp_path):
    status, _ = course_lib("train", "mlp", "--epochs", 10, "--learning-rate", 100, "--checkpoint-every", 1, "--out", tmp_path)
    if status != 0:  # it may also live through it
        assert sentence(status)
        assert "Usual causes: a learning rate too high" in status
    assert checkpoints.config(checkpoints.latest(tmp_path))
