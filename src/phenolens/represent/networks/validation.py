"""Which training images are held back to decide when a network stops learning."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from phenolens.profiles import PLATE, WELL

How = Literal["auto", "plate", "wells", "images", "none"]
_MANY = 8
_AT_MOST = 1.2
_WALKS = (0.499, 0.0)  # a half counts, whatever the last digit of a float


def hold_back(
    metadata: pd.DataFrame,
    labels: np.ndarray | None,
    *,
    how: How = "auto",
    share: float = 0.15,
    seed: int = 0,
) -> tuple[np.ndarray, str]:
    """Choose validation images among training images, so that every class stays in training.

    ``auto`` holds back one plate where that is not too much (and the others hold every class), else
    wells, else, where too few classes can spare a well, images of wells that are also trained on.
    Those share their wells and only serve to stop; where every class has a single image nothing is
    held back. Whatever is held back shows half of the classes or eight: a few classes alone would
    stop the network where it suits those.

    Parameters
    ----------
    metadata : DataFrame
        ``Metadata_Plate`` and ``Metadata_Well`` of the training images.
    labels : ndarray of shape (n_images,) or None
        Classes, of which a well may hold several; None where nothing is classified.
    how : {"auto", "plate", "wells", "images", "none"}
        ``plate`` holds back one plate, however large; everything else at most 1.2 times `share`.
    share : float
        Share of the images.

    Returns
    -------
    held : ndarray of bool, shape (n_images,)
    how : str
        What was held back: ``plate``, ``wells``, ``images`` or ``none``.
    """
    classes = np.zeros(len(metadata), dtype=int) if labels is None else np.asarray(labels)
    rng = np.random.default_rng(seed)
    for kind in ("plate", "wells", "images") if how == "auto" else (how,):
        held = _hold(kind, metadata, classes, share=share, rng=rng)
        if kind == how != "none" and held.any():
            return held, kind
        if held.any() and held.sum() <= _budget(share, len(held)) and _telling(held, classes):
            return held, kind
    return np.zeros(len(metadata), dtype=bool), "none"


def _budget(share: float, n: int) -> float:
    """Most images that may be held back; a float's last digit decides nothing."""
    return _AT_MOST * share * n + 1e-9


def _telling(held: np.ndarray, classes: np.ndarray) -> bool:
    """Whether what is held back shows most classes: a few would stop at whatever suits them."""
    shown, all_of_them = len(set(classes[held])), len(set(classes))
    return shown >= min(all_of_them, _MANY, max(2, all_of_them / 2))


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
    """Hold back about this share of the images in whole units, and of each class alike.

    Units come in random order. One is held back if half of its images or more are still wanted of
    their classes; on a second walk any that is wanted. No class loses its last unit, and a unit for
    which there is no room is passed over.
    """
    names, numbers = np.unique(classes, return_inverse=True)
    pairs = pd.DataFrame({"unit": units, "name": numbers}).value_counts(sort=False).reset_index()
    unit, name, count = pairs.sort_values(["unit", "name"]).to_numpy().T
    starts = np.flatnonzero(np.r_[True, unit[1:] != unit[:-1], True])
    wanted = share * np.bincount(numbers, minlength=len(names))
    left = np.bincount(name, minlength=len(names))
    held = np.zeros(len(starts) - 1, dtype=bool)
    taken = 0
    for least in _WALKS:
        for place in rng.permutation(np.flatnonzero(~held)):
            if taken >= share * len(units):
                break
            own = slice(starts[place], starts[place + 1])
            kinds, images = name[own], count[own]
            useful = np.minimum(wanted[kinds], images).sum() / images.sum()
            fits = taken + images.sum() <= _budget(share, len(units))
            if fits and useful > least and (left[kinds] > 1).all():
                held[place] = True
                taken += images.sum()
                wanted[kinds] -= images
                left[kinds] -= 1
    return np.isin(units, unit[starts[:-1]][held])
