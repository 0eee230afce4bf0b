"""The checks of a study's scores, read from its long table of results."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from pkgutil import iter_modules

import pandas as pd

from phenolens.audit.basis import AuditFinding

BASELINE = "baseline:"
CLASSIFICATION = "classification"
Check = Callable[[pd.DataFrame], Iterable[AuditFinding]]
_CHECKS: dict[Check, int] = {}


def check(place: int) -> Callable[[Check], Check]:
    """Register a check of pooled scores.

    Parameters
    ----------
    place : int
        Where its findings stand among those of one severity: by rising number.
    """

    def register(function: Check) -> Check:
        _CHECKS[function] = place
        return function

    return register


def audit_results(results: pd.DataFrame) -> list[AuditFinding]:
    """Findings about scores: majority share, baselines, training gap, mAP and silhouette.

    Parameters
    ----------
    results : DataFrame
        Columns of :data:`phenolens.evaluate.results.COLUMNS`.
    """
    from phenolens.audit import results as room

    for item in iter_modules(room.__path__):
        import_module(f"{room.__name__}.{item.name}")
    pooled = results[results["fold"] == "all"]
    looks = sorted(_CHECKS, key=lambda function: _CHECKS[function])
    return [finding for look in looks for finding in look(pooled)]


def scores_of(pooled: pd.DataFrame, task: str, metric: str) -> pd.DataFrame:
    """Rows of one metric of one task."""
    return pooled[(pooled["task"] == task) & (pooled["metric"] == metric)]


def is_baseline(rows: pd.DataFrame) -> pd.Series:
    """Which rows are of a baseline."""
    return rows["representation"].str.startswith(BASELINE)
