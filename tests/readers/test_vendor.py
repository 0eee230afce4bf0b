"""Files of Zeiss, Nikon and Leica go through bioio, or are refused with what to install."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from phenolens.config import Data
from phenolens.errors import InputError
from phenolens.images import read_file, read_pixels
from phenolens.io.integrate import integrate
from phenolens.readers import vendor
from phenolens.readers.index import parse_index


def test_without_bioio_the_command_that_brings_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "bioio", None)
    (tmp_path / "a.nd2").write_bytes(b"xx")
    with pytest.raises(InputError, match=r"pip install bioio bioio-nd2$"):
        read_file(tmp_path / "a.nd2")


def test_without_the_reader_its_name_is_said(tmp_path, bioio):
    (tmp_path / "a.lif").write_bytes(b"xx")
    with pytest.raises(InputError, match=r"pip install bioio-lif$"):
        vendor.describe(tmp_path / "a.lif")


def test_a_folder_of_such_files_is_refused_with_what_to_install(tmp_path, monkeypatch, command):
    monkeypatch.setitem(sys.modules, "bioio", None)
    for name in ("plate.czi", "scan.czi"):
        (tmp_path / name).write_bytes(b"xx")
    answer = command("init", tmp_path, "-o", tmp_path / "study.toml")
    assert answer.refused().endswith("Run: pip install bioio bioio-czi")


def test_scenes_become_fields_of_the_wells_that_they_name(tmp_path, bioio):
    for name in ("P1.czi", "P2.nd2"):
        (tmp_path / name).write_bytes(b"xx")
    (tmp_path / "P3.czi").write_bytes(b"x")
    given = {"layout": "bioio", "projection": 2, "channels": ["DNA", "ER", "AGP"]}
    found = integrate(Data.model_validate({"images": given}).model_dump(), tmp_path)
    table = found.images.table
    assert list(table["Metadata_Plate"]) == ["P1", "P1", "P2", "P2"]
    assert list(table["Metadata_Well"]) == ["A01", "A02", "A01", "A02"]
    assert list(table["Metadata_Site"]) == ["1"] * 4
    np.testing.assert_array_equal(read_pixels(found.images, 1), bioio.pixels[1, 0, :, 1])


def test_scenes_are_described_and_planes_read(tmp_path, bioio):
    path = tmp_path / "a.czi"
    path.write_bytes(b"xx")
    found = vendor.describe(path)
    assert [one.name for one in found] == ["A01", "A02"]
    assert found[1].number == 1
    assert (found[0].axes, found[0].shape) == ("TCZYX", (1, 3, 4, 8, 9))
    assert found[0].channels == ("DNA", "ER", "AGP")
    assert found[0].pixel_size_um == 0.3
    np.testing.assert_array_equal(
        read_file(path, parse_index("s1:0,2,3")), bioio.pixels[1, 0, 2, 3]
    )
    with pytest.raises(InputError, match="holds 2 scenes"):
        read_file(path, parse_index("0,2,3"))
    for outside in ("s2:0,0,0", "s0:0,3,0"):
        with pytest.raises(InputError, match="outside"):
            read_file(path, parse_index(outside))
