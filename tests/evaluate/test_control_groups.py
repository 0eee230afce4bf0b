"""Control wells are dealt into groups that lie as the treatments do, each well into one at most."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phenolens.evaluate.activity.control_groups import control_groups, shape_of
from phenolens.profiles import CONTROL, PLATE, TREATMENT, WELL, well_position
from phenolens.simulate.arrangements import FAULTY, SOUND, Arrangement, arrange, possible

BLOCKS = {"kind": "neighbours", "plates": 1, "replicates": 6, "controls": "two columns"}


def laid_out(**given: object) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Plate, place, treatment and control of each well of a layout."""
    wells, _ = arrange(Arrangement(**given))
    control = wells[CONTROL].to_numpy()
    group = np.where(control, -1, pd.factorize(wells[TREATMENT])[0])
    return pd.factorize(wells[PLATE])[0], well_position(wells[WELL]), group, control


def grouped(**given: object):
    plate, place, group, control = laid_out(**given)
    shape = shape_of(plate, place, group)
    groups = control_groups(shape, plate, place, group=group, control=control)
    return shape, groups, plate, place


@pytest.mark.parametrize(
    ("code", "given"),
    [
        ("scattered", {"kind": SOUND}),
        ("same-position", {"kind": "same"}),
        ("same-positions", {"kind": "several", "replicates": 8}),
        ("near-position", {"kind": "near"}),
        ("row", {"kind": "rows"}),
        ("column", {"kind": "columns"}),
        ("region", {"kind": "quadrants"}),
        ("neighbours", BLOCKS),
    ],
)
def test_the_shape_of_most_treatments_is_told(code, given):
    shape, *_ = grouped(seed=3, **given)
    assert shape.code == code
    assert sum(shape.wells) == given.get("replicates", 4)
    assert shape.share > 0.5


def test_groups_share_a_position_where_treatments_do():
    shape, groups, plate, place = grouped(kind="same")
    assert shape.wells == (1, 1, 1, 1)
    assert len(groups) == 32
    for rows in groups:
        assert len(np.unique(place[rows], axis=0)) == 1
        assert len(np.unique(plate[rows])) == 4


def test_groups_are_neighbours_where_treatments_are():
    _, groups, plate, place = grouped(seed=3, **BLOCKS)
    assert len(groups) >= 4
    for rows in groups:
        apart = np.abs(place[rows][:, None] - place[rows][None]).max(axis=2)
        assert ((apart <= 1).sum(axis=1) > 1).all() and len(np.unique(plate[rows])) == 1


def test_groups_are_scattered_where_treatments_are():
    _, groups, plate, place = grouped(kind=SOUND)
    assert len(groups) == 32
    alone = [len(np.unique(place[rows], axis=0)) for rows in groups]
    assert np.mean(np.array(alone) == 4) > 0.9
    assert all(len(np.unique(plate[rows])) == 4 for rows in groups)


def test_groups_keep_to_a_column_where_treatments_do():
    _, groups, _, place = grouped(kind="columns")
    assert len(groups) > 19
    assert all(len(np.unique(place[rows][:, 1])) == 1 for rows in groups)


def test_plates_without_a_treatment_in_common_share_no_group():
    _, groups, plate, _ = grouped(kind=SOUND, plates=8, replicates=4)
    sets = {tuple(np.unique(plate[rows])) for rows in groups}
    assert sets == {(0, 1, 2, 3), (4, 5, 6, 7)}


def test_there_is_no_shape_without_replicates_and_no_group_without_room():
    plate, place, group, control = laid_out(kind=SOUND)
    assert shape_of(plate, place, np.arange(len(plate))) is None
    shape = shape_of(plate, place, group)
    few = control & (np.cumsum(control) <= 3)
    assert control_groups(shape, plate, place, group=group, control=few) == []


@settings(max_examples=30, deadline=None)
@given(
    kind=st.sampled_from([SOUND, *FAULTY]),
    plates=st.integers(1, 4),
    replicates=st.integers(2, 8),
    controls=st.sampled_from(["scattered", "scattered per plate", "two columns"]),
    seed=st.integers(0, 99),
)
def test_no_well_is_in_two_groups_and_all_are_controls(kind, plates, replicates, controls, seed):
    if not possible(kind, plates=plates, replicates=replicates):
        return
    given = {"kind": kind, "plates": plates, "replicates": replicates, "controls": controls}
    plate, place, group, control = laid_out(wells=96, seed=seed, **given)
    shape = shape_of(plate, place, group)
    groups = control_groups(shape, plate, place, group=group, control=control)
    rows = np.concatenate([*groups, np.empty(0, np.int64)]).astype(int)
    assert len(np.unique(rows)) == len(rows)
    assert control[rows].all()
    for own in groups:
        wells = np.sort(np.unique(plate[own], return_counts=True)[1])[::-1]
        assert tuple(wells) == shape.wells
