"""Activation measures against numbers counted by hand, and tests whose units are wells."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kruskal

from phenolens.errors import InputError
from phenolens.interpret.activation import activation_table, compartments, measures
from phenolens.interpret.activation_tests import (
    accuracy_correlation,
    by_treatment,
    correct_against_wrong,
    kruskal_wells,
    well_means,
)
from phenolens.interpret.explain import Maps
from phenolens.represent.networks.pixels import PixelSettings
from phenolens.segment import SegmentSettings
from phenolens.words import noted

TREATMENT = "Metadata_Treatment"


def cams_of(maps: np.ndarray) -> Maps:
    names = np.array(["A"] * len(maps))
    return Maps(maps.astype(np.float32)[:, None], names, names, "grad-cam", stride=8)


def one_map() -> tuple[np.ndarray, np.ndarray]:
    maps = np.zeros((2, 4, 4))
    maps[0, 0, :] = (1.0, 0.9, 0.6, 0.5)
    parts = np.zeros((2, 3, 4, 4))
    parts[:, 0, 0, :2] = 1
    parts[:, 1, 0, 2:] = parts[:, 1, 1, :] = 1
    parts[:, 2, 2:] = 1
    return maps, parts


METADATA = pd.DataFrame({"Metadata_Plate": ["P", "P"], "Metadata_Well": ["A01", "A02"]})


def test_measures_by_hand():
    maps, parts = one_map()
    row = activation_table(cams_of(maps), METADATA, parts).iloc[0]
    assert row["area_0.5_image"] == 4 / 16
    assert row["area_0.8_image"] == 2 / 16
    assert row["area_0.5_cells"] == 4 / 8
    assert row["intensity_image"] == pytest.approx(3.0 / 16)
    assert row["intensity_cells"] == pytest.approx(3.0 / 8)
    assert row["intensity_0.8"] == pytest.approx(0.95)
    assert row["mass_nucleus"] == pytest.approx(1.9 / 3.0)
    assert row["share_nucleus"] == 2 / 16
    assert row["enrichment_nucleus"] == pytest.approx(1.9 / 3.0 / (2 / 16))
    assert row["mass_background"] == 0


def test_all_zero_map_is_flagged_and_measures_nothing():
    maps, parts = one_map()
    table = activation_table(cams_of(maps), METADATA, parts)
    assert list(table["zero_map"]) == [False, True]
    assert table.loc[1, measures(table)].isna().all()


def test_images_without_cells_keep_what_concerns_the_image():
    maps, parts = one_map()
    parts[0] = 0
    parts[0, 2] = 1
    row = activation_table(cams_of(maps), METADATA, parts).iloc[0]
    assert np.isnan(row["area_0.5_cells"]) and np.isnan(row["enrichment_nucleus"])
    assert row["area_0.5_image"] == 4 / 16
    without = activation_table(cams_of(maps), METADATA).iloc[0]
    assert np.isnan(without["intensity_cells"])
    assert "mass_nucleus" not in without


def test_quantile_threshold_is_refused_and_would_be_constant():
    maps, _ = one_map()
    with pytest.raises(InputError, match="same share of every image by construction"):
        activation_table(cams_of(maps), METADATA, relative_to="quantile")
    with pytest.raises(InputError, match="share of the maximum"):
        activation_table(cams_of(maps), METADATA, thresholds=(80,))
    noise = np.random.default_rng(0).random((5, 50, 50)) ** np.arange(1, 6)[:, None, None]
    top = noise >= np.quantile(noise, 0.8, axis=(1, 2), keepdims=True)
    assert set(top.mean(axis=(1, 2))) == {0.2}


def test_compartments_share_the_geometry_of_the_network(truth_screen):
    rows = np.array([16, 0])
    settings = PixelSettings(size=16, tiles=2)
    parts = compartments(truth_screen.prepared, rows, settings)
    assert parts.shape == (2, 3, 32, 32)
    assert np.isnan(parts[1]).all()
    np.testing.assert_allclose(parts[0].sum(axis=0), 1.0, atol=1e-6)
    assert parts[0, 0].mean() == pytest.approx(truth_screen.truth[16].mean(), abs=1e-6)


def test_the_cell_of_a_crop_is_found_and_its_neighbour_is_background():
    y, x = np.mgrid[:64, :64]
    nuclei = [(y - 32) ** 2 + (x - at) ** 2 < 10**2 for at in (32, 60)]
    crop = np.full((3, 64, 64), 100.0, dtype=np.float32)
    crop[0, nuclei[0] | nuclei[1]] = 3000
    crop[1:, (y - 32) ** 2 + (x - 32) ** 2 < 17**2] = 1500
    empty = np.full_like(crop, 100.0)
    crops = SimpleNamespace(
        images=SimpleNamespace(level="cell"),
        channels=("DNA", "ER", "AGP"),
        labels=lambda row: {},
        pixels=lambda row: (crop, empty)[row],
    )
    parts = compartments(crops, np.array([0, 1]), PixelSettings(size=64))
    assert parts[0, 0, 32, 32] == 1
    assert parts[0, 1, 32, 46] == 1
    assert parts[0, 2, 32, 60] == 1
    assert parts[0, 0].sum() == pytest.approx(nuclei[0].sum(), rel=0.3)
    assert np.isnan(parts[1]).all()
    crops.channels = ("red", "green", "blue")
    assert np.isnan(compartments(crops, np.array([0]), PixelSettings(size=64))).all()
    named = SegmentSettings(nuclei_channel="red")
    again = compartments(crops, np.array([0]), PixelSettings(size=64), segmentation=named)
    np.testing.assert_array_equal(again[0], parts[0])


def screen(effect: float, *, wells: int = 4, images: int = 3, seed: int = 0) -> pd.DataFrame:
    """Images vary little within a well and wells a lot: images are no replicates."""
    rng = np.random.default_rng(seed)
    rows = []
    for plate in ("P1", "P2"):
        for number, name in enumerate("ABC"):
            for well in range(wells // 2):
                level = rng.normal(number * effect, 1.0)
                for _ in range(images):
                    rows.append((plate, f"{name}{well + 1:02d}", name, level + rng.normal(0, 0.01)))
    names = ["Metadata_Plate", "Metadata_Well", TREATMENT, "area_0.5_image"]
    return pd.DataFrame(rows, columns=names).assign(zero_map=False)


def test_well_is_the_unit_of_kruskal_wallis():
    table = screen(0.0, wells=8, images=40)
    means = well_means(table)
    assert len(means) == 24
    found = kruskal_wells(table).iloc[0]
    groups = [part["area_0.5_image"] for _, part in means.groupby(TREATMENT)]
    assert found["h"] == pytest.approx(kruskal(*groups).statistic)
    assert found["n_wells"] == 24
    assert kruskal_wells(screen(4.0, wells=8)).iloc[0]["p"] < 0.01


def test_kruskal_wallis_holds_its_level_where_images_would_not():
    rejected = [
        kruskal_wells(screen(0.0, wells=8, images=5, seed=seed), permutations=99).iloc[0]["p"]
        <= 0.05
        for seed in range(120)
    ]
    assert np.mean(rejected) < 0.11


def test_one_well_a_treatment_gives_no_p_but_a_reason():
    table = screen(3.0, wells=2)
    table = table[table["Metadata_Plate"] == "P1"]
    found = kruskal_wells(table).iloc[0]
    assert np.isnan(found["p"])
    assert "two wells" in noted(found["note"])


def test_treatments_are_summarised_over_wells():
    table = screen(1.0)
    summary = by_treatment(table).set_index(TREATMENT)
    wells = well_means(table).groupby(TREATMENT)["area_0.5_image"]
    np.testing.assert_allclose(summary["mean"], wells.mean())
    np.testing.assert_allclose(summary["sd"], wells.std())
    assert list(summary["n_wells"]) == [4, 4, 4]
    assert list(summary["n_images"]) == [12, 12, 12]


def test_right_and_wrong_are_compared_within_wells():
    table = screen(2.0, wells=8)
    correct = np.arange(len(table)) % 3 != 0
    table.loc[correct, "area_0.5_image"] += 0.5
    row = correct_against_wrong(table, correct).iloc[0]
    assert row["difference"] == pytest.approx(0.5, abs=0.02)
    assert row["n_wells"] == 24
    assert row["p"] < 0.001
    alone = correct_against_wrong(table, np.ones(len(table), dtype=bool)).iloc[0]
    assert alone["n_wells"] == 0 and np.isnan(alone["p"])


def test_correlation_with_accuracy_needs_enough_treatments():
    table = screen(2.0)
    few = accuracy_correlation(table, np.arange(len(table)) % 2 == 0).iloc[0]
    assert np.isnan(few["spearman"]) and few["note"]
    more = pd.concat([table.assign(**{TREATMENT: table[TREATMENT] + str(i)}) for i in range(2)])
    more = more.reset_index(drop=True)
    level = more.groupby(TREATMENT)["area_0.5_image"].transform("mean")
    draws = np.random.default_rng(0).random(len(more))
    found = accuracy_correlation(more, draws < level.rank(pct=True)).iloc[0]
    assert found["n_treatments"] == 6
    assert found["spearman"] > 0.5
