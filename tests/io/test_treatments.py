"""Lists of treatments in every form, and what is wrong with one."""

from __future__ import annotations

import pandas as pd
import pytest

from phenolens.errors import InputError
from phenolens.io.treatments import read_treatments
from phenolens.profiles import COMPOUND, CONCENTRATION, TREATMENT


def test_a_number_gives_names():
    assert read_treatments(3).labels[TREATMENT].tolist() == [
        "treatment-001", "treatment-002", "treatment-003"
    ]  # fmt: skip
    assert read_treatments("1000").labels[COMPOUND].iloc[-1] == "treatment-1000"


def test_names_alone():
    found = read_treatments(["a", "b"])
    assert found.labels[TREATMENT].tolist() == ["a", "b"]
    assert list(found.described) == ["compound"]


def test_doses_are_named_where_a_compound_has_several(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("drug,dose_nM,moa\ntaxol,300,tubulin\ntaxol,3000,tubulin\nnocodazole,300,\n")
    found = read_treatments(path)
    assert found.labels[TREATMENT].tolist() == ["taxol@0.3", "taxol@3", "nocodazole"]
    assert found.labels[CONCENTRATION].tolist() == [0.3, 3.0, 0.3]
    assert found.named_in == "drug"
    assert list(found.described) == ["drug", "dose_nM", "moa"]


def test_columns_that_a_plate_map_needs_for_itself_are_renamed():
    frame = pd.DataFrame({"compound": ["a"], "Well": ["B02"], "pert_type": ["trt"], "smiles": "C"})
    assert list(read_treatments(frame).described) == [
        "compound", "source_Well", "source_pert_type", "smiles"
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["My list", "gene"])
def test_a_single_column_or_genes_are_named_as_compounds_too(name):
    found = read_treatments(pd.DataFrame({name: ["a", "b"]}))
    assert found.named_in == "compound"
    assert found.described.to_dict("list") == {name: ["a", "b"], "compound": ["a", "b"]}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (0, "must be 1 to 100,000; got 0"),
        (-1, "got -1"),
        ([], "there is no treatment"),
        (None, "got NoneType"),
        (2.5, "got float"),
        ("nowhere.csv", "There is no file"),
        (["a", "b", "a"], "'a' stands in rows 1 and 3"),
        (["a", None], "row 2 names no compound"),
        (pd.DataFrame({"x": [1], "y": [2]}), "no column names the compound"),
        (pd.DataFrame({"compound": ["a"], "dose": ["much"]}), "such as row 1: 'much'"),
        (
            pd.DataFrame({"compound": ["a", "a"], "dose": [1, 1.0]}),
            r"'a' stands in rows 1 and 2.*replicates \(--replicates\)",
        ),
    ],
)
def test_what_is_wrong_is_one_line(given, said):
    with pytest.raises(InputError, match=said) as told:
        read_treatments(given)
    assert "\n" not in str(told.value)


def test_what_is_doubtful_is_no_unread_dose():
    given = pd.DataFrame({"compound": ["cpd-a", "CPD A"], "dose": [10_000.0, 3.0]})
    found = read_treatments(given)
    labels = found.labels
    assert {doubt.code for doubt in found.doubts} == {"compound-spellings", "doses-implausible"}
    assert labels[COMPOUND].tolist() == ["cpd-a", "CPD A"]
    assert labels[CONCENTRATION].tolist() == [10_000.0, 3.0]
