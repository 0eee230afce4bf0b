"""Headers of a screen together: what is usual, what is unlike, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from phenolens.audit.audit import audit_design
from phenolens.findings import Finding
from phenolens.images import ImageSet
from phenolens.io.images import image_headers
from phenolens.io.images.image_headers import ImageHeaders, read_headers

STAINS = ("DNA", "ER")
Write = Callable[[Path, str, str], None]


def plain(path: Path, well: str, stain: str) -> None:
    del well, stain
    tifffile.imwrite(path, np.zeros((64, 64), np.uint16))


def screen(
    folder: Path, write: Write = plain, *, plates: int = 1, level: str = "field"
) -> ImageSet:
    """Six wells a plate, one field each; a file a stain, as `write` makes it."""
    rows = []
    for plate in range(1, plates + 1):
        for well in ("A01", "A02", "A03", "A04", "A05", "A06"):
            row = {"Metadata_Plate": f"P{plate}", "Metadata_Well": well, "Metadata_Site": "1"}
            for stain in STAINS:
                path = folder / f"P{plate}_{well}_{stain}.tif"
                write(path, f"P{plate}/{well}", stain)
                row |= {f"Path_{stain}": str(path), f"Index_{stain}": ""}
            rows.append(row)
    return ImageSet(pd.DataFrame(rows), STAINS, level)


def written(**unusual) -> Write:
    """Files of 64 x 64 uint16 but in the last wells; `unusual` has the array, or how to write."""
    array = unusual.pop("array", np.zeros((64, 64), np.uint16))
    where = unusual.pop("where", lambda well, stain: well.endswith(("A05", "A06")))

    def write(path: Path, well: str, stain: str) -> None:
        if where(well, stain):
            tifffile.imwrite(path, array, **unusual)
        else:
            plain(path, well, stain)

    return write


def er_of_a02(well: str, stain: str) -> bool:
    return (well, stain) == ("P1/A02", "ER")


def found(headers: ImageHeaders) -> dict[str, Finding]:
    wells = headers.table[["plate", "well"]].drop_duplicates()
    wells = wells.rename(columns={"plate": "Metadata_Plate", "well": "Metadata_Well"})
    wells = wells.assign(Metadata_Treatment="a", Metadata_Control=False)
    codes = {one.code: one for one in audit_design(wells, headers=headers)}
    silent = {one.code for one in audit_design(wells)}
    return {code: one for code, one in codes.items() if code not in silent}


def test_images_that_are_alike(tmp_path):
    headers = read_headers(screen(tmp_path))
    assert headers.set_aside()[1] == []
    alike = found(headers)
    assert list(alike) == ["image-files-alike"]
    assert alike["image-files-alike"].text == "12 image files: 64x64 pixels, uint16."


def test_two_sizes(tmp_path):
    headers = read_headers(screen(tmp_path, written(array=np.zeros((32, 48), np.uint16))))
    finding = found(headers)["image-sizes"]
    assert "two image sizes: 64x64 (4 wells), 48x32 (2 wells)" in finding.text
    assert "plate P1, well A05, site 1, DNA" in finding.text
    assert "P1_A05_DNA.tif" in finding.text
    assert "2 images unlike the most are set aside" in finding.said.consequence
    assert finding.about["well"] == ("P1/A05", "P1/A06")
    rows, aside = headers.set_aside()
    assert list(rows) == [4, 5]
    assert [(one.plate, one.well, one.site, one.channel) for one in aside] == [
        ("P1", "A05", "1", "DNA"),
        ("P1", "A06", "1", "DNA"),
    ]
    assert all(one.file.endswith(".tif") for one in aside)
    assert "48x32 pixels, where most images of the screen have 64x64" in aside[0].reason


def test_where_every_image_is_unlike_the_most_none_is_said_to_be_set_aside(tmp_path):
    odd = written(array=np.zeros((32, 48), np.uint16), where=lambda _, stain: stain == "ER")
    headers = read_headers(screen(tmp_path, odd))
    assert headers.set_aside()[1] == []
    said = found(headers)["image-sizes"].said.consequence
    assert "so none is set aside" in said and "are set aside" not in said


def test_sizes_by_plate(tmp_path):
    small = written(array=np.zeros((32, 32), np.uint16), where=lambda well, _: well[:2] == "P2")
    finding = found(read_headers(screen(tmp_path, small, plates=3)))["image-sizes"]
    assert "64x64 (12 wells), 32x32 (6 wells)" in finding.text
    assert "P1 64x64 6; P2 32x32 6; P3 64x64 6" in finding.text


def test_the_study_file_keeps_what_differs(tmp_path):
    small = written(array=np.zeros((32, 32), np.uint16))
    headers = read_headers(screen(tmp_path, small), keep=True)
    assert headers.set_aside()[1] == []
    assert found(headers)["image-sizes"].said.consequence.endswith("They are kept.")


def test_tiles_and_crops_may_end_where_a_field_or_cell_does(tmp_path):
    images = screen(tmp_path, written(array=np.zeros((32, 32), np.uint16)), level="tile")
    headers = read_headers(images)
    assert headers.set_aside()[1] == []
    assert "image-sizes" in found(headers)


def test_one_depth_among_others_is_that_of_its_stain(tmp_path):
    odd = written(array=np.zeros((64, 64), np.uint32), where=er_of_a02)
    headers = read_headers(screen(tmp_path, odd))
    finding = found(headers)["image-depths"]
    assert "two kinds of pixels: uint16 (6 wells), uint32 (1 well)" in finding.text
    (aside,) = headers.set_aside()[1]
    assert (aside.well, aside.channel) == ("A02", "ER")
    assert "uint32, where most images of the screen have uint16" in aside.reason


def test_a_stain_may_have_another_depth_than_the_others(tmp_path):
    odd = written(array=np.zeros((64, 64), np.uint8), where=lambda _, stain: stain == "ER")
    headers = read_headers(screen(tmp_path, odd))
    assert headers.set_aside()[1] == []
    assert "image-depths" not in found(headers)


def test_pixel_sizes_that_differ(tmp_path):
    def write(path: Path, well: str, stain: str) -> None:
        del stain
        size = 1.3 if well == "P1/A03" else 0.65 + 1e-5 * (well == "P1/A04")
        metadata = {"PhysicalSizeX": size, "PhysicalSizeY": size}
        tifffile.imwrite(path, np.zeros((64, 64), np.uint16), ome=True, metadata=metadata)

    headers = read_headers(screen(tmp_path, write))
    finding = found(headers)["pixel-sizes"]
    assert "two pixel sizes: 0.65 µm (5 wells), 1.3 µm (1 well)" in finding.text
    assert [one.well for one in headers.set_aside()[1]] == ["A03"]
    assert headers.agreed_um is None


@pytest.mark.parametrize(("said", "codes"), [(None, "pixel-size-taken"), (0.65, ""), (0.33, "con")])
def test_the_pixel_size_is_taken_or_compared_with_the_study_file(tmp_path, said, codes):
    sized = {"ome": True, "metadata": {"PhysicalSizeX": 0.65, "PhysicalSizeY": 0.65}}
    images = screen(tmp_path, written(where=lambda *_: True, **sized))
    headers = read_headers(replace(images, pixel_size_um=said))
    assert headers.agreed_um == 0.65
    about_size = [code for code in found(headers) if code.startswith("pixel-size")]
    assert len(about_size) == bool(codes)
    assert all(codes in code for code in about_size)


def test_a_resolution_that_is_none_is_named(tmp_path):
    wrong = {"ome": True, "metadata": {"PhysicalSizeX": -1, "PhysicalSizeY": -1}}
    headers = read_headers(screen(tmp_path, written(**wrong)))
    assert headers.agreed_um is None
    assert "resolution of 4 files is ignored: -1" in found(headers)["resolution-ignored"].text


def test_colour_loss_and_damage_are_named(tmp_path):
    def write(path: Path, well: str, stain: str) -> None:
        if well == "P1/A01":
            tifffile.imwrite(path, np.zeros((64, 64, 3), np.uint16), photometric="rgb")
        elif well == "P1/A02":
            tifffile.imwrite(path, np.zeros((64, 64), np.uint8), compression="jpeg")
        elif well == "P1/A03":
            path.write_bytes(b"")
        elif well == "P1/A04" and stain == "ER":
            plain(path, well, stain)
            path.write_bytes(path.read_bytes()[:-100])
        else:
            plain(path, well, stain)

    seen = found(read_headers(screen(tmp_path, write)))
    assert "2 pictures with RGB colours" in seen["images-in-colour"].text
    assert "well A01" in seen["images-in-colour"].text
    assert "JPEG" in seen["images-lossy"].text
    assert "3 files cannot be used" in seen["images-damaged"].text


def test_stains_of_one_field_that_differ_in_size(tmp_path):
    small = written(array=np.zeros((32, 32), np.uint16), where=er_of_a02)
    headers = read_headers(screen(tmp_path, small))
    finding = found(headers)["stains-differ-in-size"]
    assert finding.severity == "warning"
    assert "1 image differ in size: DNA 64x64, ER 32x32" in finding.text
    assert [(one.well, one.channel) for one in headers.set_aside()[1]] == [("A02", "ER")]


def test_stains_that_differ_in_every_field_are_an_error_and_nothing_is_hidden(tmp_path):
    small = written(array=np.zeros((32, 32), np.uint16), where=lambda _, stain: stain == "ER")
    headers = read_headers(screen(tmp_path, small))
    assert found(headers)["stains-differ-in-size"].severity == "error"
    assert headers.set_aside()[1] == []


def test_remote_headers_are_sampled_and_it_is_said(tmp_path, monkeypatch):
    images = screen(tmp_path, plates=6)
    monkeypatch.setattr(image_headers, "PER_PLATE", 2)
    monkeypatch.setattr(image_headers, "_remote_system", lambda images: "nfs4")
    headers = read_headers(images)
    assert sorted(headers.table["well"].unique()) == ["A01", "A06"]
    finding = found(headers)["headers-sampled"]
    assert "24 of 72 planes" in finding.text
    assert "nfs4" in finding.text


def test_files_here_are_all_looked_at(tmp_path):
    images = screen(tmp_path)
    assert image_headers._remote_system(images) == ""
    headers = read_headers(images)
    assert len(headers.table) == headers.planes == 12


def test_other_kinds_of_files_are_not_looked_at_and_it_is_said(tmp_path):
    images = screen(tmp_path)
    table = images.table.assign(Path_ER=images.table["Path_ER"].str.replace(".tif", ".xyz"))
    headers = read_headers(replace(images, table=table))
    assert set(headers.table["channel"]) == {"DNA"}
    assert "6 of 12 planes" in found(headers)["headers-sampled"].text


def test_png_screens(tmp_path):
    images = screen(tmp_path)
    for path in map(Path, images.table["Path_ER"]):
        Image.fromarray(np.zeros((64, 64), np.uint16)).save(path.with_suffix(".png"))
    table = images.table.assign(Path_ER=images.table["Path_ER"].str.replace(".tif", ".png"))
    assert "image-files-alike" in found(read_headers(replace(images, table=table)))


def test_a_screen_of_which_no_header_is_looked_at(tmp_path):
    images = screen(tmp_path)
    for stain in STAINS:
        images.table[f"Path_{stain}"] = images.table[f"Path_{stain}"].str.replace(".tif", ".nd2")
    headers = read_headers(images)
    assert headers.set_aside()[1] == []
    assert headers.agreed_um is None
    wells = pd.DataFrame({"Metadata_Plate": ["P1"], "Metadata_Well": ["A01"]})
    codes = {
        one.code for one in audit_design(wells.assign(Metadata_Treatment="a"), headers=headers)
    }
    assert "headers-sampled" in codes
    assert "image-files-alike" not in codes


def test_images_of_files_with_several_are_looked_at_one_by_one(tmp_path):
    def write(path: Path, well: str, stain: str) -> None:
        del well, stain
        with tifffile.TiffWriter(path, ome=True) as writer:
            for side in (64, 32):
                writer.write(np.zeros((2, side, side), np.uint16), metadata={"axes": "CYX"})

    images = screen(tmp_path, write)
    for stain, index in zip(STAINS, ("s0:0", "s1:1"), strict=True):
        images.table[f"Index_{stain}"] = index
    sizes = read_headers(images).table.groupby("channel")["size"].unique()
    assert sizes["DNA"].tolist() == ["64x64"]
    assert sizes["ER"].tolist() == ["32x32"]
