"""A finding about a design, and what the checks of a design look at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from phenolens.evaluate.layout.examine import Layout, examine_layout
from phenolens.findings import Severity
from phenolens.profiles import CONTROL, PLATE

SEVERITIES = ("error", "warning", "info", "ok")


@dataclass(frozen=True)
class Finding:
    """One thing about a design.

    Attributes
    ----------
    code : str
        Stable name, such as ``layout-confounded``.
    severity : {"error", "warning", "info", "ok"}
        ``error``: an answer that would be printed does not hold; ``warning``: it is weaker than it
        looks; ``info``: worth knowing; ``ok``: checked, nothing found.
    where : str
        Plates, treatments or columns concerned.
    what, consequence, remedy : str
        One sentence each.
    """

    code: str
    severity: Severity
    where: str
    what: str
    consequence: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Screen:
    """What the checks look at: one row a well, and what is known beside it."""

    wells: pd.DataFrame
    label: str
    folds: pd.DataFrame | None = None
    roles: np.ndarray | None = None
    images: pd.Series | None = None
    treated: pd.DataFrame = field(init=False)
    controls: pd.DataFrame = field(init=False)

    def __post_init__(self) -> None:
        control = self.wells[CONTROL].astype(bool).to_numpy()
        labelled = self.wells[self.label].notna().to_numpy()
        object.__setattr__(self, "treated", self.wells[labelled & ~control])
        object.__setattr__(self, "controls", self.wells[control])

    @cached_property
    def layout(self) -> Layout:
        """What the positions of wells alone say."""
        return examine_layout(self.wells, label=self.label)

    @property
    def plates(self) -> list[str]:
        """Names of the plates, sorted."""
        return sorted(self.wells[PLATE].unique())


def listed(names: Iterable[object], *, limit: int = 5) -> str:
    """The first few names, sorted, and how many more there are."""
    shown = sorted(map(str, names))
    more = f" and {len(shown) - limit} more" if len(shown) > limit else ""
    return ", ".join(shown[:limit]) + more


def number_of(count: int, noun: str) -> str:
    """``1 well``, ``2 wells``, ``1,536 wells``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def percent(share: float) -> str:
    """A share as a percentage with the digits that matter."""
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"
