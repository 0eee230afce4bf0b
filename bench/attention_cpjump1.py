"""Where a network that was trained on simulated cells looks in real ones: shown as what it is.

The network of the demo's first fold knows simulated treatments only; the class it gives a real cell
means nothing. What can be seen is whether its maps lie on cells at all, and whether they change
with its weights. Real fields: one DMSO well, five treated ones.

    python bench/attention_cpjump1.py phenolens-demo ../shared/data [figures]
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from phenolens import study
from phenolens.crops import CellCrops
from phenolens.interpret.activation import activation_table, compartments
from phenolens.interpret.attribution_checks import randomised
from phenolens.interpret.explain import Maps, explain
from phenolens.profiles import CONTROL, TREATMENT, WELL
from phenolens.report.figures.montage import composite
from phenolens.represent.cnn import CNN
from phenolens.represent.networks.pixels import PixelSettings, PixelStore
from phenolens.study.network_input import crops_of_cells
from phenolens.study.step import take

CELLS, SHOWN = 40, 6
STUDY = """
[data.columns]
compound = "Metadata_broad_sample"

[data.images]
table = "{root}/cpjump1_fields/load_data.csv"
layout = "load_data"
channels = ["DNA", "ER", "RNA", "AGP", "Mito"]
nuclei = "DNA"

[[data.tables]]
file = "{root}/cpjump1_profiles/JUMP-Target-1_compound_platemap.tsv"
on = {{ Metadata_Well = "well_position" }}
"""


def main(demo: Path, data: Path, figures: Path | None) -> dict:
    """Maps of real crops and whole fields by the demo's network."""
    trained = study.open_study(demo / "study.toml", out=demo, jobs=1)
    work = take(trained, "represent").trainings["cnn"]
    fold = next(name for name in work.rows if name.isdigit())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.toml"
        path.write_text(STUDY.format(root=data.resolve()))
        session = study.open_study(path, out=Path(folder) / "out", jobs=1)
        prepared, wells = take(session, "prepare"), take(session, "screen").wells
        cells, design = take(session, "measure"), take(session, "splits")
        crops = crops_of_cells(session, prepared, cells=cells, design=design)
        treatments = crops.images.table.merge(wells, on=WELL, how="left", suffixes=("", "_"))
        crops_found = of_crops(work.trained(fold), crops, treatments, figures)
        fields_found = of_fields(work.trained(fold), crops, treatments, figures)
    return {"claim": "a simulated network's maps of real images", "cells": crops_found,
            "fields": fields_found}  # fmt: skip


def of_crops(network: CNN, crops: CellCrops, treatments, figures: Path | None) -> dict:
    """Maps of some cells of each field, and of the same network with random weights."""
    control = treatments[CONTROL].astype(bool).to_numpy()
    wells = treatments[WELL].to_numpy()
    rows = np.concatenate([np.flatnonzero(wells == well)[:CELLS] for well in sorted(set(wells))])
    network = reading(network, crops, network.settings.pixels, control)
    maps = explain(network, crops, rows)
    parts = compartments(crops, rows, network.settings.pixels)
    metadata = treatments.iloc[rows][[WELL, TREATMENT]]
    own = activation_table(maps, metadata, parts)
    chance = activation_table(
        explain(randomised(network, seed=0), crops, rows, targets=maps.targets), metadata, parts
    )
    if figures:
        draw_cells(network, crops, rows, maps, wells).savefig(figures / "real_cells.png", dpi=110)
    return {"n": len(rows), "box": crops.box} | {
        f"{who}_{part}": round(float(np.nanmean(table[f"enrichment_{part}"])), 3)
        for who, table in (("trained", own), ("random", chance))
        for part in ("nucleus", "cytoplasm", "background")
    }


def of_fields(network: CNN, crops: CellCrops, treatments, figures: Path | None) -> dict:
    """Maps of whole fields, shrunk so that cells are as large as those it learned from."""
    fields = crops.fields
    cell = network.settings.pixels.size
    side = int(round(fields.pixels(0).shape[-1] * cell / crops.box / 16) * 16)
    by_well = treatments.drop_duplicates(WELL).set_index(WELL)[CONTROL].astype(bool)
    control = by_well.loc[fields.images.table[WELL]].to_numpy()
    network = reading(network, fields, PixelSettings(size=side), control)
    rows = np.arange(len(fields))
    maps = explain(network, fields, rows)
    parts = compartments(fields, rows, network.settings.pixels)
    table = activation_table(maps, fields.images.metadata, parts)
    if figures:
        draw_fields(network, fields, maps).savefig(figures / "real_fields.png", dpi=110)
    return {"n": len(rows), "side": side} | {
        part: round(float(np.nanmean(table[f"enrichment_{part}"])), 3)
        for part in ("nucleus", "cytoplasm", "background")
    }


def reading(network: CNN, prepared, pixels: PixelSettings, control: np.ndarray) -> CNN:
    """The network with other images under it, scaled by their own controls."""
    store = PixelStore(prepared, pixels, calibrating=control)
    training = replace(network.settings.training, batch=1 if pixels.size > 128 else 64)
    settings = replace(network.settings, pixels=pixels, training=training)
    return replace(network, settings=settings, pixels=store)


def picture(pixels: np.ndarray, seen: np.ndarray, channels) -> tuple[np.ndarray, np.ndarray]:
    """Composite of the stains, and the map laid over their mean."""
    image = (pixels.astype(np.float32) / 255) ** 2
    image = np.clip(
        image / np.maximum(np.percentile(image, 99.5, axis=(1, 2)), 1e-6)[:, None, None], 0, 1
    )
    colour = mpl.colormaps["inferno"](seen)[..., :3]
    cover = 0.6 * seen[..., None]
    grey = np.repeat(image.mean(axis=0)[..., None], 3, axis=2)
    return composite(image, list(channels)), (1 - cover) * grey + cover * colour


def draw_cells(network: CNN, crops, rows: np.ndarray, maps: Maps, wells: np.ndarray) -> Figure:
    """A pair of lines a well: cells, and the maps over them."""
    names = sorted(set(wells[rows]))
    figure = Figure(figsize=(1.5 * SHOWN, 3.0 * len(names)))
    axes = figure.subplots(2 * len(names), SHOWN, squeeze=False)
    for line, well in enumerate(names):
        for place, at in enumerate(np.flatnonzero(wells[rows] == well)[:SHOWN]):
            pixels = network.pixels.take(rows[[at]])[0, 0]
            for part, image in enumerate(picture(pixels, maps.maps[at], crops.channels)):
                axes[2 * line + part, place].imshow(np.clip(image, 0, 1))
        axes[2 * line, 0].set_title(well, loc="left", fontsize=9)
    for each in axes.flat:
        each.axis("off")
    figure.tight_layout(pad=0.3)
    return figure


def draw_fields(network: CNN, fields, maps: Maps) -> Figure:
    """Each field beside its map."""
    figure = Figure(figsize=(9, 4.6 * len(fields)))
    axes = figure.subplots(len(fields), 2, squeeze=False)
    for row in range(len(fields)):
        pixels = network.pixels.take(np.array([row]))[0, 0]
        for part, image in enumerate(picture(pixels, maps.maps[row], fields.channels)):
            axes[row, part].imshow(np.clip(image, 0, 1))
            axes[row, part].axis("off")
        axes[row, 0].set_title(str(fields.images.table[WELL].iloc[row]), loc="left", fontsize=9)
    figure.tight_layout(pad=0.3)
    return figure


if __name__ == "__main__":
    target = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    if target:
        target.mkdir(parents=True, exist_ok=True)
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]), target)))
