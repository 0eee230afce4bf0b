"""What a question gives: a table, and beside it what the table means as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Found:
    """What a question gave.

    Attributes
    ----------
    table : DataFrame
        One row a thing asked.
    summary : dict
        What the table means as a whole, in plain values.
    more : dict of str to DataFrame
        Further tables by name.
    """

    table: pd.DataFrame
    summary: dict[str, Any]
    more: dict[str, pd.DataFrame] = field(default_factory=dict)
