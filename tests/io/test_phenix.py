"""Opera Phenix, Operetta and Columbus: names, indexes, plates measured again, folders in part.

Names and files are as public sources show them: Harmony 4 and 5 (idr0034, zenodo 7841360, cpg0016),
6 and 7 (cpg0048, cpg0047), Columbus (zenodo 6327496), as described by OpenReadout's provenance
notes and read by Bio-Formats; ``flex_`` names with ``t01`` in scPortrait's pull request 234, names
with ``rc1`` in an Operetta of 2012, Columbus names in parseopera, BioIMA and ImageJ macros.
"""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phenolens.errors import InputError, UndecidedError
from phenolens.images import read_pixels
from phenolens.io.discovery.discover import discover
from phenolens.io.formats.phenix import Phenix, parse_name, plate_folder
from phenolens.io.instruments.phenix_index import read_index
from phenolens.io.integrate import integrate
from phenolens.profiles import well_name, well_position

HARMONY = "http://www.perkinelmer.com/PEHH/HarmonyV{}"
HARMONY_7 = "43B2A954-E3C3-47E1-B392-6635266B0DD3/HarmonyV7"
COLUMBUS = "http://www.perkinelmer.com/Columbus"
STAINS = ("HOECHST 33342", "Alexa 488")


def name_of(row: int, column: int, field: int, plane: int, channel: int, time: int = 1) -> str:
    return f"r{row:02d}c{column:02d}f{field:02d}p{plane:02d}-ch{channel}sk{time}fk1fl1.tiff"


def described(channel: int, stain: str, resolution: str, unit: str = "m") -> str:
    return (
        f"<ChannelName>{stain}</ChannelName><ImageType>Signal</ImageType>"
        f'<ImageResolutionX Unit="{unit}">{resolution}</ImageResolutionX>'
        f'<ImageResolutionY Unit="{unit}">{resolution}</ImageResolutionY>'
        "<ImageSizeX>1080</ImageSizeX><ImageSizeY>1080</ImageSizeY><BinningX>2</BinningX>"
    )


def write_index(
    path: Path,
    *,
    plate: str = "BR1",
    images=None,
    stains=STAINS,
    resolution: str = "5.9792090052623937E-07",
    unit: str = "m",
    namespace: str = HARMONY.format(5),
    first_time: int = 0,
) -> Path:
    """An index; ``images`` are (row, column, field, plane, channel, time, file)."""
    if images is None:
        images = [(1, 2, 3, 1, c, 1, name_of(1, 2, 3, 1, c)) for c in range(1, len(stains) + 1)]
    apart = namespace.endswith(("6", "7"))  # these versions say once what is common to a channel
    entries, maps = [], []
    for row, column, field, plane, channel, time, file in images:
        page = f' BufferNo="{file[1]}"' if isinstance(file, tuple) else ""
        file = file[0] if isinstance(file, tuple) else file
        about = "" if apart else described(channel, stains[channel - 1], resolution, unit)
        entries.append(
            f'<Image Version="1"><id>{row:02d}{column:02d}K{time}F{field}P{plane}R{channel}</id>'
            f"<State>Ok</State><URL{page}>{file}</URL><Row>{row}</Row><Col>{column}</Col>"
            f"<FieldID>{field}</FieldID><PlaneID>{plane}</PlaneID>"
            f"<TimepointID>{time - 1 + first_time}</TimepointID><ChannelID>{channel}</ChannelID>"
            f'<FlimID>1</FlimID>{about}<PositionX Unit="m">0</PositionX>'
            '<PositionZ Unit="m">2E-06</PositionZ></Image>'
        )
    maps.append('<Map><Entry ChannelID="1"><FlatfieldProfile>{}</FlatfieldProfile></Entry></Map>')
    if apart:
        named = [
            f'<Entry ChannelID="{n}">{described(n, stain, resolution, unit)}</Entry>'
            for n, stain in enumerate(stains, 1)
        ]
        maps.append(f"<Map>{''.join(reversed(named))}</Map>")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        '\ufeff<?xml version="1.0" encoding="utf-8"?>\n'
        '<EvaluationInputData xmlns:xsd="http://www.w3.org/2001/XMLSchema" Version="1" '
        f'xmlns="{namespace}"><User>someone</User><InstrumentType>Phenix</InstrumentType>'
        f"<Plates><Plate><PlateID>{plate}</PlateID><MeasurementID>0a1b</MeasurementID>"
        f'<Name>{plate}</Name><PlateRows>16</PlateRows><Well id="0102" /></Plate></Plates>'
        '<Wells><Well><id>0102</id><Row>1</Row><Col>2</Col><Image id="0102K1F1P1R1" />'
        f"</Well></Wells><Maps>{''.join(maps)}</Maps><Images>{''.join(entries)}</Images>"
        "</EvaluationInputData>",
        encoding="utf-8",
    )
    return path


@given(
    row=st.integers(1, 32),
    column=st.integers(1, 48),
    field=st.integers(1, 99),
    channel=st.integers(1, 9),
    tail=st.sampled_from(["sk1fk1fl1", "sk1", "t01", ""]),
    ending=st.sampled_from(["tiff", "tif", "TIF", "ome.tiff", "png"]),
    before=st.sampled_from(["", "flex_", "MAX_"]),
    record=st.sampled_from(["", "rc1"]),
)
def test_names_round_trip(row, column, field, channel, tail, ending, before, record):
    name = f"{before}r{row:02d}c{column:02d}f{field:02d}p01{record}-ch{channel}{tail}.{ending}"
    parsed = parse_name(name)
    assert parsed == {
        "well": parsed["well"],
        "site": str(field),
        "channel": str(channel),
        "plane": 1,
        "timepoint": 1,
    }
    assert parsed["well"] == well_name(parsed["well"])
    assert well_position([parsed["well"]]).tolist() == [[row - 1, column - 1]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("r16c03f06p01-ch3sk1fk1fl1.tiff", ("P03", "6", "3", 1, 1)),
        ("r01c02f111p12-ch4sk20fk1fl1.tiff", ("A02", "111", "4", 12, 20)),
        ("flex_r01c01f87p01-ch2t01.tiff", ("A01", "87", "2", 1, 1)),
        ("r02c05f01p02rc1-ch1sk50fk1fl1.tiff", ("B05", "1", "1", 2, 50)),
        ("0201K2F3P4R5.tiff", ("B01", "3", "5", 4, 2)),
        ("005003-1-001001002.tif", ("E03", "1", "2", 1, 1)),
        ("007009-12-003004001.TIF", ("G09", "12", "1", 4, 3)),
    ],
)
def test_names_that_public_folders_hold(name, expected):
    parsed = parse_name(name)
    assert (
        parsed["well"], parsed["site"], parsed["channel"], parsed["plane"], parsed["timepoint"]
    ) == expected  # fmt: skip
    assert "plate" not in parsed


@pytest.mark.parametrize(
    "name",
    ["r40c01f01p01-ch1.tiff", "r00c01f01p01-ch1.tiff", "a.tiff", "", "001001-1.tif",
     "r01c01f01p01-ch1sk1fk1fl1.xml", "color01c01f01p01-ch1.tiff", "033001-1-001001001.tif"],
)  # fmt: skip
def test_other_names_are_none(name):
    assert parse_name(name) is None


def test_a_word_before_the_name_is_the_plate():
    assert parse_name("BR00116991_r01c01f01p01-ch1sk1fk1fl1.tiff")["plate"] == "BR00116991"


@pytest.mark.parametrize(
    ("folder", "plate", "when", "which"),
    [
        ("PL1__2021-01-01T00_00_00-Measurement 1/Images", "PL1", "2021-01-01T00_00_00",
         "Measurement 1"),
        ("SQ00014812__2016-05-23T20_44_31-Measurement1/Images", "SQ00014812",
         "2016-05-23T20_44_31", "Measurement1"),
        ("EXP1_CCU384_401__2024-02-17T22_04_34-Measurement 19/Images/flex", "EXP1_CCU384_401",
         "2024-02-17T22_04_34", "Measurement 19"),
        ("HEK293 test__2018-10-03T16_10_58-Measurement_2", "HEK293 test", "2018-10-03T16_10_58",
         "Measurement 2"),
        ("PL1__2021-01-01-Measurement 1", "PL1", "2021-01-01", "Measurement 1"),
        ("PL1-Measurement 1-Evaluation 2", "PL1", "", "Measurement 1-Evaluation 2"),
        ("PL1/2021-01-01T00_00_00-Measurement 1/Images", "PL1", "2021-01-01T00_00_00",
         "Measurement 1"),
        ("PL1/Measurement 2/Images", "PL1", "", "Measurement 2"),
        ("PL1/2021-01-01T00_00_00", "PL1", "2021-01-01T00_00_00", ""),
        ("2024-12-09_B11A1R1__2024-12-09T08_49_55-Measurement_1/Images", "2024-12-09_B11A1R1",
         "2024-12-09T08_49_55", "Measurement 1"),
        ("BR1/Images", "BR1", "", ""),
        ("2021_screen/Images", "2021_screen", "", ""),
        ("plate [2]_a__b", "plate [2]_a__b", "", ""),
    ],
)  # fmt: skip
def test_a_folder_of_harmony_is_called_after_its_plate(folder, plate, when, which):
    found = plate_folder(Path("/screen") / folder)
    assert (found.plate, found.when, found.which) == (plate, when, which)


def write_plates(tmp_path, write_plane) -> None:
    for number, plate in enumerate(("BR1", "BR2")):
        for channel in (1, 2):
            path = tmp_path / plate / "Images" / name_of(1, 2, 3, 1, channel)
            write_plane(path, value=10 * number + channel)


def test_a_folder_of_plates_becomes_fields(tmp_path, section, write_plane):
    write_plates(tmp_path, write_plane)
    data = section(images={"layout": "phenix", "channels": ["Mito", "DNA"]})
    images = integrate(data, tmp_path).images
    assert images.table["Metadata_Plate"].tolist() == ["BR1", "BR2"]
    assert images.table["Metadata_Well"].tolist() == ["A02", "A02"]
    assert images.table["Metadata_Site"].tolist() == ["3", "3"]
    assert read_pixels(images, 1)[:, 0, 0].tolist() == [11, 12]


@pytest.mark.parametrize(
    ("file", "namespace"),
    [
        ("Index.idx.xml", HARMONY.format(4)),
        ("Index.idx.xml", HARMONY.format(5)),
        ("Index.ref.xml", HARMONY.format(5)),
        ("Index.xml", HARMONY.format(6)),
        ("Index.xml", HARMONY_7),
    ],
)
def test_the_index_of_each_version_names_stains_and_pixel_size(
    tmp_path, write_plane, file, namespace
):
    write_plates(tmp_path, write_plane)
    for plate in ("BR1", "BR2"):
        write_index(tmp_path / plate / "Images" / file, plate=plate, namespace=namespace)
    found = discover(tmp_path)
    assert found.images["channels"] == list(STAINS)
    assert found.images["pixel_size_um"] == 0.597921
    assert found.images["nuclei"] == "HOECHST 33342"
    assert not [q for q in found.questions if q.setting == "images.channels"]
    assert found.notes == ()


def test_of_several_indexes_in_a_folder_the_full_one_counts(tmp_path, write_plane):
    write_plates(tmp_path, write_plane)
    folder = tmp_path / "BR1" / "Images"
    write_index(folder / "Index.ref.xml", stains=("no", "never"))
    write_index(folder / "Index.idx.xml")
    shutil.rmtree(tmp_path / "BR2")
    assert discover(tmp_path).images["channels"] == list(STAINS)


def test_channels_that_do_not_count_up_are_refused(tmp_path, section, write_plane):
    write_plates(tmp_path, write_plane)
    data = section(images={"layout": "phenix", "channels": ["DNA"]})
    with pytest.raises(InputError, match=r"2 channels \(1, 2\) but 1 names"):
        integrate(data, tmp_path)


def test_a_folder_without_phenix_images_is_refused(tmp_path, section):
    with pytest.raises(InputError, match="no images of an Opera Phenix"):
        integrate(section(images={"layout": "phenix"}), tmp_path)


# Indexes that are damaged, another's, or wrong about something.


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: text[:400], r"Index\.idx\.xml is damaged, or no XML"),
        (lambda text: "<MetaData><PlateAcquisition/></MetaData>", r"begins with <MetaData>"),
        (lambda text: "<!DOCTYPE a [<!ENTITY b 'c'>]>" + text[text.index("<Eval"):], "DOCTYPE"),
        (lambda text: text[: text.index("<Images>")] + "</EvaluationInputData>", "lists no images"),
    ],
)  # fmt: skip
def test_an_index_that_says_nothing_is_named_and_names_are_read(
    tmp_path, section, write_plane, spoil, message
):
    write_plates(tmp_path, write_plane)
    path = write_index(tmp_path / "BR1" / "Images" / "Index.idx.xml")
    path.write_text(spoil(path.read_text("utf-8-sig")))
    with pytest.raises(InputError, match=message):
        read_index(path)
    joined = integrate(section(images={"layout": "phenix"}), tmp_path)
    assert len(joined.images) == 2
    note = joined.ledger.joins[0].note
    assert note.startswith("not used: ") and "Index.idx.xml" in note
    assert any("which stains" in q.text for q in discover(tmp_path).questions)


@pytest.mark.parametrize(
    "resolution", ["-5.9E-07", "INF", "NaN", "fine", "0", "", "650000", "1e-12"]
)
def test_a_resolution_that_is_none_is_said(tmp_path, write_plane, resolution):
    write_plates(tmp_path, write_plane)
    shutil.rmtree(tmp_path / "BR2")
    write_index(tmp_path / "BR1" / "Images" / "Index.idx.xml", resolution=resolution)
    found = discover(tmp_path)
    assert "pixel_size_um" not in found.images
    (note,) = found.notes
    assert f"ImageResolutionX = {resolution!r} m of 2 entries is no pixel size" in note


@pytest.mark.parametrize(
    ("resolution", "unit", "size"),
    [("0.65", "um", 0.65), ("0.65", "µm", 0.65), ("650", "nm", 0.65), ("6.5E-07", "", 0.65)],
)
def test_units_of_length_are_read(tmp_path, resolution, unit, size):
    path = write_index(tmp_path / "Index.xml", resolution=resolution, unit=unit)
    assert read_index(path).pixel_sizes == (size,)


def test_channels_of_one_name_stay_apart(tmp_path):
    stains = ("Brightfield", "DAPI", "Brightfield")
    names = read_index(write_index(tmp_path / "Index.xml", stains=stains)).names
    assert names == {1: "Brightfield ch1", 2: "DAPI", 3: "Brightfield ch3"}


def test_an_index_that_contradicts_the_names_is_refused(tmp_path, section, write_plane):
    write_plates(tmp_path, write_plane)
    path = tmp_path / "BR1" / "Images" / "Index.idx.xml"
    images = [(5, 6, 3, 1, c, 1, name_of(1, 2, 3, 1, c)) for c in (1, 2)]
    write_index(path, images=images)
    message = (
        r"contradicts the names of 2 of its 2 images: r01c02f03p01-ch1sk1fk1fl1\.tiff is E06, "
        r"field 3, channel 1 in it, and A02, field 3, channel 1 by its name"
    )
    with pytest.raises(InputError, match=message):
        integrate(section(images={"layout": "phenix"}), tmp_path)


def test_an_index_that_names_another_plate_is_told(tmp_path, section, write_plane):
    folder = tmp_path / "PL1__2021-01-01T00_00_00-Measurement 1" / "Images"
    for channel in (1, 2):
        write_plane(folder / name_of(1, 2, 3, 1, channel), value=channel)
    write_index(folder / "Index.idx.xml", plate="PL9")
    joined = integrate(section(images={"layout": "phenix"}), tmp_path)
    assert set(joined.images.table["Metadata_Plate"]) == {"PL1"}
    assert "calls the plate PL9; read as PL1" in joined.ledger.joins[0].note


def test_a_folder_of_no_such_name_is_called_as_its_index_says(tmp_path, section, write_plane):
    write_plates(tmp_path, write_plane)
    for folder, plate in (("BR1", "0815"), ("BR2", "4711")):
        write_index(tmp_path / folder / "Images" / "Index.idx.xml", plate=plate)
    images = integrate(section(images={"layout": "phenix"}), tmp_path).images
    assert sorted(images.table["Metadata_Plate"]) == ["0815", "4711"]
    write_index(tmp_path / "BR2" / "Images" / "Index.idx.xml", plate="0815")  # a copy
    joined = integrate(section(images={"layout": "phenix"}), tmp_path)
    assert sorted(joined.images.table["Metadata_Plate"]) == ["BR1", "BR2"]
    assert "the index of BR1 calls the plate 0815; read as BR1" in joined.ledger.joins[0].note


@given(
    at=st.floats(0, 1),
    length=st.integers(0, 60),
    into=st.text("<>&\"'0123456789²-eE xA\x01", max_size=8),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_an_index_is_read_or_refused_whatever_is_in_it(tmp_path, at, length, into):
    path = write_index(tmp_path / "Index.idx.xml")
    text = path.read_text("utf-8-sig")
    start = int(at * len(text))
    path.write_text(text[:start] + into + text[start + length :])
    try:
        index = read_index(path)
    except InputError as error:
        assert "Index.idx.xml" in str(error)
    else:
        assert index.images["row"].between(1, 32).all()
        assert all(0 < size < 1000 for size in index.pixel_sizes)


# Folders in part.


def test_images_that_an_index_lists_and_are_not_there_are_counted(tmp_path, section, write_plane):
    images = [
        (1, column, field, 1, channel, 1, name_of(1, column, field, 1, channel))
        for column, field, channel in itertools.product((1, 2, 3), (1, 2), (1, 2))
    ]
    folder = tmp_path / "BR1" / "Images"
    for _, column, field, _, channel, _, file in images:
        if column < 3 and (column, field, channel) != (2, 2, 2):
            write_plane(folder / file, value=channel)
    write_index(folder / "Index.idx.xml", images=images)
    joined = integrate(section(images={"layout": "phenix"}), tmp_path)
    assert len(joined.images) == 3
    note = joined.ledger.joins[0].note
    assert "lists 12 images, of which 5 are not there" in note
    assert "2 fields have none, such as A03 field 1, A03 field 2" in note
    (aside,) = joined.ledger.set_aside
    assert (aside.plate, aside.well, aside.site, aside.channel, aside.reason) == (
        "BR1", "A02", "2", "Alexa 488", "missing file",
    )  # fmt: skip
    assert Path(aside.file).name == "r01c02f02p01-ch2sk1fk1fl1.tiff"


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        (lambda plane, channel: channel == 1, "none of channel 2"),
        (lambda plane, channel: plane == 2, "none of plane 1, 3"),
    ],
)
def test_a_copy_of_one_channel_or_plane_is_whole(tmp_path, section, write_plane, kept, told):
    folder = tmp_path / "BR1" / "Images"
    images = [
        (1, column, 1, plane, channel, 1, name_of(1, column, 1, plane, channel))
        for column, plane, channel in itertools.product((1, 2), (1, 2, 3), (1, 2))
    ]
    for image in images:
        if kept(image[3], image[4]):
            write_plane(folder / image[-1], value=10 * image[3] + image[4])
    write_index(folder / "Index.idx.xml", images=images)
    joined = integrate(section(images={"layout": "phenix", "projection": "max"}), tmp_path)
    assert len(joined.images) == 2
    assert joined.ledger.set_aside == []
    assert told in joined.ledger.joins[0].note


def test_images_that_were_not_taken_and_images_not_listed_are_told(tmp_path, section, write_plane):
    folder = tmp_path / "BR1" / "Images"
    for column, channel in itertools.product((1, 2), (1, 2)):
        write_plane(folder / name_of(1, column, 1, 1, channel), value=channel)
    listed = [(1, 1, 1, 1, c, 1, name_of(1, 1, 1, 1, c)) for c in (1, 2)]
    untaken = [(1, 1, 2, 1, c, 1, "") for c in (1, 2)]
    write_index(folder / "Index.idx.xml", images=listed + untaken)
    (folder / "overview.png").write_bytes(b"x")
    joined = integrate(section(images={"layout": "phenix"}), tmp_path)
    assert joined.images.table["Metadata_Well"].tolist() == ["A01", "A02"]
    note = joined.ledger.joins[0].note
    assert "2 images were not taken" in note
    assert "does not list 2 images that lie beside it, such as r01c02f01p01-ch1" in note
    assert "1 image files have names of another kind and were left out: overview.png" in note


def test_an_index_speaks_where_names_do_not(tmp_path, section, write_plane):
    folder = tmp_path / "BR1"
    images = [
        (1, column, 1, 1, channel, 1, f"{10 * column + channel}.tif")
        for column, channel in itertools.product((1, 2), (1, 2))
    ]
    for image in images:
        write_plane(folder / "Images" / image[-1], value=int(image[-1][:2]))
    write_index(folder / "Index.xml", images=[(*i[:-1], f"Images/{i[-1]}") for i in images])
    found = discover(tmp_path)
    assert found.images["layout"] == "phenix"
    images = integrate(found.section(), tmp_path).images
    assert images.table["Metadata_Well"].tolist() == ["A01", "A02"]
    assert [read_pixels(images, row)[:, 0, 0].tolist() for row in (0, 1)] == [[11, 12], [21, 22]]


def test_paths_of_another_machine_and_converted_files_are_found(tmp_path, section, write_plane):
    folder = tmp_path / "BR1" / "Images"
    images = []
    for channel in (1, 2):
        file = name_of(1, 2, 3, 1, channel)
        write_plane((folder / file).with_suffix(".tif"), value=channel)
        images.append((1, 2, 3, 1, channel, 1, f"\\\\server\\Images\\0a1b-ff\\{file}"))
    write_index(folder / "Index.idx.xml", images=images)
    joined = integrate(section(images={"layout": "phenix"}), tmp_path)
    assert len(joined.images) == 1
    assert joined.ledger.joins[0].note == ""


def test_pages_of_a_columbus_export_are_planes(tmp_path, section):
    pixels = np.arange(6, dtype=np.uint16)[:, None, None] + np.zeros((6, 8, 9), dtype=np.uint16)
    images = []
    for row in (1, 2):
        file = f"{row:03d}001-1.tif"
        tifffile.imwrite(tmp_path / file, pixels + 10 * row, photometric="minisblack")
        for page, (plane, channel) in enumerate(itertools.product((1, 2, 3), (1, 2))):
            images.append((row, 1, 1, plane, channel, 1, (file, page)))
    write_index(
        tmp_path / "ImageIndex.ColumbusIDX.xml", images=images, namespace=COLUMBUS, first_time=1
    )
    found = discover(tmp_path)
    assert found.images["layout"] == "phenix"
    assert [q.setting for q in found.questions if "projection" in q.setting]
    data = found.section()
    data["images"]["projection"] = 2
    images = integrate(data, tmp_path).images
    assert images.table["Metadata_Well"].tolist() == ["A01", "B01"]
    assert [read_pixels(images, row)[:, 0, 0].tolist() for row in (0, 1)] == [[12, 13], [22, 23]]


def test_flex_files_are_refused_with_what_to_do(tmp_path):
    for name in ("001001000.flex", "001002000.flex"):
        tifffile.imwrite(tmp_path / name, np.zeros((4, 8, 8), np.uint16), photometric="minisblack")
    with pytest.raises(InputError, match=r"001001000\.flex: images of an Opera.*bfconvert"):
        discover(tmp_path)


def test_time_points_of_an_index_count_as_names_do(tmp_path, section, write_plane):
    folder = tmp_path / "BR1" / "Images"
    images = [
        (1, 1, 1, 1, channel, time, name_of(1, 1, 1, 1, channel, time))
        for time, channel in itertools.product((1, 2), (1, 2))
    ]
    for image in images:
        write_plane(folder / image[-1], value=10 * image[5] + image[4])
    for first in (0, 1, 2):  # as versions of Harmony count
        write_index(folder / "Index.idx.xml", images=images, first_time=first)
        data = section(images={"layout": "phenix"}, measurement="timepoint == 2")
        found = integrate(data, tmp_path).images
        assert read_pixels(found, 0)[:, 0, 0].tolist() == [21, 22]


# Names of channels that differ between plates.


def plates_with(tmp_path, write_plane, **stains) -> None:
    for number, (plate, names) in enumerate(stains.items()):
        folder = tmp_path / plate / "Images"
        for channel in (1, 2):
            write_plane(folder / name_of(1, 2, 3, 1, channel), value=10 * number + channel)
        if names:
            write_index(folder / "Index.idx.xml", plate=plate, stains=names)


def test_channels_numbered_otherwise_on_another_plate_go_by_their_names(tmp_path, write_plane):
    plates_with(tmp_path, write_plane, BR1=("DNA", "ER"), BR2=("ER", "DNA"))
    found = discover(tmp_path)
    images = integrate(found.section(), tmp_path).images
    assert images.channels == ("DNA", "ER")
    assert [read_pixels(images, row)[:, 0, 0].tolist() for row in (0, 1)] == [[1, 2], [12, 11]]


def test_channels_called_otherwise_on_another_plate_are_asked_about(tmp_path, write_plane):
    plates_with(tmp_path, write_plane, BR1=("DNA", "ER"), BR2=("Hoechst", "ConA"))
    found = discover(tmp_path)
    assert found.images["channels"] == ["channel1", "channel2"]
    (text,) = [q.text for q in found.questions if q.setting == "images.channels"]
    assert "channel 1 is DNA on BR1 and Hoechst on BR2" in text


def test_a_plate_without_an_index_is_asked_about(tmp_path, write_plane):
    plates_with(tmp_path, write_plane, BR1=("DNA", "ER"), BR2=None)
    found = discover(tmp_path)
    assert found.images["channels"] == ["DNA", "ER"]
    (text,) = [q.text for q in found.questions if q.setting == "images.channels"]
    assert text.startswith("BR2 has no Index.idx.xml that names its channels; those of BR1 were")


# One field several times.


def write_measurements(tmp_path, write_plane, *, planes=(1,), times=(1,), folders=("PL1",)) -> None:
    """Four wells, one field, two stains a plate."""
    for number, folder in enumerate(folders):
        for row, column, plane, time, channel in itertools.product(
            (1, 2), (1, 2), planes, times, (1, 2)
        ):
            name = name_of(row, column, 1, plane, channel, time)
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


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (("PL1__2021-01-01T00_00_00-Measurement 1", "PL1__2021-01-01T09_00_00-Measurement 2"),
         ("Measurement 1", "Measurement 2")),
        (("PL1__2021-01-01T00_00_00-Measurement 1", "PL1__2021-01-02T00_00_00-Measurement 1"),
         ("2021-01-01T00_00_00 Measurement 1", "2021-01-02T00_00_00 Measurement 1")),
        (("PL1__2021-01-01T00_00_00", "PL1__2021-01-02T00_00_00"),
         ("2021-01-01T00_00_00", "2021-01-02T00_00_00")),
        (("PL1-Measurement 1", "PL1-Measurement 2"), ("Measurement 1", "Measurement 2")),
    ],
)  # fmt: skip
def test_a_plate_that_was_measured_twice_is_one_plate(
    tmp_path, section, write_plane, names, labels
):
    write_measurements(tmp_path, write_plane, folders=(*names, "PL2__2021-01-01-Measurement 1"))
    images = {"layout": "phenix", "root": "."}
    with pytest.raises(UndecidedError, match=r"PL1/A01 have 2 measurements") as error:
        integrate(section(images=images), tmp_path)
    assert labels[0] in str(error.value) and labels[1] in str(error.value)
    query = f"Metadata_measurement != '{labels[0]}'"  # keeps plates that were measured once
    assert f'measurement = "{query}"' in error.value.choices
    joined = integrate(section(images=images, measurement=query), tmp_path)
    assert joined.wells["Metadata_Plate"].value_counts().to_dict() == {"PL1": 4, "PL2": 4}
    assert all(names[1] in path or "PL2" in path for path in joined.images.table["Path_channel1"])


def test_two_measurements_of_different_wells_are_one_plate(tmp_path, section, write_plane):
    for number in (1, 2):
        folder = tmp_path / f"PL1__2021-01-01-Measurement {number}" / "Images"
        write_plane(folder / name_of(number, 1, 1, 1, 1), value=number)
    joined = integrate(section(images={"layout": "phenix"}), tmp_path)
    assert joined.wells["Metadata_Well"].tolist() == ["A01", "B01"]
    assert set(joined.wells["Metadata_Plate"]) == {"PL1"}


def test_plates_whose_folders_have_one_name_are_refused(tmp_path, section, write_plane):
    write_measurements(tmp_path, write_plane, folders=("batch1/PL1", "batch2/PL1"))
    with pytest.raises(InputError, match="Two plates have folders of the same name"):
        integrate(section(images={"layout": "phenix"}), tmp_path)


@pytest.mark.parametrize("inner", ["Images", "Images/flex", "."])
@pytest.mark.parametrize("before", ["flex_", ""])
def test_flex_names_are_found(tmp_path, write_plane, inner, before):
    for column, channel in itertools.product((1, 2), (1, 2)):
        name = f"{before}r01c{column:02d}f01p01-ch{channel}sk1fk1fl1.tiff"
        folder = tmp_path / "PL1__2021-01-01-Measurement 1" / inner
        write_plane(folder / name, value=channel)
    found = discover(tmp_path)
    assert found.images["layout"] == "phenix"
    images = integrate(found.section(), tmp_path).images
    assert set(images.table["Metadata_Plate"]) == {"PL1"}
    assert images.table["Metadata_Well"].tolist() == ["A01", "A02"]


def test_names_with_brackets_spaces_and_letters_of_all_kinds(tmp_path, section, write_plane):
    folder = tmp_path / "Screen [1] µ & co" / "Plâte 1__2021-01-01-Measurement 1" / "Images"
    for channel in (1, 2):
        write_plane(folder / name_of(1, 2, 3, 1, channel), value=channel)
    write_index(folder / "Index.idx.xml", plate="Plâte 1")
    joined = integrate(section(images={"layout": "phenix"}), tmp_path)
    assert joined.images.table["Metadata_Plate"].tolist() == ["Plâte 1"]
    assert joined.ledger.joins[0].note == ""


def test_other_images_are_not_its_own(tmp_path):
    names = [f"A01_s{n}_w1.tif" for n in range(40)] + [name_of(1, 1, 1, 1, 1)]
    assert Phenix().recognises_files([tmp_path / name for name in names]) is None


def test_an_index_that_lists_no_images_names_stains_all_the_same(tmp_path, write_plane):
    for channel in (1, 2):
        write_plane(tmp_path / "PL1/Images" / f"r01c01f01p01-ch{channel}sk1fk1fl1.tiff", value=1)
    channels = "".join(
        f"<Image><ChannelID>{number}</ChannelID><ChannelName>{name}</ChannelName>"
        '<ImageResolutionX Unit="m">5.9E-07</ImageResolutionX></Image>'
        for number, name in ((1, "Mito"), (2, "DNA"))
    )
    (tmp_path / "PL1/Images/Index.idx.xml").write_text(
        f"<EvaluationInputData><Images>{channels}</Images></EvaluationInputData>"
    )
    found = discover(tmp_path)
    assert found.images["channels"] == ["Mito", "DNA"]
    assert found.images["pixel_size_um"] == 0.59
    assert any("lists no images: it names stains" in note for note in found.notes)
