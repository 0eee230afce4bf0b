"""Networks as representations of a study: their weights kept, a killed training resumed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from phenolens import memory, profiles
from phenolens.files import file_digest, read_sealed, require_sealed, seal, sealed, write_sealed
from phenolens.represent.base import Representation
from phenolens.represent.cnn import CNN
from phenolens.represent.networks.devices import pick_device
from phenolens.represent.networks.network import Network
from phenolens.represent.networks.pixels import PixelStore
from phenolens.represent.networks.speed import estimate_seconds, settle
from phenolens.represent.networks.torches import require_torch
from phenolens.represent.networks.weights import find_weights
from phenolens.splits.roles import CALIBRATING
from phenolens.store import files_named, read_table, write_table
from phenolens.study.joint_features import components
from phenolens.study.plan import Part
from phenolens.study.side_by_side import make_side_by_side
from phenolens.study.trainings import Trainings, telling
from phenolens.words.numbers import plural

_READING = 1 / 3
"""What reading an image takes of what a training step with it takes."""


@dataclass(frozen=True)
class NetworkTrainings(Trainings):
    """Everything that one network of a study is trained for.

    Attributes
    ----------
    features : DataFrame, optional
        Scaled features that a joint network reads beside the pixels.
    measured : list
        What those features depend on. It names a training, and not their values: these hang on
        the number of BLAS threads in the last digit.
    """

    features: pd.DataFrame | None = field(default=None, repr=False)
    measured: list = field(default_factory=list, repr=False)

    def make(self) -> None:
        """Train the network of every fold that is not made yet, side by side where cores allow."""
        left = [fold for fold in self.rows if not self.made(fold)]
        cluster = self.session.cluster
        sent = bool(left) and cluster is not None and self._can_be_sent
        at_once = min(len(left), self.session.workers) if sent else self.at_once(len(left))
        if at_once < 2 and not sent:
            self.make_here(left)
            return
        self.settled()
        self._pixels.array(np.arange(len(self.prepared)))
        make_side_by_side(self, left, at_once=at_once)

    def make_here(self, folds: Sequence[str]) -> None:
        """Train these networks one after another."""
        with threads(self.n_threads):
            for fold in folds:
                self._make(fold)

    @cached_property
    def _can_be_sent(self) -> bool:
        """Whether another process may train it.

        Encoders handed in from Python stay here: their classes may not reach another process.
        """
        ours = self.kind.__module__.startswith("phenolens.") and not self.session.encoders
        return ours and pick_device(self.network.settings.training.device) == "cpu"

    @property
    def _processes(self) -> int:
        """Processes that the study would train all of its networks in, if memory allows."""
        return min(self.session.jobs, len(self.rows)) if self._can_be_sent else 1

    @property
    def n_threads(self) -> int:
        """Threads of one training; they do not hang on what an earlier run left to be done."""
        return max(1, self.session.jobs // self._processes)

    def at_once(self, left: int) -> int:
        """Trainings side by side, when so many are left: as many as processes and memory allow."""
        most = min(left, self._processes)
        if most < 2:
            return most
        fit = memory.available(most) // max(self.settled()[1]["memory"], 1)
        return max(1, min(most, fit))

    def images_shown(self, fold: str) -> tuple[float, float]:
        """Images that a training shows a network at most, and as many as reading all lasts."""
        settings, n = self.network.settings, len(self.rows[fold])
        shown = settings.training.epochs * n * self.network.rounds(n)
        return shown, _READING * len(self.prepared) * settings.views

    @property
    def network(self) -> Network:
        """The unfitted network, as the study file says."""
        assert isinstance(self.unfitted, Network)
        return self.unfitted

    def _reading(self, fold: str) -> Network:
        """The unfitted network of a fold with all that it reads."""
        network = replace(self.settled()[0], pixels=self._pixels)
        if self.features is None or not isinstance(network, CNN):
            return network
        return replace(network, features=components(self.features, self.images, self.rows[fold]))

    @cached_property
    def _usable(self) -> np.ndarray:
        """Images that have the features that a joint network learns from."""
        if self.features is None:
            return np.ones(len(self.images), dtype=bool)
        key = [name for name in self.prepared.images.key if name in self.features.index.names]
        have = profiles.keys(profiles.metadata(self.features), key)
        return profiles.keys(self.images, key).isin(have)

    def folder(self, fold: str) -> Path:
        """Where weights, card, curves and profiles of one training lie."""
        labels = self._labels(fold)
        shown = [] if labels is None else labels.tolist()
        given = [] if self.features is None else [self.measured, profiles.metadata(self.features)]
        settings = asdict(self.network.settings)
        question = [*self.question, *self._code, settings, self.rows[fold], shown]
        question += [self.session.seed, self._weights_read, self.pooling, *given]
        return self.session.store.folder(f"network-{self.name}", *question)

    @cached_property
    def _weights_read(self) -> list[list[str]]:
        """Path and digest of the files of weights that training starts from; the hub's by name."""
        settings = asdict(self.network.settings)
        if settings.get("weights") == "imagenet":
            path, name, _ = find_weights("imagenet", self.network.settings.backbone.family)
            return [[name, file_digest(path)]]
        return files_named(settings)

    def trained(self, fold: str) -> Network:
        """The network of one fold with its weights."""
        weights = self.folder(fold) / "weights.safetensors"
        require_sealed(weights)
        return self._reading(fold).restore(weights)

    def squares(self, rows: np.ndarray) -> np.ndarray:
        """Images as the network reads them, all squares together: uint8 (n, C, S, S)."""
        found = self._pixels.take(rows)
        n, _, stains, size, _ = found.shape
        tiles = self.network.settings.pixels.tiles
        grid = found.reshape(n, tiles, tiles, stains, size, size).transpose(0, 3, 1, 4, 2, 5)
        return grid.reshape(n, stains, tiles * size, tiles * size)

    def _fit(self, fold: str) -> Network:
        """Train, going on where a killed run stopped; checkpoints go when weights are kept."""
        folder = self.folder(fold)
        weights, partial = folder / "weights.safetensors", folder / "checkpoint.safetensors"
        if sealed(weights):
            return self.trained(fold)
        said = getattr(self.options, "tensorboard", "")  # an object of Python's has no options
        board = Path(said) / self.name / fold if said else None
        network = replace(self._reading(fold), checkpoint=partial, log=folder, tensorboard=board)
        bar = self.session.progress.bar(f"Training {self.name}, fold {fold}")
        with bar as tick, telling(self.kind, f"fit, fold {fold}"):
            network.fit(
                self.prepared,
                self.rows[fold],
                labels=self._labels(fold),
                seed=self.session.seed,
                progress=tick,
            )
        network.save(weights)
        seal(weights)
        for left in folder.glob(f"{partial.stem}*"):
            left.unlink()
        return network

    def made(self, fold: str) -> bool:
        """Whether this training is over and all it left is there, its curves too."""
        curves = self.folder(fold) / "curves.parquet"
        return super().made(fold) and (self.learns == "nothing" or sealed(curves))

    def _keep(self, fitted: Representation, folder: Path) -> None:
        if isinstance(fitted, Network) and fitted.history.epochs:
            write_table(fitted.curves(), folder / "curves.parquet")

    @cached_property
    def _pixels(self) -> PixelStore:
        folder = self.session.store.folder("pixels", *self.question)
        calibrating = self.images["role"].isin(CALIBRATING).to_numpy()
        if self.cell_folds is not None and not calibrating.any():
            # A pooled screen has no control wells. All cells set the scale of their plate, whatever
            # their labels; the findings of cells say so.
            calibrating = np.ones(len(self.images), dtype=bool)
        settings = self.network.settings.pixels
        return PixelStore(self.prepared, settings, calibrating=calibrating, folder=folder)

    def settled(self) -> tuple[Network, dict]:
        """Device and precision, measured once a study: measured anew they could differ."""
        settings = asdict(self.network.settings)
        folder = self.session.store.folder("settled", self.name, settings, *self.question)
        if not (folder / "settled.json").is_file():
            write_sealed(folder / "settled.json", self._measured_speed())
        found = read_sealed(folder / "settled.json")
        training = replace(self.network.settings.training, **found["training"])
        settings = replace(self.network.settings, training=training)
        return replace(self.network, settings=settings), found

    def _measured_speed(self) -> dict:
        if self.learns == "nothing":
            return {"training": {}, "speeds": {}, "memory": 0}
        memory.forget_peak()
        with threads(self.n_threads), telling(self.kind, "a training step"):
            settled, speeds = settle(self.network, len(self.prepared.channels))
        training = settled.settings.training
        return {
            "training": {"device": training.device, "precision": training.precision},
            "speeds": speeds,
            "memory": memory.peak(),
        }

    def costs(self) -> list[Part]:
        """What the trainings that are left will cost at most; nothing where none is."""
        sizes = [len(rows) for fold, rows in self.rows.items() if not self.made(fold)]
        if not sizes or self.learns == "nothing":
            return []
        network, speed = self.settled_speed()
        training, squares = network.settings.training, network.settings.pixels.tiles**2
        shown = [squares * n * network.rounds(n) for n in sizes]
        seconds = [estimate_seconds(network, n, images_per_second=speed) for n in shown]
        name = (
            f"{self.name}, {plural(len(sizes), 'training')} of at most {training.epochs} epochs "
            f"over up to {squares * max(sizes):,} images"
        )
        how = f"on {training.device} in {training.precision}, {speed:.0f} images a second"
        at_once = self.at_once(len(sizes))
        how += f", {at_once} at once" if at_once > 1 else ""
        most = max(sum(seconds) / at_once, max(seconds))
        return [Part(name, (0, most), at_once * self.settled()[1]["memory"], how)]

    def settled_speed(self) -> tuple[Network, float]:
        """The network as it will be trained on this machine, and images of training a second."""
        network, measured = self.settled()
        return network, measured["speeds"][network.settings.training.precision]

    def curves(self) -> pd.DataFrame:
        """Loss and accuracy of every epoch of every training; empty where nothing was trained."""
        found = {fold: self.folder(fold) / "curves.parquet" for fold in self.rows}
        parts = [
            read_table(path).assign(representation=self.name, fold=fold)
            for fold, path in found.items()
            if sealed(path)
        ]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


@contextmanager
def threads(wanted: int) -> Iterator[None]:
    """So many threads, whatever other libraries left: bytes depend on it."""
    torch = require_torch()
    before = torch.get_num_threads()
    torch.set_num_threads(wanted)
    try:
        yield
    finally:
        torch.set_num_threads(before)
