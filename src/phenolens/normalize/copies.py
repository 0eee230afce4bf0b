"""Wells that were measured twice, told from replicates by what only one well can have.

Replicate wells share their treatment and their position. They do not share their cells: how many
there are, how they lie, which of them divide. Images taken again of one well do. So what is left
of a well once position and treatment are taken away tells a copy from a replicate, and tells it in
many directions at once, while a position effect, however strong, lies in few, or is smooth over
the plate and leaves with rows and columns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import combinations

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.normalize.scale import group_statistics
from phenolens.profiles import PLATE, TREATMENT, WELL

AGREEMENT, MATCHED = 0.6, 0.65
"""Correlation of what is left of the same wells, and share of wells nearest to themselves, from
which on two plates are asked about. CPJUMP1's replicate plates have at most 0.19 and 0.11;
simulated fields imaged again 0.8 to 0.97 and 0.98."""
WHOLE, WHOLE_MATCHED = 0.8, 0.9
"""The same where treatment cannot be taken away and is part of what plates agree on: BBBC021's
plates of strong treatments and six controls have up to 0.96 and 0.67."""
BEYOND_DOUBT, EXCESS = 0.8, 0.5
"""Agreement that needs no comparison with other plates of the layout; and, below it, the share of
what they leave to agree on."""
FEWEST = 8
FEWEST_FEATURES = 8
FEWEST_VALUES = 8
_CLIP, _SPREADS = 6.0, 3.0
_LEAST, _COMPONENTS, _VARIANCE = 12, 50, 0.9
_SKETCH, _WORTH_A_LOOK, _OTHERS = 64, 0.4, 6
_ROUNDS = 3


@dataclass(frozen=True)
class LikelyCopies:
    """Two plates whose wells are more alike than replicates are.

    Attributes
    ----------
    plates : tuple of two str
    basis : {"identical", "replicated", "elsewhere", "wells"}
        What was compared: equal values; wells of controls and treatments that have several on the
        plate, less what these share; wells whose treatments differ between the plates; or whole
        profiles, where no treatment has several wells.
    wells : int
        Wells compared.
    agreement : float
        Median over components of the correlation between the plates; 1 for equal values.
    matched : float
        Share of these wells whose nearest well on the other plate is itself.
    """

    plates: tuple[str, str]
    basis: str
    wells: int
    agreement: float
    matched: float


@dataclass(frozen=True)
class ScaledPlate:
    """One plate: its wells, what is on them, and its values robustly scaled feature by feature.

    Scaling on the plate's own wells removes what a camera's gain and offset do.
    """

    wells: pd.Index
    positions: np.ndarray
    labels: np.ndarray
    values: np.ndarray

    @cached_property
    def axes(self) -> np.ndarray:
        """Principal axes of the wells, all but the last percent, (n_features, n_axes)."""
        return _principal(self.values, share=0.99, most=3 * _COMPONENTS)


def repeated_wells(table: pd.DataFrame) -> list[tuple[str, ...]]:
    """Groups of wells that have the same values in every feature.

    A well without cells may hold zeros, or what stands for nothing: rows of fewer than eight
    different values are no evidence.

    Parameters
    ----------
    table : DataFrame
        Profile table, one row a well.

    Returns
    -------
    list of tuple of str
        ``plate/well``, the wells of one profile together; in the order of the table.
    """
    values = table.to_numpy(np.float32)
    if values.shape[1] < FEWEST_FEATURES or not len(values):
        return []
    plain = (row + np.float32(0) for row in values)  # -0 is 0
    codes = pd.factorize(pd.Series([blake2b(row.tobytes()).digest() for row in plain]))[0]
    again = np.flatnonzero(np.bincount(codes)[codes] > 1)
    names = profiles.well_names(table)
    groups: dict[int, list[str]] = defaultdict(list)
    for row in again:
        held = values[row]
        if len(np.unique(held[np.isfinite(held)])) >= FEWEST_VALUES:
            groups[codes[row]].append(names[row])
    return [tuple(group) for group in groups.values()]


def likely_copies(table: pd.DataFrame) -> list[LikelyCopies]:
    """Pairs of plates that look like one plate measured twice.

    For every pair, the wells that both have are scaled feature by feature within their plate.
    Controls and treatments with several wells on the plate are compared after their mean is taken
    away; where the two plates hold different treatments in the same wells, all of those are. What
    is left is projected on its principal components on one plate and on the other, as many as hold
    90 % of the variance; the agreement is the median correlation over components, the lesser of
    that with row and column medians taken away and that without. Two plates of one layout are
    compared with the other plates of that layout, too: what all share is a matter of position.

    Parameters
    ----------
    table : DataFrame
        Profile table, one row a well; ``Metadata_Plate``, ``Metadata_Well`` and, where they are
        known, ``Metadata_Treatment`` and ``Metadata_Control``.

    Returns
    -------
    list of LikelyCopies
        In the order of their names. Empty where too little is known to tell: fewer than eight
        features, or fewer than eight components that differ.
    """
    plates = scaled_plates(table)
    if len(plates) < 2:
        return []
    alike = {found.plates: found for found in _identical(table, plates)}
    rough = _roughly_similar(plates)
    for pair in combinations(plates, 2):
        if pair in alike or rough.loc[pair] < _WORTH_A_LOOK:
            continue
        found = _compared(plates, pair)
        if found is None:
            continue
        whole = found.basis == "wells"
        enough = found.agreement >= (WHOLE if whole else AGREEMENT + 1 / found.wells)
        enough &= found.matched >= (WHOLE_MATCHED if whole else MATCHED)
        if enough and _beyond_others(found, plates, rough):
            alike[pair] = found
    return [alike[pair] for pair in sorted(alike)]


def compared_plates(table: pd.DataFrame, pair: tuple[str, str]) -> LikelyCopies | None:
    """How much two plates agree, whether or not they look like one; None where nothing can tell.

    Parameters
    ----------
    table : DataFrame
        As for :func:`likely_copies`.
    pair : tuple of two str
    """
    rows = np.isin(profiles.column(table, PLATE).astype(str), pair)
    plates = scaled_plates(profiles.take(table, rows))
    return _compared(plates, pair) if len(plates) == 2 else None


def scaled_plates(table: pd.DataFrame) -> dict[str, ScaledPlate]:
    """Plates by name, with the features that no plate lacks."""
    if not len(table):
        return {}
    values = table.to_numpy(np.float32)
    usable = np.isfinite(values).mean(axis=0) > 0.95
    if usable.sum() < FEWEST_FEATURES:
        return {}
    names = profiles.column(table, PLATE).astype(str)
    wells = profiles.column(table, WELL).astype(str)
    labels = np.full(len(table), None, dtype=object)
    if TREATMENT in table.index.names:
        labels = pd.Series(profiles.column(table, TREATMENT)).astype(object).to_numpy(copy=True)
    labels[pd.isna(labels)] = ""
    labels[profiles.is_control(table)] = "control"
    plates = {}
    for name, rows in pd.Series(range(len(names))).groupby(names).groups.items():
        rows = np.asarray(rows)
        if len(rows) > FEWEST:
            where = profiles.well_position(wells[rows])
            held = _scaled(values[rows][:, usable].astype(np.float64)).astype(np.float32)
            plates[str(name)] = ScaledPlate(pd.Index(wells[rows]), where, labels[rows], held)
    return plates


def _scaled(values: np.ndarray) -> np.ndarray:
    """Features less their median, in robust standard deviations, clipped; missing ones at 0."""
    centre, spread = group_statistics(values, np.zeros(len(values), dtype=np.int64), n_groups=1)
    scaled = np.clip((values - centre) / spread, -_CLIP, _CLIP)
    return np.where(np.isfinite(scaled), scaled, 0.0)


def _identical(table: pd.DataFrame, plates: dict[str, ScaledPlate]) -> Iterator[LikelyCopies]:
    """Pairs of plates where half of the wells in common, or more, have equal values."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for group in repeated_wells(table):
        keys = sorted(tuple(name.rsplit("/", 1)) for name in group)
        for (left, well), (right, other) in combinations(keys, 2):
            counts[left, right] += left != right and well == other
    for (left, right), count in counts.items():
        if left in plates and right in plates:
            shared = len(plates[left].wells.intersection(plates[right].wells))
            if count and count >= shared / 2:
                yield LikelyCopies((left, right), "identical", count, 1.0, 1.0)


def _roughly_similar(plates: dict[str, ScaledPlate]) -> pd.DataFrame:
    """Agreement of wells in random projections of the features, for every pair at once."""
    grid = pd.Index(sorted(set().union(*(plate.wells for plate in plates.values()))))
    features = next(iter(plates.values())).values.shape[1]
    draw = np.random.default_rng(0).standard_normal((features, _SKETCH))
    held = []
    for plate in plates.values():
        sketch = np.zeros((len(grid), _SKETCH), dtype=np.float32)
        scores = less_position(plate.values @ draw, plate.positions)
        within, several = _within_groups(scores, plate.labels)
        sketch[grid.get_indexer(plate.wells)] = np.where(several[:, None], within, scores)
        held.append(sketch.ravel() / max(float(np.linalg.norm(sketch)), 1e-12))
    alike = np.stack(held) @ np.stack(held).T
    return pd.DataFrame(alike, index=list(plates), columns=list(plates))


def _compared(plates: dict[str, ScaledPlate], pair: tuple[str, str]) -> LikelyCopies | None:
    """What two plates agree on; None where nothing can be told.

    Row and column medians take position away, but where treatments are strong and keep their
    places, part of these stays behind on both plates: what counts is the lesser of the agreements
    with and without them.
    """
    left, right = both = [plates[name] for name in pair]
    wells = left.wells.intersection(right.wells)
    rows = [plate.wells.get_indexer(wells) for plate in both]
    labels = [plate.labels[row] for plate, row in zip(both, rows, strict=True)]
    scores = [[plate.values @ own.axes for plate in both] for own in both]
    polished = [
        [less_position(part, plate.positions) for part, plate in zip(pair, both, strict=True)]
        for pair in scores
    ]
    for basis, used in _bases(labels):
        agreements, shares = [], []
        for number, parts in enumerate([*scores, *polished]):
            parts = [part[row] for part, row in zip(parts, rows, strict=True)]
            if basis == "replicated":
                groups = zip(parts, labels, strict=True)
                parts = [_within_groups(part, label)[0] for part, label in groups]
            # of what is left: else one position effect would have many axes to be seen along
            axes = _principal(parts[number % 2][used], share=_VARIANCE, most=_COMPONENTS)
            parts = [part[used] @ axes for part in parts]
            agreements.append(_correlations(*parts))
            shares.append(_matched(*parts))
        if min(map(len, agreements)) >= FEWEST:
            agreement = np.reshape([np.median(each) for each in agreements], (2, 2))
            least = [
                float(part.mean(axis=1).min()) for part in (agreement, np.reshape(shares, (2, 2)))
            ]
            return LikelyCopies(pair, basis, int(used.sum()), *least)
    return None


def _bases(labels: list[np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """Which wells to compare, and on what ground, the best first: see :class:`LikelyCopies`."""
    left, right = labels
    different = (left != "") & (right != "") & (left != right)
    if different.sum() > max(FEWEST, len(different) / 2):
        yield "elsewhere", different
    counts = [pd.Series(part).map(pd.Series(part).value_counts()).to_numpy() for part in labels]
    used = (counts[0] > 1) & (counts[1] > 1) & (left != "") & (right != "")
    if used.sum() - len(set(left[used])) >= FEWEST:
        yield "replicated", used
    if len(left) > FEWEST:
        yield "wells", np.ones(len(left), dtype=bool)


def _within_groups(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wells less the mean of their treatment, and which have one with several wells."""
    codes = pd.factorize(labels)[0]
    sizes = np.bincount(codes)
    means = np.zeros((len(sizes), scores.shape[1]))
    np.add.at(means, codes, scores)
    means /= sizes[:, None]
    return scores - means[codes], (sizes[codes] > 1) & (labels != "")


def _principal(values: np.ndarray, *, share: float, most: int) -> np.ndarray:
    """Axes that hold most of the variance of rows, shape (n_features, n_axes)."""
    centred = values - values.mean(axis=0, dtype=np.float64)
    variance, vectors = np.linalg.eigh(centred @ centred.T)
    variance, vectors = np.clip(variance[::-1], 0, None), vectors[:, ::-1]
    kept = int(np.searchsorted(np.cumsum(variance), share * variance.sum())) + 1
    kept = min(max(kept, _LEAST), most, max(int((variance > 1e-9 * variance[0]).sum()), 1))
    axes = centred.T @ vectors[:, :kept]
    return axes / np.maximum(np.linalg.norm(axes, axis=0), 1e-12)


def less_position(scores: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Median polish over rows and columns; on a plate with few wells, a plane."""
    rows, columns = (np.unique(part, return_inverse=True)[1] for part in positions.T)
    shape = (rows.max() + 1, columns.max() + 1)
    if len(scores) < 3 * sum(shape):
        plane = np.column_stack([np.ones(len(scores)), rows, columns])[:, : len(scores) // 6]
        return scores - plane @ np.linalg.lstsq(plane, scores, rcond=None)[0]
    grid = np.full((*shape, scores.shape[1]), np.nan)
    grid[rows, columns] = scores
    for _ in range(_ROUNDS):
        for axis in (0, 1):
            grid -= _median(grid, axis)
    return grid[rows, columns]


def _median(grid: np.ndarray, axis: int) -> np.ndarray:
    """Medians along an axis of what is no NaN, the same places in every component, kept as 1."""
    count = np.isfinite(grid[..., :1]).sum(axis=axis, keepdims=True)
    ordered = np.sort(grid, axis=axis)  # NaN last
    middle = [np.take_along_axis(ordered, at, axis=axis) for at in ((count - 1) // 2, count // 2)]
    return (middle[0] + middle[1]) / 2


def _correlations(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Correlation of each component between plates; single wells far out are drawn in."""
    left, right = _drawn_in(left), _drawn_in(right)
    size = np.sqrt((left**2).sum(axis=0) * (right**2).sum(axis=0))
    known = size > 0
    return (left * right).sum(axis=0)[known] / size[known]


def _drawn_in(scores: np.ndarray) -> np.ndarray:
    centre, spread = group_statistics(scores, np.zeros(len(scores), dtype=np.int64), n_groups=1)
    scores = np.clip(scores - centre, -_SPREADS * spread, _SPREADS * spread)
    return scores - scores.mean(axis=0)


def _matched(left: np.ndarray, right: np.ndarray) -> float:
    """Share of wells that are most similar to themselves, every component weighing the same."""
    left, right = _directions(left), _directions(right)
    return float(((left @ right.T).argmax(axis=1) == np.arange(len(left))).mean())


def _directions(scores: np.ndarray) -> np.ndarray:
    scores = _drawn_in(scores)
    scores = scores / np.where(scores.std(axis=0) > 0, scores.std(axis=0), 1.0)
    return scores / np.maximum(np.linalg.norm(scores, axis=1, keepdims=True), 1e-12)


def _beyond_others(
    found: LikelyCopies, plates: dict[str, ScaledPlate], rough: pd.DataFrame
) -> bool:
    """Whether two plates agree far better than either does with others of the same layout.

    The others are the few most alike by random projections, copies of these two left out.
    """
    if found.agreement >= BEYOND_DOUBT:
        return True
    pair = list(found.plates)
    others = rough[pair].min(axis=1).drop(pair).sort_values(ascending=False, kind="stable")
    shared = []
    for name in others.index[:_OTHERS]:
        both = [_compared(plates, tuple(sorted((name, plate)))) for plate in pair]
        known = [one.agreement for one in both if one and one.basis == found.basis]
        if len(known) == 2 and max(known) < BEYOND_DOUBT:
            shared.append(np.mean(known))
    if not shared:
        return True
    usual = max(float(np.median(shared)), 0.0)
    return (found.agreement - usual) / (1 - usual) >= EXCESS
