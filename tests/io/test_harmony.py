"""Exports of Harmony: lines about the plate, then a table with rows and columns for wells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from phenolens.io.columns import wells_of_rows
from phenolens.io.discovery.discover import discover, study_toml
from phenolens.io.formats.harmony import is_harmony, read_harmony
from phenolens.io.given import open_table
from phenolens.tools.activity import activity
from phenolens.tools.read import read

AREA = "Nuclei - Nucleus Area [µm²] - Mean per Well"
MEASURED = [AREA, *(f"Nuclei - Feature {i} - Mean per Well" for i in range(11))]


def results(seed: int = 0) -> pd.DataFrame:
    """A plate of 96 wells, noise alone: 16 of DMSO, 40 compounds in two wells each."""
    rng = np.random.default_rng(seed)
    names = rng.permutation(["DMSO"] * 16 + [f"C{i % 40}" for i in range(80)])
    frame = pd.DataFrame(
        {
            "Row": np.repeat(np.arange(1, 9), 12),
            "Column": np.tile(np.arange(1, 13), 8),
            "Plane": 1,
            "Timepoint": 0,
            "Nuclei - Number of Objects": rng.integers(300, 900, 96),
            "Number of Analyzed Fields": 9,
            "Time [s]": np.arange(96) * 7.25,
            "Compound": names,
            "Concentration": np.where(names == "DMSO", 0.0, 10.0),
            "Cell Type": "U2OS",
            "Cell Count": 5000,
        }
    )
    noise = pd.DataFrame(rng.normal(size=(96, 12)), columns=MEASURED)
    return pd.concat([frame, noise], axis=1)


def write(folder: Path, plate: str, *, decimal: str = ".", encoding: str = "utf-8-sig") -> Path:
    """The file as Harmony writes it: a block of names and values, ``[Data]``, tabs at the ends."""
    folder.mkdir(parents=True, exist_ok=True)
    about = f"Database Name\tPhenix\nEvaluation\tEvaluation1\nPlate Name\t{plate}\n"
    about += "Measurement\tMeasurement 1\nDate\t2024-01-01\n\n[Data]\n"
    body = results(len(plate) + ord(plate[-1])).to_csv(sep="\t", index=False, decimal=decimal)
    path = folder / "PlateResults.txt"
    path.write_bytes((about + body.replace("\n", "\t\n")).encode(encoding))
    return path


@pytest.mark.parametrize(
    ("decimal", "encoding"), [(".", "utf-8-sig"), (",", "cp1252"), (".", "utf-16")]
)
def test_the_table_below_the_lines_about_the_plate(tmp_path, decimal, encoding):
    path = write(tmp_path, "PL7", decimal=decimal, encoding=encoding)
    assert is_harmony(path)
    frame = read_harmony(path)
    assert set(frame["Plate Name"]) == {"PL7"}
    np.testing.assert_allclose(frame[AREA], results(len("PL7") + ord("7"))[AREA])
    assert len(read_harmony(path, rows=5)) == 5


def test_a_table_that_begins_with_its_header_is_an_ordinary_one(tmp_path):
    results().to_csv(tmp_path / "PlateResults.txt", sep="\t", index=False)
    assert not is_harmony(tmp_path / "PlateResults.txt")
    assert open_table(tmp_path / "PlateResults.txt").features == MEASURED


def test_every_question_reads_it_and_noise_is_not_active(tmp_path):
    for plate in ("PL1", "PL2"):
        write(tmp_path / plate, plate)
    item = read(str(tmp_path / "PL*" / "PlateResults.txt"), same_by="Metadata_Compound")
    told = {note.code: str(note) for note in item.findings}
    assert told["features"].startswith(f"12 features: 12 of Harmony (such as {AREA}, ")
    assert told["columns-not-used"].startswith("Numeric columns not used: 9 (Row, Column, Plane, ")
    assert "Metadata_CellCount" in item.table.index.names
    assert item.table.index.get_level_values("Metadata_CellCount").nunique() > 20
    found = activity(item, within="Metadata_Plate Name", permutations=2000)
    assert found.summary["perturbations"] == 40
    assert found.summary["active"] == 0
    row = item.table.index.to_frame(index=False).iloc[0]
    assert row["Metadata_Well"] == "A01"


def test_init_writes_a_study_that_runs_as_it_is(tmp_path):
    for plate in ("PL1", "PL2"):
        write(tmp_path / plate / "Evaluation1", plate)
    found = discover(tmp_path)
    assert found.questions == ()
    assert found.profiles[0] | {"normalized": ""} == {
        "name": "harmony", "files": "PL*/Evaluation1/PlateResults.txt", "level": "well",
        "normalized": "",
    }  # fmt: skip
    assert found.columns["cell_count"] == "Metadata_Nuclei - Number of Objects"
    assert 'compound = "Metadata_Compound"' in study_toml(found, relative_to=tmp_path)


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [
        ([1, 2, 16], [1, 12, 24], ["A01", "B12", "P24"]),
        ([0, 1, 15], [0, 11, 23], ["A01", "B12", "P24"]),
        (["A", "b", "AF"], [1, 2, 48], ["A01", "B02", "AF48"]),
        ([1.0, 2.0, None], [1.0, 2.0, 3.0], ["A01", "B02", ""]),
    ],
)
def test_wells_of_rows_and_columns(rows, columns, expected):
    frame = pd.DataFrame({"Row": rows, "Metadata_Col": columns})
    assert wells_of_rows(frame).tolist() == expected
    assert wells_of_rows(frame[["Row"]]) is None
