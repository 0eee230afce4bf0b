"""The three raw BBBC021 files join, and a plain recipe already finds most mechanisms."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from phenolens import profiles
from phenolens.learn.nearest import unit_rows
from phenolens.normalize.scale import robust_scale, soften

BENCH = Path(__file__).resolve().parents[2] / "bench" / "mechanism_bbbc021.py"


def test_raw_files_join_and_neighbours_share_mechanisms(real_data):
    folder = real_data("bbbc021_wells")
    spec = importlib.util.spec_from_file_location("mechanism_bbbc021", BENCH)
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    table = bench.load(folder)
    controls = profiles.column(table, "Metadata_Control").astype(bool)
    assert (len(table), controls.sum()) == (632, 330)
    scaled = soften(robust_scale(table, controls, spread_by=())[0], 10.0)
    merged = profiles.aggregate(scaled[~controls], ["Metadata_Treatment"])
    assert len(merged) == 103
    compound = profiles.column(merged, "Metadata_Compound")
    mechanism = profiles.column(merged, "Metadata_Mechanism")
    unit = unit_rows(merged.to_numpy(np.float64))
    barred = compound[:, None] == compound[None, :]
    near = bench.neighbours(unit @ unit.T, barred, hubs=False)
    assert (mechanism[near] == mechanism).mean() > 0.88
    names = np.unique(mechanism)
    chance = max((mechanism == name).mean() for name in names)
    assert len(names) == 12 and chance < 0.15
