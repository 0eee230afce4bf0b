"""The house stands: imports go down only, rooms on one floor are strangers, start-up is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import phenolens

ROOT = Path(phenolens.__file__).parent
FLOORS = {
    "cli": 7,
    "__main__": 8,
    "study": 6,
    "tools": 5.5,
    "settings": 1.5,
    "report": 5,
    "interpret": 5,
    "explore": 6.7,
    "answers": 4.8,
    "represent": 4,
    "published": 6.5,
    "audit": 4.5,
    "evaluate": 4,
    "stats": 3.8,
    "io": 4,
    "prepare": 4,
    "measure": 3,
    "plating": 3,
    "segment": 3,
    "prepared": 3,
    "crops": 3.5,
    "images": 2.5,
    "depths": 2.5,
    "illumination": 2.5,
    "ngff": 2.3,
    "readers": 2.45,
    "normalize": 3,
    "learn": 3,
    "splits": 3,
    "store": 3,
    "query": 2.4,
    "naming": 2.2,
    "schema": 2.1,
    "profiles": 2,
    "registry": 1.2,
    "config": 4.9,
    "changes": 1.2,
    "progress": 2,
    "expressions": 1.5,
    "files": 1.1,
    "grouping": 1,
    "memory": 0.5,
    "marks": 1.2,
    "written": 1.2,
    "workers": 1.1,
    "globbing": 1,
    "spreadsheets": 1,
    "errors": 1,
    "remote": 1.05,
    "findings": 0.9,
    "words": 0.8,
    "places": 0.4,
    "vehicles": 1,
    "simulate": 4,
    "plugins": 0.7,
    "testing": 6.6,
}


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "phenolens":
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("phenolens."):
            found.add(node.module.split(".")[1])
    return found - {"__version__"}


def test_imports_go_down_only():
    wrong = [
        f"{path.relative_to(ROOT)} imports {other}"
        for path in ROOT.rglob("*.py")
        if path != ROOT / "__init__.py"
        for other in imported_rooms(path)
        if other != room(path) and FLOORS[other] >= FLOORS[room(path)]
    ]
    assert wrong == []


def test_the_core_does_not_know_the_published_study():
    """Its room registers itself; only the list of such rooms names it."""
    wrong = [
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if room(path) not in {"published", "plugins"}
        and ("published" in imported_rooms(path) or "phenolens.published" in path.read_text())
    ]
    assert wrong == []


def test_only_the_study_knows_the_config_and_the_store():
    wrong = [
        f"{path.relative_to(ROOT)} imports {other}"
        for path in ROOT.rglob("*.py")
        if room(path) not in {"study", "cli", "store", "config"}
        for other in imported_rooms(path) & {"config", "store"}
    ]
    assert wrong == []


def test_nothing_prints():
    wrong = [
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    ]
    assert wrong == []


HEAVY = {
    "anndata", "matplotlib", "numba", "numpy", "pandas", "phenolens.study", "phenolens.tools",
    "pydantic", "rich", "scipy", "sklearn", "torch", "umap", "zarr",
}  # fmt: skip


@pytest.mark.parametrize(
    "typed",
    [
        "--help",
        "activity --help",
        "design --help",
        "run -h",
        "completion bash",
        "activity x.csv -o x.docx",
    ],
)
def test_help_loads_no_heavy_library(typed):
    code = (
        "import atexit, sys; from phenolens.cli import main; "
        f"sys.argv = {['phenolens', *typed.split()]!r}; "
        f"told = lambda: print('loaded', sorted({HEAVY!r} & set(sys.modules))); "
        "atexit.register(told); main()"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert told.stdout.splitlines()[-1] == "loaded []", told.stderr
