"""Accuracy on training rows far above that on tested ones."""

from __future__ import annotations

from collections.abc import Iterable

from phenolens.audit.basis import AuditFinding, Basis, unchecked
from phenolens.audit.results.gap import GAP
from phenolens.findings import Severity
from phenolens.profiles import TREATMENT
from phenolens.published.audit.audit import check
from phenolens.published.audit.checks.majority import ACCURACY
from phenolens.published.audit.declaration import Declaration
from phenolens.published.audit.declared import PREDICTION, Declared

CODE = "train-test-gap"
TRAIN_ACCURACY = ("train_accuracy", "training_accuracy")
Gap = tuple[str, float, float, Basis]


@check(140)
def check_gap(declared: Declared) -> Iterable[AuditFinding]:
    """Accuracy on training rows far above that on tested ones."""
    gaps = [*_declared_gaps(declared.declaration), *_predicted_gap(declared)]
    if not gaps:
        yield unchecked(CODE, "training-accuracy")
    for name, train, test, basis in gaps:
        grave = train - test > GAP
        values = {"train": train, "test": test, "grave": grave}
        severity: Severity = "warning" if grave else "ok"
        about = {"representation": name}
        yield AuditFinding(CODE, severity, about, values, basis, "declared-gap")


def _declared_gaps(said: Declaration) -> list[Gap]:
    train = [*said.reported(*ACCURACY, on="train"), *said.reported(*TRAIN_ACCURACY)]
    test = {score.representation: score.value for score in said.reported(*ACCURACY, on="test")}
    return [
        (s.representation, s.value, test[s.representation], "declaration")
        for s in train
        if s.representation in test
    ]


def _predicted_gap(declared: Declared) -> list[Gap]:
    rows = declared.rows
    if rows is None or PREDICTION not in rows or not declared.has_folds:
        return []
    right = (rows[PREDICTION].astype(str) == rows[TREATMENT].astype(str))[rows[PREDICTION].notna()]
    shares = right.groupby(declared.sides).mean()
    if not {"train", "test"} <= set(shares.index):
        return []
    return [("predictions", float(shares["train"]), float(shares["test"]), "data")]
