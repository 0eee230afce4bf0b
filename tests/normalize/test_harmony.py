"""Harmony lays batches over one another for maps; what it made says so and is scored by nobody."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import phenolens as pl
from phenolens import profiles
from phenolens.errors import ConfigError, DesignError, InputError, LeakError
from phenolens.normalize.harmony import NOT_FOR_SCORING, harmonize
from phenolens.settings import Settings


def screen(n: int = 40) -> pd.DataFrame:
    """Two plates, the second moved."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(2 * n, 6))).add_prefix("emb_")
    frame.iloc[n:] += 4
    frame["Metadata_Plate"] = np.repeat(["P1", "P2"], n)
    frame["Metadata_Well"] = [f"{'ABCD'[i // 12]}{i % 12 + 1:02d}" for i in range(n)] * 2
    frame["Metadata_Compound"] = np.where(np.arange(2 * n) % 4 == 0, "DMSO", "c1")
    return frame


@pytest.fixture
def stand_in(monkeypatch) -> dict:
    """A harmonypy that centres batches, and keeps what it was given."""
    given: dict = {}

    def run_harmony(values, told, column, **how):
        given.update(values=values, told=told, column=column, **how)
        means = pd.DataFrame(values).groupby(told[column].to_numpy()).transform("mean")
        return SimpleNamespace(Z_corr=values - means.to_numpy())

    module = ModuleType("harmonypy")
    module.run_harmony = run_harmony
    monkeypatch.setitem(sys.modules, "harmonypy", module)
    return given


def test_components_of_all_wells_are_moved_and_marked(stand_in):
    table = profiles.from_frame(screen())
    out = harmonize(table, batch=["Metadata_Plate"], n_components=4, seed=7)
    assert stand_in["values"].shape == (80, 4)
    assert (stand_in["random_state"], stand_in["ncores"]) == (7, 1)
    assert list(out.columns) == ["harmony0001", "harmony0002", "harmony0003", "harmony0004"]
    assert set(profiles.column(out, NOT_FOR_SCORING)) == {"Harmony: aligned on these very wells"}
    second = profiles.column(out, "Metadata_Plate") == "P2"
    np.testing.assert_allclose(out[second].mean(), out[~second].mean(), atol=1e-5)


def test_no_question_takes_what_harmony_made(stand_in, tmp_path):
    laid = pl.harmonize(screen())
    for form in ("frame", "file"):
        data = laid
        if form == "file":
            laid.to_parquet(tmp_path / "laid.parquet")
            data = tmp_path / "laid.parquet"
        with pytest.raises(LeakError, match="is not for scoring"):
            pl.read(data)
    merged = pl.aggregate(laid)  # the mark goes with the wells
    with pytest.raises(LeakError, match="not for scoring"):
        pl.activity(merged)


@pytest.mark.parametrize("how", ["settings", "study"])
def test_a_study_that_would_score_it_is_refused(how, tmp_path):
    if how == "settings":
        with pytest.raises(ConfigError, match="nothing that it made can be scored"):
            Settings(whitening="harmony")
        return
    screen().to_parquet(tmp_path / "screen.parquet")
    pl.init(tmp_path / "screen.parquet", tmp_path / "study.toml")
    with pytest.raises(ConfigError, match="nothing that it made can be scored"):
        pl.open_study(tmp_path / "study.toml", changes=['normalize.whitening="harmony"'])


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "harmonypy", None)
    with pytest.raises(InputError, match=r"pip install 'phenolens\[harmony\]'"):
        pl.harmonize(screen())


def test_one_batch_few_wells_and_gaps_are_refused(stand_in):
    frame = screen()
    with pytest.raises(DesignError, match="got 1 by Metadata_Plate"):
        pl.harmonize(frame[:40])
    with pytest.raises(DesignError, match="and 6 wells"):
        pl.harmonize(frame[37:43])
    frame.loc[0, "emb_0"] = np.nan
    with pytest.raises(InputError, match="missing values, such as emb_0"):
        pl.harmonize(frame)


def test_harmony_itself_mixes_batches():
    pytest.importorskip("harmonypy")
    frame = screen(n=48)
    emb = [f"emb_{k}" for k in range(6)]
    frame.loc[48:, emb] -= 2.5  # 1.5 apart, and three phenotypes on both plates
    frame[emb] += 8 * np.eye(6)[np.arange(96) % 3]
    table = profiles.from_frame(frame)
    out = harmonize(table, batch=["Metadata_Plate"])
    again = harmonize(table, batch=["Metadata_Plate"])
    second = profiles.column(out, "Metadata_Plate") == "P2"
    apart = np.linalg.norm(out[second].mean() - out[~second].mean())
    assert apart < 0.3 * 1.5 * np.sqrt(6)
    pd.testing.assert_frame_equal(out, again)
