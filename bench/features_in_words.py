"""Is the planted change told first? Simulated treatments, described by measured features.

    python bench/features_in_words.py [--seed 11] [--jobs 2]

A screen of every programme of the simulator, two compounds each (no second programme), and four
compounds that do nothing: two plates, two wells a treatment and plate, two fields a well, 24
controls a plate. Fields are measured with true outlines; ``phenolens.describe`` ranks the groups.
Of each active treatment the first group is held against the truth: its *stain* is one that the
programme changes (a group without stain counts for programmes that change all), its *family* is
one that can measure the change (``FAMILIES``, written before the first run), its *compartment* is
the programme's (``Cells`` hold the cytoplasm, so both count for it), and, beside that, one in which
the pixels changed: the density of changed pixels in it is at least half of the highest. Beside it:
the single feature that changed most, and a group drawn at random. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, parallel_config

from phenolens import describe
from phenolens.interpret.features import changed_features
from phenolens.interpret.properties import NO_STAIN, feature_properties
from phenolens.measure import measure_objects
from phenolens.profiles import TREATMENT
from phenolens.simulate import ScreenDesign, simulate_field
from phenolens.simulate.layout import Well, conditions, field_seed, wells
from phenolens.simulate.programmes import Programme
from phenolens.simulate.stains import STAINS
from phenolens.tools.read import read

FAMILIES = {
    "golgi fragmentation": {"Intensity", "Texture", "Granularity", "RadialDistribution"},
    "nucleolar RNA loss": {"Intensity", "Texture", "Granularity"},
    "mitochondrial fragmentation": {"Intensity", "Texture", "Granularity", "ObjectSkeleton"},
    "ER stress": {"Intensity", "RadialDistribution"},
    "nuclear enlargement": {"AreaShape"},
    "actin stress fibres": {"Intensity", "Texture", "Granularity"},
    "perinuclear collapse of mitochondria": {"Intensity", "RadialDistribution"},
    "elongation": {"AreaShape"},
    "multinucleation": {"AreaShape", "Neighbors"},
    "chromatin condensation": {"Intensity", "Texture", "Granularity"},
    "mitochondrial depolarization": {"Intensity"},
    "cytoplasmic RNA loss": {"Intensity"},
}
WITHIN = {"Nuclei": {"Nuclei"}, "Cytoplasm": {"Cytoplasm", "Cells"}, "Cells": {"Cells", "Nuclei"}}


def design(seed: int) -> ScreenDesign:
    return ScreenDesign(
        plates=2, batches=1, treatments=28, replicates=2, control_wells=24, sites=2, mechanisms=12,
        inactive=4, toxic=0, dosed=0, off_target=0.0, rows=8, columns=12, seed=seed,
    )  # fmt: skip


def field(screen: ScreenDesign, well: Well, site: int) -> dict:
    """Mean over a field's cells of every feature, and the density of changed pixels."""
    active = bool(well.treatment.effect.changes)
    made = simulate_field(
        field_seed(screen, well, site), effect=well.treatment.effect, with_mask=active,
        conditions=conditions(screen, well), confluence=screen.confluence,
        field_size=screen.field_size, cell_diameter=screen.cell_diameter,
    )  # fmt: skip
    cytoplasm = np.where(made.nuclei > 0, 0, made.cells)
    labels = {"Nuclei": made.nuclei, "Cells": made.cells, "Cytoplasm": cytoplasm}
    cells = measure_objects(made.pixels, STAINS, labels)
    values = cells[[c for c in cells if not c.startswith("Metadata_")]].median().to_dict()
    row = {
        "Metadata_Plate": well.plate, "Metadata_Well": well.name, "Metadata_Site": str(site),
        "Metadata_Compound": "DMSO" if well.treatment.control else well.treatment.name,
    }  # fmt: skip
    changed = {}
    if active and made.mask is not None:
        by_stain = np.asarray(made.mask).reshape(-1, *made.nuclei.shape).any(axis=0)
        parts = {"Nuclei": made.nuclei > 0, "Cytoplasm": cytoplasm > 0}
        changed = {name: float(by_stain[part].mean()) for name, part in parts.items()}
    return {"row": row | values, "changed": changed, "treatment": well.treatment.name}


def run(seed: int, jobs: int) -> dict:
    screen = design(seed)
    places = [(well, site) for well in wells(screen) for site in range(1, screen.sites + 1)]
    started = time.perf_counter()
    field(screen, *places[0])
    with parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1):
        fields = Parallel(batch_size=8)(delayed(field)(screen, *place) for place in places)
    table = pd.DataFrame([one["row"] for one in fields])
    item = read(table)
    found = describe(item)
    density = pd.DataFrame(
        [one["changed"] | {TREATMENT: one["treatment"]} for one in fields if one["changed"]]
    )
    density = density.groupby(TREATMENT).mean()
    truth = {w.treatment.name: w.treatment for w in wells(screen) if not w.treatment.control}
    groups = found.table
    single = changed_features(item.normalized.wells)
    single = single[single["rank"] == 1].set_index(TREATMENT)["feature"]
    rows = []
    for name, treatment in truth.items():
        own = groups[groups[TREATMENT] == name].sort_values("rank")
        if treatment.programme is None:
            continue
        first = own.iloc[0]
        places_changed = pixels(density.loc[name])
        one = feature_properties([single[name]]).iloc[0]
        random = np.mean(
            [judged(row, treatment.programme, places_changed)["all"] for _, row in own.iterrows()]
        )
        verdict = judged(first, treatment.programme, places_changed)
        rows.append(
            verdict
            | {
                "treatment": name, "programme": treatment.programme.name,
                "strength": round(treatment.effect.strength, 2),
                "first": f"{first.compartment} {first.stain} {first.property} {first.direction}",
                "changed": int((own["direction"] != "").sum()), "by_chance": random,
                "single": judged(one, treatment.programme, places_changed)["all"],
                "pixels": sorted(places_changed),
            }
        )  # fmt: skip
    inactive = [n for n, t in truth.items() if t.programme is None]
    called = groups[groups[TREATMENT].isin(inactive) & (groups["direction"] != "")]
    told = pd.DataFrame(rows)
    shares = ["stain", "family", "compartment", "compartment_of_pixels", "all", "all_of_pixels"]
    return {
        "bench": "features_in_words", "seed": seed, "treatments": len(told),
        "called": int((told["changed"] > 0).sum()),
        "first": {name: round(float(told[name].mean()), 3) for name in shares},
        "single_feature_all": round(float(told["single"].mean()), 3),
        "random_group_all": round(float(told["by_chance"].mean()), 3),
        "inactive": len(inactive), "inactive_with_a_group_called": int(called[TREATMENT].nunique()),
        "missed": told.loc[~told["all"], ["programme", "first", "pixels"]].to_dict("records"),
        "firsts": told[["programme", "strength", "first", "changed"]].to_dict("records"),
        "seconds": round(time.perf_counter() - started, 1),
    }  # fmt: skip


def pixels(density: pd.Series) -> set[str]:
    """Compartments whose density of changed pixels is at least half of the highest."""
    kept = set(density.index[density >= density.max() / 2])
    return kept | {"Cells"} if "Cytoplasm" in kept else kept


def judged(row: pd.Series, programme: Programme, changed: set[str]) -> dict[str, bool]:
    stains = set(str(row["stain"]).split("+"))
    whole = len(programme.stains) == len(STAINS)
    stain = whole or (NO_STAIN not in stains and bool(stains & set(programme.stains)))
    family = row["family"] in FAMILIES[programme.name]
    compartment = row["compartment"] in WITHIN[programme.compartment]
    of_pixels = row["compartment"] in changed
    return {
        "stain": stain, "family": family, "compartment": compartment,
        "compartment_of_pixels": of_pixels, "all": stain and family and compartment,
        "all_of_pixels": stain and family and of_pixels,
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    print(json.dumps(run(asked.seed, asked.jobs)))
