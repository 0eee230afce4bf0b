"""Stains that the network never saw apart, or at all."""

from __future__ import annotations

from collections.abc import Iterable

from phenolens.audit.basis import DECLARATION, AuditFinding, unchecked
from phenolens.published.audit.audit import check
from phenolens.published.audit.declared import (
    Declared,
)
from phenolens.words.numbers import plural as number_of


@check(80)
def check_input(declared: Declared) -> Iterable[AuditFinding]:
    """Stains that the network never saw apart, or at all."""
    told = declared.design.images
    if told.input is None and told.used is None:
        yield unchecked("grey-input", "[images] says not what the network was shown")
        return
    lost = [] if told.used is None else [s for s in told.stains if s not in told.used]
    grey = told.input == "grey"
    squeezed = told.input == "rgb" and len(told.stains) > 3
    if grey or squeezed:
        yield _grey(told.input, len(told.stains))
    elif lost:
        yield AuditFinding(
            "grey-input", "warning", ", ".join(lost),
            f"{len(lost)} of {number_of(len(told.stains), 'stain')} were not used.",
            "Nothing they show can be found.", "Use every stain, or say why not.",
            basis=DECLARATION,
        )  # fmt: skip
    else:
        what = f"The network saw every stain as a channel of its own ({len(told.stains) or 'all'})."
        yield AuditFinding("grey-input", "ok", "", what, basis=DECLARATION)


def _grey(form: str, stains: int) -> AuditFinding:
    many = number_of(stains, "stain") if stains else "The stains"
    return AuditFinding(
        "grey-input", "error", "",
        f"{many} became one {'grey' if form == 'grey' else 'RGB'} image.",
        "Which organelle changed cannot be seen any more, nor be attributed to a stain.",
        "Give the network one channel a stain; adapt its first layer.",
        basis=DECLARATION,
    )  # fmt: skip
