"""What is typed before plating: maps on disk, numbers on the screen, one line where it fails."""

from __future__ import annotations

import shlex
from pathlib import Path

import pandas as pd
import pytest

from phenolens.cli.examples import EXAMPLES
from phenolens.simulate import simulate_profiles
from phenolens.tools import plate_design, plate_findings

BAD = {
    "400 --plates 4": "--plates) must be 8 or more",
    "10 --replicates 0": "--replicates must be a whole number, 1 or more; got '0'",
    "10 --wells 100": "96, 384 or 1536; got 100",
    "0": "must be 1 to 100,000; got 0",
    "twice.csv": "'a' stands in rows 1 and 3",
    "nowhere.csv": "There is no file",
    "empty.csv": "cannot be read as a table",
    "10 --controls DMSO": "NAME=WELLS",
    "10 --wells 96 --controls DMSO=96": "leave no room",
    "10 --active 2": "active (--active) must be a number between 0 and 1",
    "10 --barcodes P1": "4 plates need as many different names; got 1",
    "10 --output taken.txt": "is a file; name a folder",
    "10 --edge": "There is no option '--edge'",
    "": "TREATMENTS is missing",
}


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "twice.csv").write_text("compound\na\nb\na\n")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "taken.txt").write_text("mine")
    return tmp_path


@pytest.mark.parametrize("typed", BAD)
def test_what_cannot_be_designed_is_one_line(command, here, typed):
    answer = command("design", *shlex.split(typed))
    assert BAD[typed] in answer.refused()
    assert answer.out == ""
    assert not (here / "plate-maps").exists()


def test_maps_are_written_and_the_numbers_told(command, here):
    answer = command(
        "design", "60", "--wells", "96", "--controls", "DMSO=12", "--positives", "taxol=4",
        "--permutations", "300", "-o", "maps",
    )  # fmt: skip
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert lines[0] == "treatments: 60" and lines[-1] == "Wrote maps"
    for told in ("p attainable: 0.003322", "position could explain: nothing", "effect 1: "):
        assert any(line.strip().startswith(told) for line in lines), told
    assert len(list((here / "maps/platemap").iterdir())) == 4
    table = pd.read_csv(here / "maps/platemap/P01.txt", sep="\t")
    assert table["pert_type"].value_counts().to_dict() == {"trt": 60, "negcon": 12, "poscon": 4}
    again = command("design", "60", "--wells", "96", "--seed", "1", "-o", "maps").refused()
    assert "is there already, of another design" in again


def test_options_are_keyword_arguments_and_no_other_is_passed(command, here, monkeypatch):
    asked = {}

    def stands_in(treatments, **options):
        asked.update(options, treatments=treatments)
        return _Answer()

    monkeypatch.setattr(plate_design, "design", stands_in)
    typed = (
        "list.csv --controls A=1 --controls B=2 --positives C=3 --barcodes X --barcodes Y "
        "--pilot p1.csv --pilot p2.csv --empty-edge --plates 2 --force"
    )
    assert command("design", *typed.split()).code == 0
    assert asked == {
        "treatments": "list.csv", "controls": ["A=1", "B=2"], "positives": "C=3",
        "barcodes": ["X", "Y"], "pilot": ["p1.csv", "p2.csv"], "empty_edge": True, "plates": 2,
        "force": True, "output": "plate-maps",
    }  # fmt: skip


class _Answer:
    def lines(self):
        return ["plates: 2"]


@pytest.mark.parametrize("line", EXAMPLES["design"])
def test_examples_of_the_help_run(command, here, monkeypatch, line):
    monkeypatch.setattr(plate_findings, "power_by_effect", lambda *_, **__: None)
    rows = [(f"c{k}", dose) for k in range(8) for dose in (0.1, 1, 10)]
    pd.DataFrame(rows, columns=["compound", "concentration_uM"]).to_csv("compounds.csv")
    pilot, _ = simulate_profiles(plates=2, treatments=20, controls=32, features=20)
    pilot.reset_index().to_parquet("pilot.parquet")
    answer = command(*shlex.split(line)[1:])
    assert (answer.code, answer.err) == (0, "")
    assert (here / "plate-maps/barcode_platemap.csv").is_file()
