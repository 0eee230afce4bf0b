"""Readouts: the tuned logistic regression and the nearest profile."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from phenolens.learn.logistic import LogisticPath, inner_folds
from phenolens.learn.nearest import NearestProfile, hub_corrected


def classes(n: int = 300, p: int = 8, c: int = 6, *, effect: float = 1.0):
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(n) % c)
    return rng.normal(size=(n, p)) + effect * rng.normal(size=(c, p))[y], y.astype(str)


def test_one_penalty_gives_scikit_learns_solution():
    X, y = classes()
    ours = LogisticPath(penalties=[0.01], tol=1e-12, max_iter=2000).fit(X, y)
    scaled = (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0).mean())
    theirs = LogisticRegression(C=1 / (0.01 * len(X)), tol=1e-10, max_iter=5000).fit(scaled, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(scaled), atol=2e-3)


def test_weak_signals_get_strong_penalties():
    strong, weak = (LogisticPath().fit(*classes(effect=e)) for e in (3.0, 0.0))
    assert weak.penalty_ > strong.penalty_


def test_inner_folds_follow_the_unit():
    X, y = classes()
    index = pd.MultiIndex.from_arrays([np.arange(300) // 100], names=["Metadata_Plate"])
    inner = inner_folds(pd.DataFrame(X, index=index), y, unit="Metadata_Plate", n=3)
    np.testing.assert_array_equal(inner, np.arange(300) // 100)


def test_a_rare_class_in_one_inner_fold_does_not_break_tuning():
    X, y = classes()
    y[0] = "only once"
    model = LogisticPath().fit(X, y)
    assert np.isfinite(model.inner_losses_).all()
    assert "only once" in model.classes_


def test_same_data_same_weights():
    X, y = classes()
    left, right = (LogisticPath().fit(X, y).coef_ for _ in range(2))
    np.testing.assert_array_equal(left, right)


def test_nearest_profile_ranks_classes_by_their_closest_row():
    X = np.array([[1.0, 0], [0, 1], [1, 1], [0, 0]])
    model = NearestProfile().fit(X, ["a", "b", "c", "c"])
    np.testing.assert_allclose(
        model.scores(np.array([[2.0, 0], [0, 0]])), [[1, 0, np.sqrt(0.5)], [0, 0, 0]], atol=1e-12
    )
    assert model.predict(np.array([[3.0, 0.1]])) == ["a"]


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="Only one class"):
        LogisticPath().fit(np.eye(4), ["a"] * 4)


def test_hub_correction_takes_a_rows_popularity_from_it():
    similar = np.array([[1, 0.8, 0.7, 0.7], [0.8, 1, 0.6, 0], [0.7, 0.6, 1, 0], [0.7, 0, 0, 1.0]])
    fair = hub_corrected(similar, n_neighbors=3)
    np.testing.assert_allclose(fair, fair.T)
    others = np.where(np.eye(4, dtype=bool), -9, similar)[1:].argmax(axis=1)
    assert others.tolist() == [0, 0, 0]
    assert np.where(np.eye(4, dtype=bool), -9, fair)[2].argmax() == 1


@pytest.mark.parametrize("readout", [LogisticPath(), NearestProfile()])
def test_classes_of_one_well_each_are_learned_without_a_warning(readout):
    X = np.random.default_rng(0).normal(size=(20, 3))
    readout.fit(X, np.arange(20))
    assert list(readout.classes_) == list(range(20))
    with pytest.raises(ValueError, match="continuous"):
        readout.fit(X, X[:, 0])
