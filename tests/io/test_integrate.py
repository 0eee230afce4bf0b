"""Joining a screen: nothing is lost unseen, and order never matters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from phenolens.errors import InputError
from phenolens.images import read_pixels
from phenolens.io.integrate import integrate
from phenolens.marks import Mark, put
from phenolens.profiles import column


def test_wells_carry_the_canonical_columns(tmp_path, fields, platemap, labelled):
    screen = integrate(labelled(), tmp_path)
    assert len(screen.wells) == 8
    first = screen.wells.iloc[1]
    assert first["Metadata_Plate"] == "P1"
    assert first["Metadata_Well"] == "A02"
    assert first["Metadata_Compound"] == "taxol"
    assert first["Metadata_Treatment"] == "taxol@0.3"
    assert first["Metadata_Concentration"] == 0.3
    assert first["Metadata_Mechanism"] == "microtubule"


def test_a_compound_at_one_dose_keeps_its_plain_name(tmp_path, fields, platemap, labelled):
    wells = integrate(labelled(), tmp_path).wells
    assert set(wells["Metadata_Treatment"]) == {"DMSO", "taxol@0.3", "taxol@1", "ALLN"}


def test_controls_are_found_by_convention_and_have_no_mechanism(
    tmp_path, fields, platemap, labelled
):
    wells = integrate(labelled(), tmp_path).wells
    controls = wells[wells["Metadata_Control"]]
    assert set(controls["Metadata_Compound"]) == {"DMSO"}
    assert controls["Metadata_Mechanism"].isna().all()


def test_images_carry_labels_paths_and_the_pixels_are_there(tmp_path, fields, platemap, labelled):
    images = integrate(labelled(), tmp_path).images
    assert images.channels == ("DNA", "ER")
    assert len(images) == 16
    assert read_pixels(images, 0).tolist() == [np.zeros((6, 8)).tolist(), np.ones((6, 8)).tolist()]
    assert images.table["Metadata_Treatment"].notna().all()


def test_row_order_is_irrelevant(tmp_path, fields, platemap, labelled):
    before = integrate(labelled(), tmp_path)
    fields.sample(frac=1, random_state=1).to_csv(tmp_path / "load_data.csv", index=False)
    platemap[::-1].to_csv(tmp_path / "platemap.csv", index=False)
    after = integrate(labelled(), tmp_path)
    pd.testing.assert_frame_equal(before.wells, after.wells)
    pd.testing.assert_frame_equal(before.images.table, after.images.table)


def test_unmatched_wells_stay_and_are_named(tmp_path, fields, platemap, labelled):
    platemap.iloc[:3].to_csv(tmp_path / "platemap.csv", index=False)
    screen = integrate(labelled(), tmp_path)
    join = next(join for join in screen.ledger.joins if join.source == "platemap.csv")
    assert (join.rows, join.matched, join.unmatched, join.unmatched_keys) == (3, 6, 2, ("B02",))
    assert screen.wells["Metadata_Compound"].isna().sum() == 2
    assert screen.ledger.counts["wells_without_label"] == 2


def test_keys_nobody_asks_for_are_counted(tmp_path, fields, platemap, labelled):
    more = pd.concat([platemap, platemap.assign(well=["C01", "C02", "C03", "C04"])])
    more.to_csv(tmp_path / "platemap.csv", index=False)
    ledger = integrate(labelled(), tmp_path).ledger
    assert next(j for j in ledger.joins if j.source == "platemap.csv").unused == 4


@pytest.mark.parametrize(("modality", "vehicle"), [("compound", "DMSO"), ("genetic", "untreated")])
def test_a_blank_sample_is_a_control_by_modality(tmp_path, fields, section, modality, vehicle):
    frame = pd.DataFrame({"well_position": ["A01", "A02"], "broad_sample": [None, "BRD-K1"]})
    frame.to_csv(tmp_path / "map.txt", sep="\t", index=False)
    data = section(
        modality=modality,
        columns={"compound": "broad_sample"},
        images={"table": "load_data.csv", "layout": "load_data"},
        tables=[{"file": "map.txt", "on": {"Metadata_Well": "well_position"}}],
    )
    wells = integrate(data, tmp_path).wells.set_index(["Metadata_Plate", "Metadata_Well"])
    assert wells.loc[("P1", "A01"), "Metadata_Compound"] == vehicle
    assert wells.loc[("P1", "A01"), "Metadata_Control"]
    assert wells.loc[("P1", "A02"), "Metadata_Compound"] == "BRD-K1"
    assert wells.loc[("P1", "B01"), "Metadata_Compound"] is None, "unmatched is not untreated"
    assert not wells.loc[("P1", "B01"), "Metadata_Control"]


@pytest.mark.parametrize("word", ["nan", "NaN", "None", "NA", "", "  "])
def test_words_for_nothing_are_no_compounds(tmp_path, fields, platemap, labelled, word):
    platemap.assign(compound=["DMSO", word, "taxol", "ALLN"]).to_parquet(tmp_path / "map.parquet")
    data = labelled(tables=[{"file": "map.parquet", "on": {"Metadata_Well": "well"}}])
    wells = integrate(data, tmp_path).wells
    assert wells.loc[wells["Metadata_Well"] == "A02", "Metadata_Compound"].isna().all()


def test_conflicting_labels_of_one_well_are_named_and_set_aside(
    tmp_path, fields, platemap, labelled
):
    more = pd.concat([platemap, platemap.iloc[[1]].assign(compound="nocodazole")])
    more.to_csv(tmp_path / "platemap.csv", index=False)
    screen = integrate(labelled(), tmp_path)
    conflict = screen.ledger.conflicts[0]
    assert conflict.column == "Metadata_compound"
    assert "nocodazole or taxol" in conflict.examples[0]
    assert ("P1", "A02") not in set(
        screen.wells[["Metadata_Plate", "Metadata_Well"]].itertuples(index=False, name=None)
    )
    assert {(item.plate, item.well) for item in screen.ledger.set_aside} == {
        ("P1", "A02"),
        ("P2", "A02"),
    }
    assert len(screen.images) == 12


def test_two_sources_that_disagree_about_most_wells_are_refused(
    tmp_path, fields, platemap, labelled
):
    platemap.assign(compound=["x", "y", "z", "w"]).to_csv(tmp_path / "other.csv", index=False)
    tables = [{"file": n, "on": {"Metadata_Well": "well"}} for n in ("platemap.csv", "other.csv")]
    with pytest.raises(InputError, match=r"other\.csv disagrees .* Metadata_compound in 8 of 8"):
        integrate(labelled(tables=tables), tmp_path)


def test_conflicting_mechanisms_empty_the_mechanism_only(tmp_path, fields, platemap, labelled):
    annotation = pd.DataFrame(
        {"name": ["taxol", "taxol", "ALLN"], "moa": ["tubulin", "actin", "protease"]}
    )
    annotation.to_csv(tmp_path / "moa.csv", index=False)
    platemap.drop(columns="moa").to_csv(tmp_path / "platemap.csv", index=False)
    tables = [
        {"file": "platemap.csv", "on": {"Metadata_Well": "well"}},
        {"file": "moa.csv", "on": {"Metadata_compound": "name"}},
    ]
    screen = integrate(labelled(tables=tables), tmp_path)
    assert len(screen.wells) == 8
    taxol = screen.wells["Metadata_Compound"] == "taxol"
    assert screen.wells.loc[taxol, "Metadata_Mechanism"].isna().all()
    assert (screen.wells["Metadata_Mechanism"] == "protease").sum() == 2


def test_a_missing_file_is_named_and_its_field_set_aside(tmp_path, fields, platemap, labelled):
    (tmp_path / "images" / "P1_A01_s1_w1.tif").unlink()
    screen = integrate(labelled(), tmp_path)
    item = screen.ledger.set_aside[0]
    assert (item.plate, item.well, item.site, item.channel) == ("P1", "A01", "1", "ER")
    assert item.file.endswith("P1_A01_s1_w1.tif")
    assert len(screen.images) == 15


def test_no_file_at_all_says_where_we_looked(tmp_path, fields, platemap, labelled):
    fields.assign(PathName_OrigDNA="gone", FileName_OrigDNA="a.tif").to_csv(
        tmp_path / "load_data.csv", index=False
    )
    with pytest.raises(InputError, match=r"No image of the 16 listed.*a\.tif.*root"):
        integrate(labelled(), tmp_path)


def test_repeated_rows_are_dropped_and_counted(tmp_path, fields, platemap, labelled):
    pd.concat([fields, fields.iloc[:3]]).to_csv(tmp_path / "load_data.csv", index=False)
    screen = integrate(labelled(), tmp_path)
    assert len(screen.images) == 16
    assert screen.ledger.joins[0].duplicates == 3


def test_two_plates_with_one_barcode_are_refused(tmp_path, fields, platemap, labelled):
    fields.assign(Metadata_Plate="P1").to_csv(tmp_path / "load_data.csv", index=False)
    with pytest.raises(InputError, match=r"plate P1, well A01, site 1 .*P1_A01.*P2_A01"):
        integrate(labelled(), tmp_path)


def test_one_file_for_two_wells_is_refused(tmp_path, fields, platemap, labelled):
    fields.assign(FileName_OrigDNA="P1_A01_s1_w0.tif").to_csv(
        tmp_path / "load_data.csv", index=False
    )
    with pytest.raises(InputError, match="share their pixels"):
        integrate(labelled(), tmp_path)


def test_one_file_for_two_stains_is_refused(tmp_path, fields, platemap, labelled):
    fields.assign(FileName_OrigER=fields["FileName_OrigDNA"]).to_csv(
        tmp_path / "load_data.csv", index=False
    )
    with pytest.raises(InputError, match=r"16 of 16 rows name one file for DNA and ER.*A01.*P1_A0"):
        integrate(labelled(), tmp_path)


@pytest.mark.parametrize("linked", [False, True])
def test_one_file_for_two_stains_is_refused_in_some_rows_too(
    tmp_path, fields, platemap, labelled, linked
):
    er = tmp_path / "images" / fields["FileName_OrigER"].iloc[2]
    if linked:
        er.unlink()
        er.symlink_to(er.with_name(fields["FileName_OrigDNA"].iloc[2]))
    else:
        fields.loc[2, "FileName_OrigER"] = fields["FileName_OrigDNA"].iloc[2]
    fields.to_csv(tmp_path / "load_data.csv", index=False)
    with pytest.raises(InputError, match="1 of 16 rows name one file for DNA and ER"):
        integrate(labelled(), tmp_path)


def test_one_file_for_two_stains_of_two_wells_is_refused(tmp_path, fields, platemap, labelled):
    fields.loc[0, "FileName_OrigER"] = fields["FileName_OrigDNA"].iloc[5]
    fields.to_csv(tmp_path / "load_data.csv", index=False)
    with pytest.raises(InputError, match="2 rows share their pixels"):
        integrate(labelled(), tmp_path)


def test_a_bad_well_name_is_set_aside(tmp_path, fields, platemap, labelled):
    fields.replace({"Metadata_Well": {"B02": "ZZ99"}}).to_csv(
        tmp_path / "load_data.csv", index=False
    )
    screen = integrate(labelled(), tmp_path)
    assert len(screen.images) == 12
    assert {item.reason for item in screen.ledger.set_aside} == {"not a well name (images)"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"controls": "Metadata_Nope == 'x'"}, r"controls.*Metadata_Nope.*Metadata_compound"),
        ({"controls": "Metadata_Compound == 'x'"}, r"controls.*matches none of 8 wells"),
        ({"exclude": "Metadata_Plate =="}, r"exclude.*cannot be evaluated"),
        ({"exclude": "Metadata_Concentration + 1"}, r"does not say yes or no"),
        ({"positive_controls": "Metadata_Well == 'C01'"}, r"positive_controls.*matches none"),
        (
            {"columns": {"compound": "substance"}},
            r"compound = .substance.*\(joined were images, platemap\.csv\).*Metadata_compound",
        ),
        ({"columns": {"plate": "Barcode"}}, r"no column 'Barcode'.*Metadata_Plate"),
        ({"images": {"table": "none.csv"}}, r"There is no file .*none\.csv"),
        ({"images": {"table": "*.xyz"}}, r"No file matches"),
        ({"tables": [{"file": "platemap.csv", "on": {"Metadata_Well": "pos"}}]}, "no column 'pos'"),
        ({"tables": [{"file": "platemap.csv", "on": {"Metadata_Map": "well"}}]}, "Metadata_Map"),
        ({"tables": [{"file": "platemap.csv", "on": {}}]}, "'on' is empty"),
    ],
)
def test_what_the_study_file_gets_wrong_is_one_clear_line(
    tmp_path, fields, platemap, labelled, change, message
):
    with pytest.raises(InputError, match=message) as caught:
        integrate(labelled(**change), tmp_path)
    assert "\n" not in str(caught.value)


def test_a_table_that_matches_nothing_shows_both_sides(tmp_path, fields, platemap, labelled):
    platemap.assign(well=["H01", "H02", "H03", "H04"]).to_csv(
        tmp_path / "platemap.csv", index=False
    )
    with pytest.raises(InputError, match=r"none of the 8 wells.*A01.*the table has H01"):
        integrate(labelled(), tmp_path)


def test_queries_choose_controls_and_exclude_wells(tmp_path, fields, platemap, labelled):
    data = labelled(
        controls="Metadata_Compound == 'ALLN'",
        positive_controls="Metadata_Compound == 'taxol' and Metadata_Concentration > 0.5",
        exclude="Metadata_Plate == 'P2' and Metadata_Well == 'A02'",
    )
    screen = integrate(data, tmp_path)
    wells = screen.wells
    assert set(wells.loc[wells["Metadata_Control"], "Metadata_Compound"]) == {"ALLN"}
    assert set(wells.loc[wells["Metadata_PositiveControl"], "Metadata_Well"]) == {"B01"}
    assert len(wells) == 7
    assert screen.ledger.set_aside[0].plate == "P2"
    assert len(screen.images) == 14


def marks_of(tmp_path: Path, *marks: Mark) -> dict:
    for mark in marks:
        put(tmp_path / "out.marks.json", mark)
    return {"marks": "out.marks.json", "exclude_marks": ["artefact"]}


def test_wells_and_treatments_marked_as_artefacts_are_left_out_by_name(
    tmp_path, fields, platemap, labelled
):
    asked = marks_of(
        tmp_path,
        Mark("well", plate="P2", well="A02", mark="artefact", note="a hair"),
        Mark("treatment", treatment="ALLN", mark="artefact"),
        Mark("well", plate="P1", well="A02", mark="hit"),
        Mark("well", plate="P9", well="A02", mark="artefact"),
    )
    screen = integrate(labelled(**asked), tmp_path)
    gone = {(one.plate, one.well): one.why.text for one in screen.ledger.set_aside}
    assert gone == {
        ("P2", "A02"): "marked as 'artefact': a hair",
        ("P1", "B02"): "its treatment was marked as 'artefact'",
        ("P2", "B02"): "its treatment was marked as 'artefact'",
    }
    assert len(screen.wells) == 5
    assert screen.ledger.counts["marks_of_no_well"] == 1


def test_marks_leave_nothing_out_unless_the_study_says_so(tmp_path, fields, platemap, labelled):
    asked = marks_of(tmp_path, Mark("well", plate="P1", well="A02", mark="artefact"))
    assert len(integrate(labelled(**asked | {"exclude_marks": []}), tmp_path).wells) == 8


def test_marks_of_another_screen_or_of_no_file_are_refused(tmp_path, fields, platemap, labelled):
    asked = marks_of(tmp_path, Mark("well", plate="other", well="A02", mark="artefact"))
    with pytest.raises(InputError, match=r"None of the 1 marks in .*out\.marks\.json"):
        integrate(labelled(**asked), tmp_path)
    with pytest.raises(InputError, match=r"There is no file .*gone\.json"):
        integrate(labelled(**asked | {"marks": "gone.json"}), tmp_path)


def write_profiles(path: Path, *, plates=("P1", "P2"), wells=("A01", "A02", "B01", "B02")) -> None:
    rows = [(plate, well) for plate in plates for well in wells]
    frame = pd.DataFrame(rows, columns=["Image_Metadata_Plate", "Image_Metadata_Well"])
    frame["Cells_AreaShape_Area"] = np.arange(len(rows), dtype=float)
    frame["Nuclei_Intensity_MeanIntensity_DNA"] = 1.5
    frame["Cells_Number_Object_Number"] = 7.0
    frame.to_csv(path, index=False)


def test_profiles_alone_join_with_tables(tmp_path, platemap, labelled):
    write_profiles(tmp_path / "profiles.csv.gz")
    data = labelled(images=None, profiles=[{"name": "given", "files": "profiles.csv.gz"}])
    screen = integrate(data, tmp_path)
    block = screen.profiles["given"]
    assert list(block.table.columns) == [
        "Cells_AreaShape_Area",
        "Nuclei_Intensity_MeanIntensity_DNA",
    ]
    assert block.table.to_numpy().dtype == np.float32
    assert list(column(block.table, "Metadata_Treatment")[:2]) == ["DMSO", "taxol@0.3"]
    assert "Metadata_Cells_Number_Object_Number" in block.table.index.names
    assert screen.images is None


def test_profiles_of_one_barcode_twice_name_both_files(tmp_path, platemap, labelled):
    write_profiles(tmp_path / "one.csv", plates=("P1",))
    frame = pd.read_csv(tmp_path / "one.csv")
    frame.assign(Cells_AreaShape_Area=5.0).to_csv(tmp_path / "two.csv", index=False)
    data = labelled(images=None, profiles=[{"name": "given", "files": ["one.csv", "two.csv"]}])
    with pytest.raises(InputError, match=r"8 rows share a key, such as P1/A01 \(from one and two"):
        integrate(data, tmp_path)


def test_wells_without_profile_are_counted(tmp_path, fields, platemap, labelled):
    write_profiles(tmp_path / "profiles.csv", plates=("P1",))
    data = labelled(profiles=[{"name": "given", "files": "profiles.csv"}])
    screen = integrate(data, tmp_path)
    assert screen.ledger.counts["wells_without_profile_in_given"] == 4


def test_infinite_features_become_missing_and_are_counted(tmp_path, platemap, labelled):
    write_profiles(tmp_path / "profiles.csv")
    frame = pd.read_csv(tmp_path / "profiles.csv")
    frame.loc[0, "Cells_AreaShape_Area"] = np.inf
    frame.to_csv(tmp_path / "profiles.csv", index=False)
    data = labelled(images=None, profiles=[{"name": "given", "files": "profiles.csv"}])
    screen = integrate(data, tmp_path)
    assert np.isnan(screen.profiles["given"].table.to_numpy()[0, 0])
    assert "1 infinite values" in screen.ledger.joins[0].note


def test_text_in_a_feature_column_is_named(tmp_path, platemap, labelled):
    write_profiles(tmp_path / "profiles.csv")
    frame = pd.read_csv(tmp_path / "profiles.csv").astype({"Cells_AreaShape_Area": object})
    frame.loc[0, "Cells_AreaShape_Area"] = "bad"
    frame.to_csv(tmp_path / "profiles.csv", index=False)
    data = labelled(images=None, profiles=[{"name": "given", "files": "profiles.csv"}])
    with pytest.raises(InputError, match=r"Cells_AreaShape_Area with 'bad'"):
        integrate(data, tmp_path)


def test_batch_comes_from_a_part_of_the_plate_name(tmp_path, fields, platemap, labelled):
    fields["Metadata_Plate"] = "Week" + fields["Metadata_Plate"].str[1] + "_001"
    fields.to_csv(tmp_path / "load_data.csv", index=False)
    data = labelled(columns={"batch": r"Metadata_Plate ~ ^(Week\d)_", "compound": "compound"})
    wells = integrate(data, tmp_path).wells
    assert sorted(wells["Metadata_Batch"].unique()) == ["Week1", "Week2"]


def test_numeric_plate_names_join_as_text(tmp_path, fields, section):
    fields["Metadata_Plate"] = fields["Metadata_Plate"].map({"P1": 24277, "P2": 24278})
    fields.to_csv(tmp_path / "load_data.csv", index=False)
    barcodes = pd.DataFrame({"Assay_Plate_Barcode": [24277.0, None, 24278.0], "batch": list("abc")})
    barcodes.to_csv(tmp_path / "barcodes.csv", index=False)
    data = section(
        columns={"batch": "batch"},
        images={"table": "load_data.csv", "layout": "load_data"},
        tables=[{"file": "barcodes.csv", "on": {"Metadata_Plate": "Assay_Plate_Barcode"}}],
    )
    wells = integrate(data, tmp_path).wells
    assert wells.groupby("Metadata_Plate")["Metadata_Batch"].first().tolist() == ["a", "c"]


def test_doses_in_millimolar_become_micromolar(tmp_path, fields, platemap, labelled):
    platemap.assign(mmoles_per_liter=platemap["dose_um"] / 1000).to_csv(
        tmp_path / "platemap.csv", index=False
    )
    data = labelled(columns={"compound": "compound", "concentration": "mmoles_per_liter"})
    wells = integrate(data, tmp_path).wells
    assert sorted(wells["Metadata_Concentration"].unique()) == [0.0, 0.3, 1.0, 3.0]


def test_a_dose_that_is_no_number_is_named(tmp_path, fields, platemap, labelled):
    platemap.assign(dose_um=["0", "low", "1", "3"]).to_csv(tmp_path / "platemap.csv", index=False)
    ledger = integrate(labelled(), tmp_path).ledger
    assert "P1/A02: 'low'" in ledger.conflicts[0].examples


def test_the_ledger_has_the_documented_form(tmp_path, fields, platemap, labelled):
    (tmp_path / "images" / "P1_A01_s1_w1.tif").unlink()
    ledger = integrate(labelled(), tmp_path).ledger
    text = ledger.to_json()
    assert set(text) == {"joins", "set_aside", "conflicts", "counts"}
    assert {
        "source",
        "rows",
        "matched",
        "unmatched",
        "unmatched_keys",
        "duplicates",
        "note",
    } <= set(text["joins"][0])
    assert {"code", "plate", "well", "site", "channel", "file", "reason"} == set(
        text["set_aside"][0]
    )
    assert any("platemap.csv: 4 rows in, 8 matched" in line for line in ledger.lines())
    assert any(line.startswith("set aside: 1 x missing file") for line in ledger.lines())


def test_platemaps_are_chosen_by_barcode_and_file_name(tmp_path, fields, section):
    """JUMP-Target platemaps carry no name inside: the file's own name is the key."""
    for number in (1, 2):
        rows = {"well_position": ["A01", "A02", "B01", "B02"], "broad_sample": [f"c{number}"] * 4}
        pd.DataFrame(rows).to_csv(tmp_path / f"map_{number}.txt", sep="\t", index=False)
    barcodes = {"Assay_Plate_Barcode": ["P2", "P1"], "Plate_Map_Name": ["map_1", "map_2"]}
    pd.DataFrame(barcodes).to_csv(tmp_path / "barcode_platemap.csv", index=False)
    data = section(
        columns={"compound": "broad_sample"},
        images={"table": "load_data.csv", "layout": "load_data"},
        tables=[
            {"file": "barcode_platemap.csv", "on": {"Metadata_Plate": "Assay_Plate_Barcode"}},
            {
                "file": "map_*.txt",
                "on": {"Metadata_Plate_Map_Name": "_file", "Metadata_Well": "well_position"},
            },
        ],
    )
    wells = integrate(data, tmp_path).wells
    seen = wells.groupby("Metadata_Plate")["Metadata_Compound"].unique().map(list).to_dict()
    assert seen == {"P1": ["c2"], "P2": ["c1"]}


def test_images_that_disagree_about_their_well_set_it_aside(tmp_path, fields, section):
    fields["compound"] = np.where(fields["Metadata_Well"] == "A01", "DMSO", "x")
    fields.loc[0, "compound"] = "y"
    fields.to_csv(tmp_path / "load_data.csv", index=False)
    data = section(
        columns={"compound": "compound"}, images={"table": "load_data.csv", "layout": "load_data"}
    )
    screen = integrate(data, tmp_path)
    assert len(screen.wells) == 7
    assert "DMSO or y" in screen.ledger.conflicts[0].examples[0]
    assert screen.ledger.set_aside[0].reason == "conflicting Metadata_compound"


def test_one_plate_missing_from_a_map_of_many_stays_unlabelled(
    tmp_path, fields, platemap, labelled
):
    platemap.assign(plate="P1").to_csv(tmp_path / "platemap.csv", index=False)
    on = {"Metadata_Plate": "plate", "Metadata_Well": "well"}
    screen = integrate(labelled(tables=[{"file": "platemap.csv", "on": on}]), tmp_path)
    join = next(join for join in screen.ledger.joins if join.source == "platemap.csv")
    assert (join.matched, join.unmatched) == (4, 4)
    assert join.unmatched_keys[0] == "P2 / A01"
