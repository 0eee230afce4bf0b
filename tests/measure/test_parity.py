"""Every feature that cp_measure has too, compared family by family."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from phenolens.measure import FAMILIES, measure_objects
from phenolens.measure.settings import like_cp_measure

pytest.importorskip("cp_measure")


def _peer():
    spec = importlib.util.spec_from_file_location("peer", Path(__file__).with_name("peer.py"))
    module = sys.modules.setdefault("peer", importlib.util.module_from_spec(spec))
    if not hasattr(module, "measure_with_peer"):
        spec.loader.exec_module(module)
    return module


FAMILY_OF = {
    "AreaShape": "_AreaShape_(?!Zernike|.*Moment|Inertia)",
    "Zernike": "_AreaShape_Zernike",
    "Moments": "_AreaShape_(?:Spatial|Normalized|Hu|Inertia)",
    "Intensity": "_Intensity_",
    "Location": "_Location_",
    "Texture": "_Texture_",
    "Granularity": "_Granularity_",
    "RadialDistribution": "_RadialDistribution_(?!Zernike)",
    "RadialZernikes": "_RadialDistribution_Zernike",
    "Correlation": "_Correlation_(?!Costes)",
    "Costes": "_Correlation_Costes",
    "Neighbors": "_Neighbors_",
}
# cp_measure adds these to what CellProfiler 4 has
UNSHARED = "FilledArea|PerimeterCrofton"


def _both(scene) -> tuple[pd.DataFrame, pd.DataFrame]:
    ours = measure_objects(
        scene.pixels, scene.channels, scene.labels, families=FAMILIES, settings=like_cp_measure()
    ).set_index("Metadata_ObjectNumber")
    theirs = _peer().measure_with_peer(scene.pixels, scene.channels, scene.labels)
    return ours, theirs


@pytest.fixture(scope="module")
def synthetic(scene):
    return _both(scene)


@pytest.fixture(scope="module")
def real(real_scene):
    return _both(real_scene)


def _compare(ours: pd.DataFrame, theirs: pd.DataFrame, pattern: str) -> None:
    names = theirs.columns[theirs.columns.str.contains(pattern)]
    names = names[~names.str.contains(UNSHARED)]
    assert len(names) > 0
    assert set(names) <= set(ours.columns)
    a, b = ours.loc[theirs.index, names].to_numpy(), theirs[names].to_numpy(float)
    infinite = names[np.isinf(b).any(axis=0)]
    assert infinite.str.endswith("_FormFactor").all()  # of a pixel without outline: ours is NaN
    finite = np.isfinite(b)
    assert (np.isnan(a) == ~finite).all()
    a, b = a[finite], b[finite]
    error = np.abs(a - b) / np.maximum(np.abs(b), 1e-9)
    error[np.abs(a - b) < 1e-9] = 0
    assert np.median(error) <= 1e-9
    assert np.quantile(error, 0.99) <= 1e-6
    assert np.max(error) <= 1e-3


@pytest.mark.parametrize("family", FAMILY_OF)
def test_agrees_with_cp_measure_on_drawn_cells(synthetic, family):
    _compare(*synthetic, FAMILY_OF[family])


@pytest.mark.parametrize("family", FAMILY_OF)
def test_agrees_with_cp_measure_on_a_real_field(real, family):
    _compare(*real, FAMILY_OF[family])


def test_no_shared_feature_is_left_out(synthetic):
    ours, theirs = synthetic
    missing = [c for c in theirs if c not in ours]
    assert [c for c in missing if not any(u in c for u in UNSHARED.split("|"))] == []


def test_texture_of_a_dim_stain_is_that_of_the_stain_stretched(scene):
    """cp_measure of the dim pixels is blank or constant; of the stretched ones it is ours."""
    dim = np.minimum(scene.pixels // 45, 255).astype(np.uint16)
    spans = dict.fromkeys(scene.channels, 255 / 65_535)
    ours = measure_objects(
        dim,
        scene.channels,
        scene.labels,
        families=["Texture"],
        settings=replace(like_cp_measure(), texture_spans=spans),
    ).set_index("Metadata_ObjectNumber")
    names = [name for name in ours if "_Texture_" in name]
    plain, stretched = (
        _peer().measure_with_peer(pixels, scene.channels, scene.labels)
        for pixels in (dim, dim * 257)
    )
    assert (plain[names].std().fillna(0) < 1e-12).mean() > 0.4
    np.testing.assert_allclose(
        ours[names], stretched[names].reindex(ours.index), rtol=1e-7, atol=1e-9
    )
    assert (ours[names].std() > 0).all()
