"""Runs each notebook once, for the tests and for the book.

nbval runs the cells. When all of a notebook have passed, what they showed goes into the
book's cache, where `jupyter-book build` finds it. There it stands, and the notebook
does not run again until one of these changes: its code, the packages
(requirements.txt), a COURSE_LIB_ setting, or a file of course_lib that it imported.
"""

import hashlib
import os
import time
from ast import literal_eval
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from queue import Empty

import nbval.plugin
import psutil
import pytest
from filelock import FileLock
from nbformat import NotebookNode

try:
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn
except ImportError:  # as in Colab, where no book is built
    get_cache = None

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "_build"
collect_ignore = ["assignments"]  # notebooks to be solved
LIMIT = 150  # seconds of processor time for a notebook, the full profile apart
BUSY = 1.25  # load of a core: where others take more, a notebook's time is not its own
REPORT = """{
    "modules": [name for name in __import__("sys").modules if "course_lib" in name],
    "seconds": sum(__import__("os").times()[:4]),
    "profile": getattr(
        __import__("sys").modules.get("course_lib.runtime"), "profile", str
    )(),
}"""


def pytest_configure():
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    os.environ["OMP_NUM_THREADS"] = "1"  # a notebook on each core, not a core for each
    os.environ["IPYTHONDIR"] = str(BUILD / "ipython" / worker)  # a history of its own


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    found = yield
    is_notebook = found and file_path.suffix == ".ipynb"
    return [Notebook.from_parent(parent, path=file_path)] if is_notebook else found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    yield
    if not isinstance(item, Stands):
        for output in item.test_outputs:
            if output.get("name") == "stderr":
                item.raise_cell_error("A warning in the output", output.text)
        item.parent.passed(item)


def pytest_terminal_summary(terminalreporter):
    """Print how long each notebook took."""
    reports = chain.from_iterable(terminalreporter.stats.values())
    times = (getattr(report, "user_properties", ()) for report in reports)
    terminalreporter.section("processor time of each notebook")
    for notebook, took in sorted(set(chain.from_iterable(times))):
        terminalreporter.write_line(f"{notebook:24} {took}")


class Notebook(nbval.plugin.IPyNbFile):
    """A notebook, whose cells get their outputs as they run."""

    def collect(self):
        cells = list(super().collect())
        self.run = standing(self.nb)
        self.left = len(cells)
        stands = [Stands.from_parent(self, name="stands")]
        yield from stands if self.run else cells

    def setup(self):
        if not self.run:
            self.shown = {}  # by its display_id, what a later message may change
            self.ingredients = ingredients()
            super().setup()

    def get_kernel_message(self, timeout=None, stream="iopub"):
        """The next message; nbval would leave out those that change what was shown."""
        message = super().get_kernel_message(timeout=600, stream=stream)
        content = message["content"]
        if message["msg_type"] == "execute_input":
            self.count = content["execution_count"]
        if place := content.get("transient", {}).get("display_id"):
            data = self.shown.setdefault(place, NotebookNode())
            data.clear()
            data.update(content["data"])
            content["data"] = data
        return message

    def passed(self, item):
        """Keep what a cell has shown and, after the last, the notebook for the book."""
        item.cell.outputs, item.cell.execution_count = item.test_outputs, self.count
        self.left -= 1
        if self.left:
            return
        told = self.kernel.report()
        too_long = told["seconds"] > LIMIT and told["profile"] != "full"
        busy = psutil.getloadavg()[1] > BUSY * psutil.cpu_count()
        if too_long and not busy:
            took = f"{self.path.name} took {told['seconds']:.0f} s of processor time"
            item.raise_cell_error(f"{took}, more than {LIMIT} s")
        excuse = f", over {LIMIT} s, but the machine is busy" if too_long else ""
        took = f"{told['seconds']:6.1f} s{excuse}"
        item.user_properties.append((self.path.stem, took))
        if get_cache:
            info = self.kernel.kc.kernel_info(reply=True, timeout=600)["content"]
            self.nb.metadata["language_info"] = info["language_info"]
            ran_on = {
                name: value
                for name, value in self.ingredients.items()
                if module(name) in ("", *told["modules"])
            }
            data = {"execution_seconds": told["seconds"], "ran_on": ran_on}
            with cache() as runs:
                run = CacheBundleIn(self.nb, self.path, data=data)
                runs.cache_notebook_bundle(run, overwrite=True)


class Stands(pytest.Item):
    """A notebook that does not run again."""

    def runtest(self):
        took = f"{self.parent.run.data['execution_seconds']:6.1f} s"
        self.user_properties.append((self.parent.path.stem, f"{took}, and stands"))


class Kernel(nbval.plugin.RunningKernel):
    """A kernel that counts its cells, as Jupyter's do, and is missed when it dies."""

    def execute_cell_input(self, cell_input, allow_stdin=None):
        return self.kc.execute(cell_input, allow_stdin=allow_stdin, stop_on_error=False)

    def get_message(self, stream, timeout=None):
        end = time.monotonic() + timeout
        while True:
            try:
                return super().get_message(stream, timeout=min(timeout, 5))
            except Empty:
                if not self.is_alive():
                    raise RuntimeError("The kernel has died.") from None
                if time.monotonic() > end:
                    raise

    def report(self):
        """What the notebook imported and took, asked without a trace in its outputs."""
        ask = {"silent": True, "allow_stdin": False, "timeout": 600}
        reply = self.kc.execute_interactive("", user_expressions={"": REPORT}, **ask)
        answer = reply["content"]["user_expressions"][""]["data"]["text/plain"]
        return literal_eval(answer)


nbval.plugin.RunningKernel = Kernel


@contextmanager
def cache():
    """The book's cache, for one process at a time."""
    BUILD.mkdir(exist_ok=True)
    with FileLock(BUILD / "cache.lock"):
        yield get_cache(BUILD / ".jupyter_cache")


def standing(notebook):
    """The run of a notebook that stands, None if there is none. One that does not stand
    any more is thrown away, so that no book shows it."""
    if get_cache:
        with cache() as runs, suppress(KeyError):
            run = runs.get_cache_bundle(runs.match_cache_notebook(notebook).pk).record
            if run.data.get("ran_on", {"": ""}).items() <= ingredients().items():
                return run
            runs.remove_cache(run.pk)


def ingredients():
    """What a run may depend on, {name: value}: the settings, and files by digest."""
    paths = [ROOT / "requirements.txt", *ROOT.glob("course_lib/**/*.py")]
    paths += [*ROOT.glob("course_lib/weights/*"), *ROOT.glob("course_lib/studies/*")]
    settings = sorted(pair for pair in os.environ.items() if "COURSE_LIB_" in pair[0])
    return {"settings": str(settings)} | {
        path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
    }


def module(name):
    """The module that an ingredient goes with, "" for one that every run has."""
    if name.startswith(("course_lib/weights/", "course_lib/studies/")):
        return "course_lib.published"
    if name.startswith("course_lib/"):
        return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return ""
