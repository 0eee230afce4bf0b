"""Opera Phenix names and index files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phenolens.errors import InputError
from phenolens.images import read_pixels
from phenolens.io.integrate import integrate
from phenolens.io.phenix import parse_name, read_index
from phenolens.profiles import well_name, well_position

INDEX = """<?xml version="1.0"?>
<EvaluationInputData xmlns="http://www.perkinelmer.com/PEHH/HarmonyV5">
 <Images>
  <Image><ChannelID>1</ChannelID><ChannelName>Mito</ChannelName>
   <ImageResolutionX Unit="m">5.9E-07</ImageResolutionX></Image>
  <Image><ChannelID>2</ChannelID><ChannelName>DNA</ChannelName></Image>
 </Images>
</EvaluationInputData>
"""


@given(
    row=st.integers(1, 32),
    column=st.integers(1, 48),
    field=st.integers(1, 99),
    channel=st.integers(1, 9),
    tail=st.sampled_from(["sk1fk1fl1", "sk1", ""]),
    ending=st.sampled_from(["tiff", "tif"]),
)
def test_names_round_trip(row, column, field, channel, tail, ending):
    name = f"r{row:02d}c{column:02d}f{field:02d}p01-ch{channel}{tail}.{ending}"
    parsed = parse_name(name)
    assert (parsed["row"], parsed["column"]) == (row, column)
    assert (parsed["field"], parsed["channel"], parsed["plane"]) == (field, channel, 1)
    assert parsed["well"] == well_name(parsed["well"])
    assert well_position([parsed["well"]]).tolist() == [[row - 1, column - 1]]


def test_the_documented_example():
    parsed = parse_name("r16c03f06p01-ch3sk1fk1fl1.tiff")
    assert parsed == {
        "row": 16, "column": 3, "field": 6, "plane": 1, "channel": 3, "timepoint": 1,
        "well": "P03",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["r40c01f01p01-ch1.tiff", "r00c01f01p01-ch1.tiff", "a.tiff", ""])
def test_other_names_are_none(name):
    assert parse_name(name) is None


def write_plates(tmp_path, write_plane) -> None:
    for number, plate in enumerate(("BR1", "BR2")):
        for channel in (1, 2):
            path = tmp_path / plate / "Images" / f"r01c02f03p01-ch{channel}sk1fk1fl1.tiff"
            write_plane(path, value=10 * number + channel)


def test_a_folder_of_plates_becomes_fields(tmp_path, section, write_plane):
    write_plates(tmp_path, write_plane)
    data = section(images={"layout": "phenix", "channels": ["Mito", "DNA"]})
    images = integrate(data, tmp_path).images
    assert images.table["Metadata_Plate"].tolist() == ["BR1", "BR2"]
    assert images.table["Metadata_Well"].tolist() == ["A02", "A02"]
    assert images.table["Metadata_Site"].tolist() == ["3", "3"]
    assert read_pixels(images, 1)[:, 0, 0].tolist() == [11, 12]


def test_the_index_names_channels_and_pixel_size(tmp_path, section, write_plane):
    write_plates(tmp_path, write_plane)
    path = tmp_path / "BR1" / "Images" / "Index.idx.xml"
    path.write_text(INDEX)
    assert read_index(path) == ({1: "Mito", 2: "DNA"}, 0.59)
    images = integrate(section(images={"layout": "phenix"}), tmp_path).images
    assert images.channels == ("Mito", "DNA")


def test_a_damaged_index_is_named(tmp_path):
    path = tmp_path / "Index.idx.xml"
    path.write_text(INDEX[:200])
    with pytest.raises(InputError, match=r"Index\.idx\.xml"):
        read_index(path)


def test_channels_that_do_not_count_up_are_refused(tmp_path, section, write_plane):
    write_plates(tmp_path, write_plane)
    data = section(images={"layout": "phenix", "channels": ["DNA"]})
    with pytest.raises(InputError, match=r"2 channels \(ch1, ch2\) but 1 names"):
        integrate(data, tmp_path)


def test_a_folder_without_phenix_images_is_refused(tmp_path, section):
    with pytest.raises(InputError, match="no Opera Phenix images"):
        integrate(section(images={"layout": "phenix"}), tmp_path)
