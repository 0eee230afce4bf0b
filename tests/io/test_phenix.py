"""Opera Phenix names and index files."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phenolens.errors import InputError, UndecidedError
from phenolens.images import read_pixels
from phenolens.io.copies import ask_about_copies
from phenolens.io.formats.phenix import parse_name, read_index
from phenolens.io.integrate import integrate
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
    with pytest.raises(InputError, match=r"2 channels \(1, 2\) but 1 names"):
        integrate(data, tmp_path)


def test_a_folder_without_phenix_images_is_refused(tmp_path, section):
    with pytest.raises(InputError, match="no images of an Opera Phenix"):
        integrate(section(images={"layout": "phenix"}), tmp_path)


def write_measurements(tmp_path, write_plane, *, planes=(1,), times=(1,), folders=("PL1",)) -> None:
    """Four wells, one field, two stains a plate."""
    for number, folder in enumerate(folders):
        for row, column, plane, time, channel in itertools.product(
            (1, 2), (1, 2), planes, times, (1, 2)
        ):
            name = f"r{row:02d}c{column:02d}f01p{plane:02d}-ch{channel}sk{time}fk1fl1.tiff"
            value = 100 * number + 10 * plane + time
            write_plane(tmp_path / folder / "Images" / name, value=value)


@pytest.mark.parametrize(
    ("several", "word", "query"),
    [
        ({"planes": (1, 2, 3)}, "3 planes", "Metadata_plane == 2"),
        ({"times": (1, 2)}, "2 time points", "Metadata_timepoint == 2"),
        (
            {"planes": (1, 2), "times": (1, 2)},
            "2 time points",
            "plane == 1 and timepoint == 2",
        ),
    ],
)
def test_planes_and_time_points_are_chosen_not_counted(
    tmp_path, section, write_plane, several, word, query
):
    write_measurements(tmp_path, write_plane, **several)
    images = {"layout": "phenix", "root": "."}
    with pytest.raises(UndecidedError, match=word) as error:
        integrate(section(images=images), tmp_path)
    assert "average" not in str(error.value)
    joined = integrate(section(images=images, measurement=query), tmp_path)
    table = joined.images.table
    assert len(table) == len(joined.wells) == 4
    assert set(table["Metadata_Site"]) == {"1"}
    assert "of other measurements left out" in joined.ledger.joins[0].note
    assert joined.ledger.joins[0].unmatched == 0


def test_one_plane_and_one_time_point_ask_nothing(tmp_path, section, write_plane):
    write_measurements(tmp_path, write_plane, planes=(2,), times=(3,))
    joined = integrate(section(images={"layout": "phenix", "root": "."}), tmp_path)
    assert len(joined.images.table) == 4


def test_of_images_of_one_plate_the_first_measurement_is_kept(tmp_path, section, write_plane):
    names = [f"PL1__2021-01-01T00_00_00-Measurement {number}" for number in (1, 2)]
    write_measurements(tmp_path, write_plane, folders=(*names, "PL2"))
    images = {"layout": "phenix", "root": "."}
    wells = integrate(section(images=images), tmp_path).wells
    with pytest.raises(UndecidedError, match="differ by a measurement only"):
        ask_about_copies(wells, {})
    ask_about_copies(wells, {}, distinct=names)
    joined = integrate(section(images=images, same_plate=[names[::-1]]), tmp_path)
    assert sorted(set(joined.wells["Metadata_Plate"])) == [names[1], "PL2"]
    paths = joined.images.table["Path_channel1"]
    assert sum("Measurement 2" in path for path in paths) == 4
    assert not any("Measurement 1" in path for path in paths)
    (aside,) = joined.ledger.set_aside
    assert (aside.plate, aside.reason) == (
        names[0],
        f"another measurement of {names[1]} (same_plate)",
    )
