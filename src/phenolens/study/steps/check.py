"""The design audit: what the screen's layout allows, and what it cannot answer."""

from __future__ import annotations

from phenolens.findings import Finding
from phenolens.io.images.missing import plates_without_stain
from phenolens.io.integrate import Integrated
from phenolens.normalize.harmony import require_harmony
from phenolens.profiles import PLATE, WELL
from phenolens.registry import Registry
from phenolens.study.session import Session
from phenolens.study.step import Made, step
from phenolens.study.steps.headers import Looked
from phenolens.tools.design import Design


@step("audit.json")
def check(session: Session, *, screen: Integrated, splits: Design, headers: Looked | None) -> Made:
    """Audit the design of the screen; its value is the list of findings.

    Raises
    ------
    InputError
        If maps are to be aligned by Harmony, and it is not installed.
    """
    from phenolens.audit.audit import audit_design

    if session.study.evaluate.map_alignment == "harmony":  # before anything long begins
        require_harmony()
    images = headers.images.table.groupby([PLATE, WELL]).size() if headers else None
    findings = audit_design(
        screen.wells,
        folds=splits.folds,
        roles=splits.roles["role"].to_numpy(),
        images_per_well=images,
        headers=headers.headers if headers else None,
    )
    findings += [
        Finding("stain-missing-on-plate", "warning", {"plate": plates}, {"stains": list(stains)})
        for stains, plates in _without_stains(screen).items()
    ]
    findings += [
        Finding("plug-in-not-loaded", "warning", {}, {"what": held.what, "name": name, "why": why})
        for held in Registry.made
        for name, why in held.broken.items()
    ]
    return Made(findings, {"audit.json": [finding.to_dict() for finding in findings]})


def _without_stains(screen: Integrated) -> dict[tuple[str, ...], list[str]]:
    """Plates by the stains that all of their fields lack."""
    found: dict[tuple[str, ...], list[str]] = {}
    for plate, stains in plates_without_stain(screen.images, screen.ledger).items():
        found.setdefault(tuple(stains), []).append(plate)
    return found
