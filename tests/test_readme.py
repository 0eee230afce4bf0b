"""The code of README.md runs, on tables of the names that it uses."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import phenolens as pl

PAGE = Path(__file__).parents[1] / "README.md"
TEXT = PAGE.read_text(encoding="utf-8")
DOSES = np.array([0.1, 1.0, 10.0])


def section(title: str) -> str:
    (found,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.M)
    return found


def blocks(title: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", section(title), re.DOTALL | re.M)


def lines(title: str) -> list[list[str]]:
    """What is typed, split as a shell would; patterns stay, for the command expands them too."""
    typed = [line for block in blocks(title, "sh") for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in typed if line.startswith("phenolens ")]


def screen() -> pd.DataFrame:
    """Four plates of six compounds at three doses."""
    table, _ = pl.simulate_profiles(treatments=18, features=40, effect=2.5, seed=1)
    frame = table.reset_index().drop(columns="Metadata_Control")
    number = frame.pop("Metadata_Treatment").str.extract(r"(\d+)$")[0].astype(float) - 1
    known = number.notna()
    frame["Metadata_Compound"] = [f"c{n // 3:.0f}" if n >= 0 else "DMSO" for n in number]
    frame["Metadata_Concentration"] = np.where(known, DOSES[number.fillna(0).astype(int) % 3], None)
    return frame.astype({"Metadata_Concentration": float})


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    frame = screen()
    for name in ("FOLDER", "plates"):
        (folder / name).mkdir()
    for name, plate in frame.groupby("Metadata_Plate"):
        plate.to_parquet(folder / "plates" / f"{name}.parquet")
    keys = [c for c in frame if c.startswith("Metadata_")]
    network = frame[keys].copy()
    network[[f"emb_{n:03d}" for n in range(12)]] = np.tanh(frame.drop(columns=keys).iloc[:, :12])
    for path, table in {
        "cellprofiler.parquet": frame, "network.parquet": network, "FOLDER/cellprofiler.csv": frame
    }.items():  # fmt: skip
        (table.to_csv if path.endswith("csv") else table.to_parquet)(folder / path, index=False)
    return folder


@pytest.fixture(autouse=True)
def here(folder, monkeypatch) -> None:
    monkeypatch.chdir(folder)


def test_a_screen_of_one_s_own(command):
    typed = lines("Your own screen")
    assert [line[1] for line in typed] == ["init", "check", "run"]
    for line in typed:
        answer = command(*line[1:])
        assert answer.code == 0, answer.err
    (code,) = blocks("Your own screen", "python")
    names: dict = {}
    exec(code, names)
    assert names["report"].is_file()
    study_s = pd.read_parquet("results/activity.parquet")
    assert names["hits"].table["p"].tolist() == study_s["p"].tolist()


def test_profiles_alone_in_python_and_on_the_command_line(command):
    code, measured = blocks("Only profiles?", "python")
    assert len(code.splitlines()) <= 14
    names: dict = {}
    exec(code, names)
    assert Path("hits.xlsx").is_file() and Path("hits.png").is_file()
    in_python = pd.read_excel("hits.xlsx")
    typed = lines("Only profiles?")
    assert [line[1] for line in typed] == ["audit", "activity", "match", "dose", "compare"]
    for line in typed:
        answer = command(*line[1:])
        assert answer.code == 0, answer.err
    pd.testing.assert_frame_equal(pd.read_excel("hits.xlsx"), in_python)
    pixels = np.random.default_rng(0).random((5, 40, 40))
    cells = np.zeros((40, 40), dtype=np.int32)
    cells[5:30, 5:30] = 1
    nuclei = np.zeros_like(cells)
    nuclei[10:20, 10:20] = 1
    names |= {"pixels": pixels, "n": nuclei, "c": cells, "y": cells - nuclei}
    exec(measured, names)
    assert len(names["cells"]) == 1


def test_the_pages_that_it_points_to_are_there():
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", TEXT):
        assert (PAGE.parent / target).exists(), target
