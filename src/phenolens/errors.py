"""Errors a user can act on: what is wrong, where, what we got, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike, fspath
from typing import Any

from phenolens.findings import Finding
from phenolens.places import in_words
from phenolens.words.sentences import either, ended, named, reasons

__all__ = [
    "ConfigError",
    "DamagedError",
    "DesignError",
    "InputError",
    "LeakError",
    "PhenolensError",
    "UndecidedError",
    "UnknownColumnError",
    "UnreachableError",
    "did_you_mean",
    "either",
    "ended",
    "named",
    "reasons",
    "shown",
]


class PhenolensError(Exception):
    """Base of every error that the command line turns into one clear line and exit code 2.

    Parameters
    ----------
    what : Finding or str
        As a finding, where others read the code and its values; as text otherwise.

    Attributes
    ----------
    finding : Finding
        What was handed in; of text, one of the code ``as-said``.

    Examples
    --------
    >>> import phenolens as pl
    >>> try:
    ...     pl.activity("nowhere.parquet")
    ... except pl.PhenolensError as error:
    ...     print(type(error).__name__, error.finding.code)
    InputError as-said
    """

    def __init__(self, what: Finding | str) -> None:
        super().__init__(in_words(what if isinstance(what, str) else what.said.advice))
        self.finding = (
            Finding("as-said", "error", {}, {"text": in_words(what)})
            if isinstance(what, str)
            else what
        )


class ConfigError(PhenolensError):
    """A setting, of a study file or a call, is missing, unknown, or has a value it cannot have.

    Examples
    --------
    >>> import phenolens as pl
    >>> screen, _ = pl.simulate_profiles(seed=3)
    >>> pl.activity(screen, alpha=2)
    Traceback (most recent call last):
    phenolens.errors.ConfigError: alpha (--alpha) must be a number between 0 and 1; got 2.
    """


class InputError(PhenolensError):
    """A file, table or image that was handed in cannot be used as it is.

    Examples
    --------
    >>> import phenolens as pl
    >>> pl.activity("nowhere.csv")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    phenolens.errors.InputError: There is no file ...nowhere.csv.
    """


class UnknownColumnError(InputError):
    """A query names a column that the table does not have."""


class UndecidedError(InputError):
    """A line of the study file, or an option, that only a person can choose, and nobody did.

    Parameters
    ----------
    text : str
        What is wrong and what to say, on one line.
    setting : str
        Of the section ``[data]``.
    choices : sequence of str
        Lines of a study file, one of which decides.
    """

    def __init__(self, text: str, *, setting: str, choices: Iterable[str]) -> None:
        super().__init__(text)
        self.setting, self.choices = setting, tuple(choices)


class DamagedError(InputError):
    """Something in a study's store is not as it was written; it counts as absent and is remade.

    Parameters
    ----------
    path : path
        What to take away, so that the next run makes it anew: a file or a folder.
    fault : str
        What is wrong with it.
    """

    def __init__(self, path: str | PathLike[str], fault: str) -> None:
        super().__init__(
            f"{fspath(path)} is damaged ({fault}). Run the study again: it is made anew."
        )
        self.path, self.fault = fspath(path), fault

    def __reduce__(self) -> tuple[type, tuple[str, str]]:  # raised in workers
        return DamagedError, (self.path, self.fault)


class UnreachableError(PhenolensError):
    """What lies elsewhere could not be read for now: no connection, not allowed, or it changed.

    It says nothing of the file itself: no image is set aside for it.
    """


class DesignError(PhenolensError):
    """The screen's layout does not allow what was asked (no replicates, no controls, ...).

    Examples
    --------
    >>> import phenolens as pl
    >>> try:
    ...     pl.design(400, wells=96, plates=1)
    ... except pl.DesignError as error:
    ...     print(error.finding.severity)
    error
    """


class LeakError(PhenolensError):
    """Something that learned from rows under examination was about to be scored on them.

    Examples
    --------
    >>> import phenolens as pl
    >>> issubclass(pl.LeakError, pl.PhenolensError)
    True
    """


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about a word that nobody knows: the likeliest one, or a full stop.

    Examples
    --------
    >>> did_you_mean("leave_outs", ["max_folds", "leave_out"])
    "; did you mean 'leave_out'?"
    >>> did_you_mean("moon", ["max_folds", "leave_out"])
    '.'
    """
    from difflib import get_close_matches

    close = get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f"; did you mean '{close[0]}'?" if close else "."


def shown(value: Any) -> str:
    """What was given, for the end of a sentence: as it is written, or its kind where that is long.

    Examples
    --------
    >>> shown("x"), shown(list(range(99)))
    ("'x'", 'a list')
    """
    written = repr(value.item() if getattr(value, "shape", None) == () else value)
    if len(written) <= 60 and "\n" not in written:
        return written
    kind = type(value)
    name = f"{kind.__module__}.{kind.__name__}".removeprefix("builtins.")
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
