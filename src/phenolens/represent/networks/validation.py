"""Which training images are held back to decide when a network stops learning."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from phenolens.profiles import PLATE, WELL

How = Literal["auto", "plate", "wells", "images", "none"]
_PLATES_FOR_ONE = 4
_MANY = 8
_LARGER_SHARE = 0.25


def hold_back(
    metadata: pd.DataFrame,
    labels: np.ndarray | None,
    *,
    how: How = "auto",
    share: float = 0.15,
    seed: int = 0,
) -> tuple[np.ndarray, str]:
    """Choose validation images among training images, so that every class stays in training.

    ``auto`` holds back one plate of four or more (if the others hold every class), else wells,
    else, where too few classes have a second well, images of wells that are also trained on. Those
    share their wells and only serve to stop; where every class has a single image nothing is held
    back. Whatever is held back shows half of the classes or eight (for that up to a quarter of the
    wells): a few classes alone would stop the network where it suits those.

    Parameters
    ----------
    metadata : DataFrame
        ``Metadata_Plate`` and ``Metadata_Well`` of the training images.
    labels : ndarray of shape (n_images,) or None
        Classes; None where nothing is classified.

    Returns
    -------
    held : ndarray of bool, shape (n_images,)
    how : str
        What was held back: ``plate``, ``wells``, ``images`` or ``none``.
    """
    classes = np.zeros(len(metadata), dtype=int) if labels is None else np.asarray(labels)
    rng = np.random.default_rng(seed)
    for kind, part in _order(how, metadata, share):
        held = _hold(kind, metadata, classes, share=part, rng=rng)
        if held.any() and (kind == how or _telling(held, classes)):
            return held, kind
    return np.zeros(len(metadata), dtype=bool), "none"


def _telling(held: np.ndarray, classes: np.ndarray) -> bool:
    """Whether what is held back shows most classes: a few would stop at whatever suits them."""
    shown, all_of_them = len(set(classes[held])), len(set(classes))
    return shown >= min(all_of_them, _MANY, max(2, all_of_them / 2))


def _order(how: How, metadata: pd.DataFrame, share: float) -> list[tuple[str, float]]:
    """What to try, one after another, and the share of it."""
    if how != "auto":
        return [(how, share)]
    plate = [("plate", share)] if metadata[PLATE].nunique() >= _PLATES_FOR_ONE else []
    return [*plate, ("wells", share), ("wells", max(share, _LARGER_SHARE)), ("images", share)]


def _hold(
    kind: str,
    metadata: pd.DataFrame,
    classes: np.ndarray,
    *,
    share: float,
    rng: np.random.Generator,
) -> np.ndarray:
    if kind == "none":
        return np.zeros(len(metadata), dtype=bool)
    if kind == "plate":
        return _one_plate(metadata, classes, rng)
    wells = metadata.groupby([PLATE, WELL], sort=True).ngroup().to_numpy()
    units = wells if kind == "wells" else np.arange(len(metadata))
    return _stratified(units, classes, share=share, rng=rng)


def _one_plate(metadata: pd.DataFrame, classes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    plates = metadata[PLATE].astype(str).to_numpy()
    for plate in rng.permutation(np.unique(plates)):
        held = plates == plate
        if not held.all() and set(classes[held]) <= set(classes[~held]):
            return held
    return np.zeros(len(plates), dtype=bool)


def _stratified(
    units: np.ndarray, classes: np.ndarray, *, share: float, rng: np.random.Generator
) -> np.ndarray:
    """Hold back about this share of units, counted over classes, and never a class's last one."""
    held: list = []
    quota = 0.5
    for name in rng.permutation(np.unique(classes)):
        own = rng.permutation(np.unique(units[classes == name]))
        quota += share * len(own)
        count = min(int(quota), len(own) - 1)
        quota -= count
        held.extend(own[:count])
    return np.isin(units, held)
