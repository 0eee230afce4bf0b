"""Splits: who is tested when, who calibrates, and when a design is refused."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from phenolens.errors import DesignError, InputError, LeakError
from phenolens.profiles import from_frame, is_control
from phenolens.splits import Folds, control_roles, make_folds
from phenolens.splits.naming import draw
from phenolens.splits.spread import spread

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


def replicate_plates(copies: list[int], n_treatments: int = 6) -> pd.DataFrame:
    """Layouts of their own treatments, each on so many plates; DMSO and a reference on all."""
    return pd.DataFrame(
        [
            (f"L{layout}-{copy}", f"A{well:02d}", name, name == "DMSO", f"W{layout // 2}-{copy}")
            for layout, n_copies in enumerate(copies)
            for copy in range(n_copies)
            for well, name in enumerate(
                ["DMSO", "DMSO", "reference", *(f"l{layout}t{i}" for i in range(n_treatments))]
            )
        ],
        columns=["Metadata_Plate", "Metadata_Well", LABEL, "Metadata_Control", "Metadata_Batch"],
    )


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
    assert set(left["reason"]) == {"class-in-one-unit-only"}


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


def test_replicate_plates_land_in_different_folds_and_the_folds_are_even():
    frame = replicate_plates([3] * 17 + [4])
    for seed in range(5):
        table = make_folds(frame, label=LABEL, seed=seed, leave_out="plate").table
        assert (table["fold"] >= 0).all()
        assert set(table.groupby("left_out")["unit"].nunique()) == {11}
        folds = table[table["label"].str.startswith("l")].groupby("label")["left_out"].nunique()
        assert set(folds) == {3, 4}


def test_controls_do_not_make_plates_replicates():
    """Twelve kinds of control on every plate, more than the treatments that tell plates apart."""
    frame = replicate_plates([3] * 6, n_treatments=4)
    guides = (
        frame[["Metadata_Plate"]].drop_duplicates().merge(pd.DataFrame({"n": range(12)}), "cross")
    )
    guides = guides.assign(
        Metadata_Well="B" + guides["n"].astype(str),
        Metadata_Treatment="guide" + guides["n"].astype(str),
        Metadata_Control=True,
    )
    frame = pd.concat([frame, guides], ignore_index=True)
    for seed in range(5):
        table = make_folds(frame, label=LABEL, seed=seed, leave_out="plate").table
        treated = table[table["label"].str.startswith("l")]
        assert set(treated.groupby("label")["left_out"].nunique()) == {3}


def test_a_class_of_two_units_is_not_left_in_one_fold():
    """Eight mechanisms, each seen in two weeks of ten, beside what each week has for itself."""
    rng = np.random.default_rng(0)
    weeks = [w for _ in range(8) for w in rng.choice(10, 2, replace=False)]
    rows = [(f"m{i // 2}", week) for i, week in enumerate(weeks)]
    rows += [(f"own{week}-{i}", week) for week in range(10) for i in range(3)]
    frame = pd.DataFrame(rows, columns=["Metadata_Mechanism", "week"])
    frame["Metadata_Batch"] = frame["week"].map("W{}".format)
    frame["Metadata_Plate"] = frame["Metadata_Batch"]
    frame["Metadata_Well"] = [f"A{i:02d}" for i in range(len(frame))]
    for seed in range(10):
        folds = make_folds(frame, label="Metadata_Mechanism", seed=seed, leave_out="batch")
        assert set(folds.excluded()["reason"]) == {"class-in-one-unit-only"}
        assert set(folds.table.groupby("left_out")["unit"].nunique()) == {2}


def test_no_more_units_than_folds_are_numbered_by_name():
    table = make_folds(screen(), label=LABEL, seed=3, leave_out="plate").table
    assert (table["fold"] == table["Metadata_Plate"].str[1:].astype(int) - 1).all()


def others(frame: pd.DataFrame, lost: int, **how) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Folds of all wells but one, made with it and without it."""
    gone = frame.iloc[lost]
    before = make_folds(frame, **how).table
    same = (before["Metadata_Plate"] == gone["Metadata_Plate"]) & (
        before["Metadata_Well"] == gone["Metadata_Well"]
    )
    after = make_folds(frame.drop(index=frame.index[lost]), **how).table
    return before[~same].reset_index(drop=True), after


def test_a_lost_well_leaves_the_folds_of_four_replicate_plates_alone():
    frame = screen(n_treatments=40)
    for lost in range(len(frame)):
        pd.testing.assert_frame_equal(*others(frame, lost, label=LABEL, seed=0, leave_out="plate"))


@settings(deadline=None, max_examples=60)
@given(
    copies=st.lists(st.integers(2, 4), min_size=1, max_size=7),
    n_treatments=st.integers(3, 6),
    seed=st.integers(0, 1000),
    unit=st.sampled_from(["plate", "batch"]),
    data=st.data(),
)
def test_a_lost_well_does_not_re_deal_replicates(copies, n_treatments, seed, unit, data):
    """Of its own class, a single well that is left can no longer be tested; nothing else moves."""
    frame = replicate_plates(copies, n_treatments)
    lost = data.draw(st.integers(0, len(frame) - 1))
    before, after = others(frame, lost, label=LABEL, seed=seed, leave_out=unit)
    pd.testing.assert_series_equal(before["left_out"], after["left_out"])
    alone = after["label"].map(after.groupby("label")["unit"].nunique()) == 1
    assert (after.loc[alone, "label"] == frame.iloc[lost][LABEL]).all()
    pd.testing.assert_frame_equal(before[~alone], after[~alone])


@settings(deadline=None, max_examples=100)
@given(
    wells=st.lists(st.tuples(*[st.integers(0, 9)] * 2, st.integers(0, 3)), min_size=8, max_size=60),
    seed=st.integers(0, 1000),
    unit=st.sampled_from(["plate", "batch", "compound", "position"]),
    label=st.sampled_from(["Metadata_Mechanism", None]),
    data=st.data(),
)
def test_numbers_of_wells_decide_no_fold(wells, seed, unit, label, data):
    """Any layout: a well that is not its unit's only one of its class changes nothing."""
    frame = pd.DataFrame(wells, columns=["plate", "compound", "mechanism"]).astype(str)
    frame = frame.add_prefix("Metadata_").rename(columns=lambda c: c.title())
    frame["Metadata_Batch"] = (frame["Metadata_Plate"].astype(int) // 2).astype(str)
    frame["Metadata_Control"] = frame["Metadata_Compound"] == "0"
    place = frame.groupby("Metadata_Plate").cumcount()
    frame["Metadata_Well"] = (place % 8).astype(str)
    assume(not frame.duplicated(["Metadata_Plate", "Metadata_Well"]).any())
    column = {"position": "Metadata_Well"}.get(unit, f"Metadata_{unit.title()}")
    among = [column, "Metadata_Mechanism", "Metadata_Control"]
    more = frame[frame.duplicated(among, keep=False)].index
    if label is None and unit == "compound":
        more = more[~frame.loc[more, "Metadata_Control"]]
    assume(len(more))
    lost = data.draw(st.sampled_from(list(more)))
    try:
        before, after = others(frame, lost, label=label, seed=seed, leave_out=unit)
    except DesignError:
        assume(False)
    pd.testing.assert_frame_equal(before, after)


@settings(deadline=None, max_examples=100)
@given(
    labels=st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=60),
    seed=st.integers(0, 1000),
    n_folds=st.integers(2, 6),
    data=st.data(),
)
def test_a_lost_well_moves_only_those_of_its_class_that_drew_a_taken_fold(
    labels, seed, n_folds, data
):
    frame = pd.DataFrame({"label": labels, "control": False})
    frame["unit"] = [f"P1/{i}" for i in frame.index]
    lost = data.draw(st.sampled_from(list(frame.index)))
    kept = frame.drop(index=lost)
    how = {"leave_out": "well", "seed": seed, "max_folds": n_folds}
    fold = pd.Series(spread(frame, **how), frame.index)
    after = pd.Series(spread(kept, **how), kept.index)
    reached = fold.groupby(frame["label"]).nunique()
    assert reached.to_dict() == frame["label"].value_counts().clip(upper=n_folds).to_dict()
    moved = kept.index[fold[kept.index] != after]
    assert set(frame.loc[moved, "label"]) <= {labels[lost]}
    frame["draw"] = [draw(seed, unit) for unit in frame["unit"]]
    frame["own"] = frame["draw"] % n_folds
    first = ~frame.sort_values("draw").duplicated(["label", "own"]).sort_index()
    assert (fold[first] == frame.loc[first, "own"]).all()
    assert not first[moved].any()


def test_a_lost_unit_moves_few_others():
    """Each well a compound of its own: with a well its unit goes, and a few even the folds out."""
    mechanisms = np.repeat(np.arange(80), np.random.default_rng(0).integers(2, 7, 80))
    frame = pd.DataFrame({"Metadata_Mechanism": [f"m{m}" for m in mechanisms]})
    frame["Metadata_Compound"] = frame["Metadata_Well"] = [f"c{i}" for i in frame.index]
    frame["Metadata_Plate"] = "P1"
    for lost in range(0, len(frame), 10):
        before, after = others(
            frame, lost, label="Metadata_Mechanism", seed=0, leave_out="compound"
        )
        assert (before["left_out"] != after["left_out"]).mean() < 0.05


def test_wells_without_a_class_have_no_folds():
    with pytest.raises(DesignError):
        make_folds(screen().assign(**{LABEL: None}), label=LABEL, seed=0, leave_out="well")


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


@pytest.mark.parametrize("unit", ["well", "plate", "position", "treatment"])
@pytest.mark.parametrize("label", [LABEL, None])
def test_folds_do_not_depend_on_row_order(unit, label):
    frame = replicate_plates([3, 3, 2])
    frame["Metadata_Mechanism"] = frame[LABEL].str[-1]
    label = "Metadata_Mechanism" if label and unit == "treatment" else label
    shuffled = frame.sample(frac=1, random_state=1)
    left, right = (
        make_folds(f, label=label, seed=5, leave_out=unit).table for f in (frame, shuffled)
    )
    pd.testing.assert_frame_equal(left, right)


def test_null_labels_neither_train_nor_test():
    frame = screen()
    frame.loc[0, LABEL] = None
    folds = make_folds(frame, label=LABEL, seed=0)
    used = [np.concatenate([train, test]) for _, train, test in folds.iterate(as_table(frame))]
    assert all(0 not in rows for rows in used)
    assert (folds.excluded()["reason"] == "no-label-known").sum() == 1


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
        (6, {"calibrate": 4, "evaluate": 2}),
        (64, {"calibrate": 43, "evaluate": 21}),
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
