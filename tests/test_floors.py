"""Imports inside the package go downward only, so that each floor can be read without those above it."""

import ast
from pathlib import Path

import course_lib

FLOORS = [
    {"contract", "interrupts", "locks", "runtime"},
    {
        "attribution",
        "gan_losses",
        "layers",
        "likelihoods",
        "losses",
        "metrics",
        "paths",
        "plots",
        "progress",
        "samplers",
        "text",
    },
    {"data"},
    {"models", "keras_twins"},
    {"objectives"},
    {"checkpoints", "trainer"},
    {"callbacks", "published"},
    {"applications", "checks", "recipes", "widgets"},
    {"grading"},
    {"__main__"},
]
PACKAGE = Path(course_lib.__file__).parent


def module_of(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_modules(path):
    """First-level modules of the package that a file imports."""
    depth = len(path.relative_to(PACKAGE).parts)  # 1 for a module, 2 for a file in a sub-package
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            yield from [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("course_lib"):
            yield from node.module.split(".")[1:2] or [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from [alias.name.split(".")[1] for alias in node.names if alias.name.startswith("course_lib.")]


def test_every_module_has_a_floor():
    assert {module_of(path) for path in PACKAGE.rglob("*.py")} - {"__init__"} <= set().union(*FLOORS)


def test_imports_go_downward():
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    upward = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path != PACKAGE / "__init__.py"
        for name in imported_modules(path)
        if name in floor and name != module_of(path) and floor[name] > floor[module_of(path)]
    ]
    assert upward == []


def test_nothing_imports_the_grading():
    files = [path for path in PACKAGE.rglob("*.py") if module_of(path) != "grading"]
    assert [path.name for path in files if "grading" in set(imported_modules(path))] == []


def test_a_file_is_seen_to_import_what_it_imports():
    assert {"checkpoints", "runtime", "data", "progress"} <= set(imported_modules(PACKAGE / "trainer.py"))
    assert "runtime" in set(imported_modules(PACKAGE / "data" / "images.py"))


def test_every_name_that_the_package_offers_is_there():
    for name in course_lib.__all__:
        assert getattr(course_lib, name).__name__ == f"course_lib.{name}"
