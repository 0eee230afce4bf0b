"""A block: the wells of a screen in one representation, as made for each fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.profiles import PLATE, TREATMENT, WELL
from phenolens.represent.base import ALL, Card

NETWORK = "Metadata_Network"
NOBODY = "group-all"
PIXELS_SEEN = "pixels-seen"
TRAINING_UNKNOWN = "training-unknown"


def crossed(fold: int, held: int) -> str:
    """Name of the table that was fitted without the wells tested by either of two folds.

    Its rows of the second fold are training wells of the first that it has not seen.
    """
    return f"fold-{fold}-without-{held}"


def crossed_of(table: str) -> tuple[int, int] | None:
    """The two folds in a name made by :func:`crossed`; None for another name."""
    match table.split("-"):
        case ["fold", fold, "without", held]:
            return int(fold), int(held)
    return None


@dataclass(frozen=True)
class Block:
    """One representation of all wells.

    Attributes
    ----------
    name : str
    tables : dict of str to DataFrame
        Well profiles by fold. ``all`` is always there; a representation that learns has one more
        per fold, fitted on that fold's training wells only, and where blocks are to be chosen on
        training wells, one fitted without some of those (:func:`crossed`).
    cards : dict of str to Card
        How each table came to be.
    calibrated : bool
        True when the values are already scaled to the plate's controls.
    notes : dict
        What the steps so far dropped or changed, for the report.
    unseen : mapping of str to tuple of str
        For what learned labels: name of a table to the treatments whose labels its network never
        saw. Empty for all others.
    made_of : tuple of Block
        For a fusion: the blocks that its tables hold side by side.
    features : dict of str to list of str
        For a fusion: which features came from which block.
    """

    name: str
    tables: dict[str, pd.DataFrame]
    cards: dict[str, Card] = field(default_factory=dict)
    calibrated: bool = False
    notes: dict[str, Any] = field(default_factory=dict)
    unseen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    made_of: tuple[Block, ...] = ()
    features: dict[str, list[str]] = field(default_factory=dict)

    @property
    def wells(self) -> pd.DataFrame:
        """The table of fold ``all``."""
        return self.tables[ALL]

    def for_fold(self, fold: int) -> pd.DataFrame:
        """The table to score this fold's held-out wells with."""
        return self.tables.get(str(fold), self.tables[ALL])

    def made_for(self, name: str) -> pd.DataFrame:
        """The table of this name; else, where it is one of two folds, the first's; else ``all``."""
        if name not in self.tables and (folds := crossed_of(name)):
            name = str(folds[0])
        return self.tables.get(name, self.tables[ALL])

    def cards_of(self, fold: str) -> list[Card]:
        """Cards of what made this table; those of all its blocks for a fusion."""
        blocks = self.made_of or (self,)
        cards = [block.cards.get(fold, block.cards.get(ALL)) for block in blocks]
        return [card for card in cards if card is not None]

    def fitted_on(self) -> str:
        """Code of what a reader must know about table ``all``: that every image was seen."""
        seen = any(card.learns == "pixels" and card.trained_on for card in self.cards_of(ALL))
        return PIXELS_SEEN if seen else ""

    @property
    def made_elsewhere(self) -> bool:
        """Whether profiles that were given are in it."""
        return any(card.preprocessing.get("given") for card in self.cards_of(ALL))

    def training_note(self) -> str:
        """Code of what every number carries where nobody said what the block was trained on."""
        unknown = any(card.unknown for card in self.cards_of(ALL))
        return TRAINING_UNKNOWN if unknown else ""

    def mapped(self, change: Callable[[pd.DataFrame], pd.DataFrame], **updates: Any) -> Block:
        """The block with ``change`` applied to every table."""
        tables = {fold: change(table) for fold, table in self.tables.items()}
        return replace(self, tables=tables, **updates)


def assembled(block: Block) -> Block:
    """Give a block of groups its table ``all``: each treatment as its own group's network saw it.

    ``Metadata_Network`` says which; rows of two networks must not be compared. Controls are shown
    as the first group's network saw them.
    """
    if not block.unseen:
        return block
    if NOBODY in block.unseen:
        seen = profiles.with_metadata(block.tables[NOBODY], {NETWORK: NOBODY})
        return replace(block, tables={ALL: seen} | block.tables)
    parts = []
    for number, (group, names) in enumerate(block.unseen.items()):
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
