"""What a simulated cell is made of: one number per trait, drawn for every cell.

Lengths are in units of the nominal cell diameter, intensities in camera counts above background.
The typical values were read off six real CPJUMP1 fields (U2OS, 20x): nuclei about 8,000 counts in
DNA, cytoplasm about 3,000 in ER next to the nucleus, and so on.
"""

from __future__ import annotations

import numpy as np

# name: (typical value, standard deviation of its logarithm between cells)
TYPICAL: dict[str, tuple[float, float]] = {
    "cell_radius": (0.60, 0.13),
    "cell_elongation": (1.35, 0.20),
    "cell_tips": (0.75, 0.35),
    "nucleus_radius": (0.200, 0.09),
    "nucleus_elongation": (1.42, 0.15),
    "nuclei": (1.0, 0.0),
    "dna": (12500.0, 0.22),
    "chromatin": (0.12, 0.25),
    "nucleolus_amplitude": (1.0, 0.25),
    "nucleolus_size": (1.0, 0.18),
    "er": (7600.0, 0.28),
    "er_reach": (0.15, 0.20),
    "rna": (11500.0, 0.24),
    "agp": (3500.0, 0.18),
    "actin": (1.0, 0.45),
    "cortex": (1.0, 0.50),
    "golgi": (1.0, 0.45),
    "golgi_scatter": (0.0, 0.0),
    "mito": (2000.0, 0.30),
    "mito_reach": (0.17, 0.25),
    "mito_fragments": (0.0, 0.0),
    "mito_puncta": (0.05, 1.7),
}
TRAITS = tuple(TYPICAL)
INDEX = {name: position for position, name in enumerate(TRAITS)}
# These are shares between 0 and 1 (or a count), so effects add to them instead of multiplying.
ADDITIVE = frozenset({"golgi_scatter", "mito_fragments", "nuclei"})
UPPER = {"golgi_scatter": 1.0, "mito_fragments": 1.0, "nuclei": 3.0}
STAIN_TRAITS = ("dna", "er", "rna", "agp", "mito")
ROUNDED_SHARE = 0.035
_ROUNDED = {
    "cell_radius": 0.42,
    "cell_elongation": 0.80,
    "cell_tips": 0.02,
    "nucleus_radius": 0.62,
    "dna": 2.6,
    "er": 3.4,
    "rna": 2.6,
    "agp": 2.8,
    "mito": 2.2,
    "golgi": 0.3,
    "cortex": 0.2,
}


def draw_traits(rng: np.random.Generator, n: int) -> np.ndarray:
    """Traits of ``n`` unperturbed cells, float64 of shape (n, n_traits).

    Cells differ in each trait, in overall staining (shared by all stains) and in cell cycle
    (DNA content between one and two, larger nuclei with more DNA); a few have rounded up.
    """
    typical = np.array([value for value, _ in TYPICAL.values()])
    spread = np.array([sd for _, sd in TYPICAL.values()])
    traits = typical * np.exp(spread * rng.standard_normal((n, len(TRAITS))))
    _add_shared_staining(traits, rng)
    _add_cell_cycle(traits, rng)
    _round_up_some(traits, rng)
    return traits


def _add_shared_staining(traits: np.ndarray, rng: np.random.Generator) -> None:
    shared = np.exp(0.14 * rng.standard_normal(len(traits)))
    for name in STAIN_TRAITS[1:]:
        traits[:, INDEX[name]] *= shared


def _add_cell_cycle(traits: np.ndarray, rng: np.random.Generator) -> None:
    """DNA content: half the cells near one, the rest between one and two (S and G2)."""
    content = 1.0 + np.clip(rng.uniform(-1.0, 1.0, len(traits)), 0.0, None)
    traits[:, INDEX["dna"]] *= content**0.35
    traits[:, INDEX["nucleus_radius"]] *= content**0.33
    traits[:, INDEX["cell_radius"]] *= content**0.15


def _round_up_some(traits: np.ndarray, rng: np.random.Generator) -> None:
    """Dying and dividing cells: small, round and bright in every stain."""
    rounded = rng.random(len(traits)) < ROUNDED_SHARE
    for name, factor in _ROUNDED.items():
        traits[rounded, INDEX[name]] *= factor


def apply_effect(traits: np.ndarray, changes: dict[str, float], response: np.ndarray) -> np.ndarray:
    """Traits after a perturbation.

    Parameters
    ----------
    traits : ndarray, shape (n, n_traits)
    changes : dict
        Change per unit of response: added to the logarithm of a trait, or to the trait itself
        where it is a share or a count.
    response : ndarray, shape (n,)
        0 for cells that do not respond.
    """
    changed = traits.copy()
    for name, amount in changes.items():
        column = INDEX[name]
        if name in ADDITIVE:
            shifted = changed[:, column] + amount * response
            changed[:, column] = np.clip(shifted, 0.0, UPPER[name])
        else:
            changed[:, column] *= np.exp(amount * response)
    return changed
