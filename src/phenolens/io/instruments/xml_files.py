"""XML that an instrument wrote: streamed, nothing in it expanded, errors that name the file.

expat, which the standard library reads with, fetches nothing from elsewhere, and stops where
entities blow up; no instrument declares any, so that a file with a DOCTYPE is refused before that.
An index of 100,000 images (160 MB) takes about three seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from pyexpat import ExpatError, ParserCreate
from xml.etree import ElementTree

from phenolens.errors import InputError

Start = Callable[[str, dict[str, str]], object]
End = Callable[[str, str], object]


class _Local(dict[str, str]):
    """Names without their prefix; each is parted once."""

    def __missing__(self, name: str) -> str:
        local = self[name] = name.rpartition(":")[2]
        return local


def stream_xml(
    path: Path,
    *,
    start: Start,
    end: End,
    only: frozenset[str] | None = None,
    encoding: str | None = None,
) -> None:
    """Hand each element to two functions, in the order of the file.

    Parameters
    ----------
    path : Path
    start : callable
        Takes an element's name and attributes, both without their prefix (``bts:Row`` is ``Row``).
    end : callable
        Takes its name, and the text that stands right before its end.
    only : frozenset of str, optional
        Names of the elements that matter; the functions hear of the first one and of these.
    encoding : str, optional
        Of a file that is in another than it says.

    Raises
    ------
    InputError
        If the file cannot be read, is damaged, or declares a document type. What `start` and `end`
        raise goes through.
    """
    names = _Local()
    texts: list[str] = []
    depth = 0

    def started(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        texts.clear()
        name = names[name]
        if only is None or name in only or depth == 1:
            start(name, {names[key]: value for key, value in attributes.items()})

    def ended(name: str) -> None:
        nonlocal depth
        depth -= 1
        name = names[name]
        if only is None or name in only or depth == 0:
            end(name, "".join(texts))
            texts.clear()

    def refuse(*_: object) -> None:
        raise InputError(
            f"{path} declares a document type (DOCTYPE), which no instrument writes; it was not "
            "read. Copy the file from the instrument again, or take that line out."
        )

    parser = ParserCreate(encoding)
    parser.buffer_text = True
    parser.StartElementHandler = started
    parser.EndElementHandler = ended
    parser.CharacterDataHandler = texts.append
    parser.StartDoctypeDeclHandler = refuse
    try:
        with path.open("rb") as stream:
            parser.ParseFile(stream)
    except (ExpatError, ValueError, LookupError) as error:
        raise InputError(f"{path} is damaged, or no XML: {error}.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None


def read_xml(path: Path) -> ElementTree.Element:
    """All of a small file as a tree, with names as :func:`stream_xml` gives them.

    Raises
    ------
    InputError
        As :func:`stream_xml`.
    """
    builder = ElementTree.TreeBuilder()

    def end(name: str, text: str) -> None:
        builder.data(text)
        builder.end(name)

    stream_xml(path, start=builder.start, end=end)
    return builder.close()


class _FirstElement(Exception):
    """Ends the reading at a file's first element."""


def root_name(path: Path) -> str:
    """Name of a file's first element without its prefix; empty where it is no XML."""

    def start(name: str, _: dict[str, str]) -> None:
        raise _FirstElement(name)

    try:
        stream_xml(path, start=start, end=lambda *_: None)
    except _FirstElement as first:
        return str(first)
    except InputError:
        return ""
    return ""


def whole_number(text: str | None) -> int | None:
    """The number that a text is, of at most nine digits; None where it is none.

    Examples
    --------
    >>> whole_number(" 12 "), whole_number("1.5"), whole_number("-1"), whole_number(None)
    (12, None, None, None)
    """
    plain = (text or "").strip()
    return int(plain) if plain.isdecimal() and len(plain) < 10 else None
