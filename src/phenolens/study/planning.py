"""What a study will take, before it is begun: time, memory and storage, of each step.

Rates are measured here and now, in a folder that is thrown away: of three fields of this screen,
which are read, segmented, measured and learned from; of some steps of training each network; and of
made-up profiles of this screen's wells, which are evaluated and reported on.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from phenolens.errors import PhenolensError
from phenolens.images import ImageSet
from phenolens.io.integrate import Integrated
from phenolens.prepare import prepare as fill
from phenolens.prepared import Prepared
from phenolens.profiles import OBJECT, PLATE, SITE, WELL
from phenolens.represent.measuring.cells import measure_cells, well_profiles
from phenolens.represent.measuring.units import Cells, Unit, write_plates
from phenolens.represent.networks.devices import pick_device
from phenolens.represent.networks.network import Network
from phenolens.represent.networks.pixels import PixelStore
from phenolens.store import Store
from phenolens.study.network_input import crops_of_cells, reads_images_whole
from phenolens.study.networks import NetworkTrainings, threads
from phenolens.study.plan import unit_of
from phenolens.study.recipe import recipe_of
from phenolens.study.session import Session
from phenolens.study.step import take
from phenolens.study.steps.cells import has_cell_labels
from phenolens.study.steps.measure import needs_cells
from phenolens.study.trainings import Trainings, telling
from phenolens.study.trial import Tried, try_evaluation
from phenolens.words.numbers import duration, plural, size
from phenolens.workers import Spent

SAMPLES = 3
"""Fields that are tried, beside one that loads and compiles."""
REPEATED, READ = 128, 32
"""Images, the samples again and again, that a representation without a network is fitted on, and
that a network which learns nothing reads."""


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
    """Steps of a study with what each takes, and what no rate is known of, by name."""

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
            found.append(f"Not in the plan: {', '.join(self.not_planned)}")
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
    given = [block.table for block in screen.profiles.values()]
    features = [str(name) for name in (given[0].columns if given else ())]
    steps, not_planned = list[Foretold](), list[str]()
    with TemporaryDirectory(prefix="phenolens-plan-") as name, session.own_encoders():
        folder = Path(name)
        trial = replace(session, store=Store(folder / "store"), cluster=None)
        if looked is not None:
            reading, prepared = _reading(trial, looked.images, folder)
            steps.append(reading)
            cells, crops = 0.0, None
            if needs_cells(session.study):
                measuring, units = _measuring(trial, looked.images, prepared, folder)
                steps.append(measuring)
                cells = float(np.mean([unit.n_cells() for unit in units]))
                features = features or _measured_names(units)
                cut = any(session.kinds[n].reads == "crops" for n in wanted if n in session.kinds)
                if cells and cut and not reads_images_whole(session, prepared):
                    crops = _crops(trial, prepared, units, folder)
            design = take(session, "splits")
            folds = take(session, "cell_splits") if has_cell_labels(session.study) else None
            for one in (name for name in wanted if name in session.kinds):
                if session.kinds[one].reads == "measurements":
                    continue
                images = _as_read(session, one, looked.images, cells=cells)
                about = (trial, one, replace(prepared, images=images), screen.wells, design)
                cut = session.kinds[one].reads == "crops"
                whole = reads_images_whole(session, prepared)
                samples = crops if cut and not whole else prepared
                found = _representing((*about, ["plan"], folds), samples)
                steps += [found] if found else []
                not_planned += [] if found else [f"reading images with {one}"]
        n_made = len(screen.profiles) + (len(wanted) if looked else 0)
        features = features or [f"feature-{number}" for number in range(100)]
        try:
            tried = try_evaluation(trial, screen, features)
        except PhenolensError as error:
            not_planned.append(f"evaluation and report ({error})")
        else:
            steps.append(_evaluating(tried, n_made=n_made, n_wells=len(screen.wells)))
    return StudyPlan(tuple(steps), tuple(not_planned))


def _measured_names(units: Sequence[Unit]) -> list[str]:
    """Features that wells of these units have; none where they have no cells."""
    if not any(unit.n_cells() for unit in units):
        return []
    return [str(name) for name in well_profiles(units).columns]


def _evaluating(tried: Tried, *, n_made: int, n_wells: int) -> Foretold:
    seconds = tried.seconds(n_wells, n_made)
    return Foretold(
        "evaluate and report",
        seconds,
        seconds,
        seconds,
        core_hours=seconds / 3600,
        storage=tried.storage,
        how=f"{n_made} representations of {n_wells:,} wells; one of {tried.wells} took "
        f"{tried.each:.1f} s, and {tried.once:.1f} s come once",
    )


def _crops(session: Session, prepared: Prepared, units: list[Unit], folder: Path) -> Prepared:
    """Crops around the cells of the samples."""
    cells = Cells(units, folder / "plates")
    write_plates(units, cells.folder)
    return crops_of_cells(session, prepared, cells=cells, design=None)


def _representing(about: tuple, samples: Prepared | None) -> Foretold | None:
    """What a representation takes that is made of pixels; None where no rate can be had."""
    session, name, prepared, *_ = about
    kind = session.kinds[name]
    if not issubclass(kind, Network):
        work = Trainings(*about)
    elif (network := NetworkTrainings(*about)).learns == "nothing":
        work = network
    else:
        return _training(network)
    if samples is None or len(prepared) < kind.fewest:
        return None
    return _fitting(work, samples)


def _fitting(work: Trainings, samples: Prepared) -> Foretold:
    """What fitting takes for every fold, and reading all images with each fit, one after another.

    The samples are read again and again: what is computed hangs on how many there are.
    """
    n, unfitted, most = len(work.prepared), work.unfitted, REPEATED
    n_threads, gpu = 1, False
    apart: AbstractContextManager[None] = nullcontext()
    if isinstance(work, NetworkTrainings):
        network, every = work.network, np.ones(len(samples), dtype=bool)
        pixels = PixelStore(samples, network.settings.pixels, calibrating=every)
        unfitted, most, n_threads = replace(network, pixels=pixels), READ, work.n_threads
        gpu, apart = pick_device(network.settings.training.device) != "cpu", threads(n_threads)
    rows = np.resize(np.arange(len(samples)), max(min(n, most), work.kind.fewest))
    labels = np.resize(np.array(["one", "another"], dtype=object), len(rows))
    asked: dict[str, Any] = {"labels": labels if work.learns == "labels" else None}
    asked["seed"] = work.session.seed
    with telling(work.kind, "a trial"), apart:
        unfitted.fit(samples, rows, **asked).extract(samples, rows[:2])  # loads what it needs, once
        began = time.perf_counter()
        fitted = unfitted.fit(samples, rows, **asked)
        learned = time.perf_counter()
        fitted.extract(samples, rows)
        read = time.perf_counter()
    most = getattr(unfitted, "sample", n)  # pixel PCA learns from no more
    shown = sum(min(len(fold), most) for fold in work.rows.values())
    if work.learns == "nothing":
        shown = 0
    seconds = ((learned - began) * shown + (read - learned) * n * len(work.rows)) / len(rows)
    how = f"{plural(len(work.rows), 'fit')}, and {n:,} images read with each"
    return Foretold(
        f"fit {work.name}",
        seconds,
        seconds,
        seconds,
        core_hours=seconds * n_threads / 3600,
        gpu_hours=seconds / 3600 if gpu else 0.0,
        how=how,
    )


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
) -> tuple[Foretold, list[Unit]]:
    """What measuring takes, and the samples measured."""
    spent, before = list[Spent](), _bytes(folder)
    units = measure_cells(
        prepared, folder / "cells", recipe_of(session, prepared), foresee=lambda _: spent.append
    )
    # once in the store, and once more as the plates' tables of cells
    stored = (_bytes(folder) - before + _bytes(folder / "cells")) // len(units)
    n = int(_units(images).max()) + 1
    return _foretold(session, "measure", spent, n=n, of=images, stored=stored), units


def _foretold(
    session: Session, step: str, spent: Sequence[Spent], *, n: int, of: ImageSet, stored: int
) -> Foretold:
    usual = [one for one in spent if not one.first] or spent
    rates = [one.seconds for one in usual]
    jobs, middle = min(session.jobs, n), float(np.mean(rates))
    # libraries and kernels, once in each process
    loading = max([0.0, *(one.seconds - middle for one in spent if one.first)])
    mean, least, most = (loading + n * rate / jobs for rate in (middle, min(rates), max(rates)))
    return Foretold(
        step,
        mean,
        least,
        most,
        core_hours=jobs * mean / 3600,
        memory=jobs * max(one.memory for one in spent),
        storage=n * stored,
        how=f"{n:,} {unit_of(of)}, {jobs} at once, {middle:.2f} s each",
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
