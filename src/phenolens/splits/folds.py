"""Folds as data: which well is tested when, and what no model may have seen then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import InputError, LeakError
from phenolens.files import read_json, write_json
from phenolens.findings import Finding
from phenolens.profiles import WELL_KEY
from phenolens.splits.naming import well_keys


@dataclass(frozen=True)
class Folds:
    """Which well is tested when, and which wells no model may have seen then.

    Attributes
    ----------
    leave_out : str
        The kind of thing that is held out (``plate``, ``well``, ...).
    unit : str
        The metadata column that names those things.
    label : str or None
        The class column; None when folds are disjoint in what they leave out and need no class.
    table : DataFrame
        One row per well, sorted by plate and well: ``Metadata_Plate``, ``Metadata_Well``, ``unit``,
        ``label``, ``fold`` (int64, the fold that tests the well; -1 = never tested), ``left_out``
        (int64, the fold whose training must not see it; -1 = always in training, -2 = never),
        ``reason`` (code of why a well is never tested; empty otherwise).
    refused : tuple of Finding
        Folds that were dropped because nothing was left to test in them, with the reason.
    seed : int
    """

    leave_out: str
    unit: str
    label: str | None
    table: pd.DataFrame
    refused: tuple[Finding, ...] = ()
    seed: int = 0

    @property
    def n_folds(self) -> int:
        """Number of folds that test something."""
        return int(self.table["fold"].max()) + 1

    def iterate(self, table: pd.DataFrame) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Each fold with the row positions it trains on and tests, matched by plate and well.

        Parameters
        ----------
        table : DataFrame
            A profile table; several rows of one well (fields, cells) stay together.

        Raises
        ------
        InputError
            If a row's well is unknown to the folds.
        """
        fold, left_out = self._of_rows(table)
        for number in range(self.n_folds):
            train = np.flatnonzero((left_out != number) & (left_out != -2))
            yield number, train, np.flatnonzero(fold == number)

    def _of_rows(self, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        keys = well_keys(self.table)
        rows = keys.get_indexer(well_keys(profiles.metadata(table)))
        if (rows < 0).any():
            plate, well = profiles.metadata(table)[list(WELL_KEY)].iloc[int(np.argmin(rows))]
            raise InputError(
                f"{int((rows < 0).sum())} row(s) belong to wells the folds do not know, the first "
                f"is plate {plate!r}, well {well!r}. Make the folds again from the whole screen."
            )
        return self.table["fold"].to_numpy()[rows], self.table["left_out"].to_numpy()[rows]

    def excluded(self) -> pd.DataFrame:
        """Wells never tested, counted: columns ``label``, ``reason``, ``n``."""
        out = self.table[self.table["fold"] < 0]
        counts = out.groupby(["label", "reason"], dropna=False, sort=True).size()
        return counts.rename("n").reset_index()

    def check(self) -> None:
        """Raise :class:`LeakError` when a unit is on both sides, or a test class is untrained."""
        table = self.table
        if table.duplicated(list(WELL_KEY)).any():
            raise LeakError("The folds name a well twice; every well must have one row.")
        used = table[table["left_out"] >= 0]
        if (used.groupby("unit")["left_out"].nunique() > 1).any():
            raise LeakError(f"A {self.leave_out} is spread over several folds.")
        for number in range(self.n_folds):
            self._check_fold(number)

    def _check_fold(self, number: int) -> None:
        table = self.table
        test, train = table["fold"] == number, ~table["left_out"].isin([number, -2])
        if (test & train).any():
            raise LeakError(f"Fold {number} tests wells that it trains on.")
        missing = set(table.loc[test, "label"]) - set(table.loc[train, "label"])
        if self.label is not None and missing:
            raise LeakError(f"Fold {number} tests classes it never trained on: {sorted(missing)}.")

    def save(self, path: str | Path) -> None:
        """Write ``PATH.parquet`` (the wells) and ``PATH.json`` (what was asked)."""
        path = Path(path)
        profiles.write_frame(self.table, path.with_suffix(".parquet"))
        settings = {
            "leave_out": self.leave_out,
            "unit": self.unit,
            "label": self.label,
            "refused": [dropped.data() for dropped in self.refused],
            "seed": self.seed,
            "n_folds": self.n_folds,
        }
        write_json(path.with_suffix(".json"), settings)

    @classmethod
    def load(cls, path: str | Path) -> Folds:
        """Read what :meth:`save` wrote, and check it."""
        path = Path(path)
        settings = read_json(path.with_suffix(".json"))
        settings.pop("n_folds")
        settings["refused"] = tuple(map(Finding.of, settings["refused"]))
        folds = cls(table=profiles.read_frame(path.with_suffix(".parquet")), **settings)
        folds.check()
        return folds
