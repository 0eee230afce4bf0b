"""Planes of one field: none is counted twice, and nobody but a person says what becomes of them."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy.ndimage import gaussian_filter, laplace

from phenolens.config import Study
from phenolens.errors import InputError, UndecidedError
from phenolens.images import project, read_pixels
from phenolens.io.discovery.discover import discover, study_toml
from phenolens.io.integrate import integrate
from phenolens.prepare import prepare

STAINS = ("DNA", "ER")


def write_stacks(folder: Path, *, planes=(1, 2, 3), times=(1,), skip=()) -> dict:
    """Two wells of a Phenix plate; the pixels of each plane by well, channel and plane."""
    random = np.random.default_rng(3)
    written = {}
    for column, plane, time, channel in itertools.product((1, 2), planes, times, (1, 2)):
        if (column, plane) in skip:
            continue
        pixels = random.integers(0, 4000, (24, 32)).astype(np.uint16)
        pixels = gaussian_filter(pixels, abs(plane - 2)) if plane != 2 else pixels
        name = f"r01c{column:02d}f01p{plane:02d}-ch{channel}sk{time}fk1fl1.tiff"
        path = folder / "PL1" / "Images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, pixels)
        written[f"A{column:02d}", channel, plane] = pixels
    return written


def stacked(written: dict, well: str) -> np.ndarray:
    """(C, Z, H, W) of one well."""
    planes = sorted({plane for name, _, plane in written if name == well})
    return np.array([[written[well, channel, p] for p in planes] for channel in (1, 2)])


def read(section, folder: Path, projection) -> tuple:
    images = {"layout": "phenix", "channels": list(STAINS), "projection": projection}
    joined = integrate(section(images=images), folder)
    return joined, {
        well: read_pixels(joined.images, row)
        for row, well in enumerate(joined.images.table["Metadata_Well"])
    }


def test_planes_are_asked_about(tmp_path, section):
    write_stacks(tmp_path)
    with pytest.raises(UndecidedError, match="3 planes a field") as error:
        read(section, tmp_path, None)
    assert error.value.setting == "images.projection"
    assert 'projection = "max"' in error.value.choices


@pytest.mark.parametrize("projection", ["max", "mean", "best focus", "middle", 1, 3])
def test_one_image_is_made_of_the_planes(tmp_path, section, projection):
    written = write_stacks(tmp_path)
    joined, found = read(section, tmp_path, projection)
    assert set(found) == {"A01", "A02"}
    assert len(joined.wells) == 2
    for well, pixels in found.items():
        stack = stacked(written, well)
        expected = {
            "max": stack.max(axis=1),
            "mean": np.rint(stack.mean(axis=1)).astype(np.uint16),
            "best focus": stack[:, 1],
            "middle": stack[:, 1],
            1: stack[:, 0],
            3: stack[:, 2],
        }
        np.testing.assert_array_equal(pixels, expected[projection])
    assert "3 planes a field" in joined.ledger.joins[0].note
    assert joined.ledger.joins[0].unmatched == 0
    assert "Metadata_plane" not in joined.images.table


def test_a_field_with_fewer_planes_is_counted(tmp_path, section):
    written = write_stacks(tmp_path, skip={(2, 3)})
    joined, found = read(section, tmp_path, "max")
    np.testing.assert_array_equal(found["A02"], stacked(written, "A02").max(axis=1))
    assert "1 fields have fewer planes" in joined.ledger.joins[0].note


def test_a_field_without_the_plane_is_set_aside(tmp_path, section):
    write_stacks(tmp_path, skip={(2, 3)})
    joined, found = read(section, tmp_path, 3)
    assert set(found) == {"A01"}
    (aside,) = joined.ledger.set_aside
    assert (aside.plate, aside.well, aside.site, aside.reason) == (
        "PL1",
        "A02",
        "1",
        "there is no plane 3",
    )


def test_a_plane_that_nothing_has_is_refused(tmp_path, section):
    write_stacks(tmp_path)
    with pytest.raises(InputError, match=r"projection = 7: images has planes 1, 2, 3\."):
        read(section, tmp_path, 7)


def test_what_init_writes_asks_and_then_runs(tmp_path, section):
    write_stacks(tmp_path, times=(1, 2))
    found = discover(tmp_path)
    assert {"images.projection", "measurement"} <= {q.setting for q in found.questions}
    text = study_toml(found, relative_to=tmp_path)
    data = Study.model_validate(tomllib.loads(text)).data.model_dump()
    with pytest.raises(UndecidedError):
        integrate(data, tmp_path)
    for line in ('projection = "max"', 'measurement = "Metadata_timepoint == 2"'):
        text = text.replace(f"# {line}", line)
    text = text.replace('# measurement = "Metadata_timepoint == 1"', "")
    assert 'projection = "max"' in text.splitlines()
    data = Study.model_validate(tomllib.loads(text)).data.model_dump()
    data["measurement"] = "Metadata_timepoint == 2"
    assert len(integrate(data, tmp_path).images) == 2


def test_a_truncated_plane_is_named_and_the_rest_goes_on(tmp_path, section):
    write_stacks(tmp_path)
    broken = tmp_path / "PL1" / "Images" / "r01c02f01p03-ch1sk1fk1fl1.tiff"
    broken.write_bytes(broken.read_bytes()[:200])
    images = {"layout": "phenix", "channels": list(STAINS), "projection": "max"}
    joined = integrate(section(images=images), tmp_path)
    prepared = prepare(joined.images, tmp_path / "store")
    assert prepared.images.table["Metadata_Well"].tolist() == ["A01"]
    fault = prepared.set_aside.iloc[0]
    assert (fault["well"], fault["channel"], fault["file"]) == ("A02", "DNA", str(broken))


def test_another_projection_is_prepared_anew(tmp_path, section):
    written = write_stacks(tmp_path)
    for projection in ("max", "mean", "max"):
        images = {"layout": "phenix", "channels": list(STAINS), "projection": projection}
        joined = integrate(section(images=images), tmp_path)
        prepared = prepare(joined.images, tmp_path / "store")
        stack = stacked(written, "A01")
        expected = stack.max(axis=1) if projection == "max" else np.rint(stack.mean(axis=1))
        np.testing.assert_array_equal(prepared.raw(0), expected)


def test_the_sharpest_plane_is_one_for_all_stains():
    random = np.random.default_rng(0)
    sharp = random.normal(size=(2, 32, 32))
    stacks = np.stack([gaussian_filter(sharp, (0, s, s)) for s in (2.0, 0.0, 1.0)], axis=1)
    stacks[1] *= 1000  # a bright stain weighs no more than a dim one
    variances = [[laplace(plane).var() for plane in stain] for stain in stacks]
    assert np.argmax(variances, axis=1).tolist() == [1, 1]
    np.testing.assert_array_equal(project(stacks, "best focus"), stacks[:, 1])
