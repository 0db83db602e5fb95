"""Runs the first cell of a notebook as in Colab: python tests/run_first_cell.py NOTEBOOK."""

import json
import sys
import types
from importlib.machinery import ModuleSpec
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell


def first_cell(notebook):
    """The source of a notebook's first code cell."""
    cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
    return next("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


if __name__ == "__main__":
    sys.modules["google.colab"] = types.ModuleType("google.colab")
    sys.modules["google.colab"].__spec__ = ModuleSpec("google.colab", None)
    InteractiveShell.instance().run_cell(first_cell(sys.argv[1])).raise_error()
