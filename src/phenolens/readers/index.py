"""``Index_<channel>`` of an image table: which plane of a file is meant."""

from __future__ import annotations

import re
from dataclasses import dataclass

from phenolens.errors import InputError

FORM = re.compile(
    r"(?:s(?P<series>\d+)(?::|$))?(?P<position>\d+(?:,\d+)*)?|p(?P<page>\d+)", re.ASCII
)


@dataclass(frozen=True)
class PlaneIndex:
    """A place in an image file; without any, the whole file.

    Attributes
    ----------
    position : tuple of int
        In the leading axes of the array, from 0.
    series : int or None
        Which image of a file with several, from 0.
    page : int or None
        Page of a TIFF file, from 0, where the file's own description is not asked.
    """

    position: tuple[int, ...] = ()
    series: int | None = None
    page: int | None = None

    def __str__(self) -> str:
        if self.page is not None:
            return f"p{self.page}"
        image = "" if self.series is None else f"s{self.series}:"
        return image + ",".join(map(str, self.position))


WHOLE = PlaneIndex()


def parse_index(text: str) -> PlaneIndex:
    """The place that a text names.

    Parameters
    ----------
    text : str
        ``""``: the whole file; ``"3"`` and ``"3,1"``: positions in its leading axes; ``"s2"`` and
        ``"s2:0,1"``: the same in image 2 of a file with several; ``"p12"``: page 12 of a TIFF file.
        All from 0.

    Raises
    ------
    InputError
        If it is none of these.
    """
    match = FORM.fullmatch(str(text).replace(" ", ""))
    if match is None:
        raise InputError(
            f"index '{text}' is none we read; write '3' or '3,1' (positions from 0), 's2:0,1' "
            "(image 2 of a file) or 'p12' (page 12 of a TIFF)"
        )
    if match["page"]:
        return PlaneIndex(page=int(match["page"]))
    position = tuple(int(part) for part in (match["position"] or "").split(",") if part)
    return PlaneIndex(position, None if match["series"] is None else int(match["series"]))
