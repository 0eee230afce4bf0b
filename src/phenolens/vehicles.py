"""Names of wells that were treated with nothing: one list for the study and for every command."""

from __future__ import annotations

import re
from collections.abc import Iterable

DMSO, UNTREATED, MOCK, VEHICLE, NEGATIVE, GUIDE = (
    "DMSO", "untreated", "mock", "vehicle", "negative control", "non-targeting",
)  # fmt: skip
NAMES = (DMSO, UNTREATED, "negcon", VEHICLE, MOCK)
_SHARE = r"(?P<share{0}>\d+(?:[.,]\d+)?) ?%?(?: ?\(?v/v\)?)?"
_SPELLINGS = {
    DMSO: rf"(?:{_SHARE.format(1)} ?)?(?:dmso|dimethyl ?sul(?:f|ph)oxide)"
    rf"(?: ?\(?{_SHARE.format(2)}\)?)?(?: (?:control|ctrl|vehicle|solvent|only))?"
    r"|vehicle \(?dmso\)?",
    VEHICLE: r"vehicle(?: (?:control|ctrl|only))?",
    MOCK: r"mock(?: (?:treated|treatment|control|ctrl|transfected|infected))?",
    UNTREATED: r"(?:un|non|not) ?treated(?: (?:control|ctrl|cells))?|no treatment",
    GUIDE: r"non ?target(?:ing|ed)?(?: (?:control|ctrl|guide|sgrna|grna|sirna|shrna)s?)?(?: \d+)?"
    r"|(?:si)?ntc(?: \d+)?|scrambled?(?: (?:control|ctrl|sirna|shrna))?",
    NEGATIVE: r"neg(?:ative)? ?(?:control|ctrl|con)s?",
}
_PATTERNS = {name: re.compile(spelled) for name, spelled in _SPELLINGS.items()}


def vehicle_name(name: object) -> str:
    """The one name under which a vehicle or an untreated well is known; '' for a treatment.

    Case, spaces, dashes and a share of the solvent play no part.

    Examples
    --------
    >>> [vehicle_name(name) for name in ("dmso", "DMSO 0.1%", "Vehicle control", "Mock", "taxol")]
    ['DMSO', 'DMSO', 'vehicle', 'mock', '']
    """
    text = _plain(name)
    return next((known for known, spelled in _PATTERNS.items() if spelled.fullmatch(text)), "")


def vehicle_names(names: Iterable[object]) -> dict[object, str]:
    """Each vehicle among the names, with the name it is known by.

    DMSO at several shares (0.1 % and 5 %) is a series, of which nobody knows which is the vehicle:
    such names stay as they are, and are left out.
    """
    given = list(dict.fromkeys(names))
    found = {name: known for name in given if (known := vehicle_name(name))}
    shares = {name: _share(name) for name, known in found.items() if known == DMSO}
    if len(set(shares.values()) - {None}) > 1:
        return {name: known for name, known in found.items() if shares.get(name) is None}
    return found


def _plain(name: object) -> str:
    return re.sub(r"[\s_\-]+", " ", str(name).strip().lower())


def _share(name: object) -> float | None:
    match = _PATTERNS[DMSO].fullmatch(_plain(name))
    found = match and (match["share1"] or match["share2"])
    return float(found.replace(",", ".")) if found else None
