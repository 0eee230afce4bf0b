"""Why something is not there, as codes and from the tables alone."""

from __future__ import annotations

from typing import Literal

from phenolens.answers.tables import Tables
from phenolens.findings import Finding

Cause = Literal["", "unlabelled", "uncontrolled"]


def cause(tables: Tables) -> Cause:
    """What the plate map lacks for a treatment to be compared with controls; empty for nothing."""
    if tables.wells is None:
        return ""
    if not tables.treatments:
        return "unlabelled"
    return "" if tables.controls.any() else "uncontrolled"


def own_spread(tables: Tables) -> Finding | None:
    """What distances mean where no well of the screen is a control; None where some are."""
    if tables.wells is None or tables.controls.any():
        return None
    return Finding("measured-in-own-spread", "info")
