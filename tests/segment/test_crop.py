"""Crops of single cells."""

from __future__ import annotations

import numpy as np
import pytest

from phenolens.segment import crop_labels

STAINS = ("DAPI", "tubulin", "actin")


def _crop(*nuclei: tuple[int, int, float]) -> np.ndarray:
    y, x = np.mgrid[:68, :68]
    dna, body = np.full(y.shape, 300.0), np.full(y.shape, 350.0)
    for row, column, light in nuclei:
        dna[np.hypot(y - row, x - column) < 11] = light
        body[np.hypot(y - row, x - column) < 22] = 2500
    return np.random.default_rng(0).poisson([dna, body, body]).astype(np.uint16)


def test_the_middle_cell_is_found_and_has_number_one():
    labels = crop_labels(_crop((34, 34, 3000)), STAINS)
    assert labels["Nuclei"][34, 34] == 1
    assert labels["Nuclei"].sum() == pytest.approx(np.pi * 11**2, rel=0.15)
    assert set(np.unique(labels["Cells"])) == {0, 1}
    assert (labels["Cytoplasm"] == labels["Cells"] * (labels["Nuclei"] == 0)).all()


def test_a_brighter_neighbour_does_not_take_its_place():
    labels = crop_labels(_crop((34, 34, 2500), (8, 60, 30000)), STAINS)
    assert labels["Nuclei"][34, 34] == 1
    assert labels["Nuclei"][8, 60] == 0
    assert labels["Nuclei"].sum() == pytest.approx(np.pi * 11**2, rel=0.25)


def test_crop_without_a_nucleus_in_the_middle_is_empty():
    labels = crop_labels(_crop((3, 3, 4000)), STAINS)
    assert not any(image.any() for image in labels.values())


def test_real_crops(real_data):
    tifffile = pytest.importorskip("tifffile")
    path = sorted(real_data("bbbc021_cells").glob("*.tiff"))[0]
    found = [crop_labels(crop, STAINS) for crop in tifffile.imread(path)[:60]]
    shares = np.array([labels["Nuclei"].mean() for labels in found])
    assert (shares > 0).all()
    assert 0.1 < np.median(shares) < 0.4
    assert all((labels["Cells"] >= labels["Nuclei"]).all() for labels in found)
