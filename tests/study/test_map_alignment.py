"""Maps whose batches are laid over one another, where a study asks for it."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import phenolens as pl
from phenolens.errors import InputError
from phenolens.normalize.harmony import NOT_FOR_SCORING
from phenolens.study.steps.check import check
from phenolens.study.steps.evaluate import _laid_over


def session(alignment: str) -> SimpleNamespace:
    told: list[str] = []
    evaluate = SimpleNamespace(map_alignment=alignment)
    progress = SimpleNamespace(say=told.append)
    return SimpleNamespace(
        study=SimpleNamespace(evaluate=evaluate), seed=0, progress=progress, told=told
    )


@pytest.fixture
def item() -> pl.Profiles:
    screen, _ = pl.simulate_profiles(treatments=8, features=12, seed=3)
    return pl.read(screen)


def test_a_map_is_laid_over_by_plate_where_there_is_one_batch_and_says_so(item, monkeypatch):
    module = ModuleType("harmonypy")
    batches = []

    def run_harmony(values, told, column, **how):
        batches.append(told[column].nunique())
        return SimpleNamespace(Z_corr=np.zeros_like(values))

    module.run_harmony = run_harmony
    monkeypatch.setitem(sys.modules, "harmonypy", module)
    wells, space = _laid_over(session("harmony"), item)
    assert batches == [4]
    assert NOT_FOR_SCORING in wells.index.names
    assert space == f"{item.space}; for the map only, laid over one another by Harmony"
    plain, same = _laid_over(session("none"), item)
    assert plain is item.wells
    assert same == item.space


def test_a_single_plate_is_drawn_as_it_is_and_that_is_said(item):
    one = item.table[item.table.index.get_level_values("Metadata_Plate") == "P01"]
    asked = session("harmony")
    alone = pl.read(one)
    assert _laid_over(asked, alone) == (alone.wells, alone.space)
    assert "Nothing to lay over one another" in asked.told[0]


def test_that_the_extra_is_lacking_is_said_before_anything_long_begins(monkeypatch):
    monkeypatch.setitem(sys.modules, "harmonypy", None)
    with pytest.raises(InputError, match="pip install 'phenolens"):
        check(session("harmony"), screen=None, splits=None, headers=None)
