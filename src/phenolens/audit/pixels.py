"""What the pixels of a screen show beside cells: depth, black planes, the same picture twice."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from phenolens.depths import Depth
from phenolens.findings import Finding, Severity, worst_first
from phenolens.prepared import Prepared

_AT_HIGH = 0.25  # share of pixels at the highest value; more is no picture of cells


def pixel_findings(prepared: Prepared) -> list[Finding]:
    """What is worth knowing of the pixels that are used, the gravest first.

    Parameters
    ----------
    prepared : Prepared
    """
    looks = prepared.looks
    found = [*_depths(prepared), *_gaps(looks), *_planes(looks), *_twins(looks)]
    return worst_first(found)


def _of(code: str, severity: Severity, part: pd.DataFrame, **values: object) -> Finding:
    names = ("plate", "well", "site", "channel", "file")
    place = {name: str(part[name].iloc[0]) for name in names}
    wells = part["plate"].astype(str) + "/" + part["well"].astype(str)
    about = {"well": tuple(dict.fromkeys(wells))}
    return Finding(code, severity, about, {"planes": len(part), "example": place} | values)


def _depths(prepared: Prepared) -> Iterator[Finding]:
    by_scale: dict[tuple[str, float], list[tuple[str, Depth]]] = {}
    for channel, depth in zip(prepared.channels, prepared.depths, strict=True):
        by_scale.setdefault((depth.dtype, depth.scale), []).append((channel, depth))
    for (dtype, scale), stains in by_scale.items():
        depth = stains[0][1]
        plain = dtype == "uint8" or (dtype == "uint16" and depth.bits > 12)
        values = {"dtype": dtype, "scale": scale, "bits": depth.bits, "highest": depth.high}
        about = {"channel": tuple(channel for channel, _ in stains)}
        yield Finding("depth-found", "ok" if plain else "info", about, values)
    dim = [(c, d) for c, d in zip(prepared.channels, prepared.depths, strict=True) if d.span != 1]
    if dim:
        spans = {channel: depth.span * depth.scale for channel, depth in dim}
        about = {"channel": tuple(channel for channel, _ in dim)}
        yield Finding("texture-spans", "info", about, {"spans": spans})
    looks = prepared.looks
    below = looks[looks["low"] < 0]
    if len(below):
        yield _of("pixels-negative", "warning", below, low=float(below["low"].min()))


def _gaps(looks: pd.DataFrame) -> Iterator[Finding]:
    """Every plane of which some chunks are not stored, by name: nobody can look for it."""
    gaps = looks[looks["absent"] > 0]
    if len(gaps):
        names = ["plate", "well", "site", "channel", "file"]
        counts = {"absent": int(gaps["absent"].iloc[0]), "chunks": int(gaps["chunks"].iloc[0])}
        listed = gaps[[*names, "absent", "chunks"]].to_dict("records")
        yield _of("chunks-absent", "warning", gaps, **counts, listed=listed)


def _planes(looks: pd.DataFrame) -> Iterator[Finding]:
    flat = looks[looks["flat"]]
    if len(flat):
        kinds = np.select(
            [flat["high"] == 0, (flat["high"] == _most(flat))], ["black", "saturated"], "constant"
        )
        counts = {str(kind): int(n) for kind, n in pd.Series(kinds).value_counts().items()}
        yield _of("planes-flat", "warning", flat, kinds=counts)
    burnt = looks[~looks["flat"] & (looks["at_high"] > _AT_HIGH)]
    if len(burnt):
        yield _of("planes-saturated", "warning", burnt, share=float(burnt["at_high"].median()))


def _most(looks: pd.DataFrame) -> pd.Series:
    """The largest value of each plane's dtype; one for floats."""
    kinds = {name: np.dtype(name) for name in looks["dtype"].unique()}
    most = {name: np.iinfo(kind).max if kind.kind in "ui" else 1 for name, kind in kinds.items()}
    return looks["dtype"].map(most)


def _twins(looks: pd.DataFrame) -> Iterator[Finding]:
    """Stains of one image, or images of one stain, with the very same pixels."""
    seen = looks[~looks["flat"]]
    wide = seen.pivot_table(
        index=["plate", "well", "site"], columns="channel", values="digest", aggfunc="first"
    )
    for one, other in combinations(wide.columns, 2):
        same = wide[one] == wide[other]
        if same.any():
            places = wide.index[same]
            part = seen[seen["channel"] == one].set_index(["plate", "well", "site"])
            part = part.loc[places].reset_index()
            values = {"stains": [one, other], "images": len(wide)}
            severity: Severity = "error" if same.all() else "warning"
            yield _of("stains-identical", severity, part, **values)
    twice = seen[seen.duplicated(["channel", "digest"], keep=False)]
    if len(twice):
        twice = twice.sort_values(["channel", "digest", "plate", "well", "site"])
        second = "/".join(twice[["plate", "well", "site"]].astype(str).iloc[1])
        yield _of("images-identical", "warning", twice, second=second)
