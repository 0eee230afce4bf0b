"""Fusions: two representations of the same wells side by side, each whitened and of one scale.

The blocks come as they are compared (:mod:`phenolens.tools.compared`): whitened on calibrating
controls. Their scale is set by those controls too, and for classification by training wells only.
Each fusion comes with its controls: one block beside noise as wide as the other. What a fusion
gains over that is information; what the control gains is arithmetic.
"""

from __future__ import annotations

import pandas as pd

from phenolens.errors import ConfigError
from phenolens.study.session import Session
from phenolens.tools.block import Block
from phenolens.tools.design import Design
from phenolens.tools.names import NOISE, noise_name
from phenolens.tools.representation import Profiles


def fusions(session: Session, items: dict[str, Profiles], *, design: Design) -> dict[str, Profiles]:
    """The fusions that the study asks for, each followed by its noise controls."""
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
        first, second = (_block(blocks, part, name) for part in name.split("+"))
        made[name] = _joined(name, first, second)
        for kept, replaced in ((first, second), (second, first)):
            control = noise_name(kept.name, replaced.name)
            made[control] = _joined(control, kept, _noise(replaced, seed=session.seed))
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


def _noise(block: Block, *, seed: int) -> Block:
    """The block with Gaussian noise of its width; wells and judged treatments stay."""

    from phenolens.learn.fuse import noise_block

    def change(wells: pd.DataFrame) -> pd.DataFrame:
        return noise_block(wells, like=NOISE, seed=seed)

    return Block(NOISE, block.tables, unseen=block.unseen, calibrated=block.calibrated).mapped(
        change
    )


def _joined(name: str, first: Block, second: Block) -> Block:
    from phenolens.learn.fuse import join_blocks

    keys = list({**first.tables, **second.tables})
    tables, features = {}, {}
    for fold in keys:
        parts = {block.name: block.made_for(fold) for block in (first, second)}
        tables[fold], features[fold], _ = join_blocks(parts)
    common = {
        part: [c for c in columns if all(c in table for table in tables.values())]
        for part, columns in features[keys[0]].items()
    }
    kept = [feature for own in common.values() for feature in own]
    return Block(
        name,
        {fold: table[kept] for fold, table in tables.items()},
        calibrated=first.calibrated or second.calibrated,
        unseen=first.unseen or second.unseen,
        made_of=(first, second),
        features=common,
        notes={"space": f"{_spaces(first, second)}; blocks of equal energy"},
    )


def _spaces(*blocks: Block) -> str:
    """What the values of the blocks are, in words; noise has no space of its own."""
    known = {block.name: block.notes["space"] for block in blocks if "space" in block.notes}
    if len(set(known.values())) < 2:
        return next(iter(known.values()), "")
    return ", ".join(f"{name}: {space}" for name, space in known.items())
