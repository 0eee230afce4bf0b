"""A split declared by field or cell, where no fold of the rows shows it."""

from __future__ import annotations

from collections.abc import Iterable

from phenolens.audit.basis import DECLARATION, AuditFinding, unchecked
from phenolens.published.audit.audit import check
from phenolens.published.audit.declared import (
    FOLD,
    Declared,
)

APART = ("well", "plate", "batch", "position", "treatment")


@check(20)
def check_split(declared: Declared) -> Iterable[AuditFinding]:
    """A split declared by field or cell, where no fold of the rows shows it."""
    if declared.has_folds:
        return
    unit = declared.design.split.unit
    if unit is None:
        yield unchecked("split-shares-wells", f"rows have no '{FOLD}' and [split] unit is not said")
        return
    if unit in APART:
        what = f"The split is by {unit}, as declared."
        yield AuditFinding("split-shares-wells", "ok", "", what, basis=DECLARATION)
        return
    yield AuditFinding(
        "split-shares-wells", "error", "",
        f"The split deals out {unit}s, as declared.",
        "A model is tested on images of wells it was trained on: it may have learned the well, not "
        "the treatment.",
        "Split by well at least, better by plate.",
        basis=DECLARATION,
    )  # fmt: skip
