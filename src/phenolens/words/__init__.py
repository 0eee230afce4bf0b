"""Words are made here, last: a code and its values in, sentences out.

Everything else keeps findings as data (:mod:`phenolens.findings`), and no number, order or choice
depends on a sentence. One file a topic; each wording is a function of the finding's values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from phenolens import plugins

_Wording = TypeVar("_Wording", bound=Callable[..., "str | Said"])


@dataclass(frozen=True)
class Said:
    """A finding in words: what was seen, what follows, what to do; one or two sentences each."""

    what: str
    consequence: str = ""
    remedy: str = ""


_WORDINGS: dict[str, Callable[..., str | Said]] = {}


def wording(*codes: str) -> Callable[[_Wording], _Wording]:
    """Register the function that puts findings of these codes into words.

    The function takes what the finding is about and its values by name (those it has no use for
    with ``**_``), and returns a sentence or :class:`Said`.

    Raises
    ------
    ValueError
        If a code has words already.
    """

    def register(function: _Wording) -> _Wording:
        for code in codes:
            if code in _WORDINGS:
                raise ValueError(f"{code!r} has words already.")
            _WORDINGS[code] = function
        return function

    return register


def say(code: str, /, **values: Any) -> Said:
    """A code and its values in words.

    Raises
    ------
    KeyError
        If no wording of this code was registered.
    """
    said = (_WORDINGS.get(code) or known()[code])(**values)
    return Said(said) if isinstance(said, str) else said


def known() -> dict[str, Callable[..., str | Said]]:
    """The wording of every code, ours and those that others registered."""
    plugins.import_all(__name__)
    plugins.load("words")
    return _WORDINGS
