"""Names with brackets, quotes, accents and links are files like any other."""

from __future__ import annotations

import os
import tomllib
import unicodedata
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phenolens.config import Study, read_study
from phenolens.errors import ConfigError, InputError
from phenolens.images import read_file
from phenolens.io.discovery.discover import discover, study_toml
from phenolens.io.discovery.patterns import pattern
from phenolens.io.integrate import integrate
from phenolens.io.paths import ImageFinder, expand, read_tables, real_paths
from phenolens.io.treatments import read_treatments

ODD = "screen [1] #2 'q' \"d\" {x} é"


def write_plates(folder: Path, write_plane, *, images: str = "im[a]") -> None:
    """Two plates, a LoadData table each, with paths of another machine; and a plate map."""
    for plate in ("P [1]", "P [2]"):
        rows = []
        for well in ("A01", "A02"):
            name = f"{well} s1 #1 é.tif"
            write_plane(folder / plate / images / name, value=1)
            place = {"Metadata_Plate": plate, "Metadata_Well": well}
            there = f"D:\\data\\{plate}\\{images}"
            rows.append(place | {"FileName_OrigDNA": name, "PathName_OrigDNA": there})
        pd.DataFrame(rows).to_csv(folder / plate / "load_data.csv", index=False)
    table = pd.DataFrame({"well": ["A01", "A02"], "compound": ["DMSO", "x"]})
    table.to_csv(folder / "plate map [x].csv", index=False)


@pytest.mark.parametrize("name", [ODD, "plain", "a*b?"])
def test_a_screen_in_a_folder_of_any_name_runs_unedited(tmp_path, write_plane, name):
    write_plates(tmp_path / name, write_plane)
    found = discover(tmp_path / name)
    assert found.unused == ()
    text = study_toml(found, relative_to=tmp_path)
    data = Study.model_validate(tomllib.loads(text)).data.model_dump()
    screen = integrate(data, tmp_path)
    assert len(screen.images) == 4
    assert screen.wells["Metadata_Compound"].tolist() == ["DMSO", "x"] * 2


def test_many_files_below_brackets_are_one_pattern(tmp_path, write_plane):
    for number in range(1, 8):
        folder = tmp_path / "all [raw]" / f"P{number}"
        write_plane(folder / "a.tif", value=1)
        row = {"Metadata_Plate": f"P{number}", "Metadata_Well": "A01", "FileName_DNA": "a.tif"}
        pd.DataFrame([row]).to_csv(folder / "load_data.csv", index=False)
    found = discover(tmp_path)
    assert found.images["table"] == "all [[]raw]/P*/load_data.csv"
    text = study_toml(discover(tmp_path / "all [raw]"), relative_to=tmp_path)
    data = Study.model_validate(tomllib.loads(text)).data.model_dump()
    assert data["images"]["table"] == "all [[]raw]/P*/load_data.csv"
    assert len(integrate(data, tmp_path).images) == 7


@pytest.mark.parametrize(("table", "disk"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFC", "NFC")])
def test_accents_may_be_written_in_two_ways(tmp_path, write_plane, table, disk):
    name, folder = "Zürich_A01.TIF", "Bündel"
    write_plane(
        tmp_path / unicodedata.normalize(disk, folder) / unicodedata.normalize(disk, name), value=1
    )
    row = {"Metadata_Plate": "P1", "Metadata_Well": "A01"}
    row |= {"FileName_DNA": unicodedata.normalize(table, name).lower()}
    row |= {"PathName_DNA": f"/home/me/{unicodedata.normalize(table, folder)}"}
    pd.DataFrame([row]).to_csv(tmp_path / "load_data.csv", index=False)
    found = discover(tmp_path)
    assert (found.findings, found.unused) == ((), ())
    assert len(integrate(found.section(), tmp_path).images) == 1


def test_of_two_names_alike_but_for_their_letters_neither_is_guessed(tmp_path, write_plane):
    for name in ("a01.tif", "A01.tif"):
        write_plane(tmp_path / name, value=1)
    finder = ImageFinder([tmp_path])
    assert finder.find("A01.TIF")[1] is False
    assert finder.find("A01.tif") == (str(tmp_path / "A01.tif"), True)


def test_images_behind_linked_folders_are_found(tmp_path, fields):
    (tmp_path / "images").rename(tmp_path / "disk")
    (tmp_path / "images").symlink_to(tmp_path / "disk")
    found = discover(tmp_path)
    assert len(integrate(found.section(), tmp_path).images) == 16
    assert {one.code for one in found.unused} <= {"unused-seen", "unused-not-listed"}


def test_links_lead_to_their_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.tif").write_text("x")
    (tmp_path / "a" / "y.tif").symlink_to("x.tif")
    (tmp_path / "b").symlink_to("a")
    paths = [f"{tmp_path}/{name}" for name in ("a/x.tif", "a/y.tif", "b/y.tif", "none.tif", "a/..")]
    assert real_paths([*paths, "/", "z"]) == {
        path: os.path.realpath(path) for path in [*paths, "/", "z"]
    }


NAMES = st.lists(
    st.text(
        st.characters(codec="utf-8", exclude_characters="/\\\0", exclude_categories=["Cs", "Cc"]),
        min_size=1, max_size=6,
    ).filter(lambda name: name not in (".", "..")),
    min_size=1, max_size=5, unique=True,
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(names=NAMES, others=NAMES)
def test_a_pattern_means_exactly_its_files(tmp_path_factory, names, others):
    source = tmp_path_factory.mktemp("any")
    for name in {*names, *others}:
        (source / name).write_text("x")
    paths = [source / name for name in names]
    assert sorted(expand(pattern(paths, source), source)) == sorted(paths)


def test_a_link_that_leads_nowhere_is_named(tmp_path):
    """As git-annex leaves them where a file was not fetched: the others are not all there is."""
    (tmp_path / "a.csv").touch()
    (tmp_path / "b.csv").symlink_to("not-fetched")
    for asked in ("*.csv", "**/b.csv"):
        with pytest.raises(InputError, match=r"b\.csv is a link to a file that is not there"):
            expand(asked, tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")
def test_a_pipe_is_no_file(tmp_path):
    """Nobody may ever write into it: a run would wait for ever."""
    os.mkfifo(tmp_path / "pipe.csv")
    for asked in ("*.csv", "pipe.csv"):
        with pytest.raises(InputError, match=r"pipe\.csv is a pipe or a device, and no file"):
            expand(asked, tmp_path)
    with pytest.raises(InputError, match="a pipe or a device"):
        read_file(tmp_path / "pipe.csv")
    with pytest.raises(ConfigError, match="a pipe or a device"):
        read_study(tmp_path / "pipe.csv")


@pytest.mark.parametrize("name", ["x" * 5000, "9" * 5000, "x" * 5000 + "*.csv"])
def test_a_name_too_long_for_a_file_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"is no file to read: File name too long|No file matches"):
        expand(name, tmp_path)
    with pytest.raises(InputError):
        read_treatments(name)


def test_tables_of_one_pattern_that_have_nothing_in_common_are_refused(tmp_path):
    for name, text in {"a.csv": "Plate,Well\nP1,A01\n", "b.csv": "size,oid\n1,2\n"}.items():
        (tmp_path / name).write_text(text)
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    with pytest.raises(
        InputError, match=r"b\.csv has none of the columns of .*a\.csv: it holds oid"
    ):
        read_tables(paths)
    (tmp_path / "b.csv").write_text("Plate,Well,dose\nP2,A01,1\n")
    assert read_tables(paths)[0]["Plate"].tolist() == ["P1", "P2"]
