"""The real fields that the measurement benchmarks run on."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import tifffile

CHANNELS = ("DNA", "ER", "RNA", "AGP", "Mito")
FOLDER = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "cpjump1_fields"


def paths(well: str) -> list[Path]:
    """The five stains' files of a field."""
    with (FOLDER / "load_data.csv").open() as stream:
        row = next(row for row in csv.DictReader(stream) if row["Metadata_Well"] == well)
    return [FOLDER / "images" / row[f"FileName_Orig{channel}"] for channel in CHANNELS]


def wells() -> list[str]:
    """Wells of all fields."""
    with (FOLDER / "load_data.csv").open() as stream:
        return [row["Metadata_Well"] for row in csv.DictReader(stream)]


def read_field(well: str) -> np.ndarray:
    """Pixels (5, 1080, 1080), uint16."""
    return np.stack([tifffile.imread(path) for path in paths(well)])
