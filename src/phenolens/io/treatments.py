"""A list of treatments to be plated: names alone, or a table of compounds with their doses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from phenolens.errors import InputError, named
from phenolens.io.columns import ALIASES, has, is_blank, normal_name
from phenolens.io.join import Source
from phenolens.io.labels import label_wells
from phenolens.io.ledger import Conflict, Ledger
from phenolens.io.paths import read_table
from phenolens.io.roles import gene_column, named_roles
from phenolens.profiles import COMPOUND, CONCENTRATION, PLATE, TREATMENT, WELL

MOST = 100_000
ROLES = ("batch", "compound", "concentration", "mechanism", "target", "cell_count")
# Columns by which a plate map is joined to its plates, and that say what a well is for.
TAKEN = (*ALIASES[PLATE], *ALIASES[WELL], "plate_map_name", "pert_type", "control_type", "control")


@dataclass(frozen=True)
class Treatments:
    """What is to be plated, one row a treatment.

    Attributes
    ----------
    labels : DataFrame
        ``Metadata_Treatment``, ``Metadata_Compound`` and, where a dose is given,
        ``Metadata_Concentration`` (micromolar).
    described : DataFrame
        The columns as they were handed in; those that a plate map needs for itself are called
        ``source_...``.
    named_in : str
        The column of `described` that names the compound.
    doubts : tuple of Conflict
        Doses that are hardly ones, a compound under two spellings.
    """

    labels: pd.DataFrame
    described: pd.DataFrame
    named_in: str
    doubts: tuple[Conflict, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)


def read_treatments(given: int | str | Path | Sequence[str] | pd.DataFrame) -> Treatments:
    """Take in treatments in any form.

    Parameters
    ----------
    given : int, path, DataFrame or sequence of str
        How many there are; or a table (CSV, Excel, Parquet) with a column of compounds and, if
        there are several doses of one, of concentrations, found by their usual names; or names.

    Returns
    -------
    Treatments

    Raises
    ------
    InputError
        If the table cannot be read, no column or value names a compound, a dose is no number, or a
        treatment stands there twice.
    """
    number = given.strip() if isinstance(given, str) else ""
    if number.isdecimal() and len(number) < 10 and not Path(number).exists():
        given = int(number)
    if isinstance(given, bool) or not isinstance(given, int | str | Path | pd.DataFrame | Sequence):
        raise InputError(
            "Say how many treatments there are, or hand in a table or names of them; got "
            f"{type(given).__name__}."
        )
    if isinstance(given, int):
        frame, source = pd.DataFrame({"compound": _numbered(given)}), "The treatments"
    elif isinstance(given, pd.DataFrame):
        frame, source = given.reset_index(drop=True), "The table of treatments"
    elif isinstance(given, str | Path):
        frame, source = read_table(Path(given)), str(given)
    else:
        frame, source = pd.DataFrame({"compound": list(given)}, dtype=object), "The treatments"
    if not len(frame):
        raise InputError(f"{source}: there is no treatment.")
    return _labelled(frame.rename(columns=str), source)


def _numbered(count: int) -> list[str]:
    if not 1 <= count <= MOST:
        raise InputError(f"The number of treatments must be 1 to {MOST:,}; got {count}.")
    digits = max(3, len(str(count)))
    return [f"treatment-{k:0{digits}d}" for k in range(1, count + 1)]


def _labelled(frame: pd.DataFrame, source: str) -> Treatments:
    roles, modality = named_roles(frame.columns, [])
    column, gene = roles.get("compound"), gene_column(frame.columns)
    if column in (None, gene):  # a plate map names its treatments in a column any reader knows
        other = gene or (frame.columns[0] if frame.shape[1] == 1 else None)
        if other is None:
            known = ", ".join(list(frame.columns)[:12])
            raise InputError(
                f"{source}: no column names the compound; call it 'compound'; there are {known}."
            )
        frame = frame.assign(compound=frame[other])
        column = "compound"
    column = has(frame, column)
    blank = [k for k, value in enumerate(frame[column], start=1) if is_blank(value)]
    if blank:
        raise InputError(f"{source}: row {blank[0]} names no compound in column {column!r}.")
    wanted = {"compound": column, "concentration": roles.get("concentration")}
    origin = Source(name=source, ledger=Ledger())
    rows = frame.assign(**{PLATE: "row", WELL: [str(k) for k in range(1, len(frame) + 1)]})
    labelled = label_wells(rows, dict.fromkeys(ROLES) | wanted, modality=modality, source=origin)
    unread = [doubt for doubt in origin.ledger.conflicts if doubt.code == "doses-not-read"]
    if unread:
        wrong = unread[0]
        raise InputError(
            f"{source}: {wrong.wells} doses in column {wanted['concentration']!r} are no numbers, "
            f"such as {wrong.examples[0].replace('/', ' ')}."
        )
    _require_once(labelled[TREATMENT], source, dosed=wanted["concentration"] is not None)
    names = [TREATMENT, COMPOUND]
    if wanted["concentration"] is not None:
        names.append(CONCENTRATION)
    taken = {normal_name(name).lower() for name in TAKEN}
    renamed = {name: f"source_{name}" for name in frame if normal_name(name).lower() in taken}
    doubts = tuple(origin.ledger.conflicts)
    return Treatments(labelled[names], frame.rename(columns=renamed), str(column), doubts)


def _require_once(treatment: pd.Series, source: str, *, dosed: bool) -> None:
    again = treatment[treatment.duplicated(keep=False)]
    if not len(again):
        return
    first = again.iloc[0]
    rows = [str(k + 1) for k in again.index[again == first][:2]]
    more = "" if dosed else "; doses of one compound need a column 'concentration'"
    raise InputError(
        f"{source}: {first!r} stands in rows {' and '.join(rows)}. Name each treatment once, and "
        f"say with {named('replicates')} how many wells it gets{more}."
    )
