"""The profile table: keys survive, nothing is lost, well names have one form."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phenolens import profiles
from phenolens.errors import InputError
from phenolens.profiles import PLATE, WELL


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            PLATE: ["P1", "P1", "P2", "P2"],
            WELL: ["A01", "A02", "A01", "A02"],
            "Metadata_Treatment": ["a", None, "a", "b"],
            "x": [1.0, 2.0, 3.0, np.nan],
            "y": [1, 2, 3, 4],
        }
    )


@pytest.mark.parametrize(
    "text",
    [
        "a1", "A1", "a01", "A01", " A01 ", "A001", "A-1", "A - 1", "A_01", "A:1", "A 01", "01A",
        "1A", "r01c01", "R1C1", "R01-C01", "row 1 col 1", "Well A01", "well_a1", "WellA1",
        "Well: A-1", "'A01", "'A01'", '"A01"', "’A1", "Well 'A01'",
    ],
)  # fmt: skip
def test_one_well_has_one_name(text):
    assert profiles.well_name(text) == "A01"


@pytest.mark.parametrize(
    "text",
    [
        "", "A0", "0A", "12", "0102", "AG01", "A49", "49A", "ZZ1", None, "A1B", "r33c1", "r1c49",
        "1.0", "A--1", "A,1", "colrow", "Well", "Well 7", "'", "wells A01", "Well_well_A01",
    ],
)  # fmt: skip
def test_what_is_no_well_is_refused(text):
    with pytest.raises(InputError, match="not a well name"):
        profiles.well_name(text)


@given(row=st.integers(0, 31), column=st.integers(1, 48))
def test_positions_and_names_are_inverse(row, column):
    letters = profiles.row_letters(row)
    forms = (
        f"{letters.lower()}{column}", f"{letters} - {column}", f"{letters}{column:03d}",
        f"{column:02d}{letters}", f"r{row + 1:02d}c{column:02d}", f"R{row + 1}C{column}",
    )  # fmt: skip
    for form in forms:
        name = profiles.well_name(form)
        assert profiles.well_position([name]).tolist() == [[row, column - 1]]
        assert profiles.well_name(name) == name == f"{letters}{column:02d}"


def test_the_corner_of_a_1536_well_plate_is_AF48():
    assert profiles.well_position(["AF48"]).tolist() == [[31, 47]]


def test_metadata_becomes_the_index_and_comes_back():
    table = profiles.from_frame(frame())
    assert table.dtypes.tolist() == [np.float32, np.float32]
    expected = (
        frame().astype({"x": "float32", "y": "float32"}).fillna({"Metadata_Treatment": np.nan})
    )
    pd.testing.assert_frame_equal(profiles.to_frame(table), expected)


def test_text_among_features_is_refused_by_name():
    with pytest.raises(InputError, match="solvent"):
        profiles.from_frame(frame().assign(solvent="DMSO"))


def test_a_table_without_keys_is_refused():
    with pytest.raises(InputError, match="no column that starts with"):
        profiles.from_frame(pd.DataFrame({"x": [1.0]}))


def test_null_groups_are_groups():
    table = profiles.from_frame(frame())
    counts = profiles.column(profiles.aggregate(table, ["Metadata_Treatment"]), "Metadata_Count")
    assert counts.sum() == len(table)


def test_aggregation_ignores_missing_values_and_keeps_constant_metadata():
    table = profiles.from_frame(frame())
    by_plate = profiles.aggregate(table, [PLATE])
    assert by_plate["x"].tolist() == [1.5, 3.0]
    assert WELL not in by_plate.index.names
    assert profiles.aggregate(table, [WELL]).index.names[0] == WELL


@given(st.permutations(range(4)))
def test_groups_do_not_depend_on_row_order(order):
    table = profiles.from_frame(frame())
    shuffled = profiles.take(table, np.array(order))
    codes, keys = profiles.groups(table, [PLATE, WELL])
    other, same_keys = profiles.groups(shuffled, [PLATE, WELL])
    assert codes[list(order)].tolist() == other.tolist()
    pd.testing.assert_frame_equal(keys, same_keys)


def test_slices_drop_levels_nobody_uses():
    table = profiles.from_frame(frame())
    part = profiles.take(table, profiles.column(table, PLATE) == "P1")
    assert list(part.index.levels[0]) == ["P1"]


def test_duplicate_keys_are_named():
    table = profiles.from_frame(frame().assign(**{WELL: "A01"}))
    with pytest.raises(InputError, match="P1/A01"):
        profiles.require_unique(table, [PLATE, WELL])


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet"])
def test_tables_survive_the_disk(tmp_path, name):
    table = profiles.from_frame(frame())
    profiles.write(table, tmp_path / name)
    pd.testing.assert_frame_equal(profiles.read(tmp_path / name), table)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["empty.csv", "bad.parquet", "absent.csv", "picture.png"])
def test_unreadable_tables_are_one_line(tmp_path, name):
    if not name.startswith("absent"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match=name):
        profiles.read_frame(tmp_path / name)


def test_an_unknown_column_names_those_there_are():
    with pytest.raises(InputError, match="Metadata_Treatment"):
        profiles.column(profiles.from_frame(frame()), "Metadata_Plato")


def test_stacked_tables_align_by_name():
    table = profiles.from_frame(frame())
    both = profiles.stack([table, table[["y"]]])
    assert len(both) == 8
    assert both["x"].isna().sum() == 5
