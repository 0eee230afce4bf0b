"""A proposed layout as a table of wells and as plate maps, audited like a finished screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from phenolens.audit.audit import audit_design
from phenolens.errors import ConfigError, DesignError, InputError, named, shown
from phenolens.evaluate.layout.examine import Layout, examine_layout
from phenolens.findings import Finding
from phenolens.io.treatments import Treatments
from phenolens.plating.layout import CONTROL_WELLS, propose
from phenolens.plating.plan import Plan
from phenolens.profiles import COMPOUND, CONTROL, PLATE, PREFIX, TREATMENT, WELL, row_letters
from phenolens.settings import whole

TYPE, SET = f"{PREFIX}pert_type", f"{PREFIX}Set"
USUAL_CONTROL = "DMSO"
ATTEMPTS = 5
ABOUT_POSITION = ("layout-", "compared-", "controls-elsewhere")
# What a plate map cannot help: how often always giving one answer is right, cells not counted yet.
OF_OTHERS = ("majority-class", "cell-count-missing")


def control_wells(setting: str, given: Any, *, usual: int | None = None) -> dict[str, int]:
    """Controls with their wells on every plate.

    Parameters
    ----------
    setting : str
        What it is called in errors.
    given : int, str, sequence of str, mapping or None
        A number is of DMSO; text is ``NAME=WELLS``.
    usual : int, optional
        Wells of DMSO where nothing is given.

    Raises
    ------
    ConfigError
        If it is something else, or a name stands twice.
    """
    if given is None:
        return {} if usual is None else {USUAL_CONTROL: usual}
    if isinstance(given, Mapping):
        pairs = list(given.items())
    else:
        several = not isinstance(given, str) and isinstance(given, Sequence)
        pairs = [_pair(setting, one) for one in (given if several else [given])]
    names = [str(name).strip() for name, _ in pairs]
    if "" in names or len(set(names)) < len(names):
        raise ConfigError(f"{named(setting)}: each control has a name of its own; got {given!r}.")
    counts = [whole(setting, count, least=0) for _, count in pairs]
    return {name: count for name, count in zip(names, counts, strict=True) if count}


def _pair(setting: str, given: object) -> tuple[str, object]:
    text = str(given).strip()
    name, sign, count = text.rpartition("=")
    if not sign and text.isdecimal():
        name, sign = USUAL_CONTROL, "="
    if not sign or not count.strip().isdecimal() or isinstance(given, bool):
        raise ConfigError(
            f"{named(setting)} are written NAME=WELLS, as in DMSO=32; got {shown(given)}."
        )
    return name, int(count)


def require_apart(
    listed: Treatments, negative: Mapping[str, int], positive: Mapping[str, int]
) -> None:
    """Raise where a name is that of a treatment and of a control, or of controls of both kinds.

    Raises
    ------
    InputError
    """
    known = {str(name).lower() for name in (*listed.labels[COMPOUND], *listed.labels[TREATMENT])}
    for name in (*negative, *positive):
        if name.lower() in known:
            raise InputError(
                f"{name!r} is both a treatment and a control: take it out of the treatments, or "
                f"name it in {named('controls')} or {named('positives')} only."
            )
    both = {name.lower() for name in negative} & {name.lower() for name in positive}
    if both:
        raise InputError(f"{both.pop()!r} is both a negative and a positive control.")


def compound_codes(listed: Treatments) -> tuple[int, ...]:
    """Number of each treatment's compound."""
    return tuple(map(int, pd.factorize(listed.labels[COMPOUND])[0]))


def plate_names(plan: Plan, barcodes: Sequence[str] | None) -> list[str]:
    """Names of the plates in order.

    Raises
    ------
    DesignError
        If there are more or fewer barcodes than plates, one stands twice, or cannot name a file.
    """
    count = plan.sets * plan.plates_a_set
    if barcodes is None:
        digits = max(2, len(str(count)))
        return [f"P{k:0{digits}d}" for k in range(1, count + 1)]
    names = [str(name).strip() for name in ([barcodes] if isinstance(barcodes, str) else barcodes)]
    if len(names) != count or len(set(names)) < count:
        raise DesignError(
            f"{named('barcodes')}: {count} plates need as many different names; got "
            f"{len(set(names))}."
        )
    wrong = [name for name in names if not name or set(name) & set('/\\:*?"<>|\t\n')]
    if wrong:
        raise DesignError(f"{named('barcodes')}: {wrong[0]!r} cannot be the name of a file.")
    return names


def audited(
    *,
    plan: Plan,
    listed: Treatments,
    negative: Mapping[str, int],
    positive: Mapping[str, int],
    names: Sequence[str],
    seed: int,
) -> tuple[pd.DataFrame, list[Finding], Layout]:
    """The wells of a layout, and what an audit says against it; drawn anew where that can help.

    Returns
    -------
    table : DataFrame
        One row a well, by plate, row and column.
    findings : list of Finding
        All that is not in order.
    layout : Layout
        What was asked about positions.
    """
    held = [
        pd.DataFrame({TREATMENT: list(names_of), COMPOUND: list(names_of), TYPE: kind})
        for names_of, kind in ((negative, "negcon"), (positive, "poscon"))
    ]
    labels = listed.labels.assign(**{TYPE: "trt"})
    content = pd.concat([labels, *(part for part in held if len(part))], ignore_index=True)
    best: tuple[int, pd.DataFrame, list[Finding]] | None = None
    for attempt in range(ATTEMPTS):
        made = propose(plan, seed=seed, attempt=attempt)
        control = len(labels) + CONTROL_WELLS - made.content
        table = content.iloc[np.where(made.content < 0, control, made.content)]
        table = table.reset_index(drop=True)
        spots = zip(made.row.tolist(), made.column.tolist(), strict=True)
        table.insert(0, PLATE, np.asarray(names, dtype=object)[made.plate])
        table.insert(1, WELL, [f"{row_letters(row)}{column + 1:02d}" for row, column in spots])
        table.insert(table.columns.get_loc(TYPE), CONTROL, table[TYPE] == "negcon")
        table[SET] = made.group + 1
        findings = [
            finding
            for finding in audit_design(table)
            if finding.code not in OF_OTHERS and finding.severity != "ok"
        ]
        against = sum(finding.code.startswith(ABOUT_POSITION) for finding in findings)
        if best is None or against < best[0]:
            best = against, table, findings
        if not against:
            break
    assert best is not None  # ATTEMPTS is at least 1
    _, table, findings = best
    return table, findings, examine_layout(table)


def plate_maps(
    table: pd.DataFrame,
    listed: Treatments,
    negative: Mapping[str, int],
    positive: Mapping[str, int],
) -> dict[str, pd.DataFrame]:
    """By plate, ``well_position``, the columns of the list of treatments, and ``pert_type``.

    A control stands in the column that names the compound, and has no other value.
    """
    described = listed.described.astype(object)
    column = listed.named_in
    if column not in described:
        column = f"source_{column}"
    blank = pd.DataFrame({column: [*negative, *positive]}).reindex(columns=described.columns)
    rows = pd.concat([described, blank.astype(object)], ignore_index=True)
    known = [*listed.labels[TREATMENT], *negative, *positive]
    place = pd.Index(known).get_indexer(table[TREATMENT])
    content = rows.iloc[place].reset_index(drop=True)
    content.insert(0, "well_position", table[WELL].to_numpy())
    content["pert_type"] = table[TYPE].to_numpy()
    plates = table[PLATE].to_numpy()
    return {name: content[plates == name] for name in dict.fromkeys(plates)}
