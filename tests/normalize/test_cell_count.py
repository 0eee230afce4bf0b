"""The cell count as a covariate: a line a feature, of control wells only, as far as it helps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens import profiles
from phenolens.errors import DesignError
from phenolens.normalize.cell_count import cell_counts, remove_cell_count


def screen(
    *, slope: float = 2.0, plates: int = 2, n: int = 60, seed: int = 0
) -> tuple[pd.DataFrame, np.ndarray]:
    """Plates of different density; five features of six follow the log of the count."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(100, 400, plates * n) * np.repeat(np.arange(1, plates + 1), n)
    logs = np.log2(counts + 1)
    values = rng.normal(scale=0.3, size=(plates * n, 6))
    values[:, :5] += slope * (logs - 8)[:, None] * np.array([1, -1, 0.5, 2, 1])
    frame = pd.DataFrame(values).add_prefix("f")
    frame["Metadata_Plate"] = np.repeat([f"P{k}" for k in range(plates)], n)
    frame["Metadata_Well"] = [f"{'ABCDE'[i // 12]}{i % 12 + 1:02d}" for i in range(n)] * plates
    frame["Metadata_CellCount"] = counts
    return profiles.from_frame(frame), np.tile(np.arange(n) < 24, plates)


def followed(table: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    logs, plate = cell_counts(table), profiles.column(table, "Metadata_Plate") == "P0"
    return np.abs([np.corrcoef(logs[rows & plate], table[f][rows & plate])[0, 1] for f in table])


def test_wells_that_did_not_speak_follow_the_count_no_more():
    table, controls = screen()
    out, report = remove_cell_count(table, controls)
    assert followed(table, ~controls)[:5].min() > 0.9
    assert followed(out, ~controls).max() < 0.4
    assert report["trust"] == 1.0
    assert 0.5 < report["share"] < 1
    assert report["n_calibrators"] == 48


def test_the_slopes_are_those_of_least_squares_within_plates():
    table, controls = screen()
    out, _ = remove_cell_count(table, controls)
    part, logs = table[controls], cell_counts(table)[controls]
    plates = pd.get_dummies(profiles.column(part, "Metadata_Plate")).to_numpy(float)
    fitted = np.linalg.lstsq(np.column_stack([logs, plates]), part.to_numpy(), rcond=None)[0][0]
    removed = (table - out).to_numpy()[controls]
    own = np.polyfit(logs[:24], removed[:24], 1)[0]
    np.testing.assert_allclose(own, fitted, rtol=1e-4, atol=1e-5)


def test_a_count_that_says_nothing_removes_next_to_nothing():
    table, controls = screen(slope=0.0)
    out, report = remove_cell_count(table, controls)
    assert report["trust"] <= 0.25
    assert np.abs(out - table).max().max() < 0.1


def test_beyond_the_controls_the_line_ends():
    table, controls = screen(plates=1)
    counts = profiles.column(table, "Metadata_CellCount").copy()
    counts[-1] = 1
    dying = profiles.with_metadata(table, {"Metadata_CellCount": counts})
    out, report = remove_cell_count(dying, controls)
    fewest = controls & (counts == counts[controls].min())
    gone = (dying - out).to_numpy()
    np.testing.assert_allclose(gone[-1], gone[fewest][0], rtol=1e-4, atol=1e-5)
    assert report["beyond"] >= 1


def test_a_well_without_a_count_stays_as_it_is():
    table, controls = screen()
    counts = profiles.column(table, "Metadata_CellCount").astype(float)
    counts[[0, -1]] = np.nan
    out, report = remove_cell_count(
        profiles.with_metadata(table, {"Metadata_CellCount": counts}), controls
    )
    np.testing.assert_allclose(out.iloc[[0, -1]], table.iloc[[0, -1]].astype(np.float32))
    assert (report["unknown"], report["n_calibrators"]) == (2, 47)


def test_a_plate_without_controls_and_missing_and_constant_features():
    table, controls = screen()
    bare = controls & (profiles.column(table, "Metadata_Plate") == "P0")
    values = table.to_numpy(copy=True)
    values[3, 1], values[:, 4] = np.nan, 5.0
    out, _ = remove_cell_count(pd.DataFrame(values, table.index, table.columns), bare)
    assert np.isnan(out.to_numpy()).sum() == 1
    np.testing.assert_allclose(out["f4"], 5.0)
    assert out.index.equals(table.index)


@pytest.mark.parametrize("counts", [200.0, np.where(np.arange(60) == 3, 100.0, 200.0)])
def test_counts_that_hardly_vary_remove_nothing(counts):
    table, controls = screen(plates=1)
    flat = profiles.with_metadata(table, {"Metadata_CellCount": np.broadcast_to(counts, 60).copy()})
    out, report = remove_cell_count(flat, controls)
    np.testing.assert_array_equal(out, table.astype(np.float32))
    assert report["trust"] == 0


def test_few_controls_or_no_counts_are_refused():
    table, controls = screen(plates=1)
    with pytest.raises(DesignError, match="there are 7"):
        remove_cell_count(table, np.arange(60) < 7)
    kept = [name for name in table.index.names if name != "Metadata_CellCount"]
    with pytest.raises(DesignError, match="there are 0"):
        remove_cell_count(profiles.keep_metadata(table, kept), controls)
