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


BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.DOTALL | re.M)


def typed(block: str) -> list[list[str]]:
    """What is typed, split as a shell would; patterns stay, for the command expands them too."""
    return [shlex.split(line, comments=True)[1:] for line in block.splitlines()]


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
    compounds = pd.DataFrame({"compound": [f"c{n}" for n in range(20)], "concentration_uM": 3.0})
    compounds.to_csv(folder / "compounds.csv", index=False)
    for path, table in {
        "cellprofiler.parquet": frame, "network.parquet": network, "FOLDER/cellprofiler.csv": frame
    }.items():  # fmt: skip
        (table.to_csv if path.endswith("csv") else table.to_parquet)(folder / path, index=False)
    return folder


def test_its_code_runs_from_top_to_bottom(folder, command, monkeypatch):
    monkeypatch.chdir(folder)
    assert [language for language, _ in BLOCKS] == ["sh"] * 3 + ["python"] * 2 + ["sh", "python"]
    made, plated, studied, asked, told, typed_too, measured = [block for _, block in BLOCKS]
    makefile = (PAGE.parent / "Makefile").read_text(encoding="utf-8")
    assert [line[0] for line in typed(made)] == ["demo", "test"]
    assert all(f"\n{line[0]}: " in makefile for line in typed(made))

    for block in (plated, studied):
        for line in typed(block):
            answer = command(*line)
            assert answer.code == 0, answer.err
    assert Path("plate-maps/barcode_platemap.csv").is_file()

    names: dict = {}
    exec(asked, names)
    assert names["report"].is_file()
    of_study = pd.read_parquet("results/activity.parquet")
    assert names["hits"].table["p"].tolist() == of_study["p"].tolist()

    exec(told, names)
    assert Path("hits.png").is_file()
    in_python = pd.read_excel("hits.xlsx")
    assert [line[0] for line in typed(typed_too)] == [
        "audit",
        "activity",
        "match",
        "dose",
        "compare",
    ]
    for line in typed(typed_too):
        answer = command(*line)
        assert answer.code == 0, answer.err
    pd.testing.assert_frame_equal(pd.read_excel("hits.xlsx"), in_python)

    cells = np.zeros((40, 40), dtype=np.int32)
    cells[5:30, 5:30] = 1
    nuclei = np.zeros_like(cells)
    nuclei[10:20, 10:20] = 1
    pixels = np.random.default_rng(0).random((5, 40, 40))
    names |= {"pixels": pixels, "n": nuclei, "c": cells, "y": cells - nuclei}
    exec(measured, names)
    assert len(names["cells"]) == 1


def test_a_newcomer_reads_it_in_twenty_seconds():
    first = TEXT.partition("## Start")[0]
    assert first.count("![") == 1
    assert len(re.findall(r"^- ", first, re.M)) == 5 and len(first.split()) <= 150
    claims = re.findall(r"^\| \*\*.*", TEXT, re.M)
    assert len(claims) == 5 and all("`python bench/" in claim for claim in claims)


def test_the_pages_that_it_points_to_are_there():
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", TEXT):
        assert (PAGE.parent / target).exists(), target
