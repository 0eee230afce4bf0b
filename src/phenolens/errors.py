"""Errors a user can act on: what is wrong, where, what we got, what to do."""

from __future__ import annotations

from collections.abc import Iterable


class PhenolensError(Exception):
    """Base of every error that the command line turns into one clear line and exit code 2."""


class ConfigError(PhenolensError):
    """The study file does not say what it must, or says something unknown."""


class InputError(PhenolensError):
    """A file, table or image that was handed in cannot be used as it is."""


class DesignError(PhenolensError):
    """The screen's layout does not allow what was asked (no replicates, no controls, ...)."""


class LeakError(PhenolensError):
    """Something that learned from rows under examination was about to be scored on them."""


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
