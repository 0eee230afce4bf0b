"""Every representation and every format of ours keeps its contract, and broken ones are named."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr

from phenolens.config import read_study
from phenolens.errors import InputError, PhenolensError
from phenolens.images import read_pixels
from phenolens.io.anndata import write_h5ad
from phenolens.io.discovery.discover import discover, study_toml
from phenolens.io.formats.base import FORMATS, TableFormat, TableRead, table_formats
from phenolens.io.formats.delimited import Delimited
from phenolens.io.images.image_headers import read_headers
from phenolens.io.integrate import integrate
from phenolens.profiles import from_frame, to_frame
from phenolens.remote import look_anew
from phenolens.represent.base import REPRESENTATIONS, Representation, called
from phenolens.represent.networks.network import Network
from phenolens.testing import check_format, check_representation

TINY = {
    "epochs": 1, "width": 8, "size": 32, "batch": 16, "views": 1, "precision": "float32",
    "device": "cpu",
}  # fmt: skip
GIVEN = {
    "pretrained"
}  # needs weights of others; held to its contract in tests/represent/pretrained
KNOWN = {name: kind for name, kind in REPRESENTATIONS.known().items() if name not in GIVEN}
NETWORKS = [name for name, kind in KNOWN.items() if issubclass(kind, Network)]
OTHERS = [name for name in KNOWN if name not in NETWORKS]


@pytest.mark.parametrize("name", OTHERS)
def test_a_representation_of_ours_keeps_its_contract(name):
    check_representation(REPRESENTATIONS.get(name))


@pytest.mark.network
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_of_ours_keeps_its_contract(name):
    pytest.importorskip("torch").set_num_threads(1)
    check_representation(REPRESENTATIONS.get(name), TINY)


@dataclass
class Brightness(Representation):
    """Mean of each stain: right as it is, and broken in one way by each test."""

    name: str = "brightness"
    label: ClassVar[str] = "Brightness"
    kind: ClassVar[str] = "measured"
    reads: ClassVar[str] = "images"

    def extract(self, prepared, rows, *, progress=None):
        return np.stack([prepared.pixels(int(row)).mean(axis=(1, 2)) for row in rows])


class NoLabel(Brightness):
    label = ""


class Doubles(Brightness):
    def extract(self, prepared, rows, *, progress=None):
        return super().extract(prepared, rows).astype(np.float64)


class Ranks(Brightness):
    def extract(self, prepared, rows, *, progress=None):
        values = super().extract(prepared, rows)
        return values.argsort(axis=0).argsort(axis=0).astype(np.float32)


class Learns(Brightness):
    def fit(self, prepared, rows, *, labels=None, seed=0, progress=None):
        self.mean = super().extract(prepared, rows).mean(axis=0)
        return self

    def extract(self, prepared, rows, *, progress=None):
        return super().extract(prepared, rows) - self.mean


class Forgets(Learns):
    learns = "pixels"


class Peeks(Forgets):
    def fit(self, prepared, rows, *, labels=None, seed=0, progress=None):
        return super().fit(prepared, np.arange(len(prepared)))


class Labels(Brightness):
    learns = "pixels"

    def fit(self, prepared, rows, *, labels=None, seed=0, progress=None):
        self.first = 0.0 if labels is None else float(sum(map(len, labels[:7])))
        self.trained_on = ("P1/A01",)
        return self

    def extract(self, prepared, rows, *, progress=None):
        return super().extract(prepared, rows) + np.float32(self.first)


class Chance(Brightness):
    def extract(self, prepared, rows, *, progress=None):
        return super().extract(prepared, rows) * np.float32(np.random.default_rng().random())


class Lost(Brightness):
    def extract(self, prepared, rows, *, progress=None):
        return np.full_like(super().extract(prepared, rows), np.nan)


class Short(Brightness):
    def extract(self, prepared, rows, *, progress=None):
        return super().extract(prepared, rows)[1:]


class Sentence(Brightness):
    methods = "Brightness of {stains}."


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (NoLabel, "has no label"),
        (Doubles, "float64, not float32"),
        (Ranks, "depend on what else is read"),
        (Learns, "says it learns nothing, and does"),
        (Forgets, "names 0 wells"),
        (Peeks, "plate P3 that it was not given"),
        (Labels, "says it does not learn labels, and does"),
        (Chance, "depend on|other features"),
        (Sentence, "which is no option"),
        (Lost, "gave values that are not finite"),
        (Short, r"gave \(71, 3\) for 72 images; expected a row an image"),
    ],
)
def test_a_broken_representation_is_named(broken, said):
    with pytest.raises(AssertionError, match=said) as error:
        check_representation(broken)
    assert "\n" not in str(error.value).split("\nassert")[0]


def test_a_right_one_passes():
    check_representation(Brightness)


def test_an_encoder_of_a_study_keeps_the_contract_of_its_kind():
    few = called(REPRESENTATIONS.get("pixel-pca"), "few")
    check_representation(few, {"components": 3})


# -- formats --------------------------------------------------------------------------------


WELLS = pd.DataFrame(
    {
        "Metadata_Plate": ["P1"] * 3,
        "Metadata_Well": ["A01", "A02", "A03"],
        "Cells_AreaShape_Area": [3.0, 2.0, 1.0],
    }
)


def delimited(folder):
    WELLS.to_csv(folder / "wells.csv", index=False)
    return folder / "wells.csv"


def parquet(folder):
    WELLS.to_parquet(folder / "wells.parquet")
    return folder / "wells.parquet"


def h5ad(folder):
    write_h5ad(from_frame(WELLS), folder / "wells.h5ad")
    return folder / "wells.h5ad"


def deepprofiler(folder):
    path = folder / "P1" / "A01" / "1.npz"
    path.parent.mkdir(parents=True)
    np.savez(path, features=np.ones((3, 2), np.float32))
    return path


def harmony(folder):
    lines = ["Database\tHere", "Plate Name\tP1", "", "[Data]", "Row\tColumn\tArea\tMean DNA"]
    path = folder / "PlateResults.txt"
    path.write_text("\n".join([*lines, "1\t1\t3.5\t2", "1\t2\t2.5\t1"]) + "\n")
    return path


def cellprofiler(folder):
    pd.DataFrame({"ImageNumber": [1], "Metadata_Plate": ["P1"], "Metadata_Well": ["A01"]}).to_csv(
        folder / "Image.csv", index=False
    )
    cells = {"ImageNumber": [1, 1], "ObjectNumber": [1, 2], "AreaShape_Area": [3.0, 4.0]}
    pd.DataFrame(cells).to_csv(folder / "Cells.csv", index=False)
    return folder


def cellprofiler_database(folder):
    path = folder / "DefaultDB.db"
    image = {"ImageNumber": [1], "Image_Metadata_Plate": ["P1"], "Image_Metadata_Well": ["A01"]}
    cells = {"ImageNumber": [1, 1], "Cells_Number_Object_Number": [1, 2],
             "Cells_AreaShape_Area": [3.0, 4.0]}  # fmt: skip
    with closing(sqlite3.connect(path)) as connection:
        pd.DataFrame(image).to_sql("MyExpt_Per_Image", connection, index=False)
        pd.DataFrame(cells).to_sql("MyExpt_Per_Cells", connection, index=False)
    return path


def cellprofiler_analyst(folder):
    cellprofiler_database(folder)
    path = folder / "DefaultDB_MyExpt.properties"
    path.write_text(
        "db_type = sqlite\ndb_sqlite_file = /home/me/DefaultDB.db\n"
        "image_table = MyExpt_Per_Image\nobject_table = MyExpt_Per_Cells\n"
    )
    return path


def plane(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, np.full((8, 8), 7, np.uint16))
    return path.name


def rows(folder):
    for plate in ("P1", "P2"):
        for well in ("A01", "A02"):
            names = {s: plane(folder / "images" / f"{plate}_{well}_{s}.tif") for s in ("DNA", "ER")}
            yield {"Metadata_Plate": plate, "Metadata_Well": well, "Metadata_Site": 1}, names


def load_data(folder):
    table = [
        key | {f"FileName_Orig{s}": n for s, n in names.items()}
        | {f"PathName_Orig{s}": "images" for s in names}
        for key, names in rows(folder)
    ]  # fmt: skip
    pd.DataFrame(table).to_csv(folder / "load_data.csv", index=False)
    return folder


def samplesheet(folder):
    table = [
        {"plate": key["Metadata_Plate"], "well": key["Metadata_Well"], "site": 1, "channel": s,
         "path": f"images/{n}"}
        for key, names in rows(folder) for s, n in names.items()
    ]  # fmt: skip
    pd.DataFrame(table).to_csv(folder / "samplesheet.csv", index=False)
    return folder


def table(folder):
    found = [key | {f"{s}_path": f"images/{n}" for s, n in names.items()}
             for key, names in rows(folder)]  # fmt: skip
    pd.DataFrame(found).to_csv(folder / "fields.csv", index=False)
    return folder


def phenix(folder):
    for column in (1, 2):
        for channel in (1, 2):
            name = f"r01c{column:02d}f01p01-ch{channel}sk1fk1fl1.tiff"
            plane(folder / "P1" / "Images" / name)
    return folder


def imagexpress(folder):
    for well in ("A01", "A02"):
        for wave in (1, 2):
            plane(folder / "P1" / "TimePoint_1" / f"P1_{well}_s1_w{wave}.TIF")
    return folder


def yokogawa(folder):
    for well in ("A01", "A02"):
        for channel in (1, 2):
            plane(folder / "P1" / f"P1_{well}_T0001F001L01A0{channel}Z01C0{channel}.tif")
    return folder


def incell(folder):
    for well in ("A - 1", "A - 2"):
        for wave in ("UV - DAPI", "Blue - FITC"):
            plane(folder / "P1" / f"{well}(fld 1 wv {wave}).tif")
    return folder


def scanr(folder):
    for number in (1, 2):
        for stain in ("DAPI", "GFP"):
            name = f"A{number}--W{number:05d}--P00001--Z00000--T00000--{stain}.tif"
            plane(folder / "P1" / "data" / name)
    return folder


def gen5(folder):
    for well in ("A1", "A2"):
        for number, stain in enumerate(("DAPI", "GFP"), 1):
            plane(folder / "P1" / f"{well}_01_{number}_1_{stain}_001.tif")
    return folder


def cellinsight(folder):
    for well in ("A01", "A02"):
        for channel in (0, 1):
            plane(folder / "MFGTMP_1" / f"MFGTMP_1_{well}f00d{channel}.TIF")
    return folder


def incucyte(folder):
    for well in ("A1", "A2"):
        for channel in ("phase", "green"):
            plane(folder / channel / f"VID1_{well}_1_00d00h00m.tif")
    return folder


def pathway(folder):
    for well in ("A01", "A02"):
        for stain in ("DAPI", "GFP"):
            plane(folder / "2009-09-21_000" / f"Well {well}" / f"{stain} - n000000.tif")
    return folder


def names(folder):
    for well in ("A01", "A02"):
        for stain in ("DAPI", "GFP"):
            plane(folder / "P1" / f"{well}_pos1_{stain}.tif")
    return folder


def ome_tiff(folder):
    for well in ("A01", "A02"):
        with tifffile.TiffWriter(folder / f"{well}.ome.tif", ome=True) as writer:
            for value in (1, 2):
                pixels = np.full((2, 8, 8), value, np.uint16)
                meta = {"axes": "CYX", "Channel": {"Name": ["DNA", "ER"]}}
                writer.write(pixels, metadata=meta, photometric="minisblack")
    return folder


def hyperstack(folder):
    for well in ("A01", "A02"):
        pixels = np.full((2, 8, 8), 7, np.uint16)
        tifffile.imwrite(folder / f"P1_{well}.tif", pixels, imagej=True, metadata={"axes": "CYX"})
    return folder


def ome_zarr(folder):
    plate = zarr.create_group(folder / "P1.zarr", zarr_format=2)
    wells = [{"path": f"A/{n}", "rowIndex": 0, "columnIndex": n - 1} for n in (1, 2)]
    plate.attrs["plate"] = {"version": "0.4", "wells": wells}
    for well in wells:
        group = plate.create_group(well["path"])
        group.attrs["well"] = {"images": [{"path": "0"}], "version": "0.4"}
        image = group.create_group("0")
        image.create_array("0", data=np.full((2, 8, 8), 7, np.uint16))
        image.attrs["multiscales"] = [
            {"axes": [{"name": name} for name in "cyx"], "datasets": [{"path": "0"}]}
        ]
    return folder


def vendor(folder):
    (folder / "plate.czi").write_bytes(b"xx")
    return folder


def plate_grid(folder):
    path = folder / "platemap.csv"
    rows = "".join(f"{row},DMSO,c1,c2\n" for row in "ABCD")
    path.write_text(f"Compound,1,2,3\n{rows}")
    return path


def workbook(folder):
    path = folder / "platemap.xlsx"
    wells = pd.DataFrame({"Well": ["A01", "A02"], "Compound": ["DMSO", "c1"], "Dose": [0, 0.5]})
    wells.to_excel(path, index=False)
    return path


SAMPLES = {
    one.__name__: one
    for one in (delimited, parquet, h5ad, deepprofiler, harmony, cellprofiler,
                cellprofiler_database, cellprofiler_analyst, load_data, samplesheet, table, phenix,
                imagexpress, yokogawa, incell, scanr, gen5, cellinsight, incucyte, pathway, names,
                hyperstack)
} | {
    "ome-tiff": ome_tiff, "ome-zarr": ome_zarr, "bioio": vendor, "plate grid": plate_grid,
    "workbook": workbook,
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS.names())
def test_a_format_of_ours_keeps_its_contract(name, tmp_path, bioio, monkeypatch):
    monkeypatch.setattr(bioio, "pixels", bioio.pixels[:, :, :, :1])
    check_format(FORMATS.get(name), SAMPLES[name](tmp_path))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_format_of_ours_is_read_from_a_store_as_from_a_folder(
    name, tmp_path, bioio, monkeypatch, store
):
    """What a placeholder holds would be zeros: each way of opening fetches first."""
    monkeypatch.setattr(bioio, "pixels", bioio.pixels[:, :, :, :1])
    (tmp_path / "here").mkdir()
    sample = SAMPLES[name](tmp_path / "here")
    below = sample.relative_to(tmp_path / "here").as_posix()
    url = f"{store.upload(tmp_path / 'here', 'screen', 'here/')}/{below}".removesuffix("/.")
    look_anew()
    read = [_as_read(source) for source in (sample, url)]
    assert read[1][0] == [text.replace(str(sample), url) for text in read[0][0]]
    for here, there in zip(read[0][1], read[1][1], strict=True):
        np.testing.assert_array_equal(here, there)


def _as_read(source):
    """What is found at a source, or why nothing is; tables and pixels of what is."""
    try:
        found = discover(source)
        joined = integrate(found.section(), found.source)
    except PhenolensError as error:
        return [str(error)], []
    held = [joined.wells.astype(str).to_numpy()]
    held += [to_frame(block.table).astype(str).to_numpy() for block in joined.profiles.values()]
    if joined.images is not None:
        table = joined.images.table
        assert not any("cache/mirror" in str(value) for value in table.to_numpy().ravel())
        held += [read_pixels(joined.images, row) for row in range(len(table))]
        held.append(read_headers(joined.images).table.drop(columns="file").astype(str).to_numpy())
    return found.lines(), held


@pytest.mark.parametrize("name", SAMPLES)
def test_what_init_writes_check_accepts_or_asks_what_init_marked(
    name, tmp_path, bioio, monkeypatch
):
    monkeypatch.setattr(bioio, "pixels", bioio.pixels[:, :, :, :1])
    source = SAMPLES[name](tmp_path)
    try:
        found = discover(source)
    except InputError as error:  # a plate map or a table of a field alone is no screen
        assert "\n" not in str(error)
        return
    study = tmp_path / "study.toml"
    study.write_text(study_toml(found, relative_to=tmp_path), encoding="utf-8")
    data = read_study(study).data.model_dump()
    try:
        integrate(data, tmp_path)
    except PhenolensError as error:
        assert str(error) in [question.text for question in found.questions]
        assert f"# FILL IN: {str(error)[:40]}" in study.read_text(encoding="utf-8")


def test_endings_are_told_apart():
    inside = {"harmony", "plate grid"}  # told by what is in the file
    endings = [e for one in table_formats() if one.name not in inside for e in one.endings]
    assert len(endings) == len(set(endings))


class Crashes(TableFormat):
    name = "crashes"
    describes = "a table that cannot be cut"
    endings = (".rows",)

    def read(self, path, **_):
        lines = [line.split() for line in path.read_text().splitlines()]
        return TableRead(
            pd.DataFrame({"a": [one[0] for one in lines], "b": [one[1] for one in lines]})
        )


class Greedy(Delimited):
    name = "greedy"

    def recognises(self, path):
        return 0.7


def test_a_broken_format_is_named(tmp_path):
    sample = tmp_path / "x.rows"
    sample.write_text("1 2\n3 4\n5 6\n")
    with pytest.raises(AssertionError, match=r"a file that is (empty|cut short)|in an empty file"):
        check_format(Crashes, sample)
    with pytest.raises(AssertionError, match="takes a page of notes for its own"):
        check_format(Greedy, delimited(tmp_path))
    with pytest.raises(AssertionError, match="does not recognise the sample"):
        check_format(Crashes, delimited(tmp_path))
