"""How often a block is said to know two plates in a way that measured features do not explain.

    python bench/plates_known.py [--screens 400] [--seed 1] [--results plates_known.jsonl]

Screens of four or six plates in batches of two or three: treatments, what a batch adds to each
treatment (another passage of the cells, another dispense), surfaces over the plate that all plates,
a batch or one plate has, well and feature noise, shifts of whole plates. One block plays the
measured features, the other a network's: another projection of the same, bent, with sensitivities
of its own. Its sensitivity to batches and to position, relative to treatments, is drawn up to three
times as large or as small in amplitude (nine times in variance) as that of the measured block; in a
second set ten times. The same network is then made to have learned two plates of every fourth
screen: by well, or by treatment, with a share of its output.

Printed: screens with a warning (a note, where nothing was measured), with the exact 95 % interval.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from phenolens import profiles
from phenolens.evaluate.quality.agreement import Held, comparable, jumps

LATENT, EVERY = 10, 4


@dataclass(frozen=True)
class Screen:
    """Wells of a screen, and what varies between them, by source: latent values a well."""

    wells: pd.DataFrame
    sources: dict[str, np.ndarray]


def screen(rng: np.random.Generator) -> Screen:
    """A screen of one layout on all plates, in batches."""
    plates, per_batch = (4, 2) if rng.random() < 0.7 else (6, int(rng.choice([2, 3])))
    rows, columns = (16, 24) if rng.random() < 0.1 else (8, 12)
    size = rows * columns
    controls = int(size * rng.uniform(0.08, 0.25))
    several = int(rng.choice([1, 1, 2, 4]))
    names = [f"T{n // several:03d}" for n in range(size - controls)]
    order = rng.permutation(size)
    layout = pd.DataFrame(
        {
            "Metadata_Well": [
                f"{profiles.row_letters(place // columns)}{place % columns + 1:02d}"
                for place in order
            ],
            "Metadata_Treatment": [*names, *["DMSO"] * controls],
            "Metadata_Control": [False] * len(names) + [True] * controls,
        }
    )
    kinds = pd.factorize(layout["Metadata_Treatment"])[0]
    treated = ~layout["Metadata_Control"].to_numpy()
    active = rng.random(kinds.max() + 1) < rng.uniform(0.2, 1.0)
    spread = np.exp(rng.normal(scale=0.6, size=kinds.max() + 1)) * active
    place = np.column_stack([order // columns / rows, order % columns / columns]) - 0.5
    batches = np.arange(plates) // per_batch

    def effect() -> np.ndarray:
        drawn = rng.normal(size=(kinds.max() + 1, LATENT)) * spread[:, None]
        return drawn[kinds] * treated[:, None]

    def surface() -> np.ndarray:
        basis = np.column_stack(
            [place, place**2, place.prod(axis=1), np.abs(place).max(axis=1) > 0.42]
        )
        found = basis @ rng.normal(size=(basis.shape[1], LATENT))
        return found / found.std()

    treatment, batch_effects = effect(), [effect() for _ in range(batches.max() + 1)]
    everywhere, of_batch = surface(), [surface() for _ in range(batches.max() + 1)]
    size_of = {
        "treatment": rng.uniform(0.3, 2.0),
        "batch": rng.uniform(0.0, 2.0),
        "everywhere": rng.uniform(0.0, 1.0),
        "surface": rng.uniform(0.0, 2.0),
        "plate": rng.uniform(0.0, 1.0),
        "well": rng.uniform(0.3, 1.5),
        "shift": rng.uniform(0.0, 2.0),
    }
    parts = []
    for plate in range(plates):
        shift = rng.normal(size=LATENT) + 2 * np.random.default_rng(batches[plate]).normal(
            size=LATENT
        )
        parts.append(
            {
                "treatment": treatment,
                "batch": batch_effects[batches[plate]],
                "everywhere": everywhere,
                "surface": of_batch[batches[plate]],
                "plate": surface(),
                "well": rng.normal(size=(len(layout), LATENT)),
                "shift": np.tile(shift, (len(layout), 1)),
            }
        )
    wells = pd.concat(
        [layout.assign(Metadata_Plate=f"P{plate + 1}") for plate in range(plates)],
        ignore_index=True,
    )
    sources = {
        name: np.concatenate([part[name] for part in parts]) * size
        for name, size in size_of.items()
    }
    return Screen(wells, sources)


def block(
    made: Screen, rng: np.random.Generator, *, features: int, ratio: float, bent: bool
) -> np.ndarray:
    """Features of the wells; batch, surfaces and shifts seen `ratio` times as strongly."""
    drawn = 0.0
    for name, values in made.sources.items():
        own = ratio if name in ("batch", "everywhere", "surface", "plate", "shift") else 1.0
        drawn = drawn + own * values @ rng.normal(size=(LATENT, features))
    drawn = drawn / np.sqrt(LATENT)
    drawn = drawn + rng.uniform(0.3, 2.0) * rng.normal(size=drawn.shape)
    return np.tanh(drawn / drawn.std()) if bent else drawn


def learned(
    made: Screen, values: np.ndarray, rng: np.random.Generator, *, share: float, by: str
) -> np.ndarray:
    """The block as a network that learned two plates gives it: a code for each well or label."""
    wells = made.wells
    plates = sorted(wells["Metadata_Plate"].unique())
    two = list(rng.choice(plates, size=2, replace=False))
    codes, names = pd.factorize(wells[f"Metadata_{by}"])
    code = rng.normal(size=(len(names), values.shape[1]))[codes]
    code = code + 0.5 * rng.normal(size=code.shape)
    other = rng.normal(size=code.shape)  # wells that it does not know
    known = wells["Metadata_Plate"].isin(two).to_numpy()[:, None]
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    return np.sqrt(1 - share) * scaled + np.sqrt(share) * np.where(known, code, other)


def held(made: Screen, values: np.ndarray) -> Held:
    features = pd.DataFrame(values, columns=[f"f{n}" for n in range(values.shape[1])])
    return comparable(profiles.from_frame(pd.concat([made.wells, features], axis=1)))


def warned(block: Held, measured: Held) -> bool:
    """Whether the audit warns; where measured features agree nowhere it only notes."""
    return any(np.isfinite(found.measured) for found in jumps(block, measured))


def of_screen(number: int, seed: int) -> dict[str, bool]:
    """What is said of one screen's blocks."""
    rng = np.random.default_rng([seed, number])
    made = screen(rng)
    measured = held(
        made, block(made, rng, features=int(rng.integers(80, 200)), ratio=1.0, bent=False)
    )
    width = int(rng.integers(48, 129))
    found = {}
    for most in (3, 10):
        ratio = float(np.exp(rng.uniform(-np.log(most), np.log(most))))
        values = block(made, rng, features=width, ratio=ratio, bent=rng.random() < 0.7)
        own = held(made, values)
        found[f"honest, sensitivity to batches within {most} x"] = warned(own, measured)
        if most == 3:
            found["honest, nothing measured (a note)"] = bool(jumps(own))
        if most == 3 and number % EVERY == 0:
            drawn = np.random.default_rng([seed, number, 1])
            for by, share in (("Well", 0.3), ("Well", 0.6), ("Well", 0.9), ("Treatment", 0.6)):
                known = held(made, learned(made, values, drawn, share=share, by=by))
                name = f"learned two plates by {by.lower()}, share {share}"
                found[name] = warned(known, measured)
    return found


def rate(found: pd.Series) -> str:
    """A count of screens with its exact 95 % interval."""
    sure = binomtest(int(found.sum()), len(found)).proportion_ci(method="exact")
    return f"{int(found.sum())} of {len(found)} ({sure.low:.1%} to {sure.high:.1%})"


def main() -> None:
    """Go on where the file of results ends, then say what it holds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--screens", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--results", type=Path, default=Path("plates_known.jsonl"))
    asked = parser.parse_args()
    done = asked.results.read_text().splitlines() if asked.results.is_file() else []
    for number in range(len(done), asked.screens):
        done.append(json.dumps(of_screen(number, asked.seed)))
        with asked.results.open("a") as file:
            file.write(done[-1] + "\n")
    for name, said in pd.DataFrame([json.loads(line) for line in done]).items():
        print(f"{name}: {rate(said.dropna())}")


if __name__ == "__main__":
    main()
