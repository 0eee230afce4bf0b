"""Folders of a ScanR: wells by name, by descriptor, or by the format of the plate."""

from __future__ import annotations

import itertools

import pytest

from phenolens.errors import InputError, UndecidedError
from phenolens.io.discovery.discover import discover
from phenolens.io.discovery.study_text import study_toml
from phenolens.io.formats.numbered_wells import well_of
from phenolens.io.integrate import integrate

FORMAT = (
    "<Cluster><Name>format typedef</Name><I32><Name>Rows</Name><Val>{rows}</Val></I32>"
    "<I32><Name>Columns</Name><Val>{columns}</Val></I32></Cluster>"
)
TABLE = (
    "<Array><Name>well selection table + cDNA</Name><String><Name/><Val>14</Val></String>"
    "<String><Name/><Val>C5</Val></String></Array>"
)


def write(folder, write_plane, labels: dict[int, str]) -> None:
    for (number, label), stain in itertools.product(labels.items(), ("DAPI", "Alexa 647")):
        name = f"{label}--W{number:05d}--P00001--Z00000--T00000--{stain}.tif"
        write_plane(folder / "data" / name, value=number)


def describe(folder, content: str) -> None:
    (folder / "experiment_descriptor.xml").write_text(
        f"<Cluster><DBL><Name>conversion factor um/pixel</Name><Val>0.645</Val></DBL>{content}"
        "</Cluster>"
    )


def wells(folder, **images) -> list[str]:
    section = discover(folder).section()
    section["images"] |= images
    return sorted(integrate(section, folder).images.table["Metadata_Well"])


def test_wells_by_name(tmp_path, write_plane):
    write(tmp_path / "P1", write_plane, {14: "B2", 15: "B3"})
    found = discover(tmp_path)
    assert (found.images["layout"], found.images["channels"]) == ("scanr", ["Alexa 647", "DAPI"])
    assert wells(tmp_path) == ["B02", "B03"]
    table = integrate(found.section(), tmp_path).images.table
    assert set(table["Metadata_Plate"]) == {"P1"}


@pytest.mark.parametrize(("rows", "columns", "expected"), [(8, 12, "B02"), (16, 24, "A14")])
def test_wells_by_the_format_of_the_descriptor(tmp_path, write_plane, rows, columns, expected):
    write(tmp_path / "P1", write_plane, {14: ""})
    describe(tmp_path / "P1", FORMAT.format(rows=rows, columns=columns))
    assert wells(tmp_path) == [expected]
    assert discover(tmp_path).images["pixel_size_um"] == 0.645


def test_wells_by_the_table_of_the_descriptor(tmp_path, write_plane):
    write(tmp_path / "P1", write_plane, {14: ""})
    describe(tmp_path / "P1", FORMAT.format(rows=8, columns=12) + TABLE)
    assert wells(tmp_path) == ["C05"]


@pytest.mark.parametrize("content", ["", "<I32><Name>Rows</Name><Val>8</Val></I32>", "<broken>"])
def test_numbers_without_a_format_are_asked_about(tmp_path, write_plane, content):
    write(tmp_path / "P1", write_plane, {1: "", 14: ""})
    describe(tmp_path / "P1", content)
    found = discover(tmp_path)
    (asked,) = [q for q in found.questions if q.setting == "images.plate_format"]
    assert asked.choices == ("plate_format = 96", "plate_format = 384", "plate_format = 1536")
    assert "# plate_format = 96" in study_toml(found)
    with pytest.raises(UndecidedError, match="names number the wells \\(to 14"):
        integrate(found.section(), tmp_path)
    assert wells(tmp_path, plate_format=96) == ["A01", "B02"]
    assert wells(tmp_path, plate_format=384) == ["A01", "A14"]


def test_more_wells_than_a_plate_has_rule_a_format_out(tmp_path, write_plane):
    write(tmp_path / "P1", write_plane, {97: "siRNA"})
    (asked,) = [q for q in discover(tmp_path).questions if q.setting == "images.plate_format"]
    assert asked.choices == ("plate_format = 384", "plate_format = 1536")
    with pytest.raises(InputError, match="A plate of 96 wells has no well of number 97"):
        wells(tmp_path, plate_format=96)


def test_wells_count_along_the_rows():
    assert [well_of(n, 384) for n in (1, 24, 25, 53, 384)] == ["A01", "A24", "B01", "C05", "P24"]
    assert [well_of(n, 96) for n in (12, 13, 96)] == ["A12", "B01", "H12"]
