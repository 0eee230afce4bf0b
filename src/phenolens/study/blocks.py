"""A block: the wells of a screen in one representation, as made for each fold."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pandas as pd

from phenolens.represent.base import ALL, Card


@dataclass(frozen=True)
class Block:
    """One representation of all wells.

    Attributes
    ----------
    name : str
    tables : dict of str to DataFrame
        Well profiles by fold. ``all`` is always there; a representation that learns has one more
        per fold, fitted on that fold's training wells only.
    cards : dict of str to Card
        How each table came to be.
    calibrated : bool
        True when the values are already scaled to the plate's controls.
    notes : dict
        What the steps so far dropped or changed, for the report.
    """

    name: str
    tables: dict[str, pd.DataFrame]
    cards: dict[str, Card] = field(default_factory=dict)
    calibrated: bool = False
    notes: dict = field(default_factory=dict)

    @property
    def wells(self) -> pd.DataFrame:
        """The table of fold ``all``."""
        return self.tables[ALL]

    def for_fold(self, fold: int) -> pd.DataFrame:
        """The table to score this fold's held-out wells with."""
        return self.tables.get(str(fold), self.tables[ALL])

    def mapped(self, change, **updates: object) -> Block:
        """The block with ``change`` applied to every table."""
        tables = {fold: change(table) for fold, table in self.tables.items()}
        return replace(self, tables=tables, **updates)
