"""The checks of a study's scores, read from its long table of results."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pandas as pd

from phenolens.audit.basis import AuditFinding
from phenolens.registry import Registry

BASELINE = "baseline:"
CLASSIFICATION = "classification"
Check = Callable[[pd.DataFrame], Iterable[AuditFinding]]
CHECKS: Registry[Check] = Registry("check of scores", package="phenolens.audit.results")
check = CHECKS.at
"""Registers a check; its findings stand among those of one severity by rising number."""


def audit_results(results: pd.DataFrame) -> list[AuditFinding]:
    """Findings about scores: majority share, baselines, training gap, mAP and silhouette.

    Parameters
    ----------
    results : DataFrame
        Columns of :data:`phenolens.evaluate.results.COLUMNS`.
    """
    pooled = results[results["fold"] == "all"]
    return [finding for look in CHECKS.known().values() for finding in look(pooled)]


def scores_of(pooled: pd.DataFrame, task: str, metric: str) -> pd.DataFrame:
    """Rows of one metric of one task."""
    return pooled[(pooled["task"] == task) & (pooled["metric"] == metric)]


def is_baseline(rows: pd.DataFrame) -> pd.Series:
    """Which rows are of a baseline."""
    return rows["representation"].str.startswith(BASELINE)
