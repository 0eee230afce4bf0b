"""Several representations of the same wells as one, and whether that is worth it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from phenolens import profiles
from phenolens.errors import DesignError, InputError, LeakError
from phenolens.files import plain
from phenolens.findings import Finding
from phenolens.io.cards import put_card
from phenolens.learn.choose_blocks import ChosenFusion, rivals
from phenolens.learn.components import Components
from phenolens.learn.select import FeatureSelector
from phenolens.normalize.recognise import is_normalized
from phenolens.profiles import CONTROL, PLATE, TREATMENT, WELL, WELL_KEY
from phenolens.represent.base import ALL, Card
from phenolens.settings import yes_or_no
from phenolens.tools.activity import activity_of
from phenolens.tools.block import Block
from phenolens.tools.classify import classify
from phenolens.tools.compare import comparisons, named_profiles
from phenolens.tools.design import NO_TREATMENTS, Design, make_design
from phenolens.tools.fusions import choice_rows, joined, with_noise
from phenolens.tools.match import match
from phenolens.tools.representation import Profiles
from phenolens.tools.result import Result
from phenolens.tools.training import training_findings

if TYPE_CHECKING:
    from anndata import AnnData

NOT_FOR_SCORING = "fitted on everything: not for scoring"


def fuse(
    data: Sequence[str | Path | pd.DataFrame | AnnData | Profiles] | Mapping[str, object],
    *,
    same_by: str | Sequence[str] | None = None,
    controls: str | None = None,
    features: str | Sequence[str] | None = None,
    layer: str | None = None,
    obsm: str | Sequence[str] | None = None,
    normalized: bool | None = None,
    same_plate: str | Sequence[str] | None = None,
    distinct_plates: str | Sequence[str] | None = None,
    measurement: str | None = None,
    label: str | None = None,
    score: bool = True,
    seed: int | None = None,
) -> Result:
    """Fuse blocks of features of the same wells, where that is clearly better than the best alone.

    Wells are joined by plate and well. Each block is calibrated and whitened on its own controls,
    reduced to 95 % of its variance and brought to equal energy. The block that does best alone is
    the start; another joins, at a share of 0.2, 0.35 or 0.5, where held-out wells are told clearly
    better with it. What is written was chosen on all wells and is not for scoring; whether fusing
    helps is asked with shares that were chosen on what is not scored.

    Parameters
    ----------
    data : list or mapping
        Two or more blocks, each as :func:`phenolens.read` takes it (a path may be a glob of files
        to stack); a mapping names them. An AnnData alone with a list of ``obsm`` keys fuses its
        embeddings. Treatments come from the first table that names them; a table of plates, wells
        and features only takes them from there.
    same_by : str or list of str, optional
        Columns that name a perturbation; found by their usual names by default.
    controls : str, optional
        Query for negative controls; by convention by default.
    features : str or list of str, optional
        Prefix of the feature columns, or their names; by convention by default.
    layer : str, optional
        Layer of an AnnData to take instead of ``X``.
    obsm : str or list of str, optional
        Embedding of an AnnData to take instead of ``X``.
    normalized : bool, optional
        Whether the profiles were scaled on controls already; the values tell by default.
    same_plate, distinct_plates : str or list of str, optional
        Plates that are one, measured again (``"P1=P1_again"``), and plates that are not.
    measurement : str, optional
        Which of several measurements of a well counts: a query, or ``"average"``.
    label : str, optional
        Column of the target or mechanism that matching asks for; the mechanism by default.
    score : bool
        Ask of activity, matching and classification whether the fusion is better than its best
        block, and than that block beside noise.
    seed : int, optional
        Seed of all draws [0, or what the study used].

    Returns
    -------
    Result
        ``table``: one row a well, metadata and fused features ``BLOCK__FEATURE`` (float32), with a
        card that keeps it from being scored. ``more``: ``blocks`` (what each told alone, its
        share), ``candidates`` (other ways to fuse, on the same held-out wells), ``missing`` (wells
        that a block lacks), and where `score` is true ``comparisons`` (as :func:`phenolens.compare`
        gives them, with perturbations ``won`` and ``lost``) and ``fusion`` (the shares behind
        them).

    Raises
    ------
    DesignError
        If no wells of a treatment can be held out.
    LeakError
        If a block is a table that was fused on everything, or learned the labels of all wells.
    InputError
        If fewer than two blocks are given, two have one name, they share no well, disagree about a
        well's treatment, or one cannot be used.
    ConfigError
        If a setting has a value it cannot have.

    References
    ----------
    Caruana et al., ICML (2004), for forward selection of models.

    Examples
    --------
    >>> import phenolens as pl
    >>> screen, truth = pl.simulate_profiles(treatments=12, features=60, seed=3)
    >>> first = screen.drop(columns=[name for name in screen if name.endswith(tuple("02468"))])
    >>> second = screen.drop(columns=[name for name in screen if name.endswith(tuple("13579"))])
    >>> found = pl.fuse({"odd": first, "even": second}, score=False)
    >>> found.more["blocks"]["block"].tolist(), len(found.table) == len(screen)
    (['odd', 'even'], True)
    """
    score = yes_or_no("score", score)
    options = {"features": features, "layer": layer, "normalized": normalized,
               "same_plate": same_plate, "distinct_plates": distinct_plates,
               "measurement": measurement}  # fmt: skip
    if not isinstance(controls, str | None):
        raise InputError("controls is a query here: the tables may have different rows.")
    items = named_profiles(
        data, obsm, question="fuse", seed=seed, same_by=same_by, controls=controls, **options
    )
    joint = _joined(items)
    design, fused = joint.design, joint.fused
    if design.folds is None:
        raise DesignError(design.refused or NO_TREATMENTS)
    wells = fused.wells
    labels = profiles.column(wells, TREATMENT)
    rows = pd.notna(labels)
    steps = make_pipeline(FeatureSelector(), Components(n_components=0.95, standardize=True))
    unit = design.folds.unit if design.folds.leave_out != "well" else None
    chosen = ChosenFusion(fused.features, steps=steps, unit=unit)
    seen, told = profiles.take(wells, rows), labels[rows].astype(str)
    with threadpool_limits(limits=1):  # a fixed order of summation
        chosen.fit(seen, told)
        candidates = pd.DataFrame(rivals(chosen, seen, told)).rename(columns={"name": "candidate"})
    choice = chosen.choice_
    table = profiles.to_frame(chosen.transform(wells))
    put_card(table, plain(_card(joint, choice.weights, seen=seen).as_dict()))
    best, gain = choice.best, choice.gain
    summary: dict[str, Any] = {
        "blocks": list(items),
        "wells": len(wells),
        "wells_missing": joint.missing["block"].value_counts().sort_index().to_dict(),
        "fused": choice.words,
        "best_block": best,
        "fell_back": choice.fell_back,
        "held_out_gain": gain[0],
        "gain_in_standard_errors": gain[1],
    }
    more = {
        "blocks": pd.DataFrame(choice_rows(choice, part="everything", names=list(items))),
        "candidates": candidates,
        "missing": joint.missing,
    }
    findings = [
        *(
            replace(found, about={**found.about, "block": name})
            for name, item in items.items()
            for found in (*item.findings, *training_findings(item.block))
            if found.code != "wells-without-treatment" or _treated(item.block.wells).any()
        ),
        *_missing(joint.missing),
        Finding("fused", "info", {}, {"words": choice.words, "best": best, "gain": gain[0],
                                      "errors": gain[1], "alone": choice.fell_back}),
        Finding("fused-on-all-wells", "warning", {}, {"wells": int(rows.sum())}),
        *_late(candidates),
    ]  # fmt: skip
    if score:
        compared, shares, refused = _scored(joint, label=label)
        more |= {"comparisons": compared, "fusion": shares}
        findings += refused
        findings += list(_helps(compared, joint.name))
    settings = joint.items[best].settings_with(label=label, score=score)
    return Result("fuse", table, summary, tuple(findings), settings, more=more)


@dataclass(frozen=True)
class _Joint:
    """Blocks of the same wells, and their fusion with equal shares."""

    name: str
    items: dict[str, Profiles]
    design: Design
    fused: Block
    missing: pd.DataFrame


def _joined(items: dict[str, Profiles]) -> _Joint:
    """Every block as it is compared, under one design, and all side by side."""
    for name, item in items.items():
        _require_a_block(name, item)
    lead = _lead(items)
    described = profiles.metadata(lead.block.wells)
    aligned = {name: _described(item, described, of=lead) for name, item in items.items()}
    common = _common(aligned)
    if not len(common):
        raise InputError(f"The blocks {', '.join(items)} share no well (plate and well).")
    known = described.set_index(pd.MultiIndex.from_frame(described[list(WELL_KEY)].astype(str)))
    design = make_design(known.loc[common].reset_index(drop=True), lead.settings)
    design = replace(design, roles=lead.design.roles)
    blocks = {
        name: replace(item, design=design, settings=lead.settings) for name, item in aligned.items()
    }
    fused = joined("+".join(items), [replace(i.compared, name=n) for n, i in blocks.items()])
    missing = _lacking(items, fused)
    return _Joint("+".join(items), blocks, design, fused, missing)


def _require_a_block(name: str, item: Profiles) -> None:
    if "+" in name or "__" in name:
        raise InputError(f"Block name {name!r}: a name has no '+' and no '__'; give it another.")
    if item.stage == "compared":
        raise InputError(f"{name!r} is a fusion already; hand in the blocks that it is made of.")
    if len(item.block.unseen) > 1:
        raise InputError(
            f"{name!r} was learned once per group of treatments, and these cannot stand in one "
            f"table; let a study fuse it: represent.representations = ['{name}+...']."
        )


def _lead(items: dict[str, Profiles]) -> Profiles:
    """The first block that names treatments and has controls; else that names treatments."""
    named = [item for item in items.values() if _treated(item.block.wells).any()]
    if not named:
        next(iter(items.values())).require_treatments()
    return next((i for i in named if profiles.is_control(i.block.wells).any()), named[0])


def _treated(wells: pd.DataFrame) -> np.ndarray:
    if TREATMENT not in wells.index.names:
        return np.zeros(len(wells), dtype=bool)
    return pd.notna(profiles.column(wells, TREATMENT)) & ~profiles.is_control(wells)


def _described(item: Profiles, described: pd.DataFrame, *, of: Profiles) -> Profiles:
    """The block with the wells and treatments of the first; refused where they disagree."""
    if item is of:
        return item
    there = profiles.keys(described, WELL_KEY)
    wells = item.block.wells
    places = there.get_indexer(profiles.keys(profiles.metadata(wells), WELL_KEY))
    if _treated(wells).any():
        _require_agreement(item, of, wells=wells, described=described, places=places)
    bare = not _treated(wells).any() and not profiles.is_control(wells).any()

    def change(table: pd.DataFrame) -> pd.DataFrame:
        own = there.get_indexer(profiles.keys(profiles.metadata(table), WELL_KEY))
        kept, rows = profiles.take(table, own >= 0), described.iloc[own[own >= 0]]
        return profiles.with_metadata(
            profiles.keep_metadata(kept, list(WELL_KEY)),
            {name: rows[name].to_numpy() for name in rows if name not in WELL_KEY},
        )

    block = item.block.mapped(change)
    if bare and item.stage == "measured":  # whether it was scaled on controls shows only now
        block = replace(block, calibrated=is_normalized(block.wells))
    return replace(item, block=block)


def _require_agreement(
    item: Profiles, lead: Profiles, *, wells: pd.DataFrame, described: pd.DataFrame,
    places: np.ndarray,
) -> None:  # fmt: skip
    theirs = pd.Series(profiles.column(wells, TREATMENT))[places >= 0].reset_index(drop=True)
    ours = described[TREATMENT].iloc[places[places >= 0]].reset_index(drop=True)
    control = profiles.is_control(wells)[places >= 0]
    known = theirs.notna() & ours.notna()
    differ = known & (theirs.astype(str) != ours.astype(str))
    lead_control = described[CONTROL].to_numpy(bool)[places[places >= 0]]
    differ &= ~(control & lead_control)
    if differ.any():
        first = int(np.flatnonzero(differ)[0])
        place = described[[PLATE, WELL]].iloc[places[places >= 0][first]]
        raise InputError(
            f"{lead.name!r} and {item.name!r} disagree about the treatment of {int(differ.sum())} "
            f"well(s); {place[PLATE]}/{place[WELL]} is {ours[first]!r} and {theirs[first]!r}. "
            "Mend one of the tables, or take the column out of it."
        )


def _common(items: Mapping[str, Profiles]) -> pd.MultiIndex:
    first, *others = (
        profiles.keys(profiles.metadata(item.block.wells), WELL_KEY) for item in items.values()
    )
    for other in others:
        first = first[first.isin(other)]
    return first


def _lacking(items: Mapping[str, Profiles], fused: Block) -> pd.DataFrame:
    """Wells that some block has and another lacks: plate, well, the block that lacks it, why."""
    keys = {
        name: profiles.keys(profiles.metadata(item.block.wells), WELL_KEY)
        for name, item in items.items()
    }
    together = profiles.keys(profiles.metadata(fused.wells), WELL_KEY)
    everything = pd.MultiIndex.from_tuples(sorted(set().union(*keys.values())), names=WELL_KEY)
    rows = []
    for plate, well in everything[~everything.isin(together)]:
        without = [name for name, own in keys.items() if (plate, well) not in own]
        why = "not-in-block" if without else "not-usable"
        for name in without or [""]:
            rows.append({PLATE: plate, WELL: well, "block": name, "why": why})
    return pd.DataFrame(rows, columns=[PLATE, WELL, "block", "why"])


def _missing(missing: pd.DataFrame) -> list[Finding]:
    return [
        Finding(
            "wells-missing-in-block",
            "warning",
            {"block": block},
            {"wells": len(part), "examples": [*(part[PLATE] + "/" + part[WELL])[:3]], "why": why},
        )
        for (block, why), part in missing.groupby(["block", "why"])
    ]


def _card(joint: _Joint, weights: Mapping[str, float], *, seen: pd.DataFrame) -> Card:
    """That every well and label weighed the blocks, and what these have seen besides."""
    cards = [card for item in joint.items.values() for card in item.block.cards_of(ALL)]
    licences = sorted({card.licence for card in cards if card.licence})
    return Card(
        joint.name,
        "well",
        tuple(sorted({channel for card in cards for channel in card.channels})),
        learns="labels",
        kind="fusion",
        preprocessing={
            "blocks": {card.name: card.kind for card in cards},
            "weights": dict(weights),
            "note": NOT_FOR_SCORING,
        },
        licence="; ".join(licences),
        trained_on=tuple(sorted({*profiles.well_names(seen), *_of(cards, "trained_on")})),
        labels_seen=tuple(
            sorted({*map(str, profiles.column(seen, TREATMENT)), *_of(cards, "labels_seen")})
        ),
        unknown=tuple(sorted(_of(cards, "unknown"))),
    )


def _of(cards: Sequence[Card], what: str) -> set[str]:
    return {name for card in cards for name in getattr(card, what)}


def _late(candidates: pd.DataFrame) -> list[Finding]:
    """That fusing what blocks say of the classes did clearly better than what is written."""
    known = candidates.set_index("candidate")
    late = known.loc[["late-scores", "late-ranks", "stacking"]]
    top = late["gain"].idxmax()
    beyond = late.loc[top, "gain"] - known.loc["chosen", "gain"]
    if beyond <= 0 or late.loc[top, "errors"] < 1:
        return []
    return [Finding("fused-late-better", "info", {}, {"candidate": top, "beyond": float(beyond)})]


def _scored(
    joint: _Joint, *, label: str | None
) -> tuple[pd.DataFrame, pd.DataFrame, list[Finding]]:
    """Blocks, fusion and noise controls, each asked with shares from what is not scored."""
    together = profiles.keys(profiles.metadata(joint.fused.wells), WELL_KEY)

    def common(table: pd.DataFrame) -> pd.DataFrame:
        own = profiles.keys(profiles.metadata(table), WELL_KEY)
        return profiles.take(table, own.isin(together))

    parts = [replace(item.compared.mapped(common), name=name) for name, item in joint.items.items()]
    settings = next(iter(joint.items.values())).settings
    blocks = [joint.fused] + [
        with_noise(kept, [part for part in parts if part is not kept], seed=settings.seed)
        for kept in parts
    ]
    asked = [
        *(Profiles(part, joint.design, settings, stage="compared") for part in parts),
        *(Profiles(block, joint.design, settings, stage="compared") for block in blocks),
    ]
    questions = {
        "activity": partial(activity_of, baselines=False),
        "matching": partial(match, baselines=False, label=label),
        "classification": partial(classify, baselines=False),
    }
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in questions}
    shares: list[pd.DataFrame] = []
    refused: dict[tuple[str, Finding], list[str]] = {}
    for task, ask in questions.items():
        for item in asked:
            try:
                if task == "activity":
                    item.require_treatments()
                    item.require_controls()
                found = ask(item)
            except (DesignError, InputError, LeakError) as error:
                refused.setdefault((task, error.finding), []).append(item.name)
                continue
            frame = found.more["predictions"] if task == "classification" else found.table
            if len(frame):
                own = frame if "representation" in frame else frame.assign(representation=item.name)
                tables[task].append(own[own["representation"] == item.name])
            if "fusion" in found.more:
                shares.append(found.more["fusion"].assign(representation=item.name))
    whole = {
        name: pd.concat(found, ignore_index=True) if found else pd.DataFrame()
        for name, found in tables.items()
    }
    folds = joint.design.folds
    compared = comparisons(
        whole["activity"],
        whole["classification"] if len(whole["classification"]) else None,
        matching=whole["matching"],
        seed=settings.seed,
        split=folds.leave_out if folds is not None else "none",
    )
    compared = compared[compared["a"] == joint.name].reset_index(drop=True) if len(compared) else (
        compared
    )  # fmt: skip
    unasked = [
        Finding("not-asked", "warning", {}, {"question": task, "of": names, "why": why.data()})
        for (task, why), names in refused.items()
    ]
    return compared, pd.concat(shares, ignore_index=True) if shares else pd.DataFrame(), unasked


def _helps(compared: pd.DataFrame, name: str) -> list[Finding]:
    """By task, whether the fusion is better than its best block."""
    return [
        Finding(
            "fusion-compared",
            "info",
            {"representation": name, "against": row["b"], "task": row["task"]},
            {key: row[key] for key in ("metric", "difference", "low", "high", "p_holm", "won",
                                       "lost", "n_clusters")},
        )
        for row in compared.to_dict("records")
    ]  # fmt: skip
