"""Grades many submissions, on any executor: each result is on disk before another is begun, and a second run goes on there."""

import json
import os
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, wait
from contextlib import AbstractContextManager
from pathlib import Path

from ..locks import lock
from .judge import grade
from .sandbox import tidy
from .source import Assignment
from .submission import fingerprint


def grade_all(
    submissions: dict[str, str | Path],
    assignment: Assignment,
    secret: str,
    results: str | Path,
    executor: Executor,
    *,
    width: int,
    backend: str = "bubblewrap",
    after_each: Callable[[dict], None] = lambda result: None,
) -> list[dict]:
    """Grade what has no result yet, and return the results of all, in the order of the students.

    A submission that the wall clock stopped is graded once more at the end, alone and with more patience: a busy machine costs
    nobody points.

    submissions: {student's id: file}.
    assignment: what is graded.
    secret: of the instructor.
    results: a file of JSON lines, which is added to.
    executor: of `concurrent.futures`, or Dask's; what it runs gets plain data.
    width: how many are graded at a time.
    backend: how sandboxes are made.
    after_each: is told each new result.

    Raises Unusable if no sandbox can be made; what has been graded stays graded.
    """
    results = Path(results)
    results.parent.mkdir(parents=True, exist_ok=True)
    tidy(backend)
    with lock(results.with_name(results.name + ".lock"), told=str(results)):
        prints = {who: fingerprint(path) for who, path in submissions.items()}
        done = {
            result["student"]: result
            for result in read(results, repair=True)
            if result["version"] == assignment.version and result["fingerprint"] == prints.get(result["student"])
        }

        def start(who, patience=3.0):
            arguments = who, str(submissions[who]), assignment.text, assignment.name, secret
            return executor.submit(grade, *arguments, backend=backend, patience=patience)

        def keep(who, result, **more):
            result = done[who] = result | {"fingerprint": prints[who]} | more
            with open(results, "a", encoding="utf-8") as file:
                file.write(json.dumps(result) + "\n")
                file.flush()
                os.fsync(file.fileno())
            after_each(result)

        waiting = [who for who in sorted(submissions) if who not in done]
        running = {}
        try:
            while waiting or running:
                while waiting and len(running) < width:
                    who = waiting.pop(0)
                    running[start(who)] = who
                finished = wait(running, return_when=FIRST_COMPLETED).done
                for future in finished:
                    keep(running[future], future.result())
                    del running[future]
        finally:
            for future in running:
                future.cancel()
        for who in sorted(submissions):
            if done[who].get("by_clock") and not done[who].get("again"):
                keep(who, start(who, patience=10.0).result(), again=True)
    return [done[who] for who in sorted(submissions)]


def dask_client(address: str) -> AbstractContextManager:
    """A client of a Dask scheduler, whose `get_executor()` gives work to the scheduler's workers. They run it where they are,
    and read and write the same paths.

    address: of the scheduler, such as tcp://10.0.0.7:8786.

    Raises ValueError where Dask is not installed, OSError where nothing answers.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ValueError("Expected Dask for --cluster, which is not installed: pip install -e .[dask]") from None
    return Client(address)


def read(results: str | Path, *, repair: bool = False) -> list[dict]:
    """The results in a file, the last of each student; a line that was cut off when a grader was killed does not count.

    repair: whether to take such a line away.
    """
    path = Path(results)
    if not path.exists():
        return []
    whole, _, cut_off = path.read_bytes().rpartition(b"\n")
    if cut_off and repair:
        with open(path, "r+b") as file:
            file.truncate(len(whole) + 1 if whole else 0)
    found = {}
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            result = json.loads(line)
            found[result["student"]] = result
        except (ValueError, KeyError, TypeError):
            raise ValueError(
                f"Expected a result in line {number} of {path}, got something else: was the file changed?"
            ) from None
    return list(found.values())
