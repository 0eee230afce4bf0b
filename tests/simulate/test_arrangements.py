"""Layouts are what their kind says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens.errors import DesignError
from phenolens.profiles import CONTROL, PLATE, TREATMENT, WELL, well_position
from phenolens.simulate.arrangements import FAULTY, SOUND, Arrangement, arrange, possible


def treated(kind: str, **given: object) -> pd.DataFrame:
    wells, _ = arrange(Arrangement(kind, **given))
    part = wells[~wells[CONTROL]].reset_index(drop=True)
    return part.assign(**dict(zip(("row", "column"), well_position(part[WELL]).T, strict=True)))


@pytest.mark.parametrize("kind", [SOUND, *FAULTY])
@pytest.mark.parametrize(("plates", "replicates"), [(1, 2), (2, 2), (3, 6), (4, 12), (5, 3)])
def test_every_well_holds_one_thing_and_every_treatment_its_replicates(kind, plates, replicates):
    if not possible(kind, plates=plates, replicates=replicates):
        with pytest.raises(DesignError, match="No layout of kind"):
            Arrangement(kind, plates=plates, replicates=replicates)
        return
    wells, concerned = arrange(Arrangement(kind, plates=plates, replicates=replicates, wells=96))
    assert not wells.duplicated([PLATE, WELL]).any()
    assert (wells.loc[~wells[CONTROL], TREATMENT].value_counts() == replicates).all()
    assert concerned <= set(wells[TREATMENT])
    assert bool(concerned) == (kind != SOUND)


def test_positions_are_kept_where_the_kind_says_so():
    assert (treated("same").groupby(TREATMENT)[WELL].nunique() == 1).all()
    assert (treated("several", replicates=12).groupby(TREATMENT)[WELL].nunique() == 3).all()
    near = treated("near").groupby(TREATMENT)[["row", "column"]].agg(np.ptp)
    assert near.to_numpy().max() <= 2
    assert treated(SOUND).groupby(TREATMENT)[WELL].nunique().mean() > 3.9


@pytest.mark.parametrize(("kind", "axis"), [("rows", "row"), ("columns", "column")])
def test_treatments_stay_in_a_line(kind, axis):
    assert (treated(kind).groupby(TREATMENT)[axis].nunique() == 1).all()


def test_some_treatments_stay_at_the_edge():
    wells, concerned = arrange(Arrangement("edge", inner=True))
    place = well_position(wells[WELL])
    outer = ((place == 1) | (place == np.array([14, 22]))).any(axis=1)
    at_edge = pd.Series(outer).groupby(wells[TREATMENT]).all()
    assert concerned == set(at_edge.index[at_edge]) - {"DMSO"}
    assert len(concerned) > 30


def test_replicates_of_a_plate_lie_side_by_side():
    blocks = treated("moved neighbours", plates=2, replicates=4)
    spread = blocks.groupby([TREATMENT, PLATE])[["row", "column"]].agg(np.ptp)
    assert (spread.max(axis=1) <= 1).mean() > 0.8  # controls stand between some
    moved = blocks.groupby(TREATMENT)[["row", "column"]].agg(np.ptp).max(axis=1)
    assert (moved > 2).mean() > 0.8


def test_part_of_the_treatments_keeps_its_position():
    wells, concerned = arrange(Arrangement("same", share=0.25, seed=3))
    fixed = wells[~wells[CONTROL]].groupby(TREATMENT)[WELL].nunique() == 1
    assert concerned == set(fixed.index[fixed])
    assert len(concerned) == round(0.25 * len(fixed))


def test_one_plate_is_laid_out_as_the_one_before():
    wells, _ = arrange(Arrangement("same", one_plate=True))
    content = wells[~wells[CONTROL]].pivot(index=WELL, columns=PLATE, values=TREATMENT)
    assert (content["P03"] == content["P04"]).all()
    assert (content["P02"] == content["P03"]).mean() < 0.05


@pytest.mark.parametrize(("controls", "columns"), [("one column", 1), ("two columns", 2)])
def test_controls_fill_columns(controls, columns):
    wells, _ = arrange(Arrangement(controls=controls))
    assert wells.loc[wells[CONTROL], WELL].str[1:].nunique() == columns


def test_a_seed_gives_one_layout():
    one, other = (arrange(Arrangement(seed=seed))[0] for seed in (1, 2))
    pd.testing.assert_frame_equal(one, arrange(Arrangement(seed=1))[0])
    assert not one.equals(other)


@pytest.mark.parametrize("wrong", [{"kind": "spiral"}, {"controls": "nowhere"}])
def test_unknown_words_are_refused(wrong):
    with pytest.raises(DesignError, match="choose one of"):
        Arrangement(**wrong)
