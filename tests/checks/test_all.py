"""Each exercise's check takes a right answer and turns down wrong ones with a hint, never with a crash.

The other files hold the tables, one for each chapter: RIGHT of (check, arguments), WRONG of (check, arguments, hint).
"""

import inspect
import re
import runpy
from pathlib import Path

import numpy as np
import pytest

from course_lib import checks
from course_lib.checks.verdict import judged

TABLES = [runpy.run_path(path) for path in sorted(Path(__file__).parent.glob("test_*.py")) if path != Path(__file__)]


@pytest.mark.parametrize(("check", "answer"), [row for table in TABLES for row in table["RIGHT"]])
def test_a_right_answer_passes(check, answer, capsys):
    check(*answer)
    assert capsys.readouterr().out.startswith("Right: ")


@pytest.mark.parametrize(("check", "answer", "hint"), [row for table in TABLES for row in table["WRONG"]])
def test_a_wrong_answer_gets_a_hint(check, answer, hint, capsys):
    with pytest.raises(checks.NotYet, match=hint):
        check(*answer)
    assert capsys.readouterr().out == ""


def test_a_judge_gets_what_a_check_finds_as_data(capsys):
    check, answer = next(iter(TABLES[0]["RIGHT"]))
    assert judged(check, *answer)[0] == 1.0
    assert judged(check, *answer)[1].endswith(".")
    check, answer, hint = next(iter(TABLES[0]["WRONG"]))
    share, sentence = judged(check, *answer)
    assert share == 0.0
    assert re.search(hint, sentence)
    assert capsys.readouterr().out == ""
    check, answer = next(iter(TABLES[0]["RIGHT"]))
    check(*answer)
    assert capsys.readouterr().out.startswith("Right: ")


@pytest.mark.parametrize(
    ("check", "answer"),
    [row for table in TABLES for row in table["RIGHT"] if "seed" in inspect.signature(row[0]).parameters],
)
def test_a_judges_seed_draws_other_inputs_and_repeats_its_own(check, answer):
    def inputs(seed):
        heard = []

        def function(*arguments):
            heard.extend(np.ravel(each).astype(float) for each in arguments)
            return answer[0](*arguments)

        assert judged(check, function, seed=seed)[0] == 1.0
        return np.concatenate(heard)

    assert not np.array_equal(inputs(1), inputs(2))
    assert np.array_equal(inputs(2), inputs(2))


def test_jupyter_shows_a_hint_as_one_line():
    assert checks.NotYet("look there.")._render_traceback_() == ["Not yet: look there."]


def test_quietly_a_right_answer_prints_nothing_and_a_wrong_one_still_fails(capsys):
    check, answer = next(iter(TABLES[0]["RIGHT"]))
    with checks.quietly():
        check(*answer)
    assert capsys.readouterr().out == ""
    check, answer, hint = next(iter(TABLES[0]["WRONG"]))
    with checks.quietly(), pytest.raises(checks.NotYet, match=hint):
        check(*answer)
