"""What is compared where nothing is said: all that the tables can be asked."""

from __future__ import annotations

import pandas as pd
import pytest

import phenolens as pl
from phenolens.errors import DesignError

SMALL = {"treatments": 10, "mechanisms": 3, "features": 20, "plates": 3, "seed": 3}


@pytest.fixture(scope="module")
def pair() -> dict[str, pd.DataFrame]:
    return {name: pl.simulate_profiles(effect=effect, **SMALL)[0].reset_index()
            for name, effect in (("strong", 3.0), ("weak", 1.0))}  # fmt: skip


def test_mechanisms_are_matched_where_they_are_known(pair):
    found = pl.compare(pair)
    assert {"activity", "matching", "classification"} <= set(found.table["task"])
    assert found.settings["tasks"] == ["activity", "matching", "classification"]


def test_where_no_mechanism_is_known_nobody_asks(pair):
    pair = {name: frame.drop(columns="Metadata_Mechanism") for name, frame in pair.items()}
    found = pl.compare(pair, tasks=None)
    assert set(found.table["task"]) == {"activity", "classification", "nearest-neighbour"}
    assert not [one for one in found.findings if one.code == "not-asked"]
    with pytest.raises(DesignError, match="mechanism"):
        pl.compare(pair, tasks=["matching"])
