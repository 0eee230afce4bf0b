"""What is found in a folder, and the study file written for it, which must run unedited."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from phenolens.changes import parse
from phenolens.config import Study
from phenolens.errors import InputError, UndecidedError
from phenolens.images import read_pixels
from phenolens.io.discovery.discover import discover, study_toml
from phenolens.io.integrate import Integrated, integrate
from phenolens.simulate import ScreenDesign, write_screen


def study(source: Path, folder: Path) -> tuple[str, Integrated]:
    """The study file written for a folder, and the screen it reads."""
    found = discover(source, taken=["cellprofiler", "pixel-pca"])
    text = study_toml(found, relative_to=folder)
    data = Study.model_validate(tomllib.loads(text)).data.model_dump()
    return text, integrate(data, folder)


def asked(text: str) -> list[str]:
    return [line for line in text.splitlines() if "FILL IN" in line]


def test_bbbc021_cells(real_data, tmp_path):
    text, screen = study(real_data("bbbc021_cells"), tmp_path)
    assert len(screen.images) == 2014
    assert screen.images.level == "cell"
    assert read_pixels(screen.images, 2013).shape == (3, 68, 68)
    assert set(screen.wells["Metadata_Treatment"]) == {
        "DMSO", "cyclohexamide@5", "cyclohexamide@15", "cyclohexamide@50",
    }  # fmt: skip
    assert len(asked(text)) == 1
    assert "name" in asked(text)[0]


def test_cpjump1_fields(real_data, tmp_path):
    text, screen = study(real_data("cpjump1_fields"), tmp_path)
    assert screen.images.channels == ("DNA", "ER", "RNA", "AGP", "Mito")
    assert len(screen.images) == 6
    assert "no column says what was done to a well" in asked(text)[0]


def test_cpjump1_profiles(real_data, tmp_path):
    text, screen = study(real_data("cpjump1_profiles"), tmp_path)
    assert asked(text) == []
    assert {name: block.table.shape for name, block in screen.profiles.items()} == {
        "cellprofiler": (1536, 903),
        "mlp": (1280, 128),
    }
    assert screen.profiles["cellprofiler"].normalized
    assert screen.wells["Metadata_Control"].sum() == 256
    assert screen.wells["Metadata_Compound"].nunique() == 303
    assert screen.ledger.counts["wells_without_profile_in_mlp"] == 256
    assert "platemap" in text


def test_bbbc021_wells(real_data, tmp_path):
    text, screen = study(real_data("bbbc021_wells"), tmp_path)
    assert asked(text) == []
    treated = screen.wells[~screen.wells["Metadata_Control"]]
    assert treated["Metadata_Treatment"].nunique() == 103
    assert treated["Metadata_Mechanism"].nunique() == 12
    assert treated["Metadata_Mechanism"].notna().all()
    assert screen.wells["Metadata_Batch"].nunique() == 10
    assert screen.wells["Metadata_Plate"].nunique() == 55


def test_examplehuman(real_data, tmp_path):
    text, screen = study(real_data("examplehuman"), tmp_path)
    assert screen.images.channels == ("DNA", "PH3", "cellbody")
    assert screen.wells[["Metadata_Plate", "Metadata_Well"]].iloc[0].tolist() == [
        "examplehuman", "D03",
    ]  # fmt: skip
    assert len(screen.profiles["cellprofiler-given"].table) == 289
    assert sum("guessed from the file names" in line for line in asked(text)) == 2


@pytest.mark.parametrize("modality", ["compound", "crispr", "orf"])
def test_a_simulated_gallery_screen(tmp_path, modality):
    design = ScreenDesign(
        replicates=1,
        plates=2, batches=2, treatments=4, control_wells=2, inactive=0, toxic=0, sites=1,
        field_size=64, modality=modality,
    )  # fmt: skip
    write_screen(design, tmp_path / "screen")
    text, screen = study(tmp_path / "screen", tmp_path)
    truth = pd.read_parquet(tmp_path / "screen" / "truth" / "wells.parquet")
    assert len(screen.wells) == len(truth)
    assert screen.wells["Metadata_Compound"].notna().all()
    assert screen.wells["Metadata_Batch"].nunique() == 2
    assert screen.wells["Metadata_Control"].sum() == 4
    settings = [line for line in text.splitlines() if not line.startswith("#")]
    assert "truth" not in "".join(settings).replace("/truth-", "")
    assert ('modality = "genetic"' in text) == (modality != "compound")
    assert asked(text) == []


def write_folder(folder: Path, *, stains: int, kind: type = np.uint16) -> None:
    """Two wells, each one multi-channel file, and a table that names them."""
    rows = []
    for number, well in enumerate(("B02", "B03")):
        name = f"well_{well}.tif"
        shape = (stains, 16, 20) if stains > 1 else (16, 20)
        tifffile.imwrite(folder / name, np.full(shape, number, dtype=kind))
        rows.append({"image": name, "Plate": 7, "Well": well, "drug": ["DMSO", "x"][number]})
    pd.DataFrame(rows).to_csv(folder / "meta.tsv", sep="\t", index=False)


@pytest.mark.parametrize(("stains", "kind"), [(1, np.uint8), (2, np.uint16), (6, np.uint16)])
def test_any_folder_with_a_table_runs_unedited(tmp_path, stains, kind):
    source = tmp_path / "mine"
    source.mkdir()
    write_folder(source, stains=stains, kind=kind)
    text, screen = study(source, tmp_path)
    assert len(screen.images.channels) == stains
    assert read_pixels(screen.images, 1).shape == (stains, 16, 20)
    assert screen.wells["Metadata_Compound"].tolist() == ["DMSO", "x"]
    assert screen.wells["Metadata_Control"].tolist() == [True, False]
    assert [line for line in asked(text) if "do not name them" in line]


def test_one_column_a_stain_names_the_stains(tmp_path, write_plane):
    for stain in ("dapi", "actin"):
        write_plane(tmp_path / f"{stain}.tif", value=1)
    row = {"plate": "P", "well": "A01", "dapi_file": "dapi.tif", "path_actin": "actin.tif"}
    pd.DataFrame([row]).to_csv(tmp_path / "table.csv", index=False)
    found = discover(tmp_path)
    assert found.images["files"] == {"dapi": "dapi_file", "actin": "path_actin"}
    assert found.images["nuclei"] == "dapi"


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (
            ("FileName_OrigDNA", "FileName_Nuclei_labels", "FileName_CellOutlines"),
            '{ Nuclei = "FileName_Nuclei_labels", CellsOutlines = "FileName_CellOutlines" }',
        ),
        (
            ("FileName_DNA", "FileName_NucleiOutlines", "FileName_DNA_Overlay"),
            '{ NucleiOutlines = "FileName_NucleiOutlines" }',
        ),
        (("dna_path", "er_path", "nuclei_labels_path"), '{ Nuclei = "nuclei_labels_path" }'),
        (("FileName_OrigDNA", "FileName_OrigER", "FileName_CellOutlines"), None),
    ],
)
def test_label_images_that_a_table_names_are_proposed(tmp_path, write_plane, columns, line):
    folder, rows = tmp_path / "screen", []
    folder.mkdir()
    for well in ("A01", "A02", "A03"):
        names = {column: f"{well}_{column}.tif" for column in columns}
        for name in names.values():
            write_plane(folder / name, value=1)
        rows.append({"Metadata_Plate": "P1", "Metadata_Well": well} | names)
    pd.DataFrame(rows).to_csv(folder / "images.csv", index=False)
    found = discover(folder)
    text = study_toml(found, relative_to=tmp_path)
    said = [one for one in text.splitlines() if "labels = " in one]
    assert said == ([] if line is None else [f"# labels = {line}"])
    if line is not None:
        assert found.images["channels"] == (["DNA"] if "FileName" in columns[0] else ["dna", "er"])
        taken = Study.model_validate(tomllib.loads(text.replace("# labels = ", "labels = ")))
        images = integrate(taken.data.model_dump(), tmp_path).images
        assert images is not None
        assert any("abel" in str(name) or "utline" in str(name) for name in images.table)


def test_controls_that_cannot_be_guessed_are_asked_for(tmp_path):
    write_folder(tmp_path, stains=1)
    frame = pd.read_csv(tmp_path / "meta.tsv", sep="\t").assign(drug=["buffer", "x"])
    frame.to_csv(tmp_path / "meta.tsv", sep="\t", index=False)
    text, _ = study(tmp_path, tmp_path)
    assert any("negative control" in line and "buffer (1 wells)" in line for line in asked(text))


def test_phenix_images_without_a_table_ask_for_the_stains(tmp_path, write_plane):
    for channel in (1, 2):
        name = f"r01c02f01p01-ch{channel}sk1fk1fl1.tiff"
        write_plane(tmp_path / "BR9" / "Images" / name, value=channel)
    text, screen = study(tmp_path, tmp_path)
    assert screen.images.channels == ("channel1", "channel2")
    assert any("which stains are channels 1, 2" in line for line in asked(text))


def test_raw_profiles_are_taken_before_processed_ones(tmp_path):
    rng = np.random.default_rng(0)
    for plate in ("BR1", "BR2"):
        frame = pd.DataFrame({"Metadata_Plate": plate, "Metadata_Well": ["A01", "A02"]})
        for number in range(12):
            frame[f"Cells_AreaShape_Zernike_{number}_0"] = rng.normal(size=2)
        folder = tmp_path / "profiles" / "batch1" / plate
        folder.mkdir(parents=True)
        for stage in ("", "_augmented", "_normalized_negcon"):
            frame.to_csv(folder / f"{plate}{stage}.csv.gz", index=False)
    found = discover(tmp_path)
    assert [block["files"] for block in found.profiles] == [
        ["profiles/batch1/BR1/BR1.csv.gz", "profiles/batch1/BR2/BR2.csv.gz"]
    ]
    assert found.profiles[0]["normalized"] == "auto"
    assert [(one.code, one.values["files"]) for one in found.unused] == [("unused-stage", 4)]


def test_cells_in_stacks_are_cells_and_tiles_are_tiles(tmp_path):
    for size, level in ((32, "cell"), (300, "tile")):
        folder = tmp_path / level
        folder.mkdir()
        tifffile.imwrite(
            folder / "s.tif", np.zeros((3, size, size), np.uint8), photometric="minisblack"
        )
        rows = {"file": "s.tif", "index": range(3), "Plate": "P", "Well": "A01"}
        rows |= {"Site": range(3)} if level == "tile" else {}
        pd.DataFrame(rows).to_csv(folder / "table.csv", index=False)
        assert discover(folder).images["level"] == level


def test_what_a_check_left_is_no_table_of_the_screen(tmp_path):
    wells = [f"{r}{c:02d}" for r in "ABCD" for c in range(1, 7)]
    profiles = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": wells, "compound": "DMSO"})
    values = np.random.default_rng(0).normal(size=(24, 8))
    profiles[[f"f{k}" for k in range(8)]] = values
    profiles.to_csv(tmp_path / "profiles.csv", index=False)
    before = study_toml(discover(tmp_path), relative_to=tmp_path)
    (tmp_path / "study-out").mkdir()
    for name in ("audit.json", "ledger.json"):
        (tmp_path / "study-out" / name).write_text("{}")
    profiles.iloc[:, :2].to_parquet(tmp_path / "study-out" / "splits.parquet")
    after = study_toml(discover(tmp_path), relative_to=tmp_path)
    assert after == before + "\n# Not used: study-out/: results of a study.\n"


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="There is no folder"):
        discover(tmp_path / "none")


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="neither images nor profiles"):
        discover(tmp_path)


def test_images_without_a_table_say_what_is_missing(tmp_path, write_plane):
    write_plane(tmp_path / "a.tif", value=1)
    with pytest.raises(InputError, match="no table that says which plate and well"):
        discover(tmp_path)


def test_the_text_is_short_commented_and_stable(tmp_path):
    write_folder(tmp_path, stains=1)
    texts = {study_toml(discover(tmp_path), relative_to=tmp_path) for _ in range(2)}
    assert len(texts) == 1
    assert len(next(iter(texts)).splitlines()) < 40


def test_found_lines_name_images_tables_and_profiles(real_data):
    lines = discover(real_data("bbbc021_wells")).lines()
    assert any(line.startswith("profiles cellprofiler: ljosa") for line in lines)
    assert any(line == "table: BBBC021_v1_moa.csv" for line in lines)


def test_settings_that_are_known_are_not_asked_for(tmp_path):
    write_folder(tmp_path, stains=2)
    changes = parse(['data.images.channels=["DNA", "ER"]', "data.exclude=Metadata_Well == 'B03'"])
    found = discover(tmp_path, changes=changes)
    read = tomllib.loads(study_toml(found, relative_to=tmp_path))["data"]
    assert (read["images"]["channels"], read["exclude"]) == (
        ["DNA", "ER"],
        "Metadata_Well == 'B03'",
    )
    assert not [one for one in found.questions if one.setting == "images.channels"]


def test_images_elsewhere_are_found_below_a_root_that_was_given(tmp_path, fields):
    (tmp_path / "tables").mkdir()
    for name in ("images", "load_data.csv"):
        (tmp_path / name).rename(tmp_path / ("far" if name == "images" else f"tables/{name}"))
    with pytest.raises(InputError, match="none of the images is here"):
        discover(tmp_path / "tables")
    changes = parse([f"data.images.root={tmp_path / 'far'}"])
    found = discover(tmp_path / "tables", changes=changes)
    assert found.images["root"] == str(tmp_path / "far")
    data = Study.model_validate(tomllib.loads(study_toml(found, relative_to=tmp_path))).data
    assert len(integrate(data.model_dump(), tmp_path).images) == 16


def test_one_table_of_images_is_a_source(tmp_path, fields, platemap):
    found = discover(tmp_path / "load_data.csv")
    assert (found.images["table"], found.tables, found.unused) == ("load_data.csv", (), ())
    assert len(integrate(found.section(), found.source).images) == 16


def test_a_table_deep_in_a_tree_finds_the_images_above_it(tmp_path, fields):
    deep = tmp_path / "workspace" / "load_data_csv" / "b1" / "P1"
    deep.mkdir(parents=True)
    (tmp_path / "load_data.csv").rename(deep / "load_data.csv")
    found = discover(deep / "load_data.csv")
    assert found.images["root"] == "../../../.."
    assert len(integrate(found.section(), found.source).images) == 16


def test_one_image_of_an_instrument_is_a_source(tmp_path, write_plane):
    for column in (1, 2):
        write_plane(tmp_path / "BR9" / f"r01c{column:02d}f01p01-ch1sk1fk1fl1.tiff", value=1)
    source = tmp_path / "BR9" / "r01c02f01p01-ch1sk1fk1fl1.tiff"
    text, screen = study(source, tmp_path)
    assert screen.images.table["Metadata_Well"].tolist() == ["A02"]
    assert "BR9/r01c02" in text


def test_one_image_that_says_nothing_of_itself_is_refused(tmp_path, write_plane):
    write_plane(tmp_path / "image.tif", value=1)
    with pytest.raises(InputError, match="is 1 image file"):
        discover(tmp_path / "image.tif")


def test_pages_that_nobody_named_are_counted_and_told_how_to_be_listed(tmp_path):
    pages = np.arange(5 * 8 * 8, dtype=np.uint16).reshape(5, 8, 8)
    for well in ("A01", "A02"):
        with tifffile.TiffWriter(tmp_path / f"scan_{well}.tif") as file:
            for page in pages:
                file.write(page, metadata=None, contiguous=False)
    with pytest.raises(InputError) as refused:
        discover(tmp_path)
    said = str(refused.value)
    assert "Each file holds 5 pages, such as scan_A01.tif" in said and "\n" not in said
    assert "if they are stains, name 5 in [data.images] channels" in said
    rows = {"Metadata_Plate": "P1", "Metadata_Well": ["A01", "A02"]}
    files = pd.DataFrame(rows | {"file": ["scan_A01.tif", "scan_A02.tif"]})
    files.to_csv(tmp_path / "list.csv", index=False)
    stains = parse(['data.images.channels=["DNA", "ER", "RNA", "AGP", "Mito"]'])
    found = discover(tmp_path, changes=stains)
    images = integrate(found.section(), tmp_path).images
    np.testing.assert_array_equal(read_pixels(images, 1), pages)


def gallery(folder: Path, write_plane, *, plates: dict[str, str]) -> None:
    """A tree of the Cell Painting Gallery without LoadData: folders of plates to their batches.

    Form of the names: the gallery's documentation/data_structure.md.
    """
    for plate, batch in plates.items():
        for column in (1, 2):
            name = f"r01c{column:02d}f01p01-ch1sk1fk1fl1.tiff"
            write_plane(folder / "images" / batch / "images" / plate / "Images" / name, value=1)
    for batch in set(plates.values()):
        maps = folder / "workspace" / "metadata" / "platemaps" / batch
        (maps / "platemap").mkdir(parents=True)
        barcodes = [plate.partition("__")[0] for plate, its in plates.items() if its == batch]
        frame = pd.DataFrame({"Assay_Plate_Barcode": barcodes, "Plate_Map_Name": f"map_{batch}"})
        frame.to_csv(maps / "barcode_platemap.csv", index=False)
        rows = {"plate_map_name": f"map_{batch}", "well_position": ["A01", "A02"]}
        rows |= {"broad_sample": ["", f"BRD-{batch}"]}
        pd.DataFrame(rows).to_csv(maps / "platemap" / f"map_{batch}.txt", sep="\t", index=False)


def test_a_gallery_tree_without_load_data(tmp_path, write_plane):
    at = "2021-01-01T00_00_00-Measurement 1"
    plates = {f"PL1__{at}": "2021_B1", f"PL2__{at}": "2021_B1", f"PL3__{at}": "2021_B2"}
    gallery(tmp_path / "source_4", write_plane, plates=plates)
    text, screen = study(tmp_path / "source_4", tmp_path)
    wells = screen.wells.set_index(["Metadata_Plate", "Metadata_Well"])
    assert wells["Metadata_Batch"].groupby("Metadata_Plate").first().to_dict() == {
        "PL1": "2021_B1", "PL2": "2021_B1", "PL3": "2021_B2",
    }  # fmt: skip
    assert wells.loc[("PL3", "A02"), "Metadata_Compound"] == "BRD-2021_B2"
    assert wells["Metadata_Control"].sum() == 3
    assert ["the one channel" in line for line in asked(text)] == [True]


@pytest.mark.parametrize("again", [False, True])
def test_a_map_that_calls_plates_as_their_folders_joins_where_each_is_one(
    tmp_path, write_plane, again
):
    names = [f"PL{n}__2021-01-0{n}T00_00_00-Measurement 1" for n in (1, 2)]
    for name, column in itertools.product(names, (1, 2)):
        image = f"r01c{column:02d}f01p01-ch1sk1fk1fl1.tiff"
        write_plane(tmp_path / name / "Images" / image, value=1)
    said = [*names, *(["PL1__2021-02-01T00_00_00-Measurement 2"] if again else [])]
    rows = [(name, well, f"{name[:3]}-{well}") for name in said for well in ("A01", "A02")]
    frame = pd.DataFrame(rows, columns=["plate", "well", "compound"])
    frame.to_csv(tmp_path / "map.csv", index=False)
    found = discover(tmp_path)
    if again:
        assert not found.tables
        return
    wells = integrate(found.section(), tmp_path).wells
    assert set(wells["Metadata_Plate"]) == {"PL1", "PL2"}
    names = wells["Metadata_Plate"] + "-" + wells["Metadata_Well"]
    assert (wells["Metadata_compound"] == names).all()


def test_a_map_that_the_list_of_barcodes_names_and_nobody_copied(tmp_path, write_plane):
    gallery(tmp_path, write_plane, plates={"PL1": "B", "PL2": "B"})
    assert not [note for note in discover(tmp_path).notes if "map" in note]
    next(tmp_path.rglob("map_B.txt")).unlink()
    told = "the list of barcodes names plate maps that are not here (map_B): put them beside it"
    assert told in discover(tmp_path).notes


def test_one_barcode_in_two_batches_of_a_gallery_is_a_study_a_batch(tmp_path, write_plane):
    for batch in ("2021_04_B1", "2021_05_B2"):
        gallery(tmp_path, write_plane, plates={"PL1": batch})
    found = discover(tmp_path)
    (asked,) = (question for question in found.questions if question.setting == "data")
    assert "Plate PL1 is in the batches 2021_04_B1 and 2021_05_B2." in asked.text
    root = "images/2021_04_B1/images"
    assert f'Make one study a batch, each with its own [data.images] root = "{root}"' in asked.text
    assert not [one for one in found.unused if one.code == "unused-no-place"]
    one = discover(tmp_path, changes=parse([f'data.images.root="{root}"']))
    assert one.images["root"] == root
    assert not [question for question in one.questions if "Two files" in question.text]


def test_a_plate_of_a_gallery_measured_twice_is_one_plate(tmp_path, write_plane):
    plates = {f"PL1__2021-01-0{day}T00_00_00-Measurement {day}": "B" for day in (1, 2)}
    gallery(tmp_path, write_plane, plates=plates)
    found = discover(tmp_path)
    assert [one.setting for one in found.questions] == ["images.channels", "measurement"]
    assert found.questions[1].choices[0].startswith('measurement = "Metadata_')
    assert len(found.tables) == 2


def two_instruments(folder: Path, write_plane) -> None:
    """A plate of an Opera Phenix beside one of an ImageXpress."""
    for column in (1, 2):
        write_plane(
            folder / "BR9" / "Images" / f"r01c{column:02d}f01p01-ch1sk1fk1fl1.tiff", value=1
        )
        write_plane(folder / "MX" / "TimePoint_1" / f"PLATE_A{column:02d}_s1_w1.TIF", value=1)


def test_images_of_two_instruments_are_asked_about_by_init_and_check_alike(tmp_path, write_plane):
    two_instruments(tmp_path, write_plane)
    found = discover(tmp_path)
    (question,) = found.questions
    assert question.setting == "images.layout"
    assert question.choices == ('layout = "imagexpress"', 'layout = "phenix"')
    assert "2 as imagexpress (such as MX/TimePoint_1/) and 2 as phenix (such as BR9/Images/)" in (
        question.text
    )
    text = study_toml(found, relative_to=tmp_path)
    data = Study.model_validate(tomllib.loads(text)).data.model_dump()
    with pytest.raises(UndecidedError) as refused:
        integrate(data, tmp_path)
    assert str(refused.value) == question.text
    chosen = text.replace('# layout = "phenix"', 'layout = "phenix"')
    data = Study.model_validate(tomllib.loads(chosen)).data.model_dump()
    assert len(integrate(data, tmp_path).images) == 2


def test_of_two_instruments_one_may_be_named(tmp_path, write_plane):
    two_instruments(tmp_path, write_plane)
    found = discover(tmp_path, changes=parse(["data.images.layout=imagexpress"]))
    assert found.images["layout"] == "imagexpress"
    assert [(one.code, one.values["files"]) for one in found.unused] == [
        ("unused-other-naming", 1), ("unused-other-naming", 1),
    ]  # fmt: skip
    assert len(integrate(found.section(), tmp_path).images) == 2


def write_crops(folder: Path, *, number: str = "", side: int = 48, several: int = 3) -> None:
    """A file a cell, of two sites in two wells, and the table that says whose each is."""
    rows = []
    for well in ("A01", "A02"):
        for site in (1, 2):
            for cell in range(several):
                name = f"crops/P1_{well}_s{site}_c{cell}.tif"
                (folder / "crops").mkdir(parents=True, exist_ok=True)
                pixels = np.full((2, side, side), cell, np.uint16)
                tifffile.imwrite(folder / name, pixels, photometric="minisblack")
                row = {"file": name, "plate": "P1", "well": well, "site": site}
                row |= {"compound": "DMSO" if well == "A01" else "x", "phase": "GM"[cell % 2]}
                rows.append(row | ({number: cell} if number else {}))
    pd.DataFrame(rows).to_csv(folder / "cells.csv", index=False)


@pytest.mark.parametrize("number", ["ObjectNumber", "cell", "crop_id", ""])
def test_a_file_a_cell_is_a_screen_of_cells(tmp_path, number):
    write_crops(tmp_path, number=number)
    text, screen = study(tmp_path, tmp_path)
    assert (screen.images.level, len(screen.images)) == ("cell", 12)
    assert screen.wells["Metadata_Compound"].tolist() == ["DMSO", "x"]
    numbers = screen.images.table.groupby("Metadata_Site")["Metadata_ObjectNumber"].apply(list)
    assert numbers.iloc[0][:3] == ([0, 1, 2] if number else [1, 2, 3])
    assert "phase" in " ".join(screen.images.table.columns).lower()
    assert len(asked(text)) == 1


def test_one_file_a_site_is_a_field_however_small(tmp_path):
    write_crops(tmp_path, several=1)
    assert discover(tmp_path).images["level"] == "field"


def test_a_gene_a_cell_is_no_label_of_a_well_and_that_is_said(tmp_path):
    write_crops(tmp_path)
    table = pd.read_csv(tmp_path / "cells.csv").drop(columns="compound")
    table["gene"] = ["KIF11", "PLK1", "KIF11"] * 4
    table.to_csv(tmp_path / "cells.csv", index=False)
    text, _ = study(tmp_path, tmp_path)
    assert "(Metadata_gene differs within every well)" in text


@pytest.mark.parametrize(
    ("named", "on"),
    [
        ("map_{}.csv", r"_file ~ ^map_(.+)$"),
        ("{}.csv", "_file"),
        ("{}_2021-03-04 layout.csv", r"_file ~ ^(.+)_2021\-03\-04\ layout$"),
        ("maps/{}/layout.csv", r"_folder ~ ([^/\\]+)$"),
    ],
)
def test_maps_that_say_their_plate_in_their_names(tmp_path, fields, named, on):
    for plate in ("P1", "P2", "P9"):
        path = tmp_path / named.format(plate)
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pd.DataFrame({"well": ["A01", "A02"], "compound": ["DMSO", f"c{plate}"]})
        table.to_csv(path, index=False)
    _, screen = study(tmp_path, tmp_path)
    found = discover(tmp_path)
    assert found.tables[0]["on"] == {"Metadata_Plate": on, "Metadata_Well": "well"}
    compounds = screen.wells.set_index(["Metadata_Plate", "Metadata_Well"])["Metadata_Compound"]
    assert (compounds["P1", "A02"], compounds["P2", "A02"]) == ("cP1", "cP2")
    (other,) = (one for one in found.unused if one.code == "unused-other-plates")
    assert other.values["plates"] == ("P9",)


def test_one_map_named_after_one_of_two_plates_is_of_that_plate(tmp_path, write_plane):
    for plate in ("BR01", "BR02"):
        for column in (1, 2):
            name = f"r01c{column:02d}f01p01-ch1sk1fk1fl1.tiff"
            write_plane(tmp_path / plate / "Images" / name, value=1)
    table = pd.DataFrame({"well": ["A01", "A02"], "compound": ["DMSO", "x"]})
    table.to_csv(tmp_path / "map BR02.csv", index=False)
    _, screen = study(tmp_path, tmp_path)
    assert screen.wells["Metadata_Compound"].isna().tolist() == [True, True, False, False]


UNNAMED = ("roundness", "spots per cell", "granules", "glow")


def unnamed(folder: Path, **columns: object) -> pd.DataFrame:
    """Wells of two plates with measurements under names of nobody's convention."""
    rng = np.random.default_rng(5)
    table = pd.DataFrame(
        [(plate, f"{row}{column:02d}") for plate in "PQ" for row in "AB" for column in range(1, 7)],
        columns=["Metadata_Plate", "Metadata_Well"],
    ).assign(**columns)
    table[list(UNNAMED)] = rng.normal(size=(len(table), len(UNNAMED)))
    table.to_csv(folder / "measured.csv", index=False)
    return table


def test_measurements_of_unknown_names_are_profiles_where_nothing_else_is(tmp_path):
    table = unnamed(tmp_path)
    labels = table[["Metadata_Plate", "Metadata_Well"]].assign(
        compound=["DMSO", "a", "b"] * 8, weight=np.linspace(200, 400, 24)
    )
    labels.to_csv(tmp_path / "map.csv", index=False)
    text, screen = study(tmp_path, tmp_path)
    assert "Not used" not in text
    assert screen.profiles["measured"].table.columns.tolist() == list(UNNAMED)
    assert screen.wells["Metadata_Compound"].value_counts().tolist() == [8, 8, 8]


def test_a_refused_table_is_named_with_what_it_lacks(tmp_path):
    table = unnamed(tmp_path)
    table.drop(columns="Metadata_Well").to_csv(tmp_path / "measured.csv", index=False)
    with pytest.raises(InputError, match=r"1 table \(measured.csv: no column of wells\) that"):
        discover(tmp_path)
    table[["Metadata_Plate", "Metadata_Well"]].to_csv(tmp_path / "measured.csv", index=False)
    with pytest.raises(InputError, match=r"\(measured.csv: no columns of features\)"):
        discover(tmp_path)


def test_a_map_that_names_a_well_twice_by_a_slip_is_joined(tmp_path):
    table = unnamed(tmp_path)
    names = table["Metadata_Well"].unique()
    layout = pd.DataFrame({"well": names, "compound": ["DMSO", "a", "b"] * 4})
    again = pd.concat([layout, layout.head(4)])
    again.to_csv(tmp_path / "map.csv", index=False)
    _, screen = study(tmp_path, tmp_path)
    assert screen.wells["Metadata_Compound"].notna().all()
    other = pd.concat([layout, layout.assign(compound="c")])
    other.to_csv(tmp_path / "map.csv", index=False)
    text, _ = study(tmp_path, tmp_path)
    assert "map.csv: several rows a well (A01)" in text


def test_a_map_of_genes_alone_labels_a_genetic_screen(tmp_path):
    table = unnamed(tmp_path)
    names = table["Metadata_Well"].unique()
    genes = pd.DataFrame({"well": names, "Gene": ["non-targeting", "KIF11", "PLK1"] * 4})
    genes.assign(sgRNA=[f"g{n % 2}" for n in range(12)]).to_csv(tmp_path / "map.csv", index=False)
    _, screen = study(tmp_path, tmp_path)
    assert set(screen.wells["Metadata_Compound"]) == {"non-targeting", "KIF11", "PLK1"}
    assert screen.wells["Metadata_Control"].sum() == 8


@pytest.mark.parametrize(
    ("names", "learned"),
    [
        ([f"efficientnet_{n}" for n in range(9)], True),
        ([f"feature_{n}" for n in range(9)], True),
        ([f"emb_{n}" for n in range(9)], True),
        ([f"Cells_AreaShape_Zernike_{n}_1" for n in range(9)], False),
    ],
)
def test_what_looks_learned_is_asked_for_its_training(tmp_path, names, learned):
    wells = [f"{row}{column:02d}" for row in "ABCD" for column in range(1, 7)]
    table = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": wells})
    values = np.random.default_rng(0).normal(size=(len(wells), len(names)))
    table = pd.concat([table, pd.DataFrame(values, columns=names)], axis=1)
    (tmp_path / "data").mkdir()
    table.to_csv(tmp_path / "data" / "wells.csv", index=False)
    found = discover(tmp_path / "data")
    lines = study_toml(found, relative_to=tmp_path).splitlines()
    assert ('# trained_on = "unknown"' in lines) is learned
    assert ("learned from what? (trained_on)" in " ".join(found.lines())) is learned
    assert sum("trained_on" in line for line in lines) == learned
