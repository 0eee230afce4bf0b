"""How the networks learned, and where the network looked."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from phenolens.answers.tables import Tables
from phenolens.findings import Finding
from phenolens.report.figures import attention, augmented, curves, traversal
from phenolens.report.sections import Section, register
from phenolens.words import names
from phenolens.words.numbers import fixed, interval, number, percent

MEASURES = {
    "area_0.5_image": "Area above 0.5 of maximum",
    "area_0.8_image": "Area above 0.8 of maximum",
    "intensity_image": "Mean intensity",
    "enrichment_nucleus": "Enrichment, nuclei",
    "enrichment_cytoplasm": "Enrichment, cytoplasm",
    "enrichment_background": "Enrichment, background",
}


def view(tables: Tables) -> dict | None:
    """Activation by treatment with its checks; None for a study without networks."""
    found = tables.activation
    if found is None and tables.curves is None:
        return None
    why = (found or {}).get("withheld_because")
    shown = None if why or not found else found
    return {
        "curves": tables.curves is not None,
        "augmented": tables.arrays("augmented") is not None,
        "ways": tables.arrays("traversals") is not None,
        "withheld": Finding.of(why).text if why else "",
        "activation": None if shown is None else _facts(shown),
        "measures": list(MEASURES.values()),
        "treatments": [] if shown is None else _treatments(tables.activation_treatments),
    }


def _facts(found: dict) -> dict:
    enriched = found.get("enrichment") or {}
    randomised = found.get("randomised") or {}
    stains = sorted((found.get("stains") or {}).items(), key=lambda item: -item[1])
    truth = found.get("truth") or {}
    doubt = truth.get("doubt")
    return {
        "method": _method(found.get("method", "grad-cam")),
        "measured_by": _method(found.get("measured_by", "grad-cam")),
        "truth": _right(truth.get("rates") or []),
        "doubt": Finding.of(doubt).text if doubt else "",
        "network": names.label(str(found.get("network", ""))),
        "n": number(found.get("n_images")),
        "zero": number(found.get("n_zero_maps")),
        "right": percent(found.get("images_named_right")),
        "enrichment": [_row(name.capitalize(), row) for name, row in enriched.items()],
        "correlation": fixed(randomised.get("correlation")),
        "random": [
            _row(text, randomised[key]) for key, text in CHECKS.items() if key in randomised
        ],
        "stains": [(name, fixed(value, 3)) for name, value in stains],
    }


def _method(name: object) -> str:
    """A method as a reader knows it."""
    return {"grad-cam": "Grad-CAM"}.get(str(name), str(name).replace("-", " "))


def _right(rates: list[dict]) -> list[dict]:
    """How often each method's maps are right, one row a method and kind of planted change."""
    found: dict[tuple[str, str], dict] = {}
    for row in rates:
        at = found.setdefault((row["method"], row["kind"]), {"n": 0, "planted": row["n_planted"]})
        at[row["measure"]] = row
        at["n"] = max(at["n"], row["n"] if row["measure"] == "hit" else 0)
    return [
        {
            "method": _method(method),
            "kind": KINDS.get(kind, kind),
            "all": kind == "all",
            "seen": f"{number(at['n'])} of {number(at['planted'])}",
            "hit": percent(at["hit"]["value"]),
            "between": interval(at["hit"]["low"], at["hit"]["high"], of=percent),
            "chance": percent(at["chance"]["value"]),
            "energy": fixed(at["energy"]["value"]),
            "stain": percent(at["stain_right"]["value"]),
            "compartment": percent(at["compartment_right"]["value"]),
        }
        for (method, kind), at in found.items()
    ]


KINDS = {
    "dots": "bright dots",
    "blur": "details blurred",
    "swap": "a stain of a treated cell",
    "nucleus": "a larger nucleus",
    "all": "all",
}
CHECKS = {
    "cells_over_random": "Enrichment of cells, over that of random weights",
    "nucleus_over_random": "Enrichment of nuclei, over that of random weights",
    "deletion_over_random_order": "Covering in the map's order, over a random order",
    "insertion_over_random_order": "Showing in the map's order, over a random order",
}


def _row(what: str, row: dict) -> dict:
    between = interval(row.get("low"), row.get("high"), of=fixed)
    n = number(row.get("n_wells"))
    return {"what": what, "value": fixed(row.get("value")), "between": between, "n": n}


def _treatments(rows: pd.DataFrame | None) -> list[dict]:
    if rows is None:
        return []
    return [_treatment(name, part) for name, part in rows.groupby("Metadata_Treatment")]


def _treatment(name: str, part: pd.DataFrame) -> dict:
    by = part.drop_duplicates("measure").set_index("measure")
    cells = [_cell(by.loc[m]) if m in by.index else "–" for m in MEASURES]
    return {"treatment": name, "wells": number(int(part["n_wells"].max())), "cells": cells}


def _cell(row: pd.Series) -> str:
    spread = "" if pd.isna(row["sd"]) else f" ± {fixed(row['sd'])}"
    return f"{fixed(row['mean'])}{spread}"


register(
    Section(
        key="network",
        title="Where the network looked",
        order=90,
        view=view,
        template=Path(__file__).with_suffix(".html"),
        figures={
            "attention": attention.draw,
            "curves": curves.draw,
            "augmented": augmented.draw,
            "ways": traversal.draw,
        },
    )
)
