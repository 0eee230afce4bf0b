"""Where on replicate plates treatments lie: scrambled, then improved by swaps.

Wells of a plate trade places wherever that takes replicates of a treatment farther from one
another (position, row, column, distance), doses of a compound farther apart on their plate,
shares the edge out more evenly, or parts treatments that are neighbours on another plate already.
Swaps only ever lower the cost, so what remains is a scrambled layout without its bad luck.
"""

from __future__ import annotations

import numba
import numpy as np

SWEEPS = 40  # how often each well is offered another one's place
WIDTH_MM = 108.0  # of the wells' area of every format
NEAR_MM = 18.0
# Weights of sharing: the well, its surroundings, the row, the column, a part of the plate.
SAME, NEAR, LINE, PART = 4.0, 2.0, 0.5, 0.5
HERE = 3.0  # replicates on one plate, over those on two
DOSES = 0.5  # doses on one plate, over replicates on two
EDGE = 1.0  # the squared surplus of edge wells
AGAIN = 0.2  # a pair of neighbours that are neighbours elsewhere too
EMPTY = -1


def closeness(shape: tuple[int, int]) -> np.ndarray:
    """Cost of two wells so many rows and columns apart, float64 of that shape."""
    rows, columns = shape
    pitch = WIDTH_MM / columns
    down, along = np.arange(rows)[:, None] * pitch, np.arange(columns)[None] * pitch
    far = np.hypot(down, along)
    cost = NEAR * np.exp(-((far / NEAR_MM) ** 2)) + PART * (1 - far / far.max())
    cost += LINE * (np.maximum(0, 1 - down / 9) + np.maximum(0, 1 - along / 9))
    cost[0, 0] += SAME
    return cost


def edge_score(shape: tuple[int, int], used: np.ndarray) -> np.ndarray:
    """Of each position, 1 in the outermost ring of the area in use, a half in the next, else 0."""
    place = np.stack(np.divmod(np.arange(shape[0] * shape[1]), shape[1]))
    area = np.stack(np.divmod(used, shape[1]))
    low, high = area.min(axis=1)[:, None], area.max(axis=1)[:, None]
    ring = np.minimum(place - low, high - place).min(axis=0)
    return np.clip(1 - ring / 2, 0, 1)


def scramble(
    label: list[np.ndarray],
    free: list[np.ndarray],
    *,
    compound: np.ndarray,
    shape: tuple[int, int],
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Positions of the treated wells of a set of replicate plates.

    Parameters
    ----------
    label : list of ndarray of int64
        Of each plate, the treatment of each of its wells.
    free : list of ndarray of int64
        Of each plate, as many positions (row * columns + column).
    compound : ndarray of int64, shape (n_treatments,)
    shape : tuple of int
    rng : Generator

    Returns
    -------
    list of ndarray of int64
        Of each plate, the position of each of its wells, in the order of `label`.
    """
    sizes = np.array([len(spots) for spots in free])
    first = np.concatenate([[0], np.cumsum(sizes)])
    plate = np.repeat(np.arange(len(free)), sizes)
    held = np.concatenate(label)
    spot = np.concatenate([rng.permutation(spots) for spots in free])
    outer = edge_score(shape, spot)
    series = compound[held] * len(free) + plate
    surplus = np.bincount(held, outer[spot] - outer[spot].mean(), len(compound))
    at = np.full((len(free), *shape), EMPTY)
    met = np.zeros((len(compound), len(compound)), dtype=np.int16)
    wells = (spot, held, plate, series)
    _fill(wells, at, met)
    offers = rng.random((SWEEPS * len(held), 2))
    one = (offers[:, 0] * len(held)).astype(np.int64)
    other = first[plate[one]] + (offers[:, 1] * sizes[plate[one]]).astype(np.int64)
    groups = _members(held, len(compound))
    mates = _members(series, series.max(initial=0) + 1)
    _swap(wells, one, other, groups, mates, closeness(shape), outer, surplus, at, met)
    return np.split(spot, first[1:-1])


def _members(code: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Wells of each code one after another, and where each code begins."""
    order = np.argsort(code, kind="stable")
    return order, np.searchsorted(code[order], np.arange(count + 1))


@numba.njit(cache=True)
def _fill(wells, at, met):
    for a in range(len(wells[0])):
        _enter(a, wells, at, met)


@numba.njit(cache=True)
def _swap(wells, one, other, groups, mates, close, outer, surplus, at, met):
    """Swap wells `one` and `other` in turn where that lowers the cost; spots change in place."""
    spot, held, _, _ = wells
    columns = at.shape[2]
    for number in range(len(one)):
        a, b = one[number], other[number]
        if held[a] == held[b] or _steps(spot[a], spot[b], columns) == 1:
            continue
        change = _edges(a, b, wells, outer, surplus)
        change -= _nearness(a, wells, groups, mates, close) + _leave(a, wells, at, met)
        change -= _nearness(b, wells, groups, mates, close) + _leave(b, wells, at, met)
        spot[a], spot[b] = spot[b], spot[a]
        change += _nearness(a, wells, groups, mates, close) + _enter(a, wells, at, met)
        change += _nearness(b, wells, groups, mates, close) + _enter(b, wells, at, met)
        if change < -1e-9:
            moved = outer[spot[a]] - outer[spot[b]]
            surplus[held[a]] += moved
            surplus[held[b]] -= moved
        else:
            _leave(a, wells, at, met)
            _leave(b, wells, at, met)
            spot[a], spot[b] = spot[b], spot[a]
            _enter(a, wells, at, met)
            _enter(b, wells, at, met)


@numba.njit(cache=True)
def _steps(one, other, columns):
    return abs(one // columns - other // columns) + abs(one % columns - other % columns)


@numba.njit(cache=True)
def _nearness(a, wells, groups, mates, close):
    """Cost of a well's nearness to its replicates, and to other doses on its plate."""
    spot, held, plate, series = wells
    columns = close.shape[1]
    row, column = spot[a] // columns, spot[a] % columns
    total = 0.0
    order, start = groups
    for k in range(start[held[a]], start[held[a] + 1]):
        b = order[k]
        if b != a:
            cost = close[abs(row - spot[b] // columns), abs(column - spot[b] % columns)]
            total += cost * (HERE if plate[b] == plate[a] else 1.0)
    order, start = mates
    for k in range(start[series[a]], start[series[a] + 1]):
        b = order[k]
        if held[b] != held[a]:
            total += DOSES * close[abs(row - spot[b] // columns), abs(column - spot[b] % columns)]
    return total


@numba.njit(cache=True)
def _edges(a, b, wells, outer, surplus):
    """Change of the squared surpluses of edge wells where two wells swap."""
    spot, held, _, _ = wells
    moved = outer[spot[b]] - outer[spot[a]]
    return EDGE * 2 * moved * (moved + surplus[held[a]] - surplus[held[b]])


@numba.njit(cache=True)
def _leave(a, wells, at, met):
    """Take a well off its plate; cost of its neighbours that are so elsewhere too."""
    spot, held, plate, _ = wells
    row, column = spot[a] // at.shape[2], spot[a] % at.shape[2]
    at[plate[a], row, column] = EMPTY
    again = 0
    for r, c in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
        other = at[plate[a], r, c] if 0 <= r < at.shape[1] and 0 <= c < at.shape[2] else EMPTY
        if other not in (EMPTY, held[a]):
            met[held[a], other] -= 1
            met[other, held[a]] -= 1
            again += met[held[a], other]
    return AGAIN * again


@numba.njit(cache=True)
def _enter(a, wells, at, met):
    """Put a well onto its plate; cost of its neighbours that are so elsewhere too."""
    spot, held, plate, _ = wells
    row, column = spot[a] // at.shape[2], spot[a] % at.shape[2]
    at[plate[a], row, column] = held[a]
    again = 0
    for r, c in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
        other = at[plate[a], r, c] if 0 <= r < at.shape[1] and 0 <= c < at.shape[2] else EMPTY
        if other not in (EMPTY, held[a]):
            again += met[held[a], other]
            met[held[a], other] += 1
            met[other, held[a]] += 1
    return AGAIN * again
