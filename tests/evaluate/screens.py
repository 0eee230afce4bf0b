"""Small simulated screens of wells for the tests of evaluation."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens import profiles


def screen(
    *,
    perturbations: int = 6,
    plates: int = 4,
    controls: int = 12,
    features: int = 20,
    shift: float = 0.0,
    active: int = 0,
    seed: int = 0,
) -> pd.DataFrame:
    """One well of each perturbation a plate; the first ``active`` ones are shifted."""
    rng = np.random.default_rng(seed)
    rows = []
    for plate in range(plates):
        names = [f"drug{k:02d}" for k in range(perturbations)] + [None] * controls
        rows += [(f"P{plate}", f"{'ABCDEFGHIJKLMNOP'[k // 24]}{k % 24 + 1:02d}", name)
                 for k, name in enumerate(names)]  # fmt: skip
    keys = pd.DataFrame(rows, columns=[profiles.PLATE, profiles.WELL, profiles.TREATMENT])
    values = rng.normal(size=(len(keys), features))
    direction = rng.normal(size=(perturbations, features))
    for k in range(active):
        chosen = (keys[profiles.TREATMENT] == f"drug{k:02d}").to_numpy()
        values[chosen] += shift * direction[k]
    keys[profiles.CONTROL] = keys[profiles.TREATMENT].isna()
    return profiles.from_frame(
        pd.concat([keys, pd.DataFrame(values).add_prefix("Cells_F_")], axis=1)
    )


IS_CONTROL = f"{profiles.CONTROL} == True"
