"""Yokogawa CellVoyager: names, lists of images, channels, projections, corrections.

Names and files are as public sources show them: the records, details and settings of a CV7000 and a
CQ3000 in the tests of fractal-uzh-converters, the CV8000 of JUMP's source_2 and the CV7000 of
idr0093 as OpenReadout's provenance notes describe them, names in fractal-tasks-core, spaCR and
JUMP, correction images in tissuemaps and in ImageJ macros of the FMI.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phenolens.errors import InputError, UndecidedError
from phenolens.images import read_pixels
from phenolens.io.discovery.discover import discover
from phenolens.io.formats.yokogawa import Yokogawa
from phenolens.io.instruments.cellvoyager_index import read_detail, read_records
from phenolens.io.integrate import integrate

BTS = 'xmlns:bts="http://www.yokogawa.co.jp/BTS/BTSSchema/1.0"'
FAILED = (
    '<bts:MeasurementRecord bts:Type="ERR" bts:Time="2020-01-01T11:00:00.000+01:00" '
    'bts:Column="14" bts:Row="3" bts:TimePoint="1" bts:PartialTileIndex="1" '
    'bts:TimelineIndex="1" bts:X="-20.0" bts:Y="25.0">'
    "AF Error at C14 No. 0 (SAMPLE_PLATE_000000_000000)</bts:MeasurementRecord>\n"
)


def name_of(well: str, field: int, plane: int, channel: int, *, plate="P1", time=1, action=None):
    action = channel if action is None else action
    before = f"{plate}_" if plate else ""
    return f"{before}{well}_T{time:04d}F{field:03d}L01A{action:02d}Z{plane:02d}C{channel:02d}.tif"


def record(file: str, well: str, field: int, plane: int, channel: int, **more) -> str:
    about = {"Row": ord(well[0]) - 64, "Column": int(well[1:]), "TimePoint": 1} | more
    listed = " ".join(f'bts:{key}="{value}"' for key, value in about.items())
    return (
        f'<bts:MeasurementRecord bts:Type="IMG" bts:Time="2021-06-14T09:13:30.1+01:00" {listed} '
        f'bts:FieldIndex="{field}" bts:ZIndex="{plane}" bts:TimelineIndex="1" bts:ActionIndex="1" '
        f'bts:Action="3D" bts:X="-1448.3" bts:Y="1517.7" bts:Z="-2.0" bts:Ch="{channel}">'
        f"{file}</bts:MeasurementRecord>\n"
    )


def write_records(folder: Path, *records: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "MeasurementData.mlf"
    path.write_text(
        f'<?xml version="1.0" encoding="utf-8"?>\n<bts:MeasurementData bts:Version="1.0" {BTS}>\n'
        f"{''.join(records)}</bts:MeasurementData>\n"
    )
    return path


def write_detail(
    folder: Path,
    *,
    plate: str = "P1",
    targets: tuple[str, ...] = (),
    size: str = "0.32283699215257772",
    columns: str = "24",
    mes: str = "Protocol µ.mes",
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    channels = "".join(
        f'<bts:MeasurementChannel bts:Ch="{n}" bts:HorizontalPixelDimension="{size}" '
        f'bts:VerticalPixelDimension="{size}" bts:InputBitDepth="16" '
        f'bts:ShadingCorrectionSource="SC_BP445-45_40x_M10_CH0{n}.tif" />\n'
        for n in range(1, max(2, len(targets) + 1))
    )
    (folder / "MeasurementDetail.mrf").write_text(
        f'<?xml version="1.0" encoding="utf-8"?>\n<bts:MeasurementDetail bts:Version="1.0" '
        f'bts:Title="a title" bts:MeasurementSettingFileName="{mes}" bts:ColumnCount="{columns}" '
        f'bts:RowCount="16" bts:TargetSystem="CV8000 AZ01" {BTS}>\n'
        f'<bts:MeasurementSamplePlate bts:Name="{plate}" bts:WellPlateFileName="{plate}.wpi" '
        f'bts:WellPlateProductFileName="10_Greiner_μClear #655090.wpp" />\n'
        f"{channels}</bts:MeasurementDetail>",
        encoding="utf-8",
    )
    if targets:
        listed = "".join(
            f'<bts:Channel bts:Ch="{n}" bts:Target="{target}" bts:Acquisition="BP445/45" '
            'bts:Kind="ConfocalFluorescence"><bts:LightSourceName>405nm</bts:LightSourceName>'
            "</bts:Channel>"
            for n, target in enumerate(targets, 1)
        )
        (folder / mes).write_text(
            f'<?xml version="1.0" encoding="utf-8"?>\n<bts:MeasurementSetting {BTS}>'
            '<bts:LightSourceList><bts:LightSource bts:Name="405nm" bts:WaveLength="405" />'
            f"</bts:LightSourceList><bts:ChannelList>{listed}</bts:ChannelList>"
            "</bts:MeasurementSetting>",
            encoding="utf-8",
        )


def write_fields(folder: Path, write_plane, *, plate="P1", wells=("A01", "B02")) -> list[tuple]:
    """Two wells, two fields, two channels; what was written, for the list of images."""
    written = []
    for well, field, channel in itertools.product(wells, (1, 2), (1, 2)):
        file = name_of(well, field, 1, channel, plate=plate)
        write_plane(folder / file, value=100 * int(well[1:]) + 10 * field + channel)
        written.append((file, well, field, 1, channel))
    return written


def note_of(joined) -> str:
    return joined.ledger.joins[0].note


@given(
    well=st.sampled_from(["A01", "P24", "AF48", "H12"]),
    field=st.integers(1, 999),
    plane=st.integers(0, 99),
    channel=st.integers(1, 12),
    plate=st.sampled_from(
        ["", "P1", "AssayPlate_Greiner_#655090", "210305NAR005AAN_210416_164828"]
    ),
    ending=st.sampled_from(["tif", "TIF", "tiff", "png"]),
)
def test_names_round_trip(well, field, plane, channel, plate, ending):
    name = name_of(well, field, plane, channel, plate=plate)[:-3] + ending
    assert Yokogawa().place(Path("/screen/folder") / name) == {
        "plate": plate or "folder",
        "well": well,
        "site": str(field),
        "channel": str(channel),
        "plane": plane,
        "timepoint": 1,
    }


@pytest.mark.parametrize(
    "name",
    ["AssayPlate_Greiner_#655090_D02_T0001F007L01A01Z01C02.tif",
     "20200812-CardiomyocyteDifferentiation14-Cycle1_B03_T0001F036L01A01Z18C01.png",
     "210305NAR005AAN_210416_164828_B11_T0001F006L01A04Z14C01.tif",
     "CM00619158_A01_T0001F001L01A01Z01C01.tif", "A000002-PC_C03_T0001F001L01A01Z01C01.tif",
     "Dest210531-152149_A01_T0001F001L01A01Z01C05.tif", "plate1_A01_T0001F001L01C01.tif",
     "CP-CC9-R5-22_C08_T0001F008L01A02Z01C03.tif"],
)  # fmt: skip
def test_names_that_public_folders_hold_are_known(name):
    assert Yokogawa().place(Path("folder") / name)["well"] in name


@pytest.mark.parametrize(
    "name",
    ["DC_sCMOS #1_CAM1.tif", "SC_BP445-45_40x_M10_CH01.tif", "P1_Z99_T0001F001L01A01Z01C01.tif",
     "P1_A00_T0001F001L01A01Z01C01.tif", "P1_A01_s1_w1.tif", "P1_A01_T0001F001L01A01Z01C01.mlf"],
)  # fmt: skip
def test_other_names_are_none(name):
    assert Yokogawa().place(Path("folder") / name) is None


@pytest.mark.parametrize("plate", ["AssayPlate1", ""])
def test_a_folder_of_names_alone_becomes_fields(tmp_path, write_plane, plate):
    write_fields(tmp_path / "AssayPlate1", write_plane, plate=plate)
    write_records(tmp_path / "AssayPlate1")
    found = discover(tmp_path)
    assert found.images["layout"] == "yokogawa"
    assert found.images["channels"] == ["channel1", "channel2"]
    assert any("which stains are channels 1, 2" in q.text for q in found.questions)
    joined = integrate(found.section(), tmp_path)
    table = joined.images.table
    assert set(table["Metadata_Plate"]) == {"AssayPlate1"}
    assert table["Metadata_Well"].tolist() == ["A01", "A01", "B02", "B02"]
    assert table["Metadata_Site"].tolist() == ["1", "2", "1", "2"]
    assert read_pixels(joined.images, 3)[:, 0, 0].tolist() == [221, 222]
    assert "lists no image; names were read" in note_of(joined)


def test_the_files_beside_images_name_stains_plate_and_pixel_size(tmp_path, write_plane):
    folder = tmp_path / "20210614"
    write_records(folder, *(record(*row) for row in write_fields(folder, write_plane)))
    write_detail(folder, targets=("DNA", "ER"))
    found = discover(tmp_path)
    assert found.images["channels"] == ["DNA", "ER"]
    assert found.images["pixel_size_um"] == 0.322837
    assert not [q for q in found.questions if q.setting == "images.channels"]
    joined = integrate(found.section(), tmp_path)
    assert set(joined.images.table["Metadata_Plate"]) == {"P1"}
    assert note_of(joined) == ""


@pytest.mark.parametrize(
    "target", ["405", "488 nm", "Ch1_ConfocalFluorescence_405nm/100mW_BP447/60"]
)
def test_wavelengths_and_filters_are_no_stains(tmp_path, write_plane, target):
    folder = tmp_path / "P1"
    write_fields(folder, write_plane)
    write_detail(folder, targets=(target, "ER"))
    found = discover(tmp_path)
    assert found.images["channels"] == ["channel1", "ER"]
    assert any("which stains" in q.text for q in found.questions)
    assert f"channels by the instrument: 1 is {target} BP445/45" in found.notes


@pytest.mark.parametrize("size", ["-0.65", "inf", "nan", "fine", "", "0", "1e9"])
def test_a_pixel_size_that_is_none_is_said(tmp_path, write_plane, size):
    folder = tmp_path / "P1"
    write_fields(folder, write_plane)
    write_detail(folder, size=size)
    found = discover(tmp_path)
    assert "pixel_size_um" not in found.images
    assert any(f"HorizontalPixelDimension = {size!r} of channel 1" in n for n in found.notes)


def test_errors_of_the_instrument_are_told(tmp_path, section, write_plane):
    folder = tmp_path / "P1"
    rows = [record(*row) for row in write_fields(folder, write_plane)]
    write_records(folder, *rows, FAILED, FAILED, '<bts:MeasurementRecord bts:Type="IMG" />')
    joined = integrate(section(images={"layout": "yokogawa"}), tmp_path)
    assert len(joined.images) == 4
    assert "P1: 2 errors of the instrument (AF Error at C14 No. 0" in note_of(joined)
    assert "1 records of it lack a row, column, field, channel or file" in note_of(joined)


def test_one_record_and_unknown_attributes_are_read(tmp_path):
    row = record("a.tif", "C05", 1, 1, 1, SomeFutureAttribute="1")
    records = read_records(write_records(tmp_path, row))
    assert records.images[["row", "column", "field", "channel"]].to_numpy().tolist() == [
        [3, 5, 1, 1]
    ]


def test_images_that_are_listed_and_not_there_are_counted(tmp_path, section, write_plane):
    folder = tmp_path / "P1"
    rows = write_fields(folder, write_plane)
    more = [(name_of("C03", 1, 1, c), "C03", 1, 1, c) for c in (1, 2)]
    write_records(folder, *(record(*row) for row in rows + more))
    (folder / rows[0][0]).unlink()
    joined = integrate(section(images={"layout": "yokogawa"}), tmp_path)
    assert len(joined.images) == 3
    assert "lists 10 images, of which 3 are not there; 1 fields have none, such as C03 field 1" in (
        note_of(joined)
    )
    (aside,) = joined.ledger.set_aside
    assert (aside.plate, aside.well, aside.site, aside.reason) == ("P1", "A01", "1", "missing file")


def test_a_channel_whose_folder_is_not_there_is_told(tmp_path, section, write_plane):
    folder = tmp_path / "P1"
    rows = []
    for channel, inner in ((1, "Image"), (2, "Projection")):
        file = f"{inner}/W0002F0001T0001Z001C{channel}.tif"
        rows.append(record(file, "A02", 1, 1, channel))
    write_plane(folder / "Image" / "W0002F0001T0001Z001C1.tif", value=1)
    write_records(folder, *rows)
    joined = integrate(section(images={"layout": "yokogawa"}), tmp_path)
    assert joined.images.table["Metadata_Well"].tolist() == ["A02"]
    assert "2 images, of which 1 are not there; none of channel 2" in note_of(joined)


def test_a_list_that_contradicts_the_names_is_refused(tmp_path, section, write_plane):
    folder = tmp_path / "P1"
    rows = write_fields(folder, write_plane)
    write_records(folder, *(record(row[0], "H12", *row[2:]) for row in rows))
    with pytest.raises(
        InputError, match=r"MeasurementData\.mlf contradicts the names of 8 of its 8"
    ):
        integrate(section(images={"layout": "yokogawa"}), tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("MeasurementData.mlf", "<MeasurementData><b></a>", "damaged, or no XML"),
        ("MeasurementData.mlf", "<EvaluationInputData/>", "begins with <EvaluationInputData>"),
        ("MeasurementDetail.mrf", "<bts:Measure", "damaged, or no XML"),
        ("Protocol µ.mes", "", "damaged, or no XML"),
        ("MeasurementData.mlf", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "DOCTYPE"),
    ],
)
def test_damaged_files_are_named_and_names_are_read(
    tmp_path, section, write_plane, file, content, message
):
    folder = tmp_path / "P1"
    rows = write_fields(folder, write_plane)
    write_records(folder, *(record(*row) for row in rows))
    write_detail(folder, targets=("DNA", "ER"))
    (folder / file).write_text(content)
    joined = integrate(section(images={"layout": "yokogawa"}), tmp_path)
    assert len(joined.images) == 4
    assert "not used: " in note_of(joined)
    assert file in note_of(joined) and message in note_of(joined)


def test_a_channel_in_one_plane_goes_with_one_in_several(tmp_path, section, write_plane):
    folder = tmp_path / "P1"
    rows = []
    for plane, channel in [(1, 1), (1, 2), (1, 6), (2, 6), (3, 6)]:
        file = name_of("A01", 1, plane, channel)
        write_plane(folder / file, value=10 * channel + plane)
        rows.append(record(file, "A01", 1, plane, channel))
    write_records(folder, *rows)
    images = {"layout": "yokogawa"}
    with pytest.raises(UndecidedError, match="3 planes a field"):
        integrate(section(images=images), tmp_path)
    for projection, expected in [("max", 63), (2, 62), ("middle", 62)]:
        joined = integrate(section(images=images | {"projection": projection}), tmp_path)
        assert read_pixels(joined.images, 0)[:, 0, 0].tolist() == [11, 21, expected]
        assert joined.ledger.set_aside == []


def test_projections_of_the_instrument_are_used_where_their_planes_are_not_there(
    tmp_path, section, write_plane
):
    folder = tmp_path / "20251201T134840"
    rows = []
    for number, well in ((29, "C05"), (69, "F09")):
        file = f"Projection/W{number:04d}F0001T0001Z000C1.tif"
        write_plane(folder / file, value=number)
        rows.append(record(file, well, 1, 1, 1, ZImageProcessing="Maximum"))
    write_records(folder, *rows)
    write_detail(folder, plate="NoPlateID", columns="12")
    found = discover(tmp_path)
    assert found.images["layout"] == "yokogawa"
    images = integrate(found.section(), tmp_path).images
    assert images.table["Metadata_Well"].tolist() == ["C05", "F09"]
    assert set(images.table["Metadata_Plate"]) == {"20251201T134840"}
    (folder / "MeasurementData.mlf").unlink()  # the names and the number of columns say it too
    images = integrate(found.section(), tmp_path).images
    assert images.table["Metadata_Well"].tolist() == ["C05", "F09"]


@pytest.mark.parametrize("listed", [True, False])
def test_projections_beside_their_planes_are_left_out(tmp_path, section, write_plane, listed):
    folder = tmp_path / "P1"
    rows = []
    for plane in (0, 1, 2):
        inner = "Image" if plane else "Projection"
        file = f"{inner}/W0002F0001T0001Z{plane:03d}C1.tif"
        write_plane(folder / file, value=plane or 9)
        more = {} if plane else {"ZImageProcessing": "Maximum"}
        rows.append(record(file, "A02", 1, plane or 1, 1, **more))
    write_detail(folder)
    if listed:
        write_records(folder, *rows)
    joined = integrate(section(images={"layout": "yokogawa", "projection": "max"}), tmp_path)
    assert read_pixels(joined.images, 0).max() == 2
    assert "1 projections of the instrument were left out" in note_of(joined)


def test_wells_that_are_numbered_need_the_number_of_columns(tmp_path, section, write_plane):
    write_plane(tmp_path / "P1" / "Image" / "W0262F0001T0001Z001C2.tif", value=1)
    found = discover(tmp_path)
    assert found.images["layout"] == "yokogawa"
    with pytest.raises(UndecidedError, match=r"W0262F0001T0001Z001C2\.tif\) and there is no Meas"):
        integrate(found.section(), tmp_path)
    data = section(images={"layout": "yokogawa", "plate_format": 384})
    assert integrate(data, tmp_path).images.table["Metadata_Well"].tolist() == ["K22"]
    (tmp_path / "P1" / "NoPlateID.wpi").write_text(
        f'<bts:WellPlate bts:Name="NoPlateID" bts:Columns="24" bts:Rows="16" {BTS}/>'
    )
    images = integrate(section(images={"layout": "yokogawa"}), tmp_path).images
    assert images.table["Metadata_Well"].tolist() == ["K22"]
    assert set(images.table["Metadata_Plate"]) == {"P1"}


def test_correction_images_are_left_out_and_named(tmp_path, section, write_plane):
    folder = tmp_path / "P1"
    write_fields(folder, write_plane)
    for name in ("DC_sCMOS #1_CAM1.tif", "SC_BP445-45_40x_M10_CH01.tif", "stitched_A01.png"):
        write_plane(folder / name, value=1)
    joined = integrate(section(images={"layout": "yokogawa"}), tmp_path)
    assert len(joined.images) == 4
    note = note_of(joined)
    assert "2 correction images (DC_, SC_) were left out, such as DC_sCMOS #1_CAM1.tif" in note
    assert "1 image files have names of another kind and were left out: stitched_A01.png" in note


def test_images_that_were_converted_are_found(tmp_path, section, write_plane):
    folder = tmp_path / "P1"
    rows = write_fields(folder, write_plane)
    write_records(folder, *(record(*row) for row in rows))
    for file, *_ in rows:
        (folder / file).rename((folder / file).with_suffix(".tiff"))
    joined = integrate(section(images={"layout": "yokogawa"}), tmp_path)
    assert len(joined.images) == 4
    assert note_of(joined) == ""


@pytest.mark.parametrize(
    ("folders", "prefix", "plates"),
    [
        (("S1", "S2"), "AssayPlate", ["S1", "S2"]),
        (("S1", "S2"), "AssayPlate_Greiner_#655090", ["S1", "S2"]),
        (("S1",), "AssayPlate_Greiner_#655090", ["S1"]),
        (("S1",), "BR7", ["BR7"]),
        (("PL1", "PL2"), "", ["PL1", "PL2"]),
    ],
)
def test_plates_are_called_by_names_where_these_say_it(
    tmp_path, section, write_plane, folders, prefix, plates
):
    for folder in folders:
        write_fields(tmp_path / folder, write_plane, plate=prefix)
    joined = integrate(section(images={"layout": "yokogawa"}), tmp_path)
    assert sorted(set(joined.images.table["Metadata_Plate"])) == plates


def test_several_plates_in_one_folder_are_told_apart(tmp_path, section, write_plane):
    for plate in ("P1", "P2"):
        write_fields(tmp_path / "all", write_plane, plate=plate)
    joined = integrate(section(images={"layout": "yokogawa"}), tmp_path)
    assert sorted(set(joined.images.table["Metadata_Plate"])) == ["P1", "P2"]
    assert len(joined.images) == 8


@pytest.mark.parametrize(
    "folders", [("P1_20210101_120000", "P1_20210102_120000"), ("P1/20210101", "P1/20210102")]
)
def test_a_plate_that_was_measured_twice_is_one_plate(tmp_path, section, write_plane, folders):
    for folder in (*folders, "P2_20210101_130000"):
        write_fields(tmp_path / folder, write_plane, plate=folder[:2])
    with pytest.raises(UndecidedError, match="P1/A01 have 2 measurements") as error:
        integrate(section(images={"layout": "yokogawa"}), tmp_path)
    choice = error.value.choices[0].removeprefix('measurement = "').removesuffix('"')
    joined = integrate(section(images={"layout": "yokogawa"}, measurement=choice), tmp_path)
    assert joined.wells["Metadata_Plate"].value_counts().to_dict() == {"P1": 2, "P2": 2}


def test_time_points_are_asked_about(tmp_path, section, write_plane):
    for time, channel in itertools.product((1, 2), (1, 2)):
        write_plane(tmp_path / "P1" / name_of("A01", 1, 1, channel, time=time), value=time)
    with pytest.raises(UndecidedError, match="2 time points"):
        integrate(section(images={"layout": "yokogawa"}), tmp_path)
    data = section(images={"layout": "yokogawa"}, measurement="timepoint == 2")
    assert read_pixels(integrate(data, tmp_path).images, 0).max() == 2


def test_what_a_setting_does_not_say_is_empty(tmp_path):
    detail = read_detail(tmp_path)
    assert (detail.plate, detail.columns, detail.names, detail.notes) == ("", 0, {}, [])
