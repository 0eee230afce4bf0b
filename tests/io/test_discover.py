"""What is found in a folder, and the study file written for it, which must run unedited."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from phenolens.config import Study
from phenolens.errors import InputError
from phenolens.images import read_pixels
from phenolens.io.discover import discover, study_toml
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
