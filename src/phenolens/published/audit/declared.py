"""The tables that come with a declared design, and what each row of them was used for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from phenolens.profiles import CONTROL, KEY, PLATE, PREFIX, TREATMENT, WELL, WELL_KEY
from phenolens.published.audit.declaration import Declaration

FOLD, PREDICTION, HASH, ROLE, LABEL = "fold", "prediction", "image_hash", "role", "label"
AREA = "area_fraction"
SIDES = {
    "train": "train", "training": "train",
    "validation": "validation", "valid": "validation", "val": "validation",
    "test": "test", "testing": "test", "held-out": "test", "holdout": "test",
}  # fmt: skip


@dataclass(frozen=True)
class Declared:
    """A declared design with its tables.

    Attributes
    ----------
    declaration : Declaration
    rows : DataFrame, optional
        One row an image (or cell, or well): ``Metadata_Plate``, ``Metadata_Well``, where known
        ``Metadata_Site`` and ``Metadata_ObjectNumber``; ``Metadata_Treatment`` (the class, null
        where unknown), ``Metadata_Control`` (bool); and, where known, ``fold`` (text),
        ``prediction``, ``image_hash``, ``role``.
    embeddings : mapping of str to DataFrame
        Numeric features; key columns ``Metadata_*`` and ``label`` where the file has them.
    trained : mapping of str to DataFrame
        Keys of the rows that a representation learned from.
    maps : DataFrame, optional
        Attribution per image: keys and ``area_fraction``.
    """

    declaration: Declaration
    rows: pd.DataFrame | None = None
    embeddings: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    trained: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    maps: pd.DataFrame | None = None

    @property
    def has_folds(self) -> bool:
        """Whether the rows say on which side of the split they were."""
        return self.rows is not None and FOLD in self.rows and self.rows[FOLD].notna().any()

    @property
    def known_rows(self) -> pd.DataFrame:
        """The table of rows.

        Raises
        ------
        ValueError
            If there is none.
        """
        if self.rows is None:
            raise ValueError("There is no table of rows.")
        return self.rows

    @cached_property
    def sides(self) -> pd.Series:
        """``train``, ``validation`` or ``test`` of each row; all null where folds are numbered."""
        words = self.known_rows[FOLD].map(lambda text: SIDES.get(str(text).strip().lower()))
        known = words[self.known_rows[FOLD].notna()]
        return words if known.notna().all() else pd.Series(None, index=words.index, dtype=object)

    @cached_property
    def fold_codes(self) -> np.ndarray:
        """Number of each row's fold or side, -1 where it has none; int64 of shape (n_rows,)."""
        names = self.sides if self.sides.notna().any() else self.known_rows[FOLD]
        codes = pd.factorize(names, sort=True)[0].astype(np.int64)
        return np.where(pd.to_numeric(self.known_rows[FOLD], errors="coerce") < 0, -1, codes)

    @property
    def tested(self) -> np.ndarray:
        """Rows that were tested: the test side, or every row of a numbered fold."""
        if not self.has_folds:
            return np.ones(len(self.known_rows), dtype=bool)
        if self.sides.notna().any():
            return (self.sides == "test").to_numpy()
        return self.fold_codes >= 0

    def trained_rows(self, name: str) -> np.ndarray | None:
        """Rows that a representation learned from, by its table of keys or as declared."""
        if name in self.trained:
            return has_key(self.known_rows, self.trained[name])
        said = self.declaration.representation(name).trained_on
        if said in (None, "train") and not self._two_sided:
            return None
        if isinstance(said, tuple):
            return (
                self.known_rows[FOLD].astype(str).isin(said).to_numpy() if self.has_folds else None
            )
        return self._side(said)

    @property
    def _two_sided(self) -> bool:
        return self.has_folds and self.sides.notna().any()

    def _side(self, said: str | None) -> np.ndarray | None:
        if said is None:
            return None
        if said == "train":
            return self.sides.isin(["train", "validation"]).to_numpy()
        return np.full(len(self.known_rows), said == "all")


def key_columns(*tables: pd.DataFrame) -> list[str]:
    """Columns of the key that every table has."""
    return [name for name in KEY if all(name in table for table in tables)]


def has_key(rows: pd.DataFrame, keys: pd.DataFrame) -> np.ndarray:
    """Which rows have a key that occurs among ``keys``, by the columns both have."""
    names = key_columns(rows, keys)
    wanted = pd.MultiIndex.from_frame(keys[names].astype(str))
    return pd.MultiIndex.from_frame(rows[names].astype(str)).isin(wanted)


def feature_values(table: pd.DataFrame) -> np.ndarray:
    """Features of an embedding, float64; what is not finite becomes its column's mean."""
    values = feature_frame(table).to_numpy(np.float64, copy=True)
    bad = ~np.isfinite(values)
    values[bad] = 0.0
    means = values.sum(axis=0) / np.maximum((~bad).sum(axis=0), 1)
    values[bad] = np.broadcast_to(means, values.shape)[bad]
    return values


def feature_frame(table: pd.DataFrame) -> pd.DataFrame:
    """Columns of an embedding that are neither key nor label."""
    return table[[c for c in table if c != LABEL and not str(c).startswith(PREFIX)]]


def placed_in(rows: pd.DataFrame, table: pd.DataFrame) -> np.ndarray | None:
    """Row of ``rows`` that each row of an embedding belongs to, -1 for none.

    By key where the embedding has plate, well and what else makes rows unique; by order where it
    has no keys and as many rows; None where neither is possible.
    """
    names = key_columns(rows, table)
    if set(WELL_KEY) <= set(names) and not rows.duplicated(names).any():
        index = pd.MultiIndex.from_frame(rows[names].astype(str))
        return index.get_indexer(pd.MultiIndex.from_frame(table[names].astype(str)))
    return np.arange(len(rows)) if len(rows) == len(table) else None


def wells_of(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a well: its most frequent label, and whether it is a control."""
    kept = [c for c in rows if str(c).startswith(PREFIX) and c not in KEY[2:]]
    wells = rows[kept].drop_duplicates(list(WELL_KEY)).reset_index(drop=True)
    label = rows.groupby(list(WELL_KEY))[TREATMENT].agg(_most_frequent)
    keys = pd.MultiIndex.from_frame(wells[[PLATE, WELL]])
    wells[TREATMENT] = label.reindex(keys).to_numpy()
    control = rows.groupby(list(WELL_KEY))[CONTROL].mean() > 0.5
    return wells.assign(**{CONTROL: control.reindex(keys).to_numpy()})


def _most_frequent(values: pd.Series) -> object:
    counts = values.dropna().value_counts(sort=False)
    return counts.sort_index().idxmax() if len(counts) else None
