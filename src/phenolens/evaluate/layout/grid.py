"""The treated wells of a screen on their plates, and pairs of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.profiles import (
    COMPOUND,
    CONCENTRATION,
    CONTROL,
    PLATE,
    WELL,
    plate_shape,
    well_name,
    well_position,
)

PERMUTATIONS = 299
MOST_PAIRS = 40_000  # about; where it would be more, wells of the largest treatments are drawn
FEWEST_DRAWN = 24
REACH_MM = 18.0  # wells farther apart than this are at another location
_FROM_A1_MM = 108.0  # width of the wells' area of every format


@dataclass(frozen=True)
class Grid:
    """Treated wells, sorted by plate and position.

    Attributes
    ----------
    plate, row, column, label : ndarray of int64, shape (n,)
        Codes of plates and treatments, and zero-based positions.
    compound : ndarray of int64, shape (n,)
        Code of the compound; that of the treatment where no compound is known.
    dose : ndarray of float64, shape (n,)
        NaN where it is not known.
    rings : ndarray of int64, shape (n,)
        Wells to the edge of the area in use.
    quadrant : ndarray of int64, shape (n,)
        Which of the four quarters of that area, 0 to 3.
    shape : tuple of int
        Rows and columns of the plate.
    labels, compounds, plates : tuple of str
        Names by their codes.
    seed : int
        Of permutations, and of wells drawn where a treatment has very many.
    """

    plate: np.ndarray
    row: np.ndarray
    column: np.ndarray
    label: np.ndarray
    compound: np.ndarray
    dose: np.ndarray
    rings: np.ndarray
    quadrant: np.ndarray
    shape: tuple[int, int]
    labels: tuple[str, ...]
    compounds: tuple[str, ...]
    plates: tuple[str, ...]
    seed: int

    def __len__(self) -> int:
        return len(self.plate)

    def take(self, rows: np.ndarray) -> Grid:
        """Some of the wells."""
        return replace(self, **{name: getattr(self, name)[rows] for name in _COLUMNS})

    @property
    def reach(self) -> float:
        """Wells within :data:`REACH_MM`: 2 where there are 96 on a plate, 4 of 384."""
        return REACH_MM / (_FROM_A1_MM / self.shape[1])

    @cached_property
    def edge(self) -> np.ndarray:
        """1 in the outermost ring, a half in the next, less the plate's mean; float32."""
        score = np.maximum(0, 1 - self.rings / 2)
        mean = np.bincount(self.plate, score) / np.maximum(np.bincount(self.plate), 1)
        return (score - mean[self.plate]).astype(np.float32)

    @cached_property
    def scrambled(self) -> np.ndarray:
        """Whose place each well takes, permuted within plates; int32, shape (n, 1 + permutations).

        The first column leaves all where they are.
        """
        rng = np.random.default_rng(self.seed)
        out = np.empty((len(self), 1 + PERMUTATIONS), dtype=np.int32)
        out[:, 0] = np.arange(len(self))
        for plate in np.unique(self.plate):
            own = np.flatnonzero(self.plate == plate).astype(np.int32)
            drawn = rng.permuted(np.broadcast_to(own, (PERMUTATIONS, len(own))), axis=1)
            out[own, 1:] = drawn.T
        return out

    def differing(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Whether the doses of two wells are known and differ."""
        known = ~np.isnan(self.dose[left]) & ~np.isnan(self.dose[right])
        return known & (self.dose[left] != self.dose[right])


_COLUMNS = ("plate", "row", "column", "label", "compound", "dose", "rings", "quadrant")


@dataclass(frozen=True)
class Pairs:
    """Pairs of wells that belong together, and whom they belong to, sorted by that."""

    left: np.ndarray
    right: np.ndarray
    owner: np.ndarray

    def __len__(self) -> int:
        return len(self.left)

    def take(self, rows: np.ndarray) -> Pairs:
        """Some of the pairs."""
        return Pairs(self.left[rows], self.right[rows], self.owner[rows])


def pairs_of(grid: Grid, code: np.ndarray) -> Pairs:
    """All pairs of wells with one code; where one has very many wells, of some that are drawn."""
    rng = np.random.default_rng(grid.seed)
    order = np.argsort(code, kind="stable")
    start = np.flatnonzero(np.diff(code[order], prepend=-1))
    size = np.diff(start, append=len(code))
    most = max(FEWEST_DRAWN, int(np.sqrt(2 * MOST_PAIRS / max(len(size), 1))))
    left, right = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for count in np.unique(size[size > 1]):
        wells = order[start[size == count][:, None] + np.arange(count)]
        if count > most:
            wells = rng.permuted(wells, axis=1)[:, :most]
        one, other = np.triu_indices(wells.shape[1], 1)
        left.append(wells[:, one].ravel())
        right.append(wells[:, other].ravel())
    pairs = Pairs(np.concatenate(left), np.concatenate(right), np.empty(0, np.int64))
    owner = code[pairs.left]
    by_owner = np.argsort(owner, kind="stable")
    return Pairs(pairs.left[by_owner], pairs.right[by_owner], owner[by_owner])


def placed(wells: pd.DataFrame, label: str) -> pd.DataFrame:
    """Wells in an order of their own, each once, with canonical names; without a place, dropped.

    Raises
    ------
    InputError
        If there is no column of plates, of wells or of the label, or a well's name cannot be read.
    """
    missing = [name for name in (PLATE, WELL, label) if name not in wells]
    if missing:
        raise InputError(
            f"The layout is not known without {' and '.join(missing)}: name that column, or ask "
            "what does not compare positions."
        )
    known = [label, *(name for name in (COMPOUND, CONCENTRATION) if name in wells)]
    out = wells[list(dict.fromkeys([PLATE, WELL, *known]))].copy()
    out[CONTROL] = wells[CONTROL].eq(True).to_numpy(bool) if CONTROL in wells else False
    out = out.dropna(subset=[PLATE, WELL])
    out[WELL] = out[WELL].map({text: well_name(text) for text in out[WELL].unique()})
    out[PLATE] = out[PLATE].astype(str)
    for name in {label, COMPOUND} & set(out):
        out[name] = out[name].astype(object).where(out[name].notna(), None)
    text = out[label].astype(str)
    out = out.assign(text=text).sort_values([PLATE, WELL, "text"], kind="stable")
    return out.drop_duplicates([PLATE, WELL, "text"]).drop(columns="text").reset_index(drop=True)


def grid_of(wells: pd.DataFrame, label: str, *, seed: int = 0) -> Grid:
    """The wells that carry a label and are no controls; `wells` as :func:`placed` gives them."""
    used = well_position(wells[WELL])
    treated = (~wells[CONTROL] & wells[label].notna()).to_numpy(bool)
    part, position = wells[treated], used[treated]
    text = part[label].astype(str)
    compound = part[COMPOUND].where(part[COMPOUND].notna(), text) if COMPOUND in part else text
    dose = pd.Series(np.nan, index=part.index)
    if CONCENTRATION in part:
        dose = pd.to_numeric(part[CONCENTRATION], errors="coerce")
    label_codes, labels = pd.factorize(text, sort=True)
    compound_codes, compounds = pd.factorize(compound.astype(str), sort=True)
    plate_codes, plates = pd.factorize(part[PLATE], sort=True)
    low, high = used.min(axis=0, initial=99), used.max(axis=0, initial=0)
    lower, right = (2 * position > low + high).T.astype(np.int64)
    return Grid(
        plate=plate_codes,
        row=position[:, 0],
        column=position[:, 1],
        label=label_codes,
        compound=compound_codes,
        dose=dose.to_numpy(float),
        rings=np.minimum(position - low, high - position).min(axis=1),
        quadrant=2 * lower + right,
        shape=plate_shape(used),
        labels=tuple(labels),
        compounds=tuple(compounds),
        plates=tuple(plates),
        seed=seed,
    )
