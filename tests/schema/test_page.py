"""``docs/schemas.md`` is made of the definitions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from phenolens import schema
from phenolens.schema.page import page

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_is_what_the_definitions_say():
    assert (DOCS / "schemas.md").read_text() == page(schema.files()), (
        "make it again: python -m phenolens.schema > docs/schemas.md"
    )


def test_the_module_prints_the_page():
    made = subprocess.run(
        [sys.executable, "-m", "phenolens.schema"], capture_output=True, text=True, check=True
    )
    assert made.stdout == page(schema.files())


def test_the_page_names_every_file_and_every_column():
    written = page(schema.files())
    for file in schema.files():
        assert f"## `{file.path}`" in written
    for table in schema.tables().values():
        section = written.split(f"## `{table.path}`")[1].split("\n## ")[0]
        assert all(f"`{column.name}`" in section for column in table.columns)


def test_a_bar_in_a_meaning_does_not_end_its_cell():
    rows = [line for line in page(schema.files()).splitlines() if line.startswith("| `")]
    assert {line.replace(r"\|", "").count("|") for line in rows} <= {3, 4}
