"""How often one plate imaged twice is recognised, and how often replicate plates are taken for one.

    nice -n 19 python bench/near_copies.py [--screens 100] [--wells 24] [--data ../shared/data]

Prints one line of JSON. Profiles: simulated screens of 2 to 6 plates, fixed and scrambled, with 8
to 64 control wells, strong and weak treatments and a position effect of 0 to 4 times CPJUMP1's:
smooth over rows, columns and edge (0.47 standard deviations of the wells' own noise) and, beside
it, one of every position by itself, which no smoothing takes away (0.33). Where the latter, four
times as large, is more than all that differs between two wells, it cannot be told from copies
without other plates: the limit, reported beside the rest. A plate imaged again has the
same wells, with another gain and offset for each feature, a bend, a focus that changes over the
plate, and new noise of 0.2 to 0.6 standard deviations of the wells' own. Images: simulated fields
of the same cells, seen again with other light, gain and focus, a shifted stage and new shot noise,
segmented and measured anew. Real plates: all replicates, and each once more as if imaged again.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from phenolens import profiles
from phenolens.normalize.copies import compared_plates, likely_copies
from phenolens.profiles import PLATE
from phenolens.simulate import simulate_profiles
from phenolens.simulate.field import simulate_field
from phenolens.simulate.optics import Conditions

SMOOTH, SPECIFIC = 0.47, 0.33
POSITIONS = {  # times CPJUMP1's: smooth, and each position's own
    "no position effect": (0.0, 0.0),
    "as CPJUMP1": (1.0, 1.0),
    "2 x CPJUMP1": (2.0, 2.0),
    "4 x CPJUMP1, each position's own 2 x": (4.0, 2.0),
    "limit: 4 x CPJUMP1": (4.0, 4.0),
}
AGAIN = "again"
CHANNELS = ("DNA", "ER", "RNA", "AGP", "Mito")
IMAGINGS = {
    "gain and light": {"blur": 0.4, "shift": (3, -2), "gain": (1.2, 0.8, 1.1, 0.9, 0.7)},
    "focus": {"blur": 1.0, "shift": (-4, 5), "gain": (0.8, 0.8, 1.1, 0.9, 0.7)},
}
SIZE, SITES = 256, 2


def screen(seed: int, smooth: float, own: float) -> pd.DataFrame:
    """A simulated screen with a position effect so many times CPJUMP1's."""
    rng = np.random.default_rng([seed, 1])
    table, _ = simulate_profiles(
        plates=int(rng.integers(2, 7)),
        treatments=int(rng.choice([20, 40, 80, 150, 300])),
        controls=int(rng.choice([8, 16, 32, 64])),
        replicates=int(rng.choice([1, 1, 2])),
        layout=str(rng.choice(["fixed", "scrambled"])),
        effect=float(rng.choice([1.5, 4.0])),
        active=float(rng.choice([0.2, 0.5, 0.9])),
        mechanisms=int(rng.choice([5, 20])),
        correlation=float(rng.choice([0.2, 0.5, 0.8])),
        count_effect=float(rng.choice([0.0, 0.7])),
        position_effect=SMOOTH * smooth,
        seed=seed,
    )
    wells = pd.factorize(profiles.column(table, "Metadata_Well"))[0]
    n, features = wells.max() + 1, table.shape[1]
    loading = rng.standard_normal((12, features)) / np.sqrt(12)
    each = rng.standard_normal((n, 12)) @ loading + rng.standard_normal((n, features))
    return table + (SPECIFIC * own / np.sqrt(2) * each[wells]).astype(np.float32)


def imaged_again(
    table: pd.DataFrame, plate: str, noise: float, rng: np.random.Generator
) -> pd.DataFrame:
    """The wells of a plate as another imaging would give them, under another name."""
    part = profiles.take(table, profiles.column(table, PLATE).astype(str) == plate)
    values = part.to_numpy(np.float64)
    middle = np.nanmedian(values, axis=0)
    spread = 1.4826 * np.nanmedian(np.abs(values - middle), axis=0)
    z = (values - middle) / np.where(spread > 0, spread, 1.0)
    n, features = z.shape
    bent = z + rng.normal(0, 0.02, features) * z**2
    place = profiles.well_position(profiles.column(part, "Metadata_Well")) / 24.0
    focus = place @ rng.normal(0, 0.5, (2, features))
    factors = rng.standard_normal((n, 6)) @ rng.normal(0, 1 / np.sqrt(6), (6, features))
    new = (factors + rng.standard_normal((n, features))) / np.sqrt(2)
    gain = np.exp(rng.normal(0, 0.2, features))
    seen = gain * (bent + focus + noise * new) + rng.normal(0, 0.3, features)
    seen = (middle + seen * spread).astype(np.float32)
    part = pd.DataFrame(seen, index=part.index, columns=part.columns)
    return profiles.with_metadata(part, {PLATE: AGAIN})


def of_profiles(screens: int) -> dict:
    """Shares found and flagged over simulated screens, by size of the position effect."""
    told = {}
    for name, (smooth, own) in POSITIONS.items():
        flagged = pairs = wrong = found = 0
        missed: dict[str, int] = defaultdict(int)
        for seed in range(screens):
            table = screen(seed, smooth, own)
            rng = np.random.default_rng([seed, 2])
            plates = sorted(set(profiles.column(table, PLATE)))
            true = likely_copies(table)
            flagged += bool(true)
            wrong += len(true)
            pairs += len(plates) * (len(plates) - 1) // 2
            again = imaged_again(table, plates[0], rng.uniform(0.2, 0.6), rng)
            seen = likely_copies(profiles.stack([table, again]))
            if any(set(one.plates) == {plates[0], AGAIN} for one in seen):
                found += 1
            else:
                few = profiles.is_control(again).sum()
                missed[f"{len(again)} wells, {few} controls"] += 1
        told[name] = {
            "found": round(found / screens, 4),
            "replicate_pairs_flagged": round(wrong / pairs, 4),
            "screens_flagged": round(flagged / screens, 4),
            "pairs": pairs,
            "missed": dict(sorted(missed.items(), key=lambda item: -item[1])[:4]),
        }
    return told


def seen_again(
    pixels: np.ndarray, rng: np.random.Generator, *, blur: float, shift: tuple, gain: tuple
) -> np.ndarray:
    """Five stains of a field through another camera; uint16."""
    axis = (np.arange(SIZE) + 0.5) * 2 / SIZE - 1
    light = np.exp(-0.15 * ((axis[:, None] - 0.3) ** 2 + (axis + 0.2) ** 2))
    counts = []
    for image, factor in zip(pixels.astype(np.float64) - 100, gain, strict=True):
        mean = gaussian_filter(np.roll(image, shift, axis=(0, 1)), blur) * factor * light
        shots = rng.poisson(np.clip(mean, 1, None) / 0.14) * 0.14
        counts.append(np.clip(shots + 100 + rng.normal(0, 6, mean.shape), 0, 65535))
    return np.array(counts).astype(np.uint16)


def measured(pixels: np.ndarray) -> pd.DataFrame:
    """Cells of a field."""
    from phenolens.measure import measure_objects
    from phenolens.segment import segment_field

    pixels = pixels.astype(np.float32) / 65535
    cells = measure_objects(pixels, CHANNELS, segment_field(pixels, CHANNELS))
    return cells[[name for name in cells if not name.startswith("Metadata_")]]


def of_images(wells: int) -> dict:
    """Agreement of a plate of untreated wells with itself imaged again, and with a replicate."""
    held = defaultdict(list)
    for well in range(wells):
        cells = defaultdict(list)
        for name in ("first", "replicate"):
            rng = np.random.default_rng([well, name == "first"])
            density = float(np.exp(rng.normal(0, 0.1)))
            gain = tuple(np.exp(rng.normal(0, 0.05, 5)))  # of staining: the well's own
            for site in range(SITES):
                pixels = simulate_field(
                    np.random.SeedSequence([well, site, name == "first"]),
                    field_size=SIZE,
                    conditions=Conditions(density=density, gain=gain),
                ).pixels
                cells[name].append(measured(pixels))
                for imaging, how in IMAGINGS.items() if name == "first" else ():
                    noise = np.random.default_rng([well, site, 5])
                    cells[imaging].append(measured(seen_again(pixels, noise, **how)))
        for name, parts in cells.items():
            held[name].append(pd.concat(parts).median())
    rows = [
        pd.DataFrame(values).assign(
            Metadata_Plate=name,
            Metadata_Well=[f"{'ABCDEFGH'[k // 12]}{k % 12 + 1:02d}" for k in range(wells)],
            Metadata_Treatment="DMSO",
            Metadata_Control=True,
        )
        for name, values in held.items()
    ]
    table = profiles.from_frame(pd.concat(rows, ignore_index=True).dropna(axis=1, how="all"))
    flagged = {found.plates for found in likely_copies(table)}
    told = {}
    for pair in combinations(sorted(held), 2):
        found = compared_plates(table, pair)
        values = {"agreement": round(found.agreement, 2), "matched": round(found.matched, 2)}
        told[" and ".join(pair)] = values | {"asked_about": pair in flagged}
    return told


def cpjump1(folder: Path) -> dict[str, pd.DataFrame]:
    """CellProfiler profiles of four replicate plates, and a learned embedding of them."""
    shared = "_normalized_feature_select_negcon_batch.csv.gz"
    files = sorted(folder.glob(f"*{shared}"))
    learned = sorted(folder.glob("MLP_profiles_plate*.csv"))
    return {"CellProfiler": _stacked(files), "learned embedding": _stacked(learned)}


def _stacked(files: list[Path]) -> pd.DataFrame:
    frame = pd.concat([pd.read_csv(file) for file in files], ignore_index=True)
    sample = frame["Metadata_broad_sample"]
    keys = frame[["Metadata_Plate", "Metadata_Well"]].assign(
        Metadata_Treatment=sample.fillna("DMSO"), Metadata_Control=sample.isna()
    )
    features = frame[[name for name in frame if not name.startswith("Metadata_")]]
    return profiles.from_frame(pd.concat([keys, features.select_dtypes("number")], axis=1))


def bbbc021(folder: Path) -> dict[str, pd.DataFrame]:
    """Well means of 55 plates with up to 26 annotated wells, six of them DMSO."""
    from phenolens.io.discovery.discover import discover
    from phenolens.io.integrate import integrate

    found = discover(folder)
    return {n: b.table for n, b in integrate(found.section(), found.source).profiles.items()}


def of_real(data: Path) -> dict:
    """Replicate plates flagged, and plates found that were imaged again as the simulation does."""
    told = {}
    for name, load in (("cpjump1_profiles", cpjump1), ("bbbc021_wells", bbbc021)):
        if not (data / name).is_dir():
            told[name] = "not on this machine"
            continue
        for kind, table in load(data / name).items():
            flagged = [" and ".join(found.plates) for found in likely_copies(table)]
            names = sorted(set(profiles.column(table, PLATE).astype(str)))
            sizes = {}
            for plate in names:
                again = imaged_again(table, plate, 0.5, np.random.default_rng(0))
                seen = likely_copies(profiles.stack([table, again]))
                hit = any({plate, AGAIN} == set(found.plates) for found in seen)
                sizes.setdefault("12 wells or more" if len(again) > 11 else "fewer", []).append(hit)
            told[f"{name}, {kind}"] = {
                "plates": len(names),
                "replicate_pairs_flagged": flagged,
                "imaged_again_found": {k: f"{sum(v)} of {len(v)}" for k, v in sizes.items()},
            }
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--screens", type=int, default=100)
    parser.add_argument("--wells", type=int, default=24)
    shared = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=shared)
    options = parser.parse_args()
    started = time.process_time()
    told = {
        "claim": "one plate imaged twice is recognised, replicate plates are not taken for one",
        "screens": options.screens,
        "profiles": of_profiles(options.screens),
        "images": of_images(options.wells) if options.wells else "not asked",
        "real": of_real(options.data),
    }
    told["cpu_s"] = round(time.process_time() - started)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
