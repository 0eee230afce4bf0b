"""Label-disjoint groups: a treatment is judged by a network that never saw its label.

A network that learned to tell treatments apart pulls the wells of each together, and would pass
any test of activity on the treatments it was trained on. Treatments are therefore dealt into groups
(all doses of a compound together), and each group's profiles come from a network trained on the
other groups and on the controls that calibrate; evaluation controls are seen by none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from phenolens.errors import DesignError
from phenolens.profiles import COMPOUND, CONTROL, PLATE, TREATMENT, WELL
from phenolens.tools.block import NOBODY

FEWEST = 2


@dataclass(frozen=True)
class Groups:
    """Treatments by the group they are judged in; empty where labels are not learned."""

    unseen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def training_rows(self, images: pd.DataFrame) -> dict[str, np.ndarray]:
        """Images that each group's network may see: other groups, and calibrating controls."""
        every = {name for names in self.unseen.values() for name in names}
        calibrating = images["role"].eq("calibrate").to_numpy()
        treatment = images[TREATMENT]
        if NOBODY in self.unseen:
            return {NOBODY: np.flatnonzero(treatment.notna().to_numpy())}
        return {
            group: np.flatnonzero(treatment.isin(every - set(names)).to_numpy() | calibrating)
            for group, names in self.unseen.items()
        }


def treatment_groups(wells: pd.DataFrame, *, groups: int, seed: int) -> Groups:
    """Deal treatments into groups, all doses of a compound together.

    Where a group would leave its network fewer than two compounds to learn, there is one network,
    ``group-all``: it learns from all wells and is judged on none. What asks for labels never seen
    is then not answered; held-out wells are classified all the same.

    Raises
    ------
    DesignError
        If no treatments are named.
    """
    from phenolens.splits import make_folds

    if TREATMENT not in wells:
        raise DesignError("No treatments are named, so a network has nothing to learn.")
    treated = wells[wells[TREATMENT].notna()]
    if CONTROL in treated:
        treated = treated[~treated[CONTROL].astype(bool)]
    together = COMPOUND in treated and treated[COMPOUND].notna().all()
    unit = "compound" if together else "treatment"
    found = treated[COMPOUND if together else TREATMENT].nunique()
    if found < 2 * FEWEST:
        return Groups({NOBODY: ()})
    groups = min(groups, found // FEWEST)
    folds = make_folds(treated, label=None, leave_out=unit, seed=seed, max_folds=groups)
    named = treated.merge(folds.table[[PLATE, WELL, "left_out"]], on=[PLATE, WELL])
    by_group = named.groupby("left_out")[TREATMENT].unique()
    return Groups({f"group-{n}": tuple(sorted(names)) for n, names in by_group.items()})
