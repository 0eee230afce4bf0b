"""The settings that decide a number, with one set of defaults for study, command and notebook."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """What decides a number once the wells are given.

    The sections `splits`, `normalize` and `evaluate` of a study file hold the same settings with
    the same defaults; they travel with the profiles that a study writes.

    Attributes
    ----------
    seed : int
        All randomness derives from it.
    leave_out : str
        What classification holds out: ``auto``, ``well``, ``plate``, ``batch``, ``source``,
        ``position``, ``compound``, ``scaffold`` or ``target``.
    max_folds : int
        Largest number of folds.
    method : {"mad", "standard", "none"}
        How a plate's calibrating controls scale its wells.
    aggregate : {"median", "mean"}
        How cells and fields become wells.
    clip : float
        Largest absolute value after scaling.
    spread : {"auto", "plate", "screen"}
        Whose controls give the spread: the plate's, or all plates' (``auto``: all plates' where a
        plate has fewer than 16 calibrating controls).
    whitening : float
        Regularization in units of a feature's variance among calibrating controls; 0 is off.
    permutations : int
        Labellings drawn for a p-value.
    bootstrap : int
        Draws behind an interval of classification.
    alpha : float
        Level of the false discovery rate.
    clusters : int
        Number of k-means clusters.
    position_safe : {"auto", "yes", "no"}
        Whether activity compares control positions instead of wells; ``auto`` where treatments
        keep their position on all plates.
    """

    seed: int = 0
    leave_out: str = "auto"
    max_folds: int = 5
    method: str = "mad"
    aggregate: str = "median"
    clip: float = 50.0
    spread: str = "auto"
    whitening: float = 0.1
    permutations: int = 10_000
    bootstrap: int = 1_000
    alpha: float = 0.05
    clusters: int = 10
    position_safe: str = "auto"


DEFAULTS = Settings()
LAYOUT = 2
"""Version of the files that a study leaves; folders of another one are not mixed with."""
