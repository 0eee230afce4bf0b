"""Which network of a study is explained, in which images, and what that will cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from phenolens.crops import some_of_each_well
from phenolens.interpret.attribution_checks import NETWORKS
from phenolens.interpret.spikes import KINDS
from phenolens.profiles import PLATE, SITE, WELL
from phenolens.represent.cnn import CNN
from phenolens.study.networks import NetworkTrainings
from phenolens.study.plan import Part
from phenolens.study.trainings import Trainings

CHECKED_A_FOLD = 48
SPIKED_A_FOLD, FEWEST_SPIKED = 12, 3  # control images, each with four kinds of planted change
CELLS_A_WELL = 30
# In images of a training step, measured (docs/explanations.md): a map by the fast method, one by
# the reference, and what an image of the checks is read for besides maps (covered bit by bit).
_FAST, _REFERENCE, _COVERED = 1, 8, 13
_MAPS_OF_CHECKS = NETWORKS + 3  # of random weights, under noise, and those that are checked
_MAPS_OF_SPIKES = _REFERENCE + 3 * _FAST


def explained(trainings: Iterable[Trainings]) -> NetworkTrainings | None:
    """The first network of pixels alone that learned labels: what a map explains best."""
    for work in trainings:
        kind = work.kind
        learned = issubclass(kind, CNN) and kind.kind == "supervised" and not kind.needs_measured
        if learned and isinstance(work, NetworkTrainings):
            return work
    return None


def folds_asked(work: NetworkTrainings) -> Iterator[tuple[str, np.ndarray]]:
    """Each fold's network and the images whose wells it never saw (of cells, some a well)."""
    keys = pd.DataFrame(index=pd.MultiIndex.from_frame(work.images[[PLATE, WELL, SITE]]))
    asked, folds = _asked(work), work.design.folds
    for fold, _, test in folds.iterate(keys) if folds else ():
        yield str(fold), test[asked[test]]


def _asked(work: NetworkTrainings) -> np.ndarray:
    """Every image; of single cells at most some of each well, drawn at random."""
    if work.prepared.images.level != "cell":
        return np.ones(len(work.images), dtype=bool)
    numbered = work.images[[PLATE, WELL]].assign(row=np.arange(len(work.images)))
    some = some_of_each_well(numbered, CELLS_A_WELL, seed=work.session.seed)
    return np.isin(numbered["row"], some["row"])


def cost_of_maps(work: NetworkTrainings) -> Part | None:
    """What maps and their checks will cost at most; None where there is nothing to ask.

    Nothing is spent where the network does not beat its baselines, so the least is 0; the most is
    where the fast method misses what was planted and the reference takes its place.
    """
    sizes = [len(rows) for _, rows in folds_asked(work)]
    if not sum(sizes):
        return None
    network, speed = work.settled_speed()
    checked = sum(min(n, CHECKED_A_FOLD) for n in sizes)
    planted = len(sizes) * SPIKED_A_FOLD * len(KINDS)
    read = sum(sizes) * _REFERENCE + checked * (_MAPS_OF_CHECKS * _REFERENCE + _COVERED)
    read += planted * _MAPS_OF_SPIKES
    squares = network.settings.pixels.tiles**2
    name = (
        f"maps of {work.name} where it beats its baselines, {sum(sizes):,} held-out images and "
        f"{planted} planted changes"
    )
    how = f"as long as training on {squares * read:,} images"
    return Part(name, (0, squares * read / speed), how=how)
