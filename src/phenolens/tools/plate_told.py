"""What a proposed layout could show: the smallest p, power by effect, what position leaves open."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from phenolens.audit.finding import Finding
from phenolens.errors import DesignError, ended
from phenolens.evaluate.layout.examine import Layout
from phenolens.io.ledger import Conflict
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
    judging,
    power_by_effect,
)
from phenolens.tools.plate_table import ABOUT_POSITION
from phenolens.tools.read import read
from phenolens.tools.result import Note, counted

MOST_REPLICATES = 24


def doubted(doubt: Conflict) -> str:
    """What is doubtful in the list of treatments, as a sentence."""
    such = "; ".join(text.replace("row/", "row ") for text in doubt.examples)
    return ended(f"{counted(doubt.wells, 'row')} of the list, e.g. {such}: {doubt.consequence}")


def told(
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
) -> tuple[dict[str, Any], list[Note], pd.DataFrame | None]:
    """Summary, notes, and power by effect; None where activity cannot test the layout."""
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
    notes = [
        *_about_hits(plan, floor, needed=needed, tests=tests, controls=controls, settings=settings),
        *_about_findings(findings, layout),
        *_about_plates(plan, len(listed)),
    ]
    if refused:
        notes.append(Note("power-not-simulated", "warning", f"Power is not known: {refused}"))
    if power is not None:
        notes.append(_about_power(table, background, active=active))
    return summary, notes, power


def _covered(table: pd.DataFrame) -> dict[str, str]:
    """Rows and columns that hold a negative control: where they are fewest, and over all plates."""
    place = pd.DataFrame(well_position(table[WELL]), columns=["rows", "columns"])
    place = place.assign(plate=table[PLATE].to_numpy(), control=table[CONTROL].to_numpy())
    told = {}
    for axis in ("rows", "columns"):
        used = place.groupby("plate")[axis].nunique()
        held = place[place["control"]].groupby("plate")[axis].nunique()
        held = held.reindex(used.index, fill_value=0)
        fewest = held.idxmin()
        told[f"control_{axis}_a_plate"] = f"{held[fewest]} of {used[fewest]}"
        if len(used) > 1:
            over_all = place.loc[place["control"], axis].nunique()
            told[f"control_{axis}_in_all"] = f"{over_all} of {place[axis].nunique()}"
    return told


def _about_hits(
    plan: Plan, floor: float, *, needed: int | None, tests: int, controls: int, settings: Settings
) -> Iterator[Note]:
    """Whether a single treatment can be named, and what would let it."""
    alpha, drawn = settings.alpha, settings.permutations
    values = {"p_attainable": floor, "tests": tests, "needed": needed, "controls": controls}
    if needed is None:
        why = (
            "a treatment has a single well"
            if plan.replicates < 2
            else f"{counted(judging(controls), 'control well')} of a plate's {controls} would judge"
        )
        text = f"Activity can give no p with this design: {why}."
        yield Note("no-p-possible", "error", text, values | {"p_attainable": None})
        return
    start = f"The smallest p that activity can give is {floor:.2g}"
    if needed == 1:
        text = f"{start}: one treatment among {tests} tests can be named at q < {alpha:g}."
        yield Note("single-hits-can-be-named", "info", text, values)
        return
    if floor <= 1 / drawn:
        enough = math.ceil(tests / alpha)
        remedy = f"ask activity with permutations={enough} (--permutations {enough})"
        values |= {"permutations_enough": enough}
    else:
        more = _enough(plan, tests=tests, controls=controls, settings=settings)
        values |= {f"{name}_enough": count for name, count in more.items()}
        offers = [f"{count} {name}" for name, count in more.items()]
        remedy = f"{' or '.join(offers)} would do" if offers else "more replicate plates are needed"
    before = f"{needed} of {tests} tests must reach it before one treatment can be named"
    if needed > tests:
        before = f"no treatment could be named, if all {tests} reached it,"
    text = f"{start}: {before} at q < {alpha:g}; {remedy}."
    yield Note("single-hits-cannot-be-named", "warning", text, values)


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


def _about_findings(findings: Sequence[Finding], layout: Layout) -> Iterator[Note]:
    """What the audit says against the layout, what it found in order, and what it cannot ask."""
    for finding in findings:
        where = f" ({finding.where})" if finding.where and finding.severity != "info" else ""
        text = " ".join(filter(None, [f"{finding.what.rstrip('.')}{where}.", finding.consequence]))
        yield Note(finding.code, finding.severity, text, {"where": finding.where})
    sound = {
        "replicates share no position, block, edge or order": "replicates" not in layout.unasked
        and not layout.replicates,
        "treatments lie at other locations too": getattr(layout.elsewhere, "severity", "") == "ok",
        "controls lie among them": getattr(layout.controls, "severity", "") == "ok",
    }
    if any(sound.values()):
        text = "; ".join(what for what, holds in sound.items() if holds)
        yield Note("position-audited", "info", f"Audited: {text}.")
    if layout.unasked:
        asked = {"replicates": "replicates", "controls": "controls"}
        text = "; ".join(f"{asked[k]} ({why})" for k, why in layout.unasked.items() if k in asked)
        yield Note("position-not-asked", "warning", f"Position could not be audited of {text}.")


def _about_plates(plan: Plan, treatments: int) -> Iterator[Note]:
    """Several sets of plates, and edges that are left empty."""
    if plan.sets > 1:
        text = (
            f"{treatments} treatments make {plan.sets} sets of {plan.plates_a_set} replicate "
            "plates, each with treatments of its own; every plate is scrambled anew."
        )
        yield Note("several-sets", "info", text, {"sets": plan.sets})
    largest = -(-treatments // plan.sets) * plan.replicates
    needed = -(-largest // plan.plates_a_set) + sum(plan.controls)
    rows, columns = plan.shape
    inner = (rows - 2) * (columns - 2)
    if plan.empty_edge or needed <= inner:
        why = "as asked" if plan.empty_edge else "for there is room"
        yield Note("edge-empty", "info", f"The outermost wells stay empty, {why}.")
    elif needed < rows * columns:
        text = f"{rows * columns - needed} wells of a plate stay empty, all at the edge."
        yield Note("edge-empty", "info", text, {"wells": rows * columns - needed})


def _about_power(
    table: pd.DataFrame, background: SimulatedBackground | PilotBackground, *, active: float
) -> Note:
    """What power takes for granted."""
    if isinstance(background, SimulatedBackground):
        source = (
            f"simulated noise ({background.features} features, half of its variance shared; "
            f"position adds {background.position_effect:g} of its standard deviation)"
        )
        values: dict[str, object] = {"position_effect": background.position_effect}
    else:
        made = background.position_share(well_position(table[WELL]))
        values = {"position_share": made, "controls": len(background.residual)}
        source = f"the noise of the pilot's {counted(len(background.residual), 'control well')}"
        source += (
            f" (position makes {made:.0%} of the variance)"
            if background.model is not None
            else " (at too few positions to tell what position does)"
        )
    text = (
        f"Power is that of treatments which shift {SHIFTED:.0%} of the features, over {source}; "
        f"'found' is {POWER:.0%} of them (–: no effect up to {max(EFFECTS):g} is); at q, "
        f"{active:.0%} of all treatments have the effect."
    )
    return Note("power-assumes", "info", text, values)
