"""Profiles made elsewhere: which columns are features, which describe the row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from phenolens.errors import InputError, named, shown
from phenolens.io.cellprofiler import is_cellprofiler, read_cellprofiler
from phenolens.io.columns import (
    ALIASES,
    FILE,
    mark_blank_samples,
    nearest,
    normal_name,
    plain,
    tidy,
)
from phenolens.io.paths import expand, read_table, stem
from phenolens.io.roles import NAMES
from phenolens.profiles import CONTROL, PREFIX, text_dialect

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
LEARNED = re.compile(r"^(?!Metadata_).+?__.+?__\d{4,}$")
NUMBERED = re.compile(r"^([A-Za-z_]+?)_*0*\d+$")
UNNAMED = re.compile(r"^Unnamed: \d+$")
DESCRIPTIONS = frozenset(
    normal_name(name).lower()
    for names in (*ALIASES.values(), *NAMES.values(), (CONTROL,))
    for name in names
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


def feature_columns(
    frame: pd.DataFrame, *, features: str | Sequence[str] | None, source: str
) -> list[str]:
    """Names of the feature columns.

    Parameters
    ----------
    frame : DataFrame
    features : str, sequence of str or None
        A prefix (``f`` means ``f0``, ``f1``, ...), or the names themselves. By convention (None):
        CellProfiler's names, and ``model__channel__0001`` beside them; where there are none, the
        columns of decimal numbers that are numbered under one prefix, eight or more (``f0``,
        ``f1``, ...); else every numeric column whose name does not describe rows (``Metadata_*``,
        plate, dose, ...).
    source : str
        What the frame is called in errors.

    Raises
    ------
    InputError
        If there are none, one is not there, or one is not numeric.
    """
    names = [str(name) for name in frame.columns]
    if features is None:
        hint = "of features"
        measured = [name for name in names if is_feature(name)]
        learned = [name for name in names if LEARNED.match(name)] if measured else []
        chosen = {*measured, *learned}
        found = [name for name in names if name in chosen]
        found = found or numbered_columns(frame) or _numeric(frame)
    elif features == "" or not isinstance(features, Iterable):
        what = "empty" if features == "" else f"a prefix or a list of names; got {shown(features)}"
        raise InputError(f"{named('features')} is {what}.")
    elif isinstance(features, str):
        hint, found = f"with the prefix {features!r}", _with_prefix(names, features)
    else:
        hint, found = "among the features named", list(dict.fromkeys(map(str, features)))
        if missing := [name for name in found if name not in names]:
            more = f" (and {len(missing) - 1} more of those named)" if len(missing) > 1 else ""
            raise InputError(
                f"{source} has no column {missing[0]!r}{more}{nearest(missing[0], names)}"
            )
    if not found:
        more = ", ..." if len(names) > 8 else ""
        raise InputError(
            f"{source} has no columns {hint}; it has {', '.join(names[:8])}{more}; name the "
            f"features with {named('features')}{_as_text(frame)}."
        )
    return _require_numbers(frame, found, source=source)


def _as_text(frame: pd.DataFrame) -> str:
    """The end of a sentence that finds no features where columns hold numbers as text."""
    for name, kind in frame.dtypes.items():
        if pd.api.types.is_object_dtype(kind) and not _describes(str(name)):
            said = frame[name].dropna()
            if len(said) and pd.to_numeric(said, errors="coerce").notna().all():
                return f"; {name} holds numbers as text: convert it with .astype(float)"
    return ""


def numbered_columns(frame: pd.DataFrame) -> list[str]:
    """Columns of decimal numbers under a prefix that eight or more share: ``f0``, ``f1``, ..."""
    prefixes: dict[str, list[str]] = {}
    for name, kind in frame.dtypes.items():
        match = NUMBERED.match(str(name))
        if match and pd.api.types.is_float_dtype(kind) and not _describes(str(name)):
            prefixes.setdefault(match[1], []).append(str(name))
    kept = {n for members in prefixes.values() if len(members) >= 8 for n in members}
    return [str(name) for name in frame.columns if str(name) in kept]


def _is_number(kind: object) -> bool:
    return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_complex_dtype(kind)


def _with_prefix(names: Sequence[str], prefix: str) -> list[str]:
    numbered = re.compile(rf"^{re.escape(prefix)}_*\d+$")
    return [n for n in names if numbered.match(n)] or [n for n in names if n.startswith(prefix)]


def _numeric(frame: pd.DataFrame) -> list[str]:
    return [
        str(name)
        for name, kind in frame.dtypes.items()
        if pd.api.types.is_numeric_dtype(kind) and not _describes(str(name))
        if not pd.api.types.is_bool_dtype(kind)
    ]


def _describes(name: str) -> bool:
    return (
        "Metadata_" in name
        or name in KEYS
        or name.startswith("_")
        or normal_name(name).lower() in DESCRIPTIONS
        or bool(DISGUISED.match(name))
    )


def _require_numbers(frame: pd.DataFrame, names: list[str], *, source: str) -> list[str]:
    strings = [name for name in names if not _is_number(frame[name].dtype)]
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
    """Rows of one ``[[data.profiles]]`` block; see :func:`read_files`.

    A block may hold what was read already, under ``given``, instead of naming files.
    """
    if "given" in block:
        return block["given"]
    return read_files(expand(block["files"], root), features=block.get("prefix"))


def read_files(
    paths: Sequence[Path],
    *,
    features: str | Sequence[str] | None = None,
    layer: str | None = None,
    obsm: str | None = None,
) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Rows of profile files below one another: metadata tidied, features as they are.

    Parameters
    ----------
    paths : sequence of Path
    features : str, sequence of str or None
        As in :func:`feature_columns`.
    layer, obsm : str, optional
        Where in an AnnData file the features are; see :func:`phenolens.io.anndata.to_columns`.

    Returns
    -------
    frame : DataFrame
        ``Metadata_*`` columns, ``_file``, then features (float32).
    features : list of str
    notes : list of str
        For the ledger.
    """
    parts = [read_file(path, features=features, layer=layer, obsm=obsm) for path in paths]
    names = list(dict.fromkeys(name for _, names, _ in parts for name in names))
    everywhere = set(names).intersection(*(names for _, names, _ in parts))
    notes = list(dict.fromkeys(note for _, _, said in parts for note in said))
    if len(everywhere) < len(names):
        notes.append(f"{len(names) - len(everywhere)} features are not in every file (NaN there)")
    frames = [frame for frame, _, _ in parts]
    frame = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    return frame, names, notes + settle(frame, names)


def read_file(
    path: Path, *, features: str | Sequence[str] | None, layer: str | None, obsm: str | None
) -> tuple[pd.DataFrame, list[str], list[str]]:
    """One profile file: tidy metadata, ``_file``, float32 features; features' names; notes."""
    if path.suffix.lower() == ".h5ad":
        from phenolens.io.anndata import open_h5ad, to_columns

        frame = to_columns(open_h5ad(path), layer=layer, obsm=obsm, source=str(path))
        table, names = tidied(frame, features=features, name=stem(path), source=str(path))
        return table, names, passed_over(frame, names)
    if layer or obsm:
        where = f"layer {layer!r}" if layer else f"obsm {obsm!r}"
        raise InputError(f"{path} is no AnnData file (.h5ad), so it has no {where}.")
    frame, notes = read_cellprofiler(path) if is_cellprofiler(path) else (read_table(path), [])
    _refuse_repeated_header(frame, path)
    unnamed = [name for name in frame.columns if UNNAMED.match(str(name))]
    frame = frame.drop(columns=unnamed)
    table, names = tidied(frame, features=features, name=stem(path), source=str(path))
    return table, names, notes


def tidied(
    frame: pd.DataFrame, *, features: str | Sequence[str] | None, name: str, source: str
) -> tuple[pd.DataFrame, list[str]]:
    """A table as it came, tidied: the one way in for files and for what lies in memory.

    Parameters
    ----------
    frame : DataFrame
        Metadata and features in columns.
    features : str, sequence of str or None
        As in :func:`feature_columns`.
    name : str
        For the column ``_file``.
    source : str
        What the table is called in errors.

    Returns
    -------
    table : DataFrame
        ``Metadata_*`` columns with clean values, ``_file``, then float32 features; range index.
    features : list of str

    Raises
    ------
    InputError
        If it is empty, a name occurs twice, or a column holds lists, dictionaries or arrays.
    """
    if not len(frame) or not len(frame.columns):
        size = f"{len(frame)} rows and {len(frame.columns)} columns"
        raise InputError(
            f"{source} has {size}; hand in a table with one row a well, field or cell."
        )
    frame = frame.set_axis([str(column) for column in frame.columns], axis=1)
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()].unique()
        raise InputError(_repeated(list(twice), source))
    frame = plain(frame.reset_index(drop=True))
    objects = frame.columns[frame.dtypes.map(pd.api.types.is_object_dtype)]
    nested = [name for name in objects if _is_nested(frame[name])]
    if nested:
        raise InputError(
            f"{source}: {len(nested)} column(s) hold lists, dictionaries or arrays, such as "
            f"{', '.join(nested[:5])}. Give each value a column of its own, or drop them."
        )
    names = feature_columns(frame, features=features, source=source)
    details = frame.drop(columns=[*names, FILE], errors="ignore")
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and told
        values = frame[names].astype(np.float32)
    described = tidy(mark_blank_samples(details))
    silent = described.columns[described.isna().all()]  # of any type once files are stacked
    described = described.assign(**dict.fromkeys(silent, np.nan), **{FILE: name})
    return pd.concat([described, values], axis=1), names


def _is_nested(values: pd.Series) -> bool:
    return any(isinstance(value, (list, tuple, dict, set, np.ndarray)) for value in values)


def _repeated(names: list[str], source: str) -> str:
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return f"{source} has {len(names)} column name(s) more than once: {shown}. Keep one of each."


def _refuse_repeated_header(frame: pd.DataFrame, path: Path) -> None:
    """Pandas numbers the names that a text file's header repeats (``X``, ``X.1``): look there."""
    numbered = [re.fullmatch(r"(.+)\.\d+", str(name)) for name in frame.columns]
    bases = {match[1] for match in numbered if match} & set(map(str, frame.columns))
    if not bases or not path.name.lower().removesuffix(".gz").endswith((".csv", ".tsv", ".txt")):
        return
    header = pd.read_csv(path, header=None, nrows=1, dtype=str, **text_dialect(path)).iloc[0]
    if twice := sorted(set(header[header.duplicated()]) & bases):
        raise InputError(_repeated(twice, str(path)))


def passed_over(frame: pd.DataFrame, features: Sequence[str]) -> list[str]:
    """A note where columns of an AnnData's matrix are taken for metadata because of their names."""
    left = [n for n in frame if not str(n).startswith(PREFIX) and not is_disguised(n)]
    left = [name for name in left if name not in set(features)]
    if not left:
        return []
    return [
        f"{len(left)} column(s) of the matrix are no features by their names, such as {left[0]}: "
        "name the features to take them"
    ]


def settle(frame: pd.DataFrame, features: list[str]) -> list[str]:
    """Make infinite features NaN and what text does not say None, in place; a note on the former.

    A column that says nothing at all counts as text, whatever a file's reader took it for.
    """
    for name in frame.columns.drop(features):
        missing = frame[name].isna()
        if missing.all() or (missing.any() and pd.api.types.is_object_dtype(frame[name])):
            frame[name] = frame[name].astype(object).where(~missing, None)
    values = frame[features].to_numpy()
    count = int(np.isinf(values).sum())
    if not count:
        return []
    frame[features] = np.where(np.isinf(values), np.float32(np.nan), values)
    return [f"{count} infinite values taken as missing"]
