"""Labels of wells: vehicles, spellings, doses, and what of them is doubtful."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens.io.controls import control_rows
from phenolens.io.discovery.screen_of_table import level_of
from phenolens.io.join import Source
from phenolens.io.labels import label_wells, treatment_names
from phenolens.io.ledger import Ledger
from phenolens.query import evaluate_query
from phenolens.tools.read import read

ROLES = ("batch", "compound", "concentration", "mechanism", "target", "cell_count")


def labelled(compounds: list, doses: list | None = None, name: str = "dose"):
    """Wells with these compounds and doses, labelled; and the ledger."""
    ledger = Ledger()
    wells = pd.DataFrame(
        {
            "Metadata_Plate": "P1",
            "Metadata_Well": [f"A{i:02d}" for i in range(1, len(compounds) + 1)],
            "Metadata_Compound": compounds,
        }
    )
    roles = dict.fromkeys(ROLES)
    if doses is not None:
        wells[f"Metadata_{name}"] = doses
        roles |= {"concentration": f"Metadata_{name}"}
    source = Source(name="labels", ledger=ledger)
    return label_wells(wells, roles, modality="compound", source=source), ledger


def test_doses_of_any_unit_are_one_treatment():
    doses = ["0.3 uM", "300 nM", "0,3", "3e-7 M", "DMSO"]
    wells, ledger = labelled(["a"] * 4 + ["dmso"], doses)
    assert wells["Metadata_Concentration"].tolist()[:4] == [0.3] * 4
    assert np.isnan(wells["Metadata_Concentration"].iloc[4])
    assert wells["Metadata_Treatment"].tolist() == ["a"] * 4 + ["DMSO"]
    assert ledger.conflicts == []
    assert ledger.counts == {"doses_read_with_their_units": 3}


def test_doses_that_cannot_be_read_are_counted_with_an_example():
    _, ledger = labelled(["a", "b", "c"], ["low", "1", None])
    (doubt,) = ledger.conflicts
    assert (doubt.wells, doubt.examples, doubt.code) == (1, ("P1/A01: 'low'",), "doses-not-read")
    assert doubt.to_json()["code"] == "doses-not-read"


def test_the_dose_of_a_stock_solution_is_doubted_but_not_a_vehicle_s():
    wells, ledger = labelled(["a", "DMSO", "b"], [10, 10, 1], name="dose_mM")
    (doubt,) = ledger.conflicts
    assert (doubt.wells, doubt.examples, doubt.code) == (1, ("P1/A01: 10.0",), "doses-implausible")
    assert "a stock concentration, or another unit?" in ledger.lines()[0]
    assert ledger.lines()[0].startswith("doubt in Metadata_Concentration (Metadata_dose_mM): 1 ")
    assert wells["Metadata_Concentration"].tolist() == [1e4, 1e4, 1e3]


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (["Taxol", "taxol"], ["'Taxol' and 'taxol'"]),
        (["BRD-K1234", "BRD K1234"], ["'BRD K1234' and 'BRD-K1234'"]),
        (["AMG-900", "AMG900", "amg 900"], ["'AMG-900' and 'AMG900' and 'amg 900'"]),
        (["compound-1-1", "compound-11"], []),
        (["(+)-ketamine", "(-)-ketamine"], []),
        (["dmso", "DMSO", "DMSO 0.1%"], []),
        (["a", "b", None], []),
    ],
)
def test_one_compound_under_two_spellings_is_doubted(names, pairs):
    wells, ledger = labelled(names)
    assert [pair for doubt in ledger.conflicts for pair in doubt.examples] == pairs
    assert {doubt.code for doubt in ledger.conflicts} <= {"compound-spellings"}
    assert wells["Metadata_Compound"].nunique() <= len(names)


@pytest.mark.parametrize(
    "spelled", ["dmso", "DMSO 0.1%", "0.1 % DMSO", "vehicle", "Mock", "Untreated", "neg_control"]
)
def test_every_door_knows_a_vehicle_by_any_spelling(spelled):
    frame = screen().replace({"Metadata_Compound": {"DMSO": spelled}})
    assert control_rows(frame, None).sum() == 24
    item = read(frame)
    assert item.table.index.get_level_values("Metadata_Control").to_numpy().sum() == 24


def test_a_series_of_dmso_is_not_taken_for_controls():
    frame = screen()
    shares = np.where(np.arange(96) % 2 == 0, "DMSO 0.1%", "DMSO 5%")
    names = np.where(frame["Metadata_Compound"] == "DMSO", shares, frame["Metadata_Compound"])
    item = read(frame.assign(Metadata_Compound=names))
    assert item.table.index.get_level_values("Metadata_Control").to_numpy().sum() == 0
    assert {"DMSO 0.1%", "DMSO 5%"} <= set(item.table.index.get_level_values("Metadata_Compound"))


def test_a_query_knows_a_vehicle_s_name_in_any_case():
    rows = pd.DataFrame({"Metadata_drug": ["dmso", "DMSO", "Dmso ", "taxol", "Taxol", None]})
    found = [
        evaluate_query(rows, query, "controls").tolist()
        for query in ("Metadata_drug == 'DMSO'", 'drug == "dmso"', "drug == 'taxol'")
    ]
    assert found[:2] == [[True, True, True, False, False, False]] * 2
    assert found[2] == [False, False, False, True, False, False]
    assert evaluate_query(rows, "drug.isin(['dmso', 'DMSO'])", "controls").sum() == 2
    assert rows["Metadata_drug"].tolist()[0] == "dmso"


def screen(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    names = ["DMSO"] * 24 + [f"c{i % 18}" for i in range(72)]
    frame = pd.DataFrame(
        {
            "Metadata_Plate": "P1",
            "Metadata_Well": [f"{r}{c:02d}" for r in "ABCDEFGH" for c in range(1, 13)],
            "Metadata_Compound": rng.permutation(names),
        }
    )
    values = rng.normal(size=(96, 10))
    return pd.concat([frame, pd.DataFrame(values, columns=[f"f{i}" for i in range(10)])], axis=1)


def test_reading_says_what_is_doubtful():
    frame = screen()
    frame["Metadata_dose"] = "10 mM"
    frame.loc[0, "Metadata_dose"] = "much"
    frame = frame.replace({"Metadata_Compound": {"c1": "C0"}}).assign(dose_nr=1, note_7=0.5)
    notes = {note.code: note for note in read(frame).findings}
    assert notes["features"].values["features"] == 10
    assert str(notes["columns-not-used"]) == (
        "Numeric columns not used: 2 (dose_nr: describing the row; note_7: names of no form that "
        "is known)."
    )
    assert notes["columns-not-used"].severity == "warning"
    assert "'C0' and 'c0'" in str(notes["compound-spellings"])
    assert "P1/A01: 'much'" in str(notes["doses-not-read"])
    assert notes["doses-implausible"].values["wells"] >= 71
    assert str(notes["doses-with-units"]).startswith("95 wells with the unit of the dose")


def test_wells_of_a_vehicle_that_a_query_leaves_out_are_doubted():
    frame = screen()
    vehicle = np.flatnonzero(frame["Metadata_Compound"] == "DMSO")
    frame = frame.rename(columns={"Metadata_Compound": "compound"})
    frame.loc[vehicle[:4], "compound"] = "DMSO 0.1%"
    doubts = {n.code: n for n in read(frame, controls="compound == 'DMSO'").findings}
    assert doubts["vehicle-not-control"].values["wells"] == 4
    assert str(doubts["vehicle-not-control"]).endswith("are they controls too?")
    whole = read(frame, controls="Metadata_Compound == 'DMSO'")
    assert "vehicle-not-control" not in {note.code for note in whole.findings}
    assert "vehicle-not-control" not in {note.code for note in read(frame).findings}


@pytest.mark.parametrize("name", ["conc_nM", "dose_mM", "Final Conc (uM)", "drug_concentration"])
def test_a_dose_of_any_usual_name_tells_treatments_apart(name):
    frame = screen()
    frame[name] = np.where(np.arange(96) % 2 == 0, 1.0, 3.0)
    treatments = read(frame).table.index.get_level_values("Metadata_Treatment")
    assert treatments.str.contains("@").any()


def test_treatments_of_equal_doses_keep_their_plain_name():
    names = treatment_names(pd.Series(["a", "a"]), pd.Series([0.3, 0.3]))
    assert names.tolist() == ["a", "a"]


@pytest.mark.parametrize(
    ("columns", "level"),
    [
        ({"cell_id": "U2OS"}, "well"),
        ({"Metadata_cell_line": "A549", "cell_id": 42}, "well"),
        ({"label": "taxol"}, "well"),
        ({"ObjectNumber": 1}, "cell"),
        ({}, "well"),
    ],
)
def test_a_cell_line_is_no_object(columns, level):
    assert level_of(screen().assign(**columns)) == level


@pytest.mark.parametrize(
    ("columns", "level"),
    [
        ({"ObjectNumber": [1, 2]}, "cell"),
        ({"cell_id": ["3f-a", "3f-b"]}, "cell"),
        ({"cell_id": ["U2OS", "U2OS"], "Metadata_Site": [1, 2]}, "field"),
        ({"Object No": [1, 2], "Field": [1, 1]}, "cell"),
    ],
)
def test_rows_of_one_well_are_fields_or_cells(columns, level):
    twice = pd.concat([screen()] * 2, ignore_index=True)
    several = {name: np.repeat(values, 96) for name, values in columns.items()}
    assert level_of(twice.assign(**several)) == level
