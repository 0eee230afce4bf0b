"""Accuracy beside that of always naming the most frequent class."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from phenolens.audit.basis import AuditFinding, unchecked
from phenolens.audit.results.audit import BASELINE, check, is_baseline, scores_of
from phenolens.words.numbers import portion as percent


@check(10)
def check_majority(pooled: pd.DataFrame) -> Iterable[AuditFinding]:
    """Accuracy beside that of always naming the most frequent class."""
    found = scores_of(pooled, "classification", "accuracy")
    known = found[found["representation"] == f"{BASELINE}majority"].set_index("split")["value"]
    if known.empty:
        yield unchecked("majority-class", "the results hold no accuracy beside the majority's")
    for row in found[~is_baseline(found)].to_dict("records"):
        if row["split"] not in known:
            continue
        share, bad = float(known[row["split"]]), row["low"] <= float(known[row["split"]])
        yield AuditFinding(
            "majority-class", "warning" if bad else "ok", row["representation"],
            f"Accuracy of {row['representation']}: {percent(row['value'])} "
            f"({percent(row['low'])} to {percent(row['high'])}); the majority class alone "
            f"{percent(share)} ({row['split']}, {row['n']:,} wells).",
            "It cannot be told from always naming the most frequent class." if bad else "",
            "Read balanced accuracy and accuracy without controls." if bad else "",
        )  # fmt: skip
