"""What the networks share: fitting on a fold's rows, extracting, the card, saving and loading."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal
from warnings import warn

import numpy as np
import pandas as pd
from pydantic import Field

from phenolens.errors import DesignError, InputError
from phenolens.files import digest, plain
from phenolens.prepared import Prepared
from phenolens.profiles import PLATE
from phenolens.represent.base import (
    ALL,
    Card,
    Learns,
    Options,
    Progress,
    Representation,
    evenly,
    wells_of,
)
from phenolens.represent.differentiable import Differentiable
from phenolens.represent.networks import checkpoint
from phenolens.represent.networks.architecture import Architecture, Family, Stem
from phenolens.represent.networks.augment import SYMMETRIES, Augment
from phenolens.represent.networks.devices import autocast, pick_device, pick_precision, repeatable
from phenolens.represent.networks.feed import Batch, Feed, Standard, as_tensor
from phenolens.represent.networks.pixels import PixelSettings, PixelStore
from phenolens.represent.networks.ranks import Ranks
from phenolens.represent.networks.torches import require_torch
from phenolens.represent.networks.training import (
    History,
    Trainer,
    TrainSettings,
    cooler,
    copied,
)
from phenolens.represent.networks.validation import How, hold_back
from phenolens.represent.pooling import Pooling

if TYPE_CHECKING:
    import torch


Adapt = Literal["none", "controls"]
_FEWEST_CONTROLS, _MOST_CONTROLS = 8, 512


@dataclass(frozen=True)
class NetworkSettings:
    """Settings that every network has.

    Attributes
    ----------
    pixels : PixelSettings
    training : TrainSettings
    augment : Augment
        What is changed at random in training images.
    views : {8, 4, 1}
        Features and probabilities are means over this many views of an image: the eight symmetries
        of the square (which way a cell lies on its plate means nothing), its quarter turns, or the
        image as it is. Reading takes as many times as long.
    adapt : {"none", "controls"}
        Whether batch normalisation takes mean and spread of each plate's calibrating controls when
        images are read, or keeps those of training.
    """

    pixels: PixelSettings = field(default_factory=PixelSettings)
    training: TrainSettings = field(default_factory=TrainSettings)
    augment: Augment = field(default_factory=Augment)
    views: Literal[8, 4, 1] = 8
    adapt: Adapt = "none"


class NetworkOptions(Options):
    """What the study file says of any network: how it reads images and learns.

    ``ema`` is the decay of an exponential average of the weights, which is then what is kept (0
    keeps the weights themselves); ``augment`` a table of what is changed in training images.
    ``pooling`` makes wells of images; ``attention`` learns from labels which of them speak.
    ``size`` is the side of its input in pixels, by default 64 for cells and 128 for whole images.
    """

    size: Annotated[int, Field(ge=32, multiple_of=16)] | None = None
    tiles: Annotated[int, Field(ge=1)] = 1
    scaling: Literal["controls", "image"] = "controls"
    epochs: Annotated[int, Field(ge=1)] = 30
    batch: Annotated[int, Field(ge=2)] = 64
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    patience: Annotated[int, Field(ge=1)] = 8
    validation: How = "auto"
    validation_share: Annotated[float, Field(gt=0, lt=0.5)] = 0.15
    weight_decay: Annotated[float, Field(ge=0)] = 0.02
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    augment: Augment = Augment()
    width: Annotated[int, Field(ge=4, multiple_of=2)] | None = None
    views: Literal[1, 4, 8] = 8
    adapt: Adapt = "none"
    pooling: Pooling = "mean"
    device: str = "auto"
    precision: Literal["auto", "float32", "bf16", "fp16"] = "auto"
    accumulate: Annotated[int, Field(ge=1)] = 1
    compile: Literal["auto", "yes", "no"] = "auto"
    tensorboard: str = ""

    def pixels(self, level: str) -> PixelSettings:
        """How images of this level are read."""
        size = self.size or (64 if level == "cell" else 128)
        return PixelSettings(size=size, tiles=self.tiles, scaling=self.scaling)

    def training(self) -> TrainSettings:
        """How the network learns."""
        return TrainSettings(
            epochs=self.epochs,
            batch=self.batch,
            learning_rate=self.learning_rate,
            patience=self.patience,
            validation=self.validation,
            validation_share=self.validation_share,
            weight_decay=self.weight_decay,
            ema=self.ema,
            device=self.device,
            precision=self.precision,
            accumulate=self.accumulate,
            compile=self.compile,
        )


class BackboneOptions(NetworkOptions):
    """``architecture``, ``stem`` and ``width`` name the backbone.

    ``weights`` is nothing, ``imagenet``, or a safetensors file to start from (an untrained network
    only takes the stem that they need).
    """

    architecture: Family = "resnet-18"
    stem: Stem = "auto"
    weights: str = ""

    def backbone(self, level: str) -> Architecture:
        """The backbone for images of this level."""
        named = Architecture(self.architecture, self.stem, self.width or 0)
        return named.at(self.pixels(level).size, pretrained=bool(self.weights))


@dataclass
class Network(Representation):
    """A network as a representation: subclasses build it, and say what it learns and gives.

    Attributes
    ----------
    settings : NetworkSettings
    name : str
    pixels : PixelStore, optional
        Pixels shared between networks and folds; made in memory when not given.
    checkpoint : path, optional
        File from which a killed training goes on.
    log, tensorboard : path, optional
        Folders for the curves while it trains: ``log.csv``, and TensorBoard's event files.
    state : dict
        What fitting found out beside weights: plain values.
    """

    settings: Any
    name: str = "network"
    pixels: PixelStore | None = None
    checkpoint: Path | None = None
    log: Path | None = None
    tensorboard: Path | None = None
    state: dict = field(default_factory=dict)
    history: History = field(default_factory=History)
    model: Any = None  # torch.nn.Module; its types do not know the methods of our networks

    learns: ClassVar[Learns] = "pixels"
    Options: ClassVar[type[Options]] = NetworkOptions
    section: ClassVar[str] = "networks"

    def curves(self) -> pd.DataFrame:
        """Training and validation scores, one row an epoch."""
        return self.history.curves()

    def extract(
        self, prepared: Prepared, rows: np.ndarray, *, progress: Progress | None = None
    ) -> np.ndarray:
        """Embeddings of these rows, float32 (len(rows), n_features): means over squares and views.

        Raises
        ------
        InputError
            If ``settings.views`` is not 1, 4 or 8, or training left weights that give no numbers.
        """
        feed = self.inputs(prepared, rows)
        found = self._read(feed, self._embed, prepared, progress=progress)
        if self.history.epochs and not np.isfinite(found).all():
            wrong = int((~np.isfinite(found)).any(axis=1).sum())
            raise InputError(
                f"'{self.name}' gives {wrong} of {len(found)} images features that are not finite: "
                "its weights grew beyond all measure in training; likely cause: "
                f"{cooler(self.settings.training)}."
            )
        return found

    def differentiable(self, prepared: Prepared, rows: np.ndarray) -> Iterator[Differentiable]:
        """Batches of these rows in order, each image as it is (one view), with gradients."""
        model, squares = self._require_model().eval(), self.settings.pixels.tiles**2
        for batch in self.inputs(prepared, rows).ordered(self.settings.training.batch):
            images = batch.images.unflatten(0, (-1, squares))
            yield Differentiable(images, batch.rows, self._embedded_images, model)

    def _embedded_images(self, images: torch.Tensor) -> torch.Tensor:
        with autocast(self.device(), self.state["made"]["precision"]):
            return self._embed(batch_of(images)).float()

    def card(self, prepared: Prepared, *, fold: str = ALL) -> Card:
        """How the features came to be, and which wells and labels were learned from."""
        self._require_model()
        return Card(
            name=self.name,
            level=prepared.images.level,
            channels=prepared.channels,
            learns=self.learns,
            kind="fusion" if self.needs_measured else self.kind,
            fold=fold,
            preprocessing={"settings": plain(asdict(self.settings)), **self.state["made"]},
            weights=self.state.get("weights", ""),
            weights_digest=checkpoint.digest(self.model.state_dict()),
            licence=self.state.get("licence", ""),
            trained_on=tuple(self.state["trained_on"]),
            labels_seen=tuple(self.state["labels_seen"]),
        )

    def save(self, path: str | Path) -> None:
        """Write weights (safetensors) with settings, curves and what was learned from (JSON).

        Of several processes that trained it together, the first writes.
        """
        self._require_model()
        if not Ranks.here(self.state["made"]["device"]).first:
            return
        about = {"name": self.name, "state": self.state}
        about |= {"settings": asdict(self.settings), "history": vars(self.history)}
        checkpoint.save_tensors(path, self.model.state_dict(), about)

    def restore(self, path: str | Path) -> Network:
        """Take over what :meth:`save` wrote for a network of the same settings; returns self.

        Raises
        ------
        InputError
            If the file is another kind of network or was made with other settings.
        """
        tensors, about = checkpoint.load_tensors(path)
        if about.get("name") != self.name:
            raise InputError(f"{path} holds no '{self.name}', but {about.get('name')!r}.")
        if about["settings"] != plain(asdict(self.settings)):
            raise InputError(f"{path} was trained with other settings; use those or train again.")
        self.state, self.history = about["state"], History(**about["history"])
        device = pick_device(self.settings.training.device)
        self.model = self.build().to(device).to(memory_format=require_torch().channels_last)
        self.model.load_state_dict(tensors)
        self.model.eval()
        return self

    def standard(self) -> Standard:
        """Mean and standard deviation of each stain in what was learned from."""
        found = self.state["standard"]
        return Standard(*(np.asarray(found[part], dtype=np.float32) for part in ("mean", "sd")))

    def device(self) -> str:
        """Where the network lies."""
        return str(next(self._require_model().parameters()).device)

    def store(self, prepared: Prepared) -> PixelStore:
        """The pixel store of these images."""
        if self.pixels is None or self.pixels.prepared is not prepared:
            self.pixels = PixelStore(prepared, self.settings.pixels)
        if self.pixels.settings != self.settings.pixels:
            raise InputError(f"The pixel store was made with {self.pixels.settings}.")
        return self.pixels

    def build(self) -> Any:
        """A new network of these settings."""
        raise NotImplementedError

    def _embed(self, batch: Batch) -> torch.Tensor:
        """Features of a batch, one row an image: the mean over its squares."""
        from phenolens.represent.networks.backbones import mean_of_squares

        squares = self.settings.pixels.tiles**2
        return mean_of_squares(self._require_model().embed(batch.images).float(), squares)

    def _require_model(self) -> Any:
        if self.model is None:
            raise InputError(f"'{self.name}' has not been fitted yet.")
        return self.model

    def inputs(self, prepared: Prepared, rows: np.ndarray, **what: Any) -> Feed:
        """Batches of these rows as the network reads them, with what else a feed holds."""
        self._require_model()
        rows = np.asarray(rows)
        array = self.store(prepared).array(rows)
        device = self.device()
        feed = Feed(as_tensor(array, device), rows, self.standard(), device, **what)
        return replace(feed, augment=self.settings.augment)

    def _read(
        self,
        feed: Feed,
        what: Callable[[Batch], torch.Tensor],
        prepared: Prepared,
        *,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """Something of every row, the mean over its views; adapted to plates where that is set."""
        seen = self._over_views(what)
        if self.settings.adapt == "none":
            return self._collect(feed, what=seen, progress=progress)
        from phenolens.represent.networks.adapting import adapted

        plates = prepared.images.table[PLATE].astype(str).to_numpy()[feed.rows]
        found: dict[int, np.ndarray] = {}
        for plate in np.unique(plates):
            own = np.flatnonzero(plates == plate)
            controls = self.inputs(prepared, self._controls(prepared, str(plate)))
            batch = self.settings.training.batch
            with (
                require_torch().no_grad(),
                adapted(self.model, controls, batch=batch, see=self._embed),
            ):
                values = self._collect(feed.part(own), what=seen)
            found |= dict(zip(own.tolist(), values, strict=True))
            if progress:
                progress(len(found), len(feed))
        return np.stack([found[place] for place in range(len(feed))])

    def _controls(self, prepared: Prepared, plate: str) -> np.ndarray:
        """Rows of a plate's calibrating controls, evenly spaced where there are many."""
        own = prepared.images.table[PLATE].astype(str).to_numpy() == plate
        rows = np.flatnonzero(own & self.store(prepared).calibrating)
        if len(rows) < _FEWEST_CONTROLS:
            raise DesignError(
                f"Plate '{plate}' has {len(rows)} images of calibrating controls, too few to adapt "
                f"'{self.name}' to it ({_FEWEST_CONTROLS} at least). Choose adapt = 'none'."
            )
        return evenly(rows, _MOST_CONTROLS)

    def _over_views(self, what: Callable[[Batch], torch.Tensor]) -> Callable[[Batch], torch.Tensor]:
        """The mean of something of a batch over the views of its images."""
        views = self.settings.views
        if views not in (1, 4, SYMMETRIES):
            raise InputError(f"views = {views}: a square has 1, 4 (turns) or {SYMMETRIES} views.")

        def mean(batch: Batch) -> torch.Tensor:
            seen = (what(batch.turned(code)).float() for code in range(views))
            return sum(seen) / views

        return mean

    def _collect(self, feed: Feed, *, what, progress: Progress | None = None) -> np.ndarray:
        """Something of every row of a feed in order, float32; no gradients."""
        torch = require_torch()
        self._require_model().eval()
        precision = self.state["made"]["precision"]
        parts, done, size = [np.zeros((0, 0), np.float32)], 0, self.settings.training.batch
        with repeatable(0), torch.no_grad(), autocast(self.device(), precision):
            while done < len(feed):
                try:
                    for batch in feed.ordered(size, start=done):
                        parts.append(what(batch).float().cpu().numpy())
                        done += len(batch)
                        if progress:
                            progress(done, len(feed))
                except torch.OutOfMemoryError:
                    if size == 1:
                        raise InputError("Out of GPU memory with a single image.") from None
                    size = -(-size // 2)
                    warn(f"Out of GPU memory: images are read {size} at once.", stacklevel=3)
        return np.concatenate(parts[1:] or parts)

    def _prepare_training(self, prepared: Prepared, rows: np.ndarray, seed: int) -> None:
        """Everything about the rows that is learned before the first step."""
        if len(rows) < 2:
            raise DesignError(f"'{self.name}' needs at least 2 training images, got {len(rows)}.")
        device = pick_device(self.settings.training.device)
        with Ranks.here(device).first_alone():
            array = self.store(prepared).array(rows)
        standard = Standard.of(array, rows)
        self.state["standard"] = {"mean": standard.mean, "sd": standard.sd}
        self.state["n_stains"] = len(prepared.channels)
        self.state["trained_on"] = wells_of(prepared, rows)
        self.state["made"] = {"device": device, "seed": seed}
        self.state["made"]["threads"] = require_torch().get_num_threads()
        with repeatable(seed):
            self.model = self.build()
        self.state["made"]["precision"] = self._precision()
        self.model = self.model.to(self.state["made"]["device"])
        self.model = self.model.to(memory_format=require_torch().channels_last)

    def _precision(self) -> str:
        """As set; ``auto`` is what the device computes in."""
        wanted = self.settings.training.precision
        return pick_precision(self.state["made"]["device"]) if wanted == "auto" else wanted

    def rounds(self, n_images: int) -> int:
        """How often at most it is trained on so many images, all epochs each time."""
        del n_images
        return 1

    def _held_back(
        self, prepared: Prepared, rows: np.ndarray, labels: np.ndarray | None, seed: int
    ) -> np.ndarray:
        training = self.settings.training
        metadata = prepared.images.metadata.iloc[rows].reset_index(drop=True)
        held, how = hold_back(
            metadata, labels, how=training.validation, share=training.validation_share, seed=seed
        )
        self.state["made"]["validation"] = how
        return held

    def _train(
        self,
        objective,
        feeds: tuple[Feed, Feed],
        *,
        identity: list,
        progress: Progress | None,
        whole: Feed | None = None,
    ) -> None:
        """Train on the first feed for as long as the second says, then anew on `whole`, if any."""
        made = self.state["made"]
        training = replace(
            self.settings.training, device=made["device"], precision=made["precision"]
        )
        trainer = Trainer(
            self.model,
            objective,
            feeds,
            training,
            seed=made["seed"],
            checkpoint=None if self.checkpoint is None else Path(self.checkpoint),
            identity=digest(asdict(self.settings), self.state, *identity),
            log=None if self.log is None else Path(self.log),
            tensorboard=None if self.tensorboard is None else Path(self.tensorboard),
        )
        if whole is None or not len(feeds[1]):
            self.history = trainer.run(progress)
        else:
            self.history = self._run_twice(trainer, whole, progress)
            made["refit"] = {"epochs": self.history.best_epoch, "images": len(whole)}
        if self.history.parts > 1:
            made["parts"] = self.history.parts
        if trainer.ranks.world > 1:
            made["processes"] = trainer.ranks.world
        self.state = json.loads(json.dumps(plain(self.state)))

    def _run_twice(self, trainer: Trainer, whole: Feed, progress: Progress | None) -> History:
        """What was held back is learned too: train again from the start, on all rows, for as many
        epochs as validation chose (Goodfellow et al. 2016, section 7.8)."""
        begin = copied(self.model.state_dict())
        most = trainer.settings.epochs * whole.steps(trainer.settings.batch)
        first = trainer.run(_part_of(progress, after=most))
        self.model.load_state_dict(begin)
        kept = trainer.checkpoint
        again = replace(
            trainer,
            feeds=(whole, whole.part(np.arange(0))),
            checkpoint=kept and kept.with_stem(f"{kept.stem}-refit"),
            log=None,
            tensorboard=None,
            until=first.best_epoch,
            history=History(),
        )
        second = again.run(_part_of(progress, before=trainer.work.all()[0]))
        if second.best_epoch < first.best_epoch:
            first = replace(first, stopped=f"trained again on all images, {second.stopped}")
        return replace(first, parts=max(first.parts, second.parts))


def _part_of(progress: Progress | None, *, before: int = 0, after: int = 0) -> Progress | None:
    """Told of one part of a work, it tells of the whole."""
    if progress is None:
        return None
    tell = progress
    return lambda done, total: tell(before + done, before + total + after)


def batch_of(images: torch.Tensor, features: torch.Tensor | None = None) -> Batch:
    """Images (B, squares, C, S, S) as the batch that a network reads."""
    channels_last = require_torch().channels_last
    flat = images.flatten(0, 1).contiguous(memory_format=channels_last)
    return Batch(flat, np.arange(len(images)), features=features)


def keys_of(prepared: Prepared, rows: np.ndarray) -> list[list[str]]:
    """The key of each row."""
    return prepared.images.table[prepared.images.key].iloc[rows].astype(str).to_numpy().tolist()
