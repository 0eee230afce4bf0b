"""From whatever a person hands in to the wells of a screen, as a study of it would see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError, named, shown
from phenolens.findings import Finding, Severity
from phenolens.io.copies import ask_about_copies
from phenolens.io.discovery.screen_of_table import data_section
from phenolens.io.features import STRANGE, Features, kind_of_features
from phenolens.io.given import open_table
from phenolens.io.integrate import integrate
from phenolens.io.ledger import Ledger
from phenolens.io.measurements import require_plates
from phenolens.profiles import CELL_COUNT, CONTROL, PLATE, TREATMENT, WELL_KEY
from phenolens.settings import Settings, yes_or_no
from phenolens.tools.columns import find_column, names_given
from phenolens.tools.design import make_design
from phenolens.tools.files import read_study_profiles
from phenolens.tools.representation import Profiles
from phenolens.tools.training import Told, given_block, told_by

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
    trained_on: str | Sequence[str] | None = None,
    labels_seen: str | Sequence[str] | None = None,
    licence: str | None = None,
    url: str | None = None,
    seed: int | None = None,
) -> Profiles:
    """Read profiles as a study of them would: wells, treatments, controls, roles and folds.

    Parameters
    ----------
    data : path, list of paths, DataFrame, AnnData or Profiles
        Parquet, CSV (also gzipped), Excel, h5ad or CellProfiler's own tables; globs are expanded
        and several files stacked. A DataFrame has its metadata in columns or in the row index. A
        file under ``profiles/`` of a finished study brings its roles, folds and settings along.
        Rows that are cells or fields become wells by their median.
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
    trained_on : str or list of str, optional
        Wells of this screen that the features learned from: plates, ``plate/well``, or a query; or
        ``"nothing"``, ``"other data"``, ``"unknown"``. By default unknown, and said beside every
        number, but for what CellProfiler and the like measured. What learned from a well is not
        scored on it.
    labels_seen : str or list of str, optional
        Treatments or compounds whose labels they learned from; or ``"all"``, ``"none"``,
        ``"unknown"``. By default none where `trained_on` is nothing or other data.
    licence, url : str, optional
        Of what made the features, and where it is described; kept with the profiles.
    seed : int, optional
        All randomness derives from it; that of the study's file, else 0.

    Returns
    -------
    Profiles
        Its ``findings`` say what was assumed and what was left out.

    Raises
    ------
    InputError
        If the data cannot be used as they are, or a column is not there; if plates or wells look
        like others measured again, and nobody said what they are.
    ConfigError
        If a setting has a value it cannot have.
    LeakError
        If the features learned the labels of every treated well.

    Examples
    --------
    >>> import phenolens as pl
    >>> screen, truth = pl.simulate_profiles(seed=3)
    >>> wells = pl.read(screen, same_by="Metadata_Treatment")
    >>> wells
    Profiles('profiles': 224 wells, 200 features, measured)
    >>> print(wells.findings[-1])
    64 control wells, by convention (DMSO, negcon).
    """
    if not isinstance(measurement, str | None):
        what = named("measurement")
        raise InputError(f"{what} is a query or 'average'; got {shown(measurement)}.")
    own: dict[str, Any] = {
        "same_by": same_by, "controls": controls, "features": features, "layer": layer,
        "obsm": obsm, "normalized": normalized, "same_plate": same_plate,
        "distinct_plates": distinct_plates, "measurement": measurement,
        "trained_on": trained_on, "labels_seen": labels_seen, "licence": licence, "url": url,
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
    trained_on: str | Sequence[str] | None,
    labels_seen: str | Sequence[str] | None,
    licence: str | None,
    url: str | None,
    settings: Settings,
) -> Profiles:
    """Profiles of a table that no study wrote."""
    if normalized is not None:
        normalized = yes_or_no("normalized", normalized)
    given = open_table(data, features=features, layer=layer, obsm=obsm)
    # What was read from files is nobody else's: what changes columns need not copy the others.
    lazily = given.kind == "file" or bool(pd.options.mode.copy_on_write)
    with pd.option_context("mode.copy_on_write", lazily):
        marked, query = _marked(given.frame, controls)
        section, level = data_section(
            given, marked, controls=query, normalized=normalized, measurement=measurement,
            same_plate=same_plate,
        )  # fmt: skip
        joined = integrate(section, Path.cwd())
        (held,) = joined.profiles.values()
    roles = section["columns"]
    given = replace(given, frame=given.frame[[]])
    del marked, section  # each is the whole table
    wells, rows = joined.wells, held.table
    named_by = [roles.get(role) for role in ("compound", "concentration")]
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
    require_plates([distinct], sorted(set(wells[PLATE])), spelled=named("distinct_plates"))
    ask_about_copies(
        wells, {given.name: rows}, distinct=distinct, ledger=joined.ledger, of_table=True
    )
    told = Told(trained_on, labels_seen, licence or "", url or "", spelled=named)
    told = told_by(given.card, told, source=repr(given.name), wells=wells)
    kind = given.card["kind"] if given.card else kind_of_features(rows.columns)
    block = given_block(
        given.name, rows, told=told, kind=kind,
        normalized=held.normalized, wells=wells,
    )  # fmt: skip
    findings = [
        _wells_read(rows, wells, joined.ledger),
        *_features(given.found),
        *_rows(joined.ledger, level=level),
        *_treatments(wells, roles, asked=same_by is not None),
        *_controls(wells, query=query, mask=controls is not None and query is None),
        *_doubts(joined.ledger),
    ]
    if held.normalized and normalized is None:
        findings.append(
            Finding("normalized-already", "info", {}, {"centred": bool(wells[CONTROL].any())})
        )
    known = tuple(name for name in named_by if name in rows.index.names)
    design = make_design(wells, settings)
    return Profiles(block, design, settings, findings=tuple(findings), named_by=known)


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
    text = wells[names].astype("string").fillna("").agg("|".join, axis=1)
    text = text.where(~wells[names].isna().any(axis=1))
    text = text.mask(wells[CONTROL] & text.isna(), "control").astype(object)
    text = text.where(text.notna(), None)
    wells = wells.assign(**{TREATMENT: text})
    place = profiles.keys(wells, WELL_KEY).get_indexer(
        profiles.keys(profiles.metadata(rows), WELL_KEY)
    )
    return wells, profiles.with_metadata(rows, {TREATMENT: text.to_numpy()[place]})


def _wells_read(rows: pd.DataFrame, wells: pd.DataFrame, ledger: Ledger) -> Finding:
    values = {"wells": len(rows), "plates": int(wells[PLATE].nunique()), "features": rows.shape[1]}
    how = [join.note for join in ledger.joins if join.note]
    return Finding("wells-read", "info", {}, values | {"how": how})


def _features(found: Features) -> Iterator[Finding]:
    """The features by family, and the numeric columns that are none."""
    families = {family.name: len(family.columns) for family in found.families}
    values = {"features": len(found.names), "families": families}
    described = [str(family) for family in found.families]
    yield Finding("features", "info", {}, values | {"described": described})
    if found.unused:
        # what may have been measured is doubtful; a column called dose is not
        severity: Severity = "warning" if STRANGE in found.unused else "info"
        yield Finding("columns-not-used", severity, {}, found.unused_values())


def _doubts(ledger: Ledger) -> Iterator[Finding]:
    """Doses that came with units, and what sources disagree on or is hardly so."""
    if units := ledger.counts.get("doses_read_with_their_units"):
        yield Finding("doses-with-units", "info", {}, {"wells": units})
    yield from (doubt.finding() for doubt in ledger.conflicts)


def _rows(ledger: Ledger, *, level: str) -> Iterator[Finding]:
    """What rows were taken for, which repeat others, and which could not be used."""
    if level != "well":
        yield Finding("aggregated", "info", {}, {"level": level})
    if repeated := sum(join.duplicates for join in ledger.joins):
        yield Finding("rows-repeated", "warning", {}, {"rows": repeated})
    for conflict in ledger.conflicts:
        if conflict.code == "plates-kept-apart":
            values = {"example": conflict.examples[0], "consequence": conflict.consequence}
            yield Finding("alike-plates", "warning", {}, values | {"wells": conflict.wells})
    counts = Counter(str(item.why.named()) for item in ledger.set_aside)
    whys = {str(item.why.named()): item.why for item in ledger.set_aside}
    for why, count in counts.items():
        yield Finding("set-aside", "warning", {}, {"n": count, "why": whys[why].data()})


def _treatments(wells: pd.DataFrame, roles: dict[str, Any], *, asked: bool) -> Iterator[Finding]:
    """Which column was taken for the treatment, and wells that it leaves blank."""
    if not asked and roles.get("compound"):
        values = {"column": roles["compound"], "concentration": roles.get("concentration")}
        yield Finding("treatments-by-name", "info", {}, values)
    if blank := int((wells[TREATMENT].isna() & ~wells[CONTROL]).sum()):
        yield Finding("wells-without-treatment", "warning", {}, {"wells": blank})


def _controls(wells: pd.DataFrame, *, query: str | None, mask: bool) -> Iterator[Finding]:
    """How many wells are controls, and who says so."""
    found = "mask" if mask else "convention" if query is None else "query"
    if count := int(wells[CONTROL].sum()):
        yield Finding("controls", "info", {}, {"wells": count, "found": found})
