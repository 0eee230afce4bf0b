"""Profiles made elsewhere: which columns are features, which describe the row."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.io.cellprofiler import is_cellprofiler, read_cellprofiler
from phenolens.io.columns import FILE, mark_blank_samples, normal_name, tidy
from phenolens.io.paths import expand, read_table, stem
from phenolens.profiles import PREFIX

CATEGORIES = (
    "AreaShape|Intensity|Texture|Granularity|Correlation|Colocalization|Neighbors|"
    "RadialDistribution|Location|Number|Parent|Children|ObjectSkeleton|ImageQuality|"
    "AreaOccupied|Density|Overlap|Math|Skeleton|FilamentLength|Classify"
)
FEATURE = re.compile(rf"^[A-Za-z0-9]+_({CATEGORIES})(_|$)")
IMAGE_FEATURE = re.compile(r"^Image_(Intensity|Texture|Granularity|Correlation|Colocalization)_")
DISGUISED = re.compile(
    r"^[A-Za-z0-9]+_(Parent_\w+|Children_\w+_Count|Number_Object_Number|Location_Center_[XYZ]"
    r"|Neighbors_(First|Second)ClosestObjectNumber\w*)$"
)
KEYS = ("TableNumber", "ImageNumber", "ObjectNumber")


def is_feature(name: str) -> bool:
    """Whether a column name is a CellProfiler measurement and no metadata in disguise."""
    if DISGUISED.match(name) or normal_name(name) != PREFIX + name:
        return False
    return bool(IMAGE_FEATURE.match(name) if name.startswith("Image_") else FEATURE.match(name))


def is_disguised(name: str) -> bool:
    """Whether a column is a measurement's bookkeeping (parents, children, numbers, positions)."""
    return bool(DISGUISED.match(str(name).removeprefix(PREFIX)))


def feature_columns(frame: pd.DataFrame, *, prefix: str | None, source: str) -> list[str]:
    """Names of the feature columns.

    With ``prefix``, names that start with it (``f`` means ``f0``, ``f1``, ...). Otherwise
    CellProfiler's names; where there are none, every numeric column that is not ``Metadata_*``.

    Raises
    ------
    InputError
        If there are none, or one is not numeric.
    """
    names = [str(name) for name in frame.columns]
    if prefix is not None:
        found = _with_prefix(names, prefix)
    else:
        found = [name for name in names if is_feature(name)] or _numeric(frame)
    if not found:
        hint = f"with the prefix {prefix!r}" if prefix is not None else "of features"
        raise InputError(f"{source} has no columns {hint}; it has {', '.join(names[:8])}.")
    return _require_numbers(frame, found, source=source)


def _with_prefix(names: Sequence[str], prefix: str) -> list[str]:
    numbered = re.compile(rf"^{re.escape(prefix)}_*\d+$")
    return [n for n in names if numbered.match(n)] or [n for n in names if n.startswith(prefix)]


def _numeric(frame: pd.DataFrame) -> list[str]:
    return [
        str(name)
        for name, kind in frame.dtypes.items()
        if pd.api.types.is_numeric_dtype(kind) and not _describes(str(name))
    ]


def _describes(name: str) -> bool:
    return (
        "Metadata_" in name or name in KEYS or name.startswith("_") or bool(DISGUISED.match(name))
    )


def _require_numbers(frame: pd.DataFrame, names: list[str], *, source: str) -> list[str]:
    strings = [name for name in names if not pd.api.types.is_numeric_dtype(frame[name])]
    if strings:
        value = frame[strings[0]].dropna().astype(str)
        shown = value[pd.to_numeric(value, errors="coerce").isna()]
        raise InputError(
            f"{source}: {len(strings)} feature column(s) are not numeric, such as {strings[0]} "
            f"with {shown.iloc[0]!r}."
            if len(shown)
            else f"{source}: {strings[0]} is not numeric."
        )
    return names


def read_block(
    block: Mapping[str, object], root: Path
) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Rows of one ``[[data.profiles]]`` block: metadata tidied, features as they are.

    Returns
    -------
    frame : DataFrame
        ``Metadata_*`` columns, ``_file``, then features (float32).
    features : list of str
    notes : list of str
        For the ledger.
    """
    paths = expand(block["files"], root)
    parts = [read_file(path, prefix=block.get("prefix")) for path in paths]
    features = list(dict.fromkeys(name for _, names, _ in parts for name in names))
    everywhere = set(features).intersection(*(names for _, names, _ in parts))
    notes = list(dict.fromkeys(note for _, _, said in parts for note in said))
    if len(everywhere) < len(features):
        notes.append(
            f"{len(features) - len(everywhere)} features are not in every file (NaN there)"
        )
    frames = [frame for frame, _, _ in parts]
    frame = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    return frame, features, notes + _infinite(frame, features)


def read_file(path: Path, *, prefix: str | None) -> tuple[pd.DataFrame, list[str], list[str]]:
    """One profile file: tidy metadata, ``_file``, float32 features; features' names; notes."""
    frame, notes = _read_any(path)
    features = feature_columns(frame, prefix=prefix, source=str(path))
    details = mark_blank_samples(frame.drop(columns=features)).assign(**{FILE: stem(path)})
    values = frame[features].astype(np.float32).reset_index(drop=True)
    return pd.concat([tidy(details).reset_index(drop=True), values], axis=1), features, notes


def _read_any(path: Path) -> tuple[pd.DataFrame, list[str]]:
    if is_cellprofiler(path):
        return read_cellprofiler(path)
    if path.suffix == ".h5ad":
        from phenolens.io.anndata import read_h5ad
        from phenolens.profiles import to_frame

        return to_frame(read_h5ad(path)), []
    return read_table(path), []


def _infinite(frame: pd.DataFrame, features: list[str]) -> list[str]:
    values = frame[features].to_numpy()
    count = int(np.isinf(values).sum())
    if not count:
        return []
    frame[features] = np.where(np.isinf(values), np.float32(np.nan), values)
    return [f"{count} infinite values taken as missing"]
