"""Wells of measured units that do not weigh alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from phenolens.represent.measuring.cells import well_profiles
from phenolens.represent.measuring.units import Measured, Unit, write_unit


@pytest.fixture
def units(tmp_path) -> list[Unit]:
    """Two wells of two fields; the second field of A01 has other values."""
    rng = np.random.default_rng(0)
    made = []
    for well, site, centre in (("A01", "1", 0), ("A01", "2", 9), ("A02", "1", 0), ("A02", "2", 0)):
        cells = pd.DataFrame({"Metadata_ObjectNumber": range(20), "f0": rng.normal(centre, 1, 20),
                              "f1": rng.normal(size=20)})  # fmt: skip
        unit = Unit("P1", well, site, tmp_path / f"{well}_{site}.npz")
        write_unit(Measured(cells, {"Metadata_Quality_Empty": 0.0}), unit.path)
        made.append(unit)
    return made


@pytest.mark.parametrize("how", ["median", "mean"])
def test_a_unit_of_little_weight_moves_its_well_little(units, how):
    plain = well_profiles(units, how=how)["f0"].to_numpy()
    weighed = [replace(unit, weight=0.01) if unit.site == "2" and unit.well == "A01" else unit
               for unit in units]  # fmt: skip
    found = well_profiles(weighed, how=how)["f0"].to_numpy()
    assert plain[0] > 2
    assert abs(found[0]) < 0.5
    assert found[1] == plain[1]


def test_units_that_weigh_alike_give_the_plain_middle(units):
    alike = [replace(unit, weight=0.2) for unit in units]
    pd.testing.assert_frame_equal(well_profiles(alike), well_profiles(units), check_exact=True)
