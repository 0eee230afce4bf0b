"""Contact sheets: some images as they are, and as each network was shown them in training."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from phenolens.interpret.augmented import augmented as changed
from phenolens.represent.base import evenly
from phenolens.represent.networks.selfsupervised import SelfSupervised
from phenolens.study.networks import NetworkTrainings, threads
from phenolens.study.session import Session
from phenolens.study.step import Made, step
from phenolens.study.steps.represent import Represented
from phenolens.study.trainings import Trainings

_IMAGES, _TIMES = 4, 7


@step("augmented.npz", verb="interpret")
def augmented(session: Session, *, represent: Represented) -> Made:
    """Images as they are and as training changed them, once for all networks that do it alike.

    Self-supervised networks see windows besides, and are left out.
    """
    arrays: dict[str, np.ndarray] = {}
    shown: list[dict] = []
    for name, work in represent.trainings.items():
        if not isinstance(work, NetworkTrainings) or not _shows(work):
            continue
        settings = work.network.settings
        own = {"pixels": asdict(settings.pixels), "augment": asdict(settings.augment)}
        if own in shown:
            continue
        shown.append(own)
        fold = next(iter(work.rows))
        rows = evenly(work.rows[fold], _IMAGES)
        with threads(session.jobs):
            network = work.trained(fold)
            images = changed(network, work.prepared, rows, times=_TIMES, seed=session.seed)
        arrays[f"images_{name}"] = np.rint(255 * images).astype(np.uint8)
        arrays["channels"] = np.array(work.prepared.channels, dtype=str)
    return Made(arrays, {"augmented.npz": arrays or None})


def _shows(work: Trainings) -> bool:
    """Whether a network was trained on images that were changed one by one."""
    return work.learns != "nothing" and not issubclass(work.kind, SelfSupervised)
