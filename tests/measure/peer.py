"""cp_measure's results under CellProfiler's canonical names."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd

_OFF = [
    "intensity",
    "granularity",
    "radial_distribution",
    "radial_zernikes",
    "sizeshape",
    "zernike",
    "feret",
    "correlation_pearson",
    "correlation_costes",
    "correlation_manders_fold",
    "correlation_rwc",
]


def measure_with_peer(pixels: np.ndarray, channels: tuple[str, ...], labels: dict) -> pd.DataFrame:
    """All of cp_measure's features; rows are ids, columns canonical names."""
    first = _featurize(pixels, channels, labels, texture=3)
    more = [_featurize(pixels, channels, labels, texture=scale, only=True) for scale in (5, 10)]
    tables = [first, *more, _overlaps(pixels, channels, labels), _neighbors(labels)]
    table = pd.concat(tables, axis=1)
    return table.loc[:, ~table.columns.duplicated()]


def _featurize(pixels, channels, labels, *, texture: int, only: bool = False) -> pd.DataFrame:
    from cp_measure.featurizer import featurize, make_featurizer_config

    config = make_featurizer_config(
        list(channels),
        objects=list(labels),
        legacy=True,
        texture_params={"scale": texture},
        correlation_costes_params={"scale_max": 65535},
        **(dict.fromkeys(_OFF, False) if only else {}),
    )
    masks = np.stack(list(labels.values()))[None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data, columns, rows = featurize(pixels[None] / 65535.0, masks, config)
    parts = []
    for name in labels:
        mine = [i for i, row in enumerate(rows) if row[1] == name]
        ids = [rows[i][2] for i in mine]
        renamed = [canonical_name(column, name) for column in columns]
        parts.append(pd.DataFrame(data[mine], index=ids, columns=renamed))
    table = pd.concat(parts, axis=1)
    return table[[c for c in table if c is not None]]


def canonical_name(column: str, compartment: str) -> str | None:
    """CellProfiler's name of a cp_measure column; None for one we take in another order."""
    base, *stains = column.split("__")
    texture = re.fullmatch(r"([A-Za-z]+[12]?)_(\d+)_(\d\d)_(\d+)", base)
    if texture and stains:
        name, *rest = texture.groups()
        return f"{compartment}_Texture_{name}_{stains[0]}_{'_'.join(rest)}"
    if base.startswith("Correlation"):
        return _pair_name(base, stains, compartment)
    if base.startswith("Location"):
        return f"Metadata_{compartment}_{base}_{stains[0]}"
    if base.startswith("RadialDistribution"):
        family, measurement, *rest = base.split("_")
        return f"{compartment}_{family}_{measurement}_{stains[0]}_{'_'.join(rest)}"
    if stains:
        return f"{compartment}_{base}_{stains[0]}"
    return f"{compartment}_AreaShape_{base}"


def _pair_name(base: str, stains: list[str], compartment: str) -> str | None:
    _, measurement, *side = base.split("_")
    first, second = stains
    ordered = measurement in ("Pearson", "Slope", "Costes")
    if ordered and first > second:
        return None
    if side == ["2"]:
        first, second = second, first
    measurement = measurement.replace("Pearson", "Correlation")
    return f"{compartment}_Correlation_{measurement}_{first}_{second}"


def _overlaps(pixels, channels, labels) -> pd.DataFrame:
    from cp_measure._sanitize import sanitize
    from cp_measure.core.measurecolocalization import get_correlation_overlap

    scaled = pixels / 65535.0
    parts = []
    for name, image in labels.items():
        columns = {}
        for i, a in enumerate(channels):
            for j, b in enumerate(channels):
                if a < b:
                    found = sanitize(get_correlation_overlap)(scaled[i], scaled[j], image)
                    columns[f"{name}_Correlation_Overlap_{a}_{b}"] = found["Correlation_Overlap"]
                    columns[f"{name}_Correlation_K_{a}_{b}"] = found["Correlation_K_1"]
                    columns[f"{name}_Correlation_K_{b}_{a}"] = found["Correlation_K_2"]
        parts.append(pd.DataFrame(columns, index=np.unique(image)[1:]))
    return pd.concat(parts, axis=1)


def _neighbors(labels) -> pd.DataFrame:
    from cp_measure._sanitize import sanitize_masks
    from cp_measure.multimask.measureobjectneighbors import measureobjectneighbors

    within, adjacent = "Within a specified distance", "Adjacent"
    parts = []
    for name, method, distance in (
        ("Nuclei", within, 1),
        ("Cells", within, 5),
        ("Cells", adjacent, 1),
    ):
        clean, ids = sanitize_masks(labels[name])
        found = measureobjectneighbors(clean, clean, method, distance)
        kept = {f"{name}_{k}": v for k, v in found.items() if "ObjectNumber" not in k}
        parts.append(pd.DataFrame(kept, index=ids))
    return pd.concat(parts, axis=1)
