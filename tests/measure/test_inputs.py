"""What measure_objects takes, what it refuses, and what it says of odd objects."""

from __future__ import annotations

import numpy as np
import pytest

from phenolens.errors import InputError
from phenolens.measure import FAMILIES, MeasureSettings, measure_objects


def _square(size: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    pixels = rng.integers(300, 5000, (2, size, size)).astype(np.uint16)
    labels = np.zeros((size, size), np.int64)
    labels[10:30, 12:40] = 7
    return pixels, labels


def test_same_numbers_from_integers_and_scaled_floats(scene):
    families = ("AreaShape", "Intensity", "Texture", "Granularity", "Correlation", "Costes")
    whole = measure_objects(scene.pixels, scene.channels, scene.labels, families=families)
    scaled = measure_objects(
        scene.pixels / 65535.0, scene.channels, scene.labels, families=families
    )
    np.testing.assert_allclose(whole, scaled, rtol=1e-9, atol=1e-12)


def test_uint8_is_scaled_by_255():
    pixels, labels = _square()
    table = measure_objects(np.full_like(pixels, 51, np.uint8), ("A", "B"), {"Cells": labels})
    assert table["Cells_Intensity_MeanIntensity_A"].iloc[0] == pytest.approx(0.2)


def test_does_not_change_its_input(scene):
    pixels = scene.pixels / 65535.0
    labels = {name: image.copy() for name, image in scene.labels.items()}
    before = pixels.copy()
    measure_objects(pixels, scene.channels, labels)
    assert (pixels == before).all()
    assert all((labels[name] == scene.labels[name]).all() for name in labels)


def test_layout_in_memory_does_not_matter(scene):
    families = ("AreaShape", "Intensity", "Texture")
    plain = measure_objects(scene.pixels, scene.channels, scene.labels, families=families)
    foreign = {name: np.asfortranarray(v).astype(">i8") for name, v in scene.labels.items()}
    pixels = np.asfortranarray(scene.pixels).astype(">u2")
    other = measure_objects(pixels, scene.channels, foreign, families=families)
    np.testing.assert_array_equal(plain.to_numpy(), other.to_numpy())


def test_same_bytes_twice(scene):
    first, second = (measure_objects(scene.pixels, scene.channels, scene.labels) for _ in range(2))
    assert first.to_numpy().tobytes() == second.to_numpy().tobytes()


def test_ids_may_have_gaps_and_be_large(scene):
    families = ("AreaShape", "Intensity", "Neighbors")
    small = measure_objects(scene.pixels, scene.channels, scene.labels, families=families)
    big = {name: image.astype(np.int64) * 10**12 for name, image in scene.labels.items()}
    large = measure_objects(scene.pixels, scene.channels, big, families=families)
    assert (large["Metadata_ObjectNumber"] == small["Metadata_ObjectNumber"] * 10**12).all()
    features = [c for c in small if not c.startswith("Metadata_")]
    np.testing.assert_array_equal(small[features], large[features])


def test_order_of_ids_does_not_matter(scene):
    top = int(scene.labels["Cells"].max())
    turned = {k: np.where(v > 0, top + 1 - v, 0) for k, v in scene.labels.items()}
    families = ("AreaShape", "Texture", "RadialDistribution")
    straight = measure_objects(scene.pixels, scene.channels, scene.labels, families=families)
    reverse = measure_objects(scene.pixels, scene.channels, turned, families=families)
    features = [c for c in straight if not c.startswith("Metadata_")]
    np.testing.assert_array_equal(straight[features].to_numpy(), reverse[features].to_numpy()[::-1])


def test_cell_without_nucleus_has_nan_nuclear_features(scene):
    labels = {name: image.copy() for name, image in scene.labels.items()}
    labels["Nuclei"][labels["Nuclei"] == 6] = 0
    table = measure_objects(scene.pixels, scene.channels, labels).set_index("Metadata_ObjectNumber")
    nuclear = [c for c in table if c.startswith("Nuclei_")]
    assert table.loc[6, nuclear].isna().all()
    assert table.loc[6, "Cells_AreaShape_Area"] > 0
    assert table.loc[6, "Metadata_Cells_Parent_Nuclei"] == 0
    assert np.isnan(table.loc[6, "Cells_RadialDistribution_MeanFrac_mito_tubeness_1of16"])


def test_compartment_without_objects_is_nan(scene):
    labels = scene.labels | {"Nuclei": np.zeros_like(scene.labels["Nuclei"])}
    table = measure_objects(scene.pixels, scene.channels, labels)
    assert table.filter(regex="^Nuclei_").isna().all().all()
    assert table["Cells_AreaShape_Area"].notna().all()


def test_no_objects_at_all_gives_an_empty_table_with_all_columns(scene):
    empty = {name: np.zeros_like(image) for name, image in scene.labels.items()}
    table = measure_objects(scene.pixels, scene.channels, empty)
    full = measure_objects(scene.pixels, scene.channels, scene.labels)
    assert len(table) == 0
    assert list(table) == list(full)


def test_one_pixel_object():
    pixels, labels = _square()
    labels[50, 50] = 9
    table = measure_objects(pixels, ("A", "B"), {"Cells": labels}, families=FAMILIES)
    row = table.set_index("Metadata_ObjectNumber").loc[9]
    assert row["Cells_AreaShape_Area"] == 1
    assert row["Cells_AreaShape_MaxFeretDiameter"] == 0
    assert row["Cells_Intensity_StdIntensity_A"] == 0
    assert row["Cells_Intensity_MedianIntensity_A"] == pytest.approx(pixels[0, 50, 50] / 65535)
    assert np.isnan(row["Cells_Texture_Contrast_A_3_00_256"])
    assert np.isnan(row["Cells_AreaShape_Zernike_2_0"])
    assert np.isnan(row["Cells_Correlation_Correlation_A_B"])


def test_object_on_the_border_and_object_that_fills_the_field():
    pixels, labels = _square()
    labels[:5, :] = 3
    border = measure_objects(pixels, ("A", "B"), {"Cells": labels})
    assert border["Cells_AreaShape_MaximumRadius"].iloc[0] == pytest.approx(3)
    whole = measure_objects(pixels, ("A", "B"), {"Cells": np.ones_like(labels)})
    assert whole["Cells_AreaShape_Area"].iloc[0] == labels.size
    assert whole["Cells_Intensity_IntegratedIntensityEdge_A"].iloc[0] == 0


def test_constant_and_saturated_images():
    pixels, labels = _square()
    pixels[0], pixels[1] = 0, 65535
    table = measure_objects(pixels, ("A", "B"), {"Cells": labels}, families=FAMILIES)
    assert table["Cells_Intensity_MeanIntensity_B"].iloc[0] == 1
    assert np.isnan(table["Cells_Intensity_MassDisplacement_A"].iloc[0])
    assert np.isnan(table["Cells_Texture_Entropy_A_3_00_256"].iloc[0])
    assert table["Cells_Texture_Entropy_B_3_00_256"].iloc[0] == 0
    assert table["Cells_Texture_AngularSecondMoment_B_3_00_256"].iloc[0] == 1
    assert np.isnan(table["Cells_Correlation_Correlation_A_B"].iloc[0])


def test_object_in_pieces():
    pixels, labels = _square()
    labels[45:50, 45:50] = 7
    table = measure_objects(pixels, ("A", "B"), {"Cells": labels}, families=FAMILIES)
    assert table["Cells_AreaShape_Area"].iloc[0] == 20 * 28 + 25
    assert table["Cells_AreaShape_EulerNumber"].iloc[0] == 2


def test_field_too_small_for_granularity():
    pixels = np.full((1, 6, 6), 900, np.uint16)
    labels = np.ones((6, 6), int)
    table = measure_objects(pixels, ("A",), {"Cells": labels}, families="Granularity")
    assert table.filter(like="Granularity").isna().all().all()


def test_five_thousand_objects():
    size = 710
    y, x = np.mgrid[:size, :size]
    labels = (y // 10) * (size // 10) + x // 10 + 1
    labels[(y % 10 > 7) | (x % 10 > 7)] = 0
    pixels = np.random.default_rng(0).integers(200, 4000, (2, size, size)).astype(np.uint16)
    table = measure_objects(pixels, ("A", "B"), {"Cells": labels})
    assert len(table) == 71 * 71
    assert (table["Cells_AreaShape_Area"] == 64).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p, c, s: (p[0], c, s), "do not fit"),
        (lambda p, c, s: (p[:1], c, s), "do not fit"),
        (lambda p, c, s: (p.astype(np.int32), c, s), "int32"),
        (lambda p, c, s: (p.astype(float), c, s), "scale floats"),
        (lambda p, c, s: (np.full(p.shape, np.nan), c, s), "NaN"),
        (lambda p, c, s: (p, ("A", "A"), s), "must differ"),
        (lambda p, c, s: (p, c, {"Cells": s["Cells"][:-1]}), "same field"),
        (lambda p, c, s: (p, c, {"Cells": s["Cells"].astype(float)}), "whole numbers"),
        (lambda p, c, s: (p, c, {"Cells": s["Cells"] > 0}), "number the objects"),
        (lambda p, c, s: (p, c, {"Cells": -s["Cells"]}), "negative"),
    ],
)
def test_refuses_with_a_reason(change, message):
    pixels, labels = _square()
    pixels, channels, images = change(pixels, ("A", "B"), {"Cells": labels})
    with pytest.raises(InputError, match=message):
        measure_objects(pixels, channels, images)


def test_refuses_unknown_families(scene):
    with pytest.raises(InputError, match="Colour"):
        measure_objects(scene.pixels, scene.channels, scene.labels, families=("Colour",))


def test_settings_change_names_and_numbers(scene):
    settings = MeasureSettings(texture_scales=(2,), texture_levels=8, radial_bins=3)
    table = measure_objects(
        scene.pixels,
        scene.channels,
        scene.labels,
        families=("Texture", "RadialDistribution"),
        settings=settings,
    )
    assert "Cells_Texture_Entropy_DNA_2_03_8" in table
    assert "Cells_RadialDistribution_FracAtD_ER_3of3" in table
    rings = table.filter(regex="^Cells_RadialDistribution_FracAtD_ER_.of3$")
    np.testing.assert_allclose(rings.sum(axis=1), 1)
