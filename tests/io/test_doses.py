"""Doses in micromolar, in whatever unit a cell or a column's name gives them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phenolens.io.doses import name_factor, read_doses, unit_factor


def read(*cells: object, name: str = "dose"):
    return read_doses(pd.Series(list(cells), name=name))


@pytest.mark.parametrize(
    ("cell", "micromolar"),
    [
        ("0.3", 0.3), ("0.3 uM", 0.3), ("0.3uM", 0.3), ("3 µM", 3.0), ("3 μM", 3.0),
        ("30 nM", 0.03),
        ("1e-5 M", 10.0), ("1E-3 mM", 1.0), ("10mM", 1e4), ("30,0", 30.0), ("0,3 uM", 0.3),
        ("5 pM", 5e-6), ("2 micromolar", 2.0), ("2 nanomolar", 0.002), ("1 umol/L", 1.0),
        ("1 mmol/l", 1e3), ("7 (uM)", 7.0), ("~3 uM", 3.0), (">10", 10.0), (".5", 0.5), ("3.", 3.0),
        ("10,000 nM", 10.0), ("1.000,5 nM", 1.0005), (" 4 um ", 4.0),
    ],
)  # fmt: skip
def test_units_and_commas_inside_cells(cell, micromolar):
    found = read(cell, None, "")
    assert found.values.iloc[0] == pytest.approx(micromolar)
    assert found.values.isna().tolist() == [False, True, True]
    assert not found.unread.any()


@pytest.mark.parametrize("cell", ["low", "1.2.3", "10 x", "3 m", "twice", "2 uM then 3 uM", True])
def test_what_is_no_dose_is_counted(cell):
    found = read(cell, "1 uM")
    assert found.unread.tolist() == [True, False]
    assert found.values.tolist()[1] == 1.0
    assert np.isnan(found.values.iloc[0])


@pytest.mark.parametrize("cell", [[1, 2], {"a": 1}, np.array([3.0])])
def test_a_cell_that_is_a_list_is_no_dose(cell):
    """Parquet can hold them."""
    found = read("1 uM", cell)
    assert found.values.tolist()[0] == 1.0
    assert found.unread.tolist() == [False, True]


def test_words_for_nothing_and_vehicles_are_no_doses_and_not_counted():
    found = read("DMSO", "vehicle", "nan", "n/a", None, "0")
    assert not found.unread.any()
    assert found.values.tolist()[-1] == 0.0


def test_a_comma_before_three_digits_is_a_thousand_unless_others_are_decimal():
    assert read("1,000", "10").values.tolist() == [1000.0, 10.0]
    assert read("1,000", "2,5").values.tolist() == [1.0, 2.5]
    assert read("0,300").values.tolist() == [0.3]


def test_units_of_mass_are_kept_where_all_have_one_and_counted_where_not():
    assert read("10 ug/ml", "1 ug/ml").values.tolist() == [10.0, 1.0]
    assert read("10 ug/ml", "1 uM").unread.tolist() == [True, False]


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("dose", 1), ("dose_uM", 1), ("Concentration (µM)", 1), ("dose_nM", 1e-3),
        ("dose nm", 1e-3),
        ("Concentration [mM]", 1e3), ("concentration_mm", 1e3), ("Metadata_mmoles_per_liter", 1e3),
        ("CPD_MMOL_CONC", 1e3), ("conc_M", 1e6), ("conc.nM", 1e-3), ("mg_per_ml", 1),
        ("Metadata_Concentration", 1), ("pert_dose", 1), ("nanomolar dose", 1e-3), ("dose_m", 1),
    ],
)  # fmt: skip
def test_units_in_names(name, factor):
    assert name_factor(name) == factor
    assert read(2.0, name=name).values.tolist() == [2.0 * factor]


def test_a_cell_s_own_unit_counts_before_the_name_s():
    assert read("10", "30 uM", name="dose_nM").values.tolist() == [0.01, 30.0]


def test_the_dose_of_a_stock_solution_is_implausible():
    assert read("10 mM", "9 mM", "10", "-1").implausible().tolist() == [True, False, False, True]


@given(st.floats(1e-6, 1e6), st.sampled_from(["M", "mM", "uM", "µM", "nM", "pM"]))
def test_the_same_dose_in_any_unit(amount, unit):
    text = f"{amount / unit_factor(unit):.12g} {unit}"
    assert read(text).values.iloc[0] == pytest.approx(amount, rel=1e-5)


@given(st.lists(st.one_of(st.none(), st.text(max_size=12), st.floats(), st.integers())))
def test_any_cell_is_taken(cells):
    found = read_doses(pd.Series(cells, name="dose", dtype=object))
    assert len(found.values) == len(found.unread) == len(cells)
    assert not (found.values.notna().to_numpy() & found.unread).any()


def test_a_unit_of_mass_is_kept_and_named():
    doses = read_doses(pd.Series(["0.1 µg/mL", "10 µg/mL", "DMSO"]))
    assert doses.values.dropna().tolist() == [0.1, 10.0]
    assert doses.mass == "ug/mL"
    assert read_doses(pd.Series(["0.1 uM", "10"])).mass == ""
