"""What a study will take, before it is begun: time, memory and storage, of each step.

Rates are measured here and now: of three fields of this screen, which are read, segmented and
measured in a folder that is thrown away, and of some steps of training each network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from phenolens.images import ImageSet
from phenolens.io.integrate import Integrated
from phenolens.prepare import prepare as fill
from phenolens.prepared import Prepared
from phenolens.profiles import OBJECT, PLATE, SITE, WELL
from phenolens.represent.base import options_of
from phenolens.represent.measuring.cells import measure_cells
from phenolens.represent.networks.network import Network
from phenolens.store import Store
from phenolens.study.networks import NetworkTrainings
from phenolens.study.plan import unit_of
from phenolens.study.recipe import recipe_of
from phenolens.study.session import Session
from phenolens.study.step import take
from phenolens.study.steps.cells import has_cell_labels
from phenolens.study.steps.measure import needs_cells
from phenolens.words.numbers import duration, size
from phenolens.workers import Spent

SAMPLES = 3
"""Fields that are tried, beside one that loads and compiles."""
REST = (8.0, 0.045)
"""Core-seconds of all that reads no images: once, and for each well of each representation. The
rate is the demo's on one machine (docs/scale.md); no other number is not measured here and now."""


@dataclass(frozen=True)
class Foretold:
    """What one step of a study will take.

    Attributes
    ----------
    step : str
    seconds : float
        From its beginning to its end, with as many processes as were asked for.
    least, most : float
        The same at the pace of the quickest and of the slowest sample.
    core_hours, gpu_hours : float
    memory : int
        Bytes, of all processes together.
    storage : int
        Bytes that stay in the folder of results.
    how : str
        Of what, and from which rate.
    """

    step: str
    seconds: float
    least: float
    most: float
    core_hours: float = 0.0
    gpu_hours: float = 0.0
    memory: int = 0
    storage: int = 0
    how: str = ""

    def line(self) -> str:
        """The step as a line of the plan."""
        time = f"{'about' if self.least else 'at most'} {duration(self.seconds)}"
        if self.least and duration(self.least) != duration(self.most):
            time += f" ({duration(self.least)} to {duration(self.most)})"
        parts = [time, f"{self.core_hours:.2g} core-hours"]
        parts += [f"{self.gpu_hours:.2g} GPU-hours"] if self.gpu_hours else []
        parts += [f"{size(self.memory)} of memory"] if self.memory else []
        parts += [f"{size(self.storage)} of storage"] if self.storage else []
        return f"{self.step}: {', '.join(parts)}{f' ({self.how})' if self.how else ''}"


@dataclass(frozen=True)
class StudyPlan:
    """Steps of a study with what each takes, and representations that no rate is known of."""

    steps: tuple[Foretold, ...]
    not_planned: tuple[str, ...] = ()

    @property
    def together(self) -> Foretold:
        """All steps one after another."""
        total = {
            name: sum(getattr(one, name) for one in self.steps)
            for name in ("seconds", "least", "most", "core_hours", "gpu_hours", "storage")
        }
        memory = max((one.memory for one in self.steps), default=0)
        return Foretold("together", memory=memory, **total)

    def lines(self) -> list[str]:
        """The plan as the command prints it."""
        found = [one.line() for one in (*self.steps, self.together)]
        if self.not_planned:
            found.append(f"Not in the plan: reading images with {', '.join(self.not_planned)}")
        return found

    def as_dict(self) -> dict[str, Any]:
        """The plan for other programs: seconds, hours and bytes."""
        steps = [asdict(one) for one in self.steps]
        return {
            "steps": steps,
            "together": asdict(self.together),
            "not_planned": list(self.not_planned),
        }


def plan(session: Session) -> StudyPlan:
    """Foretell what a study takes on this machine, if nothing of it is done yet.

    The screen's tables are joined and headers read, as ``check`` does; no other result is written.

    Parameters
    ----------
    session : Session
        Its processes are those that the plan is for.

    Returns
    -------
    StudyPlan

    Raises
    ------
    InputError
        If no sample can be read.
    """
    screen: Integrated = take(session, "screen")
    looked, wanted = take(session, "headers"), session.study.represent.representations
    n_made = len(screen.profiles) + (len(wanted) if looked else 0)
    once, each = REST
    seconds = once + each * n_made * len(screen.wells)
    how = f"{n_made} representations of {len(screen.wells):,} wells, at the demo's rate"
    rest = Foretold(
        "evaluate and report", seconds, seconds, seconds, core_hours=seconds / 3600, how=how
    )
    if looked is None:
        return StudyPlan((rest,))
    with TemporaryDirectory(prefix="phenolens-plan-") as name, session.own_encoders():
        trial = replace(session, store=Store(Path(name) / "store"), cluster=None)
        reading, prepared = _reading(trial, looked.images, Path(name))
        steps, cells = [reading], 0.0
        if needs_cells(session.study):
            measuring, cells = _measuring(trial, looked.images, prepared, Path(name))
            steps.append(measuring)
        learning = [n for n in wanted if n in session.kinds and _learns(session, n)]
        design = take(session, "splits")
        folds = take(session, "cell_splits") if has_cell_labels(session.study) else None
        for network in learning:
            read = replace(prepared, images=_as_read(session, network, looked.images, cells=cells))
            about = (trial, network, read, screen.wells, design, ["plan"], folds)
            steps.append(_training(NetworkTrainings(*about)))
    others = [n for n in wanted if n in session.kinds and n not in learning]
    apart = [n for n in others if session.kinds[n].reads != "measurements"]
    return StudyPlan((*steps, rest), tuple(apart))


def _learns(session: Session, name: str) -> bool:
    kind = session.kinds[name]
    options = options_of(kind, session.study.model_dump())
    return issubclass(kind, Network) and kind.learns_with(options) != "nothing"


def _units(images: ImageSet) -> np.ndarray:
    """The number of the unit, read and measured in one go, that each image belongs to."""
    return images.table.groupby([PLATE, WELL, SITE], sort=True).ngroup().to_numpy()


def _reading(session: Session, images: ImageSet, folder: Path) -> tuple[Foretold, Prepared]:
    units, spent = _units(images), list[Spent]()
    n = int(units.max()) + 1
    tried = np.unique(np.linspace(0, n - 1, SAMPLES + 1).round())
    prepared = fill(
        images.take(np.isin(units, tried)),
        folder / "images",
        correct=session.study.prepare.illumination,
        foresee=lambda _: spent.append,
    )
    stored = _bytes(folder / "images") // len(tried)
    return _foretold(session, "prepare", spent, n=n, of=images, stored=stored), prepared


def _measuring(
    session: Session, images: ImageSet, prepared: Prepared, folder: Path
) -> tuple[Foretold, float]:
    """What measuring takes, and how many cells a unit has."""
    spent, before = list[Spent](), _bytes(folder)
    units = measure_cells(
        prepared, folder / "cells", recipe_of(session, prepared), foresee=lambda _: spent.append
    )
    # once in the store, and once more as the plates' tables of cells
    stored = (_bytes(folder) - before + _bytes(folder / "cells")) // len(units)
    n = int(_units(images).max()) + 1
    cells = float(np.mean([unit.n_cells() for unit in units]))
    return _foretold(session, "measure", spent, n=n, of=images, stored=stored), cells


def _foretold(
    session: Session, step: str, spent: Sequence[Spent], *, n: int, of: ImageSet, stored: int
) -> Foretold:
    usual = [one for one in spent if not one.first] or spent
    rates = [one.seconds for one in usual]
    jobs = min(session.jobs, n)
    mean, least, most = (n * float(rate) for rate in (np.mean(rates), min(rates), max(rates)))
    return Foretold(
        step,
        mean / jobs,
        least / jobs,
        most / jobs,
        core_hours=mean / 3600,
        memory=jobs * max(one.memory for one in spent),
        storage=n * stored,
        how=f"{n:,} {unit_of(of)}, {jobs} at once, {np.mean(rates):.2f} s each",
    )


def _as_read(session: Session, name: str, images: ImageSet, *, cells: float) -> ImageSet:
    """Images as a network will read them: crops of as many cells as the samples have."""
    whole = session.study.networks.input == "images" or images.level == "cell"
    if session.kinds[name].reads != "crops" or whole:
        return images
    wells = images.table.groupby([PLATE, WELL], sort=True)
    most = session.study.networks.cells_per_well
    each = wells.size().map(lambda sites: max(1, min(most, round(cells * sites)))).to_numpy()
    rows = wells.head(1).sort_values([PLATE, WELL])
    table = rows.loc[rows.index.repeat(each)].reset_index(drop=True)
    numbers = pd.concat([pd.Series(range(1, count + 1)) for count in each]).to_numpy()
    return replace(images, table=table.assign(**{OBJECT: numbers}), level="cell")


def _training(work: NetworkTrainings) -> Foretold:
    """What training a network for every fold takes at most, and reading all images with each."""
    (part,), (network, speed) = work.costs(), work.settled_speed()
    training, pixels = network.settings.training, network.settings.pixels
    folds, prepared = list(work.rows), work.prepared
    seconds = pixels.tiles**2 * sum(sum(work.images_shown(fold)) for fold in folds) / speed
    at_once = work.at_once(len(folds))
    on_gpu = training.device != "cpu"
    hours = seconds / 3600
    return Foretold(
        f"train {work.name}",
        seconds / at_once,
        0.0,
        seconds / at_once,
        core_hours=hours * work.n_threads,
        gpu_hours=hours if on_gpu else 0.0,
        memory=part.memory,
        storage=len(prepared) * pixels.tiles**2 * len(prepared.channels) * pixels.size**2,
        how=f"{part.name} {part.how}",
    )


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
