"""Files of Zeiss, Nikon and Leica go through bioio, or are refused with what to install."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from phenolens.errors import InputError
from phenolens.images import read_file
from phenolens.readers import vendor
from phenolens.readers.index import parse_index


def test_without_bioio_the_command_that_brings_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "bioio", None)
    (tmp_path / "a.nd2").write_bytes(b"x")
    with pytest.raises(InputError, match=r"pip install bioio bioio-nd2$"):
        read_file(tmp_path / "a.nd2")


def test_without_the_reader_its_name_is_said(tmp_path, bioio):
    (tmp_path / "a.lif").write_bytes(b"x")
    with pytest.raises(InputError, match=r"pip install bioio-lif$"):
        vendor.describe(tmp_path / "a.lif")


def test_scenes_are_described_and_planes_read(tmp_path, bioio):
    path = tmp_path / "a.czi"
    path.write_bytes(b"x")
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
