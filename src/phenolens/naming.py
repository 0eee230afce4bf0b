"""Names of metadata columns: written in one way, and the likeliest one where nobody has a name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from phenolens.profiles import PREFIX


def normal_name(name: str) -> str:
    """The name of a metadata column: ``Image_Metadata_X`` and ``X`` are ``Metadata_X``."""
    name = str(name).strip().removeprefix("Image_") if "Metadata_" in str(name) else str(name)
    return name.strip() if name.startswith((PREFIX, "_")) else PREFIX + name.strip()


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about a name that nobody has: the likeliest one, or those there are.

    Examples
    --------
    >>> nearest("compund", ["Metadata_Plate", "Metadata_Compound"])
    "; did you mean 'Metadata_Compound'?"
    >>> nearest("moa", ["Metadata_Plate", "Metadata_Well"])
    '; it has Metadata_Plate, Metadata_Well.'
    """
    names = list(map(str, known))
    bare = {normal_name(n).removeprefix(PREFIX).lower(): n for n in reversed(names)}
    close = difflib.get_close_matches(normal_name(name).removeprefix(PREFIX).lower(), bare, n=1)
    if close:
        return f"; did you mean {bare[close[0]]!r}?"
    more = ", ..." if len(names) > 12 else "."
    return f"; it has {', '.join(names[:12]) or 'none'}{more}"
