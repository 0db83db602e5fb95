"""Tells, at the end of a test run, how long each notebook took."""

from collections import Counter
from itertools import chain

import pytest


def pytest_terminal_summary(terminalreporter):
    """Add up the times of each notebook's cells and print them."""
    seconds = Counter()
    for report in chain.from_iterable(terminalreporter.stats.values()):
        if isinstance(report, pytest.TestReport) and report.location[0].endswith(
            ".ipynb"
        ):
            seconds[report.location[0]] += report.duration
    if seconds:
        terminalreporter.section("time of each notebook")
    for notebook, spent in sorted(seconds.items()):
        terminalreporter.write_line(f"{spent:6.1f} s  {notebook}")
