"""Profiles from files of every format, and CellProfiler's own tables."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

from phenolens import profiles
from phenolens.errors import InputError
from phenolens.io.anndata import write_h5ad
from phenolens.io.formats.cellprofiler import read_cellprofiler
from phenolens.io.integrate import integrate


def cells(image: int, numbers, *, parent: str | None = None) -> pd.DataFrame:
    frame = pd.DataFrame({"ImageNumber": image, "ObjectNumber": list(numbers)})
    frame["AreaShape_Area"] = frame["ObjectNumber"] * 10.0 + image
    if parent:
        frame[f"Parent_{parent}"] = frame["ObjectNumber"]
    return frame


def site_folder(path, *, image: int = 1, table: int | None = None) -> None:
    """A CellProfiler site: cells numbered another way than nuclei, one without nucleus."""
    path.mkdir(parents=True)
    nuclei = cells(image, [1, 2, 3])
    whole = cells(image, [1, 2, 3]).assign(Parent_Nuclei=[3, 2, 0])
    cytoplasm = cells(image, [1, 2, 3]).assign(Parent_Cells=[2, 1, 3])
    images = pd.DataFrame(
        {"ImageNumber": [image], "Metadata_Plate": "P1", "Metadata_Well": "B02",
         "Metadata_Site": image, "FileName_DNA": "x.tif", "ExecutionTime_01Images": 0.5}
    )  # fmt: skip
    for name, frame in zip(
        ("Nuclei", "Cells", "Cytoplasm", "Image"), (nuclei, whole, cytoplasm, images), strict=True
    ):
        out = frame if table is None else frame.assign(TableNumber=table)
        out.sample(frac=1, random_state=3).to_csv(path / f"{name}.csv", index=False)


def test_compartments_meet_by_parent_not_by_row(tmp_path):
    site_folder(tmp_path / "site")
    frame, notes = read_cellprofiler(tmp_path / "site")
    frame = frame.sort_values("Metadata_ObjectNumber")
    assert frame["Cells_AreaShape_Area"].tolist() == [11, 21, 31]
    assert frame["Nuclei_AreaShape_Area"].tolist()[:2] == [31, 21]
    assert np.isnan(frame["Nuclei_AreaShape_Area"].iloc[2])
    assert frame["Cytoplasm_AreaShape_Area"].tolist() == [21, 11, 31]
    assert frame["Metadata_Well"].tolist() == ["B02"] * 3
    assert "ExecutionTime_01Images" not in frame
    assert notes == [
        "1 of 3 Cells have no Nuclei",
        "1 of 3 Nuclei have no Cells and are left out",
    ]


def test_site_folders_are_put_together_and_joined(tmp_path, section):
    for site in (1, 2):
        site_folder(tmp_path / "analysis" / f"P1-B02-{site}", image=site)
    data = section(profiles=[{"name": "cp", "files": "analysis", "level": "cell"}])
    screen = integrate(data, tmp_path)
    table = screen.profiles["cp"].table
    assert len(table) == 6
    assert table.index.names[:4] == [
        "Metadata_Plate", "Metadata_Well", "Metadata_Site", "Metadata_ObjectNumber",
    ]  # fmt: skip
    assert "Cells_Parent_Nuclei" not in table
    assert "2 of 6 Cells have no Nuclei" in screen.ledger.joins[0].note


def test_plate_well_and_site_from_the_folder_where_tables_have_none(tmp_path, section):
    folder = tmp_path / "analysis" / "BR-7-C03-2"
    folder.mkdir(parents=True)
    cells(1, [1, 2]).to_csv(folder / "Nuclei.csv", index=False)
    data = section(profiles=[{"name": "cp", "files": "analysis", "level": "cell"}])
    table = integrate(data, tmp_path).profiles["cp"].table
    assert profiles.metadata(table).iloc[0, :3].tolist() == ["BR-7", "C03", "2"]


def database(path, tables: dict[str, pd.DataFrame]) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for name, frame in tables.items():
            frame.to_sql(name, connection, index=False)


def test_image_numbers_repeat_between_tables_of_a_database(tmp_path):
    """Two runs of one ImageNumber meet only their own objects."""
    parts = {"Image": [], "Cells": [], "Nuclei": []}
    for run, well in ((1, "A01"), (2, "A02")):
        parts["Image"].append(
            pd.DataFrame({"TableNumber": [run], "ImageNumber": 1, "Image_Metadata_Well": well,
                          "Image_Metadata_Plate": "P1"})
        )  # fmt: skip
        objects = cells(1, [1, 2]).assign(TableNumber=run)
        objects["AreaShape_Area"] += 100 * run
        parts["Cells"].append(objects.add_prefix("Cells_").rename(columns=_bare))
        parts["Nuclei"].append(objects.add_prefix("Nuclei_").rename(columns=_bare))
    database(tmp_path / "p.sqlite", {n: pd.concat(f) for n, f in parts.items()})
    frame, _ = read_cellprofiler(tmp_path / "p.sqlite")
    assert len(frame) == 4
    assert (frame["Cells_AreaShape_Area"] == frame["Nuclei_AreaShape_Area"]).all()
    assert frame.groupby("Metadata_TableNumber")["Metadata_Well"].nunique().tolist() == [1, 1]
    assert frame["Metadata_Site"].nunique() == 2


def _bare(name: str) -> str:
    bare = name.split("_", 1)[1]
    return bare if bare in {"TableNumber", "ImageNumber", "ObjectNumber"} else name


def test_repeated_image_numbers_without_table_number_are_refused(tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    pd.concat([cells(1, [1, 2]), cells(1, [1, 2])]).to_csv(folder / "Cells.csv", index=False)
    with pytest.raises(InputError, match=r"Cells: 4 rows share a key.*TableNumber"):
        read_cellprofiler(folder)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "p.sqlite").write_bytes(b"no database at all, but long enough to be looked into")
    with pytest.raises(InputError, match="cannot be read as an SQLite database"):
        read_cellprofiler(tmp_path / "p.sqlite")


def test_a_folder_without_tables_is_refused(tmp_path):
    with pytest.raises(InputError, match="no CellProfiler tables"):
        read_cellprofiler(tmp_path)


def wells_table() -> pd.DataFrame:
    frame = pd.DataFrame({"Metadata_Plate": ["P1", "P1"], "Metadata_Well": ["A01", "A02"]})
    frame["Cells_AreaShape_Area"] = [1.0, 2.0]
    return profiles.from_frame(frame)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet", "h5ad"])
def test_profiles_of_every_format(tmp_path, section, ending):
    path = tmp_path / f"p.{ending}"
    (write_h5ad if ending == "h5ad" else profiles.write)(wells_table(), path)
    screen = integrate(section(profiles=[{"name": "p", "files": path.name}]), tmp_path)
    assert screen.profiles["p"].table["Cells_AreaShape_Area"].tolist() == [1.0, 2.0]


def test_features_missing_from_a_file_are_counted(tmp_path, section):
    first = profiles.to_frame(wells_table())
    first.to_csv(tmp_path / "P1.csv", index=False)
    other = first.assign(Metadata_Plate="P2", Cells_AreaShape_Extent=0.5)
    other.to_csv(tmp_path / "P2.csv", index=False)
    screen = integrate(section(profiles=[{"name": "p", "files": "P*.csv"}]), tmp_path)
    assert "1 features are not in every file" in screen.ledger.joins[0].note
    assert screen.profiles["p"].table["Cells_AreaShape_Extent"].isna().sum() == 2


def test_an_empty_table_is_refused(tmp_path, section):
    wells_table().head(0).to_csv(tmp_path / "p.csv")
    pd.DataFrame(columns=["Metadata_Plate", "Metadata_Well", "f0"]).to_csv(
        tmp_path / "p.csv", index=False
    )
    with pytest.raises(InputError, match=r"p\.csv has a header but no rows"):
        integrate(section(profiles=[{"name": "p", "files": "p.csv"}]), tmp_path)


def test_a_truncated_parquet_file_is_named(tmp_path, section):
    profiles.write(wells_table(), tmp_path / "p.parquet")
    content = (tmp_path / "p.parquet").read_bytes()
    (tmp_path / "p.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"p\.parquet cannot be read"):
        integrate(section(profiles=[{"name": "p", "files": "p.parquet"}]), tmp_path)


def test_examplehuman_cells_are_all_joined(real_data, section):
    folder = real_data("examplehuman")
    frame, notes = read_cellprofiler(folder)
    assert len(frame) == 289
    assert notes == []
    assert {"Cells_AreaShape_Area", "Nuclei_AreaShape_Area", "Cytoplasm_AreaShape_Area"} <= set(
        frame.columns
    )
    assert (frame["Nuclei_AreaShape_Area"] <= frame["Cells_AreaShape_Area"]).all()
