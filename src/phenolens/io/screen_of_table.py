"""The ``[data]`` section that `init` would write for a single table of profiles."""

from __future__ import annotations

import pandas as pd

from phenolens.io.columns import key_text, place
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
        "given": (frame, given.features, list(given.notes)),
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
    if column_for(head, OBJECT):
        return "cell"
    where = [column_for(head, role) for role in (PLATE, WELL)]
    if None not in where and not head.duplicated(where).any():
        return "well"
    return "field" if column_for(head, SITE) else "cell"
