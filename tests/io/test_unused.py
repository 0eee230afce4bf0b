"""What a study makes no use of is told, each file once, with the reason."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import phenolens as pl
from phenolens.errors import InputError
from phenolens.io.discovery.discover import discover
from phenolens.io.discovery.proposal import Discovery
from phenolens.io.discovery.tree import Unused, look_around
from phenolens.io.discovery.unused import unused_findings
from phenolens.simulate import simulate_profiles


def texts(found: Discovery) -> list[str]:
    return [one.text for one in found.unused]


def codes(found: Discovery) -> dict[str, str]:
    return {one.about["file"]: one.code for one in found.unused}


@pytest.fixture
def screen(tmp_path, fields, platemap) -> Path:
    """Two plates of images, their table and their plate map."""
    return tmp_path


def test_what_is_read_is_not_listed(screen):
    assert discover(screen).unused == ()


def test_thumbnails_documents_archives_and_pipelines(screen, write_plane):
    for plate in (1, 2):
        for site in (1, 2):
            write_plane(screen / "images" / f"P{plate}_A01_s{site}_w1_thumb.tif", value=1)
    (screen / "notes.docx").write_bytes(b"PK")
    (screen / "raw.tar.gz").write_bytes(b"x")
    (screen / "analysis.cppipe").write_text("CellProfiler Pipeline")
    (screen / "load.log").write_text("")
    assert texts(discover(screen)) == [
        "load.log: empty (0 bytes).",
        "analysis.cppipe: a CellProfiler pipeline.",
        "notes.docx: no table or image that we read.",
        "raw.tar.gz: an archive; unpack it.",
        "4 files images/P*_w1_thumb.tif: thumbnails.",
    ]


def test_a_plate_map_of_another_plate_says_which_plates_it_has(screen):
    frame = pd.DataFrame({"plate": "PL9", "well": ["A01", "A02"], "compound": "x"})
    frame.to_csv(screen / "platemap_old.csv", index=False)
    assert texts(discover(screen)) == [
        "platemap_old.csv: none of its plates (PL9) is in the screen; the screen has P1, P2."
    ]


def test_of_plate_maps_alike_those_of_other_plates_are_left_out(screen):
    (screen / "platemap.csv").unlink()
    for plate in ("P1", "P2", "P3"):
        frame = pd.DataFrame({"plate": plate, "well": ["A01", "A02"], "compound": ["DMSO", "x"]})
        frame.to_csv(screen / f"map_{plate}.csv", index=False)
    found = discover(screen)
    assert found.tables[0]["file"] == ["map_P1.csv", "map_P2.csv"]
    assert codes(found) == {"map_P3.csv": "unused-other-plates"}


@pytest.mark.parametrize("plate", [None, "P1"])
def test_two_maps_that_contradict_each_other_are_both_named(screen, platemap, plate):
    if plate:
        platemap = platemap.assign(plate=plate)
        platemap.to_csv(screen / "platemap.csv", index=False)
    platemap[::-1].to_csv(screen / "platemap_new.csv", index=False)
    platemap.assign(compound=platemap["compound"].to_numpy()[::-1]).to_csv(
        screen / "platemap_old.csv", index=False
    )
    found = discover(screen)
    assert found.tables == ()
    assert codes(found) == {
        "platemap.csv": "unused-contradicts", "platemap_new.csv": "unused-repeats",
        "platemap_old.csv": "unused-contradicts",
    }  # fmt: skip
    told = next(text for text in texts(found) if text.startswith("platemap_old.csv"))
    assert "says something else of the same wells (" in told
    assert "A01) than platemap.csv" in told


def test_of_two_maps_alike_one_is_used(screen, platemap):
    platemap.to_csv(screen / "platemap_copy.csv", index=False)
    found = discover(screen)
    assert found.tables[0]["file"] == "platemap.csv"
    assert texts(found) == ["platemap_copy.csv: says the same as platemap.csv, which is used."]


def test_maps_of_parts_of_a_plate_are_read_together(screen, platemap):
    platemap.assign(plate="P1")[:2].to_csv(screen / "platemap.csv", index=False)
    platemap.assign(plate="P1")[2:].to_csv(screen / "platemap_2.csv", index=False)
    found = discover(screen)
    assert found.tables[0]["file"] == "platemap*.csv"
    assert found.unused == ()


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"well": ["H12"], "compound": ["x"]}, "none of its wells (H12) is in the screen"),
        ({"day": [1], "who": ["me"]}, "no column names wells, plates or compounds of the screen"),
        ({"compound": ["other"], "moa": ["y"]}, "none of the values of its compound (other)"),
        ({"well": ["A01"], "temperature": [37]}, "says nothing that the study asks for"),
        ({"well": ["A01", "A01"], "compound": ["x", "y"]}, "several rows a well (A01)"),
        ({"one": ["a", "b"]}, "no table of two or more columns"),
        ({"well": [], "compound": []}, "a header, but no rows"),
    ],
)
def test_a_table_that_is_not_joined_says_why(screen, table, text):
    pd.DataFrame(table).to_csv(screen / "extra.csv", index=False)
    found = discover(screen)
    assert list(codes(found)) == ["extra.csv"]
    assert text in texts(found)[0]


def test_a_damaged_table_is_named_and_its_neighbours_are_read(screen, fields):
    shutil.copy(screen / "load_data.csv", screen / "load_data2.csv")
    (screen / "load_data.csv").unlink()
    (screen / "load_data1.csv").write_bytes(b"\x1f\x8b\x00broken")
    (screen / "p.parquet").write_bytes(b"PAR1 broken PAR1")
    found = discover(screen)
    assert found.images["table"] == "load_data2.csv"
    assert {"load_data1.csv", "p.parquet"} == set(codes(found))


def test_images_that_no_row_names(screen, write_plane):
    for number in range(5):
        write_plane(screen / "images" / f"P3_A0{number}_s1_w0.tif", value=1)
    assert texts(discover(screen)) == [
        "5 files images/P3_A*_s1_w0.tif: no row of load_data.csv names them."
    ]


def test_label_images_are_told_by_their_folder_too(screen, write_plane):
    write_plane(screen / "labels" / "P1_A01_nuclei.tif", value=1)
    assert codes(discover(screen)) == {"labels/P1_A01_nuclei.tif": "unused-drawn"}


def test_a_second_table_of_images_is_told(screen, fields):
    fields.iloc[:, :5].rename(columns={"Metadata_Plate": "Plate"}).to_csv(
        screen / "subset.csv", index=False
    )
    assert codes(discover(screen)) == {"subset.csv": "unused-image-table"}


def test_a_table_whose_images_are_elsewhere_is_refused_with_what_it_lists(tmp_path):
    folder = "s3://bucket/images/P1/"
    rows = [
        {"Metadata_Plate": "P1", "Metadata_Well": f"A0{n}"}
        | {f"FileName_Orig{c}": f"{n}{c}.tif" for c in ("DNA", "ER")}
        | {f"PathName_Orig{c}": folder for c in ("DNA", "ER")}
        for n in range(1, 4)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "load_data.csv", index=False)
    with pytest.raises(InputError) as refused:
        discover(tmp_path)
    assert "load_data.csv: a CellProfiler LoadData table, 3 fields x 2 stains; none of" in str(
        refused.value
    )
    assert f"(such as {folder}1DNA.tif); looked below {tmp_path}." in str(refused.value)


def test_beside_profiles_such_a_table_is_listed(tmp_path):
    row = {"Metadata_Plate": "P1", "Metadata_Well": "A01", "URL_OrigDNA": "https://x/a.tif"}
    pd.DataFrame([row]).to_csv(tmp_path / "load_data.csv", index=False)
    wells = [f"A{n:02d}" for n in range(1, 13)]
    frame = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": wells, "compound": "DMSO"})
    frame[[f"f{k}" for k in range(8)]] = np.random.default_rng(0).normal(size=(12, 8))
    frame.to_csv(tmp_path / "profiles.csv", index=False)
    found = discover(tmp_path)
    assert found.images is None
    assert codes(found) == {"load_data.csv": "unused-images-elsewhere"}


def test_images_of_which_some_are_here_are_counted(screen):
    for path in sorted((screen / "images").iterdir())[:3]:
        path.unlink()
    text = discover(screen).findings[0].text
    assert text.startswith("load_data.csv: 3 of 32 image files are not here, such as ")


def test_fields_that_lack_a_stain_are_counted(tmp_path, write_plane):
    for site, channels in ((1, (1, 2)), (2, (1,)), (3, (1, 2))):
        for channel in channels:
            name = f"r01c02f{site:02d}p01-ch{channel}sk1fk1fl1.tiff"
            write_plane(tmp_path / "BR9" / "Images" / name, value=channel)
    assert [one.text for one in discover(tmp_path).findings] == [
        "1 of 3 fields lack a stain (channel2: 1), such as BR9 A02 site 2; they are left out."
    ]


def test_plates_of_all_profile_files_count(tmp_path):
    wells = [f"A{n:02d}" for n in range(1, 13)]
    for plate in ("BR1", "BR2"):
        frame = pd.DataFrame({"Metadata_Plate": plate, "Metadata_Well": wells})
        frame[[f"f{k}" for k in range(8)]] = np.random.default_rng(0).normal(size=(12, 8))
        frame.to_csv(tmp_path / f"{plate}.csv", index=False)
        table = pd.DataFrame({"Plate": plate, "Well": wells, "compound": "DMSO"})
        table.to_csv(tmp_path / f"map_{plate}.tsv", sep="\t", index=False)
    found = discover(tmp_path)
    assert found.tables[0]["file"] == "map_BR*.tsv"
    assert found.unused == ()


NAMES = st.lists(
    st.tuples(
        st.sampled_from(["", "a/", "a/b/", "c d/"]),
        st.from_regex(r"[A-Z]{1,2}[0-9]{0,3}_?[a-z]{0,3}", fullmatch=True),
        st.sampled_from([".tif", ".csv", ".log", "", ".thumb.tif"]),
    ).map("".join),
    min_size=1, max_size=30, unique=True,
)  # fmt: skip


@given(paths=NAMES, code=st.sampled_from(["unused-kind", "unused-thumbnail", "unused-empty"]))
def test_counting_loses_no_file(paths, code):
    found = unused_findings(Unused(path, code) for path in paths)
    assert sum(one.values["files"] for one in found) == len(paths)
    named = [one.about["file"] for one in found if one.values["files"] == 1]
    assert set(named) <= set(paths)
    assert all(one.text.endswith(".") for one in found)


def test_each_file_is_used_or_told(screen, write_plane):
    """The law: nothing of a folder is passed over in silence."""
    write_plane(screen / "images" / "extra.tif", value=1)
    for name in ("a.docx", "b.log", ".hidden", "readme.txt", "c.csv"):
        (screen / name).write_text("some, words\nmore")
    (screen / "void.csv").write_text("")
    found, tree = discover(screen), look_around(screen)
    told = sum(one.values["files"] for one in found.unused)
    assert len(tree.files) + len(tree.unused) == told + len(list(screen.glob("images/P*"))) + 2


def test_illumination_functions_that_are_not_here_are_told(screen, fields):
    named = {f"FileName_Illum{c}": f"{c}.npy" for c in ("DNA", "ER")}
    fields.assign(**named).to_csv(screen / "load_data.csv", index=False)
    np.save(screen / "DNA.npy", np.ones((6, 8)))
    assert [one.text for one in discover(screen).findings] == [
        "the illumination functions that 16 of 16 fields name (ER) are not here; they are "
        "estimated instead."
    ]


def test_names_without_a_folder_are_found_where_they_all_lie(screen, fields):
    (screen / "tables").mkdir()
    (screen / "load_data.csv").unlink()
    plain = fields.drop(columns=[name for name in fields if name.startswith("PathName")])
    plain.to_csv(screen / "tables" / "load_data.csv", index=False)
    found = discover(screen)
    assert (found.images["layout"], found.images["root"]) == ("load_data", "images")
    assert (found.unused, found.findings) == ((), ())


def test_tables_of_other_plates_built_alike_are_read_together(screen, fields):
    (screen / "load_data.csv").unlink()
    for plate, path in (("P1", "first.csv"), ("P2", "deep/er/second.csv")):
        (screen / path).parent.mkdir(parents=True, exist_ok=True)
        fields[fields["Metadata_Plate"] == plate].to_csv(screen / path, index=False)
    found = discover(screen)
    assert sorted(found.images["table"]) == ["deep/er/second.csv", "first.csv"]
    assert (found.unused, found.findings) == ((), ())


def test_a_plate_whose_stains_are_called_otherwise_is_told(screen, fields):
    first, second = (fields[fields["Metadata_Plate"] == plate] for plate in ("P1", "P2"))
    first.to_csv(screen / "load_data.csv", index=False)
    renamed = {name: name.replace("OrigDNA", "OrigHoechst") for name in fields}
    second.rename(columns=renamed).to_csv(screen / "load_data_b.csv", index=False)
    (told, *rest) = discover(screen).unused
    assert told.severity == "warning"
    assert told.text.startswith(
        "load_data_b.csv: lists images of plates that load_data.csv does not have (P2), in other "
        "columns (it has FileName_OrigHoechst, PathName_OrigHoechst); a study has one name a stain"
    )
    assert {one.code for one in rest} == {"unused-not-listed"}


@pytest.mark.parametrize(
    ("question", "said"), [(pl.activity, "activity.parquet"), (pl.cluster, "clusters.parquet")]
)
def test_an_answer_of_ours_is_no_plate_map(tmp_path, question, said):
    screen, _ = simulate_profiles(treatments=6, features=40, seed=3)
    screen.reset_index().to_csv(tmp_path / "profiles.csv", index=False)
    question(screen).write(tmp_path / "OUT" / "a.csv")
    found = discover(tmp_path)
    assert found.tables == ()
    assert codes(found) == {"OUT/a.csv": "unused-result"}
    assert said in found.unused[0].text
