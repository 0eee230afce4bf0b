"""What is to be plated: treatments, replicates, plates, controls, and whether that fits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from phenolens.errors import DesignError, either, named, shown
from phenolens.profiles import PLATE_SHAPES
from phenolens.settings import whole

WELLS = (96, 384, 1536)


@dataclass(frozen=True)
class Plan:
    """A request for plate layouts.

    Plates hold sets of treatments. A set is repeated on as many plates as a treatment has
    replicates, or on fewer with several wells of a treatment on a plate. Treatments that do not fit
    on one plate make several sets.

    Attributes
    ----------
    compounds : tuple of int
        Of each treatment, the number of its compound: doses of one compound share it.
    replicates : int
        Wells of each treatment, over all plates.
    wells : {96, 384, 1536}
        Wells of a plate.
    controls : tuple of int
        Wells on every plate of each control; the first are those of the negative controls.
    plates : int or None
        Plates in all; by default as few as hold every replicate on a plate of its own.
    empty_edge : bool
        Leave the outermost wells empty.

    Raises
    ------
    DesignError
        If this cannot be plated.
    """

    compounds: tuple[int, ...]
    replicates: int = 4
    wells: int = 384
    controls: tuple[int, ...] = (32,)
    plates: int | None = None
    empty_edge: bool = False

    def __post_init__(self) -> None:
        if self.wells not in WELLS:
            formats = either(map(str, WELLS))
            raise DesignError(f"{named('wells')} of a plate are {formats}; got {self.wells!r}.")
        whole("replicates", self.replicates, least=1)
        if self.plates is not None:
            whole("plates", self.plates, least=1)
        if not self.compounds:
            raise DesignError("There is no treatment to plate; name one or more.")
        if self.room < 1:
            raise DesignError(
                f"{sum(self.controls)} control wells leave no room for treatments among the "
                f"{self._usable} usable wells of a plate: take fewer with {named('controls')}."
            )
        if self.plates is not None and self.plates > self.replicates:
            self._require_whole_sets(self.plates)
        if self._largest_set * self.replicates > self.room * self.plates_a_set:
            self._refuse_for_room()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a plate."""
        return PLATE_SHAPES[self.wells]

    @property
    def _usable(self) -> int:
        rows, columns = self.shape
        return (rows - 2) * (columns - 2) if self.empty_edge else rows * columns

    @property
    def room(self) -> int:
        """Wells of a plate that can hold treatments."""
        return self._usable - sum(self.controls)

    @cached_property
    def sets(self) -> int:
        """Sets of replicate plates, each with treatments of its own."""
        if self.plates is None:
            return -(-len(self.compounds) // self.room)
        return max(1, self.plates // self.replicates)

    @property
    def plates_a_set(self) -> int:
        """Replicate plates of a set."""
        if self.plates is None:
            return self.replicates
        return min(self.plates, self.replicates)

    @property
    def _largest_set(self) -> int:
        return -(-len(self.compounds) // self.sets)

    def _require_whole_sets(self, plates: int) -> None:
        if plates % self.replicates:
            fewer = plates - plates % self.replicates
            raise DesignError(
                f"{named('plates')} is {shown(plates)}, which is no whole number of sets of "
                f"{self.replicates} replicate plates; take {fewer} or {fewer + self.replicates}."
            )

    def _refuse_for_room(self) -> None:
        asked = len(self.compounds) * self.replicates
        needed = -(-asked // self.room)
        if needed > self.replicates:
            needed = -(-len(self.compounds) // self.room) * self.replicates
        raise DesignError(
            f"{len(self.compounds)} treatments in {self.replicates} wells each need {asked} wells, "
            f"but {self.sets * self.plates_a_set} of {self.wells} wells have "
            f"{self.sets * self.plates_a_set * self.room} beside the "
            f"controls: {named('plates')} must be {needed} or more."
        )

    def assign_plates(self, rng: np.random.Generator) -> np.ndarray:
        """Set of each treatment, int64; sets differ by one treatment at most.

        Doses of a compound stay together where they can: compounds with most doses come first, each
        to the set with most room left.
        """
        compound = np.asarray(self.compounds)
        count = np.bincount(compound, minlength=compound.max() + 1)
        limit = np.full(self.sets, len(compound) // self.sets)
        limit[: len(compound) % self.sets] += 1
        assigned = np.empty(len(compound), dtype=np.int64)
        for number in np.lexsort([rng.random(len(count)), -count]):
            own = np.flatnonzero(compound == number)
            for k in range(len(own)):
                roomiest = int(limit.argmax())
                if limit[roomiest] >= len(own) - k:
                    assigned[own[k:]] = roomiest
                    limit[roomiest] -= len(own) - k
                    break
                assigned[own[k]] = roomiest
                limit[roomiest] -= 1
        return assigned

    def copies(self, treatments: int) -> np.ndarray:
        """Wells of each of a set's treatments on each of its plates, int64 (treatments, plates).

        They are dealt to the plates in turn, so that plates differ by one well at most.
        """
        plates = self.plates_a_set
        number = np.arange(treatments * self.replicates)
        out = np.zeros((treatments, plates), dtype=np.int64)
        np.add.at(out, (number // self.replicates, number % plates), 1)
        return out
