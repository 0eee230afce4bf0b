"""Images whose names a pattern of the study file reads."""

from __future__ import annotations

import itertools
import json

import pytest

from phenolens.changes import Change
from phenolens.errors import InputError
from phenolens.io.discovery.discover import discover
from phenolens.io.discovery.study_text import study_toml
from phenolens.io.integrate import integrate

CELLPROFILER = r"(?P<Plate>[^/]+)_(?P<Well>[A-P][0-9]{2})-(?P<Site>[0-9])-(?P<ChannelNumber>[0-9])"


@pytest.fixture
def screen(tmp_path, write_plane):
    for plate, well, site, (value, stain) in itertools.product(
        ("X1", "X2"), ("B02", "C11"), ("01", "02"), enumerate(("Hoechst", "WGA"))
    ):
        name = f"{well}_pos{site}_{stain}.tif"
        write_plane(tmp_path / plate / "images" / name, value=value)
    return tmp_path


def test_init_proposes_a_pattern_that_check_reads(screen):
    found = discover(screen)
    assert found.images["layout"] == "names"
    assert found.images["channels"] == ["Hoechst", "WGA"]
    assert found.images["nuclei"] == "Hoechst"
    (asked,) = [q for q in found.questions if q.setting == "images.pattern"]
    assert "X1/images/B02_pos01_Hoechst.tif" in asked.text
    text = study_toml(found)
    assert "# FILL IN: guessed from names such as" in text
    assert f"pattern = {json.dumps(found.images['pattern'])}" in text
    table = integrate(found.section(), screen).images.table
    assert sorted(set(table["Metadata_Plate"])) == ["X1", "X2"]
    assert len(table) == 8 and set(table["Metadata_Site"]) == {"01", "02"}
    assert table["Path_WGA"].str.endswith("_WGA.tif").all()


def test_a_pattern_as_cellprofiler_writes_it(tmp_path, write_plane, section):
    for well, number in itertools.product(("A01", "B12"), "12"):
        write_plane(tmp_path / f"exp_{well}-1-{number}.tif", value=int(number))
    write_plane(tmp_path / "readme.tif", value=0)
    images = {"layout": "names", "pattern": CELLPROFILER, "channels": ["DNA", "ER"]}
    joined = integrate(section(images=images), tmp_path)
    assert sorted(joined.images.table["Metadata_Well"]) == ["A01", "B12"]
    assert set(joined.images.table["Metadata_Plate"]) == {"exp"}
    notes = " ".join(join.note for join in joined.ledger.joins)
    assert "1 images whose names the pattern does not match were left out, such as readme" in notes


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        (None, "needs a pattern"),
        (r"(?P<well>[A-P]\d\d)__(?P<channel>\d)", "matches no name of the 16 images"),
        (r"(?P<channel>\w+)", "no group that names the well"),
        (r"(?P<well>pos)", "pattern finds in X1/images/B02_pos01_Hoechst: 'pos' is not a well"),
        (r"(?P<well>[A-P]\d\d)_(?P<plane>pos)", "finds the plane 'pos'"),
        (r"(?P<well>[A-P]\d\d)", "Two files for one field and channel"),
    ],
)
def test_a_pattern_that_does_not_fit_is_one_line(screen, section, pattern, says):
    images = {"layout": "names", "pattern": pattern}
    with pytest.raises(InputError, match=says) as caught:
        integrate(section(images=images), screen)
    assert "\n" not in str(caught.value)


def test_a_pattern_that_is_handed_in_is_not_asked_about(tmp_path, write_plane):
    for well, site, number in itertools.product(("A01", "B12"), "12", "12"):
        write_plane(tmp_path / f"{well}_{site}_{number}.tif", value=int(number))
    with pytest.raises(InputError, match="no names that we know"):
        discover(tmp_path)
    layout = Change(("data", "images", "layout"), "names")
    with pytest.raises(InputError, match="layout = 'names' needs a pattern"):
        discover(tmp_path, changes=[layout])
    pattern = r"(?P<well>[A-P]\d\d)_(?P<site>\d)_(?P<channel>\d)"
    changes = [layout, Change(("data", "images", "pattern"), pattern)]
    found = discover(tmp_path, changes=changes)
    assert found.images["pattern"] == pattern
    assert "images.pattern" not in {question.setting for question in found.questions}
    assert len(integrate(found.section(), tmp_path).images.table) == 4


def test_rows_and_columns_apart(tmp_path, write_plane, section):
    for column in ("01", "02"):
        write_plane(tmp_path / f"r03c{column}.tif", value=1)
    images = {"layout": "names", "pattern": r"r(?P<row>\d\d)c(?P<column>\d\d)"}
    table = integrate(section(images=images), tmp_path).images.table
    assert sorted(table["Metadata_Well"]) == ["C01", "C02"]


def test_names_that_say_nothing_are_shown_with_what_to_do(tmp_path, write_plane):
    for number in range(3):
        write_plane(tmp_path / f"image_{number}.tif", value=number)
    with pytest.raises(InputError) as caught:
        discover(tmp_path)
    said = str(caught.value)
    assert "3 image files (image_0.tif and image_1.tif)" in said
    assert "layout = 'names', pattern = '(?P<well>" in said and "\n" not in said


def test_outlines_and_masks_are_no_screen(tmp_path, write_plane):
    for well, kind in itertools.product(("A01", "A02"), ("cell_outlines", "nuclei_outlines")):
        write_plane(tmp_path / f"{well}_s1--{kind}.png.tif", value=1)
    with pytest.raises(InputError, match="no names that we know"):
        discover(tmp_path)


def test_the_own_form_of_an_arrayscan_is_refused_with_what_to_do(tmp_path):
    for field in range(2):
        (tmp_path / f"MFGTMP-PC140320150001_A01f0{field}d0.C01").write_bytes(b"\x10\x00\x00\x00")
    with pytest.raises(InputError, match=r"holds 2 images of a CellInsight.*\.C01.*bfconvert"):
        discover(tmp_path)


def test_files_of_another_instrument_among_them_are_named(tmp_path, write_plane):
    for well in ("A01", "A02", "B01"):
        write_plane(tmp_path / f"P1_{well}_s1_w1.tif", value=1)
    write_plane(tmp_path / "A - 1(fld 1 wv UV - DAPI).tif", value=1)
    found = discover(tmp_path)
    assert found.images["layout"] == "imagexpress"
    (other,) = [one for one in found.unused if one.code == "unused-other-naming"]
    assert other.about["file"] == "A - 1(fld 1 wv UV - DAPI).tif"
