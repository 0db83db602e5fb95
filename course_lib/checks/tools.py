"""Exercises of the chapter Tools, data and further reading."""

from collections import namedtuple

from .verdict import call_for_pair, numbers, require, right

_Record = namedtuple("_Record", ["step", "value"])


def last_step(answer):
    """The step of the last record of 12 epochs over 60,000 images in batches of 128: an integer."""
    answer = float(numbers(answer, (), "one whole number."))
    require(answer != 469, "that is one epoch; the steps are counted over all twelve.")
    require(answer not in (12 * 468, 468), "60,000 is no multiple of 128: the rest is a batch too.")
    require(answer != 12, "a step is a batch, not an epoch.")
    require(answer == 5628, "count the batches of 128 in 60,000 images, the last one perhaps shorter; twelve times that.")
    right("469 steps an epoch, of which the last is a short one.")


def best(function):
    """function(records) -> (step, value) of the highest value, the earliest if there are several."""
    records = [_Record(50, 0.91), _Record(100, 0.97), _Record(150, 0.95), _Record(200, 0.97)]
    step, value = call_for_pair(function, records, hint="records have .step and .value.")
    step, value = (float(numbers(answer, (), "a step and a value.")) for answer in (step, value))
    require(value != 0.91, "that is the lowest value.")
    require((step, value) != (0.97, 100), "the step first, then the value.")
    require(step != 200, "of equal values the earliest record counts.")
    require((step, value) == (100, 0.97), f"expected step 100 and value 0.97 of {[tuple(record) for record in records]}.")
    require(call_for_pair(function, records[:1], hint="try one record.") == (50, 0.91), "it must look at the records.")
    right("the step and the value of the best record.")
