"""docs/design.md: what is typed there runs, and its options are those of the function."""

from __future__ import annotations

import re
import shlex
from inspect import signature
from pathlib import Path

import pandas as pd
import pytest

import phenolens as pl
from phenolens.tools import plate_findings

PAGE = Path(__file__).parents[1] / "docs" / "design.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [(f"compound-{k}", dose) for k in range(20) for dose in (0.3, 3.0)]
    table = pd.DataFrame(rows, columns=["compound", "concentration_uM"])
    table.to_csv("compounds.csv", index=False)


def test_the_command_and_the_code_give_the_same_layout(command, monkeypatch, tmp_path):
    power = pd.DataFrame({"effect": [0.0, 1.0], "power_p": [0.05, 0.9], "low": 0.0, "high": 1.0})
    power = power.assign(power_q=0.1, n=40, map_normalized=0.2)
    monkeypatch.setattr(plate_findings, "power_by_effect", lambda *_, **__: power)
    (typed,) = re.findall(r"^```sh\n(.*?)^```", TEXT, re.DOTALL | re.M)
    answer = command(*shlex.split(typed)[1:])
    assert (answer.code, answer.err) == (0, "")
    (code,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.M)
    names: dict = {}
    exec(compile(code, str(PAGE), "exec"), names)
    assert (tmp_path / "layout.png").is_file()
    table = names["proposed"].table
    part = table[table["Metadata_Plate"] == "P03"]
    written = pd.read_csv("plate-maps/platemap/P03.txt", sep="\t")
    assert written["well_position"].tolist() == part["Metadata_Well"].tolist()
    assert written["compound"].tolist() == part["Metadata_Compound"].tolist()


def test_the_page_has_every_option():
    (table,) = re.findall(r"^## What is asked\n(.*?)^## ", TEXT, re.DOTALL | re.M)
    named = set(re.findall(r"^\| `(\w+)` \|", table, re.M))
    assert named == set(signature(pl.design).parameters) - {
        "treatments", "permutations", "alpha", "output", "force"
    }  # fmt: skip


def test_the_pages_and_pictures_it_points_to_are_there():
    for target in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (PAGE.parent / target).exists(), target
