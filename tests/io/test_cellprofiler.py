"""CellProfiler's exports as they lie in folders: any prefix, any objects, any database.

Names of files and columns are those of the source of CellProfiler's ExportToSpreadsheet; of tables
in databases, those of cytominer-database and of scripts in public repositories that read
``MyExpt_Per_Image`` beside ``MyExpt_Per_nucleus`` or ``MyExpt_Per_GFPpositive``.
"""

from __future__ import annotations

import gzip
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

from phenolens.errors import InputError
from phenolens.io.discovery.discover import discover
from phenolens.io.formats.base import recognised, table_format
from phenolens.io.formats.cellprofiler import read_cellprofiler
from phenolens.io.given import open_table
from phenolens.io.images.table import load_data_channels
from phenolens.io.integrate import integrate

WELLS = ("A01", "A02", "B01", "B02")
FEATURES = ("AreaShape_Area", "Intensity_MeanIntensity_DNA", "Texture_Entropy_ER_3_00_256")
OBJECTS = ("Nuclei", "Cells", "Cytoplasm")


def images(plate: str | None = "P1", wells=WELLS, first: int = 1) -> pd.DataFrame:
    frame = pd.DataFrame({"ImageNumber": range(first, first + len(wells))})
    if plate is not None:
        frame = frame.assign(Metadata_Plate=plate, Metadata_Well=wells, Metadata_Site=1)
    names = [f"{plate or 'AS_09125_1'}_{well}f00d0.tif" for well in wells]
    return frame.assign(
        Count_Cells=5, FileName_DNA=names, PathName_DNA="/data/images", Group_Number=1,
        ExecutionTime_01Images=0.5,
    )  # fmt: skip


def objects(name: str, image: pd.DataFrame, *, parent: str | None = None, each: int = 5):
    """Objects numbered 1 to `each` in every image; ones with a parent come in reverse order."""
    frame = pd.DataFrame(
        [(number, k + 1) for number in image["ImageNumber"] for k in range(each)],
        columns=["ImageNumber", "ObjectNumber"],
    )
    shift = sum(map(ord, name))
    for position, feature in enumerate(FEATURES):
        frame[feature] = shift + 10.0 * frame["ObjectNumber"] + position + frame["ImageNumber"]
    frame["Number_Object_Number"] = frame["ObjectNumber"]
    frame["Location_Center_X"] = 1.5
    if parent is not None:
        frame[f"Parent_{parent}"] = each + 1 - frame["ObjectNumber"]
    return frame


def run(plate: str | None = "P1", wells=WELLS, names=OBJECTS, first: int = 1):
    """Tables of one run: an image a well; nuclei, cells of nuclei and cytoplasm of cells."""
    image = images(plate, wells, first)
    parents = dict(zip(names, (None, *names), strict=False))
    return {"Image": image} | {n: objects(n, image, parent=p) for n, p in parents.items()}


def spreadsheets(folder, tables, *, prefix="MyExpt_", ending="csv", sep=",") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        frame.to_csv(folder / f"{prefix}{name}.{ending}", index=False, sep=sep)
    (folder / f"{prefix}Experiment.{ending}").write_text(f"Key{sep}Value\nVersion{sep}4.2.1\n")


def long_name(name: str, column: str) -> str:
    return column if column in ("ImageNumber", "ObjectNumber") else f"{name}_{column}"


def per_object(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """As ExportToDatabase calls its columns, in a table of one object."""
    return frame.drop(columns="ObjectNumber").rename(columns=lambda c: long_name(name, c))


def database(path, tables, *, prefix="MyExpt_Per_", how="tables") -> None:
    """A table an object, one table for all, or (`how` is ``view``) a view beside the former."""
    kinds = [name for name in tables if name != "Image"]
    with closing(sqlite3.connect(path)) as connection:
        image = tables["Image"].rename(columns=lambda c: long_name("Image", c))
        image.assign(Image_Thumbnail_DNA=b"png").to_sql(f"{prefix}Image", connection, index=False)
        if how == "one":
            both = tables[kinds[0]].rename(columns=lambda c: long_name(kinds[0], c))
            for name in kinds[1:]:
                other = tables[name].rename(columns=lambda c, n=name: long_name(n, c))
                both = both.merge(other, on=["ImageNumber", "ObjectNumber"])
            both.to_sql(f"{prefix}Object", connection, index=False)
        else:
            for name in kinds:
                per_object(name, tables[name]).to_sql(f"{prefix}{name}", connection, index=False)
        if how == "view":
            first = f"{prefix}{kinds[0]}"
            connection.execute(
                f'create view "{prefix}Object" as select *, {kinds[0]}_Number_Object_Number as '
                f'ObjectNumber from "{first}"'
            )
        experiment = pd.DataFrame({"experiment_id": [1], "name": "MyExpt"})
        experiment.to_sql("Experiment", connection, index=False)
        properties = experiment.assign(object_name="Nuclei", field="image_table", value="x")
        properties.to_sql("Experiment_Properties", connection, index=False)
        relations = pd.DataFrame({"image_number1": [1], "object_number1": [1]})
        relations.to_sql(f"{prefix}Relationships", connection, index=False)
        averages = pd.DataFrame({"Image_Metadata_Well": ["A01"], "Nuclei_AreaShape_Area": [1.0]})
        averages.to_sql(f"{prefix}Well_avg", connection, index=False)
        connection.commit()


def platemap(folder) -> None:
    compounds = ["DMSO", "a", "b", "c"]
    pd.DataFrame({"well_position": WELLS, "compound": compounds}).to_csv(
        folder / "platemap.txt", sep="\t", index=False
    )


def study(folder):
    """What `init` proposes, joined as `check` does."""
    found = discover(folder)
    return found, integrate(found.section(), folder)


def check_cells(table: pd.DataFrame, names=OBJECTS) -> None:
    """Cells meet their own nucleus and cytoplasm: those of reversed numbers."""
    nuclei, cells = names[0], names[1]
    assert len(table) == 20
    rows = table.reset_index()
    number = rows["Metadata_ObjectNumber"].to_numpy()
    image = rows["Metadata_Well"].map(dict(zip(WELLS, range(1, 5), strict=True)))

    def area(name, k):
        return sum(map(ord, name)) + 10.0 * k + image

    assert rows[f"{cells}_AreaShape_Area"].tolist() == area(cells, number).tolist()
    assert rows[f"{nuclei}_AreaShape_Area"].tolist() == area(nuclei, 6 - number).tolist()
    if len(names) > 2:
        assert rows[f"{names[2]}_AreaShape_Area"].tolist() == area(names[2], 6 - number).tolist()
    assert len(table.columns) == len(FEATURES) * len(names)


@pytest.mark.parametrize(
    ("prefix", "ending", "sep"),
    [("MyExpt_", "csv", ","), ("", "csv", ","), ("2024-run 3 ", "csv", ","),
     ("MyExpt_", "txt", "\t"), ("plate1", "txt", ";")],
)  # fmt: skip
def test_spreadsheets_of_any_prefix_and_delimiter_become_a_study(tmp_path, prefix, ending, sep):
    spreadsheets(tmp_path / "out", run(), prefix=prefix, ending=ending, sep=sep)
    platemap(tmp_path)
    found, screen = study(tmp_path)
    assert [(b["name"], b["files"], b["level"]) for b in found.profiles] == [
        ("cellprofiler", "out", "cell")
    ]
    assert found.questions == ()
    check_cells(screen.profiles["cellprofiler"].table)
    assert screen.wells["Metadata_Compound"].tolist() == ["DMSO", "a", "b", "c"]


@pytest.mark.parametrize(
    "names",
    [("FilteredNuclei", "Cell_Body"), ("nuc", "FilteredCells", "cyto"), ("Nuclei", "Cells"),
     ("nucleus", "cell", "cytoplasm")],
)  # fmt: skip
def test_objects_keep_the_names_that_a_pipeline_gave_them(tmp_path, names):
    spreadsheets(tmp_path / "out", run(names=names))
    platemap(tmp_path)
    _, screen = study(tmp_path)
    usual = {"nuclei": "Nuclei", "cells": "Cells", "cytoplasm": "Cytoplasm"}
    table = screen.profiles["cellprofiler"].table
    kept = tuple(usual.get(name.lower(), name) for name in names)
    if kept == names:
        check_cells(table, names)
    assert {c.rsplit("_AreaShape", 1)[0] for c in table if "AreaShape" in c} == set(kept)


@pytest.mark.parametrize("ending", [".db", ".sqlite", ".sqlite3"])
@pytest.mark.parametrize("prefix", ["MyExpt_Per_", "Per_", "my screen_Per_", ""])
def test_databases_of_any_prefix_and_ending_become_a_study(tmp_path, prefix, ending):
    database(tmp_path / f"DefaultDB{ending}", run(), prefix=prefix)
    platemap(tmp_path)
    found, screen = study(tmp_path)
    assert found.profiles[0]["files"] == f"DefaultDB{ending}"
    assert found.questions == ()
    check_cells(screen.profiles["cellprofiler"].table)


@pytest.mark.parametrize("names", [OBJECTS, ("nucleus", "FilteredCells")])
def test_a_view_beside_the_tables_of_objects_is_not_read_twice(tmp_path, names):
    database(tmp_path / "DefaultDB.db", run(names=names), how="view")
    platemap(tmp_path)
    _, screen = study(tmp_path)
    check_cells(screen.profiles["cellprofiler"].table, names)


def test_a_database_without_a_table_of_images_still_tells_its_objects(tmp_path):
    tables = run(names=("nucleus", "GFPpositive"))
    database(tmp_path / "DefaultDB.db", tables)
    with closing(sqlite3.connect(tmp_path / "DefaultDB.db")) as connection:
        connection.execute("drop table MyExpt_Per_Image")
    frame, _ = read_cellprofiler(tmp_path / "DefaultDB.db")
    assert {"nucleus_AreaShape_Area", "GFPpositive_AreaShape_Area"} <= set(frame)
    assert "no table of images lies beside" in str(discover(tmp_path).questions[0])


def test_one_table_of_all_objects_is_as_cellprofiler_joined_it(tmp_path):
    tables = run()
    database(tmp_path / "DefaultDB.db", tables, how="one")
    platemap(tmp_path)
    _, screen = study(tmp_path)
    table = screen.profiles["cellprofiler"].table
    assert table.shape == (20, 9)
    for name in OBJECTS:
        given = tables[name].sort_values(["ImageNumber", "ObjectNumber"])["AreaShape_Area"]
        assert table[f"{name}_AreaShape_Area"].tolist() == given.tolist()


def test_two_lines_of_header_tell_objects_that_share_a_file(tmp_path):
    """ExportToSpreadsheet writes objects into one file, side by side, where it is told to."""
    tables = run(names=("Nuclei", "Cells"))
    nuclei, cells = tables["Nuclei"], tables["Cells"].iloc[:-1]
    names = [c for c in nuclei if c not in ("ImageNumber", "ObjectNumber")]
    own = [c for c in cells if c not in ("ImageNumber", "ObjectNumber")]
    both = nuclei.merge(cells, on=["ImageNumber", "ObjectNumber"], how="left")
    top = ["Image", "Nuclei", *["Nuclei"] * len(names), *["Cells"] * len(own)]
    folder = tmp_path / "out"
    spreadsheets(folder, {"Image": tables["Image"]})
    with (folder / "MyExpt_DATA.csv").open("w") as stream:
        stream.write(",".join(top) + "\n")
        both.set_axis(["ImageNumber", "ObjectNumber", *names, *own], axis=1).to_csv(
            stream, index=False, na_rep="nan"
        )
    platemap(tmp_path)
    _, screen = study(tmp_path)
    table = screen.profiles["cellprofiler"].table
    assert table.shape == (19, 6)
    assert "1 of 20 Nuclei have no Cells and are left out" in screen.ledger.joins[0].note


def test_several_prefixes_in_one_folder_are_plates_of_one_screen(tmp_path):
    for plate in ("P1", "P2"):
        spreadsheets(tmp_path / "out", run(plate), prefix=f"{plate}_")
    platemap(tmp_path)
    found, screen = study(tmp_path)
    assert [block["files"] for block in found.profiles] == ["out"]
    assert len(screen.profiles["cellprofiler"].table) == 40
    assert sorted(screen.wells["Metadata_Plate"].unique()) == ["P1", "P2"]


def test_two_pipelines_of_the_same_images_are_two_kinds_of_profiles(tmp_path):
    spreadsheets(tmp_path / "out", run())
    spreadsheets(tmp_path / "out", run(names=("Nuclei", "Cells")), prefix="Second_")
    platemap(tmp_path)
    found, screen = study(tmp_path)
    assert [(b["name"], b["files"]) for b in found.profiles] == [
        ("myexpt", "out/MyExpt_Cells.csv"), ("second", "out/Second_Cells.csv"),
    ]  # fmt: skip
    assert [block.table.shape for block in screen.profiles.values()] == [(20, 9), (20, 6)]
    with pytest.raises(InputError, match="two runs of the same images, MyExpt_ and Second_"):
        read_cellprofiler(tmp_path / "out")


def test_a_prefix_of_a_pipeline_without_objects_is_no_run(tmp_path):
    spreadsheets(tmp_path / "out", run())
    spreadsheets(tmp_path / "out", {"Image": images()}, prefix="QC_")
    platemap(tmp_path)
    found, screen = study(tmp_path)
    assert [block["files"] for block in found.profiles] == ["out"]
    check_cells(screen.profiles["cellprofiler"].table)


def test_plates_by_folder_are_asked_about_where_no_column_names_them(tmp_path):
    for plate in ("BR001", "BR002"):
        spreadsheets(tmp_path / "out" / plate, run(None))
    platemap(tmp_path)
    found, screen = study(tmp_path)
    assert found.columns["plate"] == "Metadata_Folder"
    assert {q.setting for q in found.questions} >= {"columns.well", "columns.plate"}
    assert sorted(screen.wells["Metadata_Plate"].unique()) == ["BR001", "BR002"]
    assert len(screen.profiles["cellprofiler"].table) == 40


def test_wells_without_images_take_their_plates_from_folders_and_their_map_by_them(tmp_path):
    for plate in ("BR001", "BR002"):
        tables = run(None)
        wells = [f"A0{number}" for number in range(1, len(tables["Image"]) + 1)]
        kept = [name for name in tables["Image"] if not name.startswith(("FileName", "PathName"))]
        tables["Image"] = tables["Image"][kept].assign(Metadata_Well=wells)
        spreadsheets(tmp_path / "out" / plate, tables)
    plates = pd.DataFrame({"Plate": ["BR001", "BR002"], "Compound": ["DMSO", "taxol"]})
    plates.merge(pd.DataFrame({"Well": wells}), how="cross").to_csv(
        tmp_path / "map.csv", index=False
    )
    found, screen = study(tmp_path)
    assert found.columns["plate"] == "Metadata_Folder"
    asked = {q.setting for q in found.questions}
    assert "columns.plate" in asked and "columns.well" not in asked
    labels = screen.wells.groupby("Metadata_Plate")["Metadata_Compound"].unique().map(list)
    assert labels.to_dict() == {"BR001": ["DMSO"], "BR002": ["taxol"]}


def test_plates_by_the_folders_of_images(tmp_path):
    tables = run(None, wells=("A01", "A02", "A01", "A02"))
    tables["Image"]["PathName_DNA"] = [r"D:\s\BR1", r"D:\s\BR1", r"D:\s\BR2", r"D:\s\BR2"]
    spreadsheets(tmp_path / "out", tables)
    platemap(tmp_path)
    found, screen = study(tmp_path)
    assert found.columns["plate"].startswith("PathName_DNA ~ ")
    assert "columns.plate" in [q.setting for q in found.questions]
    keys = screen.wells[["Metadata_Plate", "Metadata_Well"]].to_numpy().tolist()
    assert keys == [["BR1", "A01"], ["BR1", "A02"], ["BR2", "A01"], ["BR2", "A02"]]


def test_wells_in_file_names_are_asked_about(tmp_path):
    spreadsheets(tmp_path / "out", run(None))
    platemap(tmp_path)
    found, screen = study(tmp_path)
    assert {q.setting for q in found.questions} >= {"columns.plate", "columns.well"}
    assert screen.wells["Metadata_Well"].tolist() == list(WELLS)
    assert len(screen.profiles["cellprofiler"].table) == 20


def test_wells_in_the_file_names_of_a_database_too(tmp_path):
    database(tmp_path / "DefaultDB.db", run(None))
    platemap(tmp_path)
    found, screen = study(tmp_path)
    assert found.columns["well"].startswith("FileName_DNA ~ ")
    assert screen.wells["Metadata_Well"].tolist() == list(WELLS)


def test_object_tables_without_any_table_of_images_say_what_is_missing(tmp_path):
    tables = run()
    del tables["Image"]
    spreadsheets(tmp_path / "out", tables)
    found = discover(tmp_path)
    assert "no table of images lies beside the object tables" in str(found.questions[0])


def test_image_metadata_in_object_tables_is_enough(tmp_path):
    """ExportToSpreadsheet's "Add image metadata columns to your object data file"."""
    tables = run()
    image = tables.pop("Image")[["ImageNumber", "Metadata_Plate", "Metadata_Well", "FileName_DNA"]]
    spreadsheets(tmp_path / "out", {n: t.merge(image) for n, t in tables.items()})
    platemap(tmp_path)
    found, screen = study(tmp_path)
    assert found.questions == ()
    check_cells(screen.profiles["cellprofiler"].table)


def test_objects_that_few_cells_have_are_named_and_left_out(tmp_path):
    tables = run()
    few = objects("PH3", tables["Image"], parent="Nuclei", each=2)
    many = objects("Spots", tables["Image"], each=10)
    many["Parent_Cells"] = (many["ObjectNumber"] + 1) // 2
    alone = objects("Debris", tables["Image"], each=3)
    spreadsheets(tmp_path, tables | {"PH3": few, "Spots": many, "Debris": alone})
    frame, notes = read_cellprofiler(tmp_path)
    assert len(frame) == 20
    assert sorted(notes) == [
        "Debris left out: no Parent column relates them to Cells",
        "PH3 left out: 8 of 20 Cells have one",
        "Spots left out: some Cells have several of them",
    ]


def test_what_a_filter_kept_are_the_cells(tmp_path):
    tables = run(names=("Nuclei",))
    kept = objects("FilteredNuclei", tables["Image"], each=4)
    kept["Parent_Nuclei"] = 6 - kept["ObjectNumber"]
    spreadsheets(tmp_path, tables | {"FilteredNuclei": kept})
    frame, notes = read_cellprofiler(tmp_path)
    assert len(frame) == 16
    assert "4 of 20 Nuclei have no FilteredNuclei and are left out" in notes
    number = frame["Metadata_ObjectNumber"]
    expected = sum(map(ord, "Nuclei")) + 10.0 * (6 - number) + frame["Metadata_ImageNumber"]
    assert frame["Nuclei_AreaShape_Area"].tolist() == expected.tolist()


def test_a_well_without_cells_is_counted_and_the_rest_is_read(tmp_path):
    for number, well in enumerate(WELLS, start=1):
        tables = run(wells=(well,), first=number)
        if well == "A02":
            tables = {n: t if n == "Image" else t.head(0) for n, t in tables.items()}
        spreadsheets(tmp_path / f"P1-{well}-1", tables, prefix="")
    frame, notes = read_cellprofiler(tmp_path)
    assert frame["Metadata_Well"].value_counts().to_dict() == {"A01": 5, "B01": 5, "B02": 5}
    assert "1 of 4 images have no Cells" in notes


def test_a_table_without_a_byte_is_named(tmp_path):
    for well in WELLS:
        spreadsheets(tmp_path / f"P1-{well}-1", run(wells=(well,)), prefix="")
    (tmp_path / "P1-B01-1" / "Cells.csv").write_bytes(b"")
    frame, notes = read_cellprofiler(tmp_path)
    assert "1 tables without a byte left out: P1-B01-1/Cells.csv" in notes
    assert sorted(frame["Metadata_Well"].unique()) == ["A01", "A02", "B02"]


def test_no_object_at_all_is_refused(tmp_path):
    tables = run()
    spreadsheets(tmp_path, {n: t if n == "Image" else t.head(0) for n, t in tables.items()})
    with pytest.raises(InputError, match="has no object in any of its tables"):
        read_cellprofiler(tmp_path)


def test_packed_tables_of_a_tree_of_plates(tmp_path):
    folder = tmp_path / "out" / "P1"
    folder.mkdir(parents=True)
    for name, frame in run().items():
        with gzip.open(folder / f"{name}.csv.gz", "wt") as stream:
            frame.to_csv(stream, index=False)
    frame, _ = read_cellprofiler(tmp_path)
    assert len(frame) == 20


def test_means_over_objects_in_the_table_of_images_are_profiles_of_fields(tmp_path):
    image = images()
    for name in OBJECTS:
        for number in range(4):
            image[f"Mean_{name}_Granularity_{number}_DNA"] = np.arange(4) + 0.5 * number
    spreadsheets(tmp_path / "out", {"Image": image})
    platemap(tmp_path)
    found, screen = study(tmp_path)
    assert [block["files"] for block in found.profiles] == ["out/MyExpt_Image.csv"]
    assert next(iter(screen.profiles.values())).table.shape == (4, 12)


def test_a_database_and_tables_of_the_same_images_are_read_once(tmp_path):
    spreadsheets(tmp_path / "out", run())
    database(tmp_path / "out" / "DefaultDB.db", run())
    platemap(tmp_path)
    found, screen = study(tmp_path)
    assert [block["files"] for block in found.profiles] == ["out"]
    left = {finding.code: finding.about["file"] for finding in found.unused}
    assert left["unused-same-images"] == "out/DefaultDB.db"
    check_cells(screen.profiles["cellprofiler"].table)


def test_a_database_a_plate(tmp_path):
    for plate in ("P1", "P2"):
        (tmp_path / plate).mkdir()
        database(tmp_path / plate / f"{plate}.sqlite", run(plate), prefix="")
    platemap(tmp_path)
    found, screen = study(tmp_path)
    assert [block["files"] for block in found.profiles] == ["P*/P*.sqlite"]
    assert len(screen.profiles["cellprofiler"].table) == 40


def properties(path, **changes) -> None:
    said = {"db_type": "sqlite", "db_sqlite_file": r"C:\out\DefaultDB.db",
            "image_table": "MyExpt_Per_Image", "object_table": "MyExpt_Per_Object"}  # fmt: skip
    lines = [f"{key}  = {value}" for key, value in (said | changes).items()]
    path.write_text("\n".join(["# Database Info", *lines, ""]))


def test_a_properties_file_names_the_run_that_counts(tmp_path):
    database(tmp_path / "DefaultDB.db", run())
    with closing(sqlite3.connect(tmp_path / "DefaultDB.db")) as connection:
        for name, frame in run(names=("Nuclei", "Cells")).items():
            other = frame.rename(columns=lambda c, n=name: long_name(n, c))
            other.to_sql(f"Test_Per_{name}", connection, index=False)
    with pytest.raises(InputError, match=r"two runs of the same images.*\.properties"):
        read_cellprofiler(tmp_path / "DefaultDB.db")
    path = tmp_path / "DefaultDB_Test.properties"
    properties(path, image_table="Test_Per_Image", object_table="Test_Per_Object")
    read = table_format(path).read(path)
    assert not any(name.startswith("Cytoplasm_") for name in read.frame)
    assert len(read.frame) == 20


def test_a_database_on_a_server_is_named_with_what_to_do(tmp_path):
    path = tmp_path / "screen.properties"
    properties(path, db_type="mysql", db_host="imgdb02", db_name="screen", db_sqlite_file="")
    with pytest.raises(InputError, match=r"names a mysql database \(screen on imgdb02\)"):
        discover(tmp_path)
    properties(path)
    with pytest.raises(InputError, match="which is neither there nor beside it"):
        discover(tmp_path)


def test_a_dump_of_a_server_is_named_with_what_to_do(tmp_path):
    (tmp_path / "dump.sql").write_text(
        "-- MySQL dump 10.13\nCREATE TABLE `MyExpt_Per_Image` (`ImageNumber` int);\n"
    )
    with pytest.raises(InputError, match=r"dump\.sql is a dump of a database server"):
        discover(tmp_path)


def test_other_databases_are_none_of_ours(tmp_path):
    with closing(sqlite3.connect(tmp_path / "notes.db")) as connection:
        pd.DataFrame({"a": [1]}).to_sql("notes", connection, index=False)
    with pytest.raises(InputError, match=r"no object tables of CellProfiler.*it has notes"):
        discover(tmp_path)
    (tmp_path / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(2000))
    platemap(tmp_path)
    database(tmp_path / "DefaultDB.db", run())
    found, _ = study(tmp_path)
    assert [block["files"] for block in found.profiles] == ["DefaultDB.db"]


def test_a_table_that_names_plate_well_and_objects_stands_for_itself(tmp_path):
    image = images()[["ImageNumber", "Metadata_Plate", "Metadata_Well"]]
    cells = objects("Cells", images()).rename(columns=lambda c: long_name("Cells", c))
    path = tmp_path / "single_cells.csv"
    cells.merge(image).to_csv(path, index=False)
    assert recognised(path).name == "delimited"


def test_a_pattern_of_all_tables_of_a_run_reads_it_once(tmp_path):
    spreadsheets(tmp_path / "out", run())
    (tmp_path / "out" / "MyExpt_Experiment.csv").unlink()
    given = open_table(f"{tmp_path}/out/MyExpt_*.csv")
    assert given.table().shape == (20, 9)


def test_one_table_handed_in_brings_its_run(tmp_path):
    spreadsheets(tmp_path / "out", run())
    database(tmp_path / "DefaultDB.db", run())
    for name in ("out/MyExpt_Nuclei.csv", "DefaultDB.db"):
        found = discover(tmp_path / name)
        assert [block["files"] for block in found.profiles] == [name.rpartition("/")[2]]
        screen = integrate(found.section(), found.source)
        check_cells(screen.profiles["cellprofiler"].table)


def test_outlines_labels_and_masks_of_an_image_table_are_no_stains():
    names = ["DNA", "NucleiOutlines", "OrigOverlay", "OutlinedCells", "CellLabels", "NucleiMask"]
    frame = pd.DataFrame({f"FileName_{name}": ["a.tif"] for name in names})
    assert list(load_data_channels(frame)) == ["DNA"]


def test_images_of_a_well_are_told_apart_by_their_number(tmp_path):
    """Single cells as pycytominer and CytoTable write them name no site, but ImageNumber."""
    image = images(wells=("A01", "A01", "B02", "B02"))
    image = image[["ImageNumber", "Metadata_Plate", "Metadata_Well"]]
    cells = objects("Cells", images()).rename(columns=lambda c: long_name("Cells", c))
    cells["Cells_AreaShape_Extent"] = np.linspace(0, 1, len(cells))
    for number in range(8):
        cells[f"Cells_Granularity_{number}_DNA"] = cells["Cells_AreaShape_Area"] * number + 0.5
    whole = cells.merge(image).rename(columns={"Metadata_Plate": "Image_Metadata_Plate"})
    keys = {name: f"Metadata_{name}" for name in ("ImageNumber", "ObjectNumber")}
    whole.rename(columns=keys).to_parquet(tmp_path / "single_cells.parquet")
    _, screen = study(tmp_path)
    table = screen.profiles["cellprofiler"].table
    assert len(table) == 20
    assert sorted(table.index.get_level_values("Metadata_Site").unique()) == ["1", "2", "3", "4"]


def test_single_cells_without_plates_meet_the_images_beside_them(tmp_path):
    """CytoTable's preset for CellProfiler's CSV keeps ImageNumber and file names only."""
    tables = run()
    cells = tables["Cells"].rename(columns=lambda c: long_name("Cells", c))
    keys = {name: f"Metadata_{name}" for name in ("ImageNumber", "ObjectNumber")}
    cells = cells.rename(columns=keys)
    files = tables["Image"][["ImageNumber", "FileName_DNA"]].add_prefix("Image_")
    files = files.rename(columns={"Image_ImageNumber": "Metadata_ImageNumber"})
    cells.merge(files).to_parquet(tmp_path / "cells.parquet")
    tables["Image"].to_csv(tmp_path / "Image.csv", index=False)
    platemap(tmp_path)
    found, screen = study(tmp_path)
    assert found.questions == ()
    assert screen.profiles["cellprofiler"].table.shape == (20, 3)
    (tmp_path / "Image.csv").unlink()
    found, screen = study(tmp_path)
    assert found.columns["well"].startswith("FileName_DNA ~ ")
    assert screen.wells["Metadata_Well"].tolist() == list(WELLS)


@pytest.mark.parametrize("prefix", ["", "MyExpt_"])
def test_examplehuman_from_its_folder(real_data, tmp_path, prefix):
    """Images, pipeline and output as CellProfiler's examples come: one field, D03 by its name."""
    given = real_data("examplehuman")
    for path in given.glob("AS_*.tif"):
        (tmp_path / "images").mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / "images" / path.name)
    shutil.copy(given / "ExampleHuman.cppipe", tmp_path)
    (tmp_path / "output").mkdir()
    for path in given.glob("*.csv"):
        shutil.copy(path, tmp_path / "output" / f"{prefix}{path.name}")
    found, screen = study(tmp_path)
    assert found.images["channels"] == ["DNA", "PH3", "cellbody"]
    assert len(screen.images) == 1
    assert screen.profiles["cellprofiler"].table.shape == (289, 288)
    assert screen.wells[["Metadata_Well"]].to_numpy().tolist() == [["D03"]]
    asked = [question.setting for question in found.questions]
    assert asked == ["columns.plate", "columns.well", "columns.site", "columns.compound"]


@pytest.mark.parametrize("broken", ["", "a value of two lines", "another header"])
def test_files_parsed_as_one_are_those_read_one_by_one(tmp_path, broken):
    for number, well in enumerate(WELLS, start=1):
        tables = run(wells=(well,), first=number)
        tables["Image"]["Metadata_Note"] = f"{well}\nseen" if broken.startswith("a ") else well
        if broken.startswith("an") and well == "B01":
            tables["Cells"]["AreaShape_Extent"] = 0.5
        spreadsheets(tmp_path / f"P1-{well}-1", tables, prefix="")
    (tmp_path / "P1-A02-1" / "Cells.csv").write_bytes(
        (tmp_path / "P1-A02-1" / "Cells.csv").read_bytes().replace(b"\n", b"\r\n") + b"\r\n"
    )
    frame, _ = read_cellprofiler(tmp_path)
    parts = [read_cellprofiler(folder)[0] for folder in sorted(tmp_path.iterdir())]
    expected = pd.concat(parts, ignore_index=True)
    assert set(frame) == set(expected)
    keys = ["Metadata_ImageNumber", "Metadata_ObjectNumber"]
    pd.testing.assert_frame_equal(
        frame.sort_values(keys, ignore_index=True),
        expected[frame.columns].sort_values(keys, ignore_index=True),
    )


def test_wide_tables_are_read_without_a_warning_where_pandas_copies_on_write(tmp_path):
    rows = {"ImageNumber": [1, 1], "ObjectNumber": [1, 2]}
    wide = {f"AreaShape_F{n}": ["1,5", "2,5"] for n in range(150)}
    pd.DataFrame(rows | wide).to_csv(tmp_path / "Cells.csv", index=False)
    image = {"ImageNumber": [1], "Metadata_Plate": ["P1"], "Metadata_Well": ["A01"]}
    pd.DataFrame(image).to_csv(tmp_path / "Image.csv", index=False)
    with pd.option_context("mode.copy_on_write", True):
        frame, _ = read_cellprofiler(tmp_path)
    assert len(frame) == 2
