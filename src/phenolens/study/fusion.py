"""Fusions: two representations of the same wells side by side, each whitened and of one scale.

The blocks come as they are compared (:mod:`phenolens.study.analysis`): whitened on calibrating
controls. Their scale is set by those controls too, and for classification by training wells only.
Each fusion comes with its controls: one block beside noise as wide as the other. What a fusion
gains over that is information; what the control gains is arithmetic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import ConfigError
from phenolens.study.analysis import FEWEST_CALIBRATORS
from phenolens.study.blocks import Block
from phenolens.study.design import Design
from phenolens.study.disjoint import part_of
from phenolens.study.session import Session

if TYPE_CHECKING:
    from phenolens.learn.fuse import BlockFusion

NOISE = "noise"


def fusions(session: Session, blocks: dict[str, Block]) -> dict[str, Block]:
    """The fusions that the study asks for, each followed by its noise controls."""
    made: dict[str, Block] = {}
    for name in session.study.represent.representations:
        if "+" not in name:
            continue
        first, second = (_block(blocks, part, name) for part in name.split("+"))
        made[name] = _joined(name, first, second)
        for kept, replaced in ((first, second), (second, first)):
            control = noise_name(kept.name, replaced.name)
            made[control] = _joined(control, kept, _noise(replaced, seed=session.seed))
    return made


def _block(blocks: dict[str, Block], part: str, fusion: str) -> Block:
    if part not in blocks:
        raise ConfigError(
            f"represent.representations: '{fusion}' needs '{part}', and this screen has "
            f"{', '.join(blocks)}."
        )
    return blocks[part]


def noise_name(kept: str, replaced: str) -> str:
    """Name of a fusion's control: one block kept, the other replaced by noise of its width.

    ``cnn+noise`` stands for CellProfiler-type features replaced, ``cellprofiler+noise:cnn`` for
    the embedding.
    """
    return f"{kept}+{NOISE}" if replaced == "cellprofiler" else f"{kept}+{NOISE}:{replaced}"


def control_of(fusion: str, *, best: str) -> str:
    """The control that keeps the better block of a fusion: the other one's worth is open."""
    (other,) = (part for part in fusion.split("+") if part != best)
    return noise_name(best, other)


def is_fusion(name: str) -> bool:
    """Whether a representation is a fusion or the control of one."""
    return "+" in name


def is_fusion_proper(name: str) -> bool:
    """Whether a representation joins two blocks, neither of them noise."""
    return is_fusion(name) and not name.split("+")[1].startswith(NOISE)


def is_noise_control(name: str) -> bool:
    """Whether a representation is a block beside noise: made to be compared with, not studied."""
    return is_fusion(name) and not is_fusion_proper(name)


def _noise(block: Block, *, seed: int) -> Block:
    """The block with Gaussian noise of its width; wells and judged treatments stay."""

    from phenolens.learn.fuse import noise_block

    def change(wells: pd.DataFrame) -> pd.DataFrame:
        return noise_block(wells, like=NOISE, seed=seed)

    return Block(NOISE, block.tables, judged=block.judged, calibrated=block.calibrated).mapped(
        change
    )


def _joined(name: str, first: Block, second: Block) -> Block:
    from phenolens.learn.fuse import join_blocks

    keys = list({**first.tables, **second.tables})
    tables, features = {}, {}
    for fold in keys:
        parts = {block.name: block.tables.get(fold, block.wells) for block in (first, second)}
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
        judged=first.judged or second.judged,
        made_of=(first, second),
        features=common,
    )


def fused_pipeline(block: Block):
    """Unfitted, for a fold's training wells: each block reduced, then given equal energy."""
    from sklearn.pipeline import make_pipeline

    from phenolens.learn.components import Components
    from phenolens.learn.fuse import BlockFusion
    from phenolens.learn.select import FeatureSelector

    steps = make_pipeline(FeatureSelector(), Components(n_components=0.95, standardize=True))
    return BlockFusion(block.features, steps=steps)


def compared_parts(block: Block, design: Design) -> tuple[pd.DataFrame, ...]:
    """Wells that may be compared with one another; the blocks of a fusion brought to one scale."""
    parts = [part_of(block, group, design) for group in block.judged] or [block.wells]
    tables = [block.tables[group] for group in block.judged] or [block.wells]
    if not block.features:
        return tuple(parts)
    scales = [_scale(block, whole, design) for whole in tables]
    return tuple(
        scale.transform(part) if len(part) else part
        for scale, part in zip(scales, parts, strict=True)
    )


def _scale(block: Block, wells: pd.DataFrame, design: Design) -> BlockFusion:
    """Equal energy among calibrating controls: neither block is louder by its noise."""
    from phenolens.learn.fuse import BlockFusion

    rows = (design.role_of(wells) == "calibrate").to_numpy()
    if rows.sum() < FEWEST_CALIBRATORS:
        rows = np.ones(len(wells), dtype=bool)
    return BlockFusion(block.features).fit(profiles.take(wells, rows))
