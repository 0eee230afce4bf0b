"""Label-disjoint groups: a treatment is judged by a network that never saw its label.

A network that learned to tell treatments apart pulls the wells of each together, and would pass
any test of activity on the treatments it was trained on. Treatments are therefore dealt into groups
(all doses of a compound together), and each group's profiles come from a network trained on the
other groups and on the controls that calibrate; judging controls are seen by none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError
from phenolens.profiles import COMPOUND, CONTROL, PLATE, TREATMENT, WELL
from phenolens.represent.base import ALL, refuse_overlap
from phenolens.study.activity import JUDGES
from phenolens.study.blocks import Block
from phenolens.study.design import Design

NETWORK = "Metadata_Network"
NOBODY = "group-all"
_FEWEST = 2
PIXELS_SEEN = "fitted on the images of all wells, without labels"


@dataclass(frozen=True)
class Groups:
    """Treatments by the group they are judged in; empty where labels are not learned."""

    judged: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def training_rows(self, images: pd.DataFrame) -> dict[str, np.ndarray]:
        """Images that each group's network may see: other groups, and calibrating controls."""
        every = {name for names in self.judged.values() for name in names}
        calibrating = images["role"].eq("calibrate").to_numpy()
        treatment = images[TREATMENT]
        if NOBODY in self.judged:
            return {NOBODY: np.flatnonzero(treatment.notna().to_numpy())}
        return {
            group: np.flatnonzero(treatment.isin(every - set(names)).to_numpy() | calibrating)
            for group, names in self.judged.items()
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
    if found < 2 * _FEWEST:
        return Groups({NOBODY: ()})
    groups = min(groups, found // _FEWEST)
    folds = make_folds(treated, label=None, leave_out=unit, seed=seed, max_folds=groups)
    named = treated.merge(folds.table[[PLATE, WELL, "left_out"]], on=[PLATE, WELL])
    by_group = named.groupby("left_out")[TREATMENT].unique()
    return Groups({f"group-{n}": tuple(sorted(names)) for n, names in by_group.items()})


def part_of(block: Block, group: str, design: Design) -> pd.DataFrame:
    """Wells that one group's network may be judged on, checked against its card."""
    wells = block.tables[group]
    if group == NOBODY:
        return wells.iloc[:0]
    treated = np.isin(profiles.column(wells, TREATMENT).astype(str), block.judged[group])
    controls = profiles.is_control(wells)
    judges = controls & np.isin(design.role_of(wells).to_numpy(), JUDGES)
    part = profiles.take(wells, (treated & ~controls) | judges)
    for card in block.cards_of(group):
        if card.learns == "labels":
            refuse_overlap(card, well_names(part), list(block.judged[group]))
    return part


def well_names(wells: pd.DataFrame) -> list[str]:
    """``plate/well`` of each row."""
    plates, names = profiles.column(wells, PLATE), profiles.column(wells, WELL)
    return [f"{plate}/{well}" for plate, well in zip(plates, names, strict=True)]


def assembled(block: Block) -> Block:
    """Give a block of groups its table ``all``: each treatment as its own group's network saw it.

    ``Metadata_Network`` says which; rows of two networks must not be compared. Controls are shown
    as the first group's network saw them.
    """
    if not block.judged:
        return block
    if NOBODY in block.judged:
        seen = profiles.with_metadata(block.tables[NOBODY], {NETWORK: NOBODY})
        return replace(block, tables={ALL: seen} | block.tables)
    parts = []
    for number, (group, names) in enumerate(block.judged.items()):
        wells = block.tables[group]
        rows = np.isin(profiles.column(wells, TREATMENT).astype(str), names)
        rows &= ~profiles.is_control(wells)
        if number == 0:
            rows |= profiles.is_control(wells)
        part = profiles.take(wells, rows)
        parts.append(profiles.with_metadata(part, {NETWORK: np.full(len(part), group)}))
    known = set.intersection(*(set(part.columns) for part in parts))
    common = [name for name in parts[0].columns if name in known]
    whole = profiles.stack([part[common] for part in parts])
    return replace(block, tables={ALL: whole.sort_index(level=[PLATE, WELL])} | block.tables)


def unjudged(block: Block) -> list[dict]:
    """What a network that saw every label cannot be asked, as in ``unanswered.json``."""
    if NOBODY not in block.judged:
        return []
    why = (
        "it learned from labels, so it is tested on compounds that it never saw, which takes "
        f"{2 * _FEWEST} of them; this screen has fewer"
    )
    questions = ("activity", "silhouette", "clustering")
    return [{"representation": block.name, "question": name, "why": why} for name in questions]


def refuse_seen_wells(block: Block, folds: object) -> None:
    """Raise :class:`LeakError` if a fold's table was learned from wells the fold tests."""
    for fold, _, test in folds.iterate(block.wells):
        held = well_names(profiles.take(block.wells, test))
        for card in block.cards_of(str(fold)):
            refuse_overlap(card, held, [])


def fitted_on(block: Block) -> str:
    """What a reader must know about table ``all``: a representation that saw every image."""
    seen = any(card.learns == "pixels" and card.trained_on for card in block.cards_of(ALL))
    return PIXELS_SEEN if seen else ""
