"""From calibrated wells to the profiles that are compared: selected, whitened, finite.

Where a screen has enough calibrating controls, extreme values are drawn in, and those controls
alone choose features (measured, varying, not repeating one another) and whiten them, so that
directions in which controls vary anyway, plate and position included, count for less. A study may
have them remove position or the cell count first, take ranks, or align batches. All of it happens
before the split, which only controls may do; the evaluation controls take no part. Otherwise
features are selected without labels on the wells that are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import InputError
from phenolens.learn.fuse import BlockFusion
from phenolens.learn.gaussian import RankGaussian
from phenolens.learn.select import FeatureSelector
from phenolens.learn.whiten import Whitener
from phenolens.normalize.cell_count import FEWEST as FEWEST_COUNTED
from phenolens.normalize.cell_count import cell_counts, remove_cell_count
from phenolens.normalize.position import FEWEST as FEWEST_POSITIONS
from phenolens.normalize.position import remove_position
from phenolens.normalize.scale import CALIBRATED, rescale, soften
from phenolens.normalize.tvn import batch_column, tvn
from phenolens.profiles import CONTROL, TREATMENT, WELL
from phenolens.represent.base import ALL, refuse_overlap
from phenolens.settings import Settings
from phenolens.splits.folds import Folds
from phenolens.splits.roles import EVALUATION
from phenolens.tools.block import NOBODY, Block
from phenolens.tools.design import Design
from phenolens.tools.steps_taken import StepLog

FEWEST_CALIBRATORS = 16
_ROWS = 16_384
_WHITENED = {
    "sphering": ", whitened",
    "zca": ", whitened (ZCA)",
    "pca": ", whitened (PCA)",
    "pca-cor": ", whitened (PCA of correlations)",
    "tvn": ", whitened (TVN)",
    "none": "",
}


def tested_rows(wells: pd.DataFrame, design: Design, *, calibrated_elsewhere: bool) -> np.ndarray:
    """Rows that take part in tests against controls: treated wells and evaluation controls.

    Controls that calibrated a plate must not be the references of the test. Profiles that were
    normalized elsewhere have no controls left that did not; they keep all of them, and the note
    says so.
    """
    controls = profiles.column(wells, CONTROL).astype(bool)
    if calibrated_elsewhere:
        return np.ones(len(wells), dtype=bool)
    roles = design.role_of(wells).to_numpy()
    calibrated = np.ones(len(wells), dtype=bool)
    if CALIBRATED in wells.index.names:
        calibrated = profiles.column(wells, CALIBRATED).astype(bool)
    return np.where(controls, np.isin(roles, EVALUATION), True) & calibrated


def compared(block: Block, design: Design, settings: Settings) -> Block:
    """The block with each fold's table ready for comparing wells by similarity.

    ``notes`` say what the values are (``space``), which features are left (``selected``), how many
    each rule dropped (``selection``), of what position and cell count was removed, or why not
    (``position``, ``cell_count``), and what each step did to the table ``all`` (``steps``).

    Parameters
    ----------
    block : Block
        Calibrated wells.
    design : Design
    settings : Settings
        Its ``position``, ``cell_count``, ``transform``, ``whitening``, ``regularization`` and
        ``shrinkage``.

    Raises
    ------
    InputError
        If no feature is left.
    """
    notes: dict[str, Any] = {}
    removed = ""
    log = StepLog(design, block.notes.get("steps", ()))
    given = block.wells
    if settings.position == "remove":
        block, notes["position"] = _without_position(block, design)
        if "refused" not in notes["position"]:
            removed += ", position removed"
            log.add("position", given, block.wells, position="remove",
                    removed=f"{notes['position']['share']:.0%}")  # fmt: skip
    given = block.wells
    if settings.cell_count == "remove":
        block, notes["cell_count"] = _without_cell_count(block, design)
        if "refused" not in notes["cell_count"]:
            removed += ", cell count removed"
            log.add("cell-count", given, block.wells, cell_count="remove",
                    removed=f"{notes['cell_count']['share']:.0%}")  # fmt: skip
    calibrating = (design.role_of(block.wells) == "calibrate").to_numpy()
    enough = not block.calibrated and calibrating.sum() >= FEWEST_CALIBRATORS
    if not enough or (settings.whitening, settings.transform) == ("none", "none"):
        # Networks of different folds do not share the meaning of a feature: which of two alike goes
        # would differ by fold, and a fusion keep only what happens to be left in all.
        rules = {"max_correlation": None} if len(block.tables) > 1 else {}
        made = {
            fold: _selected(block, wells, _compared(block, wells, design), **rules)
            for fold, wells in block.tables.items()
        }
        log.add("selected", block.wells, made[ALL][0])
        notes["space"] = _space(block, removed)
    else:
        silent = StepLog(design, silent=True)
        made = {
            fold: _by_controls(block, wells, design, settings, log=log if fold == ALL else silent)
            for fold, wells in block.tables.items()
        }
        ranked = ", ranked" if settings.transform == "rank-gaussian" else ""
        notes |= {
            "space": f"normalized{removed}, selected{ranked}{_WHITENED[settings.whitening]}",
            "whitened_on": int(calibrating.sum()) if settings.whitening != "none" else None,
        }
    dropped = {fold: _by_reason(reasons) for fold, (_, reasons) in made.items()}
    tables = {fold: wells for fold, (wells, _) in made.items()}
    notes["selected"] = [name for name in block.wells if name not in made[ALL][1]]
    notes |= {"selection": dropped, "steps": log.steps}
    return replace(block, tables=tables, notes=block.notes | notes)


def _without_position(block: Block, design: Design) -> tuple[Block, dict[str, Any]]:
    """Each fold's table less the surface of its calibrating controls, and what was removed."""
    if block.calibrated:
        return block, {"refused": "normalized-elsewhere"}
    tables, found = {}, {}
    for fold, wells in block.tables.items():
        rows = (design.role_of(wells) == "calibrate").to_numpy()
        positions = len(np.unique(profiles.column(wells, WELL)[rows]))
        if positions < FEWEST_POSITIONS:
            return block, {"refused": "few-positions", "positions": positions}
        tables[fold], found[fold] = remove_position(wells, rows)
    return replace(block, tables=tables), found[ALL]


def _without_cell_count(block: Block, design: Design) -> tuple[Block, dict[str, Any]]:
    """Each fold's table less what calibrating controls follow the cell count by, and how much."""
    if block.calibrated:
        return block, {"refused": "normalized-elsewhere"}
    tables, found = {}, {}
    for fold, wells in block.tables.items():
        known = np.isfinite(cell_counts(wells))
        if not known.any():
            return block, {"refused": "no-counts"}
        rows = (design.role_of(wells) == "calibrate").to_numpy()
        if (rows & known).sum() < FEWEST_COUNTED:
            return block, {"refused": "few-controls", "controls": int((rows & known).sum())}
        tables[fold], found[fold] = remove_cell_count(wells, rows)
    return replace(block, tables=tables), found[ALL]


def _by_reason(reasons: dict[str, str]) -> dict[str, dict[str, Any]]:
    """How many features each rule of selection dropped, with the first three by name."""
    dropped: dict[str, dict[str, Any]] = {}
    for name, why in sorted(reasons.items()):
        own = dropped.setdefault(why, {"features": 0, "examples": []})
        own["features"] += 1
        own["examples"] += [name] if len(own["examples"]) < 3 else []
    return dropped


def _space(block: Block, removed: str) -> str:
    """What the values of selected but not whitened features are, in words."""
    if never_scaled(block, block.wells):
        return "selected, standardized over all wells"
    return f"{scale_of(block)}{removed}, selected"


def scale_of(block: Block) -> str:
    """What the values of calibrated wells are before anything is selected, in words."""
    if block.calibrated:
        return "as given"
    scaled = CALIBRATED in block.wells.index.names and not never_scaled(block, block.wells)
    return "normalized" if scaled else "as measured"


def _compared(block: Block, wells: pd.DataFrame, design: Design) -> np.ndarray:
    rows = np.ones(len(wells), dtype=bool)
    if CONTROL in wells.index.names:
        rows = tested_rows(wells, design, calibrated_elsewhere=block.calibrated)
    if rows.sum() < 2:  # nothing is tested, so there is no calibrating control to keep apart
        rows[:] = True
    return rows


def _selected(
    block: Block, wells: pd.DataFrame, rows: np.ndarray, **rules: Any
) -> tuple[pd.DataFrame, dict[str, str]]:
    """The wells with the features worth comparing, and the rule that dropped each other one."""
    if len(wells) < 2:
        known = np.isfinite(wells.to_numpy()).all(axis=0)
        return wells.loc[:, known], dict.fromkeys(map(str, wells.columns[~known]), "missing")
    raw = never_scaled(block, wells)
    if raw:  # the unit of a feature says nothing about how much it varies
        wells, _ = rescale(wells)
    own = rules | {"max_outlier": None} if raw else rules
    selector = _selector(block, profiles.take(wells, rows), **own)
    chosen = selector.transform(wells)
    standard = (chosen - chosen.mean()) / chosen.std(ddof=0) if raw else chosen
    return standard, selector.reasons_


def _selector(block: Block, fitting: pd.DataFrame, **rules: Any) -> FeatureSelector:
    """The choice of features that some wells ask for."""
    try:
        return FeatureSelector(**rules).fit(fitting)
    except InputError as error:
        raise InputError(
            f"Representation '{block.name}': {error} Features that are constant, or missing in "
            "more than 5 % of the wells, cannot be compared. Leave the representation out."
        ) from None


def never_scaled(block: Block, wells: pd.DataFrame) -> bool:
    """Whether no plate had the controls to be scaled on, so that features keep their units.

    Maps and similarities, which no test reads then, take them in standard deviations over all
    wells: a cosine of areas and intensities side by side is 1 whatever the cells look like.
    """
    if block.calibrated:
        return False
    levels = wells.index.names
    if CALIBRATED in levels:
        return not profiles.column(wells, CALIBRATED).astype(bool).any()
    return CONTROL not in levels or not profiles.is_control(wells).any()


def _by_controls(
    block: Block, wells: pd.DataFrame, design: Design, settings: Settings, *, log: StepLog
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Features selected, ranked and whitened by what calibrating controls show of them.

    Each step learns from these controls and then takes row by row, so that all steps are taken for
    some rows at a time: a table of a large screen after each step would fill memory.
    """
    rows = (design.role_of(wells) == "calibrate").to_numpy()
    fitting, logged = profiles.take(wells, rows), log.read_of(wells)
    steps: list[Callable[[pd.DataFrame], pd.DataFrame]] = []

    def then(name: str, step: Callable[[pd.DataFrame], pd.DataFrame], **said: object) -> None:
        nonlocal fitting, logged
        before, fitting, logged = logged, step(fitting), step(logged)
        log.add(name, before, logged, rows=len(wells), **said)
        steps.append(step)

    if settings.transform == "none":
        then("softened", soften, limit=10)
    selector = _selector(block, fitting)
    then("selected", selector.transform)
    if settings.transform == "rank-gaussian":
        ranks = RankGaussian().fit(fitting)
        then("ranked", ranks.transform, transform=settings.transform)
    if settings.whitening == "none":
        return _row_by_row(wells, steps), selector.reasons_
    by_themselves = settings.shrinkage == "ledoit-wolf"
    held = {"shrinkage": "ledoit-wolf"} if by_themselves else {
        "regularization": settings.regularization
    }  # fmt: skip
    if settings.whitening == "tvn":
        before = _row_by_row(wells, steps)
        shrinkage = None if by_themselves else settings.regularization
        chosen, _ = tvn(before, rows, batch=(batch_column(before),), shrinkage=shrinkage)
        log.add("whitened", before, chosen, whitening=settings.whitening, **held)
        return chosen, selector.reasons_
    method = "zca-cor" if settings.whitening == "sphering" else settings.whitening
    whitener = Whitener(
        method=method, regularization=settings.regularization, shrinkage=settings.shrinkage
    )
    then("whitened", whitener.fit(fitting).transform, whitening=settings.whitening, **held)
    return _row_by_row(wells, steps), selector.reasons_


def _row_by_row(
    wells: pd.DataFrame, steps: Sequence[Callable[[pd.DataFrame], pd.DataFrame]]
) -> pd.DataFrame:
    """What steps that take each row by itself make of a table, without a table after each."""
    made = None
    for first in range(0, len(wells), _ROWS):
        part = wells.iloc[first : first + _ROWS]
        for step in steps:
            part = step(part)
        if made is None:
            values = np.empty((len(wells), part.shape[1]), dtype=np.float32)
            made = pd.DataFrame(values, index=wells.index, columns=part.columns, copy=False)
        values[first : first + _ROWS] = part.to_numpy()
    return wells if made is None else made


def part_of(block: Block, group: str, design: Design) -> pd.DataFrame:
    """Wells that one group's network may be judged on, checked against its card.

    Raises
    ------
    LeakError
        If the network learned from one of them.
    """
    wells = block.tables[group]
    if group == NOBODY:
        return wells.iloc[:0]
    treated = np.isin(profiles.column(wells, TREATMENT).astype(str), block.unseen[group])
    controls = profiles.is_control(wells)
    evaluating = controls & np.isin(design.role_of(wells).to_numpy(), EVALUATION)
    part = profiles.take(wells, (treated & ~controls) | evaluating)
    for card in block.cards_of(group):
        if card.learns == "labels":
            refuse_overlap(card, profiles.well_names(part), list(block.unseen[group]))
    return part


def refuse_seen_wells(block: Block, folds: Folds) -> None:
    """Raise :class:`LeakError` if a fold's table was learned from wells the fold tests."""
    for fold, _, test in folds.iterate(block.wells):
        held = profiles.well_names(profiles.take(block.wells, test))
        for card in block.cards_of(str(fold)):
            refuse_overlap(card, held, [])


def compared_parts(block: Block, design: Design) -> tuple[pd.DataFrame, ...]:
    """Wells that may be compared with one another; the blocks of a fusion brought to one scale."""
    parts = [part_of(block, group, design) for group in block.unseen] or [block.wells]
    tables = [block.tables[group] for group in block.unseen] or [block.wells]
    if not block.features:
        return tuple(parts)
    scales = [scale_of_blocks(block, whole, design) for whole in tables]
    return tuple(
        scale.transform(part) if len(part) else part
        for scale, part in zip(scales, parts, strict=True)
    )


def scale_of_blocks(
    block: Block,
    wells: pd.DataFrame,
    design: Design,
    *,
    shares: Mapping[str, float] | None = None,
) -> BlockFusion:
    """What brings blocks to equal energy among calibrating controls: none is louder by its noise.

    Parameters
    ----------
    block : Block
        A fusion.
    wells : DataFrame
        One of its tables.
    design : Design
    shares : mapping of str to float, optional
        Of the energy; a block that has none is left out. Equal by default.
    """
    rows = (design.role_of(wells) == "calibrate").to_numpy()
    if rows.sum() < FEWEST_CALIBRATORS:
        rows = np.ones(len(wells), dtype=bool)
    features = {n: own for n, own in block.features.items() if shares is None or n in shares}
    return BlockFusion(features, weights=shares).fit(profiles.take(wells, rows))
