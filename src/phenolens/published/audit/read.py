"""The files of a declared study: ``design.toml``, rows, embeddings, trained rows, areas.

``docs/audit.md`` says what each may hold. Nothing is joined here; names and keys are cleaned.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.io.columns import has, is_blank
from phenolens.io.paths import read_table, stem
from phenolens.profiles import (
    CONTROL,
    KEY,
    PREFIX,
    TREATMENT,
    WELL,
    WELL_KEY,
    well_name,
)
from phenolens.vehicles import vehicle_names

TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet")
LABELS = ("label", TREATMENT, "Metadata_Label", "Metadata_Compound")
KEPT = ("prediction", "image_hash", "role", "area_fraction")
FOLDS = ("fold", "split", "subset")


@dataclass(frozen=True)
class DeclaredTables:
    """What lies in the folder.

    Attributes
    ----------
    design : dict
        ``design.toml`` as it is; empty where there is none.
    rows : DataFrame or None
        Canonical keys, ``Metadata_Treatment``, ``Metadata_Control``, and what else is known.
    embeddings, trained : dict of str to DataFrame
    maps : DataFrame or None
        ``attribution``: keys and ``area_fraction``.
    unread : tuple of str
        Files with names that mean nothing here.
    """

    design: dict
    rows: pd.DataFrame | None = None
    embeddings: dict[str, pd.DataFrame] = field(default_factory=dict)
    trained: dict[str, pd.DataFrame] = field(default_factory=dict)
    maps: pd.DataFrame | None = None
    unread: tuple[str, ...] = ()


def read_design(path: Path) -> dict:
    """The declaration as plain values.

    Raises
    ------
    InputError
        If the file is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not valid TOML: {error}") from None


def read_tables(folder: Path, *, label: str | None, controls: Sequence[str]) -> DeclaredTables:
    """Read every file of the folder that the audit knows.

    Parameters
    ----------
    folder : Path
    label : str, optional
        Column of the class; by default ``label``, else ``Metadata_Treatment``.
    controls : sequence of str
        Labels of negative controls, where no column ``Metadata_Control`` says which rows are.

    Raises
    ------
    InputError
        If the folder holds neither a declaration nor rows, or a file cannot be used.
    """
    named = {path: stem(path).removesuffix(".npy") for path in _files(folder)}
    if not {"rows", "design.toml"} & set(named.values()):
        raise InputError(f"{folder} holds neither design.toml nor rows.csv (see docs/audit.md).")
    _one_file_each(named)
    found: dict = {"embeddings": {}, "trained": {}, "unread": ()}
    for path, name in named.items():
        if name == "rows":
            found["rows"] = _rows(path, label, controls)
        elif name == "attribution":
            found["maps"] = _keyed(path, KEPT)
        elif name.startswith("embeddings_"):
            found["embeddings"][name.removeprefix("embeddings_")] = _embedding(path)
        elif name.startswith("trained_on_"):
            found["trained"][name.removeprefix("trained_on_")] = _keyed(path, ())
        elif name != "design.toml":
            found["unread"] += (path.name,)
    return DeclaredTables(design={}, **found)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.")
    known = (*TABLES, ".npy", ".toml")
    return sorted(p for p in folder.iterdir() if p.is_file() and p.name.lower().endswith(known))


def _one_file_each(named: dict[Path, str]) -> None:
    first: dict[str, Path] = {}
    for path, name in named.items():
        if name in first:
            raise InputError(f"{first[name]} and {path.name} are two of one kind; keep one.")
        first[name] = path


def _rows(path: Path, label: str | None, controls: Sequence[str]) -> pd.DataFrame:
    frame = read_table(path)
    rows = _with_keys(frame, path, KEPT)
    rows[TREATMENT] = _label_column(frame, path, label)
    rows[CONTROL] = _control_column(frame, rows[TREATMENT], controls)
    fold = next((own for name in FOLDS if (own := has(frame, name))), None)
    if fold is not None:
        rows["fold"] = _text(frame[fold])
    for name in ("Batch", "Mechanism", "Compound", "CellCount"):
        own = has(frame, PREFIX + name)
        if own is not None:
            rows[PREFIX + name] = frame[own].to_numpy()
    if rows.empty:
        raise InputError(f"{path} has no rows.")
    return rows


def _keyed(path: Path, kept: Sequence[str]) -> pd.DataFrame:
    return _with_keys(read_table(path), path, kept)


def _with_keys(frame: pd.DataFrame, path: Path, kept: Sequence[str]) -> pd.DataFrame:
    """Key columns in their canonical form, and these others as they are."""
    absent = [name for name in WELL_KEY if has(frame, name) is None]
    if absent:
        raise InputError(
            f"{path} has no column {' and '.join(absent)}; it has {_shown(frame)}. A screen of one "
            "plate needs a plate column too, with one name."
        )
    out = _keys(frame, path)
    for name in kept:
        own = has(frame, name)
        if own is not None:
            out[name] = frame[own].to_numpy()
    return out


def _keys(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    out = pd.DataFrame(index=pd.RangeIndex(len(frame)))
    for name in KEY:
        own = has(frame, name)
        if own is not None:
            out[name] = _text(frame[own]).to_numpy()
    for name in set(WELL_KEY) & set(out):
        blank = np.flatnonzero(out[name].isna())
        if len(blank):
            raise InputError(f"{path}: {name} is empty in row {blank[0] + 1} of the table.")
    if WELL in out:
        out[WELL] = [_well(value, row, path) for row, value in enumerate(out[WELL])]
    return out


def _well(value: str, row: int, path: Path) -> str:
    try:
        return well_name(value)
    except InputError as error:
        raise InputError(f"{path}, row {row + 1}: {error}") from None


def _text(values: pd.Series) -> pd.Series:
    """Text; blanks as None; whole numbers without a decimal point."""
    return pd.Series(
        [None if is_blank(v) else _plain(v) for v in values], index=values.index, dtype=object
    )


def _plain(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _label_column(frame: pd.DataFrame, path: Path, label: str | None) -> np.ndarray:
    wanted = LABELS if label is None else (label,)
    own = next((found for name in wanted if (found := has(frame, name))), None)
    if own is None:
        raise InputError(
            f"{path} has no column {' or '.join(wanted)} for the class; it has {_shown(frame)}. "
            "Name it in design.toml: [study] label."
        )
    return _text(frame[own]).to_numpy()


def _control_column(frame: pd.DataFrame, label: pd.Series, controls: Sequence[str]) -> np.ndarray:
    own = has(frame, CONTROL)
    if own is not None:
        said = _text(frame[own]).fillna("").str.lower()
        return said.isin(["true", "1", "yes"]).to_numpy()
    words = [word.lower() for word in controls]
    vehicles = {name: known.lower() for name, known in vehicle_names(label.dropna()).items()}
    text = label.fillna("").astype(str).str.lower()
    return (text.isin(words) | label.map(vehicles).isin(words)).to_numpy()


def _embedding(path: Path) -> pd.DataFrame:
    """Features with the keys and labels the file has; index columns that pandas wrote are left."""
    if path.suffix == ".npy":
        return _array(path)
    frame = read_table(path)
    frame = frame.drop(columns=[c for c in frame if str(c).startswith("Unnamed:")])
    out = _keys(frame, path)
    label = has(frame, "label")
    if label is not None:
        out["label"] = _text(frame[label]).to_numpy()
    used = {own for name in (*KEY, "label") if (own := has(frame, name))}
    rest = [c for c in frame if c not in used and not str(c).startswith(PREFIX)]
    words = [str(c) for c in rest if not pd.api.types.is_numeric_dtype(frame[c])]
    if words or not rest:
        raise InputError(
            f"{path} has {'columns of text: ' + ', '.join(words[:5]) if words else 'no features'}. "
            f"Features are numbers; name what describes a row '{PREFIX}...'."
        )
    return pd.concat([out, frame[rest].reset_index(drop=True)], axis=1)


def _array(path: Path) -> pd.DataFrame:
    try:
        values = np.load(path, allow_pickle=False)
    except Exception as error:  # NumPy raises many kinds
        raise InputError(f"{path} cannot be read as an array: {error}") from None
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise InputError(
            f"{path} holds {values.dtype} of shape {values.shape}; expected numbers, rows by "
            "features."
        )
    return pd.DataFrame(values, columns=[f"f{k}" for k in range(values.shape[1])])


def _shown(frame: pd.DataFrame) -> str:
    return ", ".join(map(str, frame.columns[:8]))
