"""Folders of an IN Cell Analyzer, with and without their ``.xdce``."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from phenolens.errors import UndecidedError
from phenolens.io.discovery.discover import discover
from phenolens.io.formats.incell import INCell, stain_names
from phenolens.io.integrate import integrate


def xdce(folder: Path, names: list[str], *, pixel: str = "0.3250") -> None:
    """A description that lists images by name, as IN Cell 2000 writes it."""
    images = "".join(
        f'<Image filename="{name}" thumbnail="t.jpg"><EmissionFilter name="x"/>'
        '<Identifier field_index="0" time_index="0" wave_index="0" z_index="0"/></Image>'
        for name in names
    )
    (folder / f"{folder.name}.xdce").write_bytes(
        '<?xml version="1.0" encoding="ISO-8859-1" standalone="no"?><ImageStack>'
        f'<AutoLeadAcquisitionProtocol><ObjectiveCalibration pixel_width="{pixel}" unit="\xb5m"/>'
        '<Plate columns="12" rows="8"/></AutoLeadAcquisitionProtocol>'
        f"<Images>{images}</Images></ImageStack>".encode("iso-8859-1")
    )


def write(folder: Path, write_plane, form: str, **parts) -> list[str]:
    names = [
        form.format(**dict(zip(parts, values, strict=True)))
        for values in itertools.product(*parts.values())
    ]
    for number, name in enumerate(names):
        write_plane(folder / name, value=number)
    return names


def test_wells_fields_and_stains_by_name(tmp_path, write_plane):
    write(tmp_path / "Plate 1", write_plane, "{w}(fld {f} wv {c}).tif",
          w=["A - 1", "A - 12", "H - 2"], f="12", c=["UV - DAPI", "Blue - FITC"])  # fmt: skip
    found = discover(tmp_path)
    assert found.images["layout"] == "incell"
    assert found.images["channels"] == ["FITC", "DAPI"] and found.images["nuclei"] == "DAPI"
    table = integrate(found.section(), tmp_path).images.table
    assert sorted(set(table["Metadata_Well"])) == ["A01", "A12", "H02"]
    assert len(table) == 6 and set(table["Metadata_Plate"]) == {"Plate 1"}
    assert table["Path_DAPI"].str.contains("wv UV - DAPI").all()


def test_a_plate_map_that_names_wells_as_the_instrument_does(tmp_path, write_plane):
    write(tmp_path, write_plane, "{w}(fld 1 wv {c}).tif",
          w=["A - 1", "A - 2"], c=["UV - DAPI"])  # fmt: skip
    (tmp_path / "platemap.txt").write_text("well\tcompound\nA - 1\tDMSO\nA - 2\tcpd2\n")
    wells = integrate(discover(tmp_path).section(), tmp_path).wells
    assert wells.set_index("Metadata_Well")["Metadata_Compound"].to_dict() == {
        "A01": "DMSO", "A02": "cpd2",
    }  # fmt: skip


def test_what_the_xdce_lists_and_is_not_there_is_in_the_ledger(tmp_path, write_plane):
    folder = tmp_path / "P"
    names = write(folder, write_plane, "{w}(fld 1 wv {c}).tif",
                  w=["A - 1", "A - 2", "B - 1"], c=["UV - DAPI", "Blue - FITC"])  # fmt: skip
    xdce(folder, names)
    for name in names:
        if name.startswith("B - 1"):
            (folder / name).unlink()
    found = discover(tmp_path)
    assert found.images["pixel_size_um"] == 0.325
    joined = integrate(found.section(), tmp_path)
    assert sorted(joined.images.table["Metadata_Well"]) == ["A01", "A02"]
    aside = {(one.well, one.channel, Path(one.file).name) for one in joined.ledger.set_aside}
    assert ("B01", "DAPI", "B - 1(fld 1 wv UV - DAPI).tif") in aside


@pytest.mark.parametrize("pixel", ["-0.3", "inf", "0", "", "wide"])
def test_a_pixel_size_that_is_none_is_left_out(tmp_path, write_plane, pixel):
    names = write(tmp_path / "P", write_plane, "A - 1(fld {f} wv UV - DAPI).tif", f="12")
    xdce(tmp_path / "P", names, pixel=pixel)
    assert "pixel_size_um" not in discover(tmp_path).images


def test_a_damaged_xdce_is_noted_and_the_names_are_read(tmp_path, write_plane):
    write(tmp_path / "P", write_plane, "A - 1(fld {f} wv UV - DAPI).tif", f="12")
    (tmp_path / "P" / "P.xdce").write_text("<ImageStack><Images>")
    found = discover(tmp_path)
    assert any("P.xdce is damaged, or no XML" in note for note in found.notes)
    assert len(integrate(found.section(), tmp_path).images.table) == 2


def test_planes_and_time_points_are_asked_about(tmp_path, write_plane):
    write(tmp_path / "P", write_plane, "A - 1(fld 1 wv UV - DAPI z {z} time {t} - 9ms).tif",
          z="123", t="12")  # fmt: skip
    settings = {question.setting for question in discover(tmp_path).questions}
    assert {"images.projection", "measurement"} <= settings
    found = discover(tmp_path).section() | {"measurement": "timepoint == 2"}
    with pytest.raises(UndecidedError, match="3 planes a field"):
        integrate(found, tmp_path)
    found["images"] |= {"projection": "max"}
    assert len(integrate(found, tmp_path).images.table) == 1


def test_a_stain_that_was_imaged_in_two_cycles_is_two_channels(tmp_path, write_plane):
    write(tmp_path / "P", write_plane, "{w}(fld 01 wv {c}).tif", w=["B - 02", "B - 03"],
          c=["Cy5 - Cy5 wix 4", "Cy5 - Cy5 wix 8", "DAPI - DAPI wix 1"])  # fmt: skip
    channels = discover(tmp_path).images["channels"]
    assert channels == ["Cy5 - Cy5 wix 4", "Cy5 - Cy5 wix 8", "DAPI"]


def test_names_of_stains():
    assert stain_names(["UV - DAPI", "TL-Brightfield - Cy3", "Green - Cy3"]) == {
        "UV - DAPI": "DAPI", "TL-Brightfield - Cy3": "TL-Brightfield", "Green - Cy3": "Cy3",
    }  # fmt: skip
    same = ["Red - Cy5", "Far - Cy5"]
    assert stain_names(same) == {name: name for name in same}


def test_one_wavelength_without_its_name(tmp_path):
    place = INCell().place(tmp_path / "A - 13(fld 2).tif")
    assert (place["well"], place["site"], place["channel"]) == ("A13", "2", "1")
