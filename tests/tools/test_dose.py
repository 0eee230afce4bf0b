"""Doses in any unit, wherever the question finds them."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from phenolens.errors import DesignError
from phenolens.io.columns import pick
from phenolens.io.doses import read_doses
from phenolens.tools.dose import dose

DOSES = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0]
SPELLED = ["100 nM", "0.3 uM", "1", "3 µM", "1e-5 M", "30,0"]


def screen() -> pd.DataFrame:
    """Three plates: 16 wells of DMSO, two compounds at six doses of which one acts from 3 µM."""
    rng = np.random.default_rng(4)
    treated = [("acts", d) for d in range(6)] * 2 + [("inert", d) for d in range(6)] * 2
    names = [("DMSO", None)] * 24 + treated
    parts = []
    for plate in ("P1", "P2", "P3"):
        order = rng.permutation(48)
        parts.append(
            pd.DataFrame(
                {
                    "Metadata_Plate": plate,
                    "Metadata_Well": [f"{r}{c:02d}" for r in "ABCDEF" for c in range(1, 9)],
                    "Metadata_Compound": [names[i][0] for i in order],
                    "step": [names[i][1] for i in order],
                }
            )
        )
    frame = pd.concat(parts, ignore_index=True)
    values = rng.normal(size=(len(frame), 16))
    strength = frame["step"].where(frame["Metadata_Compound"] == "acts").fillna(0)
    values[:, :4] += 3 * np.clip(strength.to_numpy() - 2, 0, None)[:, None]
    frame["Metadata_amount"] = frame.pop("step").map(dict(enumerate(DOSES)))
    return pd.concat([frame, pd.DataFrame(values).add_prefix("f")], axis=1)


def asked(frame: pd.DataFrame, column: str):
    renamed = frame.rename(columns={"Metadata_amount": f"Metadata_{column}"})
    options = {} if column == "Concentration" else {"concentration": column}
    return dose(renamed, same_by="Metadata_Compound", **options)


@pytest.mark.parametrize("column", ["amount", "Concentration"])
def test_units_in_cells_are_read_wherever_the_dose_stands(column):
    frame = screen()
    plain = asked(frame, column)
    spelled = dict(zip(DOSES, SPELLED, strict=True))
    text = frame.assign(Metadata_amount=frame["Metadata_amount"].map(spelled))
    found = asked(text, column)
    pd.testing.assert_frame_equal(found.table, plain.table)
    assert found.table["doses"].tolist() == [6, 6]
    assert found.table["n"].tolist() == [36, 36]
    acts = found.table.set_index("Metadata_Compound").loc["acts"]
    assert 1 < acts["benchmark_dose"] <= 10
    assert acts["q"] < 0.01
    codes = {note.code for note in found.findings}
    assert not codes & {"wells-without-dose", "doses-implausible"}


def test_the_unit_of_a_column_s_name():
    frame = screen()
    micro, nano = asked(frame, "amount_uM"), asked(
        frame.assign(Metadata_amount=frame["Metadata_amount"] * 1000), "amount_nM"
    )  # fmt: skip
    np.testing.assert_allclose(micro.table["benchmark_dose"], nano.table["benchmark_dose"])


@pytest.mark.parametrize("column", ["amount", "Concentration"])
def test_wells_without_a_readable_dose_are_counted_with_an_example(column):
    frame = screen()
    amount = frame["Metadata_amount"].astype(object)
    frame["Metadata_amount"] = amount.where(amount != 30.0, "thirty or so")
    found = asked(frame, column)
    assert found.table["doses"].tolist() == [5, 5]
    (note,) = [n for n in found.findings if n.code == "wells-without-dose"]
    assert note.severity == "warning"
    assert str(note).startswith("12 of 72 treated wells have no readable dose")
    assert any("thirty or so" in str(n) for n in found.findings)


@pytest.mark.parametrize("column", ["amount_mM", "Concentration"])
def test_the_concentration_of_a_stock_is_doubted(column):
    factor = 1000 if column == "Concentration" else 1
    frame = screen()
    found = asked(frame.assign(Metadata_amount=frame["Metadata_amount"] * factor), column)
    (note,) = [n for n in found.findings if n.code == "doses-implausible"]
    assert note.values["wells"] == 24
    assert "a stock concentration, or another unit?" in str(note)


def test_a_dose_that_is_named_and_found_by_its_name_is_doubted_once():
    frame = screen().rename(columns={"Metadata_amount": "Metadata_dose_mM"})
    found = dose(frame, concentration="dose_mM")
    (note,) = [n for n in found.findings if n.code == "doses-implausible"]
    assert note.values["wells"] == 24


@pytest.mark.parametrize("column", ["Dose", "Concentration", "conc"])
def test_a_column_of_words_is_there_and_holds_words(column):
    frame = screen()
    words = frame.pop("Metadata_amount").map(lambda dose: "high" if dose > 1 else "low")
    with pytest.raises(DesignError) as refused:
        dose(frame.assign(**{f"Metadata_{column}": words}))
    said = str(refused.value)
    assert f"Column 'Metadata_{column}' of 'profiles' is there and holds words, such as" in said
    assert "'low' or 'high'" in said or "'high' or 'low'" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    "form", ["{}_{:g}uM", "{} {:g} µM", "{} ({:g}µM)", "{}-{:g}um", "{}@{:g} uM"]
)
@pytest.mark.parametrize("column", ["Compound", "Treatment", "drug"])
def test_names_that_end_in_doses_are_told_with_what_splits_them(column, form):
    frame = screen()
    amounts, names = frame.pop("Metadata_amount"), frame.pop("Metadata_Compound")
    pairs = list(zip(names, amounts, strict=True))
    written = [name if np.isnan(amount) else form.format(name, amount) for name, amount in pairs]
    frame[f"Metadata_{column}"] = written
    with pytest.raises(DesignError) as refused:
        dose(frame)
    said = str(refused.value)
    assert f"names in 'Metadata_{column}' end in doses" in said
    split = {
        role: pick(frame, re.search(rf"{role} = '([^']*)'", said)[1], source="profiles")
        for role in ("compound", "concentration")
    }
    assert split["compound"].tolist() == names.tolist()
    np.testing.assert_allclose(read_doses(split["concentration"]).values, amounts)


def test_names_that_end_in_numbers_without_a_unit_are_names():
    frame = screen().drop(columns="Metadata_amount")
    treated = frame["Metadata_Compound"] != "DMSO"
    frame.loc[treated, "Metadata_Compound"] += "_10"
    with pytest.raises(DesignError, match="No well of 'profiles' has a concentration: name its"):
        dose(frame)
