"""Splits: who is tested when, who calibrates, and when a design is refused."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from phenolens.errors import DesignError, InputError, LeakError
from phenolens.profiles import from_frame, is_control
from phenolens.splits import Folds, control_roles, make_folds

LABEL = "Metadata_Treatment"


def screen(n_plates: int = 4, n_treatments: int = 10, n_controls: int = 8) -> pd.DataFrame:
    """A screen of one layout: each treatment in one well a plate, and DMSO."""
    names = [f"t{i:02d}" for i in range(n_treatments)] + ["DMSO"] * n_controls
    wells = [f"{'ABCDEFGH'[i // 12]}{i % 12 + 1:02d}" for i in range(len(names))]
    plates = [f"P{i}" for i in range(1, n_plates + 1)]
    frame = pd.DataFrame(
        [(p, w, t) for p in plates for w, t in zip(wells, names, strict=True)],
        columns=["Metadata_Plate", "Metadata_Well", LABEL],
    )
    frame["Metadata_Control"] = frame[LABEL] == "DMSO"
    return frame


def as_table(frame: pd.DataFrame) -> pd.DataFrame:
    return from_frame(frame.assign(x=0.0))


def test_replicate_plates_are_left_out_one_at_a_time():
    frame = screen()
    folds = make_folds(frame, label=LABEL, seed=0)
    assert (folds.leave_out, folds.n_folds) == ("plate", 4)
    for _, train, test in folds.iterate(as_table(frame)):
        assert frame.iloc[test]["Metadata_Plate"].nunique() == 1
        assert not set(frame.iloc[test]["Metadata_Plate"]) & set(
            frame.iloc[train]["Metadata_Plate"]
        )
        assert set(frame.iloc[test][LABEL]) <= set(frame.iloc[train][LABEL])


def test_one_plate_leaves_wells_out_and_counts_what_cannot_be_tested():
    frame = screen(n_plates=1)
    frame.loc[1, LABEL] = "t00"
    folds = make_folds(frame, label=LABEL, seed=0)
    assert folds.leave_out == "well"
    tested = folds.table[folds.table["fold"] >= 0]
    assert set(tested["label"]) == {"t00", "DMSO"}
    left = folds.excluded()
    assert left["n"].sum() == 8
    assert set(left["reason"]) == {"class in one well only"}


def test_a_class_in_a_single_well_everywhere_is_refused_with_the_nearest_design():
    with pytest.raises(DesignError, match="second replicate plate"):
        make_folds(screen(n_plates=1), label=LABEL, seed=0)


def test_leaving_out_plates_of_a_single_plate_names_leave_well_out():
    frame = screen(n_plates=1)
    frame.loc[1, LABEL] = "t00"
    with pytest.raises(DesignError, match="leave-well-out, 1 classes"):
        make_folds(frame, label=LABEL, seed=0, leave_out="plate")


def test_more_plates_than_folds_keep_a_class_on_both_sides():
    frame = pd.concat(
        screen(n_plates=3).assign(
            Metadata_Plate=lambda d, i=i: f"W{i}" + d["Metadata_Plate"],
            Metadata_Treatment=lambda d, i=i: d[LABEL].where(
                d["Metadata_Control"], d[LABEL] + f"w{i}"
            ),
        )
        for i in range(6)
    )
    folds = make_folds(frame, label=LABEL, seed=3, leave_out="plate")
    assert folds.n_folds == 5
    assert (folds.table["fold"] >= 0).all()


def test_fields_of_a_well_stay_together():
    frame = screen()
    fields = pd.concat([frame.assign(Metadata_Site=i) for i in range(3)], ignore_index=True)
    folds = make_folds(fields, label=LABEL, seed=0, leave_out="well")
    table = as_table(fields)
    for _, train, test in folds.iterate(table):
        wells = [
            set(map(tuple, fields.iloc[p][["Metadata_Plate", "Metadata_Well"]].values))
            for p in (train, test)
        ]
        assert not wells[0] & wells[1]


def test_folds_do_not_depend_on_row_order():
    frame = screen()
    shuffled = frame.sample(frac=1, random_state=1)
    for unit in ("well", "plate"):
        left = make_folds(frame, label=LABEL, seed=5, leave_out=unit).table
        right = make_folds(shuffled, label=LABEL, seed=5, leave_out=unit).table
        pd.testing.assert_frame_equal(left, right)


def test_null_labels_neither_train_nor_test():
    frame = screen()
    frame.loc[0, LABEL] = None
    folds = make_folds(frame, label=LABEL, seed=0)
    used = [np.concatenate([train, test]) for _, train, test in folds.iterate(as_table(frame))]
    assert all(0 not in rows for rows in used)
    assert (folds.excluded()["reason"] == "no label").sum() == 1


def test_compounds_left_out_of_mechanism_classes():
    frame = screen(n_treatments=9)
    frame["Metadata_Compound"] = frame[LABEL]
    frame["Metadata_Mechanism"] = frame[LABEL].map(
        lambda t: "none" if t == "DMSO" else f"m{int(t[1:]) % 4}"
    )
    folds = make_folds(frame, label="Metadata_Mechanism", seed=0, leave_out="compound")
    assert set(folds.excluded()["label"]) == {"none"}
    for _, train, test in folds.iterate(as_table(frame)):
        assert not set(frame.iloc[test][LABEL]) & set(frame.iloc[train][LABEL])


def test_label_disjoint_folds_spread_the_controls():
    frame = screen()
    folds = make_folds(frame, label=None, seed=0, leave_out="treatment")
    assert (folds.table["fold"] >= 0).all()
    for _, train, test in folds.iterate(as_table(frame)):
        treated = [set(frame.iloc[p][LABEL]) - {"DMSO"} for p in (train, test)]
        assert not treated[0] & treated[1]
        assert (
            frame.iloc[test]["Metadata_Control"].any()
            and frame.iloc[train]["Metadata_Control"].any()
        )


def test_label_disjoint_folds_need_two_units():
    with pytest.raises(DesignError, match="only one"):
        make_folds(screen(n_plates=1), label=None, seed=0, leave_out="plate")


def test_scaffolds_without_rdkit_or_column_are_refused():
    pytest.importorskip("pandas")
    with pytest.raises(InputError, match="Scaffold"):
        make_folds(screen(), label=LABEL, seed=0, leave_out="scaffold")


def test_saved_folds_come_back_the_same(tmp_path):
    folds = make_folds(screen(), label=LABEL, seed=0)
    folds.save(tmp_path / "folds")
    again = Folds.load(tmp_path / "folds")
    pd.testing.assert_frame_equal(folds.table, again.table)
    assert (again.leave_out, again.unit, again.label, again.seed) == (
        "plate",
        "Metadata_Plate",
        LABEL,
        0,
    )


def test_edited_folds_that_leak_are_caught():
    folds = make_folds(screen(), label=LABEL, seed=0)
    table = folds.table.copy()
    table.loc[0, "left_out"] = (table.loc[0, "left_out"] + 1) % 4
    with pytest.raises(LeakError):
        Folds("plate", "Metadata_Plate", LABEL, table).check()


def test_rows_of_an_unknown_well_are_refused():
    frame = screen()
    folds = make_folds(frame, label=LABEL, seed=0)
    other = frame.assign(Metadata_Plate="elsewhere")
    with pytest.raises(InputError, match="elsewhere"):
        next(folds.iterate(as_table(other)))


def test_a_well_with_two_labels_is_refused():
    frame = pd.concat([screen(), screen().iloc[:1].assign(**{LABEL: "other"})])
    with pytest.raises(InputError, match="more than one value"):
        make_folds(frame, label=LABEL, seed=0)


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (0, {}),
        (1, {"reused": 1}),
        (5, {"swap-a": 3, "swap-b": 2}),
        (6, {"calibrate": 4, "judge": 2}),
        (64, {"calibrate": 43, "judge": 21}),
    ],
)
def test_control_roles_by_number_of_controls(n, expected):
    frame = screen(n_plates=2, n_treatments=2, n_controls=n)
    roles = control_roles(frame, seed=0)
    assert (roles[~frame["Metadata_Control"]] == "").all()
    for _, part in roles[frame["Metadata_Control"]].groupby(frame["Metadata_Plate"]):
        assert part.value_counts().to_dict() == expected


def test_a_well_of_unknown_kind_is_no_control():
    frame = screen(n_plates=1)
    frame["Metadata_Control"] = frame["Metadata_Control"].astype(object)
    frame.loc[0, "Metadata_Control"] = None
    assert control_roles(frame, seed=0)[0] == ""
    assert not is_control(as_table(frame))[0]
    assert is_control(as_table(frame)).sum() == 8


def test_control_roles_follow_names_not_row_order():
    frame = screen()
    shuffled = frame.sample(frac=1, random_state=0)
    left, right = control_roles(frame, seed=1), control_roles(shuffled, seed=1)
    pd.testing.assert_series_equal(left, right.sort_index())
    assert not left.equals(control_roles(frame, seed=2))


def test_importing_splits_is_light():
    code = "import phenolens.splits, sys; print('sklearn' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
