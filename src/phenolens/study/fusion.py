"""Fusions: representations of the same wells side by side, each whitened and of one scale.

The blocks come as they are compared (:mod:`phenolens.tools.compared`): whitened on calibrating
controls. Their scale is set by those controls too, and for classification by training wells only;
their shares by what no question scores (:mod:`phenolens.tools.fusions`). Each fusion comes with its
controls: one block beside noise as wide as the others. What a fusion gains over that is
information; what the control gains is arithmetic.
"""

from __future__ import annotations

from phenolens.errors import ConfigError
from phenolens.study.session import Session
from phenolens.tools.block import Block
from phenolens.tools.design import Design
from phenolens.tools.representation import Profiles


def fusions(session: Session, items: dict[str, Profiles], *, design: Design) -> dict[str, Profiles]:
    """The fusions that the study asks for, each followed by its noise controls."""
    from phenolens.tools.fusions import joined, with_noise

    made: dict[str, Block] = {}
    blocks = {name: item.compared for name, item in items.items()}
    wanted = session.study.represent.representations
    for name in wanted:
        if "+" not in name:
            continue
        lacking = [part for part in name.split("+") if part in wanted and part not in blocks]
        if lacking:
            session.progress.say(f"Left out: {name}, since {lacking[0]} was")
            continue
        parts = [_block(blocks, part, name) for part in name.split("+")]
        made[name] = joined(name, parts)
        for kept in parts:
            others = [part for part in parts if part is not kept]
            control = with_noise(kept, others, seed=session.seed)
            made[control.name] = control
    return {
        name: Profiles(block, design, session.settings, stage="compared")
        for name, block in made.items()
    }


def _block(blocks: dict[str, Block], part: str, fusion: str) -> Block:
    if part not in blocks:
        raise ConfigError(
            f"represent.representations: '{fusion}' needs '{part}', and this screen has "
            f"{', '.join(blocks)}."
        )
    return blocks[part]
