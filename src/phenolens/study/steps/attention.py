"""Where a network looked, for one that beats its baselines.

Every image is explained by the network of the fold that held its well out. Maps of random networks
stand beside: what they share with the trained one's maps explains images, not what was learned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from phenolens.findings import Finding
from phenolens.interpret import where
from phenolens.interpret.activation import activation_table, compartments, nuclear_stain
from phenolens.interpret.activation_tests import by_treatment
from phenolens.interpret.attribution_checks import (
    beyond_shuffled,
    covering,
    occlusion,
    randomised,
    randomised_check,
    stability,
)
from phenolens.interpret.explain import DEFAULT, FAST, Method, control_rows, explain
from phenolens.interpret.spikes import KINDS
from phenolens.interpret.truth import ControlCells, rates, spike_table, why_withheld
from phenolens.profiles import (
    CONTROL,
    OBJECT,
    PLATE,
    SITE,
    TREATMENT,
    WELL,
)
from phenolens.represent.base import evenly
from phenolens.represent.cnn import CNN
from phenolens.segment.settings import SegmentSettings
from phenolens.study.explaining import (
    CHECKED_A_FOLD,
    FEWEST_SPIKED,
    SPIKED_A_FOLD,
    explained,
    folds_asked,
)
from phenolens.study.networks import NetworkTrainings, threads
from phenolens.study.overlays import CELLS_SHOWN, overlays, shown_images
from phenolens.study.recipe import recipe_of
from phenolens.study.session import Session
from phenolens.study.step import Made, step
from phenolens.study.steps.evaluate import Evaluation
from phenolens.study.steps.represent import Represented

CHECKED = ("cells", "nucleus")
_CHUNK = 256


@dataclass(frozen=True)
class Look:
    """What a network marked in some images it had not seen."""

    table: pd.DataFrame
    checks: pd.DataFrame
    rows: np.ndarray
    parts: pd.DataFrame


@dataclass(frozen=True)
class Attention:
    """What the step found.

    Attributes
    ----------
    summary : dict
        As ``activation.json``; empty where no network was asked for.
    images : DataFrame
        As ``activation.parquet``: one row an image explained.
    parts : DataFrame
        As ``activation_compartments.parquet``: one row a treatment, compartment and stain.
    """

    summary: dict
    images: pd.DataFrame = field(default_factory=pd.DataFrame)
    parts: pd.DataFrame = field(default_factory=pd.DataFrame)


@step(
    "activation.json", "activation.parquet", "activation_treatments.parquet",
    "activation_compartments.parquet", "activation_compartments_correct.parquet",
    "attention.parquet", "attention.npz", verb="interpret",
)  # fmt: skip
def attention(session: Session, *, represent: Represented, evaluate: Evaluation) -> Made:
    """Where the network looked, or why that is withheld; the value is an :class:`Attention`."""
    work = explained(represent.trainings.values())
    if work is None:
        return Made(Attention({}))
    comparisons = evaluate.tables["comparisons"]
    with threads(session.jobs):
        if why := _withheld(comparisons, work, alpha=session.study.evaluate.alpha):
            withheld = {"withheld_because": why.to_dict()}
            return Made(Attention(withheld), {"activation.json": withheld})
        spiked = pd.concat([_spikes(work, *fold) for fold in folds_asked(work)], ignore_index=True)
        truth = rates(spiked)
        doubt = why_withheld(truth, methods(work)[0])
        if doubt is not None and doubt.code == "maps-miss":
            withheld = {"withheld_because": doubt.to_dict(), "truth": _truth(truth, doubt)}
            return Made(Attention(withheld), {"activation.json": withheld})
        method = _quick(truth, work)
        looks = [look for fold in folds_asked(work) for look in _look(work, *fold, method=method)]
        table = pd.concat([look.table for look in looks], ignore_index=True)
        shown, files = _shown(session, work, looks)
    found = {"network": work.name, **_summary(looks)}
    found |= {"truth": _truth(truth, doubt), "method": methods(work)[0], "measured_by": method}
    found |= {"treatments_shown": list(dict.fromkeys(shown["shown_for"]))}
    # A crop is nearly all cell: whether maps lie on cells says nothing there.
    found["part"] = "nucleus" if work.prepared.images.level == "cell" else "cells"
    key = [name for name in (PLATE, WELL, SITE, OBJECT) if name in table]
    images = table.sort_values(key, ignore_index=True)
    parts = pd.concat([look.parts for look in looks], ignore_index=True)
    looked = where.by_treatment(parts, seed=session.seed)
    files |= {
        "activation.json": found,
        "activation.parquet": images,
        "activation_treatments.parquet": by_treatment(table),
        "activation_compartments.parquet": looked,
        "activation_compartments_correct.parquet": where.right_against_wrong(
            parts[~parts[CONTROL].astype(bool)], seed=session.seed
        ),
    }
    return Made(Attention(found, images, looked), files)


def segmentation_of(work: NetworkTrainings) -> SegmentSettings | None:
    """How crops that came without label images are segmented; None for fields."""
    if work.prepared.images.level != "cell":
        return None
    return recipe_of(work.session, work.prepared).settings()


def _withheld(comparisons: pd.DataFrame, work: NetworkTrainings, *, alpha: float) -> Finding | None:
    """Why no map is shown; None where the network is worth explaining."""
    if not len(comparisons):
        return Finding("maps-nothing-held-out", "warning")
    scored = comparisons[comparisons["metric"] == "accuracy_treated"]
    own = _against_baselines(scored, work)
    beaten = own.assign(better=(own["difference"] > 0) & (own["p_holm"] < alpha))
    if not len(own) or not beaten.groupby("task")["better"].all().any():
        return _not_better(own)
    return _as_shuffled(work, alpha=alpha)


def _as_shuffled(work: NetworkTrainings, *, alpha: float) -> Finding | None:
    """That the networks name wells they never saw no better than shuffled labels would be."""
    predicted, wells = [], []
    for fold, rows in folds_asked(work):
        network = work.trained(fold)
        assert isinstance(network, CNN)
        own = rows[~work.images[CONTROL].iloc[rows].astype(bool).to_numpy()]
        if len(own):
            given = network.predict_proba(work.prepared, own)
            predicted.append(np.array(network.classes)[given.argmax(axis=1)])
            wells.append(work.images[[PLATE, WELL, TREATMENT]].iloc[own])
    if not wells:
        return Finding("maps-nothing-held-out", "warning")
    found = beyond_shuffled(np.concatenate(predicted), pd.concat(wells), seed=work.session.seed)
    if found["p"] < alpha:
        return None
    return Finding("maps-as-shuffled", "warning", {"representation": work.name}, found)


def _against_baselines(table: pd.DataFrame, work: NetworkTrainings) -> pd.DataFrame:
    """The network's comparisons with what knows nothing of its labels, itself as ``a``."""
    turned = table.rename(columns={"a": "b", "b": "a", "value_a": "value_b", "value_b": "value_a"})
    turned = turned.assign(difference=-table["difference"], low=-table["high"], high=-table["low"])
    own = pd.concat([table, turned[table.columns]], ignore_index=True)
    own = own[own["a"] == work.name]
    controls = [name for name, kind in work.session.kinds.items() if kind.kind == "baseline"]
    return own[own["b"].str.startswith("baseline:") | own["b"].isin(controls)]


def _not_better(own: pd.DataFrame) -> Finding:
    if not len(own):
        return Finding("maps-nothing-held-out", "warning")
    worst = own.sort_values("difference").iloc[0]
    values = {"value": worst["value_a"], "baseline": worst["b"], "reached": worst["value_b"]}
    values |= {"low": worst["low"], "high": worst["high"]}
    return Finding("maps-not-better", "warning", {"representation": worst["a"]}, values)


def methods(work: NetworkTrainings) -> tuple[Method, Method]:
    """The reference method and the fast one; without controls on every plate, one that needs none.

    Measures of many images are taken by the fast one, pictures by the reference.
    """
    table = work.prepared.images.table
    rows = control_rows(work.network, work.prepared)
    if set(table[PLATE]) <= set(table[PLATE].iloc[rows]):
        return DEFAULT, FAST
    return "integrated-gradients-local-mean", "integrated-gradients-local-mean"


def _spikes(work: NetworkTrainings, fold: str, rows: np.ndarray) -> pd.DataFrame:
    """What maps make of changes planted in some controls that this fold's network never saw."""
    network, segmentation = work.trained(fold), segmentation_of(work)
    control = work.images[CONTROL].iloc[rows].astype(bool).to_numpy()
    own = evenly(rows[control], SPIKED_A_FOLD)
    if len(own) < FEWEST_SPIKED:
        return pd.DataFrame(columns=["method", "kind", "planted", "seen"])
    parts = compartments(work.prepared, own, network.settings.pixels, segmentation=segmentation)
    planted = ControlCells(
        own,
        parts,
        evenly(rows[~control], SPIKED_A_FOLD),
        nuclear_stain(work.prepared.channels, segmentation or SegmentSettings()),
    )
    many = len(own) * len(KINDS)
    told = f"Testing maps of {work.name} on {many} planted changes, fold {fold}"
    with work.session.progress.bar(told) as tick:
        asked: tuple[Method, ...] = (*methods(work), "grad-cam")
        found = spike_table(network, work.prepared, planted, methods=asked, seed=work.session.seed)
        tick(many, many)
    return found.assign(fold=fold)


def _quick(truth: pd.DataFrame, work: NetworkTrainings) -> Method:
    """What measures are taken by: the fast method, unless it misses where the other does not."""
    reference, fast = methods(work)
    why = why_withheld(truth, fast)
    return reference if why is not None and why.code == "maps-miss" else fast


def _truth(truth: pd.DataFrame, doubt: Finding | None) -> dict:
    """How often maps are right, as ``activation.json`` has it."""
    rows = truth.astype(object).where(truth.notna(), None).to_dict("records")
    return {"rates": rows, "doubt": None if doubt is None else doubt.to_dict()}


def _look(work: NetworkTrainings, fold: str, rows: np.ndarray, *, method: Method) -> Iterator[Look]:
    """Maps and measures of a fold's images, some hundred at a time."""
    network = work.trained(fold)
    assert isinstance(network, CNN)
    checked = set(evenly(rows, CHECKED_A_FOLD))
    with work.session.progress.bar(f"Asking {work.name} where it looked, fold {fold}") as tick:
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            yield _explained(work, network, chunk, checked=checked, fold=fold, method=method)
            tick(start + len(chunk), len(rows))


def _explained(
    work: NetworkTrainings,
    network: CNN,
    rows: np.ndarray,
    *,
    checked: set[int],
    fold: str,
    method: Method,
) -> Look:
    prepared = work.prepared
    maps = explain(network, prepared, rows, method=method)
    segmentation = segmentation_of(work)
    five = where.cell_compartments(
        prepared, rows, network.settings.pixels, segmentation=segmentation
    )
    parts = where.coarse(five)
    table = with_cells(activation_table(maps, work.images.iloc[rows], parts))
    table.insert(0, "fold", fold)
    table["correct"] = table["predicted"] == table[TREATMENT].astype(str)
    places = np.flatnonzero([row in checked for row in rows])
    checks = _checks(work, network, rows[places], parts[places], method=method)
    key = table[[PLATE, WELL, TREATMENT, CONTROL, "correct"]]
    parted = where.compartment_table(maps.speaking, five, prepared.channels, key)
    return Look(table, checks, rows, parted)


def _checks(
    work: NetworkTrainings, network: CNN, rows: np.ndarray, parts: np.ndarray, *, method: Method
) -> pd.DataFrame:
    """For some images: the maps of random networks, and what covering the marked part costs."""
    if not len(rows):
        return pd.DataFrame()
    prepared, seed = work.prepared, work.session.seed
    maps = explain(network, prepared, rows, method=method)
    found = randomised_check(network, prepared, rows, maps=maps, seed=seed)
    found["stability"] = stability(network, prepared, rows, maps=maps, seed=seed)
    covered = covering(network, prepared, rows, maps=maps, seed=seed)
    stains = occlusion(network, prepared, rows, targets=maps.targets)
    other = explain(
        randomised(network, seed=seed), prepared, rows, method=method, targets=maps.targets
    )
    places = work.images.iloc[rows].reset_index(drop=True)
    own = _enrichments(activation_table(maps, places, parts))
    by_chance = _enrichments(activation_table(other, places, parts)).add_suffix("_random")
    return pd.concat([places, found, covered, stains, own, by_chance], axis=1)


def _enrichments(table: pd.DataFrame) -> pd.DataFrame:
    return with_cells(table)[[f"enrichment_{part}" for part in CHECKED]]


def with_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Add ``mass_cells``, ``share_cells`` and their ratio: nucleus and cytoplasm together."""
    mass = table["mass_nucleus"] + table["mass_cytoplasm"]
    share = table["share_nucleus"] + table["share_cytoplasm"]
    ratio = mass / share.where(share > 0)
    return table.assign(mass_cells=mass, share_cells=share, enrichment_cells=ratio)


def _summary(looks: list[Look]) -> dict:
    """Tests with wells as units, and the checks that maps can fail."""
    from phenolens.interpret.activation_tests import (
        accuracy_correlation,
        correct_against_wrong,
        kruskal_wells,
    )

    table = pd.concat([look.table for look in looks], ignore_index=True)
    checks = pd.concat([look.checks for look in looks if len(look.checks)], ignore_index=True)
    treated = table[~table[CONTROL].astype(bool)]
    right = treated["correct"].to_numpy()
    return {
        "n_images": len(table),
        "n_zero_maps": int(table["zero_map"].sum()),
        "images_named_right": float(right.mean()),
        "beyond_shuffled": beyond_shuffled(
            treated["predicted"].to_numpy(), treated[[PLATE, WELL, TREATMENT]]
        ),
        "enrichment": {
            part: _over_wells(treated, f"enrichment_{part}")
            for part in ("cells", "nucleus", "cytoplasm")
        },
        "randomised": _randomised(checks),
        "stains": _stains(checks),
        "across_treatments": kruskal_wells(treated).to_dict("records"),
        "correct_against_wrong": correct_against_wrong(treated, right).to_dict("records"),
        "with_accuracy": accuracy_correlation(treated, right).to_dict("records"),
    }


def _over_wells(table: pd.DataFrame, column: str) -> dict:
    """Mean over wells of their images' mean, with a bootstrap interval over wells."""
    from phenolens.stats.intervals import bootstrap_mean

    wells = table.groupby([PLATE, WELL])[column].mean().dropna().to_numpy()
    if len(wells) < 2:
        return {"value": None, "low": None, "high": None, "n_wells": len(wells)}
    low, high = bootstrap_mean(wells, seed=0)
    return {"value": wells.mean(), "low": low, "high": high, "n_wells": len(wells)}


def _randomised(checks: pd.DataFrame) -> dict:
    """Do maps change with the weights; are cells marked more than by a random network?"""
    cost = checks["deletion_random"] - checks["deletion"]
    gained = checks["insertion"] - checks["insertion_random"]
    over = {}
    for part in CHECKED:
        gain = checks[f"enrichment_{part}"] - checks[f"enrichment_{part}_random"]
        over[f"{part}_over_random"] = _over_wells(checks.assign(gain=gain), "gain")
    return {
        "n_images": len(checks),
        "correlation": checks["correlation"].mean(),
        "share_passing": checks["passes"].mean(),
        **over,
        "deletion_over_random_order": _over_wells(checks.assign(cost=cost), "cost"),
        "insertion_over_random_order": _over_wells(checks.assign(gained=gained), "gained"),
        "stability": checks["stability"].mean(),
    }


def _stains(checks: pd.DataFrame) -> dict[str, float]:
    """Mean loss of the class's probability without each stain."""
    names = [name for name in checks if str(name).startswith("drop_")]
    return {name.removeprefix("drop_"): checks[name].mean() for name in names}


def _shown(
    session: Session, work: NetworkTrainings, looks: list[Look]
) -> tuple[pd.DataFrame, dict]:
    """The images that a reader is shown with their maps, and the files of that figure."""
    table = pd.concat([look.table for look in looks], ignore_index=True)
    rows = np.concatenate([look.rows for look in looks])
    many = CELLS_SHOWN if work.prepared.images.level == "cell" else 1
    shown = shown_images(table.assign(row=rows), session.study.report.montages, many=many)
    if not len(shown):
        return shown, {}
    parts = compartments(
        work.prepared,
        shown["row"].to_numpy(),
        work.network.settings.pixels,
        segmentation=segmentation_of(work),
    )
    maps = np.zeros((len(shown), *parts.shape[-2:]), dtype=np.uint8)
    for fold, places in shown.groupby("fold").indices.items():
        own = shown.iloc[places]
        found = explain(
            work.trained(str(fold)),
            work.prepared,
            own["row"].to_numpy(),
            method=methods(work)[0],
            targets=own["target"].to_numpy(),
        )
        maps[places] = np.rint(255 * found.maps)
    drawn, arrays = overlays(work, shown, maps=maps, nuclei=parts[:, 0])
    return shown, {"attention.parquet": drawn, "attention.npz": arrays}
