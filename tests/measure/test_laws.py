"""What must not matter: where objects lie, how they are numbered, how arrays lie in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from phenolens.measure import FAMILIES, measure_objects

CHANNELS = ("DNA", "Mito")
NUMBER = "Metadata_ObjectNumber"
OF_PLACE = ("Location_", "_Center_", "_BoundingBox")
# Rounding decides, in CellProfiler as here: the smallest circle runs through pixels, which lie
# inside or not, and of two neighbours at one distance either is the closer.
BY_ROUNDING = ("_Zernike", "ClosestObjectNumber", "_AngleBetweenNeighbors")
LABEL_TYPES = ("i1", "u1", "<i2", ">i2", "<u2", ">u2", "<i4", ">i4", "<u4", "<i8", ">i8", ">u8")


@st.composite
def fields(draw: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Pixels and labels of a small field: blobs, one-pixel objects, some parts absent."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.tuples(st.integers(1, 26), st.integers(1, 26)))
    noise = ndimage.gaussian_filter(rng.normal(size=shape), draw(st.sampled_from([0.3, 1.5, 3])))
    cells = ndimage.label(noise > np.quantile(noise, draw(st.floats(0, 0.99))))[0]
    cells[cells > 100] = 0
    nuclei = np.where(rng.random(shape) < draw(st.floats(0, 1)), cells, 0)
    labels = {"Nuclei": nuclei, "Cells": cells, "Cytoplasm": np.where(nuclei > 0, 0, cells)}
    pixels = rng.integers(0, draw(st.sampled_from([2, 300, 65536])), (len(CHANNELS), *shape))
    return pixels.astype(np.uint16), labels


def _measured(pixels: np.ndarray, labels: dict[str, np.ndarray]) -> pd.DataFrame:
    return measure_objects(pixels, CHANNELS, labels, families=FAMILIES)


def _features(table: pd.DataFrame) -> pd.DataFrame:
    return table[[name for name in table if not name.startswith("Metadata_")]]


@settings(max_examples=40, deadline=None)
@given(fields())
def test_nothing_is_infinite(field):
    table = _measured(*field)
    infinite = np.isinf(table.to_numpy(dtype=float)).any(axis=0)
    assert list(table.columns[infinite]) == []


SPLIT = (
    np.array(
        [
            [[1, 0, 1, 0, 1, 0, 1], [1, 0, 0, 0, 0, 1, 0], [0, 1, 1, 1, 1, 0, 1]],
            [[1, 1, 0, 0, 0, 1, 1], [1, 1, 1, 0, 1, 0, 1], [1, 1, 1, 0, 1, 1, 0]],
        ],
        dtype=np.uint16,
    ),
    dict.fromkeys(
        ("Nuclei", "Cells", "Cytoplasm"),
        np.array([[0, 0, 1, 1, 0, 1, 1], [1, 1, 1, 1, 0, 1, 1], [0, 0, 1, 1, 1, 1, 1]]),
    ),
)


@settings(max_examples=15, deadline=None)
@given(fields(), st.tuples(st.integers(12, 20), st.integers(12, 20)))
@example(SPLIT, (12, 13))
def test_a_shift_changes_places_only(field, by):
    pixels, labels = field
    families = [name for name in FAMILIES if name not in ("Granularity", "Location")]

    def at(row: int, column: int) -> pd.DataFrame:
        around = ((row, 32 - row), (column, 32 - column))
        moved = {name: np.pad(image, around) for name, image in labels.items()}
        wide = np.pad(pixels, ((0, 0), *around))
        return measure_objects(wide, CHANNELS, moved, families=families)

    here, there = at(12, 12), at(*by)
    kept = [name for name in here if not any(part in name for part in OF_PLACE + BY_ROUNDING)]
    pd.testing.assert_frame_equal(here[kept], there[kept], rtol=1e-6, atol=1e-9)
    for name in here.filter(like="_AreaShape_Zernike_"):
        # No polynomial exceeds 1 on the disk, and no more than a few pixels lie on its rim.
        disk = np.pi / 4 * here[f"{name.split('_')[0]}_AreaShape_MaxFeretDiameter"] ** 2
        assert (here[name].isna() == there[name].isna()).all()
        assert not (((here[name] - there[name]).abs() * disk) > 8).any()
    shifted = there.filter(like="_BoundingBoxMinimum_Y") - here.filter(like="_BoundingBoxMinimum_Y")
    assert (shifted.isna() | (shifted == by[0] - 12)).all(axis=None)


@settings(max_examples=15, deadline=None)
@given(fields(), st.integers(0, 2**32 - 1), st.sampled_from([1, 7, 10**12]))
def test_numbers_of_objects_are_names_only(field, seed, step):
    """In any order, with gaps."""
    pixels, labels = field
    rng = np.random.default_rng(seed)
    top = int(labels["Cells"].max())
    new = np.concatenate([[0], step * (1 + rng.permutation(3 * top + 1)[:top])])
    before = _measured(pixels, labels)
    after = _measured(pixels, {name: new[image] for name, image in labels.items()})
    after = after.set_index(NUMBER).loc[new[before[NUMBER]]].reset_index()
    ties = ("Angle", "ObjectSkeleton")  # of two as near, the one with the smaller number is taken
    kept = [name for name in _features(before) if not any(tie in name for tie in ties)]
    pd.testing.assert_frame_equal(before[kept], after[kept], rtol=1e-9, atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(fields(), st.sampled_from(["F", "reversed", "every second", "stains last"]), st.booleans())
def test_how_arrays_lie_in_memory_does_not_matter(field, layout, foreign):
    pixels, labels = field

    def laid(image: np.ndarray) -> np.ndarray:
        if layout == "F":
            return np.asfortranarray(image)
        if layout == "reversed":
            return image[..., ::-1, ::-1].copy()[..., ::-1, ::-1]
        if layout == "every second":
            return np.repeat(np.repeat(image, 2, axis=-1), 2, axis=-2)[..., ::2, ::2]
        return np.moveaxis(np.moveaxis(image, 0, -1).copy(), -1, 0)

    other = laid(pixels.astype(">u2" if foreign else pixels.dtype))
    images = {
        name: laid(image.astype(">i4" if foreign else "i4")) for name, image in labels.items()
    }
    pd.testing.assert_frame_equal(_measured(pixels, labels), _measured(other, images))


@pytest.mark.parametrize("dtype", LABEL_TYPES)
def test_type_of_labels_does_not_matter(dtype):
    rng = np.random.default_rng(5)
    cells = ndimage.label(ndimage.gaussian_filter(rng.normal(size=(30, 34)), 1.5) > 0.02)[0]
    pixels = rng.integers(100, 9000, (2, 30, 34)).astype(np.uint16)
    expected = _measured(pixels, {"Cells": cells})
    assert len(expected) > 3
    pd.testing.assert_frame_equal(expected, _measured(pixels, {"Cells": cells.astype(dtype)}))


@settings(max_examples=10, deadline=None)
@given(fields(), st.sampled_from(["f4", "f8", ">f4", ">f8"]))
def test_type_of_pixels_changes_rounding_only(field, dtype):
    pixels, labels = field
    families = ("AreaShape", "Intensity", "RadialDistribution", "Location")
    plain = measure_objects(pixels, CHANNELS, labels, families=families)
    scaled = (pixels / 65535).astype(dtype)
    other = measure_objects(scaled, CHANNELS, labels, families=families)
    kept = [name for name in _features(plain) if "MassDisplacement" not in name]
    pd.testing.assert_frame_equal(plain[kept], other[kept], rtol=1e-4, atol=1e-6)
