"""Our side of the call to Cellpose.

Cellpose is a large optional extra, so a small stand-in with the same two calls
(``CellposeModel(gpu=...)`` and ``eval(image, channel_axis=..., diameter=...)``) takes its place: it
labels what is bright in the first plane. How well the true network segments is not tested here.
"""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from phenolens.errors import InputError
from phenolens.segment import SegmentSettings, segment_with_cellpose
from phenolens.segment.with_cellpose import _network

CHANNELS = ("ER", "DNA", "AGP")


class StandIn:
    """Labels connected pixels above 0.5 of the first plane, from bottom to top."""

    calls: list = []  # noqa: RUF012

    def __init__(self, gpu):
        self.gpu = gpu

    def eval(self, image, *, channel_axis, diameter):
        assert channel_axis == 2
        assert image.shape[2] == 3
        StandIn.calls.append((image, diameter))
        labels, count = ndimage.label(image[..., 0] > 0.5)
        return np.where(labels > 0, count + 1 - labels, 0).astype(np.uint16), [], np.zeros(256)


@pytest.fixture
def cellpose(monkeypatch):
    fake = ModuleType("cellpose")
    fake.models = SimpleNamespace(CellposeModel=StandIn)
    monkeypatch.setitem(sys.modules, "cellpose", fake)
    monkeypatch.setattr(StandIn, "calls", [])
    _network.cache_clear()
    yield StandIn
    _network.cache_clear()


@pytest.fixture
def pixels() -> np.ndarray:
    """Two cells in AGP; ER is dark, and one nucleus lies alone."""
    pixels = np.zeros((3, 40, 60), np.float32)
    pixels[2, 5:20, 5:25] = pixels[2, 22:38, 30:55] = 1
    pixels[1, 10:15, 10:16] = pixels[1, 26:32, 38:46] = pixels[1, 30:35, 5:10] = 1
    return pixels


def test_nuclei_cells_and_cytoplasm_share_numbers(cellpose, pixels):
    labels = segment_with_cellpose(pixels, CHANNELS)
    assert sorted(labels) == ["Cells", "Cytoplasm", "Nuclei"]
    assert all(image.dtype == np.int32 for image in labels.values())
    np.testing.assert_array_equal(labels["Nuclei"] > 0, pixels[1] > 0)
    np.testing.assert_array_equal(labels["Cells"] > 0, pixels[2] > 0)
    for number in (labels["Nuclei"][12, 12], labels["Nuclei"][30, 40]):
        assert number > 0
        inside = labels["Cells"][labels["Nuclei"] == number]
        assert (inside == number).all()
    np.testing.assert_array_equal(
        labels["Cytoplasm"], np.where(labels["Nuclei"] > 0, 0, labels["Cells"])
    )


def test_the_network_sees_the_stains_and_the_diameters(cellpose, pixels):
    settings = SegmentSettings(nucleus_diameter=6, cell_diameter=20)
    segment_with_cellpose(pixels, CHANNELS, settings=settings)
    (nuclear, first), (body, second) = cellpose.calls
    assert (first, second) == (6, 20)
    np.testing.assert_array_equal(nuclear[..., 0], pixels[1])
    assert not nuclear[..., 1:].any()
    np.testing.assert_array_equal(body[..., 0], pixels[2])
    np.testing.assert_array_equal(body[..., 1], pixels[1])


def test_a_stain_of_the_cell_body_can_be_named(cellpose, pixels):
    settings = SegmentSettings(nuclei_channel="DNA", cell_channels=("ER",))
    labels = segment_with_cellpose(pixels, CHANNELS, settings=settings)
    assert not labels["Cells"].any()


def test_without_a_stain_of_the_cell_body_nuclei_are_widened(cellpose, pixels):
    labels = segment_with_cellpose(pixels[1:2], ("DNA",))
    assert len(cellpose.calls) == 1
    assert (labels["Cells"] > 0).sum() > (labels["Nuclei"] > 0).sum()


def test_what_is_missing_is_said(monkeypatch, pixels):
    monkeypatch.setitem(sys.modules, "cellpose", None)
    _network.cache_clear()
    with pytest.raises(InputError, match=r"pip install 'phenolens\[cellpose\]'"):
        segment_with_cellpose(pixels, CHANNELS)


def test_it_is_not_imported_unless_asked_for():
    code = (
        "import sys, numpy as np; from phenolens.segment import segment_field\n"
        "segment_field(np.zeros((1, 30, 30)), ['DNA']); sys.exit('cellpose' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
