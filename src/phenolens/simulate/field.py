"""One simulated field of view: five stains, label images and the pixels an effect changed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from phenolens.errors import InputError
from phenolens.simulate.grains import draw_grains
from phenolens.simulate.optics import CAMERA_OFFSET, Conditions, expose, through_lens
from phenolens.simulate.outlines import Outlines, draw_outlines
from phenolens.simulate.scene import Scene, draw_scene
from phenolens.simulate.stains import STAINS, stain
from phenolens.simulate.traits import apply_effect

CONFLUENCE = 0.48
_CHANGED_SHARE = 0.05
_CHANGED_COUNTS = 20.0


@dataclass(frozen=True)
class Effect:
    """What a perturbation does to the cells of a field.

    Attributes
    ----------
    changes : dict of str to float
        Change of each trait per unit of strength (see :mod:`phenolens.simulate.traits`).
    strength : float
        0 changes nothing; 1 is the programme's full effect.
    penetrance : float
        Share of cells that respond.
    survival : float
        Share of cells that are still there.
    """

    changes: dict[str, float] = field(default_factory=dict)
    strength: float = 0.0
    penetrance: float = 1.0
    survival: float = 1.0


@dataclass(frozen=True)
class SimulatedField:
    """A field and its truth.

    Attributes
    ----------
    pixels : ndarray of uint16, shape (5, size, size)
        Stains in the order DNA, ER, RNA, AGP, Mito.
    nuclei, cells : ndarray of uint16, shape (size, size)
        Label images; 0 is background and a nucleus has its cell's number.
    n_cells, n_responding : int
        Cells with at least one pixel in the field; those of them that respond.
    mask : ndarray of uint8, shape (size, size), or None
        Bit ``c`` is set where the effect changed stain ``c`` by more than 5 % and 20 counts.
    """

    pixels: np.ndarray
    nuclei: np.ndarray
    cells: np.ndarray
    n_cells: int
    n_responding: int
    mask: np.ndarray | None = None


def simulate_field(
    seed: int | np.random.SeedSequence = 0,
    *,
    field_size: int = 256,
    cell_diameter: float = 56.0,
    confluence: float = CONFLUENCE,
    effect: Effect | None = None,
    conditions: Conditions | None = None,
    with_mask: bool = False,
) -> SimulatedField:
    """Simulate one Cell Painting field.

    Parameters
    ----------
    seed : int or SeedSequence
        The same seed gives the same cells whatever the effect and the conditions.
    field_size : int
        Pixels along each side.
    cell_diameter : float
        Nominal diameter of a cell in pixels. 56 is a 20x field binned 1.5 times; a CPJUMP1 field
        at full resolution has 84.
    confluence : float
        Nominal cell area over field area, before any cell dies.
    effect : Effect, optional
        By default nothing is done to the cells.
    conditions : Conditions, optional
        Staining, background, illumination and density of plate and well.
    with_mask : bool
        Also work out which pixels the effect changed; takes about twice as long.

    Returns
    -------
    SimulatedField

    Raises
    ------
    InputError
        If a size is not positive, or the field is smaller than a cell.
    """
    _require_sizes(field_size, cell_diameter, confluence)
    effect, conditions = effect or Effect(), conditions or Conditions()
    streams = _streams(seed, 3)
    scene = draw_scene(
        streams[:2],
        size=field_size,
        unit=cell_diameter,
        expected=_expected(field_size, cell_diameter, confluence) * conditions.density,
        survival=effect.survival,
    )
    seen, outlines = _render(scene, effect)
    mask = _changed(seen, scene, conditions) if with_mask else None
    medium = scene.textures["medium"]
    pixels = expose(seen, medium, conditions=conditions, rng=streams[2])
    return _labelled(pixels, outlines, responding=_response(scene, effect) > 0, mask=mask)


def count_cells(
    seed: int | np.random.SeedSequence,
    *,
    field_size: int,
    cell_diameter: float,
    confluence: float,
    effect: Effect,
    conditions: Conditions,
) -> tuple[int, int]:
    """Numbers of cells and of responding cells of a field, without staining it."""
    scene = draw_scene(
        _streams(seed, 3)[:2],
        size=field_size,
        unit=cell_diameter,
        expected=_expected(field_size, cell_diameter, confluence) * conditions.density,
        survival=effect.survival,
    )
    shown = _shown(draw_outlines(scene, _perturbed(scene, effect)))
    return len(shown), int((_response(scene, effect)[shown] > 0).sum())


def _require_sizes(field_size: int, cell_diameter: float, confluence: float) -> None:
    if not 12 <= cell_diameter <= field_size:
        raise InputError(
            f"cell_diameter is {cell_diameter} pixels and field_size {field_size}; "
            "a cell must be at least 12 pixels wide and fit into the field."
        )
    if not 0 < confluence <= 1.2:
        raise InputError(f"confluence is {confluence}; it must lie above 0 and at most be 1.2.")


def _streams(seed: int | np.random.SeedSequence, n: int) -> list[np.random.Generator]:
    root = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    keys = [(*root.spawn_key, k) for k in range(n)]
    return [
        np.random.default_rng(np.random.SeedSequence(root.entropy, spawn_key=key)) for key in keys
    ]


def _expected(field_size: int, cell_diameter: float, confluence: float) -> float:
    return confluence * field_size**2 / (np.pi / 4 * cell_diameter**2)


def _response(scene: Scene, effect: Effect) -> np.ndarray:
    """Size of the response of each cell; 0 for those the effect does not reach."""
    reached = scene.respond[:, 0] < effect.penetrance
    return effect.strength * reached * scene.respond[:, 1] * bool(effect.changes)


def _perturbed(scene: Scene, effect: Effect) -> np.ndarray:
    return apply_effect(scene.traits, effect.changes, _response(scene, effect))


def _render(scene: Scene, effect: Effect) -> tuple[np.ndarray, Outlines]:
    traits = _perturbed(scene, effect)
    outlines = draw_outlines(scene, traits)
    light = stain(scene, traits, outlines, grains=draw_grains(scene, traits, outlines))
    return through_lens(light, scene.unit), outlines


def _changed(seen: np.ndarray, scene: Scene, conditions: Conditions) -> np.ndarray:
    """Bitmask of the pixels that differ from the same scene without the effect."""
    before, _ = _render(scene, Effect())
    mask = np.zeros(seen.shape[1:], np.uint8)
    for c in range(len(STAINS)):
        gain = np.float32(conditions.gain[c])
        difference = gain * np.abs(seen[c] - before[c])
        level = gain * np.minimum(seen[c], before[c]) + CAMERA_OFFSET
        changed = (difference > _CHANGED_SHARE * level) & (difference > _CHANGED_COUNTS)
        mask |= changed.astype(np.uint8) << c
    return mask


def _shown(outlines: Outlines) -> np.ndarray:
    """Scene rows of the cells that own at least one pixel, ascending."""
    owned = outlines.owner[outlines.owner >= 0]
    return np.flatnonzero(np.bincount(owned, minlength=len(outlines.n_nuclei)))


def _labelled(
    pixels: np.ndarray, outlines: Outlines, *, responding: np.ndarray, mask: np.ndarray | None
) -> SimulatedField:
    shown = _shown(outlines)
    number = np.zeros(len(outlines.n_nuclei) + 1, np.uint16)
    number[shown] = np.arange(1, len(shown) + 1)
    cells = number[outlines.owner]
    nuclei = np.where(outlines.nuclear < 1.0, cells, 0).astype(np.uint16)
    return SimulatedField(pixels, nuclei, cells, len(shown), int(responding[shown].sum()), mask)
