"""Agreement with cp_measure on a real field, family by family.

    python bench/measure_parity.py [--well D14]

Relative differences over all objects and features that both have, with cp_measure's conventions
(``like_cp_measure``); and, for the families in which CellProfiler 4 defines things otherwise, how
far our defaults lie from cp_measure. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from pathlib import Path

import numpy as np
import pandas as pd
from measure_fields import CHANNELS, read_field

from phenolens.measure import FAMILIES, measure_objects
from phenolens.measure.settings import MeasureSettings, like_cp_measure
from phenolens.segment import segment_field

PEER = Path(__file__).resolve().parents[1] / "tests" / "measure" / "peer.py"
PATTERNS = {
    "AreaShape": "_AreaShape_(?!Zernike|.*Moment|Inertia|Filled|.*Crofton)",
    "Zernike": "_AreaShape_Zernike",
    "Moments": "_AreaShape_(?:Spatial|Normalized|Hu|Inertia)",
    "Intensity": "_Intensity_",
    "Location": "_Location_",
    "Texture": "_Texture_",
    "Granularity": "_Granularity_",
    "RadialDistribution": "_RadialDistribution_(?!Zernike)",
    "RadialZernikes": "_RadialDistribution_Zernike",
    "Correlation": "^[A-Za-z]+_Correlation_(?!Costes|RWC)",
    "RWC": "_Correlation_RWC",
    "Costes": "_Correlation_Costes",
    "Neighbors": "_Neighbors_",
}


def load_peer():
    spec = importlib.util.spec_from_file_location("peer", PEER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def differences(ours: pd.DataFrame, theirs: pd.DataFrame, pattern: str) -> dict[str, float]:
    """Number of features, median, 99th percentile and largest relative difference."""
    names = theirs.columns[theirs.columns.str.contains(pattern)]
    a, b = ours.loc[theirs.index, names].to_numpy(), theirs[names].to_numpy(float)
    both = np.isfinite(a) & np.isfinite(b)
    error = np.abs(a - b)[both] / np.maximum(np.abs(b[both]), 1e-9)
    return {
        "features": len(names),
        "median": float(np.median(error)),
        "p99": float(np.quantile(error, 0.99)),
        "largest": float(error.max()),
        "nan_differs": int((np.isfinite(a) != np.isfinite(b)).sum()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--well", default="D14")
    options = parser.parse_args()
    pixels = read_field(options.well)
    labels = segment_field(pixels, CHANNELS)
    theirs = load_peer().measure_with_peer(pixels, CHANNELS, labels)
    tables = {}
    for name, settings in (("same", like_cp_measure()), ("default", MeasureSettings())):
        found = measure_objects(pixels, CHANNELS, labels, families=FAMILIES, settings=settings)
        tables[name] = found.set_index("Metadata_ObjectNumber")
    same = {k: differences(tables["same"], theirs, p) for k, p in PATTERNS.items()}
    otherwise = {
        name: differences(tables["default"], theirs, pattern)
        for name, pattern in (
            ("Solidity", "_AreaShape_(?:Solidity|ConvexArea)$"),
            ("RWC", PATTERNS["RWC"]),
            ("Costes", PATTERNS["Costes"]),
        )
    }
    result = {"claim": "measure: relative differences from cp_measure 0.3.0", "well": options.well}
    result |= {"cells": len(theirs), "same_conventions": same, "cellprofiler_defaults": otherwise}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
