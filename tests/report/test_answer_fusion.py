"""Whether fusing helps is told for every fusion and question, with what noise does beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from phenolens.answers import answers, best, fusion
from phenolens.answers.tables import Tables

SAID = {
    "helps": "Fusing is better than the best block alone: CNN + CellProfiler-type in activity.",
    "costs": "Fusing costs: the best block alone is better than CNN + CellProfiler-type in",
    "open": "No difference from the best block is shown for CNN + CellProfiler-type in activity.",
    "alone": "Nothing was clearly better than the best block, which was left alone: CNN +",
}
NUMBERS = {
    "helps": (0.1, 0.05, 0.15, 0.001),
    "costs": (-0.1, -0.15, -0.05, 0.001),
    "open": (0.01, -0.05, 0.07, 0.6),
    "alone": (0.0, 0.0, 0.0, 1.0),
}


def row(b: str, task: str, numbers: tuple[float, float, float, float]) -> dict:
    difference, low, high, p = numbers
    return {
        "task": task, "metric": "map_normalized", "split": "none", "unit": "treatment",
        "cluster": "Metadata_Compound", "a": "cnn+cellprofiler", "b": b, "n": 24, "n_clusters": 24,
        "value_a": 0.5, "value_b": 0.5 - difference, "difference": difference, "low": low,
        "high": high, "p": p, "p_holm": p, "smallest_p": 1e-4, "smallest_detectable": 0.1,
        "won": 13, "lost": 7, "space_a": "", "space_b": "",
    }  # fmt: skip


def share(part: str, block: str, value: float) -> dict:
    return {
        "representation": "cnn+cellprofiler", "task": "activity", "part": part, "block": block,
        "alone": 0.5, "share": value, "best": block == "cellprofiler", "gain": 0.0,
        "gain_errors": 0.0,
    }  # fmt: skip


@pytest.fixture
def folder(study: Path, tmp_path: Path) -> Path:
    return shutil.copytree(study, tmp_path / "study")


@pytest.mark.parametrize("outcome", SAID)
def test_what_the_intervals_say_is_the_headline(folder, outcome):
    rows = [
        row("cellprofiler", "activity", NUMBERS[outcome]),
        row("cellprofiler+noise:cnn", "activity", NUMBERS["open"]),
    ]
    pd.DataFrame(rows).to_parquet(folder / "comparisons.parquet")
    shares = [share("group-0", "cellprofiler", 1.0), share("group-1", "cellprofiler", 1.0)]
    shares += [share("group-0", "cnn", 0.0), share("group-1", "cnn", 0.0)]
    pd.DataFrame(shares).to_parquet(folder / "fusion.parquet")
    found = fusion.answer(Tables(folder))
    assert found.short.startswith(SAID[outcome])
    assert found.state == ("doubtful" if outcome == "costs" else "answered")
    text = " ".join(found.sentences)
    assert "won 13 and lost 7 of 24 compounds" in text
    assert "noise as wide as CNN" in text
    assert "The best block was left alone in 2 of 2 choices: cellprofiler 1 (2x)" in text
    assert "Fusions could not be compared in matching and classification" in text


def test_a_study_without_fusions_is_not_asked(tables):
    assert fusion.answer(tables) is None
    assert "fusion" not in [answer.key for answer in answers(tables)]


def test_a_control_that_holds_noise_is_never_called_best(folder):
    path = folder / "results.parquet"
    results = pd.read_parquet(path)
    top = results[results["representation"] == "cellprofiler"]
    noisy = top.assign(representation="cellprofiler+noise:cnn", value=top["value"] + 0.2)
    pd.concat([results, noisy], ignore_index=True).to_parquet(path)
    found = best.answer(Tables(folder))
    told = [*found.headline, *found.details]
    assert not any("noise" in str(one.about.get("representation")) for one in told)
