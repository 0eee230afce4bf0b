"""What the autoencoder makes of images whose wells it never saw.

An autoencoder that gives back the mean of what it was trained on can look convincing, above all on
crops centred on a cell. The error of that mean image therefore stands beside its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd

from phenolens.findings import Finding
from phenolens.profiles import CONTROL, OBJECT, PLATE, SITE, TREATMENT, WELL
from phenolens.represent.base import evenly
from phenolens.represent.vae import VAE
from phenolens.study.networks import NetworkTrainings, threads
from phenolens.study.session import Session
from phenolens.study.step import Made, step
from phenolens.study.steps.represent import Represented

_MOST_A_FOLD = 1024
_FOR_THE_MEAN = 512
_CHUNK = 256
_SHOWN = (0.05, 0.5, 0.95)
_MEASURES = ("error", "error_mean_image", "correlation")


@dataclass(frozen=True)
class Rebuilt:
    """Measures of some images, and where they stand among the prepared ones."""

    table: pd.DataFrame
    rows: np.ndarray


@step("reconstructions.parquet", "reconstructions.npz", "reconstructions.json", verb="interpret")
def reconstructions(session: Session, *, represent: Represented) -> Made:
    """How well held-out images come back; the value is what ``reconstructions.json`` holds.

    Every image (at most 1,024 a fold, evenly spread) is rebuilt by the network of the fold that
    held its well out.
    """
    networks = [w for w in represent.trainings.values() if isinstance(w, NetworkTrainings)]
    work = next((item for item in networks if issubclass(item.kind, VAE)), None)
    return Made({}) if work is None else rebuilt(work)


def rebuilt(work: NetworkTrainings) -> Made:
    """Measures and pictures of held-out images, rebuilt by the network of their fold."""
    if work.design.folds is None:
        none = Finding("rebuilt-nothing-held-out", "warning")
        found = {"withheld_because": none.to_dict()}
        return Made(found, {"reconstructions.json": found})
    with threads(work.session.jobs):
        parts = [part for fold, rows in held_out(work) for part in _rebuilt(work, fold, rows)]
        table = pd.concat([part.table for part in parts], ignore_index=True)
        table["row"] = np.concatenate([part.rows for part in parts])
        table["position"] = _typical(table)
        shown = table.dropna(subset=["position"]).sort_values("position")
        arrays = _pictures(work, shown)
    key = [name for name in (PLATE, WELL, SITE, OBJECT) if name in table]
    ordered = table.sort_values([*key, "row"], ignore_index=True).drop(columns="row")
    found = {"network": work.name} | _summary(table, list(work.prepared.channels))
    files = {
        "reconstructions.parquet": ordered,
        "reconstructions.npz": arrays,
        "reconstructions.json": found,
    }
    return Made(found, files)


def held_out(work: NetworkTrainings) -> Iterator[tuple[str, np.ndarray]]:
    """Each fold and images of wells its network never saw, evenly spread where there are many."""
    keys = pd.DataFrame(index=pd.MultiIndex.from_frame(work.images[[PLATE, WELL, SITE]]))
    folds = work.design.folds
    for fold, _, test in folds.iterate(keys) if folds else ():
        yield str(fold), evenly(test, _MOST_A_FOLD)


def _rebuilt(work: NetworkTrainings, fold: str, rows: np.ndarray) -> Iterator[Rebuilt]:
    network = cast(VAE, work.trained(fold))
    size = network.settings.pixels.size
    learned = work.squares(evenly(work.rows[fold], _FOR_THE_MEAN))[..., :size, :size]
    mean = learned.mean(axis=0, dtype=np.float64) / 255.0
    with work.session.progress.bar(f"Rebuilding images with {work.name}, fold {fold}") as tick:
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            seen, made = network.reconstruct(work.prepared, chunk)
            numbers = measured(seen, made, mean, channels=work.prepared.channels)
            places = work.images.iloc[chunk][_described(work.images)].reset_index(drop=True)
            yield Rebuilt(pd.concat([places, numbers.assign(fold=fold)], axis=1), chunk)
            tick(start + len(chunk), len(rows))


def _described(images: pd.DataFrame) -> list[str]:
    return [name for name in (PLATE, WELL, SITE, OBJECT, TREATMENT, CONTROL) if name in images]


def measured(
    seen: np.ndarray, made: np.ndarray, mean: np.ndarray, *, channels: tuple[str, ...]
) -> pd.DataFrame:
    """Compare images with their reconstructions, stain by stain.

    Parameters
    ----------
    seen, made : ndarray of float32, shape (n, C, S, S)
        Pixels as read and as rebuilt, from 0 to 1.
    mean : ndarray, shape (C, S, S)
        Mean of the training images: what a network that learned nothing else gives back.
    channels : tuple of str

    Returns
    -------
    DataFrame, shape (n, 3 C)
        ``error_<stain>`` and ``error_mean_image_<stain>`` (mean squared, of the 0-1 scale), and
        ``correlation_<stain>`` over pixels, NaN where either picture is constant.
    """
    flat, again = (x.reshape(*x.shape[:2], -1).astype(np.float64) for x in (seen, made))
    error = ((flat - again) ** 2).mean(axis=2)
    plain = ((flat - mean.reshape(1, len(channels), -1)) ** 2).mean(axis=2)
    found = dict(zip(_MEASURES, (error, plain, _correlation(flat, again)), strict=True))
    return pd.DataFrame(
        {
            f"{measure}_{stain}": found[measure][:, place]
            for measure in _MEASURES
            for place, stain in enumerate(channels)
        }
    )


def _correlation(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    left = left - left.mean(axis=2, keepdims=True)
    right = right - right.mean(axis=2, keepdims=True)
    size = np.sqrt((left**2).sum(axis=2) * (right**2).sum(axis=2))
    return np.where(size > 1e-12, (left * right).sum(axis=2) / np.where(size > 0, size, 1), np.nan)


def _typical(table: pd.DataFrame) -> pd.Series:
    """Number the images to be shown: rebuilt well, like most, and badly, by mean correlation."""
    names = [name for name in table if str(name).startswith("correlation_")]
    order = table[names].mean(axis=1).fillna(-1.0).sort_values(ascending=False, kind="stable").index
    places = [order[round(share * (len(order) - 1))] for share in _SHOWN]
    position = pd.Series(pd.NA, index=table.index, dtype="Int64")
    for number, place in enumerate(dict.fromkeys(places)):
        position.loc[place] = number
    return position


def _pictures(work: NetworkTrainings, shown: pd.DataFrame) -> dict[str, np.ndarray]:
    pairs = [
        cast(VAE, work.trained(fold)).reconstruct(work.prepared, np.array([row]))
        for fold, row in zip(shown["fold"], shown["row"], strict=True)
    ]
    seen, made = (np.concatenate([pair[side] for pair in pairs]) for side in (0, 1))
    return {
        "pixels": np.rint(255 * seen).astype(np.uint8),
        "reconstructions": np.rint(255 * made).astype(np.uint8),
        "channels": np.array(work.prepared.channels),
    }


def _summary(table: pd.DataFrame, channels: list[str]) -> dict:
    """Means over wells, each well being the mean of its images, with intervals over wells."""
    wells = table.groupby([PLATE, WELL], sort=True)
    stains = [
        {"stain": stain}
        | {measure: _over_wells(wells[f"{measure}_{stain}"].mean()) for measure in _MEASURES}
        for stain in channels
    ]
    return {"n_images": len(table), "n_wells": len(wells), "stains": stains}


def _over_wells(means: pd.Series) -> dict:
    from phenolens.stats.intervals import bootstrap_mean

    known = means.dropna().to_numpy()
    if len(known) < 2:
        return {"value": float(known[0]) if len(known) else None, "low": None, "high": None}
    low, high = bootstrap_mean(known, seed=0)
    return {"value": known.mean(), "low": low, "high": high}
