"""Real images of AMG900, FK-866 and cycloheximide, described beside one control well a plate.

    python bench/features_in_words_images.py [--cells 60]

``cpjump1_fields`` (one field a well) and ``bbbc021_cells`` (some crops a well) are segmented and
measured here. There is one DMSO well a plate, so that no test and no interval is possible: told are
the largest groups that have a direction, in standard deviations of single control cells, and
nothing is called. One line of JSON a data set.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

from phenolens.interpret.changes import group_changes
from phenolens.measure import MeasureSettings, measure_objects
from phenolens.profiles import from_frame, is_control
from phenolens.segment import crop_labels
from phenolens.segment.field import segment_field
from phenolens.words.changes import how

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
FAMILIES = ("AreaShape", "Intensity", "Texture", "RadialDistribution", "Correlation", "Neighbors")
SETTINGS = MeasureSettings(texture_scales=(3,))
WELLS = {"N09": "AMG900", "D14": "DMSO", "D08": "FK-866", "L09": "FK-866"}
STAINS = ("Mito", "AGP", "RNA", "ER", "DNA")
FIRST = 8


def fields() -> pd.DataFrame:
    """A row a cell of the four fields whose treatment is asked about."""
    folder, parts = DATA / "cpjump1_fields", []
    for row in pd.read_csv(folder / "load_data.csv").to_dict("records"):
        well = row["Metadata_Well"]
        if well in WELLS:
            paths = [folder / row[f"PathName_Orig{s}"] / row[f"FileName_Orig{s}"] for s in STAINS]
            pixels = np.stack([tifffile.imread(path) for path in paths])
            labels = segment_field(pixels, STAINS)
            cells = measure_objects(pixels, STAINS, labels, families=FAMILIES, settings=SETTINGS)
            place = {"Metadata_Plate": row["Metadata_Plate"], "Metadata_Well": well}
            parts.append(cells.assign(Metadata_Treatment=WELLS[well], **place))
    return pd.concat(parts, ignore_index=True)


def crops(most: int) -> pd.DataFrame:
    """A row a cell of at most so many crops a well, from plates that hold cycloheximide."""
    folder, parts, stains = DATA / "bbbc021_cells", [], ("DAPI", "Tubulin", "Actin")
    listed = pd.read_csv(folder / "cells.csv")
    treated = listed["Metadata_Compound"] != "DMSO"
    listed = listed[listed["Metadata_Plate"].isin(listed.loc[treated, "Metadata_Plate"])]
    families = tuple(name for name in FAMILIES if name != "Neighbors")
    for file, rows in listed.groupby("file"):
        pixels = tifffile.imread(folder / str(file))
        rows = rows.iloc[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]
        for row in rows.to_dict("records"):
            crop = pixels[row["index"]]
            labels = crop_labels(crop, stains)
            if labels["Nuclei"].any():
                cell = measure_objects(crop, stains, labels, families=families, settings=SETTINGS)
                dose = row["Metadata_Concentration_uM"]
                name = "DMSO" if row["Metadata_Compound"] == "DMSO" else f"cycloheximide@{dose:g}"
                place = {key: row[key] for key in ("Metadata_Plate", "Metadata_Well")}
                parts.append(cell.assign(Metadata_Treatment=name, **place))
    return pd.concat(parts, ignore_index=True)


def told(cells: pd.DataFrame) -> dict:
    """The groups that differ most from the control well of the plate, by treatment."""
    named = [name for name in cells if not name.startswith("Metadata_")]
    control = cells["Metadata_Treatment"] == "DMSO"
    scaled = cells.copy()
    for _, rows in cells.groupby("Metadata_Plate"):
        own = rows[control[rows.index]][named]
        scaled.loc[rows.index, named] = (rows[named] - own.mean()) / own.std().where(own.std() > 0)
    keys = ["Metadata_Plate", "Metadata_Well", "Metadata_Treatment"]
    wells = scaled.groupby(keys)[named].mean().dropna(axis=1).reset_index()
    wells["Metadata_Control"] = wells["Metadata_Treatment"] == "DMSO"
    table = from_frame(wells, features=[name for name in wells if name in named])
    found = group_changes(table, is_control(table)).table
    answer = {}
    for name, rows in found.groupby("Metadata_Treatment"):
        first = rows[rows["effect"].notna()].sort_values("change", ascending=False).head(FIRST)
        answer[name] = {
            "wells": int(rows["n"].max()),
            "cells": int((cells["Metadata_Treatment"] == name).sum()),
            "largest": [
                f"{row.compartment} {row.stain}: "
                f"{how(row.property, 'more' if row.effect > 0 else 'less')} ({row.effect:+.1f})"
                for row in first.itertuples()
            ],
            "asked": {
                f"{row.compartment} {row.stain} {row.property}": round(row.effect, 2)
                for row in rows.itertuples()
                if (row.compartment, row.stain) in (("Nuclei", "none"), ("Cells", "none"))
                or (row.stain in ("RNA", "Mito") and row.property == "brightness")
                if not np.isnan(row.effect)
            },
        }
    return answer


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=60)
    asked = parser.parse_args()
    for name, cells in (("cpjump1_fields", fields()), ("bbbc021_cells", crops(asked.cells))):
        print(json.dumps({"bench": "features_in_words_images", "data": name, "told": told(cells)}))
