"""Runs every chapter in the full profile, where its last cell asserts the numbers that need all the data.

python benchmarks/chapters.py           (downloads MNIST once, or finds it in COURSE_LIB_DATA; writes
                                         benchmarks/results/chapters_full.json)
"""

import json
import os
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from course_lib import runtime

ROOT = Path(__file__).parents[1]


def run(path):
    """Executes one notebook; returns its seconds and the lines with a percentage that its cells printed."""
    notebook = nbformat.read(path, as_version=4)
    started = time.perf_counter()
    NotebookClient(notebook, timeout=1800, kernel_name="python3", resources={"metadata": {"path": path.parent}}).execute()
    seconds = time.perf_counter() - started
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    lines = [line for output in outputs if output.output_type == "stream" for line in output.text.splitlines()]
    return {"seconds": round(seconds), "printed": [line for line in lines if "%" in line]}


def main():
    os.environ["COURSE_LIB_PROFILE"] = "full"
    result = {"machine": runtime.describe_machine().splitlines(), "command": "python benchmarks/chapters.py", "chapters": {}}
    for path in sorted((ROOT / "book").glob("*.ipynb")):
        result["chapters"][path.stem] = run(path)
        print(path.stem, *result["chapters"][path.stem]["printed"], sep="\n  ")
    target = ROOT / "benchmarks" / "results" / "chapters_full.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
