"""Classification: strong effects are found, noise scores chance, baselines tell what they know."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.pipeline import make_pipeline

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.evaluate.classification import baselines as base
from phenolens.evaluate.classification.calibration import (
    calibration_error,
    calibration_results,
    conformal_sets,
)
from phenolens.evaluate.classification.classification import Candidate, classify
from phenolens.evaluate.classification.scores import class_scores, ranks
from phenolens.evaluate.results import COLUMNS, join_results
from phenolens.learn.components import Components
from phenolens.splits import make_folds
from phenolens.stats.intervals import bootstrap_weights

from .replicate_screens import replicate_screen

LABEL = "Metadata_Treatment"


def candidate(table: pd.DataFrame, name: str = "features") -> Candidate:
    return Candidate(name, table, make_pipeline(Components(standardize=True)))


def folds_of(table: pd.DataFrame, **how: object):
    return make_folds(profiles.metadata(table), label=LABEL, seed=0, **how)


def value(results: pd.DataFrame, metric: str, task: str = "classification: logistic", **where):
    part = results[(results["metric"] == metric) & (results["task"] == task)]
    for column, wanted in ({"fold": "all"} | where).items():
        part = part[part[column] == wanted]
    assert len(part) == 1
    return part["value"].iloc[0]


def test_strong_effects_are_recognised_on_plates_left_out():
    table = replicate_screen(3.0)
    given = classify([candidate(table)], folds_of(table), seed=0, n_bootstrap=200)
    assert value(given.results, "accuracy") > 0.85
    assert value(given.results, "accuracy", "classification: nearest") > 0.8
    assert value(given.results, "accuracy_without_controls") > 0.75
    assert list(given.results.columns) == list(COLUMNS)
    pooled = given.results[given.results["fold"] == "all"]
    scored = pooled[pooled["metric"].isin(["accuracy", "macro_f1"])]
    assert (scored["low"] <= scored["value"]).all() and (scored["value"] <= scored["high"]).all()
    assert set(given.results["fold"]) == {"all", "0", "1", "2", "3"}
    assert (given.results["split"] == "plate").all()


def test_chance_counts_the_wells_and_classes_of_the_table():
    table = replicate_screen(0.0)
    folds = folds_of(table)
    treated = table[~profiles.is_control(table)]
    row = base.chance(treated.iloc[1:], folds).iloc[0]
    assert row["n"] == len(treated) - 1
    assert row["value"] == pytest.approx(1 / 12)


def test_noise_scores_what_the_baselines_score():
    table = replicate_screen(0.0)
    folds = folds_of(table)
    given = classify(
        [candidate(table), *base.baselines(table, seed=0)], folds, seed=0, n_bootstrap=200
    )
    treated = value(given.results, "accuracy_without_controls", representation="features")
    assert treated < 0.2
    majority = value(given.results, "accuracy", "classification", representation=base.MAJORITY)
    assert majority == pytest.approx(0.5)
    assert base.chance(table, folds)["value"].iloc[0] == pytest.approx(1 / 13)
    assert {base.MAJORITY, base.POSITION, base.COUNT, base.PROJECTION} < set(
        given.results["representation"]
    )


def test_position_baseline_finds_out_a_fixed_layout():
    fixed, free = (replicate_screen(0.0, scramble=s) for s in (False, True))
    scores = [
        value(
            classify(base.baselines(t, seed=0)[1:2], folds_of(t), seed=0, n_bootstrap=10).results,
            "accuracy_without_controls",
            "classification",
        )
        for t in (fixed, free)
    ]
    assert scores[0] == 1.0
    assert scores[1] < 0.35


def test_shuffled_labels_leave_nothing():
    table = replicate_screen(3.0)
    shuffled = base.shuffled(candidate(table))
    given = classify([shuffled], folds_of(table), seed=0, n_bootstrap=10)
    assert value(given.results, "accuracy_without_controls", "classification: nearest") < 0.25


def test_intensity_baseline_uses_mean_intensities_only():
    table = replicate_screen(0.0)
    table = table.rename(columns={"Cells_Texture_0": "Cells_Intensity_MeanIntensity_DNA"})
    found = {c.name: c for c in base.baselines(table, seed=0)}[base.INTENSITY]
    assert list(found.table.columns) == ["Cells_Intensity_MeanIntensity_DNA"]


def test_training_gap_is_reported_by_fold_and_pooled():
    table = replicate_screen(0.0)
    given = classify([candidate(table)], folds_of(table), seed=0, n_bootstrap=10)
    task = "classification: nearest"
    gap = value(given.results, "train_test_gap", task)
    assert value(given.results, "train_accuracy", task) == 1.0
    assert gap == pytest.approx(1.0 - value(given.results, "accuracy", task))


def test_a_pipeline_with_its_own_classifier_is_scored_as_it_is():
    table = replicate_screen(0.0)
    own = Candidate("own", table, DummyClassifier(strategy="prior"))
    given = classify([own], folds_of(table), seed=0, n_bootstrap=10)
    assert set(given.results["task"]) == {"classification"}


def test_each_fold_is_scored_with_the_block_it_fitted_matched_by_key():
    """The pooled table is noise; only the folds' own blocks, in another row order, know."""
    noise, strong = replicate_screen(0.0), replicate_screen(3.0)
    noise = pd.DataFrame(noise.to_numpy(), index=strong.index, columns=strong.columns)
    folds = folds_of(strong)
    blocks = {f: strong.sample(frac=1, random_state=f) for f in range(folds.n_folds)}
    learned = Candidate("cnn", noise, Components(standardize=True), by_fold=blocks)
    blind = Candidate("blind", noise, Components(standardize=True))
    given = classify([learned, blind], folds, seed=0, n_bootstrap=10).results
    scores = [value(given, "accuracy_without_controls", representation=n) for n in ("cnn", "blind")]
    assert scores[0] > 0.75
    assert scores[1] < 0.2


def test_a_fold_block_without_all_wells_is_refused():
    table = replicate_screen()
    learned = Candidate("cnn", table, Components(), by_fold={0: table.iloc[5:]})
    with pytest.raises(InputError, match="fold 0 lacks 5"):
        classify([learned], folds_of(table), seed=0, n_bootstrap=10)


def test_several_rows_of_one_well_are_refused():
    table = replicate_screen()
    twice = pd.concat([table, table])
    with pytest.raises(InputError, match="share a key"):
        classify([candidate(twice)], folds_of(table), seed=0)


def test_a_candidate_without_tested_wells_is_refused():
    table = replicate_screen()
    folds = folds_of(table)
    lonely = profiles.take(table, profiles.column(table, "Metadata_Plate") == "P0")
    with pytest.raises(DesignError, match="no well that the folds can test"):
        classify([candidate(lonely)], folds, seed=0)


def test_scores_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    truth, told = rng.choice(list("abcde"), 200), rng.choice(list("abcd"), 200)
    rank = np.where(truth == told, 0, rng.integers(1, 9, 200))
    found = class_scores(truth, told, rank, weights=np.ones((1, 200)))
    assert found["balanced_accuracy"][0] == pytest.approx(balanced_accuracy_score(truth, told))
    f1 = f1_score(truth, told, average="macro", zero_division=0)
    assert found["macro_f1"][0] == pytest.approx(f1)
    assert found["accuracy"][0] == pytest.approx(np.mean(truth == told))
    assert found["top5_accuracy"][0] == pytest.approx(np.mean(rank < 5))


def test_weights_count_wells_as_often_as_drawn():
    rng = np.random.default_rng(1)
    truth, told = rng.choice(list("abc"), 30), rng.choice(list("abc"), 30)
    draw = bootstrap_weights(30, n_draws=1, seed=3)[1:]
    rows = np.repeat(np.arange(30), draw[0].astype(int))
    left = class_scores(truth, told, np.zeros(30), weights=draw)
    right = class_scores(truth[rows], told[rows], np.zeros(30), weights=np.ones((1, 30)))
    for name in left:
        assert left[name][0] == pytest.approx(right[name][0])


def test_tied_scores_share_their_place():
    assert ranks(np.array([[0.1, 0.1, 0.1, 0.9]]), np.array([0])).tolist() == [2]


def test_results_join_in_one_order():
    table = replicate_screen()
    given = classify([candidate(table)], folds_of(table), seed=0, n_bootstrap=10).results
    parts = [given.iloc[::2], given.iloc[1::2]]
    pd.testing.assert_frame_equal(join_results(parts), join_results(parts[::-1]))


def test_calibration_error_is_zero_when_confidence_is_accuracy():
    correct = np.arange(100) % 4 != 0
    assert calibration_error(np.full(100, 0.75), correct) == pytest.approx(0)
    assert calibration_error(np.full(100, 0.95), correct) == pytest.approx(0.2)


def test_conformal_sets_cover_what_they_promise():
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.full(6, 0.4), size=3000)
    truth = np.array([rng.choice(6, p=row) for row in shares])
    frame = pd.DataFrame(shares, columns=list("abcdef"))
    labels = np.array(list("abcdef"))[truth]
    sets = conformal_sets(frame, labels, folds=np.arange(3000) % 5, alpha=0.1)
    assert sets["covered"].mean() == pytest.approx(0.9, abs=0.02)
    assert 1 < sets["size"].mean() < 6


def test_too_few_wells_promise_nothing_and_return_every_class():
    frame = pd.DataFrame(np.full((4, 3), 1 / 3), columns=list("abc"))
    sets = conformal_sets(frame, np.array(list("abca")), folds=np.array([0, 0, 1, 1]), alpha=0.1)
    assert (sets["size"] == 3).all()


def test_calibration_rows_cover_every_readout_with_probabilities():
    table = replicate_screen(1.0)
    given = classify([candidate(table)], folds_of(table), seed=0, n_bootstrap=10)
    rows = calibration_results(given, split="plate", seed=0, n_bootstrap=50)
    assert set(rows["task"]) == {"classification: logistic"}
    coverage = rows.loc[rows["metric"] == "conformal_coverage", "value"].iloc[0]
    assert coverage > 0.8
