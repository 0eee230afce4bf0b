"""Folds for labels of cells hold out whole units, whatever classes a well holds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phenolens.errors import DesignError, InputError
from phenolens.splits.cells import CellFolds, make_cell_folds

KEY = ["Metadata_Plate", "Metadata_Well"]
cells_of = st.lists(
    st.tuples(
        st.sampled_from(["P1", "P2", "P3"]),
        st.sampled_from(["A01", "A02", "B01", "B02", "C01", "C02"]),
        st.sampled_from(["one", "two", "three", None]),
    ),
    min_size=1,
    max_size=60,
)


def frame(rows: list[tuple]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[*KEY, "Metadata_CellLabel"])


def folds_of(cells: pd.DataFrame, **how) -> CellFolds:
    wells = cells[KEY].drop_duplicates().assign(Metadata_Batch="b")
    return make_cell_folds(cells, wells, seed=0, **how)


@given(cells_of, st.sampled_from(["auto", "plate", "well", "position"]), st.integers(2, 5))
def test_no_unit_is_on_both_sides_and_what_is_tested_was_learned(rows, leave_out, most):
    cells = frame(rows)
    try:
        folds = folds_of(cells, leave_out=leave_out, max_folds=most)
    except DesignError as error:
        assert error.finding.code == "cell-classes-alone"
        assert "\n" not in str(error)
        return
    label = cells["Metadata_CellLabel"].to_numpy(dtype=object)
    unit = cells.merge(folds.wells, on=KEY, how="left")["unit"].to_numpy(dtype=object)
    tested = []
    for _, train, test in folds.iterate(cells):
        assert not set(unit[train]) & set(unit[test])
        assert set(label[test]) <= set(label[train])
        assert not pd.isna(label[[*train, *test]]).any()
        tested += test.tolist()
    assert len(tested) == len(set(tested))
    never = set(folds.classes.loc[folds.classes["reason"] != "", "label"])
    assert never == {name for name in label if name is not None} - set(label[tested])
    assert folds.classes["cells"].sum() == cells["Metadata_CellLabel"].notna().sum()


def test_plates_are_left_out_where_classes_are_on_several_else_wells():
    both = [(p, w, c) for p in ("P1", "P2") for w in ("A01", "A02") for c in ("one", "two")]
    assert folds_of(frame(both)).leave_out == "plate"
    apart = [("P1", w, c) for w in ("A01", "A02") for c in ("one", "two")]
    found = folds_of(frame(apart))
    assert (found.leave_out, found.n_folds, found.mixed) == ("well", 2, 2)
    with pytest.raises(DesignError, match=r"one and two lie in one plate only.*leave_out = 'well'"):
        folds_of(frame(apart), leave_out="plate")


def test_a_class_that_few_wells_hold_is_spread_over_folds():
    wells = [f"{row}{column:02d}" for row in "ABCDEFGH" for column in range(1, 6)]
    rows = [("P1", well, c) for well in wells for c in ("one", "two")]
    rows += [("P1", well, "few") for well in ("A01", "D03")]
    for seed in range(20):
        cells = frame(rows)
        folds = make_cell_folds(cells, cells[KEY].drop_duplicates(), seed=seed)
        few = folds.wells[folds.wells["Metadata_Well"].isin(["A01", "D03"])]
        assert few["fold"].nunique() == 2
        assert np.ptp(np.bincount(folds.wells["fold"])) <= 1


def test_what_wells_do_not_say_cannot_be_left_out():
    rows = [("P1", w, c) for w in ("A01", "A02") for c in ("one", "two")]
    with pytest.raises(InputError, match="'Metadata_Scaffold'"):
        folds_of(frame(rows), leave_out="scaffold")
    with pytest.raises(InputError, match="Cannot leave out 'moon'"):
        folds_of(frame(rows), leave_out="moon")
