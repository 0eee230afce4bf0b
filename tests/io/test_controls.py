"""Negative controls of a table that was handed in: by convention, query or mask."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens.errors import DesignError, InputError
from phenolens.io.controls import control_rows
from phenolens.io.given import open_table


def rows(**columns: object) -> pd.DataFrame:
    frame = pd.DataFrame({"Plate": ["P1", "P1", "P2"], "f1": [1.0, 2.0, 3.0]} | columns)
    return open_table(frame).metadata()


@pytest.mark.parametrize(
    "columns",
    [
        {"Metadata_Control": [True, False, True]},
        {"control": [1, 0, 1]},
        {"Metadata_control_type": ["negcon", "poscon_cp", "negcon"]},
        {"pert_type": ["negcon", "trt", "negcon"], "dose": [0, "x", None]},
        {"compound": ["dmso", "taxol", "DMSO"]},
        {"pert_iname": ["DMSO", "taxol", "DMSO"], "Metadata_broad_sample": ["a", "b", "c"]},
        {"control": ["negcon", "trt", "negcon"]},
        {"Metadata_broad_sample": [None, "BRD-1", ""], "Metadata_Concentration": [None, "x", 1]},
        {"gene": ["untreated", "TP53", "untreated"]},
        {"Metadata_JCP2022": ["JCP2022_033924", "JCP2022_000001", "JCP2022_033924"]},
    ],
)  # fmt: skip
def test_the_fields_conventions(columns):
    assert control_rows(rows(**columns), None).tolist() == [True, False, True]


def test_a_query_may_leave_the_prefix_out():
    table = rows(Metadata_compound=["DMSO", "taxol", "DMSO"])
    for query in ("Metadata_compound == 'DMSO'", "compound == 'DMSO' and Plate == 'P1'"):
        assert control_rows(table, query)[:2].tolist() == [True, False]
    assert control_rows(table, "all").all()
    assert control_rows(table, [False, True, False]).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("controls", "error", "words"),
    [
        (None, DesignError, r"by convention.*name them with controls=.*controls='all'"),
        (
            "compund == 'x'",
            InputError,
            r"controls = .*no column 'compund'; did you mean 'Metadata_compound'",
        ),
        ("compound ==", InputError, r"controls = 'compound ==' cannot be evaluated"),
        ("compound", InputError, r"does not say yes or no"),
        ("compound == 'x'", DesignError, r"controls = .* matches none of 3 rows"),
        ([True], InputError, r"one true or false per row \(3 rows\); got bool of shape \(1,\)"),
        ([0, 1, 0], InputError, r"got int64 of shape \(3,\)"),
        (np.zeros(3, bool), DesignError, r"controls matches none of 3 rows"),
    ],
)
def test_what_names_no_controls_is_refused_in_one_line(controls, error, words):
    with pytest.raises(error, match=words) as refused:
        control_rows(rows(compound=["a", "b", "c"]), controls)
    assert "\n" not in str(refused.value)
