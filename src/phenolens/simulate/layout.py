"""Plates, wells and what they do to a field besides the perturbation."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from phenolens.profiles import row_letters
from phenolens.simulate.design import ScreenDesign
from phenolens.simulate.optics import Conditions, Illumination
from phenolens.simulate.stains import STAINS
from phenolens.simulate.treatments import SimulatedTreatment, controls, treatments

_N = len(STAINS)


@dataclass(frozen=True)
class Well:
    """One used well: where it is and what is in it."""

    batch: str
    plate: str
    row: int
    column: int
    treatment: SimulatedTreatment

    @property
    def name(self) -> str:
        """Well name such as ``B07``."""
        return f"{row_letters(self.row)}{self.column + 1:02d}"


def plate_names(design: ScreenDesign) -> list[tuple[str, str]]:
    """(batch, plate) of every plate, batches of equal size as far as they can be."""
    names = []
    for p in range(design.plates):
        batch = p * design.batches // design.plates
        names.append((f"Batch{batch + 1}", f"SIM{p + 1:03d}"))
    return names


def platemap_name(design: ScreenDesign, plate: str) -> str:
    """Name of the platemap of a plate: one for all where the layout is fixed."""
    return "platemap_fixed" if design.layout == "fixed" else f"platemap_{plate}"


def wells(design: ScreenDesign) -> list[Well]:
    """All used wells, plate by plate, in the order of rows and columns."""
    content = _content(design)
    return [
        Well(batch, plate, row, column, content[index])
        for batch, plate in plate_names(design)
        for (row, column), index in zip(
            _used(design), _arrangement(design, plate, len(content)), strict=True
        )
    ]


def _content(design: ScreenDesign) -> list[SimulatedTreatment]:
    negative = controls(design)
    return [
        *(t for t in treatments(design) for _ in range(design.replicates)),
        *(negative[k % len(negative)] for k in range(design.control_wells)),
    ]


def _used(design: ScreenDesign) -> list[tuple[int, int]]:
    """Wells from the left, column by column, then listed row by row."""
    by_column = [(r, c) for c in range(design.columns) for r in range(design.rows)]
    return sorted(by_column[: design.wells_per_plate])


def _arrangement(design: ScreenDesign, plate: str, n: int) -> np.ndarray:
    name = "" if design.layout == "fixed" else plate
    return _rng(design, "layout", name).permutation(n)


def _rng(design: ScreenDesign, *words: str) -> np.random.Generator:
    """A generator that belongs to these words, whoever asks and when."""
    key = [zlib.crc32(word.encode()) for word in words]
    return np.random.default_rng(np.random.SeedSequence([design.seed, *key]))


def field_seed(design: ScreenDesign, well: Well, site: int) -> np.random.SeedSequence:
    """Seed of one field, from its plate, well and site only."""
    plate = zlib.crc32(well.plate.encode())
    return np.random.SeedSequence([design.seed, plate, well.row, well.column, site])


def conditions(design: ScreenDesign, well: Well) -> Conditions:
    """Staining, background, illumination and density of a well: batch, plate, position, well."""
    batch = _shifts(_rng(design, "batch", well.batch), design.batch_effect * 0.12)
    plate = _shifts(_rng(design, "plate", well.plate), design.plate_effect * 0.06)
    single = _shifts(_rng(design, "well", well.plate, well.name), 0.03)
    light, crowd = _position(design, well)
    total = batch + plate + single
    return Conditions(
        gain=tuple(np.exp(total[:_N] + light)),
        background=tuple(np.exp(0.6 * total[_N : 2 * _N])),
        illumination=_illumination(design, well.plate),
        density=float(np.exp(1.2 * total[-1] + crowd)),
    )


def _shifts(rng: np.random.Generator, sd: float) -> np.ndarray:
    """Log shifts of gain (5), background (5) and density (1)."""
    return sd * rng.standard_normal(2 * _N + 1)


def _position(design: ScreenDesign, well: Well) -> tuple[np.ndarray, float]:
    """Log shifts by position: a smooth gradient shared by the screen, tilted a little per plate.

    Wells at the plate's edge are dimmer and emptier (evaporation).
    """
    shared, own = _rng(design, "gradient"), _rng(design, "gradient", well.plate)
    slope = shared.normal(0, 0.09, (_N, 2)) + own.normal(0, 0.02, (_N, 2))
    at = _relative(well.row, design.rows), _relative(well.column, design.columns)
    edge = well.row in (0, design.rows - 1) or well.column in (0, design.columns - 1)
    light = slope @ np.array(at) - 0.10 * edge
    crowd = 0.10 * at[0] - 0.18 * edge
    return design.position_effect * light, design.position_effect * crowd


def _relative(index: int, count: int) -> float:
    """Position along an axis from -1 to 1."""
    return 2 * index / (count - 1) - 1 if count > 1 else 0.0


def _illumination(design: ScreenDesign, plate: str) -> tuple[Illumination, ...]:
    rng = _rng(design, "illumination", plate)
    return tuple(
        Illumination(tuple(rng.normal(0, 0.10, 2)), tuple(rng.uniform(0.35, 0.55, 2)))
        for _ in STAINS
    )
