"""What file names say, by a regular expression with named groups; and the likeliest one.

A pattern is looked for in the path below the folder, with ``/`` between its parts and without the
file's ending. Groups are called as in CellProfiler's Metadata module (``Plate``, ``Well`` or
``WellRow`` and ``WellColumn``, ``Site``, ``ChannelNumber``, ...), in any case.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from phenolens.errors import InputError, shown
from phenolens.expressions import Expression

GROUPS = {
    "plate": ("plate", "plateid", "platename", "barcode", "experimentname"),
    "well": ("well", "wellid", "wellname"),
    "row": ("row", "wellrow"),
    "column": ("column", "col", "wellcolumn", "wellcol"),
    "site": ("site", "field", "fieldid", "fov", "position", "fld"),
    "channel": ("channel", "channelnumber", "channelname", "channelid", "wavelength", "wave", "dye",
                "stain", "ch"),
    "plane": ("plane", "z", "slice", "stackslice", "zslice", "zindex"),
    "timepoint": ("timepoint", "time", "t", "frame", "cycle"),
}  # fmt: skip
"""What a name can say, and how the groups of a pattern may be called."""

_CALLED = {name: role for role, names in GROUPS.items() for name in names}


@dataclass(frozen=True)
class NameParts:
    """What the pattern finds in one path: text of each role that it names, and where it starts."""

    path: str
    roles: dict[str, str]
    start: int = 0


class NamePattern:
    """A regular expression whose groups say plate, well, site, channel, plane and time point.

    Parameters
    ----------
    text : str

    Attributes
    ----------
    unused : tuple of str
        Groups whose names mean none of these.

    Raises
    ------
    InputError
        If it is no regular expression, names no well, or one thing twice.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._expression = Expression(text)
        except InputError as error:
            raise InputError(f"[data.images] pattern: {error}") from None
        roles: dict[str, str] = {}
        unused = []
        for group in re.compile(text).groupindex:
            role = _CALLED.get(re.sub(r"[\W_]+", "", group).lower())
            if role is None:
                unused.append(group)
            elif role in roles:
                raise InputError(
                    f"[data.images] pattern names the {role} twice, as {roles[role]} and {group}."
                )
            else:
                roles[role] = group
        if "well" not in roles and not {"row", "column"} <= set(roles):
            named = ", ".join(re.compile(text).groupindex) or "none"
            raise InputError(
                f"[data.images] pattern = {shown(text)} has no group that names the well, such as "
                f"(?P<well>[A-P][0-9]{{2}}); its named groups: {named}."
            )
        self.unused = tuple(unused)
        self._roles = roles

    def read(self, texts: Sequence[str]) -> list[NameParts | None]:
        """What each path says; None where the pattern is not found.

        Parameters
        ----------
        texts : sequence of str
            Paths without the endings of files.

        Raises
        ------
        InputError
            If it takes longer than five seconds.
        """
        matches = self._expression.search(texts)
        return [
            None
            if match is None
            else NameParts(
                text, {r: match[group] or "" for r, group in self._roles.items()}, match.start()
            )
            for text, match in zip(texts, matches, strict=True)
        ]


def text_of(path: Path, folder: Path) -> str:
    """A file's path below a folder as patterns see it.

    Examples
    --------
    >>> text_of(Path("screen/P1/B02_DAPI.tif"), Path("screen"))
    'P1/B02_DAPI'
    """
    base = str(folder).rstrip("/") + "/"
    text = str(path)
    below = text[len(base) :] if text.startswith(base) else os.path.relpath(text, folder)
    return os.path.splitext(below)[0].removesuffix(".ome")  # noqa: PTH122


_WELL = re.compile(r"[A-Pa-p]\d{1,3}|[Aa][A-Fa-f]\d{2}")
_NUMBERED = re.compile(r"[cdf]\d{1,2}")
"""``c1`` is a channel and ``f01`` a field, in lower case, before it is a well."""
_SHAPE = re.compile(r"[A-Za-z]+|\d+")
_LETTERS = {
    "site": ("s", "f", "site", "field", "fov", "fld", "xy", "pos", "position"),
    "channel": ("w", "c", "ch", "wv", "d", "channel", "wave", "chan"),
    "plane": ("z", "slice", "plane"),
    "timepoint": ("t", "tp", "time", "timepoint"),
}
_BY_LETTERS = {letters: role for role, all_ in _LETTERS.items() for letters in all_}
WELL = "well"
MOST_CHANNELS = 12
_STAIN = re.compile(
    r"dapi|hoechst|dna|fitc|[gryc]fp|cy\d|alexa|tritc|texas|er|rna|agp|mito|actin|tubulin|bright"
    r"|phase|bf|phalloidin|wga|syto|con ?a|draq|(?:w|ch|channel)\d",
    re.IGNORECASE,
)
"""How names of stains begin, where folders are called after them."""


@dataclass
class _Part:
    """A piece of all names: what stands before its values, and the values themselves."""

    before: str
    values: list[str]
    role: str = ""

    @property
    def distinct(self) -> set[str]:
        return set(self.values)


def guess_pattern(texts: Sequence[str]) -> str | None:
    """A pattern for names that hold a well and vary in one part that looks like a channel.

    Parameters
    ----------
    texts : sequence of str
        Paths as :func:`text_of` gives them, of images of one kind.

    Returns
    -------
    str or None
        None where the names do not say it: no well in all of them, no channel or several parts
        that could be one, or another part whose meaning is open.

    Examples
    --------
    >>> guess_pattern([f"{w}_pos{s}_{c}" for w in ("B02", "B03") for s in "12" for c in ("a", "b")])
    '(?P<well>[A-Pa-p][0-9]{1,2})_pos(?P<site>[0-9]+)_(?P<channel>a|b)'
    """
    cut = (_parts(list(texts), between) for between in ("_/", "_/ .()-"))
    return next((found for parts in cut if parts and (found := _guessed(parts))), None)


def _guessed(parts: list[_Part]) -> str | None:
    """The pattern of names that are cut like this."""
    wells = [part for part in parts if _are_wells(part.values)]
    if not wells:
        return None
    well = max(wells, key=_like_wells)
    well.role = "well"
    _by_letters(parts, well)
    if not _settle(parts, well):
        return None
    roles = [part.role for part in parts if part.role]
    return _written(parts) if len(roles) == len(set(roles)) and "channel" in roles else None


def _are_wells(values: Sequence[str]) -> bool:
    named = all(map(_WELL.fullmatch, values))
    return named and not all(map(_NUMBERED.fullmatch, values))


def _by_letters(parts: list[_Part], well: _Part) -> None:
    """Numbers are what the letters before them say: where they vary, then behind the well."""
    varying = [part for part in parts if part.role == "" and len(part.distinct) > 1]
    behind = parts[next(n for n, part in enumerate(parts) if part is well) :]
    for part in (*varying, *(part for part in behind if len(part.distinct) == 1)):
        letters = re.search(r"[A-Za-z]*$", part.before)
        role = _BY_LETTERS.get(letters[0].lower() if letters else "", "")
        taken = len(part.distinct) == 1 and role in {other.role for other in parts}
        if role and not part.role and not taken and all(map(str.isdigit, part.values)):
            part.role = role


def _like_wells(part: _Part) -> tuple[bool, bool, int]:
    """Wells rather than channels ``c1``, ``c2``: of several rows, two digits, many."""
    rows = {value[0] for value in part.values}
    return len(rows) > 1, all(len(value) > 2 for value in part.values), len(part.distinct)


def _parts(texts: list[str], between: str) -> list[_Part] | None:
    """The names cut at these characters; None where they have nothing in common.

    What stands before a well is left whole: a plate's name holds letters and numbers.
    """
    marks = re.escape(between)
    fields = [re.split(f"([{marks}]+)", text) for text in texts]
    depth = {len(field) for field in fields}
    if len(texts) < 2 or len(depth) > 1:
        return None
    parts: list[_Part] = []
    before, behind = "", False
    for column in zip(*fields, strict=True):
        if not column[0] or column[0][0] in between:
            if len(set(column)) > 1:
                return None
            before += column[0]
            continue
        pieces = _pieces(list(column))
        wells = any(_are_wells(piece.values) for piece in pieces)
        behind = behind or (wells and len(set(column)) > 1)
        pieces = pieces if behind else [_Part("", list(column))]
        pieces[0].before = before + pieces[0].before
        parts += pieces
        before = ""
    return parts


def _pieces(values: list[str]) -> list[_Part]:
    """One field of the names, cut further where letters and numbers alternate alike in all."""
    if _are_wells(values):
        return [_Part("", values)]
    bare = [value[len(WELL) :] for value in values]
    if all(value.lower().startswith(WELL) for value in values) and _are_wells(bare):
        return [_Part(values[0][: len(WELL)], bare)]
    cut = [_SHAPE.findall(value) for value in values]
    alike = len({tuple(piece.isdigit() for piece in pieces) for pieces in cut}) == 1
    if not alike or any(
        "".join(p) != value.replace("-", "") for p, value in zip(cut, values, strict=True)
    ):
        return [_Part("", values)]
    if any("-" in value for value in values):
        return [_Part("", values)]
    return _joined([list(column) for column in zip(*cut, strict=True)])


def _joined(columns: list[list[str]]) -> list[_Part]:
    """Letters that are the same everywhere stand before the number that follows them."""
    parts: list[_Part] = []
    before = ""
    while columns:
        column = columns.pop(0)
        after = columns[0] if columns else None
        if after is not None:
            well = [a + b for a, b in zip(column, after, strict=True)]
            if not parts and not before and _are_wells(well):
                parts.append(_Part("", well))
                columns.pop(0)
                continue
            if len(set(column)) == 1 and not column[0].isdigit():
                before += column[0]
                continue
        parts.append(_Part(before, column))
        before = ""
    return parts


def _settle(parts: list[_Part], well: _Part) -> bool:
    """Give the parts that nothing names their only possible role; False where it is open."""
    place = parts.index(well)
    open_ = [part for part in parts if part.role == "" and len(part.distinct) > 1]
    if not any(part.role == "channel" for part in parts):
        words = [part for part in open_ if not all(value.isdigit() for value in part.values)]
        like = [
            part
            for part in words
            if _like_a_channel(part, parts)
            and (part in parts[place:] or all(map(_STAIN.match, part.values)))
        ]
        if len(like) != 1:
            return False
        like[0].role = "channel"
    open_ = [part for part in open_ if part.role == ""]
    for part in open_:
        others = {other.role for other in parts}
        if part in parts[:place]:
            part.role = "plate" if "plate" not in others else "-"
        elif all(value.isdigit() for value in part.values) and "site" not in others:
            part.role = "site"
        else:
            return False
    for part in parts:
        part.role = part.role.replace("-", "")
    return True


def _like_a_channel(part: _Part, parts: list[_Part]) -> bool:
    """Whether a part has few values, and the other parts' combinations have nearly all of them.

    Of names of stains half is enough: an acquisition may be half-finished, a file may be lost.
    """
    if not 2 <= len(part.distinct) <= MOST_CHANNELS:
        return False
    others = [other for other in parts if other is not part and len(other.distinct) > 1]
    held: dict[tuple[str, ...], set[str]] = {}
    for row, value in enumerate(part.values):
        held.setdefault(tuple(other.values[row] for other in others), set()).add(value)
    there = sum(map(len, held.values())) / (len(held) * len(part.distinct))
    return there >= (0.5 if all(map(_STAIN.match, part.distinct)) else 0.9)


def _written(parts: list[_Part]) -> str:
    """The parts as a regular expression, from the first that says something to the last."""
    first = next(number for number, part in enumerate(parts) if part.role)
    last = max(number for number, part in enumerate(parts) if part.role)
    text = ""
    for number in range(first, last + 1):
        part = parts[number]
        before = _escaped(part.before)
        text += before.lstrip("_/ .-") if number == first else before
        if part.role == "well":
            text += "(?P<well>[A-Pa-p][0-9]{1,2})" if _two_digits(part) else r"(?P<well>[^_/]+)"
        elif part.role == "plate":
            text += "(?P<plate>[^/]+)" if "/" in "".join(part.values) else "(?P<plate>[^_/]+)"
        elif part.role:
            digits = all(value.isdigit() for value in part.values)
            words = "|".join(map(_escaped, sorted(part.distinct)))
            text += f"(?P<{part.role}>{'[0-9]+' if digits else words})"
        elif len(part.distinct) == 1:
            text += _escaped(part.values[0])
        else:
            text += "[^_/]+"
    return text


def _escaped(text: str) -> str:
    return re.escape(text).replace(r"\-", "-").replace(r"\ ", " ")


def _two_digits(well: _Part) -> bool:
    return all(re.fullmatch(r"[A-Pa-p]\d{1,2}", value) for value in well.values)
