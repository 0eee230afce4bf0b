"""What a proposed layout could show: the smallest p, power by effect, what position leaves open."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from phenolens.errors import DesignError
from phenolens.evaluate.layout.examine import Layout
from phenolens.findings import Finding
from phenolens.io.treatments import Treatments
from phenolens.plating.plan import Plan
from phenolens.profiles import COMPOUND, CONTROL, PLATE, TREATMENT, WELL, well_position
from phenolens.settings import Settings
from phenolens.simulate.planned import SHIFTED, SimulatedBackground
from phenolens.stats.multiple_testing import needed_at_floor
from phenolens.tools.pilot import PilotBackground, learn_background
from phenolens.tools.plate_power import (
    EFFECTS,
    POWER,
    attainable,
    effect_found,
    evaluation_controls,
    power_by_effect,
)
from phenolens.tools.plate_table import ABOUT_POSITION
from phenolens.tools.read import read

MOST_REPLICATES = 24


def design_findings(
    table: pd.DataFrame,
    findings: Sequence[Finding],
    layout: Layout,
    *,
    plan: Plan,
    listed: Treatments,
    negative: Mapping[str, int],
    positive: Mapping[str, int],
    pilot: object,
    active: float,
    settings: Settings,
) -> tuple[dict[str, Any], list[Finding], pd.DataFrame | None]:
    """Summary, findings, and power by effect; None where activity cannot test the layout."""
    background = SimulatedBackground() if pilot is None else learn_background(read(pilot))
    tests = len(listed) + len(positive)
    controls = sum(negative.values())
    copies = table[~table[CONTROL]].groupby([TREATMENT, PLATE]).size()
    designs = {tuple(part.tolist()) for _, part in copies.groupby(TREATMENT)}
    floors = [attainable(own, controls, permutations=settings.permutations) for own in designs]
    floor = max((p for p in floors if not math.isnan(p)), default=math.nan)
    possible = not math.isnan(floor)
    needed = needed_at_floor(floor, tests, alpha=settings.alpha) if possible else None
    power = None
    refused = ""
    if possible:
        try:
            power = power_by_effect(
                table, list(listed.labels[TREATMENT]), background=background, tests=tests,
                active=active, alpha=settings.alpha, permutations=settings.permutations,
                seed=settings.seed,
            )  # fmt: skip
        except DesignError as error:
            refused = str(error)
    about = [f.code for f in findings if f.code.startswith(ABOUT_POSITION)]
    sizes = table.groupby(PLATE).size()
    summary: dict[str, object] = {"treatments": len(listed)}
    if (compounds := listed.labels[COMPOUND].nunique()) < len(listed):
        summary["compounds"] = compounds
    summary |= {
        "plates": len(sizes),
        "sets": plan.sets,
        "wells_in_use_a_plate": int(sizes.max()),
        "controls_a_plate": dict(negative) | dict(positive),
        **_covered(table),
        "tests": tests,
        "p_attainable": floor if possible else None,
        "tests_needed_at_floor": needed,
        "single_hits_can_be_named": needed == 1,
        "position_could_explain": about or "nothing that the audit looks for",
    }
    if power is not None:
        alpha = settings.alpha
        summary |= {
            f"effect_found_at_p_{alpha:g}": effect_found(power, "power_p"),
            f"effect_found_at_q_{alpha:g}": effect_found(power, "power_q"),
            "power": {
                f"effect {row.effect:g}": f"{row.power_p:.2f} at p < {alpha:g} ({row.low:.2f} to "
                f"{row.high:.2f}), {row.power_q:.2f} at q < {alpha:g}"
                for row in power.itertuples()
            },
        }
    found = [
        *_about_hits(plan, floor, needed=needed, tests=tests, controls=controls, settings=settings),
        *_about_findings(findings, layout),
        *_about_plates(plan, len(listed)),
    ]
    if refused:
        found.append(Finding("power-not-simulated", "warning", {}, {"why": refused}))
    if power is not None:
        found.append(_about_power(table, background, active=active))
    return summary, found, power


def _covered(table: pd.DataFrame) -> dict[str, str]:
    """Rows and columns that hold a negative control: where they are fewest, and over all plates."""
    place = pd.DataFrame(well_position(table[WELL]), columns=["rows", "columns"])
    place = place.assign(plate=table[PLATE].to_numpy(), control=table[CONTROL].to_numpy())
    found = {}
    for axis in ("rows", "columns"):
        used = place.groupby("plate")[axis].nunique()
        held = place[place["control"]].groupby("plate")[axis].nunique()
        held = held.reindex(used.index, fill_value=0)
        fewest = held.idxmin()
        found[f"control_{axis}_a_plate"] = f"{held[fewest]} of {used[fewest]}"
        if len(used) > 1:
            over_all = place.loc[place["control"], axis].nunique()
            found[f"control_{axis}_in_all"] = f"{over_all} of {place[axis].nunique()}"
    return found


def _about_hits(
    plan: Plan, floor: float, *, needed: int | None, tests: int, controls: int, settings: Settings
) -> Iterator[Finding]:
    """Whether a single treatment can be named, and what would let it."""
    alpha = settings.alpha
    values: dict[str, object] = {
        "p_attainable": floor,
        "tests": tests,
        "needed": needed,
        "controls": controls,
    }
    values["alpha"] = alpha
    if needed is None:
        values |= {"p_attainable": None, "replicates": plan.replicates}
        yield Finding(
            "no-p-possible", "error", {}, values | {"evaluation": evaluation_controls(controls)}
        )
        return
    if needed == 1:
        yield Finding("single-hits-can-be-named", "info", {}, values)
        return
    enough: dict[str, int] = {}
    more = None
    if floor <= 1 / settings.permutations:
        more = math.ceil(tests / alpha)
    else:
        enough = _enough(plan, tests=tests, controls=controls, settings=settings)
    values |= {"enough": enough, "permutations_enough": more}
    yield Finding("single-hits-cannot-be-named", "warning", {}, values)


def _enough(plan: Plan, *, tests: int, controls: int, settings: Settings) -> dict[str, int]:
    """Control wells a plate, and replicates on plates of their own, that let one hit be named."""

    def named_by(copies: Sequence[int], wells: int) -> bool:
        floor = attainable(copies, wells, permutations=settings.permutations)
        return needed_at_floor(floor, tests, alpha=settings.alpha) == 1

    own = plan.copies(1)[0]
    found = {}
    most = plan.wells // 2
    wells = next((n for n in range(controls + 1, most + 1) if named_by(own, n)), None)
    plates = next(
        (r for r in range(plan.replicates, MOST_REPLICATES) if named_by([1] * r, controls)), None
    )
    if wells is not None:
        found["control wells a plate"] = wells
    if plates is not None:
        found["replicates on a plate each"] = plates
    return found


def _about_findings(findings: Sequence[Finding], layout: Layout) -> Iterator[Finding]:
    """What the audit says against the layout, what it found in order, and what it cannot ask."""
    yield from findings
    sound = {
        "replicates": "replicates" not in layout.unasked and not layout.replicates,
        "elsewhere": layout.elsewhere is not None and layout.elsewhere.severity == "ok",
        "controls": layout.controls is not None and layout.controls.severity == "ok",
    }
    if any(sound.values()):
        held = [what for what, holds in sound.items() if holds]
        yield Finding("position-audited", "info", {}, {"sound": held})
    unasked = {
        what: {"code": why.code, **why.values}
        for what, why in layout.unasked.items()
        if what in ("replicates", "controls")
    }
    if unasked:
        yield Finding("position-not-asked", "warning", {}, {"unasked": unasked})


def _about_plates(plan: Plan, treatments: int) -> Iterator[Finding]:
    """Several sets of plates, and edges that are left empty."""
    if plan.sets > 1:
        values = {"treatments": treatments, "sets": plan.sets, "plates_a_set": plan.plates_a_set}
        yield Finding("several-sets", "info", {}, values)
    largest = -(-treatments // plan.sets) * plan.replicates
    needed = -(-largest // plan.plates_a_set) + sum(plan.controls)
    rows, columns = plan.shape
    inner = (rows - 2) * (columns - 2)
    if plan.empty_edge or needed <= inner:
        yield Finding("edge-empty", "info", {}, {"asked": plan.empty_edge})
    elif needed < rows * columns:
        yield Finding("edge-empty", "info", {}, {"wells": rows * columns - needed})


def _about_power(
    table: pd.DataFrame, background: SimulatedBackground | PilotBackground, *, active: float
) -> Finding:
    """What power takes for granted."""
    values: dict[str, object] = {
        "shifted": SHIFTED, "power": POWER, "largest": max(EFFECTS), "active": active,
    }  # fmt: skip
    if isinstance(background, SimulatedBackground):
        values |= {
            "features": background.features, "position_effect": background.position_effect,
        }  # fmt: skip
    else:
        values |= {
            "controls": len(background.residual),
            "position_share": background.position_share(well_position(table[WELL])),
            "modelled": background.model is not None,
        }
    return Finding("power-assumes", "info", {}, values)
