"""What is looked at: the wells, treatments and tables that a study left, or profiles alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from phenolens import profiles, words
from phenolens.answers.tables import Tables
from phenolens.errors import InputError, PhenolensError
from phenolens.explore.once import Once
from phenolens.explore.parquet import ParquetColumns
from phenolens.explore.pictures import Pictures
from phenolens.profiles import (
    COMPOUND,
    CONCENTRATION,
    CONTROL,
    MECHANISM,
    PLATE,
    PLATE_SHAPES,
    TARGET,
    TREATMENT,
    WELL,
    well_position,
)
from phenolens.tools.files import read_study_profiles
from phenolens.tools.representation import Profiles
from phenolens.words import names
from phenolens.words.numbers import natural

_TOLD = {COMPOUND: "compound", MECHANISM: "mechanism", TARGET: "target"}
_SMALLEST, _FILLED = 96, 1 / 3


class LenientTables(Tables):
    """Tables of a study that is still written, or that another version wrote.

    What cannot be read counts as absent; :attr:`unread` says why.
    """

    @cached_property
    def unread(self) -> dict[str, str]:
        """Why tables could not be read, by their path without ending."""
        return {}

    def _table(self, name: str) -> pd.DataFrame | None:
        try:
            return super()._table(name)
        except (PhenolensError, OSError, ValueError) as error:
            self.unread[name] = " ".join(str(error).split())
            return None


@dataclass(frozen=True)
class Screen:
    """The wells of a screen and everything known of them; numbers of rows are their ids.

    Attributes
    ----------
    tables : LenientTables
        Of the study's folder; of one that is not there where there are profiles alone.
    given : Profiles or None
        Profiles that were handed in, without a study around them.
    kept : Once
        What was computed for the page, by name.
    bring : callable, optional
        Of results at a URL: fetches an entry of the store, or a part of one.
    """

    tables: LenientTables
    given: Profiles | None = None
    kept: Once = field(default_factory=Once, repr=False)
    bring: Callable[[str], None] | None = None

    @cached_property
    def pictures(self) -> Pictures:
        """The prepared images of the study."""
        return Pictures(self.tables, self.bring)

    @cached_property
    def wells(self) -> pd.DataFrame:
        """One row a well, sorted by plate (``P2`` before ``P10``) and place.

        The columns of ``wells.parquet``, or what is known before it is written; and ``plate`` and
        ``treatment`` (int32 ids, -1 for none), ``row``, ``column`` (int32), ``control`` (bool).
        """
        found = self._wells_as_they_come()
        place = well_position(found[WELL])
        found = found.assign(row=place[:, 0].astype(np.int32), column=place[:, 1].astype(np.int32))
        plates = sorted(found[PLATE].astype(str).unique(), key=natural)
        found["plate"] = _codes(found[PLATE].astype(str), plates)
        found = found.sort_values(["plate", "row", "column"], kind="stable", ignore_index=True)
        found["control"] = (
            found[CONTROL].eq(other=True).fillna(value=False).to_numpy(dtype=bool)
            if CONTROL in found
            else np.zeros(len(found), dtype=bool)
        )
        told = found[TREATMENT] if TREATMENT in found else pd.Series(None, found.index, object)
        told = told.astype(object).where(told.notna(), "").astype(str)
        found["treatment"] = _codes(told, sorted(set(told) - {""}, key=natural))
        return found

    def _wells_as_they_come(self) -> pd.DataFrame:
        if self.given is not None:
            return profiles.metadata(self.given.table).reset_index(drop=True)
        if self.tables.wells is not None:
            return self.tables.wells.reset_index(drop=True)
        parts = [
            frame for name in self.representations if (frame := self._places(name)) is not None
        ]
        if not parts and (splits := self.tables.table("splits")) is not None:
            parts = [splits]
        if not parts and len(self.pictures.fields):
            parts = [self.pictures.fields[[PLATE, WELL]]]
        if not parts:
            unread = "".join(f" {name} cannot be read: {why}" for name, why in self._broken())
            raise InputError(
                f"There is nothing to look at in {self.tables.folder} yet: no wells, profiles or "
                f"prepared images.{unread} Let 'phenolens run' get further, or name another folder."
            )
        return pd.concat(parts, ignore_index=True).drop_duplicates([PLATE, WELL], ignore_index=True)

    def _broken(self) -> list[tuple[str, str]]:
        return [(name, why.rstrip(".") + ".") for name, why in self.tables.unread.items()][:3]

    def _places(self, representation: str) -> pd.DataFrame | None:
        """The metadata columns of a study's profiles."""
        try:
            held = self.columns(self._file(representation))
            columns = [name for name in held.names if name.startswith(profiles.PREFIX)]
            return held.read(columns).to_pandas()
        except (OSError, ValueError) as error:
            self.tables.unread[f"profiles/{representation}"] = " ".join(str(error).split())
            return None

    def columns(self, path: Path) -> ParquetColumns:
        """A Parquet file of the study, opened once."""
        return self.kept.get(("file", path), lambda: ParquetColumns(path))

    def _file(self, representation: str) -> Path:
        return self.tables.folder / "profiles" / f"{representation}.parquet"

    @cached_property
    def plates(self) -> list[str]:
        """Names of the plates; a position is a plate's id."""
        return sorted(self.wells[PLATE].astype(str).unique(), key=natural)

    @cached_property
    def plate_shape(self) -> tuple[int, int]:
        """Rows and columns of the usual plate that holds every well.

        One of fewer than 96 wells is believed only where a third of it is filled: a few wells near
        A01 are rather a part of a larger plate.
        """
        last = self.wells[["row", "column"]].max().to_numpy()
        most = int(self.wells["plate"].value_counts().max())
        return next(
            shape
            for size, shape in PLATE_SHAPES.items()
            if (last < shape).all() and (size >= _SMALLEST or most >= _FILLED * size)
        )

    @cached_property
    def treatment_names(self) -> list[str]:
        """Names of treatments, controls' too; a position is a treatment's id."""
        if TREATMENT not in self.wells:
            return []
        told = self.wells.loc[self.wells["treatment"] >= 0, TREATMENT].astype(str)
        return sorted(told.unique(), key=natural)

    @cached_property
    def treatment_ids(self) -> dict[str, int]:
        """Id of each treatment by its name."""
        return {name: number for number, name in enumerate(self.treatment_names)}

    @cached_property
    def representations(self) -> list[str]:
        """Representations of which there are profiles or results, the lead first."""
        if self.given is not None:
            return [self.given.name]
        files = {path.stem for path in (self.tables.folder / "profiles").glob("*.parquet")}
        found = files | set(self.tables.real)
        return [n for n in names.in_order(found, first=self.lead_named) if not names.is_noise(n)]

    @property
    def lead_named(self) -> str | None:
        """The representation that the study answers by, where it says so."""
        return self.given.name if self.given is not None else self.tables.lead

    @property
    def lead(self) -> str:
        """The representation shown first; empty where there is none."""
        return next(iter(self.representations), "")

    @property
    def profiled(self) -> list[str]:
        """Representations whose profiles are there."""
        if self.given is not None:
            return [self.given.name]
        return [name for name in self.representations if self._file(name).is_file()]

    @cached_property
    def treatments(self) -> pd.DataFrame:
        """One row a treatment, controls' too: what is known of it from its wells, and its flags.

        ``name``, ``compound``, ``mechanism``, ``target``, ``dose``, ``control``, ``n_wells``;
        ``rank`` in the lead (-1: not tested), ``cell_count_ratio`` and ``flags`` in words.
        """
        known = self.wells[self.wells["treatment"] >= 0]
        grouped = known.groupby("treatment", sort=True)
        first = grouped.first().reindex(range(len(self.treatment_names)))
        found = pd.DataFrame({"name": self.treatment_names})
        for column, short in _TOLD.items():
            found[short] = first.get(column, "")
        found["dose"] = (
            pd.to_numeric(first[CONCENTRATION], errors="coerce")
            if CONCENTRATION in first
            else np.nan
        )
        found["control"] = grouped["control"].all().to_numpy(dtype=bool)
        found["n_wells"] = grouped.size().to_numpy(dtype=np.int32)
        ranked = [one for one in self.tables.ranked if one.name in self.treatment_ids]
        rank = {one.name: n for n, one in enumerate((o for o in ranked if o.tested), start=1)}
        left = {one.name: one.row.get("cell_count_ratio", np.nan) for one in ranked}
        flags = {one.name: words.noted(" ".join(one.doubts), **one.row) for one in ranked}
        found["rank"] = found["name"].map(rank).fillna(-1).astype(np.int32)
        found["cell_count_ratio"] = found["name"].map(left).astype(float)
        found["flags"] = found["name"].map(flags).fillna("")
        return found

    def activity(self, representation: str) -> pd.DataFrame | None:
        """What was tested of a representation, in the order of the treatments' ids."""
        rows = self._of(self.tables.activity, representation)
        return None if rows is None else rows.reindex(self.treatment_names)

    def tested(self, representation: str) -> dict[str, dict[str, Any]]:
        """Rows of the tests of a representation by treatment, whole numbers whole."""

        def make() -> dict[str, dict[str, Any]]:
            rows = self._of(self.tables.activity, representation)
            return {} if rows is None else {str(k): v for k, v in rows.to_dict("index").items()}

        return self.kept.get(("tested", representation), make)

    def _of(self, frame: pd.DataFrame | None, representation: str) -> pd.DataFrame | None:
        """Rows of a table of one row a representation and treatment, by the treatment's name."""
        if frame is None:
            return None
        rows = frame[frame["representation"] == representation]
        rows = rows.drop_duplicates(TREATMENT)
        return rows.set_index(TREATMENT) if len(rows) else None

    def in_order(self, places: pd.DataFrame) -> np.ndarray:
        """Row of each well in another table by plate and well, int64 (n_wells,); -1 where absent.

        Parameters
        ----------
        places : DataFrame
            With ``Metadata_Plate`` and ``Metadata_Well``; the last of rows that repeat counts.
        """
        return profiles.keys(places.drop_duplicates([PLATE, WELL]), [PLATE, WELL]).get_indexer(
            profiles.keys(self.wells, [PLATE, WELL])
        )

    def profiles(self, representation: str) -> Profiles:
        """Profiles of a representation, as every question takes them.

        Raises
        ------
        PhenolensError
            If they are not there or cannot be read.
        """

        def read() -> Profiles:
            if self.given is not None and representation == self.given.name:
                return self.given
            found = read_study_profiles(self._file(representation))
            if found is None:
                raise InputError(f"There are no profiles {self._file(representation)} yet.")
            return found

        return self.kept.get(("profiles", representation), read)

    def parts(self, representation: str) -> int:
        """How many parts the wells of a representation fall into that cannot be compared.

        One for most; what learned labels has a network for some treatments and one for others.
        """

        def count() -> int:
            if self.given is not None:
                return len(self.given.parts)
            try:
                told = profiles.read_about(self._file(representation)) or {}
            except (OSError, ValueError):
                return 1
            return len(told.get("unseen", {})) or 1

        return self.kept.get(("parts", representation), count)

    def feature_names(self, representation: str) -> list[str]:
        """Features of the normalized profiles of a representation."""
        if self.given is not None:
            return list(map(str, self.given.normalized.wells.columns))
        found = self.columns(self._file(representation)).names
        return [name for name in found if not name.startswith(profiles.PREFIX)]

    def feature(self, representation: str, name: str) -> np.ndarray:
        """A feature of the normalized profiles in the order of the wells, float32; NaN: absent."""
        if self.given is not None:
            table = self.given.normalized.wells
            values, places = table[name].to_numpy(np.float32), profiles.metadata(table)
        else:
            held = self.columns(self._file(representation))
            values, places = held.read([name])[name].to_numpy().astype(np.float32), None
        order = self.kept.get(
            ("order", representation), lambda: self.in_order(self._where(representation, places))
        )
        return spread(values, order)

    def _where(self, representation: str, places: pd.DataFrame | None) -> pd.DataFrame:
        if places is not None:
            return places
        return self.columns(self._file(representation)).read([PLATE, WELL]).to_pandas()

    def described_treatments(self, representation: str) -> int:
        """How many treatments have consensus profiles in a representation."""
        if self.given is not None:
            medians = self.consensus(representation)
            return 0 if medians is None else len(medians)
        try:
            return self.columns(self.tables.folder / "consensus" / f"{representation}.parquet").rows
        except (OSError, ValueError):
            return 0

    def consensus(self, representation: str) -> pd.DataFrame | None:
        """Consensus profiles, one row a treatment by its name; None where there are none."""
        if self.given is not None:
            return self.kept.get("consensus", self._own_consensus)
        found = self.tables.consensus(representation)
        return None if found is None else found.set_index(TREATMENT)

    def _own_consensus(self) -> pd.DataFrame | None:
        assert self.given is not None
        try:
            found = profiles.to_frame(self.given.consensus())
        except PhenolensError:
            return None
        return found.set_index(TREATMENT) if len(found) else None


def _codes(values: pd.Series, order: Sequence[str]) -> np.ndarray:
    return pd.Categorical(values, categories=list(order)).codes.astype(np.int32)


def spread(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Values at these rows, NaN where a row is -1; float32 of length ``len(order)``."""
    if not len(values):
        return np.full(len(order), np.nan, np.float32)
    return np.where(order >= 0, values[order], np.nan).astype(np.float32)
