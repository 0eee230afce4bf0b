"""Errors a user can act on: what is wrong, where, what we got, what to do."""

from __future__ import annotations


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
