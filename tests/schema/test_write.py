"""Tables are written as they are defined, whatever order they were made in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phenolens import schema
from phenolens.schema import Column, SchemaError, Table, conform, write

TABLE = Table(
    "doses.parquet",
    columns=(
        Column("representation", "string", "its name", in_order=True),
        Column("role", "string", "in this order", in_order=("treated", "control")),
        Column("well", "string", "by value"),
        Column("n", "int64", "whole", nullable=True),
        Column("dose", "float64", "real", nullable=True),
        Column("active", "bool", "yes or no", nullable=True),
        Column("note", "string", "words", nullable=True),
        Column("intensity_<stain>", "float64", "several", nullable=True),
        Column("p_smooth", "float64", "sometimes", when="one test only"),
    ),
    sort=("representation", "role", "well"),
)
NAMES = ["second", "first"]


def made() -> pd.DataFrame:
    rows = [(name, role, well) for name in NAMES for role in ("treated", "control")
            for well in ("A01", "B02")]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["representation", "role", "well"])
    return frame.assign(
        n=np.arange(8), dose=[1, None, 2, 3, 4, 5, 6, 7], active=None, note=None, intensity_DNA=1.0
    )


@given(rows=st.permutations(range(8)), columns=st.permutations(range(8)))
def test_any_order_of_rows_and_columns_gives_the_same_table(rows, columns):
    frame = made()
    mixed = frame.iloc[list(rows), list(columns)]
    found = conform(mixed, TABLE, order={"representation": NAMES})
    pd.testing.assert_frame_equal(found, conform(frame, TABLE))


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_any_order_gives_the_same_bytes(tmp_path, ending):
    frame = made()
    mixed = frame[frame.columns[::-1]].iloc[::-1]
    write(frame, TABLE, tmp_path / f"a.{ending}")
    write(mixed, TABLE, tmp_path / f"b.{ending}", order={"representation": NAMES})
    assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


def test_types_in_the_file_are_the_declared_ones_also_where_all_is_missing(tmp_path):
    frame = made().assign(n=[None, *range(7)])
    write(frame, TABLE, tmp_path / "a.parquet")
    types = {field.name: str(field.type) for field in pq.read_schema(tmp_path / "a.parquet")}
    assert types == {
        "representation": "string", "role": "string", "well": "string", "n": "int64",
        "dose": "double", "active": "bool", "note": "string", "intensity_DNA": "double",
    }  # fmt: skip
    again = pd.read_parquet(tmp_path / "a.parquet")
    assert again["n"].isna().tolist() == [True, *[False] * 7]
    assert again["note"].isna().all()


def test_representations_keep_the_order_in_which_they_came():
    assert conform(made(), TABLE)["representation"].unique().tolist() == NAMES


def test_without_a_declared_order_rows_stay_as_they_were_made():
    table = Table("hits.csv", columns=(Column("treatment", "string", "its name"),))
    found = conform(pd.DataFrame({"treatment": ["b", "a"]}, index=[7, 3]), table)
    assert found["treatment"].tolist() == ["b", "a"]
    assert found.index.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"surprise": 1}, "doses.parquet has no column 'surprise'"),
        ({"n": 1.5}, "'n' that are not int64: fractions"),
        ({"dose": "high"}, "'dose' that are not float64"),
        ({"well": 3}, "'well' that are not string"),
        ({"role": None}, "misses values of 'role'"),
        ({"well": "A01"}, "two rows of"),
    ],
)
def test_what_is_not_declared_is_refused(change, said):
    with pytest.raises(SchemaError, match=r"^doses\.parquet") as error:
        conform(made().assign(**change), TABLE)
    assert said in str(error.value)


def test_a_column_that_lacks_is_refused_and_one_that_may_lack_is_not():
    conform(made().drop(columns="intensity_DNA"), TABLE)
    with pytest.raises(SchemaError, match=r"doses\.parquet lacks its column 'dose'"):
        conform(made().drop(columns="dose"), TABLE)


def test_an_empty_table_has_its_types():
    empty = conform(made().head(0), TABLE)
    assert str(empty["n"].dtype) == "int64"


@pytest.mark.parametrize("table", schema.tables().values(), ids=lambda table: table.path)
def test_definitions_are_whole(table):
    names = [column.name for column in table.columns]
    assert len(set(names)) == len(names)
    assert set(table.sort) <= set(names)
    for column in table.columns:
        assert column.meaning and column.meaning.removesuffix("...")[-1] != ".", column.name
        assert column.heading


def test_every_file_is_defined_once():
    paths = [file.path for file in schema.files()]
    assert len(set(paths)) == len(paths)
