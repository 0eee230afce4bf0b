"""Blocks are fused by key where that is clearly better, and the fused table is not for scoring."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import phenolens as pl
from phenolens.io.cards import CARD
from phenolens.profiles import CONTROL, PLATE, TREATMENT, WELL


@pytest.fixture(scope="module")
def screen() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Metadata and features of one simulated screen, in the order of its rows."""
    made, _ = pl.simulate_profiles(
        treatments=12, features=40, plates=3, active=1.0, mechanisms=4, effect=3.0, seed=3
    )
    made = made.reset_index()
    features = [name for name in made if not str(name).startswith("Metadata_")]
    return made.drop(columns=features), made[features]


def half(screen: tuple[pd.DataFrame, pd.DataFrame], which: int) -> pd.DataFrame:
    described, features = screen
    return pd.concat([described, features.iloc[:, which::2]], axis=1)


def bare(screen: tuple[pd.DataFrame, pd.DataFrame], values: np.ndarray) -> pd.DataFrame:
    """A table of plates, wells and an embedding."""
    table = pd.DataFrame(values).add_prefix("emb_")
    return pd.concat([screen[0][[PLATE, WELL]], table], axis=1)


def noise(screen: tuple[pd.DataFrame, pd.DataFrame], width: int) -> pd.DataFrame:
    # at two standard errors one draw of noise in forty is taken for a gain
    values = np.random.default_rng(5).normal(size=(len(screen[0]), width))
    return bare(screen, values)


@pytest.fixture(scope="module")
def fused(screen) -> pl.Result:
    return pl.fuse({"one": half(screen, 0), "two": half(screen, 1)}, score=False)


def test_the_table_has_a_row_a_well_and_says_that_it_is_not_for_scoring(screen, fused, tmp_path):
    assert len(fused.table) == len(screen[0])
    taken = {name.split("__")[0] for name in fused.table if "__" in name}
    shares = fused.more["blocks"].set_index("block")["share"]
    assert taken == set(shares[shares > 0].index) and shares.sum() == pytest.approx(1.0)
    card = fused.table.attrs[CARD]
    assert card["kind"] == "fusion" and card["preprocessing"]["note"].endswith("not for scoring")
    assert len(card["trained_on"]) == len(screen[0])
    path = fused.write(tmp_path / "fused.parquet")
    for given in (path, fused.table):
        for ask in (pl.activity, pl.match, pl.classify, pl.retrieve):
            with pytest.raises(pl.LeakError, match="fused on everything"):
                ask(given)
    with pytest.raises(pl.LeakError, match="It is not for scoring"):
        pl.fuse({"one": half(screen, 0), "again": path}, score=False)


def test_a_form_that_keeps_no_card_is_refused(fused, tmp_path):
    for name in ("fused.csv", "fused.xlsx"):
        with pytest.raises(pl.InputError, match=r"only Parquet keeps; name a file"):
            fused.write(tmp_path / name)
        assert not (tmp_path / name).exists()


@pytest.mark.parametrize("width", [2, 200])
def test_a_block_of_noise_changes_nothing(screen, width):
    alone = pl.fuse({"one": half(screen, 0), "two": noise(screen, width)}, score=False)
    assert alone.summary["fused"] == "one 1" and alone.summary["fell_back"]
    assert not [name for name in alone.table if name.startswith("two__")]
    codes = {found.code: found for found in alone.findings}
    assert codes["fused"].values["alone"]


def test_order_of_rows_and_scale_change_nothing(screen):
    values = screen[1].iloc[:, 1::2].to_numpy()
    tables = [bare(screen, values), bare(screen, 1e6 * values).sample(frac=1.0, random_state=1)]
    first, other = (pl.fuse({"one": half(screen, 0), "two": two}, score=False) for two in tables)
    assert first.summary["fused"] == other.summary["fused"]
    names = [name for name in first.table if "__" in name]
    np.testing.assert_allclose(first.table[names], other.table[names], atol=1e-3)


def test_the_same_block_twice_is_the_block(screen):
    found = pl.fuse({"one": half(screen, 0), "two": half(screen, 0)}, score=False)
    assert found.summary["fell_back"] and found.summary["held_out_gain"] == 0


def test_wells_that_a_block_lacks_are_named_and_counted(screen):
    two = noise(screen, 5)
    gone = two[[PLATE, WELL]].iloc[[3, 7]]
    two.loc[11, [name for name in two if name.startswith("emb_")]] = np.nan
    found = pl.fuse({"one": half(screen, 0), "two": two.drop(index=gone.index)}, score=False)
    missing = found.more["missing"]
    assert set(missing.loc[missing["why"] == "not-in-block", WELL]) == set(gone[WELL])
    assert (missing["why"] == "not-usable").sum() == 1
    assert found.summary["wells"] == len(screen[0]) - 3
    said = [str(one) for one in found.findings if one.code == "wells-missing-in-block"]
    assert any("2 wells are left out: block 'two' lacks them" in text for text in said)


def test_candidates_and_blocks_stand_beside_one_another(fused):
    candidates = fused.more["candidates"].set_index("candidate")
    others = {"equal-energy", "chosen", "late-scores", "late-ranks", "stacking"}
    assert set(candidates.index) == {"one", "two"} | others
    assert candidates.loc[fused.summary["best_block"], "gain"] == 0
    assert candidates["score"].between(0, 1).all()
    gain = candidates.loc["chosen", "gain"]
    assert gain == pytest.approx(fused.summary["held_out_gain"])


def test_whether_it_helps_is_asked_three_times_beside_noise(screen):
    found = pl.fuse({"one": half(screen, 0), "two": half(screen, 1)})
    compared = found.more["comparisons"]
    assert {"activity", "matching", "classification"} <= set(compared["task"])
    best = compared[~compared["b"].str.contains("noise")]
    assert set(best["b"]) <= {"one", "two"} and set(compared["a"]) == {"one+two"}
    assert compared["b"].str.contains(r"\+noise").any()
    assert (compared["won"] + compared["lost"] <= compared["n_clusters"]).all()
    activity = compared[compared["task"] == "activity"]
    assert activity["space_a"].str.endswith("blocks weighed on other compounds").all()
    shares = found.more["fusion"].groupby(["representation", "task", "part"])["share"].sum()
    np.testing.assert_allclose(shares, 1.0)


def test_with_permuted_labels_no_gain_is_claimed(screen):
    described, features = screen
    treated = np.flatnonzero(~described[CONTROL].astype(bool))
    mixed = described.copy()
    told = [name for name in described if name not in (PLATE, WELL, "Metadata_CellCount")]
    draw = np.random.default_rng(0).permutation(treated)
    mixed.loc[treated, told] = described.loc[draw, told].to_numpy()
    found = pl.fuse({"one": half((mixed, features), 0), "two": half((mixed, features), 1)})
    compared = found.more["comparisons"]
    asked = compared[compared["b"].isin(["one", "two"]) & (compared["task"] != "activity")]
    assert {"matching", "classification"} <= set(asked["task"])
    assert (asked["low"] <= 0).all() and (asked["p_holm"] > 0.05).all()


WRONG = {
    "one": (["only"], "fuse takes two representations or more; got 1"),
    "plus": (["a+b", "c"], "a name has no '\\+'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_fused_is_refused_in_one_line(screen, case):
    names, said = WRONG[case]
    tables = {name: half(screen, number) for number, name in enumerate(names)}
    with pytest.raises(pl.InputError, match=said) as error:
        pl.fuse(tables)
    assert "\n" not in str(error.value)


def test_tables_that_disagree_or_share_nothing_are_refused(screen):
    other = half(screen, 1)
    treated = np.flatnonzero(~other[CONTROL].astype(bool))
    swapped = other.copy()
    swapped.loc[treated[0], TREATMENT] = other.loc[treated[1], TREATMENT]
    with pytest.raises(pl.InputError, match=r"disagree about the treatment of 1 well"):
        pl.fuse({"one": half(screen, 0), "two": swapped}, score=False)
    elsewhere = noise(screen, 5)
    elsewhere[PLATE] = "Q" + elsewhere[PLATE].astype(str)
    with pytest.raises(pl.InputError, match="share no well"):
        pl.fuse({"one": half(screen, 0), "two": elsewhere}, score=False)
    empty = bare(screen, np.full((len(screen[0]), 4), np.nan))
    with pytest.raises(pl.InputError):
        pl.fuse({"one": half(screen, 0), "two": empty}, score=False)


def test_by_command(screen, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    half(screen, 0).to_parquet("one.parquet", index=False)
    noise(screen, 6).to_parquet("two.parquet", index=False)
    told = command("fuse", "one.parquet", "two.parquet", "--no-score", "-o", "fused.parquet")
    assert told.code == 0 and "one 1" in told.out and "not for scoring" in told.out
    assert len(pd.read_parquet("fused.parquet")) == len(screen[0])
    assert "not for scoring" in command("activity", "fused.parquet").refused()
    wrong = command("fuse", "one.parquet", "two.parquet", "-o", "fused.csv").refused()
    assert wrong.startswith("--output fused.csv: fused profiles say in the file")
    assert command("fuse", "one.parquet").refused().startswith("fuse takes two tables or more")
