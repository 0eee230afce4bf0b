"""How proposed layouts compare with plain scrambling: audit, controls, neighbours; and the time."""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import pandas as pd

import phenolens as pl
from phenolens.audit.audit import audit_design
from phenolens.errors import DesignError
from phenolens.plating.layout import Proposal, propose, usable_spots
from phenolens.plating.plan import Plan
from phenolens.profiles import (
    COMPOUND,
    CONCENTRATION,
    CONTROL,
    PLATE,
    TREATMENT,
    WELL,
    row_letters,
)

POSITION = ("layout-", "compared-", "controls-elsewhere")
NEAR_MM = 18.0


def drawn(rng: np.random.Generator) -> Plan:
    """A request: 96 or 384 wells, 2 to 8 replicates on as many plates or fewer, doses or none."""
    while True:
        wells, replicates = int(rng.choice([96, 384])), int(rng.integers(2, 9))
        plates = replicates if rng.random() < 0.6 else int(rng.integers(1, replicates + 1))
        controls = int(rng.integers(wells // 24, wells // 6 + 1))
        count, series = int(rng.integers(8, wells)), int(rng.choice([1, 1, 4, 8]))
        compounds = tuple((np.arange(count) // series).tolist())
        try:
            return Plan(
                compounds, replicates=replicates, wells=wells, controls=(controls,), plates=plates,
                empty_edge=bool(rng.random() < 0.2),
            )  # fmt: skip
        except DesignError:
            continue


def scrambled(plan: Plan, rng: np.random.Generator) -> Proposal:
    """The same content at positions drawn at random among those that may be used."""
    copies = plan.copies(len(plan.compounds))
    parts = []
    for plate in range(plan.plates_a_set):
        content = np.repeat(np.arange(len(plan.compounds)), copies[:, plate])
        content = np.r_[content, np.full(plan.controls[0], -1)]
        spots = usable_spots(plan, len(content) - plan.controls[0], rng)
        spot = rng.permutation(spots)[: len(content)]
        parts.append(np.stack([np.full(len(spot), plate), spot, content]))
    plate, spot, content = np.concatenate(parts, axis=1)
    row, column = np.divmod(spot, plan.shape[1])
    return Proposal(np.zeros_like(plate), plate, row, column, content)


def wells_of(plan: Plan, layout: Proposal) -> pd.DataFrame:
    """A layout as the audit takes it; treatments of one compound are its doses."""
    control = layout.content < 0
    compound = np.asarray(plan.compounds)[layout.content]
    several = len(set(plan.compounds)) < len(plan.compounds)
    spots = zip(layout.row, layout.column, strict=True)
    frame = pd.DataFrame(
        {
            PLATE: [f"P{k:02d}" for k in layout.plate],
            WELL: [f"{row_letters(row)}{column + 1:02d}" for row, column in spots],
            TREATMENT: np.where(control, "DMSO", layout.content.astype(str)),
            CONTROL: control,
        }
    )
    if several:
        frame[COMPOUND] = np.where(control, "DMSO", compound.astype(str))
        frame[CONCENTRATION] = np.where(control, np.nan, layout.content.astype(float))
    return frame


def measured(plan: Plan, layout: Proposal) -> dict[str, float]:
    """Whether the audit passes, what controls cover, and how close replicates come."""
    told = audit_design(wells_of(plan, layout))
    passed = not [f for f in told if f.severity != "ok" and f.code.startswith(POSITION)]
    covered = []
    for plate in np.unique(layout.plate):
        here = layout.plate == plate
        held = here & (layout.content < 0)
        for line in (layout.row, layout.column):
            most = min(len(set(line[here])), plan.controls[0])
            covered.append(len(set(line[held])) / most)
    pitch = 108.0 / plan.shape[1]
    near, pairs = 0, 0
    for number in range(len(plan.compounds)):
        own = np.flatnonzero(layout.content == number)
        one, other = np.triu_indices(len(own), 1)
        down = layout.row[own[one]] - layout.row[own[other]]
        along = layout.column[own[one]] - layout.column[own[other]]
        near += int((np.hypot(down, along) * pitch <= NEAR_MM).sum())
        pairs += len(one)
    return {"passed": passed, "covered": float(np.mean(covered)), "near": near / pairs}


def summed(rows: list[dict[str, float]]) -> dict[str, float]:
    """Means over designs."""
    frame = pd.DataFrame(rows).astype(float).mean()
    return {
        "audit passed": round(frame["passed"], 4),
        "rows and columns covered by controls": round(frame["covered"], 4),
        "pairs of replicates within 18 mm": round(frame["near"], 4),
    }


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--designs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    plan = Plan(tuple(range(320)))
    propose(plan)
    seconds = []
    for seed in range(5):
        began = time.perf_counter()
        propose(plan, seed=seed)
        seconds.append(time.perf_counter() - began)
    pl.design(12, wells=96)
    began = time.perf_counter()
    pl.design(320)
    whole = time.perf_counter() - began
    rng = np.random.default_rng(options.seed)
    ours, plain = [], []
    for number in range(options.designs):
        asked = drawn(rng)
        ours.append(measured(asked, propose(asked, seed=number)))
        plain.append(measured(asked, scrambled(asked, rng)))
    print(
        json.dumps(
            {
                "designs": options.designs,
                "seconds a layout (320 x 4 plates of 384)": round(float(np.median(seconds)), 2),
                "seconds with audit and power": round(whole, 1),
                "proposed": summed(ours),
                "scrambled": summed(plain),
            }
        )
    )


if __name__ == "__main__":
    main()
