"""From whatever a person hands in to the wells of a screen, as a study of it would see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError, ended, named, shown
from phenolens.findings import Severity
from phenolens.io.copies import ask_about_copies
from phenolens.io.features import STRANGE, Features
from phenolens.io.given import open_table
from phenolens.io.integrate import integrate
from phenolens.io.ledger import Ledger
from phenolens.io.measurements import require_plates
from phenolens.io.screen_of_table import data_section
from phenolens.profiles import CELL_COUNT, CONTROL, PLATE, TREATMENT, WELL_KEY
from phenolens.represent.base import ALL, Card
from phenolens.settings import Settings, yes_or_no
from phenolens.tools.block import Block
from phenolens.tools.columns import find_column, names_given
from phenolens.tools.design import make_design
from phenolens.tools.files import read_study_profiles
from phenolens.tools.representation import Profiles
from phenolens.tools.result import Note, counted

if TYPE_CHECKING:
    from anndata import AnnData


def read(
    data: str | Path | Sequence[str | Path] | pd.DataFrame | AnnData | Profiles,
    *,
    same_by: str | Sequence[str] | None = None,
    controls: str | Sequence[bool] | None = None,
    features: str | Sequence[str] | None = None,
    layer: str | None = None,
    obsm: str | None = None,
    normalized: bool | None = None,
    same_plate: str | Sequence[str] | None = None,
    distinct_plates: str | Sequence[str] | None = None,
    measurement: str | None = None,
    seed: int | None = None,
) -> Profiles:
    """Read profiles as a study of them would: wells, treatments, controls, roles and folds.

    Parameters
    ----------
    data : path, list of paths, DataFrame, AnnData or Profiles
        Parquet, CSV, TSV (also gzipped), h5ad or CellProfiler's own tables; globs are expanded and
        several files stacked. A DataFrame has its metadata in columns or in the row index. A file
        under ``profiles/`` of a finished study brings its roles, folds and settings along. Rows
        that are cells or fields become wells by their median.
    same_by : str or list of str, optional
        Columns that name a perturbation. By default the compound, with its dose where it has
        several, found by the columns' usual names.
    controls : str or list of bool, optional
        Negative controls: a query on the metadata (``"Metadata_Compound == 'DMSO'"``) or a mask
        over the rows. By default by convention (DMSO, ``negcon``, a blank ``broad_sample``).
    features : str or list of str, optional
        Prefix of the feature columns, their names, or a family (``cellprofiler``, ``harmony``). By
        default the one family that the names tell, see :func:`phenolens.io.features.recognise`.
    layer : str, optional
        Layer of an AnnData to take instead of ``X``.
    obsm : str, optional
        Embedding of an AnnData to take instead of ``X``.
    normalized : bool, optional
        Whether another tool scaled the profiles on controls already. By default the values tell:
        they are, where each plate's controls (or all its wells) are centred on 0, or where there is
        no control to scale on.
    same_plate : str or list of str, optional
        Plates that are one, measured again: ``"P1=P1_again"``, or ``[["P1", "P1_again"]]``. Their
        wells are averaged before anything is counted.
    distinct_plates : str or list of str, optional
        Plates that count as different ones, however alike their wells are.
    measurement : str, optional
        Where wells were measured several times (time points, planes): query for the measurement
        that counts (``"Metadata_Timepoint == 48"``), or ``"average"``.
    seed : int, optional
        All randomness derives from it; that of the study's file, else 0.

    Returns
    -------
    Profiles
        Its ``notes`` say what was assumed and what was left out.

    Raises
    ------
    InputError
        If the data cannot be used as they are, or a column is not there; if plates or wells look
        like others measured again, and nobody said what they are.
    ConfigError
        If a setting has a value it cannot have.

    Examples
    --------
    >>> import phenolens as pl
    >>> screen, truth = pl.simulate_profiles(seed=3)
    >>> wells = pl.read(screen, same_by="Metadata_Treatment")
    >>> wells
    Profiles('profiles': 224 wells, 200 features, measured)
    >>> print(wells.notes[-1])
    64 control wells, by convention (DMSO, negcon).
    """
    if not isinstance(measurement, str | None):
        what = named("measurement")
        raise InputError(f"{what} is a query or 'average'; got {shown(measurement)}.")
    own: dict[str, Any] = {
        "same_by": same_by, "controls": controls, "features": features, "layer": layer,
        "obsm": obsm, "normalized": normalized, "same_plate": same_plate,
        "distinct_plates": distinct_plates, "measurement": measurement,
    }  # fmt: skip
    asked = [name for name, value in own.items() if value is not None]
    if isinstance(data, Profiles):
        if asked:
            raise InputError(
                f"{data.name!r} was read already: {named(asked[0])} says how a table is read, so "
                "hand it to phenolens.read, or hand in the table."
            )
        return data.with_settings(seed=seed)
    alone = data[0] if isinstance(data, list | tuple) and len(data) == 1 else data
    if not asked and (found := read_study_profiles(alone)) is not None:
        return found.with_settings(seed=seed)
    settings = Settings() if seed is None else Settings(seed=seed)
    return _fresh(data, **own, settings=settings)


def _fresh(
    data: object,
    *,
    same_by: str | Sequence[str] | None,
    controls: str | Sequence[bool] | None,
    features: str | Sequence[str] | None,
    layer: str | None,
    obsm: str | None,
    normalized: bool | None,
    same_plate: str | Sequence[str] | None,
    distinct_plates: str | Sequence[str] | None,
    measurement: str | None,
    settings: Settings,
) -> Profiles:
    """Profiles of a table that no study wrote."""
    if normalized is not None:
        normalized = yes_or_no("normalized", normalized)
    given = open_table(data, features=features, layer=layer, obsm=obsm)
    marked, query = _marked(given.frame, controls)
    section, level = data_section(
        given, marked, controls=query, normalized=normalized, measurement=measurement,
        same_plate=same_plate,
    )  # fmt: skip
    joined = integrate(section, Path.cwd())
    (held,) = joined.profiles.values()
    wells, rows = joined.wells, held.table
    named_by = [section["columns"].get(role) for role in ("compound", "concentration")]
    if same_by is not None:
        named_by = [
            find_column(
                wells, name, setting="same_by", source=repr(given.name), features=given.features
            )
            for name in names_given("same_by", same_by)
        ]
        wells, rows = _relabelled(wells, rows, named_by)
    rows = to_wells(rows) if held.level != "well" else rows
    distinct = names_given("distinct_plates", distinct_plates)
    require_plates([distinct], sorted(set(wells[PLATE])), told_as=named("distinct_plates"))
    ask_about_copies(
        wells, {given.name: rows}, distinct=distinct, ledger=joined.ledger, of_table=True
    )
    card = Card(
        given.name, "well", (), preprocessing={"given": True, "normalized": held.normalized}
    )
    block = Block(given.name, {ALL: rows}, {ALL: card}, calibrated=held.normalized)
    notes = [
        _read_note(rows, wells, joined.ledger),
        *_feature_notes(given.found),
        *_row_notes(joined.ledger, level=level),
        *_treatment_notes(wells, section["columns"], asked=same_by is not None),
        *_control_notes(wells, query=query, mask=controls is not None and query is None),
        *_doubts(joined.ledger),
    ]
    if held.normalized and normalized is None:
        notes.append(_normalized_note(wells))
    known = tuple(name for name in named_by if name in rows.index.names)
    design = make_design(wells, settings)
    return Profiles(block, design, settings, notes=tuple(notes), named_by=known)


def _marked(
    frame: pd.DataFrame, controls: str | Sequence[bool] | None
) -> tuple[pd.DataFrame, str | None]:
    """The table with a mask of controls as its column, or the query to find them by."""
    if isinstance(controls, str) and not controls.strip():
        raise InputError(f"{named('controls')} is empty; leave it out to go by convention.")
    if controls is None or isinstance(controls, str):
        return frame, controls
    mask = np.asarray(controls)
    if mask.dtype == object and pd.api.types.infer_dtype(mask.ravel(), skipna=False) == "boolean":
        mask = mask.astype(bool)
    if mask.dtype != bool or mask.shape != (len(frame),):
        numbers = mask.dtype.kind in "iuf" and mask.shape == (len(frame),)
        got = (
            f"{mask.dtype} of shape {mask.shape}" if mask.dtype.kind in "biuf" else shown(controls)
        )
        raise InputError(
            f"{named('controls')} is one query, or one true or false a row ({len(frame)} rows); "
            f"got {got}{'; for numbers, say mask == 1.' if numbers else '.'}"
        )
    if not mask.any():
        raise DesignError(f"{named('controls')} is false for all {len(frame)} rows.")
    return pd.concat([frame.drop(columns=CONTROL, errors="ignore").assign(**{CONTROL: mask})]), None


def to_wells(rows: pd.DataFrame) -> pd.DataFrame:
    """Cells or fields as wells: medians, with the number of rows as the cell count."""
    wells = profiles.aggregate(rows, WELL_KEY)
    return profiles.with_metadata(wells, {CELL_COUNT: profiles.column(wells, "Metadata_Count")})


def _relabelled(
    wells: pd.DataFrame, rows: pd.DataFrame, names: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Wells and rows whose treatment is what these columns say together."""
    if not names:
        raise InputError(f"{named('same_by')} names no column; name one or more, or leave it out.")
    text = wells[names].astype("string").agg("|".join, axis=1)
    text = text.where(~wells[names].isna().any(axis=1))
    text = text.mask(wells[CONTROL] & text.isna(), "control").astype(object)
    text = text.where(text.notna(), None)
    wells = wells.assign(**{TREATMENT: text})
    place = profiles.keys(wells, WELL_KEY).get_indexer(
        profiles.keys(profiles.metadata(rows), WELL_KEY)
    )
    return wells, profiles.with_metadata(rows, {TREATMENT: text.to_numpy()[place]})


def _read_note(rows: pd.DataFrame, wells: pd.DataFrame, ledger: Ledger) -> Note:
    values = {"wells": len(rows), "plates": int(wells[PLATE].nunique()), "features": rows.shape[1]}
    size = f"{counted(values['wells'], 'well')} on {counted(values['plates'], 'plate')}"
    how = "".join(f"; {join.note}" for join in ledger.joins if join.note)
    return Note("wells-read", "info", f"{size}{how}.", values)


def _feature_notes(found: Features) -> Iterator[Note]:
    """The features by family, and the numeric columns that are none."""
    families = {family.name: len(family.columns) for family in found.families}
    values = {"features": len(found.names), "families": families}
    yield Note("features", "info", f"{found.used_line()}.", values)
    if found.unused:
        counts = {why: len(names) for why, names in found.unused.items()}
        # what may have been measured is doubtful; a column called dose is not
        doubtful: Severity = "warning" if STRANGE in counts else "info"
        text = f"{found.unused_line()}."
        yield Note("columns-not-used", doubtful, text[0].upper() + text[1:], counts)


def _doubts(ledger: Ledger) -> Iterator[Note]:
    """Doses that came with units, and what sources disagree on or is hardly so."""
    if units := ledger.counts.get("doses_read_with_their_units"):
        text = f"{counted(units, 'well')} with the unit of the dose: all doses are in micromolar."
        yield Note("doses-with-units", "info", text, {"wells": units})
    for doubt in ledger.conflicts:
        yield Note(doubt.code, "warning", ended(doubt.line()), {"wells": doubt.wells})


def _row_notes(ledger: Ledger, *, level: str) -> Iterator[Note]:
    """What rows were taken for, which repeat others, and which could not be used."""
    if level != "well":
        text = f"Rows are {level}s: wells are their medians."
        yield Note("aggregated", "info", text, {"level": level})
    if repeated := sum(join.duplicates for join in ledger.joins):
        text = f"{counted(repeated, 'row')} repeat another exactly and count once."
        yield Note("rows-repeated", "warning", text, {"rows": repeated})
    for conflict in ledger.conflicts:
        if conflict.source == "distinct_plates":
            text = f"{conflict.examples[0]}: {conflict.consequence}."
            yield Note("alike-plates", "warning", text, {"wells": conflict.wells})
    for reason, count in Counter(item.reason for item in ledger.set_aside).items():
        yield Note("set-aside", "warning", f"{count} set aside: {reason}.", {"n": count})


def _treatment_notes(wells: pd.DataFrame, roles: dict[str, Any], *, asked: bool) -> Iterator[Note]:
    """Which column was taken for the treatment, and wells that it leaves blank."""
    if not asked and roles.get("compound"):
        dose = f" with its dose {roles['concentration']}" if roles.get("concentration") else ""
        text = (
            f"A treatment is {roles['compound']}{dose}, found by its name; name other columns with "
            f"{named('same_by')}."
        )
        yield Note("treatments-by-name", "info", text, {"column": roles["compound"]})
    if blank := int((wells[TREATMENT].isna() & ~wells[CONTROL]).sum()):
        text = f"{counted(blank, 'well')} without a treatment take part in no question about them."
        yield Note("wells-without-treatment", "warning", text, {"wells": blank})


def _control_notes(wells: pd.DataFrame, *, query: str | None, mask: bool) -> Iterator[Note]:
    """How many wells are controls, and who says so."""
    how = "by convention (DMSO, negcon)" if query is None else "by the query"
    if count := int(wells[CONTROL].sum()):
        text = f"{counted(count, 'control well')}, {'as marked' if mask else how}."
        yield Note("controls", "info", text, {"wells": count})


def _normalized_note(wells: pd.DataFrame) -> Note:
    centred = "each plate's controls or wells are centred on 0"
    why = centred if wells[CONTROL].any() else "no well is a control"
    text = (
        f"Taken as normalized already: {why}; normalized=False (--no-normalized) scales them on "
        "controls."
    )
    return Note("normalized-already", "info", text)
