"""Accuracies that always naming the most frequent class would have reached."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from phenolens.audit.basis import AuditFinding, unchecked
from phenolens.profiles import TREATMENT, WELL_KEY
from phenolens.published.audit.audit import check
from phenolens.published.audit.declaration import Score
from phenolens.published.audit.declared import (
    PREDICTION,
    Declared,
)
from phenolens.stats.intervals import bootstrap_mean, exact_interval
from phenolens.words.numbers import plural as number_of
from phenolens.words.numbers import portion as percent

ACCURACY = ("accuracy", "test_accuracy")


@check(10)
def check_majority(declared: Declared) -> Iterable[AuditFinding]:
    """Accuracies that always naming the most frequent class would have reached."""
    found = [*_predicted(declared), *_reported(declared)]
    yield from found or [
        unchecked("majority-class", "no accuracy and no predictions are given with labelled rows")
    ]


def _reported(declared: Declared) -> Iterable[AuditFinding]:
    if declared.rows is None:
        return
    labels = declared.rows[TREATMENT][declared.tested].dropna()
    shares = labels.value_counts(normalize=True)
    if len(shares) < 2:
        return
    for score in declared.design.reported(*ACCURACY, "top5_accuracy", on="test"):
        top = 5 if score.metric.lower().startswith("top5") else 1
        yield _judged(score, share=float(shares.iloc[:top].sum()), labels=labels)


def _judged(score: Score, *, share: float, labels: pd.Series) -> AuditFinding:
    """A reported accuracy: its binomial interval, every image counted as independent."""
    n = score.n or len(labels)
    low, high = exact_interval(round(score.value * n), n)
    name = "top-5 accuracy" if score.metric.lower().startswith("top5") else "accuracy"
    what = (
        f"{name} of {score.representation}: {percent(score.value)} ({percent(low)} to "
        f"{percent(high)} with {number_of(n, 'image')}); always naming the most frequent "
        f"class{'' if name == 'accuracy' else 'es'} scores {percent(share)}."
    )
    where = score.representation
    if low > share:
        return AuditFinding("majority-class", "ok", where, what)
    return AuditFinding(
        "majority-class", "error", where, what,
        "The accuracy cannot be told from an answer that looks at no image; images of one well are "
        "no independent observations, so the honest interval is wider still.",
        "Report balanced accuracy and accuracy without controls beside the majority share, with "
        "wells as the unit.",
    )  # fmt: skip


def _predicted(declared: Declared) -> Iterable[AuditFinding]:
    """Predictions against the majority answer, paired by row, wells resampled."""
    rows = declared.rows
    if rows is None or PREDICTION not in rows:
        return
    part = rows[declared.tested & rows[PREDICTION].notna() & rows[TREATMENT].notna()]
    if part[TREATMENT].nunique() < 2:
        return
    counts = part[TREATMENT].astype(str).value_counts()
    truth, told = (part[c].astype(str).to_numpy() for c in (TREATMENT, PREDICTION))
    gain = (told == truth).astype(float) - (truth == counts.idxmax())
    well = pd.factorize(pd.MultiIndex.from_frame(part[list(WELL_KEY)]))[0]
    low, high = bootstrap_mean(gain, cluster=well, draws=1000)
    what = (
        f"predictions are right for {percent((told == truth).mean())} of "
        f"{number_of(len(part), 'row')} in {number_of(well.max() + 1, 'well')}, the majority "
        f"answer {counts.idxmax()!r} for {percent((truth == counts.idxmax()).mean())}; difference "
        f"{gain.mean():+.3f} ({low:+.3f} to {high:+.3f}, wells resampled)."
    )
    bad = low <= 0
    yield AuditFinding(
        "majority-class", "error" if bad else "ok", "predictions", what,
        "The predictions cannot be told from always naming the most frequent class." if bad else "",
        "Weight classes equally, and report balanced accuracy." if bad else "",
    )  # fmt: skip
