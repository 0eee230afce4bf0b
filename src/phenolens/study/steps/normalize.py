"""Wells calibrated on their own plate's controls, and fusions of what they are compared by."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from phenolens.errors import InputError
from phenolens.io.ledger import SetAside
from phenolens.study.fusion import fusions
from phenolens.study.session import Session
from phenolens.study.setting_aside import not_in
from phenolens.study.step import Made, step
from phenolens.study.steps.represent import Represented
from phenolens.tools.design import Design
from phenolens.tools.files import write_folds, write_profiles
from phenolens.tools.names import is_noise_control
from phenolens.tools.representation import Profiles


@step("profiles/*", "normalization.json", "normalization_steps.parquet")
def normalize(session: Session, *, represent: Represented, splits: Design) -> Made:
    """Calibrate wells on their plate's calibrating controls; a :class:`Profiles` each.

    Raises
    ------
    InputError
        If a representation has no usable feature left.
    """
    items = {
        name: Profiles(block, splits, session.settings) for name, block in represent.blocks.items()
    }
    aside: list[SetAside] = []
    counts: dict[str, int] = {}
    files: dict[str, Any] = {}
    for name, item in items.items():
        for why in dict.fromkeys(lost.why for lost in item.left_out):
            wells = [(lost.plate, lost.well) for lost in item.left_out if lost.why == why]
            aside += not_in(name, wells, why)
        counts[f"wells_not_in_{name}"] = len(item.left_out)
        if not len(item.normalized.wells.columns):
            raise InputError(f"Representation '{name}' has no usable feature left.")
        files |= _files(item)
    files["normalization.json"] = {
        name: {key: value for key, value in item.normalized.notes.items() if key != "steps"}
        | {"selection": item.compared.notes["selection"]}
        for name, item in items.items()
    }
    files["normalization_steps.parquet"] = pd.DataFrame(
        [
            {"representation": name, "number": number} | taken
            for name, item in items.items()
            for number, taken in enumerate(item.compared.notes["steps"], start=1)
        ]
    )
    return Made(items, files, set_aside=aside, counts=counts)


@step("profiles/*", verb="normalize")
def fuse(session: Session, *, normalize: dict[str, Profiles], splits: Design) -> Made:
    """Every representation, then the fusions that the study asks for: a list of Profiles."""
    made = fusions(session, normalize, design=splits)
    files = {path: write for item in made.values() for path, write in _files(item).items()}
    counts = {
        f"wells_of_{block}_not_in_{item.name}": lost
        for item in made.values()
        if not is_noise_control(item.name)
        for block, lost in item.block.notes["unmatched"].items()
        if lost
    }
    return Made([*normalize.values(), *made.values()], files, counts=counts)


def _files(item: Profiles) -> dict[str, Callable[[Path], None]]:
    return {
        f"profiles/{item.name}.parquet": partial(write_profiles, item),
        f"profiles/{item.name}": partial(write_folds, item),
    }
