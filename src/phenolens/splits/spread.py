"""Dealing units to folds, so that one well more or less does not re-deal the folds of others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pandas as pd

from phenolens.splits.naming import draw


def spread(frame: pd.DataFrame, *, leave_out: str, seed: int, max_folds: int) -> np.ndarray:
    """A fold for each well, the same for all wells of a unit.

    Nothing here counts wells: a unit's fold hangs on its name, the seed, the units it replicates
    and, where a class would otherwise lie in one fold, on which units hold that class.

    Parameters
    ----------
    frame : DataFrame
        One row per well: ``unit`` and ``label`` (str) and ``control`` (bool).
    leave_out : str
        What the units are. Wells are never moved to even out the folds, since then one would push
        others that have nothing to do with it.
    seed : int
    max_folds : int

    Returns
    -------
    ndarray of int64, shape (n_wells,)
    """
    names, unit = np.unique(frame["unit"].to_numpy(str), return_inverse=True)
    if frame.empty or (leave_out != "well" and len(names) <= max_folds):
        return unit
    replicates = _replicates(unit, frame)
    draws = np.array([draw(seed, name) for name in names], dtype=np.uint64)
    place = _own_ways(replicates, draws, n_folds=max_folds)
    if leave_out != "well":
        place = _evened(place, replicates, draws=draws, n_folds=max_folds)
        held = frame.assign(unit=unit)[["unit", "label"]].drop_duplicates()
        place = _mended(place, held, draws=draws, n_folds=max_folds)
    return place[unit]


def _replicates(unit: np.ndarray, frame: pd.DataFrame) -> np.ndarray:
    """A number for each unit, the same for units that share over half of the classes they hold.

    Controls count only in units that hold nothing else, since sharing them tells no plates apart.
    """
    from scipy.sparse import coo_array, csr_array
    from scipy.sparse.csgraph import connected_components

    treated = ~frame["control"].to_numpy()
    counts = treated | ~np.isin(unit, unit[treated])
    held = frame["label"][counts].groupby(unit[counts]).agg(frozenset)
    # Many units hold the very same classes (compounds of one mechanism): these are compared once.
    kind, kinds = pd.factorize(held)
    sizes = np.array([len(classes) for classes in kinds])
    classes = pd.factorize(np.concatenate([sorted(classes) for classes in kinds]))[0]
    holds = csr_array((np.ones(len(classes)), (np.repeat(np.arange(len(kinds)), sizes), classes)))
    shared = (holds @ holds.T).tocoo()
    one, other = shared.coords
    alike = shared.data > (sizes[one] + sizes[other] - shared.data) / 2
    links = coo_array((alike[alike], (one[alike], other[alike])), shape=shared.shape)
    return connected_components(links, directed=False)[1][kind]


def _own_ways(replicates: np.ndarray, draws: np.ndarray, *, n_folds: int) -> np.ndarray:
    """Each unit in the fold it drew; where replicates drew the same one, they fill the free folds.

    So of `n` replicates, ``min(n, n_folds)`` folds hold one. The first to draw a fold keeps it; the
    others, in order of their draw, go on to the next fold that no replicate has.
    """
    place = (draws % np.uint64(n_folds)).astype(np.int64)
    units = pd.DataFrame({"replicates": replicates, "fold": place}).iloc[np.argsort(draws)]
    second = units.duplicated()
    taken = defaultdict(set)
    for number, fold in units[~second].itertuples(index=False):
        taken[number].add(fold)
    for unit, number, fold in units[second].itertuples():
        onward = [(fold + step) % n_folds for step in range(n_folds)]
        free = [fold for fold in onward if fold not in taken[number]]
        if free:
            place[unit] = free[0]
            taken[number].add(free[0])
    return place


def _evened(
    place: np.ndarray, replicates: np.ndarray, *, draws: np.ndarray, n_folds: int
) -> np.ndarray:
    """Move units from the fullest fold to the emptiest until folds differ by one unit at most.

    Who moves is the last to draw among those that have more replicates in the one fold than in the
    other, so replicates stay as far apart as they were.
    """
    place = place.copy()
    while True:
        sizes = np.bincount(place, minlength=n_folds)
        full, empty = sizes.argmax(), sizes.argmin()
        if sizes[full] - sizes[empty] < 2:
            return place
        more = np.bincount(replicates, (place == full).astype(int) - (place == empty))
        movable = np.flatnonzero((place == full) & (more[replicates] > 0))
        place[movable[draws[movable].argmax()]] = empty


def _mended(
    place: np.ndarray, held: pd.DataFrame, *, draws: np.ndarray, n_folds: int
) -> np.ndarray:
    """Exchange units of two folds where a class of two or more units lies in one fold only.

    That befalls classes that do not make their units replicates, as a mechanism seen in two weeks
    of ten. Whole replicates never come here.
    """
    held = held[held.duplicated("label", keep=False)]
    unit, classes = held["unit"].to_numpy(), pd.factorize(held["label"], sort=True)[0]
    last_first = np.argsort(draws)[::-1]

    def lonely(place: np.ndarray) -> np.ndarray:
        folds = np.zeros((classes.max(initial=-1) + 1, n_folds), dtype=bool)
        folds[classes, place[unit]] = True
        return folds.sum(axis=1) == 1

    def exchanges(number: int) -> Iterator[np.ndarray]:
        for one in last_first[np.isin(last_first, unit[classes == number])]:
            for other in last_first[place[last_first] != place[one]]:
                changed = place.copy()
                changed[[one, other]] = place[[other, one]]
                yield changed

    for number in map(int, np.flatnonzero(lonely(place))):
        now = lonely(place)
        if now[number]:
            fewer = (other for other in exchanges(number) if lonely(other).sum() < now.sum())
            place = next(fewer, place)
    return place
