"""Headers: the quick look at a TIFF file says what tifffile says, and oddities are named."""

from __future__ import annotations

import struct
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from phenolens.io.images.headers import Header, _plain_tiff, read_header, tiff_header

OME = {"PhysicalSizeX": 0.65, "PhysicalSizeY": 0.65, "SignificantBits": 12}
WRITTEN = {
    "plain": {},
    "zlib": {"compression": "zlib"},
    "lzw": {"compression": "lzw", "predictor": True},
    "big-endian": {"byteorder": ">"},
    "BigTIFF": {"bigtiff": True},
    "centimetres": {"resolution": (15_503, 15_503), "resolutionunit": "CENTIMETER"},
    "print": {"resolution": (300, 300), "resolutionunit": "INCH"},
    "OME": {"ome": True, "metadata": OME},
    "ImageJ": {"imagej": True, "resolution": (2, 2), "metadata": {"unit": "um"}},
    "tiles": {"tile": (16, 16)},
    "strips": {"rowsperstrip": 3},
    "text": {"metadata": None, "description": "exposure 100 ms"},
    "most": {"extratags": [(281, 3, 1, 4095, True)]},
    "negative": {"photometric": "miniswhite"},
    "contiguous": {"truncate": True},
}


@pytest.mark.parametrize("way", WRITTEN)
@pytest.mark.parametrize("planes", [(), (2,)])
def test_the_quick_look_says_what_tifffile_says(tmp_path, way, planes):
    looked = 0
    for dtype in ("u1", "u2", "u4", "i2", "i4", "f4", "f8"):
        path = tmp_path / f"{dtype}.tif"
        try:
            tifffile.imwrite(path, np.zeros((*planes, 20, 30), dtype), **WRITTEN[way])
        except ValueError:  # ImageJ has no such files
            continue
        quick, known = _plain_tiff(path), tiff_header(path)
        assert quick in (None, known)
        assert read_header(path) == known
        assert (known.height, known.width, known.dtype) == (20, 30, np.dtype(dtype).name)
        looked += quick is not None
    assert looked or planes or way == "BigTIFF"


@pytest.mark.parametrize("way", ["plain", "zlib", "big-endian", "BigTIFF", "OME", "tiles"])
@pytest.mark.parametrize(
    ("shape", "planar", "colour"),
    [
        ((20, 30, 3), "contig", "RGB"),
        ((20, 30, 4), "contig", "RGBA"),
        ((3, 20, 30), "separate", "RGB"),
    ],
)
def test_colour_is_seen(tmp_path, way, shape, planar, colour):
    path, kept = tmp_path / "a.tif", {"photometric": "rgb", "planarconfig": planar}
    metadata = {"metadata": {"axes": "SYX" if planar == "separate" else "YXS"}}
    tifffile.imwrite(path, np.zeros(shape, np.uint16), **(WRITTEN[way] | kept | metadata))
    assert _plain_tiff(path) in (None, tiff_header(path))
    found = read_header(path)
    assert (found.height, found.width, found.colour) == (20, 30, colour)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 400), byte=st.integers(0, 255))
def test_a_damaged_header_is_a_fault_or_a_header_never_an_error(tmp_path, at, byte):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((6, 8), np.uint16), resolution=(2, 2), resolutionunit=3)
    content = bytearray(path.read_bytes())
    content[min(at, len(content) - 1)] = byte
    path.write_bytes(content)
    assert isinstance(read_header(path), Header)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(length=st.integers(0, 900))
def test_a_truncated_file_is_named(tmp_path, length):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((20, 20), np.uint16))
    whole = path.read_bytes()
    path.write_bytes(whole[: min(length, len(whole) - 1)])
    assert read_header(path).fault


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "empty"), (b"not a picture at all", "header cannot be read"), (b"II*\0", "header")],
)
def test_no_image_is_a_fault(tmp_path, content, said):
    (tmp_path / "a.tif").write_bytes(content)
    assert said in read_header(tmp_path / "a.tif").fault


def test_an_absent_file_and_another_kind(tmp_path):
    assert "missing" in read_header(tmp_path / "a.tif").fault
    assert read_header(tmp_path / "a.nd2") is None


@pytest.mark.parametrize(
    ("way", "size", "ignored"),
    [
        ({"resolution": (15_384, 15_384), "resolutionunit": "CENTIMETER"}, 0.65, ""),
        ({"resolution": (72, 72), "resolutionunit": "INCH"}, None, ""),
        # Opera Phenix writes the pixels of its camera: 6.45 um
        ({"resolution": (1550.3, 1550.3), "resolutionunit": "CENTIMETER"}, None, ""),
        ({"resolution": (0, 0), "resolutionunit": "CENTIMETER"}, None, "0/1"),
        ({"resolution": (15_384, 7_692), "resolutionunit": "CENTIMETER"}, None, "15384/1 by"),
        ({"imagej": True, "resolution": (2, 2), "metadata": {"unit": "um"}}, 0.5, ""),
        ({"imagej": True, "resolution": (2, 2), "metadata": {"unit": "micron"}}, 0.5, ""),
        ({"imagej": True, "resolution": (2, 2), "metadata": {"unit": "pixel"}}, None, ""),
        ({"imagej": True, "resolution": (2, 2)}, None, ""),
        ({"ome": True, "metadata": OME}, 0.65, ""),
        ({"ome": True, "metadata": {"PhysicalSizeX": 650, "PhysicalSizeXUnit": "nm"}}, 0.65, ""),
        ({"ome": True, "metadata": {"PhysicalSizeX": -0.65, "PhysicalSizeY": -0.65}}, None, "-0.6"),
        ({"ome": True, "metadata": {"PhysicalSizeX": "inf", "PhysicalSizeY": "inf"}}, None, "inf"),
        ({"ome": True, "metadata": {"PhysicalSizeX": "wide"}}, None, "wide"),
        ({"ome": True, "metadata": {"PhysicalSizeX": 0, "PhysicalSizeY": 0}}, None, "0"),
        ({}, None, ""),
    ],
)
def test_a_pixel_size_and_what_is_none(tmp_path, way, size, ignored):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((6, 8), np.uint16), **way)
    found = read_header(tmp_path / "a.tif")
    assert found.pixel_size_um == (None if size is None else pytest.approx(size, rel=1e-3))
    assert ignored in found.resolution
    assert bool(found.resolution) == bool(ignored)


def metamorph(size: str, units: str, state: str = "on") -> str:
    """As ImageXpress describes its files, in the words of MetaMorph."""
    return (
        '<MetaData>\n<PlaneInfo>\n<prop id="bits-per-pixel" type="int" value="12"/>\n'
        f'<prop id="spatial-calibration-state" type="bool" value="{state}"/>\n'
        f'<prop id="spatial-calibration-x" type="float" value="{size}"/>\n'
        f'<prop id="spatial-calibration-y" type="float" value="{size}"/>\n'
        f'<prop id="spatial-calibration-units" type="string" value="{units}"/>\n'
        "</PlaneInfo>\n</MetaData>"
    )


@pytest.mark.parametrize(
    ("description", "size"),
    [
        (metamorph("0.3417", "um"), 0.3417),
        (metamorph("1.3556", "microns"), 1.3556),
        (metamorph("1", "pixel"), None),
        (metamorph("0.3417", "um", "off"), None),
    ],
)
def test_metamorph_says_size_and_bits(tmp_path, description, size):
    plane = np.zeros((6, 8), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", plane, metadata=None, description=description)
    found = read_header(tmp_path / "a.tif")
    assert (found.pixel_size_um, found.bits, found.resolution) == (size, 12, "")


def test_bits_said_to_be_used(tmp_path):
    for number, way in enumerate(({"ome": True, "metadata": OME}, WRITTEN["most"])):
        path = tmp_path / f"{number}.tif"
        tifffile.imwrite(path, np.zeros((6, 8), np.uint16), **way)
        assert read_header(path).bits == 12


@pytest.mark.parametrize(
    ("kind", "fraction"), [(10, (-15_384, 1)), (5, (1, 0)), (5, (0, 0)), (5, (0, 1))]
)
def test_a_resolution_that_no_writer_of_ours_makes_is_ignored(tmp_path, kind, fraction):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((6, 8), np.uint16), resolution=(15_384, 15_384))
    content = bytearray(path.read_bytes())
    for code in (282, 283):
        at = content.index(struct.pack("<HHI", code, 5, 1))
        content[at + 2] = kind
        (where,) = struct.unpack_from("<I", content, at + 8)
        struct.pack_into("<ii", content, where, *fraction)
    path.write_bytes(content)
    assert read_header(path).resolution == f"{fraction[0]}/{fraction[1]}"
    assert read_header(path) == tiff_header(path)


@pytest.mark.parametrize(
    ("array", "ending", "colour", "dtype", "lossy"),
    [
        (np.zeros((20, 30), np.uint8), ".png", "", "uint8", False),
        (np.zeros((20, 30), np.uint16), ".png", "", "uint16", False),
        (np.zeros((20, 30, 3), np.uint8), ".png", "RGB", "uint8", False),
        (np.zeros((20, 30, 4), np.uint8), ".png", "RGBA", "uint8", False),
        (np.zeros((20, 30), np.uint8), ".jpg", "", "uint8", True),
        (np.zeros((20, 30, 3), np.uint8), ".jpeg", "RGB", "uint8", True),
        (np.zeros((20, 30), np.uint8), ".bmp", "", "uint8", False),
    ],
)
def test_pictures(tmp_path, array, ending, colour, dtype, lossy):
    path = tmp_path / f"a{ending}"
    Image.fromarray(array).save(path)
    found = read_header(path)
    assert (found.height, found.width, found.dtype) == (20, 30, dtype)
    assert (found.colour, found.lossy, found.fault) == (colour, lossy, "")


def test_a_png_without_its_end(tmp_path):
    path: Path = tmp_path / "a.png"
    Image.fromarray(np.arange(600, dtype=np.uint8).reshape(20, 30)).save(path)
    path.write_bytes(path.read_bytes()[:-40])
    assert "truncated" in read_header(path).fault


def test_jpeg_in_tiff_palettes_and_arrays(tmp_path):
    plane = np.zeros((32, 32), np.uint8)
    tifffile.imwrite(tmp_path / "jpeg.tif", plane, compression="jpeg")
    assert read_header(tmp_path / "jpeg.tif").lossy
    Image.fromarray(plane).convert("P").save(tmp_path / "palette.tif")
    assert read_header(tmp_path / "palette.tif").colour == "palette"
    np.save(tmp_path / "a.npy", np.zeros((5, 2, 20, 30), np.float32))
    found = read_header(tmp_path / "a.npy")
    assert (found.height, found.width, found.dtype, found.pages) == (20, 30, "float32", 10)


def test_the_series_of_an_index_is_looked_at(tmp_path):
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        for height in (20, 40):
            writer.write(np.zeros((2, height, 30), np.uint16), metadata={"axes": "CYX"})
    heights = [read_header(path, index).height for index in ("", "s0:", "s1:0", "s1:1")]
    assert heights == [20, 20, 40, 40]


def test_sizes_of_files_from_independent_writers(tmp_path):
    """Pillow (libtiff) writes its directory behind the pixels, and dots per inch."""
    for compression, dtype in product((None, "tiff_lzw", "tiff_adobe_deflate"), ("u1", "u2")):
        path = tmp_path / f"{compression}{dtype}.tif"
        plane = np.zeros((20, 30), dtype)
        Image.fromarray(plane).save(path, compression=compression, dpi=(96, 96))
        assert _plain_tiff(path) == tiff_header(path)
        assert read_header(path) == Header(20, 30, np.dtype(dtype).name)
