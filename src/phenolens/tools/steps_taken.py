"""What each step from measured to compared wells did to rows, columns and controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.evaluate.quality.batch_effect import variance_share
from phenolens.profiles import CONTROL, PLATE
from phenolens.splits.roles import EVALUATION
from phenolens.tools.design import Design

FEWEST = 4


@dataclass(frozen=True)
class StepTaken:
    """One step, and the table before and after it.

    Attributes
    ----------
    step : str
        Its code; words are made by the report.
    settings : str
        Those that it was taken with, as ``name = value``.
    rows_before, rows_after, columns_before, columns_after : int
    controls : int
        Controls behind the four numbers that follow: those that are kept for tests (at least four),
        or all.
    held_out : bool
        Whether they are controls that are kept for tests.
    magnitude_before, magnitude_after : float
        Median absolute value over these controls and all features: 0.67 for values that are normal
        with deviation 1.
    plate_share_before, plate_share_after : float
        Share of their variance that lies between plates, each feature weighing alike, less chance
        (omega squared); NaN with one plate.
    """

    step: str
    settings: str
    rows_before: int
    rows_after: int
    columns_before: int
    columns_after: int
    controls: int
    held_out: bool
    magnitude_before: float
    magnitude_after: float
    plate_share_before: float
    plate_share_after: float


class StepLog:
    """Takes down each step of one table; a silent one, of the other folds' tables, takes nothing.

    Parameters
    ----------
    design : Design
    steps : sequence of mapping
        Those taken so far, as :attr:`steps` has them.
    silent : bool
    """

    def __init__(
        self, design: Design, steps: Sequence[dict[str, Any]] = (), *, silent: bool = False
    ) -> None:
        self._design = design
        self._silent = silent
        self.steps = list(steps)

    def read_of(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of a table that are looked at: its controls."""
        return profiles.take(table, self._controls(table)[0])

    def add(
        self,
        step: str,
        before: pd.DataFrame,
        after: pd.DataFrame,
        *,
        rows: int | None = None,
        **settings: object,
    ) -> None:
        """Take down what a step made of a table; of `rows`, if only what is read was handed in."""
        if self._silent:
            return
        size, spread, between = {}, {}, {}
        for when, table in (("before", before), ("after", after)):
            read, held_out = self._controls(table)
            size[when] = (len(table) if rows is None else rows, table.shape[1])
            spread[when], between[when] = _measured(profiles.take(table, read))
        said = ", ".join(f"{name} = {value}" for name, value in settings.items())
        taken = StepTaken(
            step, said, size["before"][0], size["after"][0], size["before"][1], size["after"][1],
            int(read.sum()), held_out, spread["before"], spread["after"], between["before"],
            between["after"],
        )  # fmt: skip
        self.steps.append(asdict(taken))

    def _controls(self, table: pd.DataFrame) -> tuple[np.ndarray, bool]:
        if CONTROL not in table.index.names:
            return np.zeros(len(table), dtype=bool), False
        controls = profiles.is_control(table)
        unread = controls & np.isin(self._design.role_of(table).to_numpy(), EVALUATION)
        held_out = bool(unread.sum() >= FEWEST)
        return (unread if held_out else controls), held_out


def _measured(controls: pd.DataFrame) -> tuple[float, float]:
    """Median absolute value, and the share of variance between plates."""
    values = controls.to_numpy(np.float64)
    known = np.isfinite(values)
    if len(values) < FEWEST or not known.any():
        return float("nan"), float("nan")
    magnitude = float(np.median(np.abs(values[known])))
    whole = values[:, known.all(axis=0)]
    spread = whole.std(axis=0)
    varies = spread > 1e-9 * np.maximum(np.abs(whole).max(axis=0, initial=0.0), 1e-30)
    if not varies.any():
        return magnitude, float("nan")
    standard = (whole[:, varies] - whole[:, varies].mean(axis=0)) / spread[varies]
    plates = profiles.groups(controls, [PLATE])[0]
    return magnitude, float(variance_share(standard, plates))
