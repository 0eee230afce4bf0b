"""Whether the control check and the lower bound of the share active hold on simulated screens.

    nice -n 19 python bench/control_check.py

Prints one line of JSON: controls called without position effect, by shape; treatments without
effect called under position effects sized as CPJUMP1's (half of the control positions come out
"active" by permuting wells), and how often the check says so; the power that scrambled layouts
keep; how often the one-sided bound holds, by the ranks of scores (many screens) and by the
position-safe test itself (fewer), and how it fails where treated positions are shifted.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
from activity_positions import CELLS, SCENARIOS, SHAPE, simulate

import phenolens as pl
from phenolens import profiles
from phenolens.evaluate.activity.activity import activity
from phenolens.evaluate.activity.control_check import (
    LEVEL,
    check_by_null,
    control_check_of,
    grouped,
    p_of_groups,
)
from phenolens.evaluate.activity.position_null import PlacedWells, position_test
from phenolens.evaluate.activity.position_safe import held_out_positions
from phenolens.evaluate.activity.share_active import lower_bound
from phenolens.evaluate.layout.kept_positions import keeping_positions, layout_is_fixed
from phenolens.profiles import CONTROL, PLATE, TREATMENT, WELL
from phenolens.simulate.arrangements import Arrangement, arrange, possible
from phenolens.stats.ranking import Ranking, rank_against

PERMUTATIONS = 199
SHAPES = {
    "scattered": {"kind": "scrambled"},
    "same position": {"kind": "same"},
    "column": {"kind": "columns"},
    "neighbours": {"kind": "neighbours", "plates": 1, "replicates": 3, "controls": "two columns"},
}
TRUTHS = ((0.0, 0.0), (0.2, 0.6), (0.2, 1.5), (0.5, 0.6), (0.5, 1.5))
POSITIONS = (19, 32, 64)
SHIFT = 0.3


def table_of(wells: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
    """Profile table of wells and their values."""
    named = pd.DataFrame(values).add_prefix("Cells_F_")
    return profiles.from_frame(pd.concat([wells.reset_index(drop=True), named], axis=1))


def _ranking_of(arrangement: Arrangement) -> Ranking:
    """A layout's controls, and as many of its treatments as show their shape; values of noise."""
    wells, _ = arrange(arrangement)
    some = wells.loc[~wells[CONTROL], TREATMENT].unique()[:60]
    wells = wells[wells[CONTROL] | wells[TREATMENT].isin(some)]
    values = np.random.default_rng(0).normal(size=(len(wells), 20))
    control = wells[CONTROL].to_numpy()
    return rank_against(table_of(wells, values), same_by=TREATMENT, controls=control, within=PLATE)


def without_position(screens: int) -> dict:
    """Groups of controls called, by shape, on plates of noise and of plate effects."""
    told = {}
    for number, (name, given) in enumerate(SHAPES.items()):
        rng = np.random.default_rng([1, number])
        called = groups = tests = 0
        for k in range(screens):
            if k % 50 == 0:
                ranking = _ranking_of(Arrangement(seed=k, **given))
                plate = ranking.wells.codes(PLATE)
                lying = grouped(ranking, seed=k)
            shape = (len(plate), 20)
            values = rng.normal(size=shape) + rng.normal(size=(4, 20))[plate]
            unit = values / np.linalg.norm(values, axis=1, keepdims=True)
            ranking = replace(ranking, wells=replace(ranking.wells, unit=unit))
            p, floor = p_of_groups(
                ranking, lying.groups, null="label-permutation", permutations=PERMUTATIONS, seed=k
            )
            found = control_check_of(
                ranking, lying, p, floor=floor, treated=np.empty(0), test="", alpha=LEVEL
            ).summary
            called += found["called"]
            groups += found["groups"]
            tests += found["outcome"] == "calls-controls"
        told[name] = {
            "shape": found["shape"], "groups a screen": round(groups / screens, 1),
            "called": round(called / groups, 4), "attainable": LEVEL,
            "screens said to call controls": round(tests / screens, 4),
        }  # fmt: skip
    return told


def with_position(screens: int, treatments: int = 80) -> dict:
    """Treatments without effect called, and what the check says, on plates with surfaces."""
    told = {}
    for name, (parts, size) in SCENARIOS.items():
        rows = []
        for seed in range(screens):
            rng = np.random.default_rng([2, seed])
            values, controls, active = simulate(parts, size, rng)
            plates = len(values) // len(CELLS)
            idle = np.setdiff1d(np.arange(len(CELLS)), np.r_[controls, active])
            chosen = rng.choice(idle, treatments, replace=False)
            rows.append(
                _fixed(values, controls, chosen, seed=seed)
                | _scrambled(values, controls, idle, treatments=treatments, rng=rng, plates=plates)
            )
        told[name] = {key: round(float(np.mean([r[key] for r in rows])), 4) for key in rows[0]}
    keys = next(iter(told.values()))
    told["mean"] = {k: round(float(np.mean([t[k] for t in told.values()])), 4) for k in keys}
    return told


def _wells(places: list[np.ndarray], names: list[np.ndarray]) -> pd.DataFrame:
    """Wells of each plate at these places, by treatment."""
    parts = []
    for plate, (own, name) in enumerate(zip(places, names, strict=True)):
        spots = CELLS[own]
        well = [f"{profiles.row_letters(row)}{column + 1:02d}" for row, column in spots]
        keys = {PLATE: f"P{plate}", WELL: well, TREATMENT: name, CONTROL: name == "DMSO"}
        parts.append(pd.DataFrame(keys))
    return pd.concat(parts, ignore_index=True)


def _fixed(values: np.ndarray, controls: np.ndarray, chosen: np.ndarray, *, seed: int) -> dict:
    """One layout on all plates: the position-safe test, and the check of permuting wells."""
    plates = len(values) // len(CELLS)
    own = np.r_[controls, chosen]
    names = np.r_[["DMSO"] * len(controls), [f"t{k:03d}" for k in chosen]].astype(object)
    rows = np.concatenate([own + plate * len(CELLS) for plate in range(plates)])
    spot = np.tile(own, plates)
    plate = np.repeat(np.arange(plates), len(own))
    flat = np.zeros(len(spot), np.int64)
    screen = PlacedWells(values[rows], plate, CELLS[spot], spot, SHAPE, flat)
    at = np.arange(len(own))
    groups = [k + len(own) * np.arange(plates) for k in at[len(controls) :]]
    null = np.flatnonzero(np.isin(spot, controls))
    tested = position_test(screen, groups, null, seed=seed)
    wells = _wells([own] * plates, [names] * plates)
    ranking = rank_against(
        table_of(wells, values[rows]), same_by=TREATMENT, controls=wells[CONTROL].to_numpy(),
        within=PLATE,
    )  # fmt: skip
    check = check_by_null(
        ranking, np.empty(0), null="label-permutation", permutations=PERMUTATIONS, seed=seed
    ).summary
    return {
        "position-safe, called": float((tested.p <= LEVEL).mean()),
        "permuting wells, controls called": check["share"],
        "permuting wells, said to call controls": float(check["outcome"] == "calls-controls"),
    }


def _scrambled(
    values: np.ndarray,
    controls: np.ndarray,
    idle: np.ndarray,
    *,
    treatments: int,
    rng: np.random.Generator,
    plates: int,
) -> dict:
    """Another place on each plate for treatments and controls: label permutation."""
    free = np.r_[controls, idle]
    n = len(controls) + treatments
    places = [rng.permutation(free)[:n] for _ in range(plates)]
    names = np.r_[["DMSO"] * len(controls), [f"t{k:03d}" for k in range(treatments)]].astype(object)
    wells = _wells(places, [names] * plates)
    rows = np.concatenate([own + plate * len(CELLS) for plate, own in enumerate(places)])
    found = activity(
        table_of(wells, values[rows]), same_by=TREATMENT, controls=wells[CONTROL].to_numpy(),
        strata=PLATE, permutations=PERMUTATIONS, check=True,
    )  # fmt: skip
    return {
        "scrambled, called": float((found.table["p"] <= LEVEL).mean()),
        "scrambled, controls called": found.summary["control_check"]["share"],
    }


def power(screens: int, layouts: int) -> dict:
    """Active treatments called on scrambled layouts: by default, and by the plain test."""
    hits = np.zeros(2)
    for seed in range(screens):
        screen, truth = pl.simulate_profiles(
            seed=seed, effect=1.0, features=60, treatments=40, position_effect=0.5
        )
        item = pl.read(screen)
        active = set(truth.loc[truth["active"], "treatment"])
        for number, safe in enumerate(("auto", "no")):
            table = pl.activity(item, position_safe=safe, permutations=999).table
            hits[number] += len(active & set(table.loc[table["active"], TREATMENT]))
    rng = np.random.default_rng(3)
    plain = 0
    for _ in range(layouts):
        while True:
            plates, replicates = int(rng.integers(1, 9)), int(rng.integers(2, 13))
            if possible("scrambled", plates=plates, replicates=replicates):
                break
        wells, _ = arrange(Arrangement(plates=plates, replicates=replicates,
                                       wells=int(rng.choice([96, 384])),
                                       seed=int(rng.integers(2**31))))  # fmt: skip
        plain += not layout_is_fixed(keeping_positions(wells[~wells[CONTROL]], TREATMENT))
    return {
        "power by default": round(hits[0] / (20 * screens), 4),
        "power of the plain test": round(hits[1] / (20 * screens), 4),
        "kept": round(hits[0] / hits[1], 4),
        "scrambled layouts tested plainly": round(plain / layouts, 4),
    }


def _draw(
    rng: np.random.Generator, *, positions: int, truth: tuple[float, float], treatments: int,
    shift: float = 0.0, plates: int = 3, features: int = 40,
) -> np.ndarray:  # fmt: skip
    """Values of shape (plates, positions + treatments, features); the first of these are null."""
    share, effect = truth
    values = rng.standard_normal((plates, positions + treatments, features))
    count = round(share * treatments)
    moved = rng.random((count, features)) < 0.2
    values[:, positions : positions + count] += (
        effect * moved * rng.standard_normal((count, features))
    )
    values[:, positions:] += shift * rng.choice([-1, 1], features)
    return values


def by_ranks(screens: int, *, shift: float = 0.0, treatments: int = 200) -> dict:
    """How often the bound holds where a position's score is compared with the null positions'."""
    told = {}
    for positions in POSITIONS:
        for truth in TRUTHS:
            rng = np.random.default_rng([4, positions, int(100 * truth[0]), int(10 * truth[1])])
            held, lows = 0, []
            for _ in range(screens):
                values = _draw(rng, positions=positions, truth=truth, treatments=treatments,
                               shift=shift)  # fmt: skip
                values /= np.linalg.norm(values, axis=2, keepdims=True)
                score = (values.sum(axis=0) ** 2).sum(axis=1)
                null, own = score[:positions], score[positions:]
                p = (1 + (null >= own[:, None]).sum(axis=1)) / (positions + 1)
                other = rng.permutation(positions) % 8
                other = other[:, None] != other
                of_null = (1 + (other & (null >= null[:, None])).sum(axis=1)) / (
                    1 + other.sum(axis=1)
                )
                reach = max(LEVEL, 1 / (1 + other.sum(axis=1).min()))
                low = lower_bound(
                    int((p <= reach + 1e-12).sum()), treatments,
                    groups_called=int((of_null <= reach + 1e-12).sum()), groups=positions,
                )  # fmt: skip
                held += low <= truth[0]
                lows.append(low)
            told[_named(positions, truth)] = {
                "held": round(held / screens, 4), "mean bound": round(float(np.mean(lows)), 4),
            }  # fmt: skip
    return told


def by_positions(screens: int, *, shift: float = 0.0, treatments: int = 60) -> dict:
    """The same by the position-safe test and its own held_out control positions."""
    told = {}
    held_out = np.zeros(2)
    for positions in POSITIONS:
        for truth in TRUTHS:
            held, lows = 0, []
            for seed in range(screens):
                rng = np.random.default_rng([5, positions, int(100 * truth[0]), seed])
                values = _draw(rng, positions=positions, truth=truth, treatments=treatments,
                               shift=shift)  # fmt: skip
                plates, n, _ = values.shape
                place = np.column_stack(np.divmod(rng.choice(384, n, replace=False), 24))
                flat = np.zeros(plates * n, np.int64)
                screen = PlacedWells(
                    values.reshape(plates * n, -1), np.repeat(np.arange(plates), n),
                    np.tile(place, (plates, 1)), np.tile(place @ [48, 1], plates), (16, 24), flat,
                )  # fmt: skip
                at = np.arange(n) + n * np.arange(plates)[:, None]
                null = np.sort(at[:, :positions].ravel())
                tested = position_test(screen, list(at[:, positions:].T), null, seed=seed)
                groups = held_out_positions(screen, null, seed=seed)
                reach = max(LEVEL, tested.floor.max(), groups["p_attainable"].max()) + 1e-12
                called = int((groups["p"] <= reach).sum())
                low = lower_bound(
                    int((tested.p <= reach).sum()), treatments, groups_called=called,
                    groups=positions,
                )  # fmt: skip
                held += low <= truth[0]
                lows.append(low)
                held_out += (groups["p"] <= LEVEL).sum(), positions
            told[_named(positions, truth)] = {
                "held": round(held / screens, 4), "mean bound": round(float(np.mean(lows)), 4),
            }  # fmt: skip
    told["all"] = round(float(np.mean([told[key]["held"] for key in told])), 4)
    told["control positions called"] = round(float(held_out[0] / held_out[1]), 4)
    return told


def by_wells(screens: int, treatments: int = 60) -> dict:
    """The same by label permutation on scrambled plates with few controls."""
    told = {}
    for truth in TRUTHS:
        held, lows = 0, []
        for seed in range(screens):
            rng = np.random.default_rng([6, int(100 * truth[0]), int(10 * truth[1]), seed])
            values = _draw(rng, positions=6, truth=truth, treatments=treatments)
            plates, n, _ = values.shape
            names = np.r_[["DMSO"] * 6, [f"t{k:02d}" for k in range(treatments)]].astype(object)
            places = [rng.permutation(384)[:n] for _ in range(plates)]
            wells = _wells(places, [names] * plates)
            found = activity(
                table_of(wells, values.reshape(plates * n, -1)), same_by=TREATMENT,
                controls=wells[CONTROL].to_numpy(), strata=PLATE, check=True, permutations=999,
            )  # fmt: skip
            groups = found.more["control_groups"]["p"]
            low = lower_bound(
                int((found.table["p"] <= LEVEL).sum()), treatments,
                groups_called=int((groups <= LEVEL).sum()), groups=len(groups),
            )  # fmt: skip
            held += low <= truth[0]
            lows.append(low)
        told[_named(6, truth)] = {
            "held": round(held / screens, 4), "mean bound": round(float(np.mean(lows)), 4),
        }  # fmt: skip
    return told


def _named(positions: int, truth: tuple[float, float]) -> str:
    strength = {0.0: "", 0.6: ", weak", 1.5: ", strong"}[truth[1]]
    return f"{positions} null, {truth[0]:.0%} active{strength}"


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--screens", type=int, default=1000, help="by shape, and of ranks")
    parser.add_argument("--surfaces", type=int, default=12, help="screens of each surface")
    parser.add_argument("--tested", type=int, default=12, help="screens of the position-safe test")
    parser.add_argument("--only", default="", help="parts whose name holds this")
    options = parser.parse_args()
    start = time.process_time()
    told: dict = {"screens": options.screens, "tested": options.tested}
    parts = {
        "bound by ranks": lambda: by_ranks(options.screens),
        f"bound by ranks, shift {SHIFT}": lambda: by_ranks(options.screens, shift=SHIFT),
        "without position effect": lambda: without_position(options.screens),
        "with position effects": lambda: with_position(options.surfaces),
        "scrambled": lambda: power(60, options.screens),
        "bound by the position-safe test": lambda: by_positions(options.tested),
        "bound by label permutation, 6 controls a plate": lambda: by_wells(options.screens // 10),
    }
    seconds = {}
    for name, part in parts.items():
        if options.only not in name:
            continue
        before = time.process_time()
        told[name] = part()
        seconds[name] = round(time.process_time() - before, 1)
        print(json.dumps({name: told[name]}), file=sys.stderr, flush=True)
    told["seconds"] = seconds | {"all": round(time.process_time() - start, 1)}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
