"""TVN: batches' controls come out alike, and only controls speak."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import inv, sqrtm
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from phenolens import profiles
from phenolens.errors import DesignError
from phenolens.normalize.tvn import tvn


def batches(n: int = 60) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(n, 6)) @ rng.normal(size=(6, 6)) + rng.normal(size=6) for _ in "ab"]
    frame = pd.DataFrame(np.vstack(parts)).add_prefix("f")
    frame["Metadata_Plate"] = np.repeat(["a", "b"], n)
    frame["Metadata_Well"] = [f"w{i}" for i in range(2 * n)]
    return profiles.from_frame(frame), np.tile(np.arange(n) < 40, 2)


def test_controls_of_all_batches_get_one_mean_and_covariance():
    table, controls = batches()
    out, report = tvn(table, controls, n_components=4, shrinkage=0.0)
    codes = profiles.column(table, "Metadata_Plate")
    covariances = [np.cov(out[(codes == b) & controls].T) for b in "ab"]
    np.testing.assert_allclose(covariances[0], covariances[1], atol=1e-3)
    np.testing.assert_allclose(out[(codes == "a") & controls].mean(), 0, atol=1e-5)
    assert report["n_components"] == 4
    assert out.index.equals(table.index)


def test_each_batch_is_recoloured_as_coral_defines_it():
    """``D cov(D)^-1/2 cov(T)^1/2`` (Sun & Saenko 2016), roots by SciPy; means of controls on 0."""
    table, controls = batches()
    out, _ = tvn(table, controls, n_components=6, shrinkage=0.2)
    scaled = StandardScaler().fit(table[controls])
    turned = PCA().fit(scaled.transform(table[controls]))
    components = turned.transform(scaled.transform(table))
    components /= components[controls].std(axis=0, ddof=1)
    codes = profiles.column(table, "Metadata_Plate")
    mixed = {
        name: 0.8 * np.cov(components[rows].T) + 0.2 * np.eye(6)
        for name, rows in {"all": controls, "a": controls & (codes == "a")}.items()
    }
    own = components[codes == "a"] - components[controls & (codes == "a")].mean(axis=0)
    expected = own @ inv(sqrtm(mixed["a"])) @ sqrtm(mixed["all"])
    np.testing.assert_allclose(np.abs(out[codes == "a"]), np.abs(expected), rtol=1e-3, atol=1e-4)


def test_the_controls_themselves_may_say_how_far_covariances_are_shrunk():
    table, controls = batches()
    out, _ = tvn(table, controls, n_components=4, shrinkage=None)
    assert apart(out, controls) < 0.5 * apart(
        tvn(table, controls, n_components=4, shrinkage=1.0)[0], controls
    )
    assert not np.allclose(out, tvn(table, controls, n_components=4, shrinkage=0.0)[0], atol=1e-3)


def apart(table: pd.DataFrame, controls: np.ndarray) -> float:
    """How far the controls' covariances of the two batches lie apart."""
    codes = profiles.column(table, "Metadata_Plate")
    one, other = (np.cov(table[controls & (codes == batch)].T) for batch in "ab")
    return float(np.abs(one - other).max())


def test_treated_wells_do_not_speak():
    table, controls = batches()
    loud = table.copy()
    loud[~controls] *= 1e3
    left, right = tvn(table, controls)[0][controls], tvn(loud, controls)[0][controls]
    pd.testing.assert_frame_equal(left, right)


def test_batches_with_few_or_no_controls_are_told():
    table, controls = batches()
    few = controls & ~((profiles.column(table, "Metadata_Plate") == "b") & (np.arange(120) > 62))
    assert tvn(table, few, n_components=5)[1]["thin_batches"] == ["b"]
    none = controls & (profiles.column(table, "Metadata_Plate") == "a")
    assert tvn(table, none)[1]["batches_without_controls"] == ["b"]
    with pytest.raises(DesignError, match="3 or more"):
        tvn(table, np.arange(120) < 2)
