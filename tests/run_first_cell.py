"""Runs the first cell of a notebook as in Colab: python tests/run_first_cell.py NOTEBOOK."""

import sys
import types
from importlib.machinery import ModuleSpec

import nbformat
from IPython.core.interactiveshell import InteractiveShell

sys.modules["google.colab"] = types.ModuleType("google.colab")
sys.modules["google.colab"].__spec__ = ModuleSpec("google.colab", None)
cells = nbformat.read(sys.argv[1], 4).cells
first = next(cell.source for cell in cells if cell.cell_type == "code")
InteractiveShell.instance().run_cell(first).raise_error()
