"""Each file of a study folder, defined once: columns, types, units, words, and order of rows.

Writers, the report, ``docs/schemas.md`` and the tests read these definitions.
"""

from __future__ import annotations

from phenolens.schema import cells, made, networks, representations, scores, screen, structure
from phenolens.schema.kinds import Column, Document, File, Key, Table
from phenolens.schema.offered import OFFERED
from phenolens.schema.representations import PROFILES, PROFILES_SEEN
from phenolens.schema.write import SchemaError, arrow_schema, conform, write

_OWN: tuple[File, ...] = (
    *scores.FILES,
    *representations.FILES,
    *structure.FILES,
    *networks.FILES,
    *cells.FILES,
    *screen.FILES,
    *made.FILES,
)


def files() -> tuple[File, ...]:
    """Every file, in the order of ``docs/schemas.md``; those that others offer come last."""
    return (*_OWN, *OFFERED.known().values())


def tables() -> dict[str, Table]:
    """Every table by its path without ending: ``activity``, ``consensus/<representation>``."""
    return {file.stem: file for file in files() if isinstance(file, Table)}


def definition(path: str) -> File | None:
    """The definition of a file, by its path below the study folder; None where there is none.

    Parameters
    ----------
    path : str
        With ``/`` between folders: ``consensus/cnn.parquet``.

    Returns
    -------
    File or None

    Examples
    --------
    >>> definition("consensus/cnn.parquet").title
    'the same of each representation'
    """
    return next((file for file in files() if file.pattern.fullmatch(path)), None)


__all__ = [
    "OFFERED",
    "PROFILES",
    "PROFILES_SEEN",
    "Column",
    "Document",
    "File",
    "Key",
    "SchemaError",
    "Table",
    "arrow_schema",
    "conform",
    "definition",
    "files",
    "tables",
    "write",
]
