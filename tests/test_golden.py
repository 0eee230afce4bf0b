"""Every score of three studies stays what it was: see bench/golden.py."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

HERE = Path(__file__).parent
TOLERANCE = 1e-4


def frozen(name: str) -> pd.DataFrame:
    return pd.read_csv(HERE / "golden" / f"{name}.csv", dtype=str, keep_default_na=False)


def scores(out: Path) -> pd.DataFrame:
    spec = importlib.util.spec_from_file_location("golden", HERE.parent / "bench" / "golden.py")
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    return bench.scores(out)


def differences(expected: pd.DataFrame, found: pd.DataFrame) -> list[str]:
    """Scores that came, went or changed by more than rounding, as text."""
    key = [name for name in expected if name not in ("value", "low", "high", "n")]
    both = expected.merge(found, on=key, how="outer", suffixes=("", "_now"), indicator="held")
    told = [f"{row.held}: {row[1:7]}" for row in both[both["held"] != "both"].itertuples()]
    for column in ("value", "low", "high", "n"):
        before, now = (both[c].astype(float).to_numpy() for c in (column, f"{column}_now"))
        same = np.isclose(before, now, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
        changed = both[~same & (both["held"] == "both")]
        told += [f"{column}: {row[1:7]}" for row in changed.itertuples()]
    return told


def command(*words: object) -> None:
    """The command in a process of its own, as the golden files were made."""
    told = subprocess.run(
        [sys.executable, "-m", "phenolens", *map(str, words)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert told.returncode == 0, told.stderr


def study_of(source: Path, folder: Path) -> Path:
    shutil.copytree(source, folder / source.name)
    command("init", folder / source.name, "-o", folder / "study.toml")
    command("run", folder / "study.toml", "--out", folder / "out", "--jobs", 1)
    return folder / "out"


def test_the_demo_s_scores(tmp_path):
    command("demo", "--no-networks", "--out", tmp_path / "demo", "--jobs", 1)
    assert differences(frozen("demo"), scores(tmp_path / "demo")) == []


@pytest.mark.parametrize("name", ["cpjump1_profiles", "bbbc021_wells"])
def test_real_screens_scores(real_data, tmp_path, name):
    out = study_of(real_data(name), tmp_path)
    assert differences(frozen(name), scores(out)) == []


def test_a_score_that_changed_is_named():
    before = frozen("demo")
    after = before.assign(value=before["value"].where(before.index != 7, "0.123"))
    assert len(differences(before, after)) == 1
    assert len(differences(before, before.iloc[1:])) == 1
