"""Accuracy on training rows far above that on tested ones."""

from __future__ import annotations

from collections.abc import Iterable

from phenolens.audit.basis import DATA, DECLARATION, AuditFinding, unchecked
from phenolens.profiles import TREATMENT
from phenolens.published.audit.audit import check
from phenolens.published.audit.declared import (
    PREDICTION,
    Declared,
)
from phenolens.words.numbers import portion as percent

ACCURACY = ("accuracy", "test_accuracy")
TRAIN_ACCURACY = ("train_accuracy", "training_accuracy")
GAP = 0.1


@check(140)
def check_gap(declared: Declared) -> Iterable[AuditFinding]:
    """Accuracy on training rows far above that on tested ones."""
    gaps = [*_declared_gaps(declared.design), *_predicted_gap(declared)]
    if not gaps:
        yield unchecked("train-test-gap", "no accuracy on training rows is given")
    for name, train, test, basis in gaps:
        wide = train - test > GAP
        yield AuditFinding(
            "train-test-gap", "warning" if wide else "ok", name,
            f"{name}: {percent(train)} right on training rows, {percent(test)} on tested ones.",
            "The model knows its training images, not what they have in common." if wide else "",
            "Train with augmentation and early stopping on wells of their own, and choose by "
            "those." if wide else "",
            basis=basis,
        )  # fmt: skip


def _declared_gaps(design: object) -> list[tuple[str, float, float, str]]:
    train = [*design.reported(*ACCURACY, on="train"), *design.reported(*TRAIN_ACCURACY)]
    test = {score.representation: score.value for score in design.reported(*ACCURACY, on="test")}
    return [
        (s.representation, s.value, test[s.representation], DECLARATION)
        for s in train
        if s.representation in test
    ]


def _predicted_gap(declared: Declared) -> list[tuple[str, float, float, str]]:
    rows = declared.rows
    if rows is None or PREDICTION not in rows or not declared.has_folds:
        return []
    right = (rows[PREDICTION].astype(str) == rows[TREATMENT].astype(str))[rows[PREDICTION].notna()]
    shares = right.groupby(declared.sides).mean()
    if not {"train", "test"} <= set(shares.index):
        return []
    return [("predictions", float(shares["train"]), float(shares["test"]), DATA)]
