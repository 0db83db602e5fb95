"""What a training run shows in a terminal, in Jupyter, in a log, and from other processes."""

import re
import sys
from functools import partial

import pytest
import torch

from course_lib import data, progress, runtime
from course_lib.models import MLP
from course_lib.objectives import Classification
from course_lib.trainer import Trainer


def run(**options):
    runtime.set_seed(0)
    trainer = Trainer(Classification(MLP((2, 3))), partial(torch.optim.SGD, lr=0.1), batch_size=10, **options)
    trainer.fit(data.spirals(40), 2, validation=data.spirals(20))


def test_a_log_gets_one_line_an_epoch(capsys):
    run()
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert len(lines) == 2
    measured = ("loss", "validation loss", "validation cross entropy", "validation accuracy")
    pattern = "epoch 2/2: " + ", ".join(rf"{name} [\d.]+" for name in measured) + r" \([\d,]+ examples/s\)"
    assert re.fullmatch(pattern, lines[1])
    assert err == ""


def test_a_terminal_gets_a_bar_that_leaves_no_trace_but_the_lines(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    run()
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert "8" in err  # steps in all
    assert err.split("\r")[-1].strip() == ""  # the bar is wiped at the end


def test_jupyter_gets_one_line_that_changes(capsys, monkeypatch):
    shown = []

    class Handle:
        def update(self, content, raw):
            shown.append(content["text/plain"])

    def display(content, raw, display_id):
        shown.append(content["text/plain"])
        return Handle()

    monkeypatch.setattr(progress, "_in_jupyter", lambda: True)
    monkeypatch.setattr("IPython.display.display", display)
    run()
    assert shown[0].startswith("epoch 0 of 2, step 0 of 8")
    assert re.match(r"epoch 2 of 2, step 8 of 8, [\d.]+ s: loss", shown[-1])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("main_process", [True, False])
def test_silence_when_asked_for_and_from_other_processes(capsys, monkeypatch, main_process):
    monkeypatch.setattr(type(runtime.accelerator()), "is_main_process", main_process)
    run(progress=not main_process)
    assert capsys.readouterr() == ("", "")


def test_describe_leaves_out_what_is_no_result():
    row = {"epoch": 1, "step": 4, "loss": 0.123456, "validation_accuracy": 1.0, "seconds": 2.0, "examples_per_second": 9.0}
    assert progress.describe(row) == "loss 0.1235, validation accuracy 1"
