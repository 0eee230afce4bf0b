"""Accuracies that always naming the most frequent class would have reached."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from phenolens.audit.basis import AuditFinding, unchecked
from phenolens.findings import Severity
from phenolens.profiles import TREATMENT, WELL_KEY
from phenolens.published.audit.audit import check
from phenolens.published.audit.declaration import Score
from phenolens.published.audit.declared import PREDICTION, Declared
from phenolens.stats.intervals import bootstrap_mean, exact_interval

CODE = "majority-class"
ACCURACY, TOP_5 = ("accuracy", "test_accuracy"), "top5_accuracy"


@check(10)
def check_majority(declared: Declared) -> Iterable[AuditFinding]:
    """Accuracies that always naming the most frequent class would have reached."""
    found = [*_predicted(declared), *_reported(declared)]
    yield from found or [unchecked(CODE, "accuracy")]


def _reported(declared: Declared) -> Iterable[AuditFinding]:
    """Accuracies as reported, against the share of the most frequent class or classes."""
    if declared.rows is None:
        return
    labels = declared.rows[TREATMENT][declared.tested].dropna()
    shares = labels.value_counts(normalize=True)
    if len(shares) < 2:
        return
    for score in declared.declaration.reported(*ACCURACY, TOP_5, on="test"):
        top = 5 if score.metric.lower().startswith("top5") else 1
        yield _compared(score, top, share=float(shares.iloc[:top].sum()), tested=len(labels))


def _compared(score: Score, top: int, *, share: float, tested: int) -> AuditFinding:
    """A reported accuracy: its binomial interval, every image counted as independent."""
    n = score.n or tested
    low, high = exact_interval(round(score.value * n), n)
    grave = low <= share
    values = {"value": score.value, "low": low, "high": high, "n": n, "share": share, "top": top}
    about = {"representation": score.representation}
    severity: Severity = "error" if grave else "ok"
    worded = "declared-accuracy"
    return AuditFinding(CODE, severity, about, values | {"grave": grave}, worded=worded)


def _predicted(declared: Declared) -> Iterable[AuditFinding]:
    """Predictions against the majority answer, paired by row, wells resampled."""
    rows = declared.rows
    if rows is None or PREDICTION not in rows:
        return
    part = rows[declared.tested & rows[PREDICTION].notna() & rows[TREATMENT].notna()]
    if part[TREATMENT].nunique() < 2:
        return
    commonest = part[TREATMENT].astype(str).value_counts().idxmax()
    truth, named = (part[c].astype(str).to_numpy() for c in (TREATMENT, PREDICTION))
    gain = (named == truth).astype(float) - (truth == commonest)
    well = pd.factorize(pd.MultiIndex.from_frame(part[list(WELL_KEY)]))[0]
    low, high = bootstrap_mean(gain, cluster=well, draws=1000)
    grave = bool(low <= 0)
    values = {
        "right": float((named == truth).mean()),
        "share": float((truth == commonest).mean()),
        "commonest": commonest,
        "rows": len(part),
        "wells": int(well.max() + 1),
        "difference": float(gain.mean()),
        "low": low,
        "high": high,
        "grave": grave,
    }
    about = {"representation": "predictions"}
    severity: Severity = "error" if grave else "ok"
    yield AuditFinding(CODE, severity, about, values, worded="declared-predictions")
