"""The perturbations of a screen and the truth about each."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from phenolens.simulate.design import GUIDES_PER_GENE, ScreenDesign
from phenolens.simulate.field import Effect
from phenolens.simulate.programmes import PROGRAMMES, Programme, response

ACTIVE_STRENGTH = 0.1
_CYTOTOXIC = "cytotoxic agent"


@dataclass(frozen=True)
class SimulatedTreatment:
    """One treatment (a compound at a dose, a guide, a clone, or the negative control).

    Attributes
    ----------
    sample, name : str
        ``broad_sample`` (blank for DMSO) and ``pert_iname``.
    gene, mechanism : str
        Annotation; blank where nothing is known.
    programme : Programme or None
    off_target : Programme or None
        A second, weaker one, by which a compound differs from others of its mechanism.
    concentration : float
        Micromolar; NaN for genetic perturbations and controls.
    effect : Effect
    control : bool
    """

    sample: str
    name: str
    gene: str = ""
    mechanism: str = ""
    programme: Programme | None = None
    off_target: Programme | None = None
    concentration: float = float("nan")
    effect: Effect = field(default_factory=Effect)
    control: bool = False

    @property
    def active(self) -> bool:
        """Whether morphology changes by more than a tenth of the programme's full effect."""
        return self.effect.strength > ACTIVE_STRENGTH and bool(self.effect.changes)

    @property
    def toxic(self) -> bool:
        """Whether more than a tenth of the cells die."""
        return self.effect.survival < 0.9


def treatments(design: ScreenDesign) -> list[SimulatedTreatment]:
    """All treatments of a screen except the controls, in a fixed order."""
    rng = np.random.default_rng(np.random.SeedSequence([design.seed, 0x7EA7]))
    units = [
        _unit(design, kind, number, rng=rng) for number, kind in enumerate(_kinds(design), start=1)
    ]
    return [treatment for unit in units for treatment in unit]


def controls(design: ScreenDesign) -> list[SimulatedTreatment]:
    """The negative controls: DMSO, or two non-targeting guides (clones)."""
    if not design.genetic:
        return [SimulatedTreatment("", "DMSO", control=True)]
    return [
        SimulatedTreatment(f"SIM-NT{k}", "non-targeting", gene="non-targeting", control=True)
        for k in range(1, GUIDES_PER_GENE + 1)
    ]


def _kinds(design: ScreenDesign) -> list[int | str]:
    """What each compound or gene is: the number of its mechanism, or inactive, or toxic."""
    share = GUIDES_PER_GENE if design.genetic else 1
    inactive, toxic = design.inactive // share, design.toxic // share
    active = (design.treatments - design.extra_doses) // share - inactive - toxic
    return [
        *(k % design.mechanisms for k in range(active)),
        *["inactive"] * inactive,
        *["toxic"] * toxic,
    ]


def _unit(
    design: ScreenDesign, kind: int | str, number: int, *, rng: np.random.Generator
) -> list[SimulatedTreatment]:
    """The treatments of one compound (its doses) or one gene (its guides)."""
    programme = PROGRAMMES[kind] if isinstance(kind, int) else None
    second = _off_target(design, kind, number)
    drawn = {
        "strength": design.strength * rng.uniform(0.85, 1.15),
        "penetrance": rng.uniform(0.75, 0.95),
        "ec50": min(design.concentrations[0], 10.0) * 0.2 * np.exp(0.3 * rng.standard_normal()),
        "slope": rng.uniform(1.2, 2.0),
        "killed": rng.uniform(0.45, 0.60) if kind == "toxic" else 0.0,
    }
    if design.genetic:
        named = _guides(design, programme, number, drawn=drawn)
    else:
        doses = design.concentrations if number <= design.dosed else design.concentrations[:1]
        named = [_dose(programme, number, concentration=dose, drawn=drawn) for dose in doses]
    return [_with_second(treatment, second, design.off_target) for treatment in named]


def _off_target(design: ScreenDesign, kind: int | str, number: int) -> Programme | None:
    """Another programme for each further compound of a mechanism, in turn."""
    turn = (number - 1) // design.mechanisms
    if not isinstance(kind, int) or not turn or not design.off_target:
        return None
    others = len(PROGRAMMES) - 1
    step = 1 + (design.mechanisms - 1 + turn - 1) % others
    return PROGRAMMES[(kind + step) % len(PROGRAMMES)]


def _with_second(
    treatment: SimulatedTreatment, second: Programme | None, share: float
) -> SimulatedTreatment:
    """The treatment with a weaker second programme in the same cells."""
    if second is None:
        return treatment
    effect, changes = treatment.effect, dict(treatment.effect.changes)
    for trait, amount in second.changes.items():
        changes[trait] = changes.get(trait, 0.0) + share * amount
    survival = effect.survival * second.survival ** (share * min(effect.strength, 1.5))
    effect = replace(effect, changes=changes, survival=survival)
    return replace(treatment, off_target=second, effect=effect)


def _dose(
    programme: Programme | None, number: int, *, concentration: float, drawn: dict[str, float]
) -> SimulatedTreatment:
    share = response(concentration, ec50=drawn["ec50"], slope=drawn["slope"])
    return SimulatedTreatment(
        sample=f"SIM-C{number:05d}",
        name=f"compound-{number:02d}",
        gene=programme.gene if programme else "",
        mechanism=_mechanism(programme, drawn),
        programme=programme,
        concentration=concentration,
        effect=_effect(programme, share, drawn),
    )


def _guides(
    design: ScreenDesign, programme: Programme | None, number: int, *, drawn: dict[str, float]
) -> list[SimulatedTreatment]:
    # Several genes may share a mechanism, so a gene's name carries its number too.
    gene = f"{programme.gene if programme else 'GENE'}-{number:02d}"
    letter = "G" if design.modality == "crispr" else "O"
    return [
        SimulatedTreatment(
            sample=f"SIM-{letter}{number:05d}-{guide}",
            name=gene,
            gene=gene,
            mechanism=_mechanism(programme, drawn),
            programme=programme,
            effect=_effect(programme, 1.0, drawn),
        )
        for guide in range(1, GUIDES_PER_GENE + 1)
    ]


def _mechanism(programme: Programme | None, drawn: dict[str, float]) -> str:
    if programme:
        return programme.mechanism
    return _CYTOTOXIC if drawn["killed"] else ""


def _effect(programme: Programme | None, share: float, drawn: dict[str, float]) -> Effect:
    if programme is None:
        return Effect(survival=1 - drawn["killed"] * share)
    strength = drawn["strength"] * share
    return Effect(
        changes=programme.changes,
        strength=strength,
        penetrance=drawn["penetrance"],
        survival=programme.survival ** min(strength, 1.5),
    )


def truth_table(design: ScreenDesign) -> pd.DataFrame:
    """One row per treatment, controls included: what was planted and how much of it."""
    rows = [_truth(treatment) for treatment in [*treatments(design), *controls(design)]]
    return pd.DataFrame(rows)


def _truth(treatment: SimulatedTreatment) -> dict[str, object]:
    programme, effect = treatment.programme, treatment.effect
    return {
        "broad_sample": treatment.sample,
        "pert_iname": treatment.name,
        "concentration_um": treatment.concentration,
        "gene": treatment.gene,
        "mechanism": treatment.mechanism,
        "programme": programme.name if programme else "",
        "compartment": programme.compartment if programme else "",
        "stains": "|".join(programme.stains) if programme else "",
        "off_target": treatment.off_target.name if treatment.off_target else "",
        "changes": json.dumps(effect.changes, sort_keys=True),
        "strength": effect.strength,
        "penetrance": effect.penetrance if programme else 0.0,
        "survival": effect.survival,
        "active": treatment.active,
        "toxic": treatment.toxic,
        "control": treatment.control,
    }
