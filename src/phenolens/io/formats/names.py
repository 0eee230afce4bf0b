"""Any names at all: a pattern of the study file says what they mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from phenolens.errors import InputError
from phenolens.files import real_path
from phenolens.io.discovery.listing import nuclei
from phenolens.io.formats.base import ImageFormat, ImageProposal, register
from phenolens.io.images.table import Located
from phenolens.io.instruments.acquisition import Acquisition, image_files, located
from phenolens.io.instruments.name_patterns import NameParts, NamePattern, guess_pattern, text_of
from phenolens.profiles import row_letters, well_name

DRAWN = re.compile(r"outline|overlay|mask|label|segment|thumb|illum", re.IGNORECASE)
PLAIN = frozenset({"images", "image", "data", "raw", "tif", "tiff"})
"""Folders that are called after what they hold, not after a plate."""
FIRST, BLOCKS = 500, 20
"""Names that are looked at one after another, and how often, to guess."""
EXAMPLE = r"(?P<well>[A-P][0-9]{2})_s(?P<site>\d+)_w(?P<channel>\d)"


@register
class Names(ImageFormat):
    """Images whose names no instrument of ours writes: ``pattern`` names their parts.

    Parameters
    ----------
    pattern : str
        Where it is decided already.
    """

    name = "names"
    describes: ClassVar[str] = "images whose names a pattern reads"
    listed = False
    rank = 90

    def __init__(self, pattern: str = "") -> None:
        self.pattern = pattern

    def decided(self, given: Mapping[str, Any]) -> Names:
        """With the pattern that was decided."""
        return Names(str(given.get("pattern") or ""))

    def recognises_files(self, files: Sequence[Path]) -> float | None:
        """Where the names hold a well and vary in one part like a channel, and nobody else's do."""
        return 0.05 if _guess(files[:FIRST]) else None

    def propose(self, found: Sequence[Path], source: Path) -> ImageProposal:
        """The pattern that was decided; or the likeliest, as a question.

        Raises
        ------
        InputError
            If nothing was decided, and nothing can be guessed.
        """
        pattern = self.pattern or _guess(found)
        if not pattern:
            raise InputError(_needed(source))
        acquired = acquisition(source, found, pattern)
        channels = acquired.stains
        first, last = acquired.rows["path"].iloc[0], acquired.rows["path"].iloc[-1]
        text = (
            f"guessed from names such as {_below(first, source)} and {_below(last, source)}: look "
            "whether plate, well, site and channel are what they are called here"
        )
        section: dict[str, Any] = {"layout": self.name, "root": ".", "pattern": pattern}
        questions = [] if self.pattern else [("images.pattern", text)]
        if any(number.isdecimal() for number in acquired.channels):
            which = ", ".join(acquired.channels)
            ask = f"which stains are channels {which}? Write their names here in this order"
            questions.append(("images.channels", ask))
        section |= {"channels": channels} | nuclei(channels)

        def locate(names: Sequence[str]) -> Located:
            return located(acquired, channels=names, folder=source, source=self.describes)

        return ImageProposal(section, {}, list(questions), acquired.notes, locate=locate)

    def locate_below(self, folder: Path, images: Mapping[str, Any]) -> Located:
        """The images whose names the pattern matches.

        Raises
        ------
        InputError
            If there is no pattern, it cannot be used, or it matches no name.
        """
        files = image_files(folder)
        if not images["pattern"]:
            raise InputError(_needed(folder))
        acquired = acquisition(folder, files, str(images["pattern"]))
        return located(acquired, channels=images["channels"], folder=folder, source=self.describes)


def _needed(folder: Path) -> str:
    return (
        f"{folder}: [data.images] layout = 'names' needs a pattern that names the parts of the "
        f"files' names, such as pattern = '{EXAMPLE}'."
    )


def acquisition(folder: Path, files: Sequence[Path], pattern: str) -> Acquisition:
    """The images among `files` that the pattern matches, and what it says of each.

    Parameters
    ----------
    folder : Path
    files : sequence of Path
        Below the folder.
    pattern : str

    Raises
    ------
    InputError
        If the pattern cannot be used, matches no name, or finds what is no well.
    """
    reads = NamePattern(pattern)
    said = reads.read([text_of(path, folder) for path in files])
    pairs = [(path, one) for path, one in zip(files, said, strict=True) if one is not None]
    left = [path for path, one in zip(files, said, strict=True) if one is None]
    if files and not pairs:
        shown = " and ".join(text_of(path, folder) for path in (files[0], files[-1]))
        raise InputError(
            f"[data.images] pattern = {pattern!r} matches no name of the {len(files)} images below "
            f"{folder}, such as {shown}."
        )
    rows = [_row(path, one, folder) for path, one in pairs]
    notes = []
    if left:
        notes.append(
            f"{len(left)} images whose names the pattern does not match were left out, such as "
            f"{text_of(left[0], folder)}"
        )
    if reads.unused:
        notes.append(f"groups of the pattern that say nothing here: {', '.join(reads.unused)}")
    columns = ["plate", "well", "site", "channel", "path"]
    return Acquisition(pd.DataFrame(rows, columns=None if rows else columns), notes=tuple(notes))


def _row(path: Path, said: NameParts, folder: Path) -> dict[str, Any]:
    roles = said.roles
    row: dict[str, Any] = {
        "plate": roles.get("plate") or _plate(said, folder),
        "well": _well(roles, said.path),
        "site": roles.get("site") or "1",
        "channel": roles.get("channel") or "1",
        "path": str(path),
    }
    for name in ("plane", "timepoint"):
        if name in roles:
            row[name] = _number(roles[name], name, said.path)
    return row


def _well(roles: Mapping[str, str], path: str) -> str:
    text = roles.get("well") or roles.get("row", "") + roles.get("column", "")
    if roles.get("row", "").isdecimal():
        text = row_letters(int(roles["row"]) - 1) + roles.get("column", "")
    try:
        return well_name(text)
    except InputError as error:
        raise InputError(f"[data.images] pattern finds in {path}: {error}") from None


def _number(text: str, name: str, path: str) -> int:
    if not text.isdecimal():
        raise InputError(
            f"[data.images] pattern finds the {name} {text!r} in {path}; it must be a number."
        )
    return int(text)


def _plate(said: NameParts, folder: Path) -> str:
    """The folder that stands before what the pattern finds and is not called ``images``."""
    above = said.path[: said.start].split("/")[:-1]
    named = [name for name in above if name.lower() not in PLAIN]
    return named[-1] if named else real_path(folder).name


def _guess(files: Sequence[Path]) -> str | None:
    """By some of the names from all over the folder, neighbours among them."""
    shown = [path for path in files if not DRAWN.search(path.name)]
    step = max(1, len(shown) // BLOCKS)
    some = [path for start in range(0, len(shown), step) for path in shown[start : start + FIRST]]
    texts = dict.fromkeys(text_of(path, Path(path.anchor or ".")) for path in some)
    return guess_pattern(list(texts))


def _below(path: str, source: Path) -> str:
    return Path(path).relative_to(source).as_posix()
