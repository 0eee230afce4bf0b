"""Whitening does what its definition says, also where there are more features than rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pycytominer.operations import Spherize
from sklearn.covariance import LedoitWolf

from phenolens.errors import InputError
from phenolens.learn.components import Components
from phenolens.learn.whiten import METHODS, SHRINKAGES, Whitener


def table(n: int = 300, p: int = 10, *, n_controls: int = 100) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(n, p)) @ rng.normal(size=(p, p)) + 5
    index = pd.MultiIndex.from_arrays([np.arange(n) < n_controls], names=["Metadata_Control"])
    return pd.DataFrame(values, index=index, columns=[f"f{i}" for i in range(p)])


@pytest.mark.parametrize("method", METHODS)
def test_controls_come_out_white_without_regularization(method):
    data = table()
    white = Whitener(method=method, fit_on="controls", regularization=0.0).fit_transform(data)
    np.testing.assert_allclose(np.cov(white[:100].T), np.eye(10), atol=1e-8)
    np.testing.assert_allclose(white[:100].mean(axis=0), 0, atol=1e-10)


@pytest.mark.parametrize("shape", [(300, 10), (30, 80)])
@pytest.mark.parametrize("regularization", [1e-3, 0.1, 10.0])
def test_covariance_is_shrunk_as_defined(shape, regularization):
    data = table(*shape, n_controls=shape[0])
    white = Whitener(method="zca", regularization=regularization)
    out = white.fit(data).transform(data)
    values, vectors = np.linalg.eigh(np.cov(data.T))
    expected = vectors * (np.maximum(values, 0) / (np.maximum(values, 0) + regularization))
    np.testing.assert_allclose(np.cov(out.T), expected @ vectors.T, atol=1e-6)


def test_zca_cor_stays_close_to_the_standardised_features():
    data = table()
    white = Whitener(method="zca-cor", regularization=0.0).fit_transform(data)
    cross = [np.corrcoef(white[c], data[c])[0, 1] for c in data]
    assert min(cross) > 0.3
    assert np.mean(cross) > 0.6


def test_only_controls_speak_when_asked():
    data, other = table(), table()
    other.iloc[100:] = 99.0
    left = Whitener(fit_on="controls").fit(data).whitening_
    np.testing.assert_array_equal(left, Whitener(fit_on="controls").fit(other).whitening_)


def test_rank_deficiency_without_regularization_is_refused():
    with pytest.raises(InputError, match="regularization above 0"):
        Whitener(regularization=0.0).fit(table(20, 40))


def test_controls_are_needed_to_fit_on_controls():
    with pytest.raises(InputError, match="Metadata_Control"):
        Whitener(fit_on="controls").fit(table().to_numpy())
    with pytest.raises(InputError, match="at least 2 control rows"):
        Whitener(fit_on="controls").fit(table(n_controls=1))


SPHERIZE = {"zca": "ZCA", "zca-cor": "ZCA-cor", "pca": "PCA", "pca-cor": "PCA-cor"}


@pytest.mark.parametrize("method", METHODS)
def test_pycytominer_whitens_the_same(method):
    """Signs of components are nobody's; its epsilon widens singular values, so it is 0 here."""
    data = table()
    peer = Spherize(method=SPHERIZE[method], epsilon=0.0).fit(data).transform(data)
    ours = Whitener(method=method, regularization=0.0).fit(data).transform(data)
    theirs, own = peer.to_numpy(), ours.to_numpy()
    if method.startswith("pca"):
        theirs, own = np.abs(theirs), np.abs(own)
    np.testing.assert_allclose(own, theirs, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("shape", [(300, 10), (30, 80)])
def test_ledoit_and_wolfs_shrinkage_is_scikit_learns(shape):
    data = table(*shape, n_controls=shape[0])
    white = Whitener(method="zca", shrinkage="ledoit-wolf").fit(data)
    peer = LedoitWolf().fit(data)
    assert white.shrunk_ == pytest.approx(peer.shrinkage_)
    inverse = white.whitening_ @ white.whitening_.T
    own = peer.covariance_ * len(data) / (len(data) - 1)  # ours divides by n - 1
    np.testing.assert_allclose(inverse @ own, np.eye(shape[1]), atol=1e-6)


def test_zca_and_pca_of_one_covariance_differ_by_a_turn_only():
    data = table()
    for way in ("", "-cor"):
        zca, pca = (Whitener(method=f"{m}{way}").fit(data).transform(data) for m in ("zca", "pca"))
        np.testing.assert_allclose(zca @ zca.T, pca @ pca.T, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shrinkage", SHRINKAGES)
def test_a_constant_feature_is_left_at_nothing(method, shrinkage):
    data = table().assign(f3=7.0)
    white = Whitener(method=method, shrinkage=shrinkage).fit(data).transform(data)
    assert np.isfinite(white.to_numpy()).all()
    if method.startswith("zca"):
        assert np.abs(white["f3"]).max() < 1e-6


def test_unknown_settings_are_refused():
    with pytest.raises(InputError, match="method is one of"):
        Whitener(method="sphere").fit(table())
    with pytest.raises(InputError, match="fixed or ledoit-wolf"):
        Whitener(shrinkage="much").fit(table())
    with pytest.raises(InputError, match="fit_on"):
        Components(fit_on="some").fit(table())


def test_components_explain_the_share_asked_for():
    data = table()
    kept = Components(n_components=0.9).fit(data)
    assert kept.explained_.sum() >= 0.9
    assert kept.explained_[:-1].sum() < 0.9
    full = np.var(data.to_numpy(), axis=0).sum()
    assert kept.transform(data).var(axis=0, ddof=0).sum() / full == pytest.approx(
        kept.explained_.sum()
    )
