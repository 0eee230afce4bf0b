"""Position alone is asked what the profiles are asked: it finds fixed layouts, and else chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens import profiles
from phenolens.evaluate.classification.baselines import POSITION
from phenolens.evaluate.classification.position_views import REACH, best_of_views, position_views
from phenolens.profiles import PLATE, TREATMENT, well_position
from phenolens.simulate.arrangements import SOUND, Arrangement, arrange
from phenolens.tools.activity import activity
from phenolens.tools.by_position import (
    activity_by_position,
    matching_by_position,
    retrieval_by_position,
)
from phenolens.tools.match import match
from phenolens.tools.read import read
from phenolens.tools.retrieve import retrieve


def screen(kind: str = SOUND, *, mechanisms: int = 5, **given: object) -> pd.DataFrame:
    """A layout with random features; mechanisms lie in rows where the treatments do."""
    shape = {"plates": 4, "replicates": 4, "wells": 96, "controls": "scattered per plate"}
    wells, _ = arrange(Arrangement(kind, **(shape | {"seed": 1} | given)))
    row = wells["Metadata_Well"].str[0].map(ord).where(~wells["Metadata_Control"])
    usual = row.groupby(wells["Metadata_Treatment"]).transform("median") // 1 % mechanisms
    values = np.random.default_rng(0).normal(size=(len(wells), 12))
    features = pd.DataFrame(values).add_prefix("Cells_Texture_")
    mechanism = usual.map(lambda n: None if np.isnan(n) else f"m{n:.0f}")
    return pd.concat([wells.assign(Metadata_Mechanism=mechanism), features], axis=1)


def told(result, metric: str, representation: str = POSITION) -> float:
    rows = result.scores
    rows = rows[(rows["metric"] == metric) & (rows["representation"] == representation)]
    (value,) = rows["value"]
    return value


@pytest.mark.parametrize(
    ("kind", "view"), [("same", "near"), ("rows", "row"), ("columns", "column"), ("edge", "edge")]
)
def test_each_layout_is_found_by_the_view_that_knows_it(kind, view):
    item = read(screen(kind, controls="scattered"), same_by=TREATMENT)
    for rows, summary in (activity_by_position(item, test=""), retrieval_by_position(item, PLATE)):
        assert view in summary["by"]
        assert {row["space"] for row in rows} == {f"row and column, by {summary['by']}"}
    known = {"same": 0.99, "rows": 0.7, "columns": 0.7, "edge": 0.15}
    assert summary["map_across_normalized_plate"] > known[kind]


def test_position_scores_chance_where_layouts_are_scrambled():
    found = []
    for seed in range(12):
        item = read(screen(seed=seed), same_by=TREATMENT)
        asked = item.settings.seed, retrieval_by_position(item, PLATE)[1]
        active = activity_by_position(item, test="")[1]
        assert active["fraction_active"] == 0
        found.append((active["mean_map_normalized"], asked[1]["map_across_normalized_plate"]))
    mean, spread = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / np.sqrt(len(found))
    assert (np.abs(mean) < 3 * spread + 0.01).all()
    assert (spread < 0.02).all()


def test_mechanisms_that_lie_together_are_matched_by_position():
    item = read(screen("rows", mechanisms=8), same_by=TREATMENT)
    how = {"label": "Metadata_Mechanism", "not_same": [], "near": {"nsc_accuracy": [TREATMENT]}}
    _, together = matching_by_position(item, item.consensus(), **how)
    mixed = item.consensus()
    labels = np.random.default_rng(0).permutation(profiles.column(mixed, "Metadata_Mechanism"))
    mixed = profiles.with_metadata(mixed, {"Metadata_Mechanism": labels})
    _, apart = matching_by_position(item, mixed, **how)
    assert together["mean_map_normalized"] > 0.6 > 0.1 > apart["mean_map_normalized"]
    assert together["nsc_accuracy"] > 0.8 > 0.35 > apart["nsc_accuracy"]
    assert together["fraction_matched"] == 1 > apart["fraction_matched"]


def test_the_questions_tell_it_beside_their_own_score():
    table = screen("rows")
    asked = {
        "mean_map_normalized": activity(table, permutations=99, same_by=TREATMENT),
        "map_across_normalized_plate": retrieve(table, across=PLATE, same_by=TREATMENT),
    }
    for metric, found in asked.items():
        own = told(found, metric, found.summary["representation"])
        assert told(found, metric) == found.summary["by_position"][metric] > own + 0.5
    matched = match(table, permutations=99, same_by=TREATMENT)
    assert (
        told(matched, "mean_map_normalized")
        == matched.summary["by_position"]["mean_map_normalized"]
    )
    for question in (activity, retrieve, match):
        bare = question(table, same_by=TREATMENT, baselines=False)
        assert POSITION not in set(bare.scores["representation"])
        assert "by_position" not in bare.summary


def test_the_position_safe_test_has_position_beside_its_plain_share_only():
    table = screen("same", wells=384, controls="scattered", plates=3, replicates=3)
    found = activity(table, same_by=TREATMENT, permutations=999)
    assert found.summary["test"] == "position-safe"
    assert told(found, "fraction_active_plain") == 1
    rows = found.scores[found.scores["representation"] == POSITION]
    assert set(rows["metric"]) == {"fraction_active_plain"}


def test_near_is_as_similar_as_positions_are_close():
    table = profiles.from_frame(screen())
    near = position_views(table)["near"].to_numpy()
    place = well_position(profiles.column(table, "Metadata_Well"))
    squared = ((place[:, None] - place[None]) ** 2).sum(axis=2)
    assert np.allclose(near @ near.T, np.exp(-squared / REACH**2 / 2))


@pytest.mark.parametrize("view", ["row", "column", "edge"])
def test_other_views_know_one_thing(view):
    table = profiles.from_frame(screen())
    values = position_views(table)[view].to_numpy()
    row, column = well_position(profiles.column(table, "Metadata_Well")).T
    edge = np.minimum(np.minimum(row, 7 - row), np.minimum(column, 11 - column)).clip(max=2)
    known = {"row": row, "column": column, "edge": edge}[view]
    assert (values @ values.T == (known[:, None] == known[None])).all()


def test_a_view_is_taken_for_what_it_scores_on_the_other_half():
    """Views that are noise gain nothing by being the best of four."""
    table = profiles.from_frame(screen())
    rng = np.random.default_rng(0)
    means = []
    for seed in range(400):
        answers = iter(rng.normal(size=(4, 10)))
        found = best_of_views(
            table.iloc[:20], lambda _, a=answers: pd.DataFrame({"v": next(a)}), score="v", seed=seed
        )
        assert len(found) == 10 and found["view"].nunique() <= 2
        means.append(found["v"].mean())
    assert abs(np.mean(means)) < 3 * np.std(means) / 20


def test_one_unit_alone_has_the_first_view():
    table = profiles.from_frame(screen())
    found = best_of_views(
        table, lambda view: pd.DataFrame({"v": [view.shape[1]]}), score="v", seed=0
    )
    assert found["view"].tolist() == ["near"]
    assert found["v"].tolist() == [96]
