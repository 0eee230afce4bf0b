"""What was done to each well: compound, dose, mechanism, and which wells are controls."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.io.columns import BLANK_SAMPLE, clean, has, is_blank, key_text, pick
from phenolens.io.doses import read_doses
from phenolens.io.join import Source
from phenolens.io.ledger import Conflict
from phenolens.profiles import (
    BATCH,
    CELL_COUNT,
    COMPOUND,
    CONCENTRATION,
    CONTROL,
    MECHANISM,
    PLATE,
    TREATMENT,
    WELL,
)
from phenolens.query import evaluate_query, values_asked
from phenolens.vehicles import DMSO, NEGATIVE, UNTREATED, vehicle_name, vehicle_names

TARGET = "Metadata_Target"
POSITIVE = "Metadata_PositiveControl"
CANONICAL = (
    PLATE, WELL, BATCH, TREATMENT, COMPOUND, CONCENTRATION, MECHANISM, TARGET, CONTROL, POSITIVE,
)  # fmt: skip
TYPES = ("pert_type", "control_type", "well_type", "sample_type", "type")
NEGATIVE_TYPES = frozenset({"neg", "negative", "neg_ctrl", "nc"})
VEHICLE = {"compound": DMSO, "genetic": UNTREATED}
UNREAD = "no number, so the dose is left empty"
IMPLAUSIBLE = (
    "taken as it is, in micromolar, though 10 mM or more (or less than 0) is hardly a dose: a "
    "stock concentration, or another unit?"
)
IDENTIFIERS = ("broad_sample", "JCP2022", "pert_id")
NEGATIVE_IDS = frozenset({"jcp2022_033924", "jcp2022_800001"})


def label_wells(
    wells: pd.DataFrame, columns: Mapping[str, Any], *, modality: str, source: Source
) -> pd.DataFrame:
    """Add the canonical label columns (all but the control flags).

    A blank ``broad_sample`` is DMSO in compound screens and ``untreated`` in genetic ones; a
    compound without annotation goes by its identifier. Both are counted.
    """
    out = wells.copy()
    out[BATCH] = _text(wells, columns["batch"], BATCH)
    out[COMPOUND] = _compound(wells, columns["compound"], modality=modality, source=source)
    out[CONCENTRATION] = _concentration(out, columns["concentration"], source=source)
    out[MECHANISM] = _text(wells, columns["mechanism"], MECHANISM)
    out[TARGET] = _text(wells, columns["target"], TARGET)
    out[TREATMENT] = treatment_names(out[COMPOUND], out[CONCENTRATION])
    if columns["cell_count"] is not None:
        counts = pick(wells, str(columns["cell_count"]), source="the joined wells")
        out[CELL_COUNT] = pd.to_numeric(counts, errors="coerce").astype(float)
    return out.drop(columns=BLANK_SAMPLE, errors="ignore")


def _values(wells: pd.DataFrame, spec: object, canonical: str) -> pd.Series | None:
    if spec is not None:
        return pick(wells, str(spec), source="the joined wells")
    return wells.get(canonical)


def _text(wells: pd.DataFrame, spec: object, canonical: str) -> pd.Series:
    values = _values(wells, spec, canonical)
    if values is None:
        return pd.Series([None] * len(wells), index=wells.index, dtype=object)
    text = [None if value == "" else value for value in key_text(clean(values))]
    return pd.Series(text, index=wells.index, dtype=object)


def _compound(wells: pd.DataFrame, spec: object, *, modality: str, source: Source) -> pd.Series:
    compound = _text(wells, spec, COMPOUND)
    vehicle = VEHICLE[modality]
    known = vehicle_names(compound.dropna())
    compound = compound.map(lambda value: known.get(value, value))
    blank = _blank_sample(wells) & compound.isna()
    compound = compound.where(~blank, vehicle)
    if blank.any():
        source.ledger.counts[f"wells_with_blank_sample_taken_as_{vehicle}"] = int(blank.sum())
    named = _fall_back(compound, wells, source=source)
    _note_spellings(named, source=source)
    return named


def _note_spellings(compound: pd.Series, *, source: Source) -> None:
    """Doubt names that differ in case, spaces or dashes only: one compound, or two."""
    names = pd.Series(sorted(set(compound.dropna())), dtype=object)
    alike = names.groupby(names.map(_spelling)).agg(list)
    pairs = [group for group in alike if len(group) > 1]
    if pairs:
        wells = int(compound.isin([name for group in pairs for name in group]).sum())
        examples = [" and ".join(map(repr, group)) for group in pairs[:3]]
        source.ledger.conflicts.append(
            Conflict(
                COMPOUND, source.name or "labels", wells, tuple(examples),
                "names alike but for case, spaces or dashes are kept apart; spell them as one "
                "where they are one compound",
                code="compound-spellings",
            )
        )  # fmt: skip


def _spelling(name: str) -> str:
    """What is left of a name without case, spaces and dashes; between digits these do count."""
    plain = unicodedata.normalize("NFKC", str(name)).casefold()
    return re.sub(r"[\s_\-‐‑–—]+", "", re.sub(r"(?<=\d)[\s_\-‐‑–—]+(?=\d)", "/", plain))


def _blank_sample(wells: pd.DataFrame) -> pd.Series:
    if BLANK_SAMPLE not in wells:
        return pd.Series(False, index=wells.index)
    empty = _matches(wells, "pert_type", "empty")
    return wells[BLANK_SAMPLE].map(lambda value: value is True or value is np.True_) & ~empty


def _fall_back(compound: pd.Series, wells: pd.DataFrame, *, source: Source) -> pd.Series:
    name = next((found for found in (has(wells, n) for n in IDENTIFIERS) if found), None)
    if name is None:
        return compound
    lost = compound.isna() & ~wells[name].map(is_blank)
    if lost.any():
        source.ledger.counts[f"wells_named_by_{name}_because_unannotated"] = int(lost.sum())
    return compound.where(~lost, wells[name])


def _concentration(wells: pd.DataFrame, spec: object, *, source: Source) -> pd.Series:
    """Doses in micromolar; those that cannot be read, or hardly be meant, are doubted."""
    values = _values(wells, spec, CONCENTRATION)
    if values is None:
        return pd.Series(np.nan, index=wells.index)
    doses = read_doses(values)
    if doses.mass:
        example = str(values[doses.with_unit].iloc[0])
        source.ledger.conflicts.append(
            Conflict(
                CONCENTRATION, str(values.name), int(doses.with_unit.sum()), (repr(example),),
                f"{doses.mass} is no molar unit: these doses are numbers in {doses.mass}, not in "
                "micromolar as others are",
                code="doses-not-molar",
            )
        )  # fmt: skip
    elif doses.with_unit.any():
        source.ledger.counts["doses_read_with_their_units"] = int(doses.with_unit.sum())
    treated = ~wells[COMPOUND].isin(vehicle_names(wells[COMPOUND].dropna())).to_numpy(bool)
    for rows, what, code in (
        (doses.unread, UNREAD, "doses-not-read"),
        (doses.implausible() & treated, IMPLAUSIBLE, "doses-implausible"),
    ):
        if not rows.any():
            continue
        first = np.flatnonzero(rows)[:3]
        places = [f"{wells[PLATE].iloc[r]}/{wells[WELL].iloc[r]}" for r in first]
        said = [v if isinstance(v, str) else float(v) for v in values.iloc[first]]
        examples = [f"{p}: {v!r}" for p, v in zip(places, said, strict=True)]
        source.ledger.conflicts.append(
            Conflict(
                CONCENTRATION, str(values.name), int(rows.sum()), tuple(examples), what, code=code
            )
        )
    return doses.values


def treatment_names(compound: pd.Series, concentration: pd.Series) -> pd.Series:
    """Compound, with ``@dose`` where the compound occurs at more than one dose."""
    doses = concentration.groupby(compound).nunique()
    several = compound.map(doses).fillna(0).to_numpy() > 1
    named = several & concentration.notna().to_numpy()
    return pd.Series(
        [
            f"{name}@{dose:g}" if with_dose else name
            for name, dose, with_dose in zip(compound, concentration, named, strict=True)
        ],
        index=compound.index,
        dtype=object,
    )


def mark_controls(
    wells: pd.DataFrame,
    *,
    controls: str | None,
    positive_controls: str | None,
    source: Source,
    spelled: str = "[data] controls",
) -> pd.DataFrame:
    """Add ``Metadata_Control`` and ``Metadata_PositiveControl``; controls have no mechanism.

    Without a query the field's conventions decide: a column ``control``, ``pert_type`` or
    ``control_type`` that says ``negcon`` (``poscon...``), a compound that is a vehicle
    (:func:`phenolens.vehicles.vehicle_name`): DMSO, vehicle, mock, untreated.
    ``spelled`` is what errors call the query `controls`.
    """
    negative = _by_query(wells, controls, spelled) if controls else conventional_controls(wells)
    negative = negative & wells[COMPOUND].notna() if controls is None else negative
    positive = (
        _by_query(wells, positive_controls, "[data] positive_controls")
        if positive_controls
        else _positive(wells)
    )
    out = wells.assign(**{CONTROL: np.asarray(negative), POSITIVE: np.asarray(positive)})
    out[POSITIVE] &= ~out[CONTROL]
    out[MECHANISM] = out[MECHANISM].where(~out[CONTROL], None)
    if controls:
        _note_passed_by(out, spelled, source=source)
    source.ledger.counts["control_wells"] = int(out[CONTROL].sum())
    source.ledger.counts["positive_control_wells"] = int(out[POSITIVE].sum())
    return out


def _note_passed_by(wells: pd.DataFrame, spelled: str, *, source: Source) -> None:
    """Doubt wells of a vehicle that the query for controls left out while it took others."""
    taken = set(wells.loc[wells[CONTROL], COMPOUND]) & set(vehicle_names(wells[COMPOUND].dropna()))
    left = wells[wells[COMPOUND].isin(taken) & ~wells[CONTROL] & ~wells[POSITIVE]]
    if not len(left):
        return
    places = zip(left[PLATE].head(3), left[WELL].head(3), left[COMPOUND].head(3), strict=True)
    examples = tuple(f"{plate}/{well}: {name!r}" for plate, well, name in places)
    source.ledger.conflicts.append(
        Conflict(
            CONTROL, spelled, len(left), examples,
            "the query leaves them out, so they count as a treatment: are they controls too?",
            code="vehicle-not-control",
        )
    )  # fmt: skip


def conventional_controls(wells: pd.DataFrame) -> pd.Series:
    """Rows that are negative controls by the field's conventions; see :func:`mark_controls`."""
    if CONTROL in wells:
        return _as_bool(wells[CONTROL])
    by_type = pd.Series(False, index=wells.index)
    for column in filter(None, (has(wells, name) for name in TYPES)):
        by_type |= wells[column].map(_is_negative)
    flag = has(wells, "control")
    if flag:
        by_type |= _as_bool(wells[flag]) | _matches(wells, flag, "negcon")
    vehicles = vehicle_names(wells[COMPOUND].dropna())
    by_name = wells[COMPOUND].map(lambda value: value in vehicles)
    by_id = wells[COMPOUND].map(lambda value: str(value).lower() in NEGATIVE_IDS)
    jcp = has(wells, "JCP2022")
    if jcp:
        by_id |= wells[jcp].map(lambda value: str(value).lower() in NEGATIVE_IDS)
    return by_type | by_name | by_id


def _is_negative(value: object) -> bool:
    """Whether a well's type is that of a negative control: ``negcon``, ``Negative control``."""
    text = str(value).strip().lower()
    return text.startswith("negcon") or text in NEGATIVE_TYPES or vehicle_name(text) == NEGATIVE


def _positive(wells: pd.DataFrame) -> pd.Series:
    if POSITIVE in wells:
        return _as_bool(wells[POSITIVE])
    return _matches(wells, "pert_type", "poscon") | _matches(wells, "control_type", "poscon")


def _as_bool(values: pd.Series) -> pd.Series:
    return values.map(lambda value: str(value).strip().lower() in {"true", "1", "1.0", "yes"})


def _matches(wells: pd.DataFrame, name: str, word: str) -> pd.Series:
    column = has(wells, name)
    if column is None:
        return pd.Series(False, index=wells.index)
    return wells[column].map(lambda value: str(value).strip().lower().startswith(word))


def _by_query(wells: pd.DataFrame, query: str, setting: str) -> np.ndarray:
    """Rows a query is true for.

    Raises
    ------
    InputError
        If it cannot be evaluated, names an unknown column, or is true nowhere.
    """
    flags = evaluate_query(wells, query, setting)
    if not flags.any():
        held = values_asked(wells, query)
        raise InputError(f"{setting} = {query!r} matches none of {len(wells)} wells{held}.")
    return flags


def select_excluded(wells: pd.DataFrame, query: str) -> np.ndarray:
    """Mask of the wells that ``exclude`` names; a query that names none is refused."""
    return _by_query(wells, query, "[data] exclude")
