"""Folders that Gen5 writes: a Cytation's images, and what it made of them."""

from __future__ import annotations

import itertools

from phenolens.io.discovery.discover import discover
from phenolens.io.integrate import integrate


def test_wells_images_and_stains(tmp_path, write_plane):
    for well, site, (number, stain) in itertools.product(
        ("A1", "H12"), (1, 2), enumerate(("DAPI 377,447", "GFP 469,525"), 1)
    ):
        name = f"{well}_01_{number}_{site}_{stain}_001.tif"
        write_plane(tmp_path / "240725_Plate 1" / name, value=number)
    write_plane(tmp_path / "240725_Plate 1" / "A1_-1_1_1_Stitched[DAPI 377,447]_001.tif", value=9)
    found = discover(tmp_path)
    assert (found.images["layout"], found.images["channels"]) == ("gen5", ["DAPI", "GFP"])
    assert any("1 images that Gen5 made were left out" in note for note in found.notes)
    table = integrate(found.section(), tmp_path).images.table
    assert sorted(set(table["Metadata_Well"])) == ["A01", "H12"] and len(table) == 4
    assert set(table["Metadata_Plate"]) == {"240725_Plate 1"}


def test_stitched_images_alone_are_the_screen(tmp_path, write_plane):
    for well in ("B2", "C2"):
        write_plane(tmp_path / "P" / f"{well}_-1_1_1_Stitched[DAPI 377,447]_001.tif", value=1)
    table = integrate(discover(tmp_path).section(), tmp_path).images.table
    assert sorted(table["Metadata_Well"]) == ["B02", "C02"]


def test_two_reads_of_a_plate_are_measurements(tmp_path, write_plane):
    for well, read in itertools.product(("A1", "A2", "B1"), ("02", "03")):
        write_plane(tmp_path / "P" / f"{well}_{read}_1_1_Bright Field_001.tif", value=1)
    (asked,) = [q for q in discover(tmp_path).questions if q.setting == "measurement"]
    assert "02, 03" in asked.text
