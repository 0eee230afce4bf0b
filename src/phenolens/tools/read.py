"""From whatever a person hands in to the wells of a screen, as a study of it would see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import InputError
from phenolens.io.features import STRANGE, Features
from phenolens.io.given import Given, open_table
from phenolens.io.integrate import integrate
from phenolens.io.ledger import Ledger
from phenolens.io.screen_of_table import data_section
from phenolens.profiles import CELL_COUNT, CONTROL, PLATE, TREATMENT, WELL_KEY
from phenolens.represent.base import ALL, Card
from phenolens.settings import Settings
from phenolens.tools.block import Block
from phenolens.tools.design import make_design
from phenolens.tools.files import read_study_profiles
from phenolens.tools.representation import Profiles, known_column
from phenolens.tools.result import Note

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
    seed : int, optional
        All randomness derives from it; that of the study's file, else 0.

    Returns
    -------
    Profiles
        Its ``notes`` say what was assumed and what was left out.

    Raises
    ------
    InputError
        If the data cannot be used as they are, or a column is not there.

    Examples
    --------
    >>> import phenolens as pl
    >>> table = pl.simulate_profiles(seed=0)
    >>> pl.read(table, same_by="Metadata_Treatment")
    Profiles('profiles': 384 wells, 60 features, measured)
    """
    own = {
        "same_by": same_by, "controls": controls, "features": features, "layer": layer,
        "obsm": obsm, "normalized": normalized,
    }  # fmt: skip
    asked = [name for name, value in own.items() if value is not None]
    if isinstance(data, Profiles):
        if asked:
            raise InputError(f"These profiles are read already: {asked[0]} goes to phenolens.read.")
        return data.with_settings(seed=seed)
    alone = data[0] if isinstance(data, list | tuple) and len(data) == 1 else data
    if not asked and (found := read_study_profiles(alone)) is not None:
        return found.with_settings(seed=seed)
    return _fresh(data, **own, seed=seed or 0)


def _fresh(
    data: object,
    *,
    same_by: str | Sequence[str] | None,
    controls: str | Sequence[bool] | None,
    features: str | Sequence[str] | None,
    layer: str | None,
    obsm: str | None,
    normalized: bool | None,
    seed: int,
) -> Profiles:
    given = open_table(data, features=features, layer=layer, obsm=obsm)
    marked, query = _marked(given.frame, controls)
    section, level = data_section(given, marked, controls=query, normalized=normalized)
    joined = integrate(section, Path.cwd())
    (held,) = joined.profiles.values()
    wells, rows = _relabelled(joined.wells, held.table, same_by)
    rows = to_wells(rows) if held.level != "well" else rows
    settings = Settings(seed=seed)
    card = Card(
        given.name, "well", (), preprocessing={"given": True, "normalized": held.normalized}
    )
    block = Block(given.name, {ALL: rows}, {ALL: card}, calibrated=held.normalized)
    return Profiles(
        block,
        make_design(wells, settings),
        settings,
        notes=tuple(
            _notes(
                wells,
                rows,
                joined.ledger,
                given=given,
                section=section,
                level=level,
                same_by=as_list(same_by),
                told=(normalized is not None, held.normalized),
            )
        ),
    )


def as_list(names: str | Sequence[str] | None) -> list[str]:
    """Column names as a list; a single name and None are allowed."""
    if names is None:
        return []
    return [names] if isinstance(names, str) else list(names)


def _marked(
    frame: pd.DataFrame, controls: str | Sequence[bool] | None
) -> tuple[pd.DataFrame, str | None]:
    """The table with a mask of controls as its column, or the query to find them by."""
    if controls is None or isinstance(controls, str):
        return frame, controls
    mask = np.asarray(controls)
    if mask.dtype != bool or mask.shape != (len(frame),):
        raise InputError(
            f"controls is a query or one true or false a row ({len(frame)} rows); got "
            f"{mask.dtype} of shape {mask.shape}."
        )
    return pd.concat([frame.drop(columns=CONTROL, errors="ignore").assign(**{CONTROL: mask})]), None


def to_wells(rows: pd.DataFrame) -> pd.DataFrame:
    """Cells or fields as wells: medians, with the number of rows as the cell count."""
    wells = profiles.aggregate(rows, WELL_KEY)
    return profiles.with_metadata(wells, {CELL_COUNT: profiles.column(wells, "Metadata_Count")})


def _relabelled(
    wells: pd.DataFrame, rows: pd.DataFrame, same_by: str | Sequence[str] | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Wells and rows whose treatment is what the named columns say together."""
    if same_by is None:
        return wells, rows
    names = [known_column(wells, name) for name in as_list(same_by)]
    text = wells[names].astype("string").agg("|".join, axis=1)
    text = text.where(~wells[names].isna().any(axis=1))
    text = text.mask(wells[CONTROL] & text.isna(), "control").astype(object)
    text = text.where(text.notna(), None)
    wells = wells.assign(**{TREATMENT: text})
    place = profiles.keys(wells, WELL_KEY).get_indexer(
        profiles.keys(profiles.metadata(rows), WELL_KEY)
    )
    return wells, profiles.with_metadata(rows, {TREATMENT: text.to_numpy()[place]})


def _notes(
    wells: pd.DataFrame,
    rows: pd.DataFrame,
    ledger: Ledger,
    *,
    given: Given,
    section: dict,
    level: str,
    same_by: list[str],
    told: tuple[bool, bool],
) -> list[Note]:
    """What was assumed and what was left out, as findings."""
    notes = []
    said = "".join(f"; {note}" for note in given.notes)
    notes.append(
        Note(
            "wells-read",
            "info",
            f"{len(rows)} wells on {wells[PLATE].nunique()} plates{said}.",
            {"wells": len(rows), "plates": int(wells[PLATE].nunique()), "features": rows.shape[1]},
        )
    )
    notes += _feature_notes(given.found)
    if level != "well":
        notes.append(
            Note(
                "aggregated",
                "info",
                f"Rows are {level}s: wells are their medians.",
                {"level": level},
            )
        )
    roles = section["columns"]
    if not same_by and roles.get("compound"):
        dose = f" with its dose {roles['concentration']}" if roles.get("concentration") else ""
        notes.append(
            Note(
                "treatments-by-name",
                "info",
                f"A treatment is {roles['compound']}{dose}, found by its name; name others with "
                "same_by.",
                {"column": roles["compound"]},
            )
        )
    controls = int(wells[CONTROL].sum())
    how = "by the query" if section["controls"] else "by convention (DMSO, negcon)"
    if controls:
        notes.append(
            Note("controls", "info", f"{controls} control wells, {how}.", {"wells": controls})
        )
    blank = int((wells[TREATMENT].isna() & ~wells[CONTROL]).sum())
    if blank:
        text = f"{blank} wells have no treatment and take part in no question about treatments."
        notes.append(Note("wells-without-treatment", "warning", text, {"wells": blank}))
    if units := ledger.counts.get("doses_read_with_their_units"):
        text = f"{units} wells give their dose with a unit: all doses are in micromolar."
        notes.append(Note("doses-with-units", "info", text, {"wells": units}))
    for doubt in ledger.conflicts:
        text = f"{doubt.line()}."
        notes.append(Note(doubt.code, "warning", text, {"wells": doubt.wells}))
    for reason, count in Counter(item.reason for item in ledger.set_aside).items():
        notes.append(Note("set-aside", "warning", f"{count} set aside: {reason}.", {"n": count}))
    said, already = told
    if already and not said:
        why = (
            "each plate's controls or wells are centred on 0"
            if controls
            else "no well is a control"
        )
        text = f"Taken as normalized already: {why}. normalized=False scales them on controls."
        notes.append(Note("normalized-already", "info", text))
    return notes


def _feature_notes(found: Features) -> list[Note]:
    """The features by family, and the numeric columns that are none."""
    families = {family.name: len(family.columns) for family in found.families}
    values = {"features": len(found.names), "families": families}
    notes = [Note("features", "info", f"{found.used_line()}.", values)]
    if found.unused:
        counts = {why: len(names) for why, names in found.unused.items()}
        # what may have been measured is doubtful; a column called dose is not
        doubtful = "warning" if STRANGE in counts else "info"
        text = f"{found.unused_line()}."
        notes.append(Note("columns-not-used", doubtful, text[0].upper() + text[1:], counts))
    return notes
