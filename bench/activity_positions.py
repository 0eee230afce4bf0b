"""Position-safe activity on simulated plates of one layout: type-I error, power and false hits."""

from __future__ import annotations

import argparse
import json

import numpy as np

from phenolens.evaluate.activity.position_null import PlacedWells, position_test
from phenolens.normalize.position import ring
from phenolens.stats.multiple_testing import benjamini_hochberg

SHAPE = (16, 24)
CELLS = np.array([(row, column) for row in range(SHAPE[0]) for column in range(SHAPE[1])])
RING = ring(CELLS, SHAPE)
PLATES, FEATURES, FACTORS, ACTIVE = 4, 200, 20, 160
# Parts of a surface and its size; each makes 40 to 60 % of control positions "active" naively.
SCENARIOS = {
    "none": ((), 0.0),
    "smooth": (("edge", "slope", "smooth"), 1.6),
    "edge": (("edge",), 3.0),
    "row and column": (("row", "slope"), 1.5),
    "position by position": (("nugget", "edge"), 1.5),
    "all": (("edge", "slope", "row", "smooth", "nugget"), 1.0),
}


def layout(rng: np.random.Generator) -> np.ndarray:
    """64 control positions of which a quarter is in the two outer rings, as on CPJUMP1."""
    outer, inner = np.flatnonzero(RING < 2), np.flatnonzero(RING >= 2)
    return np.sort(np.r_[rng.choice(outer, 16, False), rng.choice(inner, 48, False)])


def surface(parts: tuple[str, ...], rng: np.random.Generator) -> np.ndarray:
    """One random surface over the plate, shape (384,)."""
    centred = (CELLS - np.array(SHAPE) / 2 + 0.5) / (np.array(SHAPE) / 2)
    out = np.zeros(len(CELLS))
    if "edge" in parts:
        out += rng.normal() * np.exp(-RING / 1.2)
    if "slope" in parts:
        out += 0.6 * centred @ rng.normal(size=2)
    if "row" in parts:
        out += 0.4 * (rng.normal(size=16)[CELLS[:, 0]] + rng.normal(size=24)[CELLS[:, 1]])
    if "smooth" in parts:
        far = ((CELLS[:, None] - CELLS[None]) ** 2).sum(axis=2)
        covariance = np.exp(-far / 32) + 1e-6 * np.eye(len(CELLS))
        out += 0.6 * np.linalg.cholesky(covariance) @ rng.normal(size=len(CELLS))
    if "nugget" in parts:
        out += 0.6 * rng.normal(size=len(CELLS))
    return out


def simulate(parts: tuple[str, ...], size: float, rng: np.random.Generator):
    """Four plates, their control positions, and the positions of active perturbations."""
    loading = rng.normal(size=(FACTORS, FEATURES)) * 1.2
    loading *= (np.arange(1, FACTORS + 1) ** -0.7)[:, None]
    controls = layout(rng)
    active = rng.choice(np.setdiff1d(np.arange(len(CELLS)), controls), ACTIVE, False)
    shared = np.zeros((len(CELLS), FEATURES))
    for _ in range(4 if parts else 0):
        along = 1.5 * rng.normal(size=FACTORS) @ loading / np.sqrt(FACTORS)
        shared += size * np.outer(surface(parts, rng), along + 0.4 * rng.normal(size=FEATURES))
    for position in active:
        sparse = 1.5 * rng.normal(size=FEATURES) * (rng.random(FEATURES) < 0.2)
        effect = 0.5 * rng.normal(size=FACTORS) @ loading + sparse
        shared[position] += 0.5 * rng.lognormal(0, 0.8) * effect
    plates = [shared + plate_noise(loading, rng) for _ in range(PLATES)]
    return np.concatenate(plates), controls, active


def plate_noise(loading: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What one plate adds: an offset, its own surface, and correlated well noise."""
    own = 0.3 * np.outer(surface(("edge", "slope"), rng), 0.5 * rng.normal(size=FEATURES))
    wells = rng.normal(size=(len(CELLS), FACTORS)) @ loading
    independent = 0.6 * rng.normal(size=(len(CELLS), FEATURES))
    return own + wells + independent + 0.3 * rng.normal(size=FEATURES)


def screen_of_parts(parts: tuple[str, ...], size: float, seed: int) -> dict[str, float]:
    """One simulated screen: every treated position is tested."""
    rng = np.random.default_rng(seed)
    values, controls, active = simulate(parts, size, rng)
    spot = np.tile(np.arange(len(CELLS)), PLATES)
    plate = np.repeat(np.arange(PLATES), len(CELLS))
    flat = np.zeros(len(spot), dtype=np.int64)
    screen = PlacedWells(values, plate, np.tile(CELLS, (PLATES, 1)), spot, SHAPE, flat)
    treated = np.setdiff1d(np.arange(len(CELLS)), controls)
    groups = [position + len(CELLS) * np.arange(PLATES) for position in treated]
    tested = position_test(screen, groups, np.flatnonzero(np.isin(spot, controls)), seed=seed)
    found, outer = np.isin(treated, active), RING[treated] < 2
    out = {}
    for name, p in (("count", tested.p), ("smooth", tested.p_smooth)):
        called = benjamini_hochberg(p) < 0.05
        out |= {
            f"type_1_{name}": (p[~found] < 0.05).mean(),
            f"type_1_{name}_outer": (p[~found & outer] < 0.05).mean(),
            f"type_1_{name}_0.01": (p[~found] < 0.01).mean(),
            f"power_{name}": (p[found] < 0.05).mean(),
            f"power_q_{name}": called[found].mean(),
            f"false_{name}": (called & ~found).sum() / max(called.sum(), 1),
        }
    return out


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--screens", type=int, default=3)
    options = parser.parse_args()
    result = {}
    for name, (parts, size) in SCENARIOS.items():
        runs = [screen_of_parts(parts, size, seed) for seed in range(options.screens)]
        result[name] = {key: round(float(np.mean([r[key] for r in runs])), 4) for key in runs[0]}
    keys = next(iter(result.values()))
    result["mean"] = {k: round(float(np.mean([r[k] for r in result.values()])), 4) for k in keys}
    print(json.dumps({"screens": options.screens, **result}))


if __name__ == "__main__":
    main()
