"""Position alone: patterns of every form are found out, labels without one score chance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from phenolens import profiles
from phenolens.evaluate.classification.baselines import POSITION, baselines
from phenolens.evaluate.classification.classification import Classification, classify
from phenolens.evaluate.classification.position_baseline import LINES, NEAREST, TREE, BestPosition
from phenolens.splits import make_folds

ROWS, COLUMNS = 8, 12
Label = Callable[[int, int], int]


def back_and_forth(row: int, column: int) -> int:
    return row * COLUMNS + (COLUMNS - 1 - column if row % 2 else column)


PATTERNS: dict[str, Label] = {
    "checkerboard": lambda row, column: (row + column) % 2,
    "quadrants": lambda row, column: row // 4 * 2 + column // 6,
    "rows": lambda row, column: row,
    "blocks of two rows": lambda row, column: row // 2,
    "columns": lambda row, column: column,
    "every other column": lambda row, column: column % 2,
    "edge": lambda row, column: min(row, 7 - row, column, 11 - column) == 0,
    "serpentine, blocks of 16": lambda row, column: back_and_forth(row, column) // 16,
    "serpentine, dealt in turn": lambda row, column: back_and_forth(row, column) % 7,
}


def plates(label: Label, *, count: int = 3) -> pd.DataFrame:
    """Plates of 96 wells that share a layout; features say nothing."""
    wells = [
        (f"P{plate}", f"{'ABCDEFGH'[row]}{column + 1:02d}", f"t{int(label(row, column)):02d}")
        for plate in range(count)
        for row in range(ROWS)
        for column in range(COLUMNS)
    ]
    frame = pd.DataFrame(wells, columns=["Metadata_Plate", "Metadata_Well", "Metadata_Treatment"])
    return profiles.from_frame(frame.assign(Metadata_Control=False, Cells_Texture_0=0.0))


def permuted(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    labels = profiles.column(table, "Metadata_Treatment")
    drawn = np.random.default_rng(seed).permutation(labels)
    return profiles.with_metadata(table, {"Metadata_Treatment": drawn})


def by_position(table: pd.DataFrame, leave_out: str) -> tuple[float, Classification]:
    """Balanced accuracy of the position baseline on held-out wells."""
    folds = make_folds(
        profiles.metadata(table), label="Metadata_Treatment", leave_out=leave_out, seed=0
    )
    unit = folds.unit if leave_out != "well" else None
    (candidate,) = (c for c in baselines(table, seed=0, unit=unit) if c.name == POSITION)
    found = classify([candidate], folds, seed=0, n_bootstrap=5)
    rows = found.results.query("fold == 'all' and metric == 'balanced_accuracy'")
    return float(rows["value"].iloc[0]), found


@pytest.mark.parametrize("leave_out", ["well", "plate"])
@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_patterns_of_every_form_are_found_out(pattern, leave_out):
    score, _ = by_position(plates(PATTERNS[pattern]), leave_out)
    assert score >= 0.98


@pytest.mark.parametrize("leave_out", ["well", "plate"])
@pytest.mark.parametrize("pattern", ["checkerboard", "quadrants", "rows"])
def test_labels_without_a_pattern_score_chance(pattern, leave_out):
    table = plates(PATTERNS[pattern])
    classes = len(set(profiles.column(table, "Metadata_Treatment")))
    scores = [by_position(permuted(table, seed), leave_out)[0] for seed in range(4)]
    # the largest standard error, of two classes: a half over the root of 4 x 288 wells
    assert np.mean(scores) == pytest.approx(1 / classes, abs=0.06)


def test_the_model_taken_in_each_fold_is_told():
    _, shared = by_position(plates(PATTERNS["checkerboard"]), "plate")
    assert shared.chosen == {POSITION: [NEAREST] * 3}
    _, inside = by_position(plates(PATTERNS["checkerboard"]), "well")
    assert inside.chosen == {POSITION: [TREE] * 5}


def positions(table: pd.DataFrame) -> pd.DataFrame:
    place = profiles.well_position(profiles.column(table, "Metadata_Well"))
    return pd.DataFrame(place.astype(float), index=table.index)


def test_a_label_more_frequent_in_some_columns_is_told_by_the_lines():
    rng = np.random.default_rng(0)
    lean = rng.choice([0.1, 0.9], COLUMNS)
    table = positions(plates(lambda row, column: 0, count=2))
    label = np.where(rng.random(len(table)) < lean[table[1].astype(int)], "a", "b")
    found = BestPosition().fit(table, label)
    assert found.chosen_ == LINES
    assert found.inner_scores_[LINES] > max(found.inner_scores_[m] for m in (NEAREST, TREE))


def test_the_choice_is_made_on_whole_units():
    """Each plate has another order of columns: nothing holds on a plate left out."""
    rng = np.random.default_rng(1)
    table = positions(plates(lambda row, column: 0))
    order = {plate: rng.permutation(COLUMNS) for plate in ("P0", "P1", "P2")}
    plate = profiles.column(table, "Metadata_Plate")
    label = [f"t{order[p][int(c)]:02d}" for p, c in zip(plate, table[1], strict=True)]
    inside = BestPosition().fit(table, np.array(label)).inner_scores_
    across = BestPosition(unit="Metadata_Plate").fit(table, np.array(label)).inner_scores_
    assert max(across.values()) < 0.25 < max(inside.values())


def test_classes_of_single_wells_leave_nothing_to_choose_by():
    table = positions(plates(lambda row, column: row * COLUMNS + column, count=1))
    label = np.array([f"t{k:02d}" for k in range(len(table))])
    found = BestPosition().fit(table, label)
    assert np.isnan(list(found.inner_scores_.values())).all()
    assert found.chosen_ == NEAREST
    assert (found.predict(table) == label).all()


def test_wells_outside_the_area_that_was_trained_on_are_placed_at_its_edge():
    table = positions(plates(PATTERNS["rows"], count=1))
    label = np.array([f"t{int(row)}" for row in table[0]])
    inner = (table[0].between(1, 6) & table[1].between(1, 10)).to_numpy()
    found = BestPosition().fit(table[inner], label[inner])
    assert set(found.predict(table[~inner])) <= set(label[inner])
