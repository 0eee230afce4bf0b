"""Why next to nothing is found: no contrast, dark objects, other sizes, another stain."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from phenolens.segment import SegmentSettings, segment_field
from phenolens.segment.explain import explain

STAINS = ("DNA", "ER")


def field(*, radius: float = 10, light: float = 3000.0, background: float = 500.0) -> np.ndarray:
    """Twelve disks in the nuclear stain, noise in the other."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:240, :320]
    disks = np.zeros(rows.shape)
    for row in (40, 120, 200):
        for column in (40, 120, 200, 280):
            disks[np.hypot(rows - row, columns - column) < radius] = light
    dna = rng.poisson(background + ndimage.gaussian_filter(disks, 1))
    return np.stack([dna, rng.poisson(300, rows.shape)]).astype(np.uint16)


def test_a_field_with_nuclei():
    found = explain(field(), STAINS)
    assert (found.reason, found.stain, found.objects, found.others) == ("few", "DNA", 12, ())
    assert found.diameter == pytest.approx(20, abs=5)
    assert found.contrast > found.needed


def test_nothing_stands_out_but_in_another_stain():
    found = explain(field()[::-1], STAINS)
    assert (found.reason, found.objects, found.others) == ("no-contrast", 0, ("ER",))
    assert found.contrast < found.needed


def test_a_black_field():
    black = np.zeros((2, 60, 80), np.uint16)
    assert explain(black, STAINS).reason == "no-contrast"


def test_dark_objects_on_bright_ground():
    bright = field(background=200)
    bright[0] = bright[0].max() - bright[0]
    found = explain(bright, STAINS)
    assert found.reason == "darker"


def test_objects_of_another_size_than_was_asked_for():
    pixels, settings = field(), SegmentSettings(nucleus_diameter=120)
    assert segment_field(pixels, STAINS, settings=settings)["Nuclei"].max() == 0
    found = explain(pixels, STAINS, settings)
    assert (found.reason, found.objects, found.expected) == ("size", 12, 120)
    assert found.diameter == pytest.approx(20, abs=5)
