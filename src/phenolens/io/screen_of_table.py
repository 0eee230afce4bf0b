"""The ``[data]`` section that `init` would write for a single table of profiles."""

from __future__ import annotations

import pandas as pd

from phenolens.io.columns import key_text, place, same_name
from phenolens.io.discovery import DEFAULTS
from phenolens.io.given import Given
from phenolens.io.roles import named_roles
from phenolens.io.survey import column_for
from phenolens.profiles import OBJECT, PLATE, SITE, WELL


def data_section(
    given: Given, frame: pd.DataFrame, *, controls: str | None, normalized: bool | None
) -> tuple[dict, str]:
    """Settings under which a table alone is a screen, and what its rows are.

    Parameters
    ----------
    given : Given
    frame : DataFrame
        The table, with a column ``Metadata_Control`` where controls were given as a mask.
    controls : str or None
        A query, or None for the conventions of the field.
    normalized : bool or None
        None lets the values tell.

    Returns
    -------
    section : dict
        As plain values, for :func:`phenolens.io.integrate.integrate`.
    level : {"well", "field", "cell"}
    """
    names = [name for name in frame.columns if name not in set(given.features)]
    plates = place(frame, None, PLATE, source=given.name)
    known = () if plates is None else key_text(plates)
    roles, modality = named_roles(names, known)
    level = level_of(frame[names])
    block = {
        "name": given.name,
        "files": given.name,
        "given": (frame, given.features, [*given.found.lines(), *given.notes]),
        "level": level,
        "normalized": "auto" if normalized is None else normalized,
        "prefix": None,
    }
    section = {
        "modality": modality,
        "controls": controls,
        "positive_controls": None,
        "exclude": None,
        "columns": DEFAULTS["columns"] | roles,
        "images": None,
        "profiles": [block],
        "tables": [],
    }
    return section, level


def level_of(head: pd.DataFrame) -> str:
    """What a row of a table is: a well, a field or a cell."""
    if numbers_objects(head):
        return "cell"
    wells = _wells(head)
    if wells is not None and not wells.duplicated().any():
        return "well"
    return "field" if column_for(head, SITE) else "cell"


def numbers_objects(head: pd.DataFrame) -> bool:
    """Whether a column tells the objects of a well apart; a cell line in ``cell_id`` does not."""
    column, wells = column_for(head, OBJECT), _wells(head)
    if column is None:
        return False
    numbers = pd.to_numeric(head[column], errors="coerce")
    whole = bool((numbers == numbers.round()).all())
    if wells is None or not wells.duplicated().any():
        return whole and same_name(column) == same_name(OBJECT)
    names = pd.Series(key_text(head[column]), index=wells.index)
    if not whole:
        return not pd.concat([wells, names], axis=1).duplicated().any()
    return bool((names.groupby(wells).nunique() > 1).any())


def _wells(head: pd.DataFrame) -> pd.Series | None:
    """What tells the rows' wells apart; None where plate or well is not named."""
    places = [place(head, None, role, source="") for role in (PLATE, WELL)]
    if any(values is None for values in places):
        return None
    plate, well = map(key_text, places)
    return pd.Series([f"{p}/{w}" for p, w in zip(plate, well, strict=True)])
