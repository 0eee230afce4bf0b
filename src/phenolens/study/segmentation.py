"""Part of step `measure`: what is said where the segmentation finds next to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from phenolens.findings import Finding, Severity
from phenolens.illumination import block_means
from phenolens.prepared import Prepared
from phenolens.profiles import PLATE, SITE, WELL
from phenolens.represent.measuring.labelling import Recipe
from phenolens.represent.measuring.units import Unit
from phenolens.segment.explain import explain
from phenolens.segment.settings import nuclei_index

FEW = 2  # cells a field; a screen whose usual field has no more was hardly segmented
MANY_EMPTY = 0.2  # share of the fields
_SHOWN, _SIDE = 3, 320


def look_at_segmentation(
    prepared: Prepared, units: Sequence[Unit], recipe: Recipe
) -> tuple[list[Finding], dict[str, np.ndarray] | None]:
    """Why fields hold next to no cell, and pictures of some of them.

    Parameters
    ----------
    prepared : Prepared
    units : sequence of Unit
        The measured fields, or the crops of a well and site.
    recipe : Recipe

    Returns
    -------
    findings : list of Finding
    pictures : dict of str to ndarray, or None
        As ``segmentation.npz``.
    """
    counts = np.array([unit.n_cells() for unit in units])
    crops = prepared.images.level == "cell"
    sparse = np.median(counts) <= FEW and not crops
    poor = np.flatnonzero(counts <= (FEW if sparse else 0))
    if not len(poor):
        return [], None
    empty = int((counts == 0).sum())
    severity: Severity = "warning" if sparse or empty > MANY_EMPTY * len(units) else "info"
    code = "cells-few" if sparse else "fields-empty"
    if not counts.any():
        code, severity = "cells-none", "error"
    table = prepared.images.table
    rows = {key: at[0] for key, at in table.groupby([PLATE, WELL, SITE]).indices.items()}
    keys = [(unit.plate, unit.well, unit.site) for unit in units]
    shown = sorted(poor, key=lambda n: (counts[n], keys[n][2], keys[n][1], keys[n][0]))[:_SHOWN]
    seen = [prepared.pixels(int(rows[keys[n]])) for n in shown]
    why = _why(prepared, seen[0], recipe)
    names = ["/".join(keys[n]) for n in poor]
    values: dict[str, Any] = {
        "fields": len(units),
        "empty": empty,
        "usual": float(np.median(counts)),
        "example": names[list(poor).index(shown[0])],
        "crops": crops,
        "why": why,
    }
    place = nuclei_index(prepared.channels, recipe.settings())
    pictures = _pictures([image[place] for image in seen])
    pictures |= {
        "names": np.array(["/".join(keys[n]) for n in shown]),
        "cells": counts[shown],
        "stain": np.array(prepared.channels[place]),
        "expected": np.array(why.get("expected") or why.get("diameter") or 0.0),
    }
    return [Finding(code, severity, {"field": tuple(names)}, values)], pictures


def _why(prepared: Prepared, pixels: np.ndarray, recipe: Recipe) -> dict[str, Any]:
    """What :func:`explain` says, or who else is to blame."""
    if prepared.images.label_columns:
        return {"reason": "labels"}
    return asdict(explain(pixels, prepared.channels, recipe.settings()))


def _pictures(planes: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Small copies, 0 to 255 from the darkest to the brightest thousandth, and their shrinking."""
    small = [block_means(plane, _SIDE) for plane in planes]
    height, width = (min(image.shape[axis] for image in small) for axis in range(2))
    shown = []
    for image in small:
        low, high = np.percentile(image, [0.1, 99.9])
        light = np.clip((image - low) / max(high - low, 1e-12), 0, 1)
        shown.append(np.rint(255 * light[:height, :width]).astype(np.uint8))
    shrunk = [image.shape[-1] / plane.shape[-1] for image, plane in zip(small, planes, strict=True)]
    return {"pixels": np.stack(shown), "shrunk": np.array(shrunk)}
