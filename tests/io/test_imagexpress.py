"""Folders of an ImageXpress, as MetaXpress, its database, IN Carta and the HCS.ai write them."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from phenolens.changes import Change
from phenolens.errors import InputError, UndecidedError
from phenolens.io.discovery.discover import discover
from phenolens.io.formats.imagexpress import ImageXpress
from phenolens.io.images.files import find_files
from phenolens.io.integrate import integrate
from phenolens.profiles import row_letters

METASERIES = (
    '<MetaData><prop id="ApplicationName" type="string" value="MetaMorph"/><PlaneInfo>'
    '<prop id="spatial-calibration-state" type="bool" value="{state}"/>'
    '<prop id="spatial-calibration-x" type="float" value="{size}"/>'
    '<prop id="spatial-calibration-units" type="string" value="{unit}"/>'
    '<prop id="image-name" type="string" value="{name}"/>'
    '<prop id="_IllumSetting_" type="string" value="{name}"/></PlaneInfo></MetaData>'
)
HTD = """"HTSInfoFile", Version 1.0
"XWells", 12
"YWells", 8
"WellsSelection1", TRUE, TRUE
"Sites", TRUE
"XSites", 2
"YSites", 1
"NWavelengths", 2
"WaveName1", "{first}"
"WaveName2", "{second}"
"EndFile"
"""


def guid(*parts: object) -> str:
    return str(uuid5(NAMESPACE_URL, "/".join(map(str, parts)))).upper()


def image(path: Path, *, value: int = 7, description: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    software = None if description is None else "MetaSeries"
    pixels = np.full((4, 5), value, np.uint16)
    tifffile.imwrite(path, pixels, description=description, software=software)


def plate(
    folder: Path, name: str, *, waves: str = "12", sites: str = "12", steps: tuple[str, ...] = ("",)
) -> None:
    """Two wells with thumbnails beside the images, as the database exports them."""
    for step, well, site, wave in itertools.product(steps, ("A01", "A02"), sites, waves):
        stem = f"{name}_{well}_s{site}_w{wave}"
        where = folder / step
        image(where / f"{stem}{guid(folder, step, stem)}.tif", value=int(wave))
        image(where / f"{stem}_thumb{guid(folder, step, stem, 1)}.tif", value=99)


@given(
    prefix=st.sampled_from(["", "P1_", "240124d3_", "Projection-Mix_", "A01-2_", "screen_t2_"]),
    row=st.integers(0, 31),
    column=st.integers(1, 48),
    site=st.one_of(st.none(), st.integers(1, 40)),
    wave=st.one_of(st.none(), st.integers(1, 12)),
    unique=st.uuids(),
    brackets=st.booleans(),
)
def test_names_round_trip(prefix, row, column, site, wave, unique, brackets):
    well = f"{row_letters(row)}{column:02d}"
    s, w = (f"_{k}{n}" if n else "" for k, n in (("s", site), ("w", wave)))
    tail = f"_[{unique}]" if brackets else str(unique).upper()
    place = ImageXpress().place(Path("Plate 7") / f"{prefix}{well}{s}{w}{tail}.tif")
    said = {"well": well, "site": str(site or 1), "channel": str(wave or 1)}
    assert {key: place[key] for key in said} == said
    assert place["plate"] == (prefix.rstrip("_") or "Plate 7")


def test_a_plate_with_time_points_and_thumbnails(tmp_path):
    plate(tmp_path / "PLATE1", "PLATE1", steps=("TimePoint_1",))
    found = discover(tmp_path)
    assert found.images["layout"] == "imagexpress"
    assert found.images["channels"] == ["channel1", "channel2"]
    (thumbnails,) = [one for one in found.unused if one.code == "unused-thumbnail"]
    assert thumbnails.values["files"] == 8
    table = integrate(found.section(), tmp_path).images.table
    assert sorted(table["Metadata_Well"]) == ["A01", "A01", "A02", "A02"]
    assert set(table["Metadata_Plate"]) == {"PLATE1"}
    assert not table["Path_channel1"].str.contains("_thumb").any()


def test_the_htd_names_the_wavelengths_and_says_what_is_missing(tmp_path):
    image(tmp_path / "P" / "P_A01_s1_w1.TIF")
    image(tmp_path / "P" / "P_A01_s1_w2.TIF")
    text = HTD.format(first="DAPI \xb5", second="Cy5/647").replace("\n", "\r\n")
    (tmp_path / "P" / "P.HTD").write_bytes(text.encode("cp1252"))
    found = discover(tmp_path)
    assert found.images["channels"] == ["DAPI µ", "Cy5-647"]
    assert found.images["nuclei"] == "DAPI µ"
    assert not [q for q in found.questions if q.setting == "images.channels"]
    assert any("announces 2 wells of P; without an image: 1 (A02)." in n for n in found.notes)
    assert any("announces 2 sites a well of P; wells with fewer: 1" in n for n in found.notes)


def test_a_wavelength_that_the_htd_announces_and_nobody_copied_is_named(tmp_path):
    plate(tmp_path / "P", "P", waves="1")
    (tmp_path / "P" / "P.HTD").write_text(HTD.format(first="DAPI", second="Cy5/647"))
    found = discover(tmp_path)
    assert found.images["channels"] == ["DAPI"]
    told = "P.HTD announces 2 wavelengths of P; without an image: Cy5/647 (w2)"
    assert [note for note in found.notes if "announces" in note] == [told]


def test_the_file_of_another_instrument_with_this_ending_is_noted(tmp_path):
    plate(tmp_path / "P", "P")
    (tmp_path / "P" / "P.HTD").write_text("Time,Temperature\n0,37\n")
    found = discover(tmp_path)
    assert found.images["channels"] == ["channel1", "channel2"]
    assert any("P.HTD is no plate description of MetaXpress" in note for note in found.notes)


def test_plates_that_name_their_wavelengths_differently_are_asked_about(tmp_path):
    for name, order in (("P1", ("DAPI", "FITC")), ("P2", ("FITC", "DAPI"))):
        plate(tmp_path / name, name)
        (tmp_path / name / f"{name}.HTD").write_text(HTD.format(first=order[0], second=order[1]))
    asked = [q.text for q in discover(tmp_path).questions if q.setting == "images.channels"]
    assert "w1 is DAPI in P1 but FITC in P2" in asked[0]


def test_one_site_and_one_wavelength_need_a_folder_or_an_htd(tmp_path):
    names = [f"20220527-p02-KTR_{well}.TIF" for well in ("A01", "B01")]
    for name in names:
        image(tmp_path / "20220527-p02-KTR_744" / name)
    assert ImageXpress().place(tmp_path / "20220527-p02-KTR_744" / names[0]) is None
    for name in names:
        image(tmp_path / "timed" / "TimePoint_1" / name)
    place = ImageXpress().place(tmp_path / "timed" / "TimePoint_1" / names[0])
    assert (place["plate"], place["well"], place["site"]) == ("20220527-p02-KTR", "A01", "1")


def test_planes_and_projections_of_one_acquisition(tmp_path):
    # w1 as a stack with its projection beside it, w2 as a projection alone: Projection-Mix of faim
    folder = tmp_path / "Projection-Mix" / "2023-02-21" / "1334"
    for well, site in itertools.product(("E07", "E08"), "12"):
        stem = f"Projection-Mix_{well}_s{site}_w"
        for step in range(1, 11):
            image(folder / f"ZStep_{step}" / f"{stem}1{guid(stem, step)}.tif", value=step)
        image(folder / f"{stem}1{guid(stem, 'p')}.tif", value=10)
        image(folder / f"{stem}2{guid(stem, 'q')}.tif", value=55)
    found = discover(tmp_path)
    notes = " ".join(found.notes)
    assert "4 projections of MetaXpress, beside 4 stacks of planes, were left out" in notes
    assert "w2: one image a field stands for all planes of the other wavelengths" in notes
    (asked,) = [q for q in found.questions if q.setting == "images.projection"]
    assert "10 planes a field (Metadata_plane: 1, 2, 3, 4, 5, ...)" in asked.text
    section = found.section()
    with pytest.raises(UndecidedError, match="10 planes a field"):
        integrate(section, tmp_path)
    section["images"] |= {"projection": 3}
    table = integrate(section, tmp_path).images.table
    assert len(table) == 4 and set(table["Metadata_Plate"]) == {"Projection-Mix"}
    assert table["Path_channel1"].str.contains("/ZStep_3/").all()
    assert not table["Path_channel2"].str.contains("ZStep").any()


def test_what_was_found_is_told_in_lines(tmp_path):
    plate(tmp_path / "P", "P", sites="1")
    lines = discover(tmp_path).lines()
    assert "images: below ., stains channel1, channel2" in lines
    assert not [line for line in lines if "label images" in line]


def test_acquisitions_of_one_plate_by_number_are_measurements(tmp_path):
    for number in ("3433", "3434"):
        plate(tmp_path / "timeseries" / "2024-01-08" / number, "Plate", sites="1")
    (asked,) = [q for q in discover(tmp_path).questions if q.setting == "measurement"]
    assert "3433, 3434" in asked.text
    apart = '[data.columns] plate = "Metadata_measurement"'
    assert f"If they are different plates: {apart}." in asked.text
    found = discover(
        tmp_path, changes=[Change(("data", "columns", "plate"), "Metadata_measurement")]
    )
    assert "measurement" not in [question.setting for question in found.questions]
    table = integrate(found.section(), tmp_path).images.table
    assert sorted(set(table["Metadata_Plate"])) == ["3433", "3434"]


@pytest.mark.parametrize("per_wave", [False, True])
def test_plates_that_share_one_name_are_told_by_their_folders(tmp_path, per_wave):
    # IXMtest_A01_... of BBBC022: one archive a plate and wavelength
    for number, wave in itertools.product(("20585", "20586"), "12"):
        folder = tmp_path / (f"BBBC022_images_{number}" + (f"w{wave}" if per_wave else ""))
        plate(folder, "IXMtest", waves=wave, sites="1")
    found = discover(tmp_path)
    table = integrate(found.section(), tmp_path).images.table
    assert sorted(set(table["Metadata_Plate"])) == ["BBBC022_images_20585", "BBBC022_images_20586"]
    assert len(table) == 4


def test_plates_in_one_folder_are_told_by_their_names(tmp_path):
    for name in ("P1", "P2"):
        plate(tmp_path / "images", name, sites="1")
    table = integrate(discover(tmp_path).section(), tmp_path).images.table
    assert sorted(set(table["Metadata_Plate"])) == ["P1", "P2"]


@pytest.mark.parametrize(
    ("state", "size", "unit", "expected"),
    [("on", "0.7032", "um", 0.7032), ("off", "0.7032", "um", None), ("on", "-1", "um", None),
     ("on", "inf", "um", None), ("on", "wide", "um", None), ("on", "1", "pixel", None)],
)  # fmt: skip
def test_filters_and_pixel_size_in_the_tiff(tmp_path, state, size, unit, expected):
    for wave, name in (("1", "Cy5"), ("2", "DAPI")):
        described = METASERIES.format(state=state, size=size, unit=unit, name=name)
        image(tmp_path / "P" / f"HTS_A01_s1_w{wave}{guid(wave)}.tif", description=described)
    found = discover(tmp_path)
    assert found.images["channels"] == ["Cy5", "DAPI"]
    assert found.images.get("pixel_size_um") == expected


def test_an_export_to_in_carta(tmp_path):
    for well, wave in itertools.product(("E03", "E04"), "12"):
        image(tmp_path / "Plate 1" / f"t1_{well}_s1_w{wave}_z1.tif")
    listed = "".join(
        f'<Image filename="t1_E03_s1_w{wave}_z1.tif"><EmissionFilter name="{name}"/></Image>'
        for wave, name in (("1", "DAPI"), ("2", "FITC"))
    )
    pixel = '<AutoLeadAcquisitionProtocol><ObjectiveCalibration pixel_width="0.65" unit="um"/>'
    (tmp_path / "Plate 1" / "Plate 1.xdce").write_text(
        f"<ImageStack>{pixel}</AutoLeadAcquisitionProtocol><Images>{listed}</Images></ImageStack>"
    )
    found = discover(tmp_path)
    assert (found.images["layout"], found.images["pixel_size_um"]) == ("imagexpress", 0.65)
    assert found.images["channels"] == ["DAPI", "FITC"]
    table = integrate(found.section(), tmp_path).images.table
    assert set(table["Metadata_Plate"]) == {"Plate 1"}


def test_an_hcs_ai_counts_from_zero(tmp_path):
    for well, wave in itertools.product(("A01", "AF48"), "01"):
        image(tmp_path / "timepoint0" / f"Screen_t0_{well}_s0_w{wave}_z0.tif")
    waves = [{"Index": n, "EmissionFilter": {"Name": name}} for n, name in enumerate(("TL", "DNA"))]
    protocol = {"ObjectiveCalibration": {"PixelWidth": 0.3}, "Wavelengths": waves}
    stack = {"PlateId": "Screen", "AutoLeadAcquisitionProtocol": protocol}
    (tmp_path / "Screen.jdce").write_text(json.dumps({"ImageStack": stack}))
    found = discover(tmp_path)
    assert found.images["channels"] == ["TL", "DNA"]
    table = integrate(found.section(), tmp_path).images.table
    assert table["Metadata_Well"].tolist() == ["A01", "AF48"]


def test_projections_and_planes_of_an_hcs_ai_are_measurements(tmp_path):
    # folders as fractal-uzh-converters tells them: projections lie in experiment/
    for run, well in itertools.product(("Paint_240101", "Paint_240102"), ("C05", "C06")):
        for mode, plane in (("experiment", 0), *(("experiment_z_stack", z) for z in range(3))):
            name = f"Paint_t0_{well}_s0_w0_z{plane}.tif"
            image(tmp_path / run / mode / "timepoint0" / name)
    found = discover(tmp_path)
    (asked,) = [q for q in found.questions if q.setting == "measurement"]
    assert "experiment, experiment_z_stack" in asked.text
    section = found.section() | {"measurement": "measurement == 'experiment'"}
    table = integrate(section, tmp_path).images.table
    assert sorted(set(table["Metadata_Plate"])) == ["Paint_240101", "Paint_240102"]
    assert len(table) == 4 and table["Path_channel0"].str.contains("/experiment/").all()


def test_a_wavelength_that_was_not_finished_is_set_aside_by_its_file(tmp_path, section):
    plate(tmp_path, "P", sites="1")
    next(tmp_path.glob("P_A02_s1_w2[0-9A-F]*.tif")).unlink()
    joined = integrate(section(images={"layout": "imagexpress"}), tmp_path)
    assert joined.images.table["Metadata_Well"].tolist() == ["A01"]
    (aside,) = [one for one in joined.ledger.set_aside if one.channel == "channel2"]
    assert (aside.plate, aside.well, aside.site) == ("P", "A02", "1")


def test_two_files_of_one_field_and_wavelength_are_refused(tmp_path):
    for part in "ab":
        image(tmp_path / "P" / f"P_A01_s1_w1{guid(part)}.tif")
    located = ImageXpress()
    with pytest.raises(InputError, match="Two files for one field and channel"):
        located.locate_below(tmp_path, {"channels": []})


def test_files_are_found_where_they_lie(tmp_path):
    plate(tmp_path / "P", "P", sites="1")
    located = ImageXpress().locate_below(tmp_path, {"channels": ["DNA", "ER"]})
    paths, missing = find_files(located, [tmp_path])
    assert not any(absent.any() for absent in missing.values())
    assert [tifffile.imread(path)[0, 0] for path in paths["ER"]] == [2, 2]
