"""docs/api.md names every public name, and its code runs."""

from __future__ import annotations

import re
from inspect import signature
from pathlib import Path

import phenolens as pl
from phenolens.cli.questions import QUESTIONS

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
TEXT = PAGE.read_text(encoding="utf-8")


def section(title: str) -> str:
    (found,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.M)
    return found


def test_the_table_of_names_is_that_of_the_package():
    named = re.findall(r"^\|[^|]*\| `(\w+)` \|", section("Names"), re.M)
    assert sorted(named) == sorted(pl.__all__)


def test_what_a_result_and_profiles_hold_is_there():
    of_result = re.findall(r"^\| `(\w+)[`(]", section("Result"), re.M)
    of_profiles = re.findall(r"`\.(\w+)`", section("Profiles"))
    assert len(of_result) == 10 and len(of_profiles) == 9
    for kind, names in ((pl.Result, of_result), (pl.Profiles, of_profiles)):
        for name in names:
            assert name in kind.__annotations__ or hasattr(kind, name), name


def test_parameters_that_questions_share_are_those_of_the_page():
    rows = re.findall(r"^\| (`.*?) \|", section("What all questions share"), re.M)
    shared = set(re.findall(r"`(\w+)`", " ".join(rows)))
    assert shared - {"data", "Profiles"} == {
        "same_by", "controls", "features", "layer", "obsm", "normalized", "same_plate",
        "distinct_plates", "measurement", "seed"
    }  # fmt: skip
    for question in QUESTIONS:
        assert shared - {"Profiles"} <= set(signature(getattr(pl, question)).parameters) | {"data"}


def test_the_code_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    space: dict = {}
    blocks = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.M)
    assert len(blocks) == 7
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), space)
    told = capsys.readouterr().out
    assert "controls - 64 control wells" in told
    assert "normalized, selected, whitened | plate" in told
