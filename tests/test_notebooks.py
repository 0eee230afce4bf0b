"""The notebooks under docs: stored without outputs, and of names that are public.

They run in ``make notebooks`` and ``make docs``, from the wheel.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

import phenolens as pl

NOTEBOOKS = sorted((Path(__file__).parents[1] / "docs" / "notebooks").glob("*.ipynb"))


def code(path: Path) -> list[dict]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


USED = {
    "anndata_scanpy": {"activity", "compare"},
    "first_screen": {"simulate", "init", "audit", "open_study", "run", "activity"},
    "own_masks": {"simulate", "measure_objects", "open_study", "run", "activity"},
    "profiles_only": {"activity", "compare"},
}


def test_there_are_four():
    assert [path.stem for path in NOTEBOOKS] == sorted(USED)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_they_are_stored_without_outputs(path):
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code(path))
    assert path.stat().st_size < 30_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_they_use_public_names_only(path):
    used = set()
    for cell in code(path):
        for node in ast.walk(ast.parse("".join(cell["source"]))):
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "pl":
                used.add(node.attr)
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("phenolens")
    assert USED[path.stem] <= used <= set(pl.__all__)
