from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens import profiles
from phenolens.errors import DesignError
from phenolens.evaluate.matching.retrieval import retrieval

from .screens import IS_CONTROL, screen

ASK = {"same_by": profiles.TREATMENT, "controls": IS_CONTROL}


def test_replicates_on_other_plates_are_found() -> None:
    found = retrieval(screen(active=6, shift=3.0), across=profiles.PLATE, **ASK)
    assert (found.table["map_across"] > 0.9).all()
    assert (found.table["nearest_across"] > 0.9).all()
    summary = found.summary
    assert summary["perturbations"] == 6
    assert summary["drop_low"] <= summary["drop"] <= summary["drop_high"]


def test_what_only_a_shared_position_makes_alike_drops_to_chance() -> None:
    """Two positions each, a strong position effect and no treatment effect at all."""
    rng = np.random.default_rng(0)
    where = rng.normal(size=(40, 16)) * 3
    rows, values = [], []
    for plate in range(4):
        for k in range(40):
            name = f"d{k // 2}" if k < 20 else None
            rows.append((f"P{plate}", f"A{k + 1:02d}", name, name is None))
            values.append(where[k] + rng.normal(size=16))
    names = [profiles.PLATE, profiles.WELL, profiles.TREATMENT, profiles.CONTROL]
    table = profiles.from_frame(
        pd.concat([pd.DataFrame(rows, columns=names), pd.DataFrame(values)], axis=1)
    )
    summary = retrieval(table, across="position", **ASK).summary
    assert summary["nearest"] > 0.9
    assert summary["nearest_across"] < 0.5
    assert summary["drop_low"] > 0.2


def test_one_place_only_is_refused() -> None:
    table = profiles.with_metadata(screen(), {profiles.BATCH: "b0"})
    with pytest.raises(DesignError, match="two values of Metadata_Batch"):
        retrieval(table, across=profiles.BATCH, **ASK)
    with pytest.raises(DesignError, match="position"):
        retrieval(screen(), across="position", **ASK)
