"""Segmentation against the truth of simulated fields, by eye-checked counts, and at its edges."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from scipy import ndimage

from phenolens.errors import ConfigError, InputError
from phenolens.segment import SegmentSettings, segment_field

FIVE = ("DNA", "ER", "RNA", "AGP", "Mito")


def _dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * ((a > 0) & (b > 0)).sum() / ((a > 0).sum() + (b > 0).sum())


def _matched(truth: np.ndarray, found: np.ndarray) -> float:
    """Mean Dice of true objects with the found object that covers most of each."""
    scores = []
    for k in np.unique(truth)[1:]:
        mine = truth == k
        hits = np.bincount(found[mine])
        hits[0] = 0
        best = hits.argmax()
        scores.append(2 * hits[best] / (mine.sum() + (found == best).sum()) if hits[best] else 0)
    return float(np.mean(scores))


@pytest.fixture(scope="module")
def simulated():
    simulate = pytest.importorskip("phenolens.simulate")
    fields = [
        simulate.simulate_field(seed, field_size=540, cell_diameter=84.0) for seed in range(4)
    ]
    return [(field, segment_field(field.pixels, FIVE)) for field in fields]


def test_nuclei_and_cells_of_simulated_fields(simulated):
    for field, labels in simulated:
        assert _dice(field.nuclei, labels["Nuclei"]) > 0.9
        assert _dice(field.cells, labels["Cells"]) > 0.9
    whole = [_matched(field.nuclei, labels["Nuclei"]) for field, labels in simulated]
    assert np.mean(whole) > 0.9
    parted = [
        _matched(np.where(np.isin(f.cells, np.unique(f.nuclei)[1:]), f.cells, 0), labels["Cells"])
        for f, labels in simulated
    ]
    assert np.mean(parted) > 0.8


def test_count_of_simulated_nuclei(simulated):
    true = sum(len(np.unique(field.nuclei)) - 1 for field, _ in simulated)
    found = sum(int(labels["Nuclei"].max()) for _, labels in simulated)
    assert abs(found - true) <= 0.05 * true


def test_compartments_belong_together(simulated):
    for _, labels in simulated:
        nuclei, cells, cytoplasm = (labels[n] for n in ("Nuclei", "Cells", "Cytoplasm"))
        assert (cells[nuclei > 0] == nuclei[nuclei > 0]).all()
        assert (cytoplasm == np.where(nuclei > 0, 0, cells)).all()
        ids = np.unique(nuclei)
        np.testing.assert_array_equal(ids, np.arange(len(ids)))
        np.testing.assert_array_equal(ids, np.unique(cells))


# nuclei counted by eye on the overlays, give or take fragments and what the border cuts
SEEN = {"N09": 36, "D14": 103, "D08": 47, "L09": 43, "G21": 31, "F10": 109}


def test_counts_on_real_fields(real_data):
    tifffile = pytest.importorskip("tifffile")
    folder = real_data("cpjump1_fields")
    with (folder / "load_data.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    for row in rows[:3]:
        names = [row[f"FileName_Orig{channel}"] for channel in FIVE]
        pixels = np.stack([tifffile.imread(folder / "images" / name) for name in names])
        labels = segment_field(pixels, FIVE)
        seen = SEEN[row["Metadata_Well"]]
        assert abs(int(labels["Nuclei"].max()) - seen) <= 0.06 * seen


def _two_nuclei(gap: float = 17.0) -> np.ndarray:
    y, x = np.mgrid[:120, :160]
    dna = np.full(y.shape, 400.0)
    for column in (80 - gap / 2, 80 + gap / 2):
        dna[np.hypot(y - 60, x - column) < 12] = 6000
    body = np.where(np.hypot((y - 60) / 1.2, (x - 80) / 1.8) < 30, 3000.0, 450.0)
    stains = [ndimage.gaussian_filter(image, 1) for image in (dna, body)]
    return np.random.default_rng(0).poisson(stains).astype(np.uint16)


def test_touching_nuclei_are_parted_and_a_single_one_is_not():
    assert segment_field(_two_nuclei(22), ("DNA", "RNA"))["Nuclei"].max() == 2
    assert segment_field(_two_nuclei(6), ("DNA", "RNA"))["Nuclei"].max() == 1


def test_exposure_and_illumination_do_not_change_what_is_found(simulated):
    field, labels = simulated[1]
    bright = segment_field(field.pixels.astype(float) * 3.0 / 65535, FIVE)
    assert _dice(bright["Nuclei"], labels["Nuclei"]) > 0.999
    y, x = np.mgrid[-1:1:540j, -1:1:540j]
    shaded = field.pixels * (1 - 0.35 * (x**2 + y**2))
    assert _matched(labels["Nuclei"], segment_field(shaded, FIVE)["Nuclei"]) > 0.95


def test_stain_without_a_known_name():
    pixels = _two_nuclei(40)
    settings = SegmentSettings(nuclei_channel="w1")
    assert segment_field(pixels, ("w1", "w2"), settings=settings)["Nuclei"].max() == 2
    with pytest.raises(InputError, match="nuclei_channel"):
        segment_field(pixels, ("w1", "w2"))
    with pytest.raises(InputError, match="'w3'"):
        segment_field(pixels, ("w1", "w2"), settings=SegmentSettings(nuclei_channel="w3"))


def test_nuclear_stain_alone_widens_nuclei():
    pixels = _two_nuclei(60)[:1]
    labels = segment_field(pixels, ("DNA",), settings=SegmentSettings(cell_diameter=50))
    areas = np.bincount(labels["Cells"].ravel())[1:]
    np.testing.assert_allclose(areas, np.pi * 25**2, rtol=0.2)


def test_border_nuclei_can_be_left_out(simulated):
    field, labels = simulated[0]
    kept = segment_field(field.pixels, FIVE, settings=SegmentSettings(discard_border=True))
    nuclei = kept["Nuclei"]
    assert nuclei.max() < labels["Nuclei"].max()
    assert not any(side.any() for side in (nuclei[0], nuclei[-1], nuclei[:, 0], nuclei[:, -1]))
    np.testing.assert_array_equal(np.unique(nuclei), np.arange(nuclei.max() + 1))


@pytest.mark.parametrize("value", [0, 700, 65535])
def test_flat_field_holds_nothing(value):
    labels = segment_field(np.full((2, 90, 90), value, np.uint16), ("DNA", "ER"))
    assert not any(image.any() for image in labels.values())


def test_noise_holds_nothing():
    pixels = np.random.default_rng(0).poisson(400, (2, 200, 200)).astype(np.uint16)
    assert not segment_field(pixels, ("DNA", "ER"))["Nuclei"].any()


def test_saturated_nuclei_are_still_nuclei():
    pixels = np.minimum(_two_nuclei(40).astype(int) * 30, 65535).astype(np.uint16)
    assert segment_field(pixels, ("DNA", "RNA"))["Nuclei"].max() == 2


def test_same_bytes_twice(simulated):
    field, labels = simulated[2]
    again = segment_field(field.pixels, FIVE)
    assert all((again[name] == labels[name]).all() for name in labels)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((3, 40, 40)), "do not fit"),
        (np.zeros((40, 40)), "do not fit"),
        (np.zeros((2, 0, 40)), "empty"),
        (np.full((2, 40, 40), np.inf), "DNA, ER"),
    ],
)
def test_refuses_with_a_reason(pixels, message):
    with pytest.raises(InputError, match=message):
        segment_field(pixels, ("DNA", "ER"))


def test_refuses_senseless_settings():
    with pytest.raises(ConfigError, match="nucleus_diameter"):
        SegmentSettings(nucleus_diameter=-3)
    with pytest.raises(InputError, match="GFP"):
        settings = SegmentSettings(cell_channels=("GFP",))
        segment_field(_two_nuclei(), ("DNA", "RNA"), settings=settings)
