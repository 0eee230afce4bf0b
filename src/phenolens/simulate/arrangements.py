"""Plate layouts, sound and faulty, with what is true of each.

A layout is wells, treatments and controls; there are no features. Layouts made here measure how
well :func:`phenolens.evaluate.layout.examine.examine_layout` finds the faulty ones, and how often
it takes a sound one for faulty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from phenolens.errors import DesignError
from phenolens.profiles import CONTROL, PLATE, PLATE_SHAPES, TREATMENT, WELL, row_letters

SOUND = "scrambled"
FAULTY = (
    "same", "several", "near", "neighbours", "moved neighbours", "rows", "columns", "quadrants",
    "edge", "serpentine",
)  # fmt: skip
CONTROLS = ("scattered", "scattered per plate", "one column", "two columns")


@dataclass(frozen=True)
class Arrangement:
    """What :func:`arrange` lays out.

    Attributes
    ----------
    kind : str
        ``scrambled`` on each plate; ``same`` (one well on all plates); ``several`` (scattered
        wells, repeated on all plates); ``near`` (within the same four wells on all plates);
        ``neighbours`` and ``moved neighbours`` (a plate's replicates side by side, at one place or
        at another on each plate); ``rows``, ``columns``, ``quadrants`` (a treatment stays in
        one); ``edge`` (some treatments stay at the edge, the others off it); ``serpentine`` (one
        order of dispensing, begun elsewhere on each plate).
    plates, wells, replicates : int
        Plates, wells a plate (96 or 384), wells a treatment.
    controls : {"scattered", "scattered per plate", "one column", "two columns"}
    inner : bool
        Leave the outermost wells empty.
    share : float
        Share of the treatments that are laid out so; the others are scrambled.
    one_plate : bool
        Only the last plate is laid out so (``same``: as the plate before).
    seed : int
    """

    kind: str = SOUND
    plates: int = 4
    wells: int = 384
    replicates: int = 4
    controls: str = "scattered"
    inner: bool = False
    share: float = 1.0
    one_plate: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in (("kind", (SOUND, *FAULTY)), ("controls", CONTROLS)):
            if getattr(self, name) not in known:
                raise DesignError(
                    f"{name} is {getattr(self, name)!r}; choose one of {', '.join(known)}."
                )
        if not possible(self.kind, plates=self.plates, replicates=self.replicates):
            raise DesignError(
                f"No layout of kind {self.kind!r} has {self.replicates} replicates on "
                f"{self.plates} plates."
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a plate."""
        return PLATE_SHAPES[self.wells]


def possible(kind: str, *, plates: int, replicates: int) -> bool:
    """Whether a kind of layout exists with so many plates and replicates."""
    whole = replicates % plates == 0
    if kind in ("same", "near"):
        return 2 <= replicates <= plates
    if kind in ("several", "neighbours", "moved neighbours"):
        return whole and replicates >= 2 * plates and (plates > 1 or kind == "neighbours")
    return replicates >= 2


def arrange(arrangement: Arrangement) -> tuple[pd.DataFrame, frozenset[str]]:
    """The wells of a layout, and the treatments whose replicates share their location.

    Returns
    -------
    wells : DataFrame
        One row a well: ``Metadata_Plate``, ``_Well``, ``_Treatment``, ``_Control``.
    concerned : frozenset of str
        Empty where the layout is scrambled; of ``edge`` those that stay at the edge.
    """
    rng = np.random.default_rng(arrangement.seed)
    controls = _control_spots(arrangement, rng)
    content = _content(arrangement, len(_used(arrangement)) - len(controls[0]))
    treatments = np.unique(np.concatenate(content))
    rank = rng.permutation(len(treatments))
    count = max(round(arrangement.share * len(treatments)), 1)
    if arrangement.kind == SOUND:
        count = 0
    in_turn = rank if arrangement.kind == "edge" else rng.permutation(len(treatments))
    faulty = treatments[in_turn < count]
    path = _Path(arrangement, rank, rng)
    spots: list[np.ndarray] = []
    for number, own in enumerate(content):
        free = np.setdiff1d(_used(arrangement), controls[number])
        sound = ~np.isin(own, faulty)
        if arrangement.one_plate and number < len(content) - 1:
            sound[:] = True
        copied = arrangement.one_plate and arrangement.kind == "same"
        spot = spots[-1].copy() if copied and not sound.all() else path.follow(own, free)
        spot[sound] = rng.permutation(np.union1d(spot[sound], np.setdiff1d(free, spot)))[
            : sound.sum()
        ]
        spots.append(spot)
    wells = _frame(arrangement, content, spots, controls)
    if arrangement.kind == "edge":
        faulty = _always_at_edge(arrangement, np.concatenate(content), np.concatenate(spots))
    return wells, frozenset(_name(t) for t in faulty if count)


def _used(arrangement: Arrangement) -> np.ndarray:
    """Spots (row * columns + column) in use."""
    rows, columns = arrangement.shape
    spots = np.arange(rows * columns)
    return spots[_ring(arrangement, spots) > 0] if arrangement.inner else spots


def _ring(arrangement: Arrangement, spots: np.ndarray) -> np.ndarray:
    rows, columns = arrangement.shape
    row, column = np.divmod(spots, columns)
    return np.minimum.reduce([row, rows - 1 - row, column, columns - 1 - column])


def _control_spots(arrangement: Arrangement, rng: np.random.Generator) -> list[np.ndarray]:
    used = _used(arrangement)
    in_column = used % arrangement.shape[1]
    if "column" in arrangement.controls:
        count = 1 if arrangement.controls == "one column" else 2
        chosen = rng.choice(np.unique(in_column), count, replace=False)
        return [used[np.isin(in_column, chosen)]] * arrangement.plates
    drawn = [rng.choice(used, len(used) // 12, replace=False) for _ in range(arrangement.plates)]
    return drawn if arrangement.controls == "scattered per plate" else drawn[:1] * len(drawn)


def _content(arrangement: Arrangement, room: int) -> list[np.ndarray]:
    """Treatments of each plate's wells.

    Fewer replicates than plates: plates are dealt to sets of so many replicate plates, each with
    treatments of its own. More: a treatment's wells are dealt to the plates in turn.
    """
    plates, replicates = arrangement.plates, arrangement.replicates
    if replicates <= plates:
        sets = [np.arange(room) + room * number for number in range(plates // replicates)]
        return [own for own in sets for _ in range(replicates)]
    count = room * plates // replicates
    entry = np.arange(count * replicates)
    return [entry[entry % plates == plate] // replicates for plate in range(plates)]


class _Path:
    """Where the wells of a plate come to lie when treatments follow one another in their order."""

    def __init__(self, arrangement: Arrangement, rank: np.ndarray, rng: np.random.Generator):
        self.kind, self.shape, self.rank, self.rng = arrangement.kind, arrangement.shape, rank, rng
        self.arrangement = arrangement
        self.fixed = rng.permutation(arrangement.wells)
        self.turned = rng.random() < 0.5
        self.wide = int(rng.integers(1, 3))
        self.turns = bool(rng.random() < 0.5)

    def follow(self, own: np.ndarray, free: np.ndarray) -> np.ndarray:
        """A spot of `free` for each well of `own`."""
        rank = self.rank
        if self.kind == "moved neighbours":
            rank = self.rng.permutation(len(rank))
        copy = pd.Series(own).groupby(own).cumcount().to_numpy()
        series = self.kind in ("several", "serpentine")
        order = np.lexsort([rank[own], copy] if series else [copy, rank[own]])
        if self.kind == "serpentine":
            order = np.roll(order, self.rng.integers(1, len(order)))
        along = free[np.argsort(self._key(free), kind="stable")]
        spot = np.empty(len(own), dtype=np.int64)
        spot[order] = along[: len(own)]
        return spot

    def _key(self, free: np.ndarray) -> np.ndarray:
        """Sorting by this leads along the path."""
        rows, columns = self.shape
        row, column = np.divmod(free, columns)
        chance = self.rng.permutation(len(free)) / len(free)
        if self.kind in ("same", "several"):
            return self.fixed[free]
        if self.kind == "near":
            return row // 2 * columns + column // 2 + chance
        if self.kind == "quadrants":
            return row // (rows // 2) * 2 + column // (columns // 2) + chance
        if self.kind == "rows":
            return row + chance
        if self.kind == "columns":
            return column + chance
        if self.kind == "edge":
            return (_ring(self.arrangement, free) > int(self.arrangement.inner)) + chance
        if self.kind == SOUND:
            return chance
        if self.kind == "serpentine" and self.turns:
            self.turned = not self.turned
        along, across = (row, column) if self.turned else (column, row)
        strip, within = np.divmod(along, 1 if self.kind == "serpentine" else self.wide)
        longest = max(self.shape)
        snake = np.where(strip % 2, longest - 1 - across, across)
        return (strip * longest + snake) * self.wide + within


def _always_at_edge(arrangement: Arrangement, own: np.ndarray, spots: np.ndarray) -> np.ndarray:
    outer = pd.Series(_ring(arrangement, spots) == int(arrangement.inner))
    at_edge = outer.groupby(own).all()
    return at_edge.index[at_edge].to_numpy()


def _frame(
    arrangement: Arrangement,
    content: list[np.ndarray],
    spots: list[np.ndarray],
    controls: list[np.ndarray],
) -> pd.DataFrame:
    parts = []
    for number, (own, spot) in enumerate(zip(content, spots, strict=True)):
        places = np.r_[controls[number], spot]
        control = np.arange(len(places)) < len(controls[number])
        wells = {
            PLATE: f"P{number + 1:02d}",
            WELL: [_well(place, arrangement.shape[1]) for place in places],
            TREATMENT: ["DMSO"] * int(control.sum()) + [_name(t) for t in own],
            CONTROL: control,
        }
        parts.append(pd.DataFrame(wells))
    return pd.concat(parts, ignore_index=True)


def _well(place: int, columns: int) -> str:
    return f"{row_letters(place // columns)}{place % columns + 1:02d}"


def _name(treatment: int) -> str:
    return f"treatment-{treatment + 1:04d}"
