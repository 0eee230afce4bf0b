"""A study weighs the cells of a field by its quality beside calibrating control fields."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from phenolens.errors import ConfigError
from phenolens.represent.measuring.units import Cells, Measured, Unit, write_unit
from phenolens.study.steps.represent import _Images

ROLES = ["calibrate", "calibrate", "calibrate", "calibrate", "evaluate", ""]


def images(folder, quality) -> _Images:
    """Six wells of four fields; `quality` gives what is known of each field."""
    units = []
    for number, role in enumerate(ROLES):
        for site in range(4):
            unit = Unit("P1", f"A{number + 1:02d}", str(site), folder / f"{number}_{site}.npz")
            cells = pd.DataFrame({"Metadata_ObjectNumber": [1], "f0": [0.0]})
            write_unit(Measured(cells, quality(role, site)), unit.path)
            units.append(unit)
    wells = [f"A{number + 1:02d}" for number in range(len(ROLES))]
    roles = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": wells, "role": ROLES})
    return _Images(None, None, SimpleNamespace(roles=roles), None, Cells(units, folder))


def test_a_field_out_of_focus_counts_for_less_and_only_calibrating_controls_say_so(tmp_path):
    rng = np.random.default_rng(0)

    def quality(role, site):
        blurred = role == "evaluate" or (role == "" and site == 3)
        return {"Metadata_Quality_PowerLogLogSlope_DNA": rng.normal(-9 if blurred else -2, 0.05)}

    made = images(tmp_path, quality)
    weights = {(unit.well, unit.site): unit.weight for unit in made._weighed}
    assert weights["A06", "3"] < 0.05
    assert max(weights["A05", str(site)] for site in range(4)) < 0.05
    assert min(weights["A06", str(site)] for site in range(3)) > 0.5
    assert made.counts["fields_weighed_down"] >= 5


def test_crops_have_no_quality_to_weigh_by(tmp_path):
    with pytest.raises(ConfigError, match="crops have no quality"):
        _ = images(tmp_path, lambda role, site: {})._weighed
