"""The way from controls to the treatments that an autoencoder sees most of, in pictures."""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError
from phenolens.interpret.traversal import Traversal, traverse
from phenolens.profiles import CONTROL, PLATE, TREATMENT
from phenolens.represent.base import ALL, evenly
from phenolens.represent.vae import VAE
from phenolens.study.networks import NetworkTrainings, threads
from phenolens.study.session import Session
from phenolens.study.step import Made, step
from phenolens.study.steps.represent import Represented

_SHOWN, _IMAGES = 3, 512


@step("traversals.npz", verb="interpret")
def traversals(session: Session, *, represent: Represented) -> Made:
    """Images between controls and up to three treatments, by the first autoencoder of the study.

    It is the one fitted on all images, which saw no label. Nothing is tested here.
    """
    work = next(filter(_shows, represent.trainings.values()), None)
    if work is None:
        return Made(None)
    work = cast(NetworkTrainings, work)
    images = work.images
    controls = np.flatnonzero(images[CONTROL].fillna(value=False).to_numpy(dtype=bool))
    found: dict[str, Traversal] = {}
    with threads(session.jobs):
        vae = cast(VAE, work.trained(ALL))
        for treatment in _far(represent.blocks[work.name].wells)[:_SHOWN]:
            rows = np.flatnonzero((images[TREATMENT] == treatment).to_numpy())
            try:
                found[treatment] = traverse(
                    vae,
                    work.prepared,
                    controls=evenly(controls, _IMAGES),
                    treated=evenly(rows, _IMAGES),
                )
            except DesignError as error:
                session.progress.say(f"No way from controls to {treatment} is shown: {error}")
    if not found:
        return Made(None)
    ways = list(found.values())
    arrays = {
        "images": np.rint(255 * np.stack([way.images for way in ways])).astype(np.uint8),
        "change": np.stack([way.change for way in ways]),
        "shares": ways[0].shares,
        "separation": np.array([way.separation for way in ways]),
        "treatments": np.array(list(found), dtype=str),
        "channels": np.array(work.prepared.channels, dtype=str),
    }
    return Made(arrays, {"traversals.npz": arrays})


def _shows(work: object) -> bool:
    return isinstance(work, NetworkTrainings) and issubclass(work.kind, VAE) and ALL in work.rows


def _far(wells: pd.DataFrame) -> list[str]:
    """Treatments, those first whose wells lie farthest from their plates' controls."""
    controls = profiles.is_control(wells)
    if TREATMENT not in wells.index.names or not controls.any():
        return []
    plates = profiles.column(wells, PLATE).astype(str)
    values = wells.to_numpy(dtype=np.float64)
    centred = np.full_like(values, np.nan)
    for plate in np.unique(plates[controls]):
        centred[plates == plate] = values[plates == plate] - values[
            (plates == plate) & controls
        ].mean(axis=0)
    spread = np.nanstd(centred[controls], axis=0)
    away = np.square(centred / np.where(spread > 0, spread, np.inf)).sum(axis=1)
    known = pd.DataFrame({"treatment": profiles.column(wells, TREATMENT), "away": away})
    mean = known[~controls & np.isfinite(away)].groupby("treatment")["away"].mean()
    return [str(name) for name in mean.sort_values(ascending=False, kind="stable").index]
