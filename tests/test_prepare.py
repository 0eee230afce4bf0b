"""The prepared store: originals read once, damage named, resume, illumination, OME-NGFF."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from phenolens import illumination
from phenolens.audit.pixels import pixel_findings
from phenolens.errors import InputError
from phenolens.images import ImageSet
from phenolens.prepare import prepare, save_estimates
from phenolens.prepared import MARK, save_labels

CHANNELS = ("DNA", "ER")


def write_fields(folder: Path, n: int = 4, size: int = 40) -> ImageSet:
    rng = np.random.default_rng(0)
    rows = []
    for number in range(n):
        row = {"Metadata_Plate": "P1", "Metadata_Well": f"A{number // 2 + 1:02d}"}
        row["Metadata_Site"] = str(number % 2 + 1)
        for channel in CHANNELS:
            path = folder / f"{number}-{channel}.tiff"
            tifffile.imwrite(path, rng.integers(100, 5000, (size, size), dtype=np.uint16))
            row |= {f"Path_{channel}": str(path), f"Index_{channel}": ""}
        rows.append(row)
    return ImageSet(pd.DataFrame(rows), CHANNELS, "field", 0.65)


def write_crops(folder: Path) -> ImageSet:
    rng = np.random.default_rng(1)
    rows = []
    for well in ("A01", "B02"):
        path = folder / f"{well}.tiff"
        tifffile.imwrite(path, rng.integers(0, 255, (5, 2, 16, 16), dtype=np.uint8))
        for index in range(5):
            key = {"Metadata_Plate": "P1", "Metadata_Well": well, "Metadata_Site": "1"}
            places = {f"Path_{c}": str(path) for c in CHANNELS}
            where = {f"Index_{c}": f"{index},{i}" for i, c in enumerate(CHANNELS)}
            rows.append(key | {"Metadata_ObjectNumber": index} | places | where)
    return ImageSet(pd.DataFrame(rows), CHANNELS, "cell")


def original(images: ImageSet, row: int) -> np.ndarray:
    return np.stack([tifffile.imread(images.table[f"Path_{c}"][row]) for c in images.channels])


def test_pixels_come_back_unchanged_and_from_the_store_only(tmp_path):
    images = write_fields(tmp_path)
    expected = [original(images, row) for row in range(4)]
    prepared = prepare(images, tmp_path / "store")
    for path in tmp_path.glob("*.tiff"):
        path.unlink()
    for row in range(4):
        np.testing.assert_array_equal(prepared.raw(row), expected[row])


def test_crops_of_a_stack_come_back_by_their_key(tmp_path):
    images = write_crops(tmp_path)
    shuffled = images.take(np.random.default_rng(0).permutation(10))
    prepared = prepare(shuffled, tmp_path / "store")
    for row in range(10):
        values = prepared.images.table.iloc[row]
        stack = tifffile.imread(tmp_path / f"{values['Metadata_Well']}.tiff")
        np.testing.assert_array_equal(prepared.raw(row), stack[values["Metadata_ObjectNumber"]])


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.unlink(), "missing"),
        (lambda path: path.write_bytes(b""), r"empty \(0 bytes\)"),
        (lambda path: path.write_bytes(path.read_bytes()[:300]), "cannot be read"),
        (lambda path: path.write_bytes(b"not a picture at all"), "cannot be read"),
        (lambda path: tifffile.imwrite(path, np.zeros((8, 8), np.uint16)), r"8x8.*2-ER\.tiff"),
        (
            lambda path: tifffile.imwrite(path, np.zeros((40, 40), np.uint8)),
            "uint8, where most images of the screen have uint16",
        ),
        (lambda path: tifffile.imwrite(path, np.zeros((2, 40, 40), np.uint16)), "one grey plane"),
    ],
)
def test_a_damaged_image_is_set_aside_by_name_and_the_others_done(tmp_path, damage, reason):
    images = write_fields(tmp_path)
    damage(tmp_path / "2-ER.tiff")
    prepared = prepare(images, tmp_path / "store")
    assert len(prepared) == 3
    aside = prepared.set_aside.iloc[0]
    assert (aside["plate"], aside["well"], aside["site"]) == ("P1", "A02", "1")
    assert pd.Series([aside["reason"]]).str.contains(reason).all()


def test_no_readable_image_is_an_error(tmp_path):
    images = write_fields(tmp_path, n=2)
    for path in tmp_path.glob("*.tiff"):
        path.write_bytes(b"")
    with pytest.raises(InputError, match="None of 2 images"):
        prepare(images, tmp_path / "store")


def test_a_second_run_reads_no_original_and_a_killed_one_resumes(tmp_path):
    images = write_fields(tmp_path)
    prepare(images.take(np.array([0, 1])), tmp_path / "store")
    leftover = tmp_path / "store" / "P1.zarr" / "A" / "2" / ".partial-1"
    leftover.mkdir(parents=True)
    for number in (0, 1):
        (tmp_path / f"{number}-DNA.tiff").unlink()
    prepared = prepare(images, tmp_path / "store")
    assert len(prepared) == 4
    assert not leftover.exists()


def test_a_file_that_was_mended_is_read_again(tmp_path):
    images = write_fields(tmp_path)
    good = (tmp_path / "2-ER.tiff").read_bytes()
    (tmp_path / "2-ER.tiff").write_bytes(b"")
    assert len(prepare(images, tmp_path / "store")) == 3
    (tmp_path / "2-ER.tiff").write_bytes(good)
    assert len(prepare(images, tmp_path / "store")) == 4


def test_jobs_do_not_change_a_byte(tmp_path):
    images = write_fields(tmp_path)
    for jobs in (1, 2):
        prepare(images, tmp_path / f"store{jobs}", jobs=jobs)
    one, two = (
        {
            p.relative_to(tmp_path / s): p.read_bytes()
            for p in (tmp_path / s).rglob("*")
            if p.is_file() and p.name != MARK  # which says how old the originals were
        }
        for s in ("store1", "store2")
    )
    assert one == two


def test_uneven_light_is_found_and_removed(tmp_path):
    rng = np.random.default_rng(0)
    lit = np.linspace(0.6, 1.4, 64)[None, :] * np.ones((64, 1))
    fields = rng.gamma(4, 250, (40, 1, 64, 64)) * lit
    function = illumination.enlarge(
        illumination.estimate(np.stack([illumination.thumbnail(f) for f in fields])), (64, 64)
    )
    assert np.corrcoef(function[0].mean(axis=0), lit[0])[0, 1] > 0.99
    assert abs(function.mean() - 1) < 0.02


def test_given_functions_are_applied(tmp_path):
    images = write_fields(tmp_path)
    np.save(tmp_path / "illum.npy", np.full((40, 40), 2.0))
    columns = {f"Illum_{c}": str(tmp_path / "illum.npy") for c in CHANNELS}
    images = ImageSet(images.table.assign(**columns), CHANNELS)
    prepared = prepare(images, tmp_path / "store")
    np.testing.assert_allclose(prepared.pixels(0), prepared.raw(0) / 2)


@pytest.mark.parametrize(
    ("second", "says"),
    [
        (
            np.full((20, 20), 2.0),
            "second.npy is an illumination function of 20x20 .* has 40x40",
        ),
        (np.zeros((40, 40)), "zero, negative or no number"),
        (np.full((40, 40), np.nan), "zero, negative or no number"),
    ],
)
def test_a_given_function_that_cannot_be_one_is_refused_by_name(tmp_path, second, says):
    images = write_fields(tmp_path)
    np.save(tmp_path / "first.npy", np.full((40, 40), 2.0))
    np.save(tmp_path / "second.npy", second)
    columns = {f"Illum_{c}": str(tmp_path / "first.npy") for c in CHANNELS}
    columns[f"Illum_{CHANNELS[-1]}"] = str(tmp_path / "second.npy")
    images = ImageSet(images.table.assign(**columns), CHANNELS)
    with pytest.raises(InputError, match=says) as refused:
        prepare(images, tmp_path / "store")
    assert "second.npy" in str(refused.value)


def test_functions_of_another_size_than_the_images_are_refused_by_name(tmp_path):
    images = write_fields(tmp_path)
    np.save(tmp_path / "illum.npy", np.full((40, 80), 2.0))
    columns = {f"Illum_{c}": str(tmp_path / "illum.npy") for c in CHANNELS}
    images = ImageSet(images.table.assign(**columns), CHANNELS)
    says = r"illum.npy is an illumination function of 80x40 pixels, and the image .*0-DNA.tiff of"
    with pytest.raises(InputError, match=says):
        prepare(images, tmp_path / "store")


def test_a_function_that_cannot_be_read_is_named(tmp_path):
    images = write_fields(tmp_path)
    (tmp_path / "illum.npy").write_bytes(b"")
    columns = {f"Illum_{c}": str(tmp_path / "illum.npy") for c in CHANNELS}
    images = ImageSet(images.table.assign(**columns), CHANNELS)
    says = r"illum.npy, an illumination function of plate \w+, cannot be used: the file is empty"
    with pytest.raises(InputError, match=says):
        prepare(images, tmp_path / "store")


def test_two_functions_in_one_plate_are_refused_unless_they_are_copies(tmp_path):
    images = write_fields(tmp_path)
    first, second = tmp_path / "first.npy", tmp_path / "second.npy"
    for path in (first, second):
        np.save(path, np.full((40, 40), 2.0))
    named = [str(first), *[str(second)] * (len(images) - 1)]
    columns = {f"Illum_{c}": named for c in CHANNELS}
    images = ImageSet(images.table.assign(**columns), CHANNELS)
    prepared = prepare(images, tmp_path / "store")
    np.testing.assert_allclose(prepared.pixels(1), prepared.raw(1) / 2)
    np.save(second, np.full((40, 40), 4.0))
    with pytest.raises(InputError, match=r"P1 has two illumination functions of DNA: .*first.npy"):
        prepare(images, tmp_path / "store")


def test_functions_of_which_some_are_not_there_are_estimated(tmp_path):
    images = write_fields(tmp_path)
    np.save(tmp_path / "illum.npy", np.full((40, 40), 2.0))
    columns = {f"Illum_{c}": str(tmp_path / "illum.npy") for c in CHANNELS}
    columns[f"Illum_{CHANNELS[-1]}"] = ""
    images = ImageSet(images.table.assign(**columns), CHANNELS)
    prepared = prepare(images, tmp_path / "store")
    np.testing.assert_allclose(prepared.pixels(0), prepared.raw(0))
    with pytest.raises(InputError, match="or they are not there"):
        prepare(images, tmp_path / "other", correct="given")


def test_asking_for_functions_that_are_not_there_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match="estimate"):
        prepare(write_fields(tmp_path), tmp_path / "store", correct="given")


def test_other_readers_open_the_store_as_ome_zarr(tmp_path):
    pytest.importorskip("ome_zarr")
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    prepared = prepare(write_fields(tmp_path), tmp_path / "store")
    label = np.arange(1600, dtype=np.int32).reshape(40, 40)
    save_labels(prepared, 0, {"Nuclei": label})
    nodes = list(Reader(parse_url(tmp_path / "store" / "P1.zarr" / "A" / "1" / "1"))())
    np.testing.assert_array_equal(np.asarray(nodes[0].data[0]), prepared.raw(0))
    np.testing.assert_array_equal(prepared.labels(0)["Nuclei"], label)


def test_estimated_functions_are_saved_at_the_size_of_a_field(tmp_path):
    prepared = prepare(write_fields(tmp_path, n=16, size=100), tmp_path / "store")
    saved = save_estimates(prepared, tmp_path / "illumination")
    assert [path.name for path in saved] == ["P1_IllumDNA.npy", "P1_IllumER.npy"]
    functions = np.stack([np.load(path, allow_pickle=False) for path in saved])
    assert functions.dtype == np.float32
    np.testing.assert_allclose(prepared.raw(3) / functions, prepared.pixels(3), rtol=1e-5)
    assert functions.mean() == pytest.approx(1, abs=0.02)


def test_given_functions_are_not_saved_again(tmp_path):
    images = write_fields(tmp_path, n=16)
    np.save(tmp_path / "given.npy", np.full((40, 40), 2.0, np.float32))
    given = {f"Illum_{channel}": str(tmp_path / "given.npy") for channel in CHANNELS}
    given = ImageSet(images.table.assign(**given), CHANNELS)
    assert save_estimates(prepare(given, tmp_path / "store"), tmp_path / "illumination") == []
    anew = prepare(given, tmp_path / "store", correct="estimate")
    assert len(save_estimates(anew, tmp_path / "illumination", correct="estimate")) == 2


def test_a_nan_in_one_file_sets_its_field_aside_by_name(tmp_path):
    images = write_fields(tmp_path)
    for path in tmp_path.glob("*.tiff"):
        tifffile.imwrite(path, tifffile.imread(path).astype(np.float32))
    spoilt = tifffile.imread(tmp_path / "2-ER.tiff")
    spoilt[3, 4] = np.nan
    tifffile.imwrite(tmp_path / "2-ER.tiff", spoilt)
    for _ in range(2):  # a second run knows it from the store
        prepared = prepare(images, tmp_path / "store")
        (aside,) = prepared.set_aside.to_dict("records")
        assert (aside["plate"], aside["well"], aside["site"]) == ("P1", "A02", "1")
        assert (aside["channel"], Path(aside["file"]).name) == ("ER", "2-ER.tiff")
        assert "NaN or infinite" in aside["reason"]
        assert aside["why"].code == "image-not-usable"
        assert len(prepared) == 3


def test_a_nan_in_every_file_is_one_line(tmp_path):
    images = write_fields(tmp_path, n=2)
    for path in tmp_path.glob("*.tiff"):
        tifffile.imwrite(path, np.full((40, 40), np.nan, np.float32))
    with pytest.raises(InputError, match=r"None of 2 images can be used.*DNA \(.*NaN"):
        prepare(images, tmp_path / "store")


@pytest.mark.parametrize("keep", [False, True])
def test_another_depth_in_one_field(tmp_path, keep):
    images = write_fields(tmp_path)
    odd = tifffile.imread(tmp_path / "2-ER.tiff").astype(np.uint32)
    tifffile.imwrite(tmp_path / "2-ER.tiff", odd)
    prepared = prepare(images, tmp_path / "store", keep=keep)
    assert len(prepared) == 3 + keep
    assert [depth.scale for depth in prepared.depths] == [65_535, 65_535]
    if keep:
        np.testing.assert_array_equal(prepared.raw(2)[1], odd)
    else:
        assert "uint32, where most images" in prepared.set_aside["reason"].iloc[0]


def test_floats_on_another_scale_are_set_aside(tmp_path):
    images = write_fields(tmp_path)
    for path in tmp_path.glob("*.tiff"):
        divisor = 1 if path.name == "2-ER.tiff" else 65_535
        tifffile.imwrite(path, tifffile.imread(path).astype(np.float32) / divisor)
    prepared = prepare(images, tmp_path / "store")
    assert [depth.scale for depth in prepared.depths] == [1, 1]
    assert "intensities are counts" in prepared.set_aside["reason"].iloc[0]


def coloured(folder: Path, picture: np.ndarray) -> ImageSet:
    images = write_fields(folder)
    for path in folder.glob("*-ER.tiff"):
        tifffile.imwrite(path, picture, photometric="rgb")
    return images


GREY = np.random.default_rng(0).integers(1, 5000, (40, 40), dtype=np.uint16)


@pytest.mark.parametrize(
    "picture",
    [
        np.stack([GREY] * 3, axis=-1),
        np.stack([GREY, GREY, GREY, np.full_like(GREY, 65_535)], axis=-1),
        np.stack([GREY * 0, GREY * 0, GREY], axis=-1),
    ],
)
def test_a_picture_whose_colours_say_the_same_is_grey(tmp_path, picture):
    prepared = prepare(coloured(tmp_path, picture), tmp_path / "store")
    assert len(prepared) == 4
    np.testing.assert_array_equal(prepared.raw(0)[1], GREY)


def test_real_colour_is_set_aside(tmp_path):
    images = write_fields(tmp_path)
    real = np.stack([GREY, GREY // 2, GREY // 3], axis=-1)
    tifffile.imwrite(tmp_path / "2-ER.tiff", real, photometric="rgb")
    prepared = prepare(images, tmp_path / "store")
    assert len(prepared) == 3
    assert "colour picture" in prepared.set_aside["reason"].iloc[0]


def findings(prepared) -> dict:
    return {found.code: found for found in pixel_findings(prepared)}


def test_plain_pixels_are_in_order(tmp_path):
    found = findings(prepare(write_fields(tmp_path), tmp_path / "store"))
    assert list(found) == ["depth-found"]
    assert found["depth-found"].severity == "ok"
    assert "uint16 and use 13 bits (highest 4,999); intensity 1 is 65,535" in (
        found["depth-found"].text
    )


def test_planes_of_one_value_are_named_and_kept(tmp_path):
    images = write_fields(tmp_path)
    for number, value in enumerate((0, 65_535, 300)):
        tifffile.imwrite(tmp_path / f"{number}-ER.tiff", np.full((40, 40), value, np.uint16))
    prepared = prepare(images, tmp_path / "store")
    assert len(prepared) == 4
    flat = findings(prepared)["planes-flat"]
    assert flat.values["kinds"] == {"black": 1, "saturated": 1, "constant": 1}
    assert "plate P1, well A01, site 1, ER" in flat.text


def test_saturated_planes_are_named(tmp_path):
    images = write_fields(tmp_path)
    burnt = np.minimum(tifffile.imread(tmp_path / "2-ER.tiff"), 1000)
    tifffile.imwrite(tmp_path / "2-ER.tiff", burnt)
    found = findings(prepare(images, tmp_path / "store"))["planes-saturated"]
    assert "well A02, site 1, ER" in found.text


def test_a_stain_that_is_another_and_an_image_that_is_another_are_named(tmp_path):
    images = write_fields(tmp_path)
    (tmp_path / "2-ER.tiff").write_bytes((tmp_path / "2-DNA.tiff").read_bytes())
    (tmp_path / "1-DNA.tiff").write_bytes((tmp_path / "0-DNA.tiff").read_bytes())
    found = findings(prepare(images, tmp_path / "store"))
    assert "DNA and ER hold the very same pixels in 1 of 4 images" in found["stains-identical"].text
    assert found["stains-identical"].severity == "warning"
    assert "site 1, DNA" in found["images-identical"].text
    assert "P1/A01/2" in found["images-identical"].text


def test_negative_values_are_named(tmp_path):
    images = write_fields(tmp_path)
    for path in tmp_path.glob("*.tiff"):
        tifffile.imwrite(path, tifffile.imread(path).astype(np.int16) - 200)
    prepared = prepare(images, tmp_path / "store")
    assert len(prepared) == 4
    assert "8 planes hold negative values, down to -" in findings(prepared)["pixels-negative"].text
    assert [depth.scale for depth in prepared.depths] == [65_535, 65_535]
