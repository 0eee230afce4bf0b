"""Consensus profiles and quality flags."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.normalize.consensus import consensus


def wells():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(12, 50)).astype("f4")).add_prefix("f")
    frame.iloc[0] += 50
    frame.iloc[11] += 50
    frame["Metadata_Plate"] = "P"
    frame["Metadata_Well"] = [f"A{i:02d}" for i in range(1, 13)]
    frame["Metadata_Treatment"] = ["DMSO"] * 8 + ["x", "x", "x", "y"]
    frame["Metadata_CellCount"] = [100] * 11 + [5]
    return profiles.from_frame(frame), np.arange(12) < 8


def test_consensus_is_the_median_of_replicates():
    table, _ = wells()
    merged = consensus(table, ["Metadata_Treatment"])
    counts = dict(
        zip(
            *(profiles.column(merged, c) for c in ("Metadata_Treatment", "Metadata_Count")),
            strict=True,
        )
    )
    assert counts == {"DMSO": 8, "x": 3, "y": 1}
    np.testing.assert_allclose(merged.iloc[1], table.iloc[8:11].median(), rtol=1e-6)
