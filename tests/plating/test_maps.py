"""Plate maps in the field's form; those of another design are not overwritten."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from phenolens.errors import ConfigError, InputError
from phenolens.plating.maps import map_texts, require_free, write_maps


def maps(*plates: str, compound: str = "a") -> dict[str, pd.DataFrame]:
    wells = pd.DataFrame({"well_position": ["A01", "A02"], "compound": [compound, "DMSO"]})
    return dict.fromkeys(plates, wells)


def files(folder) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_a_map_a_plate_and_the_table_that_says_whose_they_are(tmp_path):
    write_maps(map_texts(maps("P01", "P02")), tmp_path / "m", about={"seed": 1})
    assert files(tmp_path / "m") == {
        "platemap/P01.txt", "platemap/P02.txt", "barcode_platemap.csv", "design.json"
    }  # fmt: skip
    barcodes = pd.read_csv(tmp_path / "m/barcode_platemap.csv")
    assert barcodes.to_dict("list") == {
        "Assay_Plate_Barcode": ["P01", "P02"], "Plate_Map_Name": ["P01", "P02"]
    }  # fmt: skip
    table = pd.read_csv(tmp_path / "m/platemap/P02.txt", sep="\t")
    assert list(table) == ["plate_map_name", "well_position", "compound"]
    assert set(table["plate_map_name"]) == {"P02"}


def test_maps_of_another_design_are_left_alone(tmp_path):
    folder = tmp_path / "m"
    write_maps(map_texts(maps("P01")), folder, about={})
    require_free(map_texts(maps("P01")), folder)  # the same again
    with pytest.raises(ConfigError, match=r"P01[.]txt is there already, .* force \(--force\)"):
        require_free(map_texts(maps("P01", compound="b")), folder)
    with pytest.raises(ConfigError, match=r"barcode_platemap[.]csv is there"):
        require_free(map_texts(maps("P02")), folder)


def test_maps_that_the_old_table_names_go_and_other_files_stay(tmp_path):
    folder = tmp_path / "m"
    write_maps(map_texts(maps("P01", "P02")), folder, about={})
    (folder / "platemap/notes.txt").write_text("mine")
    (tmp_path / "precious.txt").write_text("mine")
    barcodes = folder / "barcode_platemap.csv"
    barcodes.write_text(barcodes.read_text() + "P03,../../precious\n")
    write_maps(map_texts(maps("P01")), folder, about={})
    assert files(folder) == {
        "platemap/P01.txt", "platemap/notes.txt", "barcode_platemap.csv", "design.json"
    }  # fmt: skip
    assert (tmp_path / "precious.txt").is_file()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="a place nobody can write to")
def test_a_place_that_cannot_be_written_to():
    with pytest.raises(InputError, match="cannot be written to"):
        write_maps(map_texts(maps("P01")), Path("/proc/nowhere"), about={})


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "m").write_text("mine")
    with pytest.raises(InputError, match="is a file; name a folder"):
        require_free(map_texts(maps("P01")), tmp_path / "m")
