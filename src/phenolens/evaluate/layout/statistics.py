"""How close replicates lie on the plates, beside the same wells under scrambled layouts.

Treatments are permuted within plates among the treated wells. Two wells of a treatment are
compared by the statistics of :data:`STATISTICS`, each 1 where they share their location; the means
over pairs are set against the permutations together, by the largest of their standardized values
(Westfall and Young, Resampling-Based Multiple Testing, 1993).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from phenolens.evaluate.layout.grid import PERMUTATIONS, Grid, Pairs

BY_STEPS = ("same", "near", "row", "column", "region")  # of the rows and columns between two wells
STATISTICS = (*BY_STEPS[:-1], "quadrant", "region", "edge")  # from what says most to least
CERTAIN = 0.005  # largest adjusted p: the layout lies beyond all 299 permutations
LEAST_SHARE = 0.04  # smallest part of full confounding
ORDER = "order"
BETWEEN, WITHIN = "between plates", "on a plate"
_ROOM = 400_000  # numbers of one array that is worked on
_SMALL = 800  # pairs up to which treatments are tested one by one
_ALL, _EACH = "all", "each"


@dataclass(frozen=True)
class _Scrambled:
    """Wells under some permutations, shape (n_wells, n_permutations); `well` is whose place."""

    well: np.ndarray
    row: np.ndarray
    column: np.ndarray
    quadrant: np.ndarray
    edge: np.ndarray


def scrambled(grid: Grid, width: int) -> Iterator[_Scrambled]:
    """The layout as it is, then permuted within plates; the more at a time, the smaller `width`."""
    step = max(8, _ROOM // max(len(grid), width, 1))
    row, column = grid.row.astype(np.int16), grid.column.astype(np.int16)
    quadrant = grid.quadrant.astype(np.int8)
    for first in range(0, PERMUTATIONS + 1, step):
        well = grid.scrambled[:, first : first + step]
        yield _Scrambled(well, row[well], column[well], quadrant[well], grid.edge[well])


def steps(layout: _Scrambled, pairs: Pairs, shape: tuple[int, int]) -> np.ndarray:
    """Rows and columns between the wells of each pair, as one number, int32."""
    rows = np.abs(layout.row[pairs.left] - layout.row[pairs.right])
    columns = np.abs(layout.column[pairs.left] - layout.column[pairs.right])
    return rows.astype(np.int32) * shape[1] + columns


def closeness(shape: tuple[int, int]) -> np.ndarray:
    """Value of the statistics by number of steps, float64 of shape (rows * columns, 5).

    Rows and columns count half at a distance of one well where wells are 4.5 mm apart, so that
    bands of two count as one row of a plate with 96 wells.
    """
    rows, columns = shape
    down, along = np.divmod(np.arange(rows * columns), columns)
    far = np.hypot(down, along)
    return np.stack(
        [
            far == 0,
            np.maximum(down, along) <= 1,
            np.maximum(0, 1 - down * min(8 / rows, 1)),
            np.maximum(0, 1 - along * min(12 / columns, 1)),
            1 - far / max(far.max(), 1),
        ],
        axis=1,
    ).astype(np.float64)


@dataclass(frozen=True)
class Test:
    """One statistic of one set of pairs: its value, what scrambled layouts give, and how sure.

    Attributes
    ----------
    statistic, where : str
    plate : int
        The only plate that it is of; -1 for all.
    observed, expected : float
        Mean over pairs.
    share : float
        How far from scrambled (0) to all treatments sharing their location (1).
    beyond : float
        Share of treatments that lie beyond 99 % of scrambled ones, less the 1 % that would; 0 where
        treatments were not tested one by one.
    p : float
        Adjusted for all statistics tested together; not under 1 / (permutations + 1).
    """

    statistic: str
    where: str
    plate: int
    observed: float
    expected: float
    share: float
    beyond: float
    p: float


def tested(grid: Grid, sets: dict[str, Pairs], *, order: bool) -> list[Test]:
    """All statistics of the sets of pairs against the permutations, adjusted together.

    Each statistic is tested by its mean over pairs, where pairs lie on a plate also plate by plate
    (one faulty plate among many drowns in their mean), and, on small screens, by Fisher's sum over
    treatments of the logarithm of their own p (a few faulty treatments drown in the mean as well).

    Parameters
    ----------
    grid : Grid
    sets : dict of str to Pairs
        Pairs between plates and on a plate; those without a pair are left out.
    order : bool
        Test too whether treatments have the same neighbours again.
    """
    sets = {where: pairs for where, pairs in sets.items() if len(pairs)}
    if not sets:
        return []
    on_a_plate = grid.label * (grid.plate.max() + 1) + grid.plate
    several = float(np.unique(on_a_plate, return_counts=True)[1].mean())
    # k wells on each plate: k of k * k pairs at one position; five neighbours of k - 1 in a block
    ideal = {"same": 1 / several, "near": min(1.0, 5 / several)}
    ideal["edge"] = max(float((grid.edge**2).mean()), 1e-9)
    series: dict[tuple[str, str, str | int], tuple[np.ndarray, float]] = {}
    for where, pairs in sets.items():
        group = grid.plate[pairs.left] if where == WITHIN else np.zeros(len(pairs), np.int64)
        means, size = group_means(grid, pairs, group)
        plates = np.unique(group)
        for number, statistic in enumerate(STATISTICS):
            whole = size @ means[number] / size.sum()
            series[statistic, where, _ALL] = whole, _share(whole, ideal.get(statistic, 1.0))
            for plate, own in zip(plates, means[number], strict=True) if len(plates) > 1 else ():
                series[statistic, where, int(plate)] = own, _share(own, ideal.get(statistic, 1.0))
        if len(pairs) <= _SMALL:
            owners, size = group_means(grid, pairs, pairs.owner)
            for number, statistic in enumerate(STATISTICS):
                p = _pooled(owners[number], size)
                sums, beyond = -np.log(p).sum(axis=0), (p[:, 0] <= 0.01).mean() - 0.01
                series[statistic, where, _EACH] = sums, float(beyond)
    if order and len(beside := adjacent(grid)):
        layouts = scrambled(grid, len(beside))
        met = np.concatenate([_met_again(grid, layout, beside) for layout in layouts]) / len(beside)
        full = (len(grid) / len(np.unique(grid.label)) - 1) / 2
        series[ORDER, "", _ALL] = met, _share(met, full)
    return _adjusted(series)


def _share(values: np.ndarray, ideal: float) -> float:
    expected = float(values[1:].mean())
    return float(values[0] - expected) / max(ideal - expected, 1e-9)


def _pooled(values: np.ndarray, size: np.ndarray) -> np.ndarray:
    """p of each treatment in each layout, among all permutations of those with as many pairs."""
    p = np.empty(values.shape)
    for count in np.unique(size):
        rows = size == count
        null = np.sort(values[rows, 1:].ravel())
        above = len(null) - np.searchsorted(null, values[rows] - 1e-6, side="left")
        p[rows] = (1 + above) / (1 + len(null))
    return p


def _adjusted(series: dict[tuple[str, str, str | int], tuple[np.ndarray, float]]) -> list[Test]:
    """Each statistic against its permutations, and against the largest of all."""
    keys = [key for key, (values, _) in series.items() if np.ptp(values[1:]) > 1e-9]
    if not keys:
        return []
    values = np.stack([series[key][0] for key in keys])
    # counts of rare events are skewed, their roots are not; the edge's can be negative
    roots = np.sqrt(np.maximum(values, 0))
    even = np.where(np.array([key[0] == "edge" for key in keys])[:, None], values, roots)
    mean, spread = even[:, 1:].mean(axis=1), even[:, 1:].std(axis=1)
    z = (even - mean[:, None]) / spread[:, None]
    largest = z[:, 1:].max(axis=0)
    p = {
        key: float((1 + (largest >= score).sum()) / (1 + len(largest)))
        for key, score in zip(keys, z[:, 0], strict=True)
    }
    tests = []
    for statistic, where, what in keys:
        if what == _EACH:
            continue
        own, share = series[statistic, where, what]
        each = (statistic, where, _EACH)
        other = what == _ALL and each in p
        tests.append(
            Test(
                statistic=statistic,
                where=where,
                plate=-1 if what == _ALL else int(what),
                observed=float(own[0]),
                expected=float(own[1:].mean()),
                share=share,
                beyond=series[each][1] if other else 0.0,
                p=min(p[statistic, where, what], p[each] if other else 1.0),
            )
        )
    return tests


def adjacent(grid: Grid) -> np.ndarray:
    """Treated wells side by side in a row or a column of a plate, each pair once."""
    rows, columns = (size + 1 for size in grid.shape)
    key = (grid.plate * rows + grid.row) * columns + grid.column
    by_key = np.argsort(key)
    one, other = [], []
    for step in (1, columns):
        at = np.minimum(np.searchsorted(key[by_key], key + step), len(key) - 1)
        found = key[by_key][at] == key + step
        one.append(np.flatnonzero(found))
        other.append(by_key[at[found]])
    return np.column_stack([np.concatenate(one), np.concatenate(other)])


def _met_again(grid: Grid, layout: _Scrambled, beside: np.ndarray) -> np.ndarray:
    """How often two treatments that lie side by side do so again; doses of a compound left out."""
    width = layout.well.shape[1]
    holds = np.empty((width, len(grid)), dtype=np.int32)
    np.put_along_axis(holds, layout.well.T, np.arange(len(grid), dtype=np.int32)[None], axis=1)
    label, compound = grid.label.astype(np.int32), grid.compound.astype(np.int32)
    one, other = (holds[:, wells] for wells in beside.T)
    first, second = label[one], label[other]
    pair = np.minimum(first, second) * np.int32(label.max() + 1) + np.maximum(first, second)
    pair[compound[one] == compound[other]] = -1
    pair.sort(axis=1)
    number = np.arange(pair.shape[1], dtype=np.int32)
    begins = np.ones(pair.shape, dtype=bool)
    np.not_equal(pair[:, 1:], pair[:, :-1], out=begins[:, 1:])
    before = number - np.maximum.accumulate(np.where(begins, number, 0), axis=1)
    return np.where(pair < 0, 0, before).sum(axis=1, dtype=np.float64)


@dataclass(frozen=True)
class Owners:
    """One statistic of each owner of pairs, with its p among scrambled layouts."""

    owner: np.ndarray
    value: np.ndarray
    p: np.ndarray


def of_owners(grid: Grid, pairs: Pairs, statistic: str) -> Owners:
    """A statistic treatment by treatment; those with equally many pairs share their null.

    Parameters
    ----------
    grid : Grid
    pairs : Pairs
    statistic : str
        Of :data:`STATISTICS`.
    """
    (values,), size = group_means(grid, pairs, pairs.owner, statistics=(statistic,))
    return Owners(np.unique(pairs.owner), values[:, 0], _pooled(values, size)[:, 0])


def scope(grid: Grid, pairs: Pairs, statistic: str) -> np.ndarray:
    """Which pairs lie on the plates, or between the plates, that are concerned.

    All of them, unless the statistic exceeds its expectation on some plates (pairs of plates) only:
    there by three standard deviations and half of the largest excess, and on all others together
    by less than a fifth of that.
    """
    plates = np.sort(np.stack([grid.plate[pairs.left], grid.plate[pairs.right]]), axis=0)
    where = np.unique(plates[0] * (plates.max() + 1) + plates[1], return_inverse=True)[1]
    (values,), size = group_means(grid, pairs, where, statistics=(statistic,))
    excess = values[:, 0] - values[:, 1:].mean(axis=1)
    chosen = (excess > 3 * values[:, 1:].std(axis=1)) & (excess >= 0.5 * excess.max())
    if not chosen.any() or chosen.all():
        return np.ones(len(pairs), dtype=bool)
    here, others = (np.average(excess[part], weights=size[part]) for part in (chosen, ~chosen))
    return chosen[where] if others < 0.2 * here else np.ones(len(pairs), dtype=bool)


def group_means(
    grid: Grid,
    pairs: Pairs,
    group: np.ndarray,
    *,
    statistics: tuple[str, ...] = STATISTICS,
) -> tuple[np.ndarray, np.ndarray]:
    """Means of statistics in groups of pairs, of the layout as it is and of its permutations.

    Parameters
    ----------
    grid : Grid
    pairs : Pairs
    group : ndarray of int64, shape (n_pairs,)
    statistics : tuple of str

    Returns
    -------
    means : ndarray of float64, shape (n_statistics, n_groups, 1 + n_permutations)
        Groups in the order of their numbers.
    size : ndarray of int64, shape (n_groups,)
    """
    by_group = np.argsort(group, kind="stable")
    pairs = pairs.take(by_group)
    start = np.flatnonzero(np.diff(group[by_group], prepend=-1))
    size = np.diff(start, append=len(pairs))
    number = np.repeat(np.arange(len(size)), size)
    cells = grid.shape[0] * grid.shape[1]
    chosen = [name for name in statistics if name in BY_STEPS]
    at = [statistics.index(name) for name in chosen]
    table = closeness(grid.shape)[:, [BY_STEPS.index(name) for name in chosen]]
    few = len(size) * cells <= 4 * len(pairs)  # counting steps is faster than looking each up
    parts = []
    for layout in scrambled(grid, len(pairs)):
        count = layout.row.shape[1]
        means = np.empty((len(statistics), len(size), count))
        if chosen:
            step = steps(layout, pairs, grid.shape)
            if few:
                step += (number[:, None] * count + np.arange(count)).astype(np.int32) * cells
                found = np.bincount(step.ravel(), minlength=len(size) * count * cells)
                found = found.reshape(len(size), count, cells) @ table
                means[at] = found.transpose(2, 0, 1)
            else:
                for k, column in zip(at, table.T.astype(np.float32), strict=True):
                    means[k] = np.add.reduceat(column[step], start, axis=0)
        if "quadrant" in statistics:
            shared = layout.quadrant[pairs.left] == layout.quadrant[pairs.right]
            shared = np.add.reduceat(shared, start, axis=0, dtype=np.int32)
            means[statistics.index("quadrant")] = shared
        if "edge" in statistics:
            edge = layout.edge[pairs.left] * layout.edge[pairs.right]
            means[statistics.index("edge")] = np.add.reduceat(edge, start, axis=0)
        parts.append(means / size[:, None])
    return np.concatenate(parts, axis=2), size
