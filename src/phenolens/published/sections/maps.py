"""Activation of Grad-CAM maps and reconstructions as published, with what makes them readable."""

from __future__ import annotations

from functools import partial

import pandas as pd

from phenolens.answers.tables import Tables
from phenolens.findings import Finding
from phenolens.report.sections.network import MEASURES
from phenolens.words.numbers import fixed, interval, number, p_value


def activation(tables: Tables) -> dict | None:
    """Table 3: each measure over wells, its extremes and its tests; or why it is withheld."""
    found = tables.activation
    if found is None:
        return None
    if found.get("withheld_because"):
        return {"withheld": True, "rows": []}
    summary = tables.table("activation_summary")
    if summary is None:
        return None
    rows = summary.set_index("measure")
    tests = {key: _tests(found, key) for key in TESTS}
    shown = [name for name in MEASURES if name in rows.index]
    return {"withheld": False, "rows": [_measure(name, rows.loc[name], tests) for name in shown]}


TESTS = ("across_treatments", "correct_against_wrong", "with_accuracy")


def _tests(activation: dict, key: str) -> dict[str, dict]:
    return {str(row.get("measure")): row for row in activation.get(key) or []}


def _measure(name: str, row: pd.Series, tests: dict[str, dict[str, dict]]) -> dict:
    across, pair, rank = (tests[key].get(name, {}) for key in TESTS)
    return {
        "measure": MEASURES[name],
        "mean": f"{fixed(row['mean'])} ± {fixed(row['sd'])}",
        "wells": number(int(row["n_wells"])),
        "lowest": {"value": fixed(row["lowest_mean"]), "between": row["lowest"]},
        "highest": {"value": fixed(row["highest_mean"]), "between": row["highest"]},
        "across": p_value(across.get("p")),
        "difference": fixed(pair.get("difference")),
        "pair": p_value(pair.get("p")),
        "rank": fixed(rank.get("spearman")),
    }


def rebuilt(tables: Tables) -> dict | None:
    """How well held-out images come back, stain by stain, beside giving back the mean image."""
    found = tables.json("reconstructions")
    if found is None:
        return None
    if why := found.get("withheld_because"):
        return {"withheld": Finding.of(why).text, "said": "", "rows": []}
    stains = {str(row["stain"]): row for row in found.get("stains") or []}
    return {
        "withheld": "",
        "said": _said(found, stains),
        "rows": [_stain(name, values) for name, values in stains.items()],
    }


def _said(activation: dict, stains: dict[str, dict]) -> str:
    images, wells = (number(activation.get(name)) for name in ("n_images", "n_wells"))
    better = [
        name
        for name, value in stains.items()
        if (value["error"]["value"] or 0) < (value["error_mean_image"]["value"] or 0)
    ]
    correlations = ", ".join(
        f"{name} {fixed(value['correlation']['value'])}" for name, value in stains.items()
    )
    all_of = "every stain" if len(better) == len(stains) else ", ".join(better) or "no stain"
    return (
        f"Over {images} images of {wells} wells that the network never saw, pixels and "
        f"reconstruction correlate at {correlations}; the error is below that of giving back the "
        f"mean training image for {all_of}."
    )


def _stain(name: str, values: dict[str, dict]) -> dict:
    cells = []
    for measure in ("correlation", "error", "error_mean_image"):
        value = values[measure]
        written = partial(fixed, places=2 if measure == "correlation" else 4)
        between = interval(value.get("low"), value.get("high"), of=written)
        cells.append({"value": written(value.get("value")), "between": between})
    return {"stain": name, "cells": cells}
