"""What a representation is: a card, something that may learn, and something that extracts.

A representation reads images of a :class:`~phenolens.prepared.Prepared` store and gives one row
of features an image. What is the same for everybody (``learns = "nothing"``) is made once, as fold
``all``; what learns is fitted once per fold, on that fold's training rows only.

Each is one class in one file of this package that registers itself; other packages offer theirs in
the entry-point group ``phenolens.representations``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from phenolens.errors import InputError, LeakError
from phenolens.prepared import Prepared, Progress
from phenolens.profiles import PLATE, WELL, feature_names, from_frame
from phenolens.registry import Registry
from phenolens.represent.differentiable import Differentiable
from phenolens.words import names

Learns = Literal["nothing", "pixels", "labels"]
Kind = Literal["measured", "unsupervised", "supervised", "pretrained", "baseline"]
Reads = Literal["images", "crops", "measurements"]
ALL = "all"


@dataclass(frozen=True)
class Card:
    """How a block of features came to be, and which rows and labels it has seen.

    Attributes
    ----------
    name : str
        Name of the representation.
    level : str
        What one row is: ``cell``, ``tile``, ``field`` or ``well``.
    channels : tuple of str
    learns : {"nothing", "pixels", "labels"}
    kind : str
        ``measured``, ``unsupervised``, ``supervised``, ``pretrained``, ``baseline``, or ``fusion``
        (trained on measured features beside its images); empty where nothing says.
    fold : str
        The fold it was fitted for, or ``all``.
    preprocessing : dict
        Scaling, size and what else was done to the pixels.
    weights, weights_digest, licence : str
        Origin of pretrained weights, digest of the weights used, and their licence.
    trained_on : tuple of str
        ``plate/well`` of the wells whose pixels it learned from.
    labels_seen : tuple of str
        Treatments whose labels it learned from.
    url : str
        Where it is described.
    unknown : tuple of str
        Of ``trained_on`` and ``labels_seen``, what nobody has said (profiles made elsewhere).
    """

    name: str
    level: str
    channels: tuple[str, ...]
    learns: Learns = "nothing"
    kind: str = ""
    fold: str = ALL
    preprocessing: dict = field(default_factory=dict)
    weights: str = ""
    weights_digest: str = ""
    licence: str = ""
    trained_on: tuple[str, ...] = ()
    labels_seen: tuple[str, ...] = ()
    url: str = ""
    unknown: tuple[str, ...] = ()

    def as_dict(self) -> dict:
        """Plain values, for JSON."""
        return asdict(self)


class Options(BaseModel):
    """Settings of a representation in the study file; a subclass adds the keys it has."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Representation:
    """One way to turn images into features; subclass it, and register the class.

    What holds for the class is written as class attributes.
    :func:`phenolens.testing.check_representation` tests what is asked here.

    Attributes
    ----------
    name : str
        As the study file calls it.
    label : str
        As the report calls it.
    kind : {"measured", "unsupervised", "supervised", "pretrained", "baseline"}
        ``baseline``: what the others must beat (random weights, shuffled labels).
    methods : str
        A sentence for the report's methods; ``{key}`` stands for an option.
    learns : {"nothing", "pixels", "labels"}
        What `fit` looks at. What learns is fitted once a fold, and what learns labels also once a
        group of treatments that it has not seen. Where options decide, `learns_with` says so.
    reads : {"images", "crops", "measurements"}
        Prepared images whole; crops around measured cells (or images, where the study says so); or
        the measured cells themselves, for which `wells` takes the place of `fit` and `extract`.
    needs_measured : bool
        Whether the measured features of each image come beside its pixels (networks only).
    fewest : int
        Images it needs.
    Options : type
        Its settings in the study file: the table ``[represent.NAME]``, and those of its keys which
        stand in `section`.
    section : str
        Section of the study file that it shares with others: ``networks``, ``represent`` or none.
    version : str
        Changes when the code does: what another version made is made anew.
    rank : int
        Place in lists and tables, low first; fusions stand at 50, those with noise at 70.
    trained_on, labels_seen : tuple of str
        ``plate/well`` and treatments that the fitted one has learned from.
    """

    name: str
    label: ClassVar[str]
    kind: ClassVar[Kind]
    methods: ClassVar[str] = ""
    learns: ClassVar[Learns] = "nothing"
    reads: ClassVar[Reads] = "crops"
    needs_measured: ClassVar[bool] = False
    fewest: ClassVar[int] = 1
    Options: ClassVar[type[Options]] = Options
    section: ClassVar[str] = ""
    rank: ClassVar[int] = 100
    version: ClassVar[str] = ""
    trained_on: tuple[str, ...] = ()
    labels_seen: tuple[str, ...] = ()

    @classmethod
    def of(cls, options: Any, *, level: str, seed: int) -> Self:
        """The unfitted representation as the study file wants it.

        Parameters
        ----------
        options : Options
            An object of the class's `Options`.
        level : {"field", "tile", "cell"}
            What one image is.
        seed : int
            Of the study.
        """
        del options, level, seed
        return cls()

    @classmethod
    def made_of(cls, options: Any) -> list[str]:
        """Digests of what it is made of beside its settings: weights that others trained.

        Asked before anything long begins, and whether a finished study still stands.

        Parameters
        ----------
        options : Options

        Raises
        ------
        PhenolensError
            If something of it cannot be had; what to do.
        """
        del options
        return []

    @classmethod
    def learns_with(cls, options: Any) -> Learns:
        """What `fit` looks at with these options, where that is theirs to say."""
        del options
        return cls.learns

    def fit(
        self,
        prepared: Prepared,
        rows: np.ndarray,
        *,
        labels: np.ndarray | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from these rows of the store only; returns the fitted representation.

        Parameters
        ----------
        prepared : Prepared
        rows : ndarray of int
        labels : ndarray of object, shape (len(rows),), optional
            Treatments of the rows, for what learns labels.
        seed : int
        progress : callable, optional
            Called with (done, total).
        """
        del prepared, rows, labels, seed, progress
        return self

    def extract(
        self, prepared: Prepared, rows: np.ndarray, *, progress: Progress | None = None
    ) -> np.ndarray:
        """Features of these rows, float32 (len(rows), n_features), each of its own image alone."""
        raise NotImplementedError(f"'{self.name}' has no extract.")

    def differentiable(self, prepared: Prepared, rows: np.ndarray) -> Iterator[Differentiable]:
        """Batches of these rows with the network from their pixels on, for pixel explanations.

        A network of ours has it; another gives what :class:`Differentiable` asks.

        Raises
        ------
        InputError
            If there is none.
        """
        del prepared, rows
        raise InputError(
            f"'{self.name}' gives no gradients, so its images cannot be explained pixel by pixel. "
            "Explain a network, or let it have `differentiable`."
        )

    def wells(self, units: Sequence[Any], *, how: str, min_cells: int) -> pd.DataFrame:
        """Profile table of wells made of measured cells, for what reads measurements.

        Parameters
        ----------
        units : sequence of Unit
            The measured cells of every field; see :mod:`phenolens.represent.measuring.units`.
        how : {"median", "mean"}
        min_cells : int
            Wells with fewer cells are left out.
        """
        raise NotImplementedError(f"'{self.name}' has no wells.")

    def card(self, prepared: Prepared, *, fold: str = ALL) -> Card:
        """How the features came to be, and which wells and labels were learned from."""
        return Card(
            self.name,
            prepared.images.level,
            prepared.channels,
            learns=self.learns,
            kind=self.kind,
            fold=fold,
            trained_on=self.trained_on,
            labels_seen=self.labels_seen,
        )


NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
NAME_IS = (
    "a name is made of at most 60 lower-case letters, digits, '.', '_' and '-', the first a letter "
    "or digit"
)


def require_declared(kind: Any) -> None:
    """Refuse a class that does not say what a representation must say of itself.

    Raises
    ------
    ValueError
    """
    if not (isinstance(kind, type) and issubclass(kind, Representation)):
        raise ValueError(f"{kind!r} is no subclass of phenolens.represent.base.Representation.")
    who = f"Representation {kind.name!r}"
    if not NAME.fullmatch(kind.name):
        raise ValueError(f"{who}: {NAME_IS}.")
    if not isinstance(getattr(kind, "label", None), str) or not kind.label:
        raise ValueError(f"{who} has no label, which is what a report calls it.")
    for attribute, words in {
        "kind": get_args(Kind), "learns": get_args(Learns), "reads": get_args(Reads),
    }.items():  # fmt: skip
        if (said := getattr(kind, attribute, None)) not in words:
            raise ValueError(f"{who}: {attribute} is one of {', '.join(words)}; got {said!r}.")
    if not (isinstance(kind.Options, type) and issubclass(kind.Options, Options)):
        raise ValueError(f"{who}: Options is no subclass of phenolens.represent.base.Options.")
    if kind.reads == "measurements":
        return
    if kind.extract is Representation.extract:
        raise ValueError(f"{who} has no extract, which gives an image its features.")
    if kind.learns != "nothing" and kind.fit is Representation.fit:
        raise ValueError(f"{who} learns {kind.learns} and has no fit that does.")


REPRESENTATIONS: Registry[type[Representation]] = Registry(
    "representation",
    package="phenolens.represent",
    kind="representations",
    check=require_declared,
)
register = REPRESENTATIONS.register
names.learn(
    "representation",
    lambda: {n: names.Called(k.label, k.rank) for n, k in REPRESENTATIONS.known().items()},
)


def kinds_of(study: Mapping[str, Any]) -> dict[str, type[Representation]]:
    """The class of every name that a study may ask for: those that are registered, and its own.

    Parameters
    ----------
    study : mapping
        The study file as plain values.

    Returns
    -------
    dict of str to type
        For each of ``[[encoders]]`` a subclass of its kind that bears its name, behind the
        registered ones. An encoder of a kind that there is not is left out.
    """
    known = REPRESENTATIONS.known()
    own = {item["name"]: item["kind"] for item in study.get("encoders") or ()}
    return known | {name: called(known[kind], name) for name, kind in own.items() if kind in known}


def called(kind: type[Representation], name: str) -> type[Representation]:
    """The class of an encoder of this kind and name.

    What it makes is of `kind` itself and bears the name, so that it can be pickled.

    Parameters
    ----------
    kind : type
    name : str
        Also its label.
    """

    def of(cls: type[Representation], options: Any, *, level: str, seed: int) -> Representation:
        made = kind.of(options, level=level, seed=seed)
        object.__setattr__(made, "name", name)  # frozen dataclasses are representations too
        return made

    told = f"The encoder {name} is of kind {kind.name}. {kind.methods}".rstrip()
    same = ("__module__", "__qualname__", "__doc__")
    own = {"name": name, "label": name, "methods": told, "of": classmethod(of)}
    return type(kind.__name__, (kind,), {key: getattr(kind, key) for key in same} | own)


def options_of(kind: type[Representation], study: Mapping[str, Any]) -> Any:
    """A representation's options as a study file sets them.

    Parameters
    ----------
    kind : type
        The representation's class.
    study : mapping
        The study file as plain values.

    Returns
    -------
    Options
        Of the class ``kind.Options``: what ``[represent.NAME]`` or the settings of the encoder of
        this name say, then the section that it shares, then its defaults.

    Raises
    ------
    pydantic.ValidationError
    """
    shared = study.get(kind.section) or {}
    own = (study.get("represent") or {}).get(kind.name) or {}
    for encoder in study.get("encoders") or ():
        own = encoder.get("settings", {}) if encoder["name"] == kind.name else own
    common = {key: shared[key] for key in kind.Options.model_fields if key in shared}
    return kind.Options.model_validate(common | own)


def evenly(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of these rows, evenly spaced from the first to the last."""
    rows = np.asarray(rows)
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).round().astype(int)]


def wells_of(prepared: Prepared, rows: np.ndarray) -> list[str]:
    """``plate/well`` of these rows, sorted, each once."""
    table = prepared.images.table.iloc[rows]
    return sorted(set(table[PLATE].astype(str) + "/" + table[WELL].astype(str)))


def table(prepared: Prepared, rows: np.ndarray, features: np.ndarray, *, name: str) -> pd.DataFrame:
    """Profile table of extracted features: the images' metadata as row index."""
    metadata = prepared.images.metadata.iloc[rows].reset_index(drop=True)
    frame = pd.DataFrame(features, columns=feature_names(name, features.shape[1]))
    return from_frame(pd.concat([metadata, frame], axis=1))


def require_rows(features: object, rows: int, name: str, *, fold: str = ALL) -> np.ndarray:
    """Features as `extract` gave them, as float32.

    Parameters
    ----------
    features : ndarray, Tensor or nested lists of float
        What `extract` gave.
    rows : int
        Images that it was asked for.
    name, fold : str
        Of the representation, for the error.

    Returns
    -------
    ndarray of float32, shape (rows, n_features)

    Raises
    ------
    InputError
        If it is no matrix of finite numbers with a row an image and a feature or more.
    """
    who = f"Representation '{name}', fold {fold},"
    asked = f"{rows} images; expected float32, one row an image, at least one feature."
    if hasattr(features, "detach"):  # a tensor of PyTorch, on whatever device
        features = features.detach().float().cpu().numpy()
    try:
        values = np.asarray(features)
    except ValueError:
        raise InputError(f"{who} gave rows of different lengths for {asked}") from None
    if values.ndim != 2 or len(values) != rows or not values.size or values.dtype.kind != "f":
        raise InputError(f"{who} gave {values.dtype} of shape {values.shape} for {asked}")
    with np.errstate(over="ignore"):  # what is beyond float32 is told as not finite
        values = values.astype(np.float32, copy=False)
    if wrong := int((~np.isfinite(values)).any(axis=1).sum()):
        raise InputError(f"{who} gave values that are not finite for {wrong} of {rows} images.")
    return values


def refuse_overlap(card: Card, plates_and_wells: list[str], treatments: list[str]) -> None:
    """Raise :class:`LeakError` when rows to be scored were learned from.

    Parameters
    ----------
    card : Card
    plates_and_wells : list of str
        ``plate/well`` of the rows to be scored.
    treatments : list of str
        Treatments to be scored without having been seen; empty where labels may be seen
        (classification of held-out wells).
    """
    wells = sorted(set(card.trained_on) & set(plates_and_wells))
    labels = sorted(set(card.labels_seen) & set(treatments))
    if wells or labels:
        what = f"{len(wells)} wells ({', '.join(wells[:3])})" if wells else f"labels {labels[:3]}"
        raise LeakError(
            f"Representation '{card.name}' (fold {card.fold}) learned from {what} that it was "
            "about to be scored on. Score it on the rows its fold held out."
        )
