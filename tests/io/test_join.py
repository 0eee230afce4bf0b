"""Properties every join keeps: no well is lost, order and spelling do not matter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phenolens.errors import InputError
from phenolens.io.columns import (
    key_text,
    normal_name,
    pair_text,
    place,
    tidy,
    well_text,
    with_wells,
)
from phenolens.io.join import Source, collapse, join_table
from phenolens.io.ledger import Ledger
from phenolens.profiles import row_letters

LABELS = frozenset({"Metadata_compound"})
positions = st.tuples(st.integers(0, 31), st.integers(1, 48))


def spelled(position: tuple[int, int], style: int) -> str:
    """One of the ways people write a well."""
    letters, column = row_letters(position[0]), position[1]
    return [
        f"{letters}{column:02d}",
        f"{letters.lower()}{column}",
        f" {letters}{column}",
        f"{letters.lower()}{column:02d} ",
    ][style]


@given(st.lists(positions, min_size=1, max_size=30), st.data())
def test_spellings_of_a_well_are_one(places, data):
    styles = [data.draw(st.integers(0, 3)) for _ in places]
    written = pd.Series([spelled(p, s) for p, s in zip(places, styles, strict=True)])
    expected = [f"{row_letters(row)}{column:02d}" for row, column in places]
    assert well_text(written).tolist() == expected


def test_blanks_of_several_kinds_are_no_wells():
    """Two values that are no number are not equal, not even to themselves."""
    blank = pd.Series(["A1", float("nan"), float("nan"), None, pd.NA, ""], dtype=object)
    assert well_text(blank).tolist() == ["A01", "", "", "", "", ""]


@given(st.text(max_size=6))
def test_no_text_breaks_the_well_names(text):
    name = well_text(pd.Series([text]))[0]
    assert name == "" or well_text(pd.Series([name]))[0] == name


def source(**given_: object) -> Source:
    return Source(name="table", ledger=Ledger(), identity=LABELS, **given_)


@settings(max_examples=60, deadline=None)
@given(
    wells=st.lists(positions, min_size=1, max_size=20, unique=True),
    listed=st.lists(positions, min_size=1, max_size=20, unique=True),
    seed=st.integers(0, 2**16),
)
def test_joins_lose_no_well_and_ignore_order(wells, listed, seed):
    frame = pd.DataFrame(
        {"Metadata_Plate": "P1", "Metadata_Well": [spelled(p, 0) for p in wells]}
    ).sort_values("Metadata_Well", ignore_index=True)
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {"pos": [spelled(p, int(rng.integers(4))) for p in listed],
         "compound": [f"c{n}" for n in range(len(listed))]}
    )  # fmt: skip
    matches = set(wells) & set(listed)
    if not matches:
        with pytest.raises(InputError):
            join_table(frame, table, {"Metadata_Well": "pos"}, source=source())
        return
    joined = join_table(frame, table, {"Metadata_Well": "pos"}, source=(told := source()))
    shuffled = table.sample(frac=1, random_state=seed)
    again = join_table(frame, shuffled, {"Metadata_Well": "pos"}, source=source())
    pd.testing.assert_frame_equal(joined, again)
    assert joined["Metadata_Well"].tolist() == frame["Metadata_Well"].tolist()
    meant = dict(zip(map(tuple, listed), table["compound"], strict=True))
    expected = {spelled(p, 0): meant.get(p) for p in wells}
    got = dict(zip(joined["Metadata_Well"], joined["Metadata_compound"], strict=True))
    assert {k: v if isinstance(v, str) else None for k, v in got.items()} == expected
    note = told.ledger.joins[0]
    assert (note.matched, note.unmatched) == (len(matches), len(wells) - len(matches))
    assert note.unused == len(listed) - len(matches)


@given(st.lists(st.floats(-1e6, 1e6).map(lambda v: float(f"{v:.5g}")), min_size=1, max_size=20))
def test_numbers_join_as_numbers_whatever_their_type(values):
    as_text = pd.Series([repr(v) for v in values])
    left, right = pair_text(pd.Series(values), as_text)
    assert left.tolist() == right.tolist()
    single = key_text(pd.Series(values, dtype=np.float32).astype(float))
    np.testing.assert_allclose([float(v) for v in single], values, rtol=1e-5, atol=1e-30)


def test_identifiers_with_leading_zeros_stay_text():
    left, right = pair_text(pd.Series(["007", "x1"]), pd.Series([7, 8]))
    assert left.tolist() == ["007", "x1"]
    assert right.tolist() == ["7", "8"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Image_Metadata_Plate", "Metadata_Plate"),
        ("Metadata_Plate", "Metadata_Plate"),
        ("well_position", "Metadata_well_position"),
        ("Image_FileName_DNA", "Metadata_Image_FileName_DNA"),
    ],
)
def test_metadata_names_are_normalised(name, expected):
    assert normal_name(name) == expected


def test_a_name_taken_twice_keeps_both_columns():
    frame = pd.DataFrame({"Plate": ["a"], "Metadata_Plate": ["b"]})
    out = tidy(frame)
    assert out["Metadata_Plate"].tolist() == ["b"]
    assert out["Metadata_Plate_2"].tolist() == ["a"]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["x", "y", None])), min_size=1))
def test_collapse_keeps_one_row_a_key_and_names_every_conflict(rows):
    frame = pd.DataFrame({"Metadata_compound": [value for _, value in rows]}, dtype=object)
    keys = np.array([key for key, _ in rows], dtype=object)
    told = source()
    one, _ = collapse(frame, keys, source=told)
    assert list(one.index) == sorted(set(keys))
    for key in one.index:
        said = {value for k, value in rows if k == key and value is not None}
        value = one.loc[key, "Metadata_compound"]
        assert (value == next(iter(said))) if len(said) == 1 else pd.isna(value)
    contested = [k for k in set(keys) if {"x", "y"} <= {v for q, v in rows if q == k}]
    assert sum(conflict.wells for conflict in told.ledger.conflicts) == len(contested)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ([1, 2, 3], "numbers its wells (1, 2, 3), and whether 2 is A02 or B01 it does not say"),
        (["0101", "0102", "0201"], "holds no well names (got 0101, 0102, 0201); write names such"),
        ([None, None, " "], "'colrow' is empty where wells are meant"),
    ],
)
def test_a_table_that_names_no_well_says_what_would(written, said):
    wells = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": ["A01", "A02", "B01"]})
    table = pd.DataFrame({"colrow": written, "compound": ["a", "b", "c"]})
    with pytest.raises(InputError) as refused:
        join_table(wells, table, {"Metadata_Well": "colrow"}, source=source())
    assert said in str(refused.value)
    assert "a column Row and a column Column" in str(refused.value)


def test_rows_that_name_no_well_are_counted_with_an_example():
    wells = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": ["A01", "A02"]})
    table = pd.DataFrame({"well": ["A - 1", "r01c02", "empty", None], "compound": list("abcd")})
    noted = source()
    joined = join_table(wells, table, {"Metadata_Well": "well"}, source=noted)
    assert joined["Metadata_compound"].tolist() == ["a", "b"]
    assert "1 rows name no well, such as 'empty'; 1 rows have a blank well" in (
        noted.ledger.joins[0].note
    )


@given(st.lists(positions, min_size=1, max_size=20, unique=True), st.booleans(), st.booleans())
def test_rows_and_columns_of_a_plate_are_wells(places, lettered, from_zero):
    first = 0 if from_zero else 1
    if from_zero:
        places = [*places, (0, 1)]
    rows = [row_letters(r) if lettered else r + first for r, _ in places]
    table = pd.DataFrame({"Plate Row": rows, "Well Column": [c - 1 + first for _, c in places]})
    named = with_wells(table)["Metadata_Well"].tolist()
    assert named == [f"{row_letters(row)}{column:02d}" for row, column in places]


def test_a_row_and_a_column_count_where_the_column_of_wells_only_numbers_them():
    table = pd.DataFrame({"Well": [1, 2, 3], "Row": ["A", "A", "B"], "Column": [1, 2, 1]})
    assert list(place(table, None, "Metadata_Well", source="map")) == ["A01", "A02", "B01"]


@pytest.mark.parametrize(
    ("barcodes", "said"),
    [
        ({"Barcode": ["P1"]}, r"the screen with barcodes\.csv has no column 'Metadata_Map'"),
        ({"Barcode": ["P1"], "Map": ["inf"]}, r"Check 'on', or what was joined.*: barcodes\.csv"),
    ],
)
def test_a_key_that_another_table_should_have_brought_names_that_table(barcodes, said):
    wells = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": ["A01", "A02"]})
    own = source()
    first = Source("barcodes.csv", own.ledger, identity=LABELS)
    wells = join_table(wells, pd.DataFrame(barcodes), {"Metadata_Plate": "Barcode"}, source=first)
    platemap = pd.DataFrame({"map": ["M1", "M1"], "well": ["A01", "A02"], "compound": ["a", "b"]})
    with pytest.raises(InputError, match=said):
        join_table(wells, platemap, {"Metadata_Map": "map", "Metadata_Well": "well"}, source=own)
