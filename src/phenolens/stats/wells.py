"""What every evaluation of wells starts from: usable rows, unit vectors and integer codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import InputError
from phenolens.findings import Finding
from phenolens.query import evaluate_query

SIMILARITIES = ("cosine", "abs_cosine", "correlation")
MISSING_SHARE = 0.05
_NO_TABLE = pd.DataFrame()
ROWS = 4096


@dataclass(frozen=True)
class Wells:
    """Usable wells of a profile table.

    Attributes
    ----------
    table : DataFrame
        The rows that are left, in canonical order.
    compared : ndarray, shape (n_wells, n_features)
        Values of these rows; where they are those of the table, they share its memory.
    length : ndarray of float64, shape (n_wells,)
        Of each row over the columns compared; :meth:`unit` divides by it.
    centred : bool
        Whether rows are taken less their mean: then similarities are correlations.
    absolute : bool
        Whether the sign of the similarity is ignored.
    single : bool
        Whether similarities are rounded as copairs rounds them, and equal ones put positives
        first (the compatibility mode).
    columns : ndarray of bool
        Features of the table that are compared.
    excluded : dict of str to int
        Reason to number of rows or features left out.
    """

    table: pd.DataFrame
    compared: np.ndarray
    length: np.ndarray
    centred: bool = False
    absolute: bool = False
    single: bool = False
    columns: np.ndarray | None = None
    excluded: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of_unit(cls, unit: np.ndarray) -> Wells:
        """Wells of which nothing is known but vectors of length one, (n_wells, n_features)."""
        return cls(_NO_TABLE, unit, np.ones(len(unit)))

    def __len__(self) -> int:
        return len(self.length)

    def unit(self, rows: np.ndarray) -> np.ndarray:
        """Rows of length one, float64, so that a dot product is the similarity.

        Made when they are asked for: of all wells of a large screen they take more memory than
        anything else.
        """
        part = _double(self.compared[rows], self.columns, centre=self.centred)
        part /= self.length[rows][:, None]
        return part

    def similarity(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Similarities of rows ``left`` to rows ``right``, float64 of shape (n_left, n_right)."""
        product = np.empty((len(left), len(right)))
        own = self.unit(left)
        for first in range(0, len(right), ROWS):
            here = slice(first, first + ROWS)
            np.matmul(own, self.unit(right[here]).T, out=product[:, here])
        if self.absolute:
            np.abs(product, out=product)
        return single_precision(product) if self.single else product

    def values(self) -> np.ndarray:
        """Compared features before scaling, float64 of shape (n_wells, n_features)."""
        values = self.table.to_numpy(dtype=np.float64)
        return values if self.columns is None else values[:, self.columns]

    def codes(self, columns: str | Sequence[str] | None) -> np.ndarray:
        """Group number of each well by metadata columns; all zero where there are none."""
        names = as_list(columns)
        if not names:
            return np.zeros(len(self.table), dtype=np.int64)
        for name in names:
            profiles.column(self.table, name)
        return profiles.groups(self.table, names)[0].astype(np.int64)


def repeated_profiles(wells: Wells) -> int:
    """Number of wells whose direction an earlier well has exactly: copies, not measurements."""
    width = wells.compared.shape[1] if wells.columns is None else int(wells.columns.sum())
    weights = np.random.default_rng(0).standard_normal(width)
    everyone = np.arange(len(wells))
    blocks = [everyone[first : first + ROWS] for first in range(0, len(wells), ROWS)]
    along = np.concatenate([wells.unit(rows) @ weights for rows in blocks])
    return len(wells) - len(np.unique(along.round(12)))


def single_precision(similarity: np.ndarray) -> np.ndarray:
    """Similarities as copairs 0.5.5 orders them: by ``1 - s`` in float32."""
    return -(np.float32(1) - similarity.astype(np.float32)).astype(np.float64)


def as_list(columns: str | Sequence[str] | None) -> list[str]:
    """Column names as a list; a single name and None are allowed."""
    if columns is None:
        return []
    return [columns] if isinstance(columns, str) else list(columns)


def prepare(
    table: pd.DataFrame,
    *,
    similarity: str = "cosine",
    keep: np.ndarray | None = None,
    single: bool = False,
) -> Wells:
    """Leave out what has no similarity, count it, and scale the rest to length one.

    Parameters
    ----------
    table : DataFrame
        Profile table, one row a well.
    similarity : {"cosine", "abs_cosine", "correlation"}
    keep : ndarray of bool, optional
        Rows to use.
    single : bool
        Round similarities as copairs does.

    Returns
    -------
    Wells

    Raises
    ------
    InputError
        If the table is empty, holds two rows of one well, or nothing usable.
    """
    if similarity not in SIMILARITIES:
        raise InputError(f"Similarity {similarity!r} is unknown; use one of {SIMILARITIES}.")
    _require_wells(table)
    order = _canonical_order(table)
    rows = order if keep is None else order[np.asarray(keep, dtype=bool)[order]]
    ordered = profiles.take(table, rows)
    good, columns, excluded = _usable(ordered.to_numpy())
    centred = similarity == "correlation"
    length = _lengths(ordered.to_numpy(), columns, centre=centred)
    excluded["wells with a zero vector"] = int((good & (length == 0)).sum())
    good &= length > 0
    if not good.any():
        raise InputError(Finding("no-well-left", "error", {}, {"excluded": excluded}))
    kept = {reason: count for reason, count in excluded.items() if count}
    left = profiles.take(ordered, good)
    return Wells(
        left, left.to_numpy(), length[good], centred=centred, absolute=similarity == "abs_cosine",
        single=single, columns=columns, excluded=kept,
    )  # fmt: skip


def _lengths(values: np.ndarray, columns: np.ndarray, *, centre: bool) -> np.ndarray:
    """Length of each row in double precision, by blocks."""
    length = np.empty(len(values))
    for first in range(0, len(values), ROWS):
        part = _double(values[first : first + ROWS], columns, centre=centre)
        length[first : first + ROWS] = np.sqrt(np.einsum("ij,ij->i", part, part))
    return length


def _double(values: np.ndarray, columns: np.ndarray | None, *, centre: bool) -> np.ndarray:
    """These columns of rows in double precision, a copy; what is not finite is 0."""
    chosen = values if columns is None or columns.all() else values[:, columns]
    part = chosen.astype(np.float64, order="C")
    part[~np.isfinite(part)] = 0.0
    if centre:
        part -= part.mean(axis=1, keepdims=True)
    return part


def _require_wells(table: pd.DataFrame) -> None:
    if not len(table) or not len(table.columns):
        raise InputError(f"The table holds {len(table)} rows and {len(table.columns)} features.")
    kinds = [str(c) for c, kind in table.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]
    if kinds:
        raise InputError(f"Feature column {kinds[0]!r} is not numeric ({len(kinds)} such).")
    if not set(profiles.WELL_KEY) <= set(table.index.names):
        return
    keys = profiles.metadata(table)[list(profiles.WELL_KEY)]
    repeated = keys[keys.duplicated()]
    if len(repeated):
        plate, well = repeated.iloc[0]
        raise InputError(
            f"{len(repeated)} rows repeat a well (plate {plate!r}, well {well!r} first). The well "
            "is the unit: aggregate fields or cells to wells, or drop the duplicates."
        )


def _canonical_order(table: pd.DataFrame) -> np.ndarray:
    """Rows in the order of their keys, so that results do not depend on the order of input."""
    names = [c for c in profiles.WELL_KEY if c in table.index.names] or list(table.index.names)
    codes = [pd.factorize(profiles.column(table, name), sort=False) for name in reversed(names)]
    ranks = [_text_ranks(uniques)[code] for code, uniques in codes]
    return np.lexsort(ranks)


def _text_ranks(uniques: np.ndarray) -> np.ndarray:
    ranks = np.empty(len(uniques) + 1, dtype=np.int64)
    ranks[np.argsort([str(value) for value in uniques], kind="stable")] = np.arange(len(uniques))
    ranks[-1] = len(uniques)
    return ranks


def _usable(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, dict[str, int]]:
    """Wells that miss nothing, and features that are neither mostly missing nor constant."""
    finite = np.isfinite(values)
    present = finite.mean(axis=0) >= 1 - MISSING_SHARE
    good = finite[:, present].all(axis=1)
    varies = np.ones(len(present), dtype=bool)
    if good.sum() > 1:
        varies = np.any(values != values[good.argmax()], axis=0, where=good[:, None])
    return good, present & varies, {
        f"features missing in more than {MISSING_SHARE:.0%} of wells": int((~present).sum()),
        "constant features": int((present & ~varies).sum()),
        "wells with a missing or infinite feature": int((~good).sum()),
    }  # fmt: skip


def select(table: pd.DataFrame, controls: np.ndarray | str) -> np.ndarray:
    """Rows of a table by boolean array or by a query on its metadata.

    Parameters
    ----------
    table : DataFrame
        Profile table.
    controls : ndarray of bool, or str
        Such as ``"Metadata_control_type == 'negcon'"``.

    Returns
    -------
    ndarray of bool, shape (n_rows,)

    Raises
    ------
    InputError
        If the query cannot be read or matches nothing, or the array has another length.
    """
    if isinstance(controls, str):
        mask = evaluate_query(profiles.metadata(table), controls, "controls")
    else:
        mask = np.asarray(controls)
    if mask.shape != (len(table),) or mask.dtype != bool:
        raise InputError(
            f"Controls must be {len(table)} booleans, one a row; got {mask.dtype} {mask.shape}."
        )
    if not mask.any():
        raise InputError(f"Controls {controls!r} match none of the {len(table)} rows.")
    return mask
