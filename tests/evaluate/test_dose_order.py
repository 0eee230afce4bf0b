"""Do predictions put doses in order: by hand, and nothing where there is nothing to order."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens import profiles
from phenolens.evaluate.classification.classification import Classification
from phenolens.evaluate.classification.dose_order import dose_order
from phenolens.evaluate.results import result_table

DOSES = {"DMSO": 0.0, "a@1": 1.0, "a@10": 10.0, "a@3": 3.0, "b@1": 1.0}
CLASSES = list(DOSES)


def wells() -> pd.DataFrame:
    rows = [
        {
            "Metadata_Plate": plate,
            "Metadata_Well": f"A{number:02d}",
            "Metadata_Treatment": name,
            "Metadata_Compound": name.split("@")[0],
            "Metadata_Concentration": dose,
            "Metadata_Control": name == "DMSO",
            "F": 1.0,
        }
        for plate in ("P1", "P2")
        for number, (name, dose) in enumerate(DOSES.items(), start=1)
    ]
    return profiles.from_frame(pd.DataFrame(rows), features=["F"])


def scored(shares: np.ndarray) -> Classification:
    told = pd.DataFrame({"representation": "r", "task": "t", "label": CLASSES * 2})
    table = pd.DataFrame(shares, columns=CLASSES)
    return Classification(result_table([]), told, {("r", "t"): table}, chosen={}, choices={})


def test_right_order_is_one_and_turned_order_minus_one():
    sure = np.tile(np.eye(5), (2, 1))
    row = dose_order(scored(sure), wells(), split="plate").iloc[0]
    assert row["value"] == pytest.approx(1.0)
    assert (row["metric"], row["n"], row["split"]) == ("dose_order_correlation", 8, "plate")
    assert np.isnan(row["low"])
    turned = sure[:, [2, 3, 0, 1, 4]]
    assert dose_order(scored(turned), wells()).iloc[0]["value"] == pytest.approx(-1.0)


def test_probability_of_other_compounds_does_not_count():
    sure = np.tile(np.eye(5), (2, 1)) * 0.1
    sure[:, 4] += 0.9
    assert dose_order(scored(sure), wells()).iloc[0]["value"] == pytest.approx(1.0)


def test_nothing_to_order_gives_nothing():
    even = np.full((10, 5), 0.2)
    assert not len(dose_order(scored(even), wells()))
    bare = profiles.keep_metadata(wells(), ["Metadata_Plate", "Metadata_Well"])
    assert not len(dose_order(scored(np.tile(np.eye(5), (2, 1))), bare))
