"""The judge asks a notebook's functions and compares; what it asks through is a frame of numbers."""

import json
import math
import struct

import numpy as np
import pytest
import torch

from course_lib import checks
from course_lib.checks.verdict import judged
from course_lib.grading import hostile, wire
from course_lib.grading.judge import InThisProcess, Student, StudentError, clean, mark
from course_lib.grading.source import Assignment
from course_lib.grading.worker import Forbidden, Program

HONEST = hostile.HONEST


def decoded(frame):
    header, body = wire.LENGTHS.unpack(frame[: wire.LENGTHS.size])
    rest = frame[wire.LENGTHS.size :]
    assert len(rest) == header + body
    return wire.decode(rest[:header], rest[header:])


def student(*cells):
    return Student([*cells], InThisProcess, seconds=5, call_seconds=5)


def points(*cells):
    one = student(*cells)
    marks = mark(hostile.ASSIGNMENT, lambda _: one, hostile.SECRET, "somebody", "TICKET")
    return {name: each["points"] for name, each in marks.items() if each["of"]}


@pytest.mark.parametrize(
    "value",
    [None, True, 3, -2.5, "text", [1, [2.0]], (1, "a"), {"a": [1]}, [], {}, ()],
    ids=str,
)
def test_plain_values_come_through_a_frame(value):
    found = decoded(wire.encode(value))
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "array",
    [np.arange(6.0).reshape(2, 3), np.zeros((0, 3)), np.array(7), np.array([True]), np.arange(3, dtype=np.uint8)],
    ids=str,
)
def test_arrays_and_tensors_come_through_a_frame(array):
    found = decoded(wire.encode([array, torch.from_numpy(array)]))
    assert found[0].dtype == array.dtype
    np.testing.assert_array_equal(found[0], array, strict=True)
    assert isinstance(found[1], torch.Tensor)
    assert torch.equal(found[1], torch.from_numpy(array))
    found[0][...] = 0  # it may be written to


@pytest.mark.parametrize(
    "value", [pytest.param(object(), id="object"), np.array(["a"]), np.array([None]), 1j, b"bytes", {1, 2}]
)
def test_what_names_code_or_is_no_number_is_not_sent(value):
    with pytest.raises(wire.WireError, match="cannot send"):
        wire.encode(value)


def test_what_is_too_large_or_too_deep_is_not_sent():
    with pytest.raises(wire.WireError, match="too large"):
        wire.encode(np.zeros(9_000_000))
    deep = []
    for _ in range(20):
        deep = [deep]
    with pytest.raises(wire.WireError, match="too deeply"):
        wire.encode(deep)


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (b"", b""),
        (b"nothing", b""),
        (b"[1]", b""),
        (b"{}", b""),
        (b'{"eval": "1"}', b""),
        (b'{"array": "0", "shape": [1]}', b""),
        (b'{"array": "0", "shape": [1]}', struct.pack("<Q", 2**60)),
        (b'{"list": ' + b"[" * 100_000, b""),
        (b'{"list": 7}', b""),
        (b'{"dict": [[1]]}', b""),
        (b"9" * 10_000, b""),
        (json.dumps({"list": [None] * 30_000}).encode(), b""),
    ],
)
def test_bytes_that_are_no_frame_are_one_kind_of_error(header, body):
    with pytest.raises(wire.WireError):
        wire.decode(header, body)


def test_random_bytes_are_no_frame():
    random = np.random.default_rng(0)
    for _ in range(300):
        with pytest.raises(wire.WireError):
            wire.decode(b'{"array": "0", "shape": [2]}', random.bytes(random.integers(1, 200)))


def test_an_honest_notebook_earns_all_and_its_parts_are_told():
    assert points(*HONEST) == {"window": 4, "number": 2}


@pytest.mark.parametrize(
    ("cells", "earned"),
    [
        (["import numpy as np"], {"window": 0, "number": 0}),
        ([*HONEST, "def window(x, k):\n    return np.convolve(x, np.ones(2), 'valid')"], {"window": 2, "number": 2}),
        (
            [*HONEST, "window = lambda x, k: np.array([x[i:i + k].sum() for i in range(len(x) - k + 1)])"],
            {"window": 4, "number": 2},
        ),
        (
            [*HONEST, "window = lambda x, k: [float(sum(x[i:i + k])) for i in range(len(x) - k + 1)]"],
            {"window": 4, "number": 2},
        ),
        ([*HONEST, "number = float(number)"], {"window": 4, "number": 2}),
        ([*HONEST, "1 / 0"], {"window": 4, "number": 2}),
        ([*HONEST, "del window"], {"window": 0, "number": 2}),
        ([*HONEST, "%matplotlib inline\n!pip install x\nx = 1"], {"window": 4, "number": 2}),
        (HONEST[::-1], {"window": 4, "number": 0}),
    ],
)
def test_what_a_notebook_earns(cells, earned):
    assert points(*cells) == earned


@pytest.mark.parametrize(
    "attack",
    [each for each in hostile.SET if each.name in ("an object equal to all", "not a number", "infinity", "text for a number")],
)
def test_answers_that_are_none_earn_nothing(attack):
    assert sum(points(*HONEST, attack.code).values()) == attack.points


def test_a_function_that_is_not_there_says_which_cell_stopped():
    with pytest.raises(
        StudentError, match=r"there is no `f`: .*; cell 1 stopped with NameError: name 'y' is not defined \(line 1\)"
    ):
        student("f = y").function("f")()


def test_the_checks_of_the_course_judge_functions_that_run_elsewhere():
    code = "import numpy as np\ndef convolution(x, w, b, stride):\n"
    code += "    if x.shape[0] != w.shape[1] or min(x.shape[1:]) < w.shape[2]:\n"
    code += "        raise ValueError(f'{x.shape} does not fit {w.shape}')\n"
    code += "    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (1, 2))[:, ::stride, ::stride]\n"
    code += "    return np.einsum('cijuv,ocuv->oij', windows, w) + b[:, None, None]"
    assert judged(checks.cnn.convolution, student(code).function("convolution"))[0] == 1.0
    flipped = code.replace("windows, w)", "windows, w[:, :, ::-1, ::-1])")
    share, hint = judged(checks.cnn.convolution, student(flipped).function("convolution"))
    assert share == 0.0
    assert "flipped kernel" in hint


def test_errors_of_a_function_keep_their_kind_where_it_is_a_common_one():
    one = student("def f(x): raise ValueError('3 and 4')\ndef g(x): raise MemoryError")
    with pytest.raises(ValueError, match="3 and 4"):
        one.function("f")(1)
    with pytest.raises(StudentError, match="`g` raised MemoryError"):
        one.function("g")(1)


@pytest.mark.parametrize(("given", "share"), [(0.5, 1), (7, 2), (-1, 0), (math.nan, 0)])
def test_a_share_lies_between_none_and_all(given, share):
    text = hostile.PROBE.replace('return 0.0, f"reached', f'return float("{given}"), f"reached').replace("@part(0", "@part(2")
    text = text.replace("(0 points", "(2 points")
    marks = mark(Assignment(text, "probe"), lambda _: student("reached = []"), "s", "w", "t", "reach")
    assert marks["reach"]["points"] == share


def test_hidden_inputs_differ_between_students_and_are_the_same_again():
    def seen(secret, who):
        one = student("import numpy as np\nseen = []\ndef window(x, k):\n    seen.append(x)\n    return x")
        mark(hostile.ASSIGNMENT, lambda _: one, secret, who, "TICKET", "window")
        return one.value("seen")

    assert np.array_equal(seen("a" * 16, "ann"), seen("a" * 16, "ann"))
    assert not np.array_equal(seen("a" * 16, "ann"), seen("a" * 16, "bob"))
    assert not np.array_equal(seen("a" * 16, "ann"), seen("b" * 16, "ann"))


def test_the_lines_of_jupyter_are_left_out_and_those_of_python_kept():
    program = Program()
    for cell in ("%%time\nx = 1", "%%bash\necho x", "y = '''\n% no magic\n'''", "%time z = 3", "!ls\nw = 4", "display(x)"):
        assert program.answer({"do": "cell", "number": 1, "source": cell}) == {"ok": None}, cell
    assert [program.scope[name] for name in "xyzw"] == [1, "\n% no magic\n", 3, 4]


def test_a_package_that_is_forbidden_says_so():
    with pytest.raises(ModuleNotFoundError, match="torch is not allowed in this assignment"):
        Forbidden(["torch"]).find_spec("torch.nn")
    assert Forbidden(["torch"]).find_spec("torchvision") is None


def test_a_part_whose_share_is_no_number_costs_itself_alone():
    judge = "lambda student, random: (student.value('number') == drawn + 1, 'as it is')"
    text = hostile.PROBE.replace(
        'def number(student, random):\n    require_close(student.value("number"), drawn + 1, "another number.")',
        f"def number(student, random):\n    return ({judge})(student, random)",
    )
    assert text != hostile.PROBE
    for code, earned in (("number = np.zeros(2)", 0), ("number = drawn + 1", 2)):
        one = student(*HONEST, code)
        marks = mark(Assignment(text, "probe"), lambda _, one=one: one, hostile.SECRET, "somebody", "TICKET")
        assert {name: each["points"] for name, each in marks.items() if each["of"]} == {"window": 4, "number": earned}


def test_text_of_a_student_steers_no_terminal_and_is_not_long():
    assert clean("a\x1b[2J\u202eb\nc") == "a [2J b c"
    assert clean("half a \ud800 surrogate").encode() == b"half a   surrogate"
    assert len(clean("x" * 10_000)) == 500
