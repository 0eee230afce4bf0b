"""Columns of an image table that hold label images instead of stains."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from phenolens.io.columns import find, key_text
from phenolens.io.images.table import Located, recorded_paths

_MARK = "_labels_"
_DRAWN = "Outlines"
_OF_NUCLEI = re.compile(r"nucle(?:i|us|ar)|nuc(?![a-z])", re.IGNORECASE)
_OF_CELLS = re.compile(r"cell", re.IGNORECASE)
_HELD = re.compile(r"(?:labels?|masks?|outlines?)$", re.IGNORECASE)


def label_columns(columns: Mapping[str, str]) -> dict[str, str]:
    """Compartment to column, where names say label images or outlines; empty without nuclei.

    Parameters
    ----------
    columns : mapping
        What a column of images is of, as a stain is named, to the column.

    Examples
    --------
    >>> label_columns({"Nuclei_labels": "FileName_Nuclei_labels", "CellOutlines": "FileName_C"})
    {'Nuclei': 'FileName_Nuclei_labels', 'CellsOutlines': 'FileName_C'}
    """
    found: dict[str, str] = {}
    held = {of: ending[0].lower() for of in columns if (ending := _HELD.search(of))}
    for of in sorted(held, key=lambda of: held[of].startswith("outline")):  # labels say more
        drawn = _DRAWN if held[of].startswith("outline") else ""
        kinds = {"Nuclei": _OF_NUCLEI.search(of), "Cells": _OF_CELLS.search(of)}
        kind = next((kind for kind, named in kinds.items() if named), None)
        if kind and not {kind, f"{kind}{_DRAWN}"} & set(found):
            found[f"{kind}{drawn}"] = columns[of]
    return found if {"Nuclei", f"Nuclei{_DRAWN}"} & set(found) else {}


def set_labels_apart(
    frame: pd.DataFrame, labels: Mapping[str, str], *, source: str
) -> pd.DataFrame:
    """Label columns under names that no layout takes for stains or metadata.

    Raises
    ------
    InputError
        If a column is missing.
    """
    columns = {name: find(frame, column, source=source) for name, column in labels.items()}
    paths = {f"{_MARK}{_role(n, c)}": recorded_paths(frame, c) for n, c in columns.items()}
    folders = [column.replace("FileName_", "PathName_") for column in columns.values()]
    return frame.drop(columns=[*columns.values(), *folders], errors="ignore").assign(**paths)


def _role(name: str, column: str) -> str:
    """The compartment, with ``Outlines`` behind it where the column's name says so."""
    drawn = column.endswith(_DRAWN) and name in ("Nuclei", "Cells")
    return f"{name}{_DRAWN}" if drawn else name


def with_labels(located: Located) -> Located:
    """The label columns that were set apart, by compartment."""
    columns = [str(c) for c in located.frame if str(c).startswith(_MARK)]
    labels = {c.removeprefix(_MARK): key_text(located.frame[c]) for c in columns}
    return replace(located, labels=labels, hidden=(*located.hidden, *columns))
