"""Whether replicates share their location, whom that concerns, and who lies elsewhere too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from phenolens.evaluate.layout.grid import PERMUTATIONS, REACH_MM, Grid, Pairs, pairs_of
from phenolens.evaluate.layout.statistics import (
    BETWEEN,
    CERTAIN,
    LEAST_SHARE,
    ORDER,
    STATISTICS,
    WITHIN,
    Test,
    of_owners,
    scope,
    tested,
)
from phenolens.findings import Finding, Severity

NAMED = np.array([0.0005, 0.001, 0.002, 0.004, 0.008, 0.014])  # p of a treatment that is named
NEVER_OUT = 0.025  # chance of a treatment with all wells at the edge or in one quadrant
LEAST_ON_ONE = 0.2  # smallest share on a single plate where the screen as a whole shows nothing
WIDE = 0.8  # of all treated wells' mean squared distance; a whole row of a plate has 0.69
NOBODY: dict[str, tuple[str, ...]] = {"treatment": (), "plate": ()}
MOST_FALSE = 0.25  # no names where chance would give more of them than this
CODES = {
    "same": "layout-confounded", "near": "layout-block", "row": "layout-block",
    "column": "layout-block", "region": "layout-block", "quadrant": "layout-block",
    "edge": "layout-edge", ORDER: "layout-order",
}  # fmt: skip


def replicate_pairs(grid: Grid) -> Pairs:
    """Pairs of wells of one treatment; its doses, where it has several, are no replicates."""
    pairs = pairs_of(grid, grid.label)
    return pairs.take(~grid.differing(pairs.left, pairs.right))


def by_place(grid: Grid, pairs: Pairs) -> dict[str, Pairs]:
    """Pairs between plates, and those on a plate."""
    inside = grid.plate[pairs.left] == grid.plate[pairs.right]
    return {BETWEEN: pairs.take(~inside), WITHIN: pairs.take(inside)}


def why_not(grid: Grid, pairs: Pairs) -> str:
    """Code of why nothing can be said about replicates; empty where something can."""
    if not len(grid):
        return "no-well-treated"
    if not len(pairs):
        several = len(np.unique(grid.label)) < len(grid)
        return "doses-are-the-replicates" if several else "no-treatment-in-two-wells"
    if len(np.unique(grid.row * grid.shape[1] + grid.column)) == 1:
        return "one-position-for-all"
    if len(np.unique(grid.label)) == 1:
        return "one-treatment-for-all"
    both = np.unique(np.stack([grid.plate, grid.label]), axis=1)
    if np.bincount(both[0]).max() == 1:
        return "one-treatment-a-plate"
    return ""


def shared_locations(grid: Grid) -> tuple[Finding, ...]:
    """Findings on replicates that share their location, one a kind, the plainest first.

    The most specific statistic that lies beyond the permutations is told. Treatments are named
    where they have wells enough, and those that are left are asked again; where these still show
    the same, ``complete`` says that the names were not all.
    """
    whole, order = grid, True
    pairs = replicate_pairs(grid)
    replicated = len(np.unique(pairs.owner))
    findings: dict[str, Finding] = {}
    while not why_not(grid, pairs):
        tests = tested(grid, by_place(grid, pairs), order=order)
        certain = [test for test in tests if test.p <= CERTAIN]
        fired = [t for t in certain if t.plate < 0 and max(t.share, t.beyond) >= LEAST_SHARE]
        fired = fired or [t for t in certain if t.plate >= 0 and t.share >= LEAST_ON_ONE]
        if not fired:
            break
        test = most_specific(fired)
        values = told(test) | predicted(whole) | {"replicated": replicated, "named": 0}
        values["complete"] = True
        if test.statistic == ORDER:
            findings[ORDER] = Finding(CODES[ORDER], "warning", NOBODY, values)
            order = False
            continue
        if test.statistic in findings:
            if test.statistic != "edge":  # those that are left there are never at the edge
                first = findings[test.statistic]
                values = {**first.values, "complete": False}
                findings[test.statistic] = replace(first, values=values)
            break
        where = sorted({t.where for t in fired if t.statistic == test.statistic})
        plates, beyond = _concerned(grid, pairs, fired, test)
        named = beyond
        if test.statistic == "edge":  # those that are never at the edge go without a name
            named = beyond[np.bincount(grid.label, grid.edge)[beyond] > 0]
        count = len(named) or min(test.share, 1.0) * replicated
        grave = test.statistic != "edge" and count >= 0.5 * replicated
        about = {
            "treatment": tuple(grid.labels[k] for k in named),
            "plate": tuple(grid.plates[k] for k in plates),
        }
        values |= {"where": " and ".join(where), "named": len(named), "one_position": 0}
        severity: Severity = "error" if grave else "warning"
        findings[test.statistic] = Finding(CODES[test.statistic], severity, about, values)
        if not len(beyond) or len(plates):
            break
        grid = grid.take(~np.isin(grid.label, beyond))
        pairs = replicate_pairs(grid)
    return tuple(findings.values())


def _concerned(
    grid: Grid, pairs: Pairs, fired: list[Test], test: Test
) -> tuple[np.ndarray, np.ndarray]:
    """Codes of the plates concerned, none where all are, and of the treatments beyond chance."""
    alike = [t for t in fired if t.statistic == test.statistic]
    inside = grid.plate[pairs.left] == grid.plate[pairs.right]
    where = {t.where for t in alike}
    pairs = pairs.take(np.where(inside, WITHIN in where, BETWEEN in where))
    if test.plate < 0:
        chosen = scope(grid, pairs, test.statistic)
    else:
        chosen = np.isin(grid.plate[pairs.left], [t.plate for t in alike])
    beyond = _beyond_chance(grid, pairs.take(chosen), test.statistic)
    if chosen.all():
        return np.empty(0, np.int64), beyond
    return np.unique(grid.plate[np.r_[pairs.left[chosen], pairs.right[chosen]]]), beyond


def most_specific(fired: list[Test]) -> Test:
    """Of the statistics that come close to the largest share, the one that says most."""
    largest = max(test.share for test in fired)
    close = [test for test in fired if test.share >= min(0.6 * largest, largest)]
    return min(close, key=lambda test: ((*STATISTICS, ORDER).index(test.statistic), -test.share))


def told(test: Test) -> dict:
    """A test as the values of a finding."""
    return {
        "statistic": test.statistic, "where": test.where, "observed": test.observed,
        "expected": test.expected, "share": test.share, "p": test.p, "p_limit": CERTAIN,
        "share_limit": LEAST_SHARE, "permutations": PERMUTATIONS,
    }  # fmt: skip


def _beyond_chance(grid: Grid, pairs: Pairs, statistic: str) -> np.ndarray:
    """Codes of the treatments that share their location, each beyond chance on its own.

    Of the limits of p tried, that counts which names most beyond twice what chance would give. To
    these come, where the edge or the quadrant is shared, treatments that never leave it.
    """
    owners = of_owners(grid, pairs, statistic)
    wells = np.bincount(grid.label[np.union1d(pairs.left, pairs.right)])[owners.owner]
    fewest = 4 if grid.shape[0] * grid.shape[1] <= 96 else 3
    enough = wells >= (2 if statistic == "same" else fewest)
    found = enough & (owners.p <= NAMED[:, None])
    found = found[np.argmax(found.sum(axis=1) - 2 * NAMED * enough.sum())]
    named = np.empty(0, np.int64)
    if found.any() and owners.p[found].max() * enough.sum() <= MOST_FALSE * found.sum():
        named = owners.owner[found]
    areas = {"edge": (grid.rings == 0)[None], "quadrant": grid.quadrant == np.arange(4)[:, None]}
    if statistic not in areas:
        return named
    used = np.union1d(pairs.left, pairs.right)
    never_out = _never_out(grid.label[used], areas[statistic][:, used], owners.owner[enough])
    return np.union1d(named, never_out)


def _never_out(label: np.ndarray, areas: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Codes of treatments with all wells in one area, where chance would put few there.

    An area can be so large (the outermost wells of a small plate) that scrambling alone would put a
    few percent of treatments there; it would not where other treatments hold most of its wells.

    Parameters
    ----------
    label : ndarray of int64, shape (n_wells,)
    areas : ndarray of bool, shape (n_areas, n_wells)
    asked : ndarray of int64
        Codes of the treatments that may be named.
    """
    wells = np.bincount(label)
    inside = np.stack([np.bincount(label, area, minlength=len(wells)) for area in areas])
    found = asked[(inside == wells)[:, asked].any(axis=0)]
    others = np.setdiff1d(asked, found)
    if not len(found) or not len(others):
        return found
    share = inside[:, others].sum(axis=1) / wells[others].sum()
    chance = float((share ** wells[found].min()).sum())
    rare = chance <= NEVER_OUT and chance * len(others) <= MOST_FALSE * len(found)
    return found if rare else np.empty(0, np.int64)


def predicted(grid: Grid) -> dict[str, float]:
    """How often the nearest well of another plate, or of the same one, tells a well's treatment.

    Returns
    -------
    dict
        ``predicted``, and ``predicted_expected`` for wells drawn in place of the nearest.
    """
    place = np.column_stack([grid.row, grid.column]).astype(float)
    several = len(np.unique(grid.plate)) > 1
    if several:
        right = np.empty(len(grid), dtype=bool)
        for plate in np.unique(grid.plate):
            own = grid.plate == plate
            _, at = cKDTree(place[~own]).query(place[own])
            right[own] = grid.label[own] == grid.label[~own][at]
    else:
        _, at = cKDTree(place).query(place, k=2)
        right = grid.label == grid.label[at[:, 1]]
    same = np.bincount(grid.label)
    chance = (same * (same - 1.0)).sum() / max(len(grid) * (len(grid) - 1.0), 1.0)
    return {"predicted": float(right.mean()), "predicted_expected": float(chance)}


def compared_elsewhere(grid: Grid, shared: Iterable[str]) -> Finding:
    """How many replicated treatments have wells at another location too.

    Wells are at two locations where they lie more than :data:`layout_grid.REACH_MM` apart, do not
    hang together through neighbouring wells of the treatment (unless it lies about as widely as all
    treated wells do), and do not share the row, the column or the edge where treatments were found
    to share it.

    Parameters
    ----------
    grid : Grid
    shared : iterable of str
        Statistics by which replicates share their location.
    """
    pairs = replicate_pairs(grid)
    left, right = pairs.left, pairs.right
    down = np.abs(grid.row[left] - grid.row[right])
    along = np.abs(grid.column[left] - grid.column[right])
    beside = np.maximum(down, along) <= 1
    graph = coo_array((beside[beside], (left[beside], right[beside])), shape=(len(grid),) * 2)
    _, block = connected_components(graph, directed=False)
    start = np.flatnonzero(np.diff(pairs.owner, prepend=-1))
    apart = (np.hypot(down, along) > grid.reach) & (
        (block[left] != block[right]) | _spread(grid, pairs, start)
    )
    lines = {"row": down, "column": along}
    for statistic in set(shared):
        if statistic in lines:
            apart &= lines[statistic] > 1
        if statistic == "edge":
            apart &= (grid.rings[left] > 0) | (grid.rings[right] > 0)
    elsewhere = np.logical_or.reduceat(apart, start)
    bound = pairs.owner[start][~elsewhere]
    share = float(elsewhere.mean())
    enough = share >= 0.5
    values = {"replicated": len(start), "elsewhere": int(elsewhere.sum()), "share": share}
    return Finding(
        "compared-elsewhere",
        "ok" if enough else "warning",
        {"treatment": tuple(grid.labels[k] for k in bound)},
        values | {"enough": enough, "reach_mm": REACH_MM},
    )


def _spread(grid: Grid, pairs: Pairs, start: np.ndarray) -> np.ndarray:
    """Whether a pair's treatment lies about as widely as all treated wells do.

    Many scattered wells of few treatments touch by chance; a block, a row or half a plate do not
    reach :data:`WIDE` of the mean squared distance.
    """
    down = grid.row[pairs.left] - grid.row[pairs.right]
    along = grid.column[pairs.left] - grid.column[pairs.right]
    length = np.diff(start, append=len(pairs))
    own = np.add.reduceat(down**2 + along**2, start) / length
    whole = 2 * (grid.row.var() + grid.column.var())
    return np.repeat(own >= WIDE * whole, length)


def doses_together(grid: Grid) -> Finding | None:
    """Whether the doses of a compound lie close to one another on their plate.

    That is normal practice; such doses are no replicates at independent positions. ``keep`` is the
    share of these compounds whose doses never move: on one plate only, or in the same or a
    neighbouring well on every plate.
    """
    pairs = pairs_of(grid, grid.compound)
    pairs = pairs.take(
        grid.differing(pairs.left, pairs.right)
        & (grid.plate[pairs.left] == grid.plate[pairs.right])
    )
    tests = tested(grid, {WITHIN: pairs}, order=False)
    fired = [
        test
        for test in tests
        if test.p <= CERTAIN and test.share >= LEAST_SHARE and test.statistic != "edge"
    ]
    if not fired:
        return None
    test = most_specific(fired)
    compounds = np.unique(pairs.owner)
    owners = of_owners(grid, pairs, test.statistic)
    named = owners.owner[owners.p <= NAMED.max()]
    again = replicate_pairs(grid)
    steps = np.maximum(
        np.abs(grid.row[again.left] - grid.row[again.right]),
        np.abs(grid.column[again.left] - grid.column[again.right]),
    )
    moves = np.unique(grid.compound[again.left[steps > 1]])
    keep = float((~np.isin(compounds, moves)).mean())
    return Finding(
        "layout-doses",
        "warning" if keep > 0.5 else "info",
        {"compound": tuple(grid.compounds[k] for k in named)},
        told(test) | {"compounds": len(compounds), "named": len(named), "keep": keep},
    )
