"""A fusion's blocks are chosen in each fold on training wells that no block knows by heart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import phenolens as pl
from phenolens import profiles
from phenolens.profiles import TREATMENT
from phenolens.represent.base import ALL, Card
from phenolens.study.trainings import _crossed
from phenolens.tools.block import Block, crossed, crossed_of
from phenolens.tools.representation import Profiles


@pytest.fixture(scope="module")
def measured() -> Profiles:
    screen, _ = pl.simulate_profiles(
        treatments=16, features=60, plates=4, active=1.0, mechanisms=16, effect=1.5, seed=3
    )
    return pl.read(screen)


def by_heart(item: Profiles, *, without_others: bool) -> Block:
    """What a network gives that learned its training wells by heart and knows nothing else."""
    wells, folds = item.compared.wells, item.design.folds
    assert folds is not None
    codes = pd.factorize(pd.Series(profiles.column(wells, TREATMENT)).astype(str))[0]
    known = 5.0 * np.eye(codes.max() + 1)[codes]
    cut = {fold: (train, test) for fold, train, test in folds.iterate(wells)}

    def table(seen: np.ndarray, seed: int) -> pd.DataFrame:
        values = np.random.default_rng(seed).normal(size=known.shape)
        values[seen] += known[seen]
        names = [f"cnn_{i}" for i in range(values.shape[1])]
        return pd.DataFrame(values.astype(np.float32), index=wells.index, columns=names)

    tables = {ALL: table(np.arange(0), 99)}
    tables |= {str(fold): table(train, fold) for fold, (train, _) in cut.items()}
    if without_others:
        for name, rows in _crossed({str(f): train for f, (train, _) in cut.items()}).items():
            tables[name] = table(rows, 7)
    card = Card("cnn", "well", (), learns="labels", labels_seen=("a",))
    return Block("cnn", tables, dict.fromkeys(tables, card), calibrated=True)


def fused(item: Profiles, other: Block) -> Profiles:
    from phenolens.tools.fusions import joined

    first = replace(item.compared, name="measured", notes={})
    block = joined("measured+cnn", [first, other])
    return Profiles(block, item.design, item.settings, stage="compared")


def score(found: pl.Result) -> float:
    return found.summary["balanced_accuracy"]["value"]


@pytest.mark.parametrize("without_others", [True, False])
def test_a_block_known_by_heart_takes_nothing_from_the_other(measured, without_others):
    alone = pl.classify(measured, baselines=False, bootstrap=10)
    both = fused(measured, by_heart(measured, without_others=without_others))
    found = pl.classify(both, baselines=False, bootstrap=10)
    assert score(alone) > 0.3
    assert score(found) >= score(alone) - 0.03
    codes = {finding.code: finding for finding in found.findings}
    assert codes["blocks-chosen"].values["alone"] == codes["blocks-chosen"].values["folds"]
    assert ("blocks-not-judged" in codes) is not without_others
    spaces = found.table.loc[found.table["representation"] == "measured+cnn", "space"]
    assert spaces.str.endswith("; blocks: measured 1").all()


def test_believed_on_wells_it_has_seen_it_would_have_cost_much(measured):
    """The check can fail: told that the block learned no labels, the fusion takes it."""
    plain = replace(by_heart(measured, without_others=False), cards={})
    found = pl.classify(fused(measured, plain), baselines=False, bootstrap=10)
    assert score(found) < score(pl.classify(measured, baselines=False, bootstrap=10)) - 0.1


@pytest.mark.parametrize("number", [3, 4, 5])
def test_every_fold_has_wells_that_a_fit_did_not_see(number: int):
    wells = np.arange(60)
    folds = {str(fold): wells[wells % number != fold] for fold in range(number)}
    found = _crossed(folds)
    assert {crossed_of(name)[0] for name in found} >= set(range(number))
    for name, rows in found.items():
        assert not np.isin(rows % number, crossed_of(name)).any()
        assert name == crossed(*crossed_of(name))
    fits = {tuple(rows) for rows in found.values()}
    assert len(fits) == (number + 1) // 2


def test_of_two_folds_nothing_is_left():
    assert _crossed({"0": np.arange(5), "1": np.arange(5, 9)}) == {}
