"""TIFF in the forms that microscopes, ImageJ and Bio-Formats write: one plane, read alone."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from phenolens.errors import InputError
from phenolens.images import read_file
from phenolens.io.images.headers import read_header
from phenolens.readers import reader_of, tiff
from phenolens.readers.index import parse_index

STACK = np.random.default_rng(0).integers(0, 4096, (2, 3, 4, 32, 48)).astype(np.uint16)
FORMS = {
    "plain.tif": {},
    "big-endian.tif": {"byteorder": ">"},
    "bigtiff.tif": {"bigtiff": True},
    "lzw.tif": {"compression": "lzw", "predictor": True},
    "deflate.tif": {"compression": "zlib"},
    "zstd.tif": {"compression": "zstd", "tile": (16, 16)},
    "imagej.tif": {"imagej": True, "metadata": {"axes": "TZCYX"}},
    "tiled.ome.tif": {"metadata": {"axes": "TZCYX"}, "tile": (16, 16), "compression": "zlib"},
    "plain.ome.tif": {"metadata": {"axes": "TZCYX"}},
    "strips.btf": {"bigtiff": True, "rowsperstrip": 5},
}


@pytest.mark.parametrize("name", FORMS)
def test_any_plane_any_part_and_the_whole_are_what_was_written(tmp_path, name):
    tifffile.imwrite(tmp_path / name, STACK, photometric="minisblack", **FORMS[name])
    for index in ("", "1", "1,2", "1,2,3", "0,0,0", "0,1,2"):
        place = parse_index(index)
        np.testing.assert_array_equal(read_file(tmp_path / name, place), STACK[place.position])
    for outside in ("2", "0,3", "1,2,4", "0,0,0,0,0,0"):
        with pytest.raises(InputError, match="outside the stack"):
            read_file(tmp_path / name, parse_index(outside))


def test_an_imagej_file_says_its_axes_pixel_size_and_stains(tmp_path):
    labels = ["DNA", "ER", "Mito", "AGP"]
    tifffile.imwrite(
        tmp_path / "a.tif", STACK[0, 0], imagej=True, resolution=(2.0, 2.0),
        metadata={"axes": "CYX", "unit": "um", "Labels": labels},
    )  # fmt: skip
    (series,) = tiff.describe(tmp_path / "a.tif")
    assert (series.axes, series.shape) == ("CYX", (4, 32, 48))
    assert series.channels == tuple(labels)
    assert series.pixel_size_um == 0.5


@pytest.mark.parametrize("form", ["c:{n}/4 - A01.nd2", "P1_A01.tif #{n}", "c:{n}/4"])
def test_labels_that_say_the_file_or_the_place_are_no_names_of_stains(tmp_path, form):
    labels = [form.format(n=n) for n in range(1, 5)]
    meta = {"axes": "CYX", "Labels": labels}
    tifffile.imwrite(tmp_path / "a.tif", STACK[0, 0], imagej=True, metadata=meta)
    assert tiff.describe(tmp_path / "a.tif")[0].channels == ()


def test_a_virtual_stack_of_imagej_is_read_past_its_one_directory(tmp_path):
    """ImageJ writes one directory for a contiguous stack beyond 4 GB: images=N is all it says."""
    path = tmp_path / "virtual.tif"
    tifffile.imwrite(path, STACK[0, 0], imagej=True, metadata={"axes": "ZYX"})
    with tifffile.TiffFile(path) as written:
        first = written.pages[0]
        offset, count = first.dataoffsets[0], len(written.pages)
    assert count in (1, 4) and offset
    np.testing.assert_array_equal(read_file(path, parse_index("3")), STACK[0, 0, 3])


def test_only_the_plane_is_read_from_a_file_that_is_one_block(tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, photometric="minisblack")
    whole = tifffile.TiffPageSeries.asarray
    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", lambda *_, **__: 1 / 0)
    np.testing.assert_array_equal(read_file(path, parse_index("1,2,3")), STACK[1, 2, 3])
    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", whole)


def test_jpeg_inside_tiff_is_read_as_tifffile_reads_it(tmp_path):
    path = tmp_path / "jpeg.tif"
    values = (STACK[0, 0] >> 4).astype(np.uint8)
    tifffile.imwrite(path, values, photometric="minisblack", compression="jpeg", tile=(16, 16))
    plane = read_file(path, parse_index("2"))
    np.testing.assert_array_equal(plane, tifffile.imread(path, key=2))
    assert np.corrcoef(plane.ravel(), values[2].ravel())[0, 1] > 0.9


def test_a_pyramid_is_its_full_resolution(tmp_path):
    path = tmp_path / "pyramid.ome.tif"
    image = STACK[0, 0]
    with tifffile.TiffWriter(path) as writer:
        writer.write(image, subifds=1, tile=(16, 16), metadata={"axes": "CYX"})
        writer.write(image[:, ::2, ::2], subfiletype=1, tile=(16, 16))
    (series,) = tiff.describe(path)
    assert series.shape == (1, 1, 4, 32, 48)
    np.testing.assert_array_equal(read_file(path, parse_index("2")), image[2])
    np.testing.assert_array_equal(read_file(path, parse_index("p2")), image[2])


def test_of_a_file_with_several_images_one_must_be_named(tmp_path):
    path = tmp_path / "several.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        for image in STACK[0]:
            writer.write(image, metadata={"axes": "CYX"}, photometric="minisblack")
    assert [series.number for series in tiff.describe(path)] == [0, 1, 2]
    with pytest.raises(InputError, match=r"holds 3 images .* 's0:' says which"):
        read_file(path)
    with pytest.raises(InputError, match="holds 3 images"):
        read_file(path, parse_index("1"))
    np.testing.assert_array_equal(read_file(path, parse_index("s2:1")), STACK[0, 2, 1])
    np.testing.assert_array_equal(read_file(path, parse_index("s1:")), STACK[0, 1])
    with pytest.raises(InputError, match="s3:0 is outside"):
        read_file(path, parse_index("s3:0"))


def test_a_file_that_changed_is_read_anew(tmp_path):
    path = tmp_path / "a.ome.tif"
    for value in (1, 2):
        tifffile.imwrite(path, np.full((2, 8 * value, 8), value, np.uint16))
        assert read_file(path, parse_index("1")).shape == (8 * value, 8)


def test_few_files_are_kept_in_mind(tmp_path):
    for number in range(9):
        path = tmp_path / f"{number}.tif"
        tifffile.imwrite(path, STACK[0, 0], photometric="minisblack")
        read_file(path, parse_index("1"))
    assert tiff._opened.cache_info().currsize <= 4
    assert all(
        series[0].parent.filehandle.closed for series in [tiff._opened(path, *tiff._state(path))]
    )


def test_a_truncated_file_is_an_error_and_no_zeros(tmp_path):
    path = tmp_path / "cut.ome.tif"
    tifffile.imwrite(path, STACK[0], metadata={"axes": "ZCYX"}, compression="zlib")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for index in ("", "p11", "s0:", "11"):
        with pytest.raises(InputError):
            read_file(path, parse_index(index))


def test_readers_go_by_the_ending():
    from pathlib import Path

    names = ["a.TIF", "a.ome.tiff", "a.npy", "a.png", "a.czi"]
    ends = [reader_of(Path(name)).__name__.rpartition(".")[2] for name in names]
    assert ends == ["tiff", "tiff", "numpy_file", "picture", "vendor"]


@pytest.mark.parametrize("pages", [1, 2, 3])
@pytest.mark.parametrize("form", [{}, {"byteorder": ">"}, {"bigtiff": True}])
@pytest.mark.parametrize("index", ["", "0", "s0", "s1"])
def test_directories_that_lead_in_a_circle_are_refused_and_end(tmp_path, pages, form, index):
    path = tmp_path / "circle.tif"
    with tifffile.TiffWriter(path, **form) as writer:
        for _ in range(pages):
            writer.write(STACK[0, 0, 0], contiguous=False, metadata=None)
    with tifffile.TiffFile(path) as whole:
        first, last = whole.pages[0].offset, whole.pages[pages - 1].offset
        kind, count = whole.tiff, len(whole.pages[pages - 1].tags)
    with path.open("r+b") as file:
        file.seek(last + kind.tagnosize + count * kind.tagsize)
        file.write(first.to_bytes(kind.offsetsize, "big" if kind.byteorder == ">" else "little"))
    with pytest.raises(InputError, match="lead in a circle"):
        read_file(path, parse_index(index))
    if index == "s1":
        assert "lead in a circle" in read_header(path, index).fault


@pytest.mark.parametrize("kept", [20, 60, 200, 400])
def test_a_file_that_ends_early_ends(tmp_path, kept):
    path = tmp_path / "cut.tif"
    tifffile.imwrite(path, STACK[0, 0, 0])
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"cannot be read|holds no image|circle"):
        read_file(path)
