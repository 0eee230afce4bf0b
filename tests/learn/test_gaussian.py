"""The inverse normal transform, against its formula."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm, rankdata
from sklearn.preprocessing import QuantileTransformer

from phenolens.learn.gaussian import RankGaussian


def test_training_rows_follow_bloms_formula_with_shared_ranks():
    values = np.array([[3.0, 1.0], [1.0, 1.0], [2.0, 5.0], [9.0, 1.0]])
    out = RankGaussian().fit_transform(values)
    expected = norm.ppf((rankdata(values, axis=0) - 0.375) / 4.25)
    np.testing.assert_allclose(out, expected, atol=1e-12)


def test_scikit_learns_quantile_transformer_orders_and_spaces_alike():
    """Its ranks are (r - 1) / (n - 1), Blom's (r - 3/8) / (n + 1/4): one a line of the other."""
    values = np.random.default_rng(0).gamma(2.0, size=(101, 3))
    peer = QuantileTransformer(n_quantiles=101, output_distribution="uniform").fit(values)
    uniform = norm.cdf(RankGaussian().fit(values).transform(values))
    ranks = 1 + 100 * peer.transform(values)
    np.testing.assert_allclose(uniform, (ranks - 0.375) / 101.25, atol=1e-9)
    between = (np.sort(values, axis=0)[:-1] + np.sort(values, axis=0)[1:]) / 2
    ours = norm.cdf(RankGaussian().fit(values).transform(between))
    theirs = (1 + 100 * peer.transform(between) - 0.375) / 101.25
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_new_values_are_ordered_finite_and_between_their_neighbours():
    train = np.arange(10.0)[:, None]
    out = RankGaussian().fit(train).transform(np.array([[-99.0], [4.5], [99.0]])).ravel()
    assert out[1] == 0
    assert out[0] == -out[2]
    assert np.isfinite(out).all()
