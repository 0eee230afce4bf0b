"""Blocks made elsewhere: what nobody said of them, and plates that they know too well."""

from __future__ import annotations

from phenolens.study.session import Session
from phenolens.study.setting_aside import tell
from phenolens.study.step import Made, step
from phenolens.tools.representation import Profiles
from phenolens.tools.training import audited_block, training_findings


@step("blocks.json", verb="normalize")
def blocks(session: Session, *, normalize: dict[str, Profiles]) -> Made:
    """Look at profiles made elsewhere beside measured ones; its value is the list of findings."""
    held = {name: item.block for name, item in normalize.items()}
    if not any(block.made_elsewhere for block in held.values()):
        return Made([])
    from phenolens.audit.checks.plates_known import plates_known

    session.progress.say("Comparing plates in profiles made elsewhere")
    findings = [found for block in held.values() for found in training_findings(block)]
    findings += plates_known([audited_block(block) for block in held.values()])
    tell(session, (), findings)
    return Made(findings, {"blocks.json": [found.to_dict() for found in findings]})
