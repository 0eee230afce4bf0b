"""AMG900, FK-866, cycloheximide and their like on real profiles, held against the literature.

    python bench/features_in_words_real.py

``cpjump1_profiles`` (four plates as delivered) and ``bbbc021_wells`` (scaled here on DMSO). Each
expectation below was written before the first run, but for those of docetaxel and cytochalasin D,
which bind tubulin and actin: a treatment, places, a property and the way it should change. Told
are effect, interval and corrected p of the largest such group, and the first groups of each
treatment in words. Then the same asked of controls: in how many groups of four DMSO wells, one a
plate, is a group of features called, for wells that share a position and for scattered ones.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from mechanism_bbbc021 import load

from phenolens import describe, profiles
from phenolens.interpret.changes import group_changes
from phenolens.profiles import CONTROL, TREATMENT
from phenolens.tools.read import read
from phenolens.tools.representation import Profiles
from phenolens.words.changes import described

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
PLATES = "BR*_normalized_feature_select_negcon_batch.csv.gz"
NUCLEI, CELLS, ANY = ("Nuclei",), ("Cells", "Cytoplasm"), ("Nuclei", "Cells", "Cytoplasm")
# Aurora kinase inhibitors: cells fail to divide and become polyploid (Payton et al., Cancer Res.
# 70:9846, 2010). FK-866 takes NAD from cells, which lose ATP and die (Hasmann and Schemainda,
# Cancer Res. 63:7436, 2003). Cycloheximide stops translation (Schneider-Poetsch et al., Nat. Chem.
# Biol. 6:209, 2010), and with it the making of ribosomes, whose RNA is what SYTO 14 shows.
AURORA = [(NUCLEI, "none", "size", "more"), (NUCLEI, "none", "roundness", "less"),
          (ANY, "none", "crowding", "less")]  # fmt: skip
EXPECTED = {
    "cpjump1_profiles": {
        "AMG900": AURORA,
        "FK-866": [(ANY, "none", "crowding", "less"), (ANY, "Mito", "brightness", "less")],
        "cycloheximide": [(ANY, "RNA", "brightness", "less"), (ANY, "none", "crowding", "less")],
    },
    "bbbc021_wells": {
        "AZ-A@3": AURORA, "AZ258@1": AURORA, "AZ841@1": AURORA,
        "cyclohexamide@50": [(ANY, "none", "crowding", "less")],
        "emetine@1": [(ANY, "none", "crowding", "less")],
        "docetaxel@0.1": [(ANY, "CorrTub", "unevenness", "more")],
        "cytochalasin D": [(ANY, "CorrActin", "unevenness", "more")],
    },
}  # fmt: skip


def told(table: pd.DataFrame, expected: dict[str, list[tuple]]) -> dict:
    """What was found of each expectation, and the words for each treatment."""
    found = {}
    for name, wanted in expected.items():
        own = table[table["Metadata_Treatment"] == name].sort_values("rank")
        called = own[own["direction"] != ""]
        checks = []
        for places, stain, label, direction in wanted:
            rows = own[own["compartment"].isin(places) & (own["stain"] == stain)]
            rows = rows[rows["property"] == label]
            if not len(rows):
                checks.append({"expected": f"{stain} {label} {direction}", "measured": False})
                continue
            row = rows.sort_values("change", ascending=False).iloc[0]
            checks.append(
                {
                    "expected": f"{stain} {label} {direction}", "compartment": row.compartment,
                    "effect": round(row.effect, 1), "low": round(row.low, 1),
                    "high": round(row.high, 1), "p_adjusted": round(row.p_adjusted, 3),
                    "rank": int(row["rank"]), "as_expected": bool(row.direction == direction),
                }
            )  # fmt: skip
        found[name] = {
            "wells": int(own["n"].max()), "controls": int(own["n_references"].max()),
            "called": f"{len(called)} of {len(own)}", "checks": checks,
            "words": described(called.to_dict("records"), most=8),
        }  # fmt: skip
    return found


def controls_called(item: Profiles, *, seed: int = 0) -> dict:
    """Groups of DMSO wells, one a plate, of which a group of features is called."""
    wells = item.normalized.wells
    wells = profiles.take(wells, profiles.is_control(wells))
    known = profiles.metadata(wells)
    rng = np.random.default_rng(seed)
    order = known.groupby("Metadata_Plate")["Metadata_Well"]
    kinds = {
        "same_position": known["Metadata_Well"].to_numpy(str),
        "scattered": order.transform(lambda own: rng.permutation(len(own)).astype(str)),
    }
    found: dict = {}
    for kind, labels in kinds.items():
        called = []
        for name in sorted(set(labels)):
            own = np.asarray(labels) == name
            named = {TREATMENT: np.where(own, name, "DMSO"), CONTROL: ~own}
            table = group_changes(profiles.with_metadata(wells, named), ~own, permutations=500)
            called.append(bool((table.table["direction"] != "").any()))
        found[kind] = {"groups": len(called), "called": sum(called)}
    return found


def main() -> None:
    plates = sorted((DATA / "cpjump1_profiles").glob(PLATES))
    frame = load()
    asked = {
        "cpjump1_profiles": (plates, {}),
        "bbbc021_wells": (frame, {"same_by": "Metadata_Treatment", "normalized": False}),
    }  # fmt: skip
    for name, (data, options) in asked.items():
        found = describe(data, **options)
        answer = {"bench": "features_in_words_real", "data": name, **found.summary}
        print(json.dumps(answer | {"told": told(found.table, EXPECTED[name])}))
    print(json.dumps({"data": "cpjump1_profiles", "controls": controls_called(read(plates))}))


if __name__ == "__main__":
    main()
