from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.evaluate.matching.matching import accuracy, labels, nearest_neighbour


def treatments(n: int = 24, *, targets: int = 4, noise: float = 0.2, seed: int = 0) -> pd.DataFrame:
    """Treatments of a few targets, in two batches; neighbours in the list share the target."""
    rng = np.random.default_rng(seed)
    target = np.arange(n) * targets // n
    values = rng.normal(size=(targets, 10))[target] + noise * rng.normal(size=(n, 10))
    keys = pd.DataFrame(
        {
            profiles.COMPOUND: [f"c{k}" for k in range(n)],
            "Metadata_Target": [f"T{k}" for k in target],
            profiles.BATCH: [f"b{k % 2}" for k in range(n)],
        }
    )
    return profiles.from_frame(pd.concat([keys, pd.DataFrame(values)], axis=1))


def test_labels_with_several_values() -> None:
    shared = labels.share(["A|B", "B", "C", None, "A | C"])
    assert shared[0, 1] and shared[0, 4] and shared[2, 4]
    assert not shared[0, 2] and not shared[3].any()
    assert labels.join(pd.Series(["b|a", "a", None])) == "a|b"


def test_neighbours_of_clear_targets_match_and_of_noise_do_not() -> None:
    clear = accuracy(nearest_neighbour(treatments(), label="Metadata_Target", not_same=[]))
    noise = accuracy(
        nearest_neighbour(treatments(200, noise=50.0), label="Metadata_Target", not_same=[])
    )
    assert clear["value"] == 1 and clear["n"] == 24
    assert noise["low"] < 0.25 < noise["high"]


def test_not_same_batch_excludes_and_counts_what_cannot_be_asked() -> None:
    table = treatments()
    batch = profiles.column(table, profiles.BATCH).copy()
    batch[:6] = "b0"
    table = profiles.with_metadata(table, {profiles.BATCH: batch})
    found = nearest_neighbour(
        table, label="Metadata_Target", not_same=[profiles.COMPOUND, profiles.BATCH]
    )
    table = found.table
    other = table[profiles.BATCH].to_numpy()
    assert (other[table["neighbour"]] != other).all()
    assert accuracy(found)["not_askable"] == 6
    assert table["correct"].isna().sum() == (table["Metadata_Target"] == "T0").sum() == 6


def test_tied_neighbours_count_their_share() -> None:
    keys = pd.DataFrame({profiles.COMPOUND: list("abc"), "Metadata_Target": ["x", "x", "y"]})
    values = pd.DataFrame({"one": [1, 2, 3], "two": [1, 2, 3]})
    table = profiles.from_frame(pd.concat([keys, values], axis=1))
    found = nearest_neighbour(table, label="Metadata_Target", not_same=profiles.COMPOUND)
    np.testing.assert_allclose(found.table["correct"][:2], 0.5)


def test_treatments_that_miss_a_value_are_left_out_and_counted() -> None:
    table = treatments()
    table.iloc[3, 0] = np.nan
    found = nearest_neighbour(table, label="Metadata_Target", not_same=[])
    assert len(found.table) == len(table) - 1
    assert found.summary["excluded"] == {"wells with a missing or infinite feature": 1}


def test_a_label_that_nobody_shares_is_refused() -> None:
    table = treatments()
    with pytest.raises(DesignError, match="shares its label"):
        accuracy(nearest_neighbour(table, label=profiles.COMPOUND, not_same=[]))
    with pytest.raises(InputError, match="Metadata_None"):
        nearest_neighbour(table, label="Metadata_None", not_same=[])


def test_hub_correction_keeps_one_treatment_from_being_everyones_neighbour() -> None:
    """One treatment is what all share, and nearer to each than the others of its target are."""
    table = treatments(40, targets=8)
    axes = np.eye(1 + 8 + 40)
    values = axes[0] + 0.7 * axes[1 + np.arange(40) // 5] + axes[9:]
    values[0] = axes[0]
    values *= np.linspace(1, 2, 40)[:, None]  # what all share is no constant feature
    table = pd.DataFrame(values, index=table.index)
    ask = {"label": "Metadata_Target", "not_same": profiles.COMPOUND}
    plain, fair = (nearest_neighbour(table, **ask, hub_correction=on) for on in (False, True))
    hub = np.flatnonzero(plain.table[profiles.COMPOUND] == "c0")[0]
    assert (plain.table["neighbour"] == hub).sum() == 39
    assert (fair.table["neighbour"] == hub).sum() == 0
    assert accuracy(plain)["value"] < 0.2 < 0.9 < accuracy(fair)["value"]
    np.testing.assert_allclose(fair.table["similarity"].median(), 1.49 / 2.49)
