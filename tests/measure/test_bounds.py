"""Kernels read and write within their arrays, on fields of one pixel too."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from phenolens.measure import MeasureSettings, measure_objects

SCRIPT = Path(__file__).parents[2] / "bench" / "bounds.py"


def test_no_kernel_leaves_its_arrays():
    """In a process of its own, whose kernels are compiled with a look at the bounds."""
    command = [sys.executable, str(SCRIPT), "--seconds", "3", "--unoptimized"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.stdout, run.stderr
    found = json.loads(run.stdout)
    assert found["overrun_raises"], "an overrun passes unseen, so nothing below means anything"
    assert found["kernels"] > 100
    assert found["never_called"] == []
    assert found["faults"] == []
    assert run.returncode == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 2), (2, 3), (3, 3), (5, 3)])
def test_granularity_of_a_field_that_subsamples_to_a_line_is_nan(shape):
    pixels = np.full((1, *shape), 900, np.uint16)
    labels = {"Cells": np.ones(shape, int)}
    table = measure_objects(pixels, ("A",), labels, families="Granularity")
    assert len(table) == 1
    assert table.filter(like="Granularity").isna().all().all()


def test_granularity_of_the_smallest_field_that_has_it():
    pixels = np.random.default_rng(0).integers(300, 900, (1, 2, 2)).astype(np.uint16)
    settings = MeasureSettings(granularity_subsample=1.0)
    labels = {"Cells": np.ones((2, 2), int)}
    table = measure_objects(pixels, ("A",), labels, families="Granularity", settings=settings)
    assert np.isfinite(table.filter(like="Granularity").to_numpy()).all()
