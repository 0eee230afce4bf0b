"""An encoder that others have trained, as a representation: frozen, of any number of stains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, computed_field, model_validator

from phenolens.errors import ConfigError, InputError
from phenolens.files import plain
from phenolens.prepared import Prepared, Progress
from phenolens.represent.base import ALL, Card, Kind, Learns, Options, register
from phenolens.represent.differentiable import Differentiable
from phenolens.represent.networks import checkpoint
from phenolens.represent.networks.augment import turn
from phenolens.represent.networks.devices import autocast, pick_device, repeatable
from phenolens.represent.networks.network import Network, NetworkSettings
from phenolens.represent.networks.pixels import PixelSettings, squares_of
from phenolens.represent.networks.torches import require_torch
from phenolens.represent.networks.training import TrainSettings
from phenolens.represent.pretrained.entries import (
    ENTRIES,
    PERMISSIVE,
    Entry,
    Output,
    Stains,
    entry,
)
from phenolens.represent.pretrained.preprocessing import (
    Fit,
    Intensity,
    Normalise,
    Preprocessing,
    Resample,
    read_preprocessor,
)
from phenolens.represent.pretrained.sources import FoundWeights, find

if TYPE_CHECKING:
    import torch

_STRATEGIES = {
    "bag": "each stain was encoded by itself and the embeddings joined",
    "average": "filters of the first layer were averaged over colours and shared out to the stains",
    "three": "stains were encoded three at a time and the embeddings joined",
    "together": "all stains were encoded together",
    "beside": "each stain was encoded beside the reference stains and the embeddings joined",
}


class PretrainedOptions(Options):
    """The table ``[represent.pretrained]``: which encoder, and how it reads.

    What is not set is as the ready entry, or the model's ``preprocessor_config.json``, says.
    """

    encoder: str = ""
    weights: str = ""
    revision: str = ""
    licence_accepted: str = ""
    stains: Stains | None = None
    channels: tuple[str, ...] = ()
    reference: tuple[str, ...] = ()
    output: Output | None = None
    input: Annotated[int, Field(ge=16, le=1024)] | None = None
    resample: Resample | None = None
    fit: Fit | None = None
    intensity: Intensity | None = None
    normalise: Normalise | None = None
    mean: tuple[float, ...] | None = None
    sd: tuple[Annotated[float, Field(gt=0)], ...] | None = None
    scaling: Literal["controls", "image"] = "controls"
    tiles: Annotated[int, Field(ge=1)] = 1
    views: Literal[1, 4, 8] = 1
    pooling: Literal["mean", "median", "trimmed"] = "mean"
    batch: Annotated[int, Field(ge=1)] = 32
    device: str = "auto"
    precision: Literal["auto", "float32", "bf16"] = "float32"

    @model_validator(mode="after")
    def _can_be_had(self) -> PretrainedOptions:
        """An encoder is named, is known, and its licence is permissive or accepted."""
        try:
            known = self.entry
        except ConfigError as error:
            raise ValueError(str(error)) from None
        if known is None and not self.weights:
            raise ValueError(
                f"name an encoder ({', '.join(ENTRIES)}), or give weights: a folder, a file, or an "
                "identifier of the model hub"
            )
        if known is not None and not known.permissive and self.licence_accepted != known.licence:
            raise ValueError(
                f"the licence of encoder '{self.encoder}' ({known.licence}) is not permissive. "
                f'Read it ({known.url}); if it allows your use, say licence_accepted = "'
                f'{known.licence}"'
            )
        if known is not None and not known.weights and not self.weights:
            raise ValueError(f"encoder '{self.encoder}' is not fetched by itself: {known.obtain}")
        return self

    @property
    def entry(self) -> Entry | None:
        """The ready entry; None where there is none.

        Raises
        ------
        ConfigError
            If the name is unknown.
        """
        return entry(self.encoder) if self.encoder else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def described(self) -> str:
        """What the report's methods say of it."""
        known, weights = self.entry, self.weights
        label = (
            known.label if known else Path(weights).name if Path(weights).is_absolute() else weights
        )
        licence = known.licence if known else self.licence_accepted or "as on its page"
        version = f", revision {self.revision}" if self.revision else ""
        scaled = "each plate's controls" if self.scaling == "controls" else "each image itself"
        return (
            f"{label} (licence: {licence}{version}); {_STRATEGIES[self.strategy]}; pixels were "
            f"scaled by {scaled}"
        )

    @property
    def strategy(self) -> Stains:
        """How several stains are read."""
        known = self.entry
        return self.stains or (known.stains if known else "bag")

    def preprocessing(self, source: FoundWeights) -> Preprocessing:
        """As set, else as the entry says, else as lies beside the weights."""
        known, beside = self.entry, source.beside("preprocessor_config.json")
        if known is not None:
            said = known.preprocessing
        else:
            said = Preprocessing() if beside is None else read_preprocessor(beside)
        own: dict[str, Any] = {
            name: value
            for name in Preprocessing.__dataclass_fields__
            if (value := getattr(self, name, None)) is not None
        }
        return replace(said, **own)


@dataclass(frozen=True)
class PretrainedSettings(NetworkSettings):
    """Settings of a pretrained encoder.

    Attributes
    ----------
    origin, revision, licence : str
        Of its weights.
    digest : str
        Of their content: with other weights everything is made anew.
    preprocessing : Preprocessing
    stains, output, channels, reference
        As in :class:`PretrainedOptions`.
    """

    origin: str = ""
    revision: str = ""
    licence: str = ""
    digest: str = ""
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    stains: Stains = "bag"
    output: Output | None = None
    channels: tuple[str, ...] = ()
    reference: tuple[str, ...] = ()


@register
@dataclass
class Pretrained(Network):
    """A frozen encoder; pixels are read once, at their own size, and nothing is learned.

    Attributes
    ----------
    source : FoundWeights
        Where its weights lie.
    """

    settings: PretrainedSettings = field(default_factory=PretrainedSettings)
    name: str = "pretrained"
    source: FoundWeights | None = None

    label: ClassVar[str] = "Pretrained encoder"
    kind: ClassVar[Kind] = "pretrained"
    methods: ClassVar[str] = "The pretrained encoder is used as its authors left it: {described}."
    learns: ClassVar[Learns] = "nothing"
    Options: ClassVar[type[Options]] = PretrainedOptions
    section: ClassVar[str] = ""
    rank: ClassVar[int] = 35

    @classmethod
    def of(cls, options: PretrainedOptions, *, level: str, seed: int) -> Pretrained:
        """As the study file says.

        Raises
        ------
        ConfigError
            If the weights have a licence that is neither permissive nor accepted.
        InputError
            If there are no such weights.
        """
        del level, seed
        known, (source, licence) = options.entry, _found(options)
        settings = PretrainedSettings(
            PixelSettings(size=32, tiles=options.tiles, scaling=options.scaling),
            TrainSettings(batch=options.batch, device=options.device, precision=options.precision),
            views=options.views,
            origin=source.origin,
            revision=source.revision,
            licence=licence,
            digest=source.digest,
            preprocessing=options.preprocessing(source),
            stains=options.strategy,
            output=options.output or (known.output if known else None),
            channels=options.channels,
            reference=options.reference,
        )
        return cls(settings, source=source)

    @classmethod
    def made_of(cls, options: PretrainedOptions) -> list[str]:
        """Digest of its weights; raises as :meth:`of`."""
        return [_found(options)[0].digest]

    def fit(
        self,
        prepared: Prepared,
        rows: np.ndarray,
        *,
        labels: np.ndarray | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Pretrained:
        """Load the weights; rows and labels are not looked at.

        Raises
        ------
        InputError
            If the weights cannot be loaded, or the encoder cannot read these stains.
        """
        del rows, labels, seed, progress
        device = pick_device(self.settings.training.device)
        self.state = {"stains": list(prepared.channels), "trained_on": [], "labels_seen": []}
        self.state["made"] = {"device": device}
        self.state["made"]["precision"] = self._precision()
        self.model = self.build().to(device)
        self.state["made"] |= {"features": self.model.width, "output": self.model.output}
        return self

    def build(self) -> Any:
        """The encoder with its weights; needs the names of the stains."""
        require_torch()
        from phenolens.represent.pretrained.architectures import build
        from phenolens.represent.pretrained.encoder import StainEncoder

        if self.source is None or self.source.digest != self.settings.digest:
            raise InputError(
                f"The weights {self.settings.origin} have changed while they were used."
            )
        settings, stains = self.settings, self.state["stains"]
        if absent := [name for name in settings.channels if name not in stains]:
            raise InputError(
                f"There is no stain '{absent[0]}' (channels); there are {', '.join(stains)}."
            )
        with repeatable(0):
            return StainEncoder(
                build(self.source),
                settings.preprocessing,
                settings.channels or tuple(stains),
                strategy=settings.stains,
                output=settings.output,
                reference=settings.reference,
            )

    def extract(
        self, prepared: Prepared, rows: np.ndarray, *, progress: Progress | None = None
    ) -> np.ndarray:
        """Embeddings of these rows, float32 (len(rows), n_features): means over squares and views.

        Raises
        ------
        InputError
            If the encoder gives something that is no number.
        """
        torch = require_torch()
        model, precision = self._require_model().eval(), self.state["made"]["precision"]
        device = self.device()  # not what made it: that may have been another machine
        out = np.zeros((len(rows), model.width), dtype=np.float32)
        done = 0
        with repeatable(0), torch.no_grad(), autocast(device, precision):
            for images in self._batches(prepared, np.asarray(rows)):
                found = self._embedded(images.to(device))
                if not np.isfinite(found).all():
                    bad = int(np.argmin(np.isfinite(found).all(axis=1)))
                    raise InputError(
                        f"{self.settings.origin} gave values that are not finite, first for "
                        f"{prepared.images.where(int(rows[done + bad]))}. Look at that image, set "
                        "precision = 'float32', or take other weights."
                    )
                out[done : done + len(found)] = found
                done += len(found)
                if progress:
                    progress(done, len(rows))
        return out

    def differentiable(self, prepared: Prepared, rows: np.ndarray) -> Iterator[Differentiable]:
        """Batches of these rows in order, resampled as the encoder reads them, with gradients."""
        model, device, rows, done = self._require_model().eval(), self.device(), np.asarray(rows), 0
        for images in self._batches(prepared, rows):
            places = np.arange(done, done + len(images))
            done += len(images)
            yield Differentiable(images.to(device), places, self._embedded_images, model)

    def _embedded_images(self, images: torch.Tensor) -> torch.Tensor:
        found = self.model(images.flatten(0, 1).contiguous())
        return found.unflatten(0, images.shape[:2]).mean(dim=1).float()

    def card(self, prepared: Prepared, *, fold: str = ALL) -> Card:
        """Which encoder, how it reads, and under which licence."""
        self._require_model()
        settings = self.settings
        version = f"@{settings.revision}" if settings.revision else ""
        return Card(
            name=self.name,
            level=prepared.images.level,
            channels=prepared.channels,
            learns=self.learns,
            kind=self.kind,
            fold=fold,
            preprocessing={"settings": plain(asdict(settings)), **self.state["made"]},
            weights=f"{settings.origin}{version}",
            weights_digest=settings.digest,
            licence=settings.licence,
        )

    def save(self, path: str | Path) -> None:
        """Write what it is; its weights stay where they lie, known by their digest."""
        self._require_model()
        about = {"name": self.name, "state": self.state, "settings": asdict(self.settings)}
        checkpoint.save_tensors(path, {}, about)

    def restore(self, path: str | Path) -> Pretrained:
        """Take over what :meth:`save` wrote; returns self.

        Raises
        ------
        InputError
            If the file is another kind of network, was made with other settings or weights, or the
            weights are no longer where they were.
        """
        about = checkpoint.load_tensors(path)[1]
        if about.get("name") != self.name:
            raise InputError(f"{path} holds no '{self.name}', but {about.get('name')!r}.")
        if about["settings"] != plain(asdict(self.settings)):
            raise InputError(f"{path} was made with other settings or weights; make it anew.")
        self.state = about["state"]
        self.model = self.build().to(pick_device(self.settings.training.device))
        return self

    def _batches(self, prepared: Prepared, rows: np.ndarray) -> Iterator[torch.Tensor]:
        """Images as the encoder reads them, (B, squares, stains, input, input)."""
        torch = require_torch()
        store, how = self.store(prepared), self.settings.preprocessing
        read = self.settings.channels or prepared.channels
        places = [prepared.channels.index(name) for name in read]
        tiles, batch = self.settings.pixels.tiles, self.settings.training.batch
        for start in range(0, len(rows), batch):
            images = [store.scaled(int(row))[places] for row in rows[start : start + batch]]
            squares = [[how.apply(one) for one in squares_of(image, tiles)] for image in images]
            yield torch.stack([torch.stack(one) for one in squares])

    def _embedded(self, images: torch.Tensor) -> np.ndarray:
        """Features of a batch: means over squares and views."""
        flat, views = images.flatten(0, 1), self.settings.views
        found = sum(self.model(turn(flat, code).contiguous()) for code in range(views)) / views
        return found.unflatten(0, images.shape[:2]).mean(dim=1).float().cpu().numpy()


def _found(options: PretrainedOptions) -> tuple[FoundWeights, str]:
    """Weights, and the licence under which they may be used."""
    known = options.entry
    source = find(options.weights or (known.weights if known else ""), revision=options.revision)
    licence = known.licence if known else source.licence or options.licence_accepted
    if not licence:
        raise ConfigError(
            f"Nothing says which licence the weights {source.origin} have. Say under which you "
            'use them: licence_accepted = "...".'
        )
    if licence.lower() not in PERMISSIVE and options.licence_accepted != licence:
        raise ConfigError(
            f"The licence of the weights {source.origin} ({licence}) is not permissive. Read it; "
            f'if it allows your use, say licence_accepted = "{licence}".'
        )
    return source, licence
