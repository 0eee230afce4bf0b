"""Words are made here, last: a code and its values in, sentences out.

Everything else keeps findings as data (:mod:`phenolens.findings`), and no number, order or choice
depends on a sentence. One file a topic; each wording is a function of the finding's values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Any, TypeVar

from phenolens import plugins

_Wording = TypeVar("_Wording", bound=Callable[..., "str | Said"])


@dataclass(frozen=True)
class Said:
    """A finding in words: what was seen, what follows, what to do; one or two sentences each.

    `phrase` stands for `what` in a cell or behind a colon, where a sentence is too much; without a
    full stop.
    """

    what: str
    consequence: str = ""
    remedy: str = ""
    phrase: str = ""

    @property
    def advice(self) -> str:
        """What was seen and what to do about it, on one line: what an error says."""
        if not self.remedy:
            return self.what
        if self.remedy[0].islower():
            return f"{self.what.rstrip('.')}: {self.remedy}"
        return f"{self.what} {self.remedy}"


_WORDINGS: dict[str, Callable[..., str | Said]] = {}


def wording(*codes: str) -> Callable[[_Wording], _Wording]:
    """Register the function that puts findings of these codes into words.

    The function takes what the finding is about and its values by name, of these only what its
    words need (or all, with ``**values``), and returns a sentence or :class:`Said`.

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
    TypeError
        If the values lack what its wording takes; names the code.
    """
    function = _WORDINGS.get(code) or known().get(code)
    if function is None:
        raise KeyError(
            f"No words for {code!r}: write a function with @wording({code!r}) in words/."
        )
    taken = signature(function).parameters
    if all(one.kind is not Parameter.VAR_KEYWORD for one in taken.values()):
        values = {name: value for name, value in values.items() if name in taken}
    try:
        said = function(**values)
    except TypeError as error:
        error.add_note(f"It was raised by the wording of {code!r}, given {sorted(values)}.")
        raise
    return Said(said) if isinstance(said, str) else said


def noted(codes: object, /, **row: Any) -> str:
    """The codes of a cell, parted by blanks, in words: their phrases, parted by ``; ``.

    Parameters
    ----------
    codes : str
        A cell of a column such as ``note``; what is no text has no words.
    **row
        The row's values by the names of their columns, and the settings of the question.
    """
    said = [say(code, **row) for code in codes.split()] if isinstance(codes, str) else []
    return "; ".join(one.phrase or one.what for one in said)


def known() -> dict[str, Callable[..., str | Said]]:
    """The wording of every code, ours and those that others registered."""
    plugins.import_all(__name__)
    plugins.import_rooms("words")
    for _, load in plugins.offered("words"):
        load()
    return _WORDINGS
