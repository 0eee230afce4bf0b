"""Files that are damaged, or hold what nobody expects: a right value, or one line that names them.

Most of these were found by ``bench/fuzz.py``.
"""

from __future__ import annotations

import gzip
import sqlite3
import zipfile
from contextlib import closing

import anndata
import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zarr

from phenolens.errors import InputError
from phenolens.io.columns import is_blank
from phenolens.io.discovery.discover import discover
from phenolens.io.formats.cellprofiler import read_cellprofiler
from phenolens.io.given import open_table
from phenolens.io.integrate import integrate
from phenolens.io.tables.text import read_text
from phenolens.simulate import simulate_profiles


@pytest.fixture(scope="module")
def wells() -> pd.DataFrame:
    table, _ = simulate_profiles(plates=2, treatments=6, controls=12, features=10, seed=1)
    named = [f"Cells_Intensity_MeanIntensity_S{number}" for number in range(len(table.columns))]
    frame = table.astype(np.float64).set_axis(named, axis=1).reset_index()
    return frame.drop(columns="Metadata_Control").rename(
        columns={"Metadata_Treatment": "Metadata_Compound"}
    )


def features(frame: pd.DataFrame) -> list[str]:
    return [name for name in frame if not name.startswith("Metadata_")]


@pytest.mark.parametrize("at", [12, 40, 100])
def test_damaged_gzip_names_the_file(tmp_path, wells, at):
    held = bytearray(gzip.compress(wells.to_csv(index=False).encode()))
    held[at : at + 8] = b"\xff" * 8
    (tmp_path / "wells.csv.gz").write_bytes(held)
    with pytest.raises(InputError, match=r"wells\.csv\.gz cannot be read as a table"):
        open_table(tmp_path / "wells.csv.gz")


def test_digits_of_other_scripts_are_text(tmp_path):
    (tmp_path / "map.csv").write_text("Well,Note\nA01,٣\nA02,4\n", encoding="utf-8")
    frame, _ = read_text(tmp_path / "map.csv")
    assert list(frame["Note"]) == ["٣", "4"]


@pytest.mark.parametrize("header", ["{'descr': (((", "{'descr': '<f4', 'shape': (9" * 3])
def test_arrays_whose_header_is_damaged_name_the_file(tmp_path, header):
    path = tmp_path / "P1" / "A01" / "1.npz"
    path.parent.mkdir(parents=True)
    text = header.encode().ljust(118) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "features.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
        )
    with pytest.raises(InputError, match=r"1\.npz (cannot be read|holds)"):
        open_table(path)


@pytest.mark.parametrize(
    ("table", "column"), [("Image", "ImageNumber"), ("Cells", "ImageNumber"), ("Cells", "Parent")]
)
def test_numbers_of_images_and_objects_that_are_text_are_refused(tmp_path, table, column):
    image = pd.DataFrame({"ImageNumber": [1, 2], "Metadata_Plate": "P1",
                          "Metadata_Well": ["A01", "A02"]})  # fmt: skip
    cells = pd.DataFrame({"ImageNumber": [1, 2], "ObjectNumber": [1, 1], "AreaShape_Area": 2.0})
    held = {"Image": image, "Cells": cells.assign(Parent_Nuclei=1), "Nuclei": cells}
    column = "Parent_Nuclei" if column == "Parent" else column
    held[table] = held[table].assign(**{column: [1, "one"]})
    for name, frame in held.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    with pytest.raises(InputError, match=rf"{table}: \w*{column} must be a whole .* 'one'"):
        read_cellprofiler(tmp_path)


def test_numbers_that_a_database_holds_as_text_are_numbers(tmp_path):
    image = pd.DataFrame({"ImageNumber": ["1"], "Image_Metadata_Plate": ["P1"],
                          "Image_Metadata_Well": ["A01"]})  # fmt: skip
    cells = pd.DataFrame({"ImageNumber": [1, 1], "Cells_Number_Object_Number": ["1", "2"],
                          "Cells_AreaShape_Area": [3.0, 4.0]})  # fmt: skip
    path = tmp_path / "DefaultDB.db"
    with closing(sqlite3.connect(path)) as connection:
        image.to_sql("MyExpt_Per_Image", connection, index=False)
        cells.to_sql("MyExpt_Per_Cells", connection, index=False)
    frame, _ = read_cellprofiler(path)
    assert list(frame["Metadata_Well"]) == ["A01", "A01"]
    assert list(frame["Metadata_ObjectNumber"]) == [1, 2]


@pytest.mark.parametrize("number", [1.5, np.nan, np.inf, 1e300])
def test_cells_whose_numbers_are_none_name_the_file(tmp_path, section, number):
    frame = pd.DataFrame(
        {"Metadata_Plate": "P1", "Metadata_Well": "A01", "Metadata_Site": 1,
         "Metadata_ObjectNumber": [1.0, number], "Cells_AreaShape_Area": [1.0, 2.0]}
    )  # fmt: skip
    frame.to_csv(tmp_path / "cells.csv", index=False)
    data = section(profiles=[{"name": "cp", "files": "cells.csv", "level": "cell"}])
    with pytest.raises(InputError, match=r"profiles cp: .*numbers cells; .* is no whole number"):
        integrate(data, tmp_path)


@pytest.mark.parametrize("factor", [1e300, 1e-300])
def test_scales_that_single_precision_cannot_hold_are_refused(tmp_path, wells, factor):
    measured = features(wells)
    wells.assign(**(wells[measured] * factor)).to_parquet(tmp_path / "wells.parquet")
    said = rf"wells\.parquet: single precision holds none of its 10 feature.*{measured[0]} \("
    with pytest.raises(InputError, match=said):
        open_table(tmp_path / "wells.parquet")


@pytest.mark.parametrize("factor", [1e300, 1e-300])
def test_one_feature_that_cannot_be_held_is_missing_and_named(tmp_path, wells, factor):
    lost = features(wells)[0]
    wells.assign(**{lost: wells[lost] * factor}).to_parquet(tmp_path / "wells.parquet")
    given = open_table(tmp_path / "wells.parquet")
    assert given.frame[lost].isna().all()
    assert any(note.endswith(f"taken as missing (in {lost})") for note in given.notes)


def test_wide_scales_that_can_be_held_are_held_and_one_wild_value_is_told(tmp_path, wells):
    large, small, wild = features(wells)[:3]
    wells = wells.assign(**{large: wells[large] * 1e37, small: wells[small] * 1e-36})
    wells.loc[3, wild] = 1e300
    wells.to_parquet(tmp_path / "wells.parquet")
    given = open_table(tmp_path / "wells.parquet")
    np.testing.assert_allclose(given.frame[large], wells[large], rtol=1e-6)
    np.testing.assert_allclose(given.frame[small], wells[small], rtol=1e-3)
    assert np.isnan(given.frame[wild][3])
    assert any(note.startswith("1 infinite") for note in given.notes)


@pytest.mark.parametrize("values", [[1, 2], {"a": 1}, np.arange(3)])
@pytest.mark.parametrize("column", ["Metadata_Compound", "Metadata_Plate", "Cells_F"])
def test_cells_of_a_table_that_hold_lists_are_refused_by_name(tmp_path, wells, column, values):
    wells.assign(**{column: [values] * len(wells)}).to_parquet(tmp_path / "wells.parquet")
    with pytest.raises(InputError, match=rf"1 column\(s\) hold lists.*such as {column}"):
        open_table(tmp_path / "wells.parquet")
    wells.to_csv(tmp_path / "good.csv", index=False)
    found = discover(tmp_path)
    assert [block["files"] for block in found.profiles] == ["good.csv"]
    assert any("wells.parquet" in str(one.about) + one.text for one in found.unused)


@pytest.mark.parametrize(
    "value", [[], np.zeros(0), None, pd.NA, pd.NaT, np.float32("nan"), " NaN "]
)
def test_what_says_nothing(value):
    assert is_blank(value)


@pytest.mark.parametrize("value", [[1], np.zeros(2), np.zeros((1, 2)), 0, False, {"a": 1}, "0"])
def test_what_says_something(value):
    assert not is_blank(value)


def test_a_store_that_lists_no_image_is_named(tmp_path):
    plate = zarr.create_group(tmp_path / "P1.zarr", zarr_format=2)
    plate.attrs["plate"] = {"version": "0.4", "wells": []}
    plate.create_group("A/1")
    try:
        found = discover(tmp_path)
    except InputError as error:
        assert "P1.zarr" in str(error) or str(tmp_path) in str(error)
    else:
        assert any(str(tmp_path) in question.text for question in found.questions)


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"])
def test_a_text_file_that_is_only_its_mark_is_named(tmp_path, mark):
    for name in ("map.csv", "map.txt"):
        (tmp_path / name).write_bytes(mark)
        with pytest.raises(
            InputError, match=rf"{name} cannot be read as a table: it holds no text"
        ):
            open_table(tmp_path / name)


def test_an_index_that_is_a_link_to_itself_is_noted_and_names_are_read(tmp_path, write_plane):
    for channel in (1, 2):
        name = f"r01c02f03p01-ch{channel}sk1fk1fl1.tiff"
        write_plane(tmp_path / "P1" / "Images" / name, value=channel)
    index = tmp_path / "P1" / "Images" / "Index.idx.xml"
    index.symlink_to(index.name)
    found = discover(tmp_path)
    assert found.images["layout"] == "phenix"
    assert any("Index.idx.xml cannot be read" in note for note in found.notes)


@pytest.mark.filterwarnings("ignore:Variable names are not unique")
def test_a_name_that_occurs_twice_is_refused_in_every_format(tmp_path, wells):
    measured = features(wells)
    table = pa.Table.from_pandas(wells, preserve_index=False)
    pq.write_table(table.append_column(measured[0], table[measured[1]]), tmp_path / "a.parquet")
    twice = pd.concat([wells, wells[measured[:1]]], axis=1)
    twice.to_csv(tmp_path / "b.csv", index=False)
    twice.to_excel(tmp_path / "c.xlsx", index=False)
    data = anndata.AnnData(
        X=wells[measured].to_numpy(),
        obs=wells.drop(columns=measured).set_index(wells.index.astype(str)),
        var=pd.DataFrame(index=[*measured[:-1], measured[0]]),
    )
    data.write_h5ad(tmp_path / "d.h5ad")
    for name in ("a.parquet", "b.csv", "c.xlsx", "d.h5ad"):
        said = rf"{name}.* has 1 column name\(s\) more than once: {measured[0]}\. Keep one"
        with pytest.raises(InputError, match=said):
            open_table(tmp_path / name)
    with pytest.raises(InputError, match=r"a\.parquet: .*more than once: "):
        discover(tmp_path)


@pytest.mark.parametrize("name", ["Image.csv", "Cells.csv"])
def test_a_table_that_is_a_link_to_itself_is_named(tmp_path, name):
    image = pd.DataFrame({"ImageNumber": [1], "Metadata_Plate": "P1", "Metadata_Well": "A01"})
    image.to_csv(tmp_path / "Image.csv", index=False)
    cells = {"ImageNumber": [1, 1], "ObjectNumber": [1, 2], "AreaShape_Area": [3.0, 4.0]}
    for table in ("Cells", "Nuclei"):
        pd.DataFrame(cells).to_csv(tmp_path / f"{table}.csv", index=False)
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to(name)
    found = discover(tmp_path)
    assert any(name in one.text for one in found.unused)


@pytest.mark.parametrize("member", ["var/_index", "var", "obs", "X", "obsm"])
def test_members_of_an_anndata_file_that_are_no_tables_are_refused(tmp_path, wells, member):
    measured = features(wells)
    obs = wells.drop(columns=measured).set_index(wells.index.astype(str))
    data = anndata.AnnData(X=None, obs=obs, var=pd.DataFrame(index=measured))
    data.obsm["X_deep"] = wells[measured].to_numpy()
    data.write_h5ad(tmp_path / "d.h5ad")
    with h5py.File(tmp_path / "d.h5ad", "r+") as file:
        if member in file:
            del file[member]
        file[member] = 3.0
    with pytest.raises(InputError, match=r"d\.h5ad|holds neither"):
        discover(tmp_path)
