"""The law of order: before the split only controls speak; what learns, learns inside the fold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from phenolens import profiles
from phenolens.evaluate.classification.baselines import baselines
from phenolens.evaluate.classification.classification import Candidate, classify
from phenolens.learn.components import Components
from phenolens.learn.fuse import BlockFusion, join_blocks
from phenolens.learn.gaussian import RankGaussian
from phenolens.learn.metric import WithinClass
from phenolens.learn.nearest import NearestProfile
from phenolens.learn.select import FeatureSelector
from phenolens.learn.whiten import Whitener
from phenolens.normalize.cell_count import remove_cell_count
from phenolens.normalize.clean import fill_missing
from phenolens.normalize.position import remove_position
from phenolens.normalize.scale import calibrate, robust_scale
from phenolens.normalize.tvn import tvn
from phenolens.splits import control_roles, make_folds

LABEL = "Metadata_Treatment"


def screen(
    *,
    n_plates: int = 4,
    n_treated: int = 30,
    n_controls: int = 12,
    n_features: int = 20,
    seed: int = 0,
) -> pd.DataFrame:
    """Noise on replicate plates with scrambled layouts: ten treatments and DMSO."""
    rng = np.random.default_rng(seed)
    n = n_treated + n_controls
    wells = [f"{'ABCDEFGH'[i // 12]}{i % 12 + 1:02d}" for i in range(n)]
    names = np.array([f"t{i % 10}" for i in range(n_treated)] + ["DMSO"] * n_controls)
    frame = pd.DataFrame(rng.normal(size=(n_plates * n, n_features))).add_prefix("f")
    frame["Metadata_Plate"] = np.repeat([f"P{i}" for i in range(n_plates)], n)
    frame["Metadata_Well"] = wells * n_plates
    frame[LABEL] = np.concatenate([rng.permutation(names) for _ in range(n_plates)])
    frame["Metadata_Control"] = frame[LABEL] == "DMSO"
    frame["Metadata_CellCount"] = rng.integers(50, 300, len(frame))
    return profiles.from_frame(frame)


def controls_of(table: pd.DataFrame) -> np.ndarray:
    return profiles.column(table, "Metadata_Control").astype(bool)


def roles_of(table: pd.DataFrame) -> np.ndarray:
    return control_roles(profiles.metadata(table), seed=0).to_numpy()


def with_holes(table: pd.DataFrame) -> pd.DataFrame:
    values = table.to_numpy(copy=True)
    values[::7, 3] = np.nan
    return pd.DataFrame(values, index=table.index, columns=table.columns)


BEFORE_THE_SPLIT = {
    "robust_scale": lambda t: robust_scale(t, controls_of(t))[0],
    "robust_scale, pooled": lambda t: robust_scale(t, controls_of(t), spread_by=())[0],
    "calibrate": lambda t: calibrate(t, roles_of(t))[0],
    "remove_position": lambda t: remove_position(t, controls_of(t))[0],
    "remove_cell_count": lambda t: remove_cell_count(t, controls_of(t))[0],
    "tvn": lambda t: tvn(t, controls_of(t), n_components=8)[0],
    "tvn, shrunk": lambda t: tvn(t, controls_of(t), n_components=8, shrinkage=None)[0],
    "fill_missing": lambda t: fill_missing(with_holes(t), controls_of(t))[0],
}


@pytest.mark.parametrize("name", BEFORE_THE_SPLIT)
def test_only_controls_speak_before_the_split(name):
    """Changing treated wells changes nothing for any other well."""
    table, step = screen(), BEFORE_THE_SPLIT[name]
    loud = np.flatnonzero(~controls_of(table))[::2]
    values = table.to_numpy(copy=True)
    values[loud] = 1000 * np.random.default_rng(1).normal(size=values[loud].shape)
    changed = pd.DataFrame(values, index=table.index, columns=table.columns)
    quiet = np.setdiff1d(np.arange(len(table)), loud)
    left, right = step(table).iloc[quiet], step(changed).iloc[quiet]
    pd.testing.assert_frame_equal(left, right, check_exact=True)


@pytest.mark.parametrize("name", ["robust_scale", "calibrate", "fill_missing"])
def test_a_plate_is_calibrated_by_nobody_else(name):
    table, step = screen(), BEFORE_THE_SPLIT[name]
    own = profiles.column(table, "Metadata_Plate") == "P1"
    values = table.to_numpy(copy=True)
    values[~own] *= 50
    changed = pd.DataFrame(values, index=table.index, columns=table.columns)
    pd.testing.assert_frame_equal(step(table)[own], step(changed)[own], check_exact=True)


@pytest.mark.parametrize("name", BEFORE_THE_SPLIT)
def test_every_row_keeps_its_key_and_order(name):
    table = screen()
    out = BEFORE_THE_SPLIT[name](table)
    for level in table.index.names:
        np.testing.assert_array_equal(profiles.column(out, level), profiles.column(table, level))


@pytest.mark.parametrize("name", BEFORE_THE_SPLIT)
def test_row_order_does_not_matter(name):
    table = screen()
    order = np.random.default_rng(2).permutation(len(table))
    step = BEFORE_THE_SPLIT[name]
    if name == "fill_missing":
        table = with_holes(table)
        step = lambda t: fill_missing(t, controls_of(t))[0]  # noqa: E731
    straight, shuffled = step(table), step(table.iloc[order])
    np.testing.assert_allclose(
        shuffled.to_numpy(), straight.to_numpy()[order], rtol=2e-5, atol=2e-6
    )


LEARNERS = {
    "select": FeatureSelector(),
    "components": Components(n_components=5),
    "whiten on controls": Whitener(fit_on="controls"),
    "whiten on all": Whitener(),
    "whiten, shrunk": Whitener(shrinkage="ledoit-wolf"),
    "components of controls": Whitener(method="pca-cor", fit_on="controls"),
    "ranks": RankGaussian(),
    "chain": make_pipeline(FeatureSelector(), Components(n_components=6), Whitener()),
}


@pytest.mark.parametrize("name", LEARNERS)
def test_held_out_rows_do_not_reach_what_is_learned(name):
    table, learner = screen(), LEARNERS[name]
    train, test = np.arange(100), np.arange(100, len(table))
    held = profiles.take(table, test)
    alone = [learner.fit(profiles.take(table, train)).transform(held.iloc[[i]]) for i in range(5)]
    together = learner.transform(held).iloc[:5]
    np.testing.assert_allclose(pd.concat(alone), together, rtol=1e-4, atol=1e-5)


def test_a_learned_metric_reads_neither_held_out_wells_nor_their_treatments():
    table = screen()
    names = profiles.column(table, LABEL).astype(str)
    train, test = table.iloc[:100], table.iloc[100:]
    metric = WithinClass().fit(train, names[:100])
    alone = [metric.transform(test.iloc[[i]]) for i in range(5)]
    np.testing.assert_allclose(pd.concat(alone), metric.transform(test).iloc[:5], atol=1e-5)
    scored = {}
    for loud in (1.0, 1e3):
        told = table.copy()
        told.iloc[100:] *= loud
        fitted = make_pipeline(Components(n_components=6), WithinClass())
        scored[loud] = fitted.fit(told.iloc[:100], names[:100]).transform(train)
    pd.testing.assert_frame_equal(scored[1.0], scored[1e3], check_exact=True)


@pytest.mark.parametrize("directions", ["all", "between"])
def test_a_learned_metric_inside_the_fold_finds_nothing_in_noise(directions):
    """Learned on the wells it is judged by, the same metric would tell noise apart."""
    inside, outside = [], []
    for seed in range(3):
        table = screen(n_treated=40, n_features=120, seed=seed)
        treated = profiles.take(table, ~controls_of(table))
        metric = WithinClass(directions=directions, shrinkage="fixed")
        inside.append(accuracy(treated, metric))
        names = profiles.column(treated, LABEL).astype(str)
        outside.append(accuracy(metric.fit(treated, names).transform(treated), StandardScaler()))
    assert np.mean(inside) == pytest.approx(0.10, abs=0.05)
    assert np.mean(outside) > 0.3


def accuracy(table: pd.DataFrame, pipeline: object, *, seed: int = 0) -> float:
    folds = make_folds(profiles.metadata(table), label=LABEL, seed=0)
    heads = {"nearest": NearestProfile()}
    given = classify(
        [Candidate("x", table, pipeline)], folds, seed=seed, heads=heads, n_bootstrap=5
    )
    told = given.predictions
    return float(told.loc[~told["control"], "correct"].mean())


def test_supervised_selection_inside_the_fold_finds_nothing_in_noise():
    """Selected before the split the same features would score far above chance (0.10)."""
    inside, outside = [], []
    for seed in range(3):
        table = screen(n_features=5000, n_treated=40, seed=seed)
        treated = profiles.take(table, ~controls_of(table))
        best = SelectKBest(f_classif, k=60)
        inside.append(accuracy(treated, SelectKBest(f_classif, k=60)))
        names = best.fit(treated, profiles.column(treated, LABEL)).get_feature_names_out()
        outside.append(accuracy(treated[names], StandardScaler()))
    assert np.mean(inside) == pytest.approx(0.10, abs=0.04)
    assert np.mean(outside) > 0.3


def test_permuted_labels_score_chance():
    """Real differences, labels permuted over the treated wells: nothing is left to recognise."""
    table = screen(n_treated=40)
    shift = np.random.default_rng(3).normal(size=(10, 20))
    names = profiles.column(table, LABEL).astype(str)
    values = table.to_numpy(copy=True)
    for k in range(10):
        values[names == f"t{k}"] += 2 * shift[k]
    strong = pd.DataFrame(values, index=table.index, columns=table.columns)
    treated = np.flatnonzero(~controls_of(table))
    mixed = names.astype(object)
    mixed[treated] = np.random.default_rng(4).permutation(mixed[treated])
    assert accuracy(strong, Components()) > 0.8
    assert accuracy(profiles.with_metadata(strong, {LABEL: mixed}), Components()) < 0.2


def test_fusion_learns_nothing_from_held_out_rows():
    table = screen()
    joined, blocks, _ = join_blocks({"a": table, "b": table * 100})
    fusion = BlockFusion(blocks, steps=Components(n_components=3))
    loud = joined.copy()
    loud.iloc[100:] *= 1e4
    left = fusion.fit(joined.iloc[:100]).transform(joined.iloc[:100])
    right = fusion.fit(loud.iloc[:100]).transform(joined.iloc[:100])
    pd.testing.assert_frame_equal(left, right)


def everything(table: pd.DataFrame) -> bytes:
    folds = make_folds(profiles.metadata(table), label=LABEL, seed=7)
    scaled, _ = calibrate(table, control_roles(profiles.metadata(table), seed=7).to_numpy())
    pipeline = make_pipeline(FeatureSelector(), Components())
    candidates = [Candidate("x", scaled, pipeline), *baselines(scaled, seed=7)]
    given = classify(candidates, folds, seed=7, n_bootstrap=50)
    return given.results.to_csv().encode() + given.predictions.to_csv().encode()


def test_same_seed_same_bytes():
    table = screen()
    assert everything(table) == everything(table)


def test_scores_do_not_depend_on_the_order_of_rows():
    table = screen(n_treated=40)
    shuffled = table.iloc[np.random.default_rng(5).permutation(len(table))]
    assert accuracy(table, Components()) == accuracy(shuffled, Components())
