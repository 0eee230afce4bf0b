"""Layouts are scrambled, even, and far from what an audit would flag."""

from __future__ import annotations

import numpy as np
import pytest

from phenolens.plating.layout import Proposal, propose, usable_spots
from phenolens.plating.plan import Plan
from phenolens.plating.scramble import closeness


def laid_out(treatments: int, *, seed: int = 0, **given: object) -> tuple[Plan, Proposal]:
    plan = Plan(tuple(range(treatments)), **given)
    return plan, propose(plan, seed=seed)


@pytest.mark.parametrize(
    ("treatments", "given"),
    [
        (320, {}),
        (84, {"wells": 96, "controls": (12,)}),
        (20, {"wells": 96, "controls": (6, 2)}),
        (50, {"plates": 2, "replicates": 5}),
        (400, {"replicates": 2}),
        (1, {"replicates": 1, "controls": (2,)}),
        (3, {"replicates": 2, "controls": ()}),
    ],
)
def test_every_well_holds_one_thing_and_every_treatment_its_replicates(treatments, given):
    plan, layout = laid_out(treatments, **given)
    wells = np.stack([layout.plate, layout.row, layout.column])
    assert np.unique(wells, axis=1).shape == wells.shape
    assert (layout.row < plan.shape[0]).all() and (layout.column < plan.shape[1]).all()
    assert (np.bincount(layout.content[layout.content >= 0]) == plan.replicates).all()
    for number, count in enumerate(plan.controls, start=1):
        held = np.bincount(layout.plate[layout.content == -number])
        assert (held == count).all() and len(held) == plan.sets * plan.plates_a_set
    order = np.lexsort([layout.column, layout.row, layout.plate])
    assert (order == np.arange(len(order))).all()
    treated = layout.content >= 0
    sets = {c: set(layout.group[layout.content == c]) for c in layout.content[treated]}
    assert all(len(group) == 1 for group in sets.values())


def test_a_seed_gives_one_layout_and_an_attempt_another():
    plan = Plan(tuple(range(60)), wells=96, controls=(12,))
    one = propose(plan, seed=3)
    assert np.array_equal(one.content, propose(plan, seed=3).content)
    assert not np.array_equal(one.content, propose(plan, seed=4).content)
    assert not np.array_equal(one.content, propose(plan, seed=3, attempt=1).content)


@pytest.mark.parametrize(
    ("treatments", "wells", "controls"),
    [(368, 384, 16), (360, 384, 24), (352, 384, 32), (320, 384, 64), (84, 96, 12), (88, 96, 8),
     (1408, 1536, 128)],
)  # fmt: skip
def test_controls_stand_in_as_many_rows_and_columns_as_they_can(treatments, wells, controls):
    plan, layout = laid_out(treatments, wells=wells, controls=(controls,), replicates=2)
    rows, columns = plan.shape
    for plate in range(2):
        held = (layout.content == -1) & (layout.plate == plate)
        assert len(set(layout.row[held])) == min(rows, controls)
        assert len(set(layout.column[held])) >= min(columns, controls) - 1
    held = layout.content == -1
    assert len(set(layout.column[held])) == min(columns, 2 * controls)


def test_controls_lie_at_the_edge_as_often_as_treatments():
    _, layout = laid_out(352)
    outer = (layout.row % 15 == 0) | (layout.column % 23 == 0)
    control = layout.content == -1
    assert outer[control].mean() == pytest.approx(outer[~control].mean(), abs=0.05)


def pair_costs(layout: Proposal, shape: tuple[int, int], content: np.ndarray) -> np.ndarray:
    """Closeness of all two wells of a treatment."""
    close, found = closeness(shape), []
    for number in np.unique(content[content >= 0]):
        own = np.flatnonzero(content == number)
        one, other = np.triu_indices(len(own), 1)
        down = np.abs(layout.row[own[one]] - layout.row[own[other]])
        along = np.abs(layout.column[own[one]] - layout.column[own[other]])
        found.append(close[down, along])
    return np.concatenate(found)


@pytest.mark.parametrize("given", [{}, {"plates": 1, "replicates": 2}, {"replicates": 8}])
def test_replicates_lie_farther_apart_than_scrambling_alone_would_put_them(given):
    plan, layout = laid_out(160, **given)
    rng = np.random.default_rng(0)
    chance = layout.content.copy()
    for plate in np.unique(layout.plate):
        own = np.flatnonzero((layout.plate == plate) & (chance >= 0))
        chance[own] = rng.permutation(chance[own])
    ours, scrambled = (pair_costs(layout, plan.shape, c) for c in (layout.content, chance))
    assert ours.mean() < 0.75 * scrambled.mean()
    assert ours.max() < scrambled.max()


def test_every_treatment_is_at_the_edge_about_as_often():
    _, layout = laid_out(352)
    treated = layout.content >= 0
    outer = (layout.row % 15 == 0) | (layout.column % 23 == 0)
    often = np.bincount(layout.content[treated], outer[treated])
    assert often.max() <= 2  # of four wells, where 1 in 5 is at the edge


def test_neighbours_are_seldom_neighbours_again():
    _, layout = laid_out(352)
    pairs = []
    for plate in range(4):
        grid = np.full((16, 24), -1)
        own = layout.plate == plate
        grid[layout.row[own], layout.column[own]] = layout.content[own]
        beside = [(grid[:, :-1], grid[:, 1:]), (grid[:-1], grid[1:])]
        for one, other in beside:
            both = np.stack([one.ravel(), other.ravel()])
            pairs += [frozenset(p) for p in both[:, (both >= 0).all(axis=0)].T.tolist()]
    assert len(pairs) - len(set(pairs)) < 15  # scrambling alone: about 44


def test_doses_of_a_compound_lie_apart_on_their_plate():
    plan = Plan(tuple(np.repeat(range(40), 8).tolist()))
    layout = propose(plan)
    steps = []
    for plate in range(4):
        for compound in range(40):
            own = np.flatnonzero((layout.plate == plate) & (layout.content // 8 == compound))
            one, other = np.triu_indices(len(own), 1)
            down = np.abs(layout.row[own[one]] - layout.row[own[other]])
            along = np.abs(layout.column[own[one]] - layout.column[own[other]])
            steps.append(np.maximum(down, along))
    assert (np.concatenate(steps) <= 1).mean() < 0.001  # scrambling alone: 0.02


def test_wells_to_spare_are_left_at_the_edge():
    rng = np.random.default_rng(0)
    plan = Plan(tuple(range(60)), wells=96, controls=(12,))
    spots = usable_spots(plan, 60, rng)
    row, column = np.divmod(spots, 12)
    outer = (row % 7 == 0) | (column % 11 == 0)
    assert len(spots) == 72 and outer.sum() == 12
    assert not ((row % 7 == 0) & (column % 11 == 0)).any()
    assert len(usable_spots(plan, 40, rng)) == 60  # the edge is empty, and nothing else
    assert len(usable_spots(plan, 84, rng)) == 96
    edged = Plan(tuple(range(30)), wells=96, controls=(12,), empty_edge=True)
    layout = propose(edged)
    assert layout.row.min() == layout.column.min() == 1
    assert (layout.row.max(), layout.column.max()) == (6, 10)
