"""Whether a block knows the wells of some plates better than what was measured in them explains.

A network that learned from two plates knows each of their wells again; what CellProfiler measures
in the same wells agrees no better between these two plates than between others. A batch looks
alike, but to both: wells of one batch share more than their treatment, in measured features too.
So each pair of plates is held against a third plate, in the block and in measured features.

The agreement of a well between two plates is its cosine to itself less its mean cosine to all wells
there, after features are scaled within the plate and row and column medians taken away. Of what
the plates *p* and *q* agree on, the share that neither has with *r* is ``1 - a(p or q, r) / a(p,
q)``: noise cancels in it, and where treatment, batch and the rest add up it depends on their ratio
alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import t as student

from phenolens import profiles
from phenolens.normalize.copies import ScaledPlate, less_position, scaled_plates
from phenolens.stats.multiple_testing import holm

MARGIN = 0.5
"""How much larger the share that a third plate lacks may be in the block than in what was measured:
no batch gets there while the block is at most nine times as sensitive to it as the measured
features are, relative to treatments."""
LEAST = 0.1
"""Agreement of two plates from which on a block can be said to know their wells."""
LEVEL = 0.001
FEWEST = 24
MOST_PLATES = 40


@dataclass(frozen=True)
class Jump:
    """Two plates that a block knows together, beside a third.

    Attributes
    ----------
    plates : tuple of two str
    against : str
        The third plate.
    agreement, agreement_others : float
        Of the block: between the two plates, and with the third.
    measured, measured_others : float
        The same of measured features; NaN where there are none.
    units : int
        Wells (or treatments, where plates differ in layout) compared.
    p : float
        One-sided, that the share which the third plate lacks exceeds that of measured features by
        no more than :data:`MARGIN`; Holm-corrected over all pairs and third plates. Where nothing
        was measured: that it is no more than :data:`MARGIN`.
    """

    plates: tuple[str, str]
    against: str
    agreement: float
    agreement_others: float
    measured: float
    measured_others: float
    units: int
    p: float


Held = dict[str, pd.DataFrame]
"""By plate: what was compared of each unit, a row each; the index is its well (empty where units
are treatments) and its treatment (empty where it is not known)."""


def comparable(table: pd.DataFrame) -> Held:
    """The treated wells of each plate as they are compared between plates.

    Features are scaled within the plate, and row and column medians taken away. Where plates differ
    in layout, wells of one treatment become their mean. Of more than :data:`MOST_PLATES` plates,
    the first are taken.

    Parameters
    ----------
    table : DataFrame
        Profile table, one row a well, on any scale.
    """
    plates = scaled_plates(profiles.take(table, ~profiles.is_control(table)))
    chosen = {name: plates[name] for name in sorted(plates)[:MOST_PLATES]}
    held = {name: _units(plate) for name, plate in chosen.items()}
    if not _one_layout(chosen):
        held = {name: _by_treatment(wells) for name, wells in held.items()}
    return {name: _directions(wells) for name, wells in held.items()}


def agreements(held: Held) -> dict[tuple[str, str], pd.Series]:
    """By pair of plates with enough units in common: the agreement of each unit."""
    found = {}
    for left, right in combinations(sorted(held), 2):
        common = held[left].index.intersection(held[right].index)
        if len(common) >= FEWEST:
            one, other = (held[name].loc[common] for name in (left, right))
            own = (one * other).sum(axis=1)
            beside = (one @ other.mean(axis=0) + other @ one.mean(axis=0)) / 2
            found[left, right] = own - beside
    return found


def matched(held: Held, pair: tuple[str, str]) -> dict[str, float]:
    """How many units of two plates are nearest to themselves on the other plate, and to twins.

    Returns
    -------
    dict
        ``units``; ``same_well``: share whose nearest on the other plate is itself; ``twins``: units
        whose treatment is in another well there too; ``same_treatment``: share of these whose
        nearest, themselves left out, is such a well (NaN without twins). Shares are means over
        both directions.
    """
    left, right = (held[name] for name in pair)
    common = left.index.intersection(right.index)
    cosine = left.loc[common].to_numpy() @ right.loc[common].to_numpy().T
    named = common.get_level_values(1).to_numpy()
    itself = np.arange(len(common))
    alike = (named[:, None] == named) & (named != "")
    np.fill_diagonal(alike, val=False)
    twin = alike.any(axis=1)
    same, elsewhere = [], []
    for seen in (cosine, cosine.T):
        same.append((seen.argmax(axis=1) == itself).mean())
        beside = seen.copy()
        np.fill_diagonal(beside, -np.inf)
        elsewhere.append(
            alike[itself, beside.argmax(axis=1)][twin].mean() if twin.any() else np.nan
        )
    return {
        "units": len(common),
        "same_well": float(np.mean(same)),
        "twins": int(twin.sum()),
        "same_treatment": float(np.mean(elsewhere)),
    }


def jumps(block: Held, measured: Held | None = None) -> list[Jump]:
    """Pairs of plates that a block knows together in a way that measured features do not explain.

    For two plates and each third one, of the units that all three and both blocks have, the null is
    that the third plate lacks at most :data:`MARGIN` of what the block agrees on between the two,
    or that what it lacks exceeds what it lacks in measured features by :data:`MARGIN` at most. It
    is tested by the delta method over units, those of one treatment as one; p is Holm-corrected.

    Parameters
    ----------
    block, measured : dict of str to DataFrame
        As :func:`comparable` gives them. Without measured features, or where these do not agree
        between two plates themselves, the null is the first half.

    Returns
    -------
    list of Jump
        Those with p below :data:`LEVEL`, one for each pair of plates: beside the third plate with
        the smallest p.
    """
    asked = list(_triples(_Grid.of(agreements(block)), _Grid.of(agreements(measured or {}))))
    corrected = holm(np.array([one.p for one in asked])) if asked else np.zeros(0)
    best: dict[tuple[str, str], Jump] = {}
    for one, p in zip(asked, corrected, strict=True):
        if p < LEVEL and (one.plates not in best or p < best[one.plates].p):
            best[one.plates] = replace(one, p=float(p))
    return [best[pair] for pair in sorted(best)]


@dataclass(frozen=True)
class _Grid:
    """Agreements of all pairs, a row each, on one axis of units; NaN where a pair lacks one."""

    units: pd.MultiIndex
    rows: dict[tuple[str, str], np.ndarray]

    @classmethod
    def of(cls, found: Mapping[tuple[str, str], pd.Series]) -> _Grid:
        units = pd.MultiIndex.from_arrays([[], []])
        for series in found.values():
            units = units.union(series.index)
        return cls(units, {pair: one.reindex(units).to_numpy() for pair, one in found.items()})

    def on(self, units: pd.MultiIndex) -> _Grid:
        place = self.units.get_indexer(units)
        held = {
            pair: np.where(place >= 0, row[place], np.nan) if len(row) else row
            for pair, row in self.rows.items()
        }
        return _Grid(units, held)

    def treatments(self) -> np.ndarray:
        """A number for each unit's treatment; a well of none is alone."""
        wells, named = (self.units.get_level_values(level) for level in (0, 1))
        return pd.factorize(np.where(named == "", wells, named))[0]

    def beside(self, pair: tuple[str, str], third: str) -> np.ndarray | None:
        """Agreement of units between two plates, and of both with a third, (2, n_units)."""
        sides = [(min(one, third), max(one, third)) for one in pair]
        if any(one not in self.rows for one in (pair, *sides)):
            return None
        return np.stack([self.rows[pair], (self.rows[sides[0]] + self.rows[sides[1]]) / 2])


def _units(plate: ScaledPlate) -> pd.DataFrame:
    """Wells of a plate without their position, by well and treatment."""
    values = less_position(plate.values.astype(np.float64), plate.positions)
    keys = pd.MultiIndex.from_arrays([plate.wells.astype(str), plate.labels.astype(str)])
    return pd.DataFrame(values, index=keys)


def _one_layout(plates: Mapping[str, ScaledPlate]) -> bool:
    """Whether most wells hold the same on all plates."""
    first, *others = [pd.Series(p.labels, index=p.wells) for p in plates.values()] or [None]
    shares = []
    for other in others:
        common = first.index.intersection(other.index)
        shares.append((first[common] == other[common]).mean() if len(common) else 0.0)
    return bool(shares) and float(np.median(shares)) > 0.5


def _by_treatment(wells: pd.DataFrame) -> pd.DataFrame:
    """Mean of each treatment, under one key as a well has."""
    named = wells[wells.index.get_level_values(1) != ""]
    means = named.groupby(level=1).mean()
    return means.set_axis(pd.MultiIndex.from_arrays([[""] * len(means), means.index]), axis=0)


def _directions(wells: pd.DataFrame) -> pd.DataFrame:
    return wells.div(np.maximum(np.linalg.norm(wells.to_numpy(), axis=1), 1e-12), axis=0)


def _triples(ours: _Grid, theirs: _Grid) -> Iterator[Jump]:
    theirs, kinds = theirs.on(ours.units), ours.treatments()
    names = sorted({name for pair in ours.rows for name in pair})
    for pair in ours.rows:
        for third in names:
            own = None if third in pair else ours.beside(pair, third)
            if own is not None:
                found = _tested(own, theirs.beside(pair, third), kinds)
                if found is not None:
                    yield replace(found, plates=pair, against=third)


def _tested(own: np.ndarray, other: np.ndarray | None, kinds: np.ndarray) -> Jump | None:
    """The test of one pair of plates beside one third; None where too little can be told."""
    parts = own if other is None else np.concatenate([own, other])
    known = np.isfinite(parts).all(axis=0)
    parts, kinds = parts[:, known], kinds[known]
    if parts.shape[1] < FEWEST or parts[0].mean() < LEAST:
        return None
    a, b, *rest = map(float, parts.mean(axis=1))
    p = _p((1 - MARGIN) * a - b, parts[:2], (1 - MARGIN, -1.0), kinds)
    if not rest or rest[0] < LEAST:
        return Jump(("", ""), "", a, b, float("nan"), float("nan"), parts.shape[1], p)
    am, bm = rest
    # b_m / a_m - b / a > margin, without a division by what may be nearly nothing
    excess = bm * a - b * am - MARGIN * a * am
    slopes = (bm - MARGIN * am, -am, -b - MARGIN * a, a)
    # both nulls must fall: that the third plate lacks little, and little more than in what was
    # measured
    p = max(p, _p(excess, parts, slopes, kinds))
    return Jump(("", ""), "", a, b, am, bm, parts.shape[1], p)


def _p(excess: float, parts: np.ndarray, slopes: Sequence[float], kinds: np.ndarray) -> float:
    """One-sided p that a function of means over units, with these slopes, is no more than 0."""
    shifts = np.array(slopes) @ (parts - parts.mean(axis=1, keepdims=True))
    sums = np.bincount(kinds, weights=shifts)[np.unique(kinds)]  # a treatment is one observation
    error = np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1)) / parts.shape[1]
    return float(student.sf(excess / error, len(sums) - 1)) if error > 0 else 1.0
