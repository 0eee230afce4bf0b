"""Is the planted change told first? Simulated treatments, described by measured features.

    python bench/features_in_words.py [--seed 11] [--jobs 2] [--kept fields.jsonl]
    python bench/features_in_words.py --demo phenolens-demo

A screen of every programme of the simulator, two compounds each (no second programme), and four
compounds that do nothing: two plates, two wells a treatment and plate, one field a well, 24
controls a plate. Fields are measured with true outlines; ``phenolens.describe`` ranks the groups.
Or a finished demo, whose second compounds of a mechanism have a second, weaker programme.

Of each active treatment the group that is told first (those with a direction before others, of one
stain before two, then by rank) is held against the truth: its *stain* is one that the programme
changes (a group without stain counts for programmes that change all), its *family* is
one that can measure the change (``FAMILIES``, written before the first run), its *compartment* is
the programme's (``Cells`` hold the cytoplasm, so both count for it), and, beside that, one in which
the pixels changed: the density of changed pixels in it is at least half of the highest. Beside it:
the single feature that changed most, and a group drawn at random. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, parallel_config

from phenolens import describe, profiles
from phenolens.interpret.features import changed_features
from phenolens.interpret.properties import NO_STAIN, feature_properties
from phenolens.measure import measure_objects
from phenolens.profiles import TREATMENT
from phenolens.simulate import ScreenDesign, simulate_field
from phenolens.simulate.layout import Well, conditions, field_seed, wells
from phenolens.simulate.programmes import Programme
from phenolens.simulate.stains import STAINS
from phenolens.simulate.treatments import SimulatedTreatment, treatments
from phenolens.tools.describe import in_order
from phenolens.tools.read import read
from phenolens.tools.representation import Profiles

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
MEASURED = (
    "AreaShape", "Intensity", "Texture", "Granularity", "RadialDistribution", "Correlation",
    "Neighbors", "ObjectSkeleton",
)  # fmt: skip
WITHIN = {"Nuclei": {"Nuclei"}, "Cytoplasm": {"Cytoplasm", "Cells"}, "Cells": {"Cells", "Nuclei"}}


def design(seed: int) -> ScreenDesign:
    return ScreenDesign(
        plates=2, batches=1, treatments=28, replicates=2, control_wells=24, sites=1, mechanisms=12,
        inactive=4, toxic=0, dosed=0, off_target=0.0, rows=8, columns=12, seed=seed,
    )  # fmt: skip


def field(screen: ScreenDesign, well: Well, site: int) -> dict:
    """Median over a field's cells of every feature."""
    made = simulate_field(
        field_seed(screen, well, site), effect=well.treatment.effect,
        conditions=conditions(screen, well), confluence=screen.confluence,
        field_size=screen.field_size, cell_diameter=screen.cell_diameter,
    )  # fmt: skip
    cytoplasm = np.where(made.nuclei > 0, 0, made.cells)
    labels = {"Nuclei": made.nuclei, "Cells": made.cells, "Cytoplasm": cytoplasm}
    cells = measure_objects(made.pixels, STAINS, labels, families=MEASURED)
    values = cells[[c for c in cells if not c.startswith("Metadata_")]].median().to_dict()
    row = {
        "Metadata_Plate": well.plate, "Metadata_Well": well.name, "Metadata_Site": str(site),
        "Metadata_Compound": "DMSO" if well.treatment.control else well.treatment.name,
    }  # fmt: skip
    return row | values


def simulated(seed: int, *, jobs: int, kept: Path | None) -> tuple[Profiles, dict]:
    """The screen's wells, and the treatments by name; fields measured before are read back."""
    screen = design(seed)
    places = [(well, site) for well in wells(screen) for site in range(1, screen.sites + 1)]
    known = kept.read_text().splitlines() if kept is not None and kept.is_file() else []
    rows = [json.loads(line) for line in known]
    with parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1):
        for first in range(len(rows), len(places), 16):
            chunk = places[first : first + 16]
            made = Parallel()(delayed(field)(screen, *place) for place in chunk)
            rows += made
            if kept is not None:
                with kept.open("a") as file:
                    file.writelines(json.dumps(row) + "\n" for row in made)
    truth = {w.treatment.name: w.treatment for w in wells(screen) if not w.treatment.control}
    return read(pd.DataFrame(rows)), truth


def of_demo(folder: Path) -> tuple[Profiles, dict]:
    """The same of a finished demo; treatments are known by compound and dose."""
    screen = ScreenDesign(seed=json.loads((folder / "screen/truth/design.json").read_text())
                             .get("seed", 0))  # fmt: skip
    item = read(folder / "profiles" / "cellprofiler.parquet")
    keys = profiles.metadata(item.table).drop_duplicates(TREATMENT)
    known = {
        (row["Metadata_Compound"], float(row["Metadata_Concentration"])): row[TREATMENT]
        for row in keys.to_dict("records")
    }
    made = {(t.name, t.concentration): t for t in treatments(screen)}
    return item, {known[key]: treatment for key, treatment in made.items()}


def answer(item: Profiles, truth: dict, **about: object) -> dict:
    """What was told first of each treatment, held against the truth."""
    groups = describe(item).table
    single = changed_features(item.normalized.wells)
    single = single[single["rank"] == 1].set_index(TREATMENT)["feature"]
    alone = [t for t in truth.values() if t.active and t.off_target is None]
    places = {t.programme.name: pixels(t) for t in reversed(alone)}
    rows = []
    for name, treatment in truth.items():
        if not treatment.active:
            continue
        own = groups[groups[TREATMENT] == name].sort_values("rank")
        told = in_order(own)
        first, changed = (told if len(told) else own).iloc[0], places[treatment.programme.name]
        every = [judged(row, treatment.programme, changed)["all"] for _, row in own.iterrows()]
        one = feature_properties([single[name]]).iloc[0]
        rows.append(
            judged(first, treatment.programme, changed)
            | {
                "programme": treatment.programme.name,
                "second": treatment.off_target.name if treatment.off_target else "",
                "first": f"{first.compartment} {first.stain} {first.property} {first.direction}",
                "groups": int((own["direction"] != "").sum()), "by_chance": float(np.mean(every)),
                "single": judged(one, treatment.programme, changed)["all"],
                "pixels": sorted(changed),
            }
        )  # fmt: skip
    nothing = [name for name, t in truth.items() if not t.active and not t.toxic]
    called = groups[groups[TREATMENT].isin(nothing) & (groups["direction"] != "")]
    table = pd.DataFrame(rows)
    shares = ["stain", "family", "compartment", "compartment_of_pixels", "all", "all_of_pixels"]
    return {
        "bench": "features_in_words", **about, "treatments": len(table),
        "with_a_group_called": int((table["groups"] > 0).sum()),
        "first": {name: round(float(table[name].mean()), 3) for name in shares},
        "single_feature_all": round(float(table["single"].mean()), 3),
        "random_group_all": round(float(table["by_chance"].mean()), 3),
        "inactive": len(nothing), "inactive_with_a_group_called": int(called[TREATMENT].nunique()),
        "told": table[["programme", "second", "first", "groups", *shares[:4], "pixels"]].to_dict(
            "records"
        ),
    }  # fmt: skip


def pixels(treatment: SimulatedTreatment, *, fields: int = 3) -> set[str]:
    """Compartments whose density of changed pixels is at least half of the highest."""
    found = []
    for seed in range(fields):
        made = simulate_field(seed, effect=treatment.effect, with_mask=True)
        parts = {"Nuclei": made.nuclei > 0, "Cytoplasm": (made.cells > 0) & (made.nuclei == 0)}
        found.append({name: float((made.mask[part] > 0).mean()) for name, part in parts.items()})
    density = pd.DataFrame(found).mean()
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
    parser.add_argument("--kept", type=Path)
    parser.add_argument("--demo", type=Path)
    asked = parser.parse_args()
    if asked.demo is not None:
        print(json.dumps(answer(*of_demo(asked.demo), data="demo")))
    else:
        found = simulated(asked.seed, jobs=asked.jobs, kept=asked.kept)
        print(json.dumps(answer(*found, data="simulated", seed=asked.seed)))
