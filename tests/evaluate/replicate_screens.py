"""Replicate plates with known treatments and mechanisms, for classification and clustering."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens import profiles


def replicate_screen(
    effect: float = 3.0,
    *,
    n_plates: int = 4,
    n_treatments: int = 12,
    n_controls: int = 12,
    n_features: int = 30,
    plate_effect: float = 0.0,
    scramble: bool = True,
    seed: int = 0,
) -> pd.DataFrame:
    """Replicate plates; treatment k shifts the features by a random direction; four mechanisms."""
    rng = np.random.default_rng(seed)
    names = np.array([f"t{i:02d}" for i in range(n_treatments)] + ["DMSO"] * n_controls)
    shifts = {name: effect * rng.normal(size=n_features) / 2 for name in names[:n_treatments]}
    wells = np.array([f"{'ABCDEFGH'[i // 12]}{i % 12 + 1:02d}" for i in range(len(names))])
    parts = []
    for plate in range(n_plates):
        order = rng.permutation(len(names)) if scramble else np.arange(len(names))
        values = rng.normal(size=(len(names), n_features)) + plate_effect * rng.normal(
            size=n_features
        )
        values += np.array([shifts.get(name, np.zeros(n_features)) for name in names[order]])
        frame = pd.DataFrame(values, columns=[f"Cells_Texture_{i}" for i in range(n_features)])
        frame["Metadata_Plate"] = f"P{plate}"
        frame["Metadata_Well"] = wells
        frame["Metadata_Treatment"] = names[order]
        parts.append(frame)
    frame = pd.concat(parts, ignore_index=True)
    number = frame["Metadata_Treatment"].str[1:].where(frame["Metadata_Treatment"] != "DMSO")
    frame["Metadata_Mechanism"] = (
        "m" + (pd.to_numeric(number) % 4).astype("Int64").astype(str)
    ).where(number.notna(), None)
    frame["Metadata_Control"] = frame["Metadata_Treatment"] == "DMSO"
    frame["Metadata_CellCount"] = rng.poisson(200, len(frame))
    return profiles.from_frame(frame)
