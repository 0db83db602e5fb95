"""The checks of the chapter Tools, data and further reading take right answers and turn down wrong ones: see test_all.py."""

import math

from course_lib.checks import tools


def sorted_best(records):
    return sorted(((r.step, r.value) for r in records), key=lambda pair: (-pair[1], pair[0]))[0]


RIGHT = [
    (tools.last_step, [12 * math.ceil(60_000 / 128)]),
    (tools.best, [sorted_best]),
]
WRONG = [
    (tools.last_step, [469], "over all twelve"),
    (tools.last_step, [12 * (60_000 // 128)], "the rest is a batch too"),
    (tools.last_step, [12], "a step is a batch"),
    (tools.last_step, [12 * 60_000 / 128], "twelve times that"),
    (tools.last_step, ["many"], "one whole number"),
    (tools.best, [lambda records: max((r.value, r.step) for r in records)[::-1]], "the earliest record counts"),
    (tools.best, [lambda records: min((r.step, r.value) for r in records)], "the lowest value"),
    (tools.best, [lambda records: sorted_best(records)[::-1]], "the step first"),
    (tools.best, [lambda records: max(r.value for r in records)], "expected two things"),
    (tools.best, [lambda records: tuple(records[2])], "expected step 100"),
    (tools.best, [lambda records: (100, 0.97)], "it must look at the records"),
    (tools.best, [lambda records: records["step"]], "raised TypeError"),
]
