"""Groups of control wells that lie as the wells of a treatment do, to be tested like one.

Most treatments of a screen lie alike: in one well that is the same on all plates, in neighbouring
wells, in part of a column, or scattered. That shape is read off the treated wells, and the control
wells are dealt into groups of it; no well is in two groups.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

MOST_TREATMENTS = 2_000  # of so many the shape is read; more are drawn from
TIGHT = ("neighbours", "column", "row")


@dataclass(frozen=True)
class Shape:
    """How the wells of most treatments lie.

    Attributes
    ----------
    inside : {"one", "neighbours", "column", "row", "region", "scattered"}
        On a plate.
    across : {"", "same", "near", "column", "row", "region", "scattered"}
        From plate to plate; empty where a treatment is on one plate only.
    wells : tuple of int
        Wells on each plate, most first.
    share : float
        Of the replicated treatments.
    """

    inside: str
    across: str
    wells: tuple[int, ...]
    share: float

    @property
    def code(self) -> str:
        """One word for both: ``same-position``, ``neighbours``, ``column``, ``scattered``, ..."""
        if self.across == "same":
            alone = {"one": "same-position", "scattered": "same-positions"}
            return alone.get(self.inside, f"{self.inside}-kept")
        if self.inside not in ("one", "scattered"):
            return self.inside
        return {"": "scattered", "near": "near-position"}.get(self.across, self.across)


def shape_of(plate: np.ndarray, place: np.ndarray, group: np.ndarray) -> Shape | None:
    """The shape that most treatments have, at their median number of wells.

    Parameters
    ----------
    plate : ndarray of int64, shape (n_wells,)
    place : ndarray of int64, shape (n_wells, 2)
        Zero-based rows and columns.
    group : ndarray of int64, shape (n_wells,)
        Treatment of each well; -1 for none.

    Returns
    -------
    Shape or None
        None where no treatment has two wells.
    """
    order = np.argsort(group, kind="stable")
    order = order[group[order] >= 0]
    wells = [w for w in np.split(order, np.flatnonzero(np.diff(group[order])) + 1) if len(w) > 1]
    if not wells:
        return None
    if len(wells) > MOST_TREATMENTS:
        drawn = np.random.default_rng(0).choice(len(wells), MOST_TREATMENTS, replace=False)
        wells = [wells[k] for k in np.sort(drawn)]
    middle = _middle(place)
    kinds = [_kind(plate[own], place[own], middle) for own in wells]
    (inside, across), count = Counter((kind[0], kind[1]) for kind in kinds).most_common(1)[0]
    counts = [kind[2] for kind in kinds if kind[:2] == (inside, across)]
    sizes = sorted(map(sum, counts))
    median = sizes[(len(sizes) - 1) // 2]
    usual = Counter(count for count in counts if sum(count) == median).most_common(1)[0][0]
    return Shape(inside, across, usual, count / len(kinds))


def _middle(place: np.ndarray) -> np.ndarray:
    return (place.min(axis=0) + place.max(axis=0)) / 2


def _kind(
    plate: np.ndarray, place: np.ndarray, middle: np.ndarray
) -> tuple[str, str, tuple[int, ...]]:
    """How one treatment's wells lie on a plate and from plate to plate, and how many on each."""
    plates, counts = np.unique(plate, return_counts=True)
    most, spots = counts.max(), len(np.unique(place, axis=0))
    first = place[plate == plates[counts.argmax()]]
    inside = "one" if most == 1 else "neighbours" if _joined_up(first) else _lie(first, middle)
    across = ""
    if len(plates) > 1:
        near = (place.max(axis=0) - place.min(axis=0)).max() <= 1
        across = "same" if spots <= most else "near" if near else _lie(place, middle)
    return inside, across, tuple(sorted(counts.tolist(), reverse=True))


def _joined_up(place: np.ndarray) -> bool:
    """Whether wells hang together, each beside another."""
    beside = np.abs(place[:, None] - place[None]).max(axis=2) <= 1
    return connected_components(coo_array(beside), directed=False)[0] == 1


def _lie(place: np.ndarray, middle: np.ndarray) -> str:
    for axis, name in ((1, "column"), (0, "row")):
        if len(np.unique(place[:, axis])) == 1:
            return name
    one_quarter = len(np.unique(place > middle, axis=0)) == 1
    return "region" if one_quarter and len(place) > 2 else "scattered"


def control_groups(
    shape: Shape,
    plate: np.ndarray,
    place: np.ndarray,
    *,
    group: np.ndarray,
    control: np.ndarray,
    seed: int = 0,
) -> list[np.ndarray]:
    """Disjoint groups of control wells in a shape, as many as a plain search finds.

    Plates that share no treatment share no group.

    Parameters
    ----------
    shape : Shape
    plate, place, group
        As for :func:`shape_of`.
    control : ndarray of bool, shape (n_wells,)
    seed : int

    Returns
    -------
    list of ndarray of int64
        Rows of each group.
    """
    rng = np.random.default_rng(seed)
    treated = group >= 0
    ends = plate[treated], plate.max() + 1 + group[treated]
    nodes = int(plate.max() + 2 + group.max())
    links = coo_array((np.ones(treated.sum()), ends), shape=(nodes, nodes))
    _, part = connected_components(links, directed=False)
    found = []
    for own in np.unique(part[np.unique(plate[treated])]):
        rows = np.flatnonzero(control & (part[plate] == own))
        if shape.across == "same":
            found += _kept(shape, rows, plate, place=place, rng=rng)
        elif len(rows):
            found += _assigned(shape, rows, plate, place=place, rng=rng)
    return found


def _kept(
    shape: Shape,
    rows: np.ndarray,
    plate: np.ndarray,
    *,
    place: np.ndarray,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Positions that hold controls on all the plates a group needs."""
    at = {(p, *where): row for row, p, where in zip(
        rows.tolist(), plate[rows].tolist(), place[rows].tolist(), strict=True
    )}  # fmt: skip
    spots, count = np.unique(place[rows], axis=0, return_counts=True)
    spots = spots[count >= len(shape.wells)]
    plates = np.unique(plate[rows]).tolist()
    found = []
    for unit in _partition(spots, shape.wells[0], shape.inside, rng=rng):
        held = [p for p in plates if all((p, *spot) in at for spot in spots[unit].tolist())]
        if len(held) < len(shape.wells):
            continue
        pairs = zip(held, shape.wells, strict=False)
        found.append(np.array([at[p, *s] for p, n in pairs for s in spots[unit][:n].tolist()]))
    return found


def _assigned(
    shape: Shape,
    rows: np.ndarray,
    plate: np.ndarray,
    *,
    place: np.ndarray,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Wells of each plate dealt to groups, in the relation that a treatment's wells have."""
    tight = shape.inside in TIGHT
    relation = shape.across if tight else {"one": shape.across}.get(shape.inside, shape.inside)
    if relation not in (("column", "row") if tight else ("near", "column", "row", "region")):
        relation = "scattered"
    left: dict[int, list[np.ndarray]] = {}
    for code in np.unique(plate[rows]).tolist():
        own = rows[plate[rows] == code]
        size, how = (shape.wells[0], shape.inside) if tight else (1, "one")
        units = [own[unit] for unit in _partition(place[own], size, how, rng=rng)]
        left[code] = [units[k] for k in rng.permutation(len(units))]
    wanted = [1] * len(shape.wells) if tight else list(shape.wells)
    middle, found = _middle(place), []
    while sum(map(len, left.values())) >= sum(wanted):
        plates = sorted(left, key=lambda code: -len(left[code]))
        taken = _joined(left, plates, wanted, relation=relation, place=place, middle=middle)
        if taken:
            units = [left[code][k] for code, own in taken.items() for k in own]
            sizes = shape.wells if tight else [1] * len(units)
            parts = [unit[:n] for unit, n in zip(units, sizes, strict=True)]
            found.append(np.concatenate(parts))
        for code, own in (taken or {plates[0]: [0]}).items():
            left[code] = [unit for k, unit in enumerate(left[code]) if k not in own]
    return found


def _joined(
    left: dict[int, list[np.ndarray]],
    plates: list[int],
    wanted: list[int],
    *,
    relation: str,
    place: np.ndarray,
    middle: np.ndarray,
) -> dict[int, list[int]]:
    """Which units of which plates make a group; empty where none fit the first plate's first."""
    taken: dict[int, list[int]] = {}
    chosen: list[np.ndarray] = []
    for code in plates:
        own: list[int] = []
        while len(own) < wanted[len(taken)]:
            units = [None if k in own else unit for k, unit in enumerate(left[code])]
            there = [*chosen, *(left[code][k] for k in own)]
            k = _next(units, there, relation, place=place, middle=middle)
            if k is None:
                break
            own.append(k)
        if len(own) == wanted[len(taken)]:
            taken[code] = own
            chosen += [left[code][k] for k in own]
        if len(taken) == len(wanted):
            return taken
    return {}


def _next(
    units: list[np.ndarray | None],
    chosen: list[np.ndarray],
    relation: str,
    *,
    place: np.ndarray,
    middle: np.ndarray,
) -> int | None:
    """The first unit that stands to those chosen as it should; None where none does."""
    free = {k: unit for k, unit in enumerate(units) if unit is not None}
    if not free or not chosen:
        return next(iter(free), None)
    there = place[np.concatenate(chosen)]
    for k, unit in free.items():
        here = place[unit[0]]
        apart = np.abs(there - here)
        fits = {
            "near": apart.max() <= 1,
            "column": not apart[:, 1].any(),
            "row": not apart[:, 0].any(),
            "region": ((there > middle) == (here > middle)).all(),
            "scattered": apart.max(axis=1).min() > 1,
        }
        if fits[relation]:
            return k
    return next(iter(free)) if relation == "scattered" else None


def _partition(
    place: np.ndarray, size: int, how: str, *, rng: np.random.Generator
) -> list[np.ndarray]:
    """Disjoint sets of so many positions, arranged as asked; what is left over is in none."""
    if how == "one":
        return [np.array([k]) for k in range(len(place))]
    if how == "neighbours":
        return _blocks(place, size)
    if how in ("column", "row"):
        line, along = place.T[::-1] if how == "column" else place.T
        runs = [np.flatnonzero(line == code) for code in np.unique(line)]
        runs = [run[np.argsort(along[run], kind="stable")] for run in runs]
    else:
        quadrant = (place > _middle(place)) @ [2, 1] if how == "region" and len(place) else None
        cells = np.zeros(len(place), int) if quadrant is None else quadrant
        runs = [rng.permutation(np.flatnonzero(cells == code)) for code in np.unique(cells)]
    return [run[k : k + size] for run in runs for k in range(0, len(run) - size + 1, size)]


def _blocks(place: np.ndarray, size: int) -> list[np.ndarray]:
    """Positions that hang together, grown from where fewest neighbours are left."""
    beside = np.abs(place[:, None] - place[None]).max(axis=2) <= 1 if len(place) else np.empty(0)
    free = np.ones(len(place), dtype=bool)
    found = []
    while free.any():
        start = np.flatnonzero(free)[beside[np.ix_(free, free)].sum(axis=1).argmin()]
        block = [int(start)]
        free[start] = False
        while len(block) < size:
            near = np.flatnonzero(free & beside[block].any(axis=0))
            if not len(near):
                break
            far = ((place[near] - place[block].mean(axis=0)) ** 2).sum(axis=1)
            block.append(int(near[far.argmin()]))
            free[block[-1]] = False
        if len(block) == size:
            found.append(np.array(block))
    return found
