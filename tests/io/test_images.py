"""Image tables of every kind become image sets whose pixels can be read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tifffile

from phenolens.errors import InputError
from phenolens.images import read_pixels
from phenolens.io.images.table import load_data_channels, plane_index
from phenolens.io.integrate import integrate
from phenolens.io.paths import ImageFinder

PLACE = {"Metadata_Plate": "P1", "Metadata_Well": "A01", "Metadata_Site": 1}


def one(tmp_path, section, table: dict | list[dict], **images):
    rows = table if isinstance(table, list) else [table]
    pd.DataFrame(rows).to_csv(tmp_path / "images.csv", index=False)
    return integrate(section(images={"table": "images.csv"} | images), tmp_path).images


def stack(path, shape) -> np.ndarray:
    values = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    tifffile.imwrite(path, values, photometric="minisblack")
    return values


def test_one_column_a_stain(tmp_path, section):
    planes = [stack(tmp_path / f"{name}.tif", (4, 5)) for name in ("a", "b")]
    row = PLACE | {"dna": "a.tif", "er": "b.tif"}
    images = one(tmp_path, section, row, files={"DNA": "dna", "ER": "er"})
    np.testing.assert_array_equal(read_pixels(images, 0), planes)


@pytest.mark.parametrize(
    ("shape", "channels", "index", "pick"),
    [
        ((4, 5), 1, None, lambda v: v[None]),
        ((3, 4, 5), 3, None, lambda v: v),
        ((6, 4, 5), 1, 2, lambda v: v[2][None]),
        ((6, 3, 4, 5), 3, 4, lambda v: v[4]),
        ((2, 7, 4, 5), 2, 3, lambda v: v[:, 3]),
        ((1, 3, 4, 5), 3, None, lambda v: v[0]),
    ],
    ids=["YX", "CYX", "NYX", "NCYX", "CNYX", "1CYX"],
)
def test_axes_are_told_from_the_shape(tmp_path, section, shape, channels, index, pick):
    values = stack(tmp_path / "stack.tif", shape)
    row = PLACE | {"file": "stack.tif"} | ({} if index is None else {"index": index})
    images = one(
        tmp_path,
        section,
        row,
        file="file",
        index=None if index is None else "index",
        channels=[f"c{n}" for n in range(channels)],
    )
    np.testing.assert_array_equal(read_pixels(images, 0), pick(values))


def test_a_numpy_stack_of_crops_is_numbered_by_its_index(tmp_path, section):
    np.save(tmp_path / "crops.npy", np.arange(60, dtype=np.uint8).reshape(3, 2, 2, 5))
    rows = [PLACE | {"file": "crops.npy", "index": number} for number in (2, 0, 1)]
    images = one(
        tmp_path, section, rows, file="file", index="index", channels=["a", "b"], level="cell"
    )
    assert images.table["Metadata_ObjectNumber"].tolist() == [0, 1, 2]
    assert read_pixels(images, 2)[0, 0, 0] == 40


@pytest.mark.parametrize(
    ("shape", "channels", "message"),
    [
        ((3, 4, 5), 2, r"stack of 3 planes where 2 stain"),
        ((6, 3, 4, 5), 3, r"'index' column must say which"),
        ((2, 2, 2, 4, 5), 2, r"does not hold 2 stain"),
        ((20, 30, 3), 1, r"colour picture"),
    ],
)
def test_a_shape_that_does_not_fit_is_explained(tmp_path, section, shape, channels, message):
    stack(tmp_path / "stack.tif", shape)
    names = [f"c{n}" for n in range(channels)]
    with pytest.raises(InputError, match=message):
        one(tmp_path, section, PLACE | {"file": "stack.tif"}, file="file", channels=names)


@pytest.mark.parametrize("content", [b"", b"II*\x00 no tiff"])
def test_a_first_file_that_is_empty_or_damaged_is_named(tmp_path, section, content):
    (tmp_path / "bad.tif").write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.tif"):
        one(tmp_path, section, PLACE | {"file": "bad.tif"}, file="file", channels=["a", "b"])


@pytest.mark.parametrize("index", [-1, 1.5, "x"])
def test_a_position_that_is_none_is_named(tmp_path, section, index):
    stack(tmp_path / "stack.tif", (3, 4, 5))
    with pytest.raises(
        InputError, match=r"column index must hold positions counted from 0, or images .*; row 1"
    ):
        one(tmp_path, section, PLACE | {"file": "stack.tif", "index": index}, file="file",
            index="index", channels=["a"])  # fmt: skip


def test_a_table_that_names_no_files_asks_for_the_column(tmp_path, section):
    with pytest.raises(InputError, match=r"which column names the image files"):
        one(tmp_path, section, PLACE)


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "csv.gz"])
def test_tables_of_every_format(tmp_path, section, write_plane, ending):
    write_plane(tmp_path / "a.tif", value=3)
    frame = pd.DataFrame([PLACE | {"file": "a.tif"}])
    path = tmp_path / f"t.{ending}"
    if ending == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, sep="\t" if ending == "tsv" else ",", index=False)
    data = section(images={"table": path.name, "file": "file", "channels": ["DNA"]})
    assert read_pixels(integrate(data, tmp_path).images, 0).max() == 3


def test_sites_nobody_names_are_numbered_by_file(tmp_path, section, write_plane):
    for name in "ba":
        write_plane(tmp_path / f"{name}.tif", value=1)
    rows = [{"plate": "P1", "well": "A1", "file": f"{name}.tif"} for name in "ba"]
    images = one(tmp_path, section, rows, file="file", channels=["DNA"])
    assert images.table["Metadata_Site"].tolist() == ["1", "2"]
    assert images.table["Path_DNA"].str[-5:].tolist() == ["a.tif", "b.tif"]


def test_plate_and_well_from_file_names_and_constants(tmp_path, section, write_plane):
    write_plane(tmp_path / "x_C07_s4.tif", value=1)
    pd.DataFrame({"file": ["x_C07_s4.tif"]}).to_csv(tmp_path / "images.csv", index=False)
    data = section(
        columns={"plate": "= pilot", "well": r"file ~ _([A-P]\d\d)_", "site": r"file ~ _s(\d)"},
        images={"table": "images.csv", "file": "file", "channels": ["DNA"]},
    )
    table = integrate(data, tmp_path).images.table
    assert table.iloc[0, :3].tolist() == ["pilot", "C07", "4"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("file ~ (", "not a regular expression"), ("file ~ x", "no group"), ("file ~ (q+)", "no val")],
)
def test_a_pattern_that_does_not_work_is_explained(
    tmp_path, section, write_plane, pattern, message
):
    write_plane(tmp_path / "x_C07.tif", value=1)
    pd.DataFrame({"file": ["x_C07.tif"], "plate": ["P1"]}).to_csv(
        tmp_path / "images.csv", index=False
    )
    data = section(
        columns={"well": pattern},
        images={"table": "images.csv", "file": "file", "channels": ["DNA"]},
    )
    with pytest.raises(InputError, match=message):
        integrate(data, tmp_path)


def test_load_data_with_illumination_and_urls(tmp_path, section, write_plane):
    write_plane(tmp_path / "plates" / "P1" / "a.tif", value=5)
    np.save(tmp_path / "P1_IllumDNA.npy", np.ones((6, 8)))
    row = PLACE | {
        "URL_OrigDNA": "s3://bucket/project/images/plates/P1/a.tif",
        "FileName_IllumDNA": "P1_IllumDNA.npy",
        "PathName_IllumDNA": "/home/ubuntu/illum",
    }
    images = one(tmp_path, section, row, layout="load_data")
    assert images.channels == ("DNA",)
    assert images.table["Illum_DNA"].iloc[0] == str(tmp_path / "P1_IllumDNA.npy")
    assert read_pixels(images, 0).max() == 5


def test_plates_with_the_same_file_names_keep_their_own(tmp_path, section, write_plane):
    for number, plate in enumerate(("P1", "P2")):
        write_plane(tmp_path / plate / "images" / "r01.tif", value=number)
        row = {"Metadata_Plate": plate, "Metadata_Well": "A01", "Metadata_Site": 1}
        row |= {"FileName_OrigDNA": "r01.tif", "PathName_OrigDNA": "/microscope/images"}
        pd.DataFrame([row]).to_csv(tmp_path / plate / "load_data.csv", index=False)
    data = section(images={"table": "*/load_data.csv", "layout": "load_data"})
    images = integrate(data, tmp_path).images
    assert [read_pixels(images, row).max() for row in (0, 1)] == [0, 1]


def test_canonical_stains_come_in_canonical_order():
    names = ["FileName_OrigMito", "FileName_OrigDNA", "FileName_OrigLipid", "FileName_OrigAGP"]
    frame = pd.DataFrame(columns=[*names, "FileName_IllumDNA", "PathName_OrigDNA"])
    assert list(load_data_channels(frame)) == ["DNA", "AGP", "Mito", "Lipid"]


def test_drawn_overlays_are_no_stain():
    frame = pd.DataFrame(columns=["FileName_DNA", "FileName_PH3", "FileName_OrigOverlay"])
    assert list(load_data_channels(frame)) == ["DNA", "PH3"]


def test_a_channel_that_is_not_there_lists_those_that_are(tmp_path, fields, section):
    data = section(images={"table": "load_data.csv", "layout": "load_data", "channels": ["Mito"]})
    with pytest.raises(InputError, match=r"no channel Mito; it has DNA, ER"):
        integrate(data, tmp_path)


def test_windows_paths_are_found(tmp_path, write_plane):
    write_plane(tmp_path / "images" / "a.tif", value=1)
    found, there = ImageFinder([tmp_path]).find(r"D:\screen\images\a.tif")
    assert there
    assert found == str(tmp_path / "images" / "a.tif")


def test_a_tall_sample_sheet_becomes_one_row_a_field(tmp_path, section, write_plane):
    rows = []
    for number, channel in enumerate(("AGP", "DNA")):
        for site in (1, 2):
            name = f"{channel}_{site}.tif"
            write_plane(tmp_path / name, value=10 * number + site)
            place = {"source": "s", "batch": "b", "plate": "P1", "well": "a3", "site": site}
            rows.append({"channel": channel, "path": name, "row": 1, "col": 3} | place)
    images = one(tmp_path, section, rows, layout="samplesheet")
    assert images.channels == ("DNA", "AGP")
    assert images.table["Metadata_Well"].tolist() == ["A03", "A03"]
    assert read_pixels(images, 1)[:, 0, 0].tolist() == [12, 2]


def test_a_sample_sheet_with_a_file_twice_is_refused(tmp_path, section, write_plane):
    write_plane(tmp_path / "a.tif", value=1)
    row = {"channel": "DNA", "path": "a.tif", "plate": "P1", "well": "A01", "site": 1}
    with pytest.raises(InputError, match=r"DNA of field P1\|A01\|1 is listed 2 times"):
        one(tmp_path, section, [row, row | {"path": "b.tif"}], layout="samplesheet")


def test_a_field_without_one_stain_is_set_aside(tmp_path, section, write_plane):
    write_plane(tmp_path / "a.tif", value=1)
    write_plane(tmp_path / "b.tif", value=1)
    rows = [
        {"channel": "DNA", "path": "a.tif", "plate": "P1", "well": "A01", "site": 1},
        {"channel": "ER", "path": "b.tif", "plate": "P1", "well": "A01", "site": 1},
        {"channel": "DNA", "path": "c.tif", "plate": "P1", "well": "A01", "site": 2},
    ]
    write_plane(tmp_path / "c.tif", value=1)
    pd.DataFrame(rows).to_csv(tmp_path / "sheet.csv", index=False)
    screen = integrate(section(images={"table": "sheet.csv", "layout": "samplesheet"}), tmp_path)
    assert len(screen.images) == 1
    item = screen.ledger.set_aside[0]
    assert (item.reason, item.site, item.channel) == ("no file named", "2", "ER")


def test_planes_outside_a_known_shape_are_refused():
    with pytest.raises(InputError, match="stain"):
        plane_index((4, 4, 8, 8), channel=0, n_channels=3, position="1")
