"""The contract of a representation."""

from __future__ import annotations

import json
import pickle
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from phenolens import profiles
from phenolens.images import ImageSet
from phenolens.prepared import Prepared
from phenolens.profiles import CONTROL, OBJECT, PLATE, SITE, TREATMENT, WELL
from phenolens.represent.base import Card, Learns, Representation, require_declared, wells_of
from phenolens.represent.measuring.units import Measured, Unit, write_unit

CHANNELS = ("DNA", "ER", "AGP")
_WELLS = {"A01": "DMSO", "A02": "A", "A03": "B", "B01": "DMSO", "B02": "A", "B03": "B"}
_PLATES, _TRAIN = ("P1", "P2", "P3"), ("P1", "P2")


@dataclass(frozen=True)
class SmallScreen(Prepared):
    """Three plates of six wells in memory; reading a plate that is closed is an error.

    Attributes
    ----------
    array : ndarray of float32, shape (n_images, n_stains, side, side)
    closed : str
        A plate whose pixels must not be read.
    """

    array: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0, 0), np.float32))
    closed: str = ""

    def pixels(self, row: int) -> np.ndarray:
        """Pixels of one image, float32 (C, H, W)."""
        plate = self.images.table[PLATE].iloc[row]
        assert plate != self.closed, f"reads images of plate {plate} that it was not given"
        return self.array[row]

    def raw(self, row: int) -> np.ndarray:
        """The same as recorded, uint16."""
        return self.pixels(row).astype(np.uint16)

    @property
    def labels_of_images(self) -> np.ndarray:
        """Treatment of each image."""
        return self.images.table[TREATMENT].to_numpy(dtype=object)

    def rows(self, plates: tuple[str, ...]) -> np.ndarray:
        """Rows of these plates."""
        return np.flatnonzero(self.images.table[PLATE].isin(plates).to_numpy())


def small_screen(*, level: str = "field", sites: int = 4, side: int = 32) -> SmallScreen:
    """Noise with a bright square in one stain of treated wells: something that can be learned.

    Parameters
    ----------
    level : {"field", "cell"}
        What an image is.
    sites : int
        Images a well.
    side : int
        Of an image, in pixels.
    """
    rng = np.random.default_rng(0)
    key = [PLATE, WELL, SITE]
    rows = [
        (plate, well, f"s{site}", treatment, treatment == "DMSO")
        for plate in _PLATES
        for well, treatment in _WELLS.items()
        for site in range(sites)
    ]
    table = pd.DataFrame(rows, columns=[*key, TREATMENT, CONTROL])
    if level == "cell":
        table[OBJECT] = 1
    for channel in CHANNELS:
        table[f"Path_{channel}"], table[f"Index_{channel}"] = "memory", ""
    array = rng.normal(500, 60, (len(table), len(CHANNELS), side, side)).clip(1)
    for image, treatment in zip(array, table[TREATMENT], strict=True):
        top, left = rng.integers(2, side // 2, 2)
        image[{"A": 1, "B": 2}.get(treatment, 0), top : top + 10, left : left + 10] += 500
    images = ImageSet(table, CHANNELS, level)
    return SmallScreen(Path("memory"), images, pd.DataFrame(), array=array.astype(np.float32))


def check_representation(
    kind: type[Representation], options: Mapping[str, Any] | None = None, *, seed: int = 0
) -> None:
    """Check a representation on a small screen.

    Its class says what it must; it can be pickled; fitting again with the same seed gives the same
    features; it reads no image that it was not given; it looks at labels if and only if it says
    so; features are float32, finite, one row an image, and each row's depend on its own image;
    the card names the wells and labels that it learned from; weights are kept as safetensors.

    Parameters
    ----------
    kind : type
        The class.
    options : mapping, optional
        Options that make it small and quick: ``{"epochs": 1, "width": 8}``.
    seed : int

    Raises
    ------
    AssertionError
        If it breaks its contract; the message names what is broken.

    Examples
    --------
    >>> from phenolens.represent.pixel_pca import PixelPCA
    >>> from phenolens.testing import check_representation
    >>> check_representation(PixelPCA, {"components": 4})
    """
    name = f"Representation {getattr(kind, 'name', kind)!r}"
    chosen = _checked_class(kind, dict(options or {}), name)
    if kind.reads == "measurements":
        _check_wells(kind.of(chosen, level="field", seed=seed), name)
        return
    level = "field" if kind.reads == "images" else "cell"
    screen = small_screen(level=level)
    _check_images(_Trial(kind, chosen, screen, seed), name)


def _checked_class(kind: type[Representation], given: dict[str, Any], name: str) -> Any:
    """What can be seen before anything is made; returns the options."""
    try:
        require_declared(kind)
    except ValueError as error:
        raise AssertionError(str(error)) from None
    try:
        options = kind.Options.model_validate(given)
    except ValidationError as error:
        raise AssertionError(f"{name}: its options cannot be {given} ({error}).") from None
    try:
        kind.Options.model_validate({"no-such-key": 1})
        raise AssertionError(f"{name}: its options take a key that they do not know.")
    except ValidationError:
        pass
    try:
        sentence = kind.methods.format(**options.model_dump())
    except (KeyError, IndexError) as error:
        raise AssertionError(f"{name}: its methods name {error}, which is no option.") from None
    assert not sentence or sentence.endswith("."), f"{name}: its methods are no sentence."
    return options


@dataclass(frozen=True)
class _Trial:
    """One representation on one screen."""

    kind: type[Representation]
    options: Any
    screen: SmallScreen
    seed: int

    @property
    def learns(self) -> Learns:
        return self.kind.learns_with(self.options)

    @property
    def train(self) -> np.ndarray:
        return self.screen.rows(_TRAIN)

    def unfitted(self) -> Any:
        made: Any = self.kind.of(self.options, level=self.screen.images.level, seed=self.seed)
        if self.kind.needs_measured:
            made = replace(made, features=_measured_of_images(self.screen))
        return made

    def fitted(
        self, *, rows: np.ndarray | None = None, labels: np.ndarray | None = None, closed: str = ""
    ) -> Any:
        rows = self.train if rows is None else rows
        if labels is None and self.learns == "labels":
            labels = self.screen.labels_of_images[rows]
        screen = replace(self.screen, closed=closed)
        return self.unfitted().fit(screen, rows, labels=labels, seed=self.seed)

    def features(self, fitted: Representation, rows: np.ndarray | None = None) -> np.ndarray:
        rows = np.arange(len(self.screen)) if rows is None else rows
        return fitted.extract(self.screen, rows)


def _check_images(trial: _Trial, name: str) -> None:
    kind, screen = trial.kind, trial.screen
    unfitted = trial.unfitted()
    assert unfitted.name == kind.name, f"{name}: of() gave one that is called {unfitted.name!r}."
    try:
        pickle.loads(pickle.dumps(unfitted))
    except Exception as error:  # anything may go wrong there
        raise AssertionError(f"{name} cannot be pickled before it is fitted: {error}.") from None
    try:
        fitted = trial.fitted(closed="P3")
    except AssertionError as error:
        raise AssertionError(f"{name}: fit {error}.") from None
    features = trial.features(fitted)
    _check_matrix(features, len(screen), name)
    _check_rows(trial, fitted, features, name)
    again = trial.features(trial.fitted())
    assert np.array_equal(features, again), f"{name}: the same seed gave other features."
    _check_learning(trial, features, name)
    _check_card(trial, fitted.card(screen, fold="0"), name)
    _check_weights(trial, fitted, features, name)


def _check_matrix(features: object, rows: int, name: str) -> None:
    assert isinstance(features, np.ndarray) and features.ndim == 2, (
        f"{name}: extract must give a matrix, got {type(features).__name__} "
        f"{getattr(features, 'shape', '')}."
    )
    assert features.shape[0] == rows and features.shape[1] > 0, (
        f"{name}: extract gave {features.shape} for {rows} images; expected a row an image."
    )
    assert features.dtype == np.float32, f"{name}: extract gave {features.dtype}, not float32."
    assert np.isfinite(features).all(), f"{name}: extract gave values that are not finite."


def _check_rows(trial: _Trial, fitted: Representation, features: np.ndarray, name: str) -> None:
    """Each image's features are its own, whatever is read with it and in which order."""
    backwards = np.arange(len(trial.screen))[::-1].copy()
    some = backwards[::5]
    for rows, what in ((backwards, "the order of images"), (some, "what else is read")):
        close = np.allclose(
            trial.features(fitted, rows), features[rows], rtol=1e-3, atol=1e-4 * _scale(features)
        )
        assert close, f"{name}: features of an image depend on {what}."


def _scale(features: np.ndarray) -> float:
    return float(np.abs(features).max()) or 1.0


def _check_learning(trial: _Trial, features: np.ndarray, name: str) -> None:
    learns, train = trial.learns, trial.train
    mixed = np.random.default_rng(1).permutation(trial.screen.labels_of_images[train])
    other = trial.features(trial.fitted(labels=mixed))
    if learns == "labels":
        assert not np.array_equal(other, features), f"{name} says it learns labels, and does not."
        try:
            trial.unfitted().fit(trial.screen, train, labels=None, seed=trial.seed)
        except Exception:  # that it refuses is all that counts
            return
        raise AssertionError(f"{name} learns labels, and was fitted without any.")
    assert np.array_equal(other, features), f"{name} says it does not learn labels, and does."
    if learns == "nothing":
        other = trial.features(trial.fitted(rows=train[::3]))
        assert np.array_equal(other, features), f"{name} says it learns nothing, and does."


def _check_card(trial: _Trial, card: object, name: str) -> None:
    kind, screen = trial.kind, trial.screen
    assert isinstance(card, Card), f"{name}: card() must give a Card, got {type(card).__name__}."
    said = {"name": card.name, "fold": card.fold, "learns": card.learns, "level": card.level}
    known = {"name": kind.name, "fold": "0", "learns": trial.learns, "level": screen.images.level}
    wrong = [part for part in known if said[part] != known[part]]
    assert not wrong, f"{name}: its card says {wrong[0]} = {said[wrong[0]]!r}."
    assert tuple(card.channels) == CHANNELS, f"{name}: its card names other stains."
    json.dumps(card.as_dict())
    wells = wells_of(screen, trial.train) if trial.learns != "nothing" else []
    assert sorted(card.trained_on) == wells, (
        f"{name}: its card names {len(card.trained_on)} wells that it learned from, "
        f"and it was given {len(wells)}."
    )
    labels = sorted(set(_WELLS.values())) if trial.learns == "labels" else []
    assert sorted(card.labels_seen) == labels, (
        f"{name}: its card says labels {list(card.labels_seen)}; it was given {labels}."
    )


def _check_weights(trial: _Trial, fitted: Any, features: np.ndarray, name: str) -> None:
    if not hasattr(fitted, "save"):
        return
    from phenolens.represent.networks.checkpoint import refuse_pickle

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        fitted.save(path)
        refuse_pickle(path)
        back = trial.unfitted().restore(path)
        assert np.array_equal(trial.features(back), features), (
            f"{name}: weights that were kept and read again give other features."
        )


def _measured_of_images(screen: SmallScreen) -> pd.DataFrame:
    """Measured features beside each image, which say a little of its treatment."""
    metadata = screen.images.metadata[screen.images.key].reset_index(drop=True)
    rng = np.random.default_rng(2)
    values = rng.normal(size=(len(metadata), 4)).astype(np.float32)
    values[:, 0] += screen.labels_of_images == "A"
    names = [f"Cells_AreaShape_{number}" for number in range(4)]
    frame = pd.DataFrame(values, columns=names)
    return profiles.from_frame(pd.concat([metadata, frame], axis=1), features=names)


def _check_wells(made: Representation, name: str) -> None:
    """The contract of what is made of measured cells."""
    with tempfile.TemporaryDirectory() as folder:
        units = _measured_units(Path(folder))
        table = made.wells(units, how="median", min_cells=0)
        assert isinstance(table, pd.DataFrame) and {PLATE, WELL} <= set(table.index.names), (
            f"{name}: wells must give a profile table with plate and well in its row index."
        )
        assert len(table) == len(_PLATES) * len(_WELLS), (
            f"{name}: wells gave {len(table)} rows for {len(_PLATES) * len(_WELLS)} wells."
        )
        wrong = sorted({str(kind) for kind in table.dtypes if kind != np.float32})
        assert not wrong, f"{name}: features must be float32, got {', '.join(wrong)}."
        assert np.isfinite(table.to_numpy()).all(), f"{name}: finite cells gave other features."
        again = made.wells(units, how="median", min_cells=0)
        assert again.equals(table), f"{name}: the same cells gave other features."
        some = [unit for unit in units if unit.plate != "P3"]
        kept = profiles.column(table, PLATE) != "P3"
        alone = made.wells(some, how="median", min_cells=0)
        assert np.array_equal(alone.to_numpy(), table[np.asarray(kept)].to_numpy()), (
            f"{name}: features of a well depend on the cells of others."
        )


def _measured_units(folder: Path) -> list[Unit]:
    """Cells of small_screen()'s wells: five a field, two fields a well."""
    rng = np.random.default_rng(3)
    names = ["Cells_AreaShape_Area", "Cells_Intensity_MeanIntensity_DNA", "Nuclei_AreaShape_Area"]
    units = []
    for plate in _PLATES:
        for well in _WELLS:
            for site in ("s1", "s2"):
                cells = pd.DataFrame({OBJECT: np.arange(1, 6)})
                values = rng.lognormal(size=(5, len(names))).astype(np.float32)
                cells[names] = values
                unit = Unit(plate, well, site, folder / plate / f"{well}_{site}.npz")
                write_unit(Measured(cells, {}), unit.path)
                units.append(unit)
    return units
