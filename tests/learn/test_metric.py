"""The metric learned from replicates, against its definition and scikit-learn's discriminant."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.covariance import LedoitWolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from phenolens.errors import InputError
from phenolens.learn.metric import WithinClass


def wells(
    *, classes: int = 6, each: int = 30, p: int = 8, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Classes with centres, and noise that is loud in directions of its own."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([f"t{k}" for k in range(classes)], each)
    centres = rng.normal(size=(classes, p)).repeat(each, axis=0)
    noise = rng.normal(size=(len(labels), p)) * np.geomspace(0.3, 6, p)
    return centres + noise @ np.linalg.qr(rng.normal(size=(p, p)))[0], labels


def within(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    means = np.stack([values[labels == label].mean(axis=0) for label in labels])
    return (values - means).T @ (values - means) / (len(labels) - len(set(labels)))


def test_wells_of_a_class_come_out_with_unit_covariance():
    values, labels = wells()
    metric = WithinClass(shrinkage="fixed", regularization=0.0)
    out = metric.fit(values, labels).transform(values)
    np.testing.assert_allclose(within(out, labels), np.eye(8), atol=1e-8)
    inverse = np.linalg.inv(within(values, labels))
    np.testing.assert_allclose(metric.metric_ @ metric.metric_.T, inverse, rtol=1e-6, atol=1e-8)


def test_the_discriminant_is_scikit_learns():
    values, labels = wells()
    own = WithinClass(directions="between", shrinkage="fixed", regularization=0.0)
    ours = own.fit(values, labels).transform(values)
    theirs = LinearDiscriminantAnalysis(solver="svd").fit(values, labels).transform(values)
    assert ours.shape == theirs.shape == (180, 5)
    # It divides the scatter within classes by all rows, ours by rows less classes.
    np.testing.assert_allclose(pdist(ours), pdist(theirs) * np.sqrt(174 / 180), rtol=1e-6)


def test_shrinkage_is_ledoit_and_wolfs_of_what_is_left_within_classes():
    values, labels = wells(classes=10, each=3, p=40)
    metric = WithinClass().fit(values, labels).metric_
    means = np.stack([values[labels == label].mean(axis=0) for label in labels])
    peer = LedoitWolf(assume_centered=True).fit(values - means)
    inverse = np.linalg.inv(peer.covariance_ * 30 / 20)
    np.testing.assert_allclose(metric @ metric.T, inverse, rtol=1e-6)


def test_wells_that_were_not_learned_from_find_their_class_more_often():
    found = {}
    values, labels = wells(classes=12, each=8, p=20)
    train = np.arange(len(labels)) % 8 < 4
    for name, metric in (("plain", None), ("learned", WithinClass())):
        space = values if metric is None else metric.fit(values[train], labels[train]).transform(
            values
        )  # fmt: skip
        apart = np.linalg.norm(space[~train][:, None] - space[train][None], axis=2)
        found[name] = (labels[train][apart.argmin(axis=1)] == labels[~train]).mean()
    assert found["learned"] > found["plain"] + 0.1


@pytest.mark.parametrize("directions", ["all", "between"])
def test_a_constant_feature_and_classes_of_one_well(directions):
    values, labels = wells(each=4)
    values[:, 2] = 5.0
    labels[:3] = ["alone", "alone too", "and this"]
    out = WithinClass(directions=directions).fit(values, labels).transform(values)
    assert np.isfinite(out).all()


def test_what_cannot_be_learned_from_is_refused():
    values, labels = wells()
    with pytest.raises(InputError, match="none has replicates"):
        WithinClass().fit(values[:5], list("abcde"))
    with pytest.raises(ValueError, match="requires y"):
        WithinClass().fit(values)
    with pytest.raises(InputError, match="180 rows, but 3"):
        WithinClass().fit(values, labels[:3])
    with pytest.raises(InputError, match="all or between"):
        WithinClass(directions="some").fit(values, labels)
