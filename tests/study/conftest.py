"""Small screens on disk that a test may damage."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from phenolens import schema
from phenolens.files import read_json
from phenolens.simulate import ScreenDesign, simulate_profiles, write_screen

STAINS = ("DNA", "ER", "RNA", "AGP", "Mito")
QUICK = """
[evaluate]
permutations = 200
bootstrap = 20

[represent]
components = 8

[measure]
families = ["AreaShape", "Intensity"]
"""


@dataclass
class Screen:
    """A screen in a folder: its study file, its tables, and what a run left."""

    folder: Path

    @property
    def study(self) -> Path:
        return self.folder / "study.toml"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def settings(self, old: str, new: str) -> None:
        """Change the study file; fails when there was nothing to change."""
        text = self.study.read_text()
        assert old in text
        self.study.write_text(text.replace(old, new, 1))

    def table(self, name: str) -> Path:
        """The one file that matches ``name``, first by name."""
        return sorted(self.folder.rglob(name))[0]

    def ledger(self) -> dict:
        return read_json(self.out / "ledger.json")

    def audit(self) -> set[str]:
        return {item["code"] for item in read_json(self.out / "audit.json")}

    def image(self, number: int = 0, stain: str = "ER") -> Path:
        """File of one stain of the field that stands in this row of the first image table."""
        row = pd.read_csv(self.table("load_data.csv")).iloc[number]
        return sorted(
            self.folder.rglob(f"{row['Metadata_Plate']}/**/{row[f'FileName_Orig{stain}']}")
        )[0]


@pytest.fixture(scope="session")
def defined() -> Callable[[Path], set[str]]:
    """Check every file of a finished study against its definition; gives those that are there."""

    def check(out: Path) -> set[str]:
        paths = [path for path in sorted(out.rglob("*")) if path.is_file()]
        names = [path.relative_to(out).as_posix() for path in paths]
        known = {name: schema.definition(name) for name in names if not name.startswith("store/")}
        assert [name for name, file in known.items() if file is None] == []
        for name, table in known.items():
            if isinstance(table, schema.Table):
                _as_defined(out / name, table)
            if isinstance(table, schema.Document) and table.keys:
                _has_its_keys(out / name, table)
        return {file.stem for file in known.values()}

    return check


def _has_its_keys(path: Path, document: schema.Document) -> None:
    """Keys of a JSON file, or names of the arrays of an ``.npz`` file, are the declared ones."""
    if path.suffix == ".h5ad":
        return
    held = np.load(path).files if path.suffix == ".npz" else read_json(path)
    objects = held.values() if document.by else held if path.suffix == ".json" else [held]
    for found in [objects] if isinstance(objects, dict) else objects:
        assert [key for key in found if not document.known.fullmatch(key)] == [], path
        assert "withheld_because" in found or document.required <= set(found), path


def _as_defined(path: Path, table: schema.Table) -> None:
    """Columns, types and order of rows of a file are those of its definition."""
    if path.suffix == ".csv":
        frame = pd.read_csv(path)
        assert set(table.required) <= set(frame) <= {column.name for column in table.columns}
    else:
        frame = pd.read_parquet(path)
        arrow = {"float64": "double", "float32": "float"}
        for field in pq.read_schema(path):
            dtype = table.column(field.name).dtype
            assert dtype in ("any", str(field.type)) or str(field.type) == arrow[dtype], field.name
        again = schema.conform(frame, table)[list(frame)]
        pd.testing.assert_frame_equal(again, frame, check_dtype=False)
    if not {"profiles", "cells"} & set(table.path.split("/")):
        assert table.ordered(frame) == list(frame), path


@pytest.fixture(scope="session")
def simulated(tmp_path_factory) -> Path:
    """Two plates of 14 wells, one field each, with a study file that runs in seconds."""
    from phenolens.study import init

    folder = tmp_path_factory.mktemp("simulated")
    design = ScreenDesign(
        plates=2, batches=1, treatments=6, replicates=1, control_wells=8, sites=1, mechanisms=2,
        inactive=1, toxic=1, field_size=128,
    )  # fmt: skip
    write_screen(design, folder / "screen")
    init(folder / "screen", folder / "study.toml")
    with (folder / "study.toml").open("a") as stream:
        stream.write(QUICK)
    return folder


@pytest.fixture
def screen(simulated, tmp_path) -> Screen:
    """A copy of the simulated screen that a test may damage."""
    shutil.copytree(simulated, tmp_path / "copy")
    return Screen(tmp_path / "copy")


PROFILES = """
[data.columns]
compound = "Metadata_Compound"
mechanism = "Metadata_Mechanism"

[[data.profiles]]
name = "deep"
files = "profiles.csv"
prefix = "f"
"""


@dataclass
class Wells(Screen):
    """A screen of profiles only, one table that tests may change."""

    def frame(self) -> pd.DataFrame:
        return pd.read_csv(self.folder / "profiles.csv")

    def write(self, frame: pd.DataFrame) -> None:
        frame.to_csv(self.folder / "profiles.csv", index=False)


@pytest.fixture
def wells(tmp_path) -> Wells:
    """Three plates of 8 treatments and 6 controls, 12 features ``f0, f1, ...``, one CSV table."""
    table, truth = simulate_profiles(plates=3, treatments=8, controls=6, features=12, seed=1)
    frame = table.reset_index()
    mechanism = truth.set_index("treatment")["mechanism"]
    frame["Metadata_Compound"] = frame["Metadata_Treatment"]
    frame["Metadata_Mechanism"] = frame["Metadata_Treatment"].map(mechanism)
    features = {name: f"f{number}" for number, name in enumerate(table.columns)}
    kept = ["Metadata_Plate", "Metadata_Well", "Metadata_Compound", "Metadata_Mechanism"]
    made = Wells(tmp_path)
    made.write(frame.rename(columns=features)[[*kept, *features.values()]])
    made.study.write_text(PROFILES + QUICK)
    return made
