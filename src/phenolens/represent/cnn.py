"""A convolutional network that learns treatments from images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from phenolens.errors import DesignError
from phenolens.prepared import Prepared
from phenolens.represent.base import Kind, Learns, Options, Progress, register
from phenolens.represent.differentiable import Differentiable
from phenolens.represent.networks.architecture import Architecture
from phenolens.represent.networks.devices import autocast
from phenolens.represent.networks.feed import Batch, Feed
from phenolens.represent.networks.joining import FeatureBlock
from phenolens.represent.networks.network import (
    BackboneOptions,
    Network,
    NetworkSettings,
    batch_of,
    keys_of,
)
from phenolens.represent.networks.torches import require_torch
from phenolens.represent.networks.weights import find_weights, load_pretrained

if TYPE_CHECKING:
    import torch

Refit = Literal["auto", "yes", "no"]
_FEW = 4000


@dataclass(frozen=True)
class CNNSettings(NetworkSettings):
    """Settings of the treatment network.

    Attributes
    ----------
    backbone : Architecture
    weights : str
        ``""`` from scratch, ``imagenet`` from the hub, or a safetensors file.
    smoothing : float
        Label smoothing.
    mixup : float
        Images are mixed in pairs, with a share drawn from Beta(mixup, mixup); 0 mixes nothing.
    balanced : bool
        Whether every class counts alike in training, or every image.
    refit : {"auto", "yes", "no"}
        Whether, once validation has chosen the epochs, it is trained again on all training images,
        those held back too. ``auto`` does so with at most 4,000: there a seventh more images says
        more, and twice the time costs little.
    shuffle_labels : bool
        The control: wells keep their images but swap labels, within their plate.
    """

    backbone: Architecture = field(default_factory=Architecture)
    weights: str = ""
    smoothing: float = 0.05
    mixup: float = 0.0
    balanced: bool = True
    refit: Refit = "auto"
    shuffle_labels: bool = False


class CNNOptions(BackboneOptions):
    """``smoothing`` of labels, ``mixup`` of images; ``balanced`` weighs classes alike.

    ``refit`` trains again on all images, for the epochs that those held back chose.
    """

    smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.05
    mixup: Annotated[float, Field(ge=0)] = 0.0
    balanced: bool = True
    refit: Refit = "auto"


@register
@dataclass
class CNN(Network):
    """Weakly supervised; its features are the pooled embedding.

    Attributes
    ----------
    features : DataFrame, optional
        A profile table joined by key and concatenated before the classifier.
    """

    settings: CNNSettings = field(default_factory=CNNSettings)
    name: str = "cnn"
    features: pd.DataFrame | None = None

    label: ClassVar[str] = "CNN"
    kind: ClassVar[Kind] = "supervised"
    methods: ClassVar[str] = (
        "The CNN is a convolutional network ({architecture}) [he2016, liu2022], trained to name "
        "the treatments of a fold's training wells; its features are the pooled embedding."
    )
    learns: ClassVar[Learns] = "labels"
    Options: ClassVar[type[Options]] = CNNOptions
    rank: ClassVar[int] = 30
    shuffles: ClassVar[bool] = False

    @classmethod
    def of(cls, options: CNNOptions, *, level: str, seed: int) -> CNN:
        """As the study file says."""
        del seed
        return cls(
            CNNSettings(
                options.pixels(level),
                options.training(),
                augment=options.augment,
                views=options.views,
                backbone=options.backbone(level),
                adapt=options.adapt,
                weights=options.weights,
                smoothing=options.smoothing,
                mixup=options.mixup,
                balanced=options.balanced,
                refit=options.refit,
                shuffle_labels=cls.shuffles,
            )
        )

    def fit(
        self,
        prepared: Prepared,
        rows: np.ndarray,
        *,
        labels: np.ndarray | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> CNN:
        """Learn the labels of these rows; nothing else of the store is read, but the pixels of
        controls that calibrate the same plates.

        Raises
        ------
        DesignError
            If labels are missing or all the same.
        InputError
            If weights cannot be used, features cannot be joined, or the loss is lost at once.
        """
        rows = np.asarray(rows)
        labels = _checked(labels, len(rows), self.name)
        if self.settings.shuffle_labels:
            labels = shuffled(prepared, rows, labels, seed)
        self.state = {"classes": sorted(set(labels)), "labels_seen": sorted(set(labels))}
        block = self._fit_features(prepared, rows)
        self._prepare_training(prepared, rows, seed)
        self._pretrain()
        held = self._held_back(prepared, rows, labels, seed)
        targets = np.searchsorted(self.state["classes"], labels)
        balance = np.ones(len(self.state["classes"]))
        if self.settings.balanced:
            balance = _balance(targets, len(balance))
        learned, watched, whole = (
            self.inputs(
                prepared,
                rows[part],
                targets=targets[part],
                features=None if block is None else block[part],
                weights=balance[targets[part]] if self.settings.balanced else None,
            )
            for part in (~held, held, np.ones_like(held))
        )
        identity = [keys_of(prepared, rows), labels, self.store(prepared).digest()]
        identity += [] if block is None else [block]
        self._train(
            self._objective(balance),
            (learned, watched),
            identity=identity,
            whole=whole if self.rounds(len(rows)) > 1 else None,
            progress=progress,
        )
        return self

    def predict_proba(
        self, prepared: Prepared, rows: np.ndarray, *, progress: Progress | None = None
    ) -> np.ndarray:
        """Class probabilities, float32 (len(rows), len(classes)), in the order of `classes`.

        Each image's are the mean over its views (``settings.views``).
        """
        feed = self.inputs_with_features(prepared, rows)
        return self._read(feed, self._probabilities, prepared, progress=progress)

    def inputs_with_features(self, prepared: Prepared, rows: np.ndarray) -> Feed:
        """What the classifier reads: pixels, and features where it was fitted with them."""
        return self.inputs(prepared, rows, features=self._features(prepared, rows))

    def logits(
        self,
        batch: Batch,
        *,
        images: torch.Tensor | None = None,
        embedding: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Logits of each image of a batch, float32 (B, n_classes).

        Parameters
        ----------
        images : Tensor, optional
            Pixels instead of the batch's own.
        embedding : Tensor, optional
            Embedding of each square, where it is known already.
        """
        from phenolens.represent.networks.backbones import mean_of_squares

        squares, features = self.settings.pixels.tiles**2, batch.features
        if embedding is None:
            embedding = self.model.embed(batch.images if images is None else images)
        if features is not None:
            features = features.repeat_interleave(squares, dim=0)
        return mean_of_squares(self.model.classify(embedding, features).float(), squares)

    def differentiable(self, prepared: Prepared, rows: np.ndarray) -> Iterator[Differentiable]:
        """Batches of these rows in order, with the logits of its classes beside the embedding."""
        measured = self._features(prepared, rows)
        for each in super().differentiable(prepared, rows):
            features = None
            if measured is not None:
                features = require_torch().from_numpy(measured[each.rows]).to(each.images.device)
            classes = tuple(self.classes)
            yield replace(each, classify=self._classified, features=features, classes=classes)

    def _classified(
        self, images: torch.Tensor, features: torch.Tensor | None = None
    ) -> torch.Tensor:
        with autocast(self.device(), self.state["made"]["precision"]):
            return self.logits(batch_of(images, features)).float()

    def rounds(self, n_images: int) -> int:
        """Twice where what was held back is learned in the end."""
        few = n_images <= _FEW
        return 2 if self.settings.refit == "yes" or (self.settings.refit == "auto" and few) else 1

    @property
    def classes(self) -> list[str]:
        """Treatments it knows, sorted."""
        self._require_model()
        return list(self.state["classes"])

    def build(self):
        from phenolens.represent.networks.backbones import StainNetwork

        settings = self.settings
        pretrained = bool(settings.weights)
        return StainNetwork(
            self.state["n_stains"],
            len(self.state["classes"]),
            architecture=settings.backbone.at(settings.pixels.size, pretrained=pretrained),
            n_features=len(self.state.get("features", {}).get("names", [])),
        )

    def _pretrain(self) -> None:
        if self.settings.weights:
            path, origin, licence = find_weights(
                self.settings.weights, self.settings.backbone.family
            )
            load_pretrained(self.model, path)
            self.state |= {"weights": origin, "licence": licence}

    def _objective(self, balance: np.ndarray):
        from phenolens.represent.networks.backbones import WeakLabels

        torch = require_torch()
        weights = torch.from_numpy(balance.astype(np.float32)).to(self.state["made"]["device"])
        squares = self.settings.pixels.tiles**2
        return WeakLabels(
            weights,
            smoothing=self.settings.smoothing,
            squares=squares,
            mixup=self.settings.mixup,
        )

    def _probabilities(self, batch: Batch):
        return self.logits(batch).softmax(1)

    def _fit_features(self, prepared: Prepared, rows: np.ndarray) -> np.ndarray | None:
        if self.features is None:
            return None
        block = FeatureBlock.fit(self.features, prepared, rows)
        self.state["features"] = block.as_dict()
        return block.of(self.features, prepared, rows)

    def _features(self, prepared: Prepared, rows: np.ndarray) -> np.ndarray | None:
        if "features" not in self.state:
            return None
        block = FeatureBlock(**self.state["features"])
        return block.of(self.features, prepared, rows)


def shuffled(prepared: Prepared, rows: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Labels swapped between the wells of each plate: nothing but position can be learned.

    Where wells hold several classes, all images of a plate swap theirs.
    """
    from phenolens.profiles import PLATE, WELL

    table = prepared.images.table.iloc[rows].reset_index(drop=True)
    rng = np.random.default_rng([seed, 1])
    out = labels.copy()
    for _, places in sorted(table.groupby(PLATE, sort=True).groups.items()):
        own = pd.DataFrame({"well": table.loc[places, WELL].astype(str), "label": labels[places]})
        if own.groupby("well")["label"].nunique().max() > 1:
            out[places] = rng.permutation(labels[places])
            continue
        wells, inverse = np.unique(own["well"], return_inverse=True)
        of_well = np.empty(len(wells), dtype=labels.dtype)
        of_well[inverse] = labels[places]
        out[places] = rng.permutation(of_well)[inverse]
    return out


def _checked(labels: np.ndarray | None, n: int, name: str) -> np.ndarray:
    if labels is None or len(labels) != n:
        raise DesignError(f"'{name}' learns treatments: give one label for each of {n} rows.")
    if pd.isna(labels).any():
        raise DesignError(f"{int(pd.isna(labels).sum())} of {n} training rows have no label.")
    labels = np.asarray(labels, dtype=object).astype(str)
    if len(set(labels)) < 2:
        raise DesignError(f"'{name}' needs at least 2 treatments to learn from, got '{labels[0]}'.")
    return labels


def _balance(targets: np.ndarray, n_classes: int) -> np.ndarray:
    """Weight of each class: one over the root of its size, mean 1 over the rows.

    Sampling and loss each use it, so that together every class counts the same and neither a rare
    image is shown endlessly nor its gradient blown up.
    """
    counts = np.maximum(np.bincount(targets, minlength=n_classes), 1)
    weights = 1.0 / np.sqrt(counts)
    return weights / weights[targets].mean()
