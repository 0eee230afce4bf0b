"""Which treatments differ from negative controls?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy.stats import mannwhitneyu

from phenolens import profiles
from phenolens.errors import ConfigError, DesignError, InputError, named
from phenolens.evaluate.activity import activity as evaluated
from phenolens.evaluate.activity.control_check import FEWEST_GROUPS, LEVEL
from phenolens.evaluate.activity.position_safe import position_safe as against_positions
from phenolens.evaluate.activity.share_active import CERTAINTY, as_values, share_active
from phenolens.evaluate.activity.untested import doses_only, why_untested
from phenolens.evaluate.layout.kept_positions import keeping_positions, layout_is_fixed
from phenolens.evaluate.results import result, result_table
from phenolens.findings import Finding, Severity
from phenolens.normalize.scale import CALIBRATED
from phenolens.profiles import CELL_COUNT, COMPOUND, PLATE, TREATMENT, WELL
from phenolens.settings import PositionSafe, one_of, yes_or_no
from phenolens.stats.intervals import bootstrap_mean, wilson_interval
from phenolens.stats.multiple_testing import benjamini_hochberg
from phenolens.tools.by_position import activity_by_position
from phenolens.tools.fusions import blocks_table
from phenolens.tools.read import read
from phenolens.tools.representation import Profiles
from phenolens.tools.result import Result

if TYPE_CHECKING:
    from anndata import AnnData

Null = Literal["label-permutation", "copairs", "copairs-wells", "none"]

FEWEST_POSITIONS = 19
_DESCRIBED = (COMPOUND, "Metadata_Concentration", "Metadata_Mechanism")
_TESTED = ("n", "map", "map_normalized", "map_chance", "low", "high", "p", "q", "p_attainable")
_PLAIN = {"map": "map_plain", "p": "p_plain", "q": "q_plain"}
_TESTS = {"p": "q", "p_smooth": "q_smooth", "p_plain": "q_plain"}
_MEANS = ("map", "map_normalized")
_SAFE_PERMUTATIONS = 1_000


def activity(
    data: str | Path | Sequence[str | Path] | pd.DataFrame | AnnData | Profiles,
    *,
    same_by: str | Sequence[str] | None = None,
    controls: str | Sequence[bool] | None = None,
    features: str | Sequence[str] | None = None,
    layer: str | None = None,
    obsm: str | None = None,
    normalized: bool | None = None,
    same_plate: str | Sequence[str] | None = None,
    distinct_plates: str | Sequence[str] | None = None,
    measurement: str | None = None,
    trained_on: str | Sequence[str] | None = None,
    labels_seen: str | Sequence[str] | None = None,
    position_safe: PositionSafe | None = None,
    null: Null = "label-permutation",
    within: str | Sequence[str] | None = None,
    diff_by: str | Sequence[str] | None = None,
    permutations: int | None = None,
    alpha: float | None = None,
    baselines: bool = True,
    seed: int | None = None,
) -> Result:
    """Which perturbations differ from controls: mean average precision with a valid p and q.

    A perturbation is active when its wells find each other before they find the evaluation
    controls. Wells are calibrated, features selected and whitened on the calibrating controls.
    Where treatments keep their position on all plates, permuting wells cannot tell effect from
    position: control wells that share a position then form the null, if there are 19 positions or
    more. Groups of *controls* that lie as the treatments do are tested in the same way, and the
    share called is given beside the share of treatments.

    Parameters
    ----------
    data : path, list of paths, DataFrame, AnnData or Profiles
        Profiles, one row a well (cells and fields become wells); see :func:`phenolens.read`.
    same_by : str or list of str, optional
        Columns that name a perturbation; found by their usual names by default.
    controls : str or list of bool, optional
        Query for negative controls, or a mask; by convention by default.
    features : str or list of str, optional
        Prefix of the feature columns, or their names; by convention by default.
    layer, obsm : str, optional
        Layer or embedding of an AnnData to take instead of ``X``.
    normalized : bool, optional
        Whether the profiles were scaled on controls already; the values tell by default.
    same_plate, distinct_plates : str or list of str, optional
        Plates that are one, measured again (``"P1=P1_again"``), and plates that are not.
    measurement : str, optional
        Which of several measurements of a well counts: a query, or ``"average"``.
    trained_on, labels_seen : str or list of str, optional
        Wells and labels of this screen that the features learned from; see :func:`phenolens.read`.
    position_safe : {"auto", "yes", "no"}, optional
        Compare control positions instead of wells; by default where the layout asks for it.
    null : {"label-permutation", "copairs", "copairs-wells", "none"}
        Null of the plain test; the copairs modes are for comparison with published numbers.
    within : str or list of str, optional
        References share these columns with the query, usually the plate.
    diff_by : str or list of str, optional
        Replicates of a query differ from it in these columns.
    permutations : int, optional
        Labellings drawn per perturbation [10,000, or what the study used].
    alpha : float, optional
        Level of the false discovery rate [0.05, or what the study used].
    baselines : bool
        Ask the same of the wells' positions alone.
    seed : int, optional
        Seed of all draws [0, or what the study used].

    Returns
    -------
    Result
        ``table``: one row a treatment: ``map`` with ``low`` and ``high`` (95 % jackknife over
        wells), ``map_normalized`` (chance is 0), ``p``, ``q``, ``p_attainable`` (smallest p the
        design can give), ``active``, ``n``, ``cell_count_ratio``, ``note`` (codes, parted by
        blanks: :func:`phenolens.words.noted` says them), ``test``, ``space``.
        ``summary``: shares called with intervals, the test, ``control_check`` (groups of controls
        called, and whether that certifies the test), ``by_position`` (what position alone would
        score) and, where the design cannot name a single hit, ``share_active`` (how many are
        active all the same, with a lower bound).
        ``more``: ``control_check`` and ``share_active``, as a study writes them; of a fusion,
        ``fusion``: what each block told, and its share.

    Raises
    ------
    DesignError
        If there is no treatment or no control, or no treatment can be tested.
    InputError
        If the data or a column cannot be used.
    ConfigError
        If a setting has a value it cannot have.

    References
    ----------
    Kalinin et al., Nat. Commun. 16:5181 (2025), for mAP; Benjamini and Hochberg (1995).

    Examples
    --------
    >>> import phenolens as pl
    >>> screen, truth = pl.simulate_profiles(seed=3)
    >>> found = pl.activity(screen, permutations=500)
    >>> found.summary["active"], found.summary["tested"]
    (20, 40)
    >>> active = found.table.loc[found.table["active"], "Metadata_Treatment"]
    >>> set(active) == set(truth.loc[truth["active"], "treatment"])
    True
    """
    null, baselines = one_of("null", null, get_args(Null)), yes_or_no("baselines", baselines)
    item = read(
        data, same_by=same_by, controls=controls, features=features, layer=layer, obsm=obsm,
        normalized=normalized, same_plate=same_plate,
        distinct_plates=distinct_plates, measurement=measurement,
        trained_on=trained_on, labels_seen=labels_seen, seed=seed,
    )  # fmt: skip
    safe = {True: "yes", False: "no"}[position_safe] if isinstance(position_safe, bool) else None
    item = item.with_settings(
        position_safe=safe or position_safe, permutations=permutations, alpha=alpha
    )
    item.require_treatments()
    item.require_controls()
    found = activity_of(
        item,
        null=null,
        within=item.columns(within, setting="within"),
        diff_by=item.columns(diff_by, setting="diff_by"),
        baselines=baselines,
    )
    if null != "none" and found.summary["tested"] == 0:
        record = [str(f) for f in found.findings if f.code in ("not-tested", "doses-only")]
        raise DesignError(" ".join(record) or "No treatment has two wells to compare.")
    return found


def activity_of(
    item: Profiles,
    *,
    null: str = "label-permutation",
    within: Sequence[str] | None = None,
    diff_by: Sequence[str] | None = None,
    baselines: bool = False,
) -> Result:
    """:func:`activity` of profiles at hand; where nothing can be tested, every row says why."""
    space, wells = item.space_of_activity, [one.wells for one in item.weighed] or [*item.parts]
    asked: dict[str, Any] = {"null": null, "within": within, "diff_by": diff_by}
    parts = [_part(item, part, alone=len(wells) == 1, space=space, **asked) for part in wells]
    table, summary, findings = parts[0].table, parts[0].summary, parts[0].findings
    if len(parts) > 1:
        # several networks, each tested on treatments it never saw, or several weights of blocks,
        # each chosen on other treatments; q over all treatments
        table = pd.concat([part.table for part in parts], ignore_index=True)
        for p, q in _TESTS.items():
            if p in table:
                table[q] = benjamini_hochberg(table[p].to_numpy(float))
        table["active"] = _active(table["q"], item.settings.alpha)
        table = table.sort_values(TREATMENT, ignore_index=True)
        names = [one.part for one in item.weighed] or list(item.block.unseen)
        by_group = zip(names, parts, strict=True)
        summary = {"groups": {group: part.summary for group, part in by_group}}
        findings = list(dict.fromkeys(found for part in parts for found in part.findings))
    if seen := item.block.fitted_on():
        summary |= {"fitted_on": seen}
    for code in filter(None, (seen, item.block.training_note())):
        table["note"] = (table["note"] + f" {code}").str.strip()
    position = _by_location(item, findings)
    table = _with_position(table, position)
    table.insert(0, "representation", item.name)
    table["space"] = table["space"].fillna(space) if "space" in table else space
    tested = int(table["p"].notna().sum())
    whole = {
        "representation": item.name,
        "treatments": len(table),
        "tested": tested,
        "active": int(table["active"].sum()),
        "alpha": item.settings.alpha,
        "test": table["test"].iloc[0] if len(table) else "none",
        "space": table["space"].iloc[0] if len(table) else space,
    }
    checks = [
        {"representation": item.name, "part": number, **check, "space": whole["space"]}
        for number, part in enumerate(parts)
        for check in part.checks
    ]
    record = [check for check in checks if check["test"] == whole["test"]]
    if record and record[0]["groups"]:
        whole["controls_called"] = ", ".join(f"{c['called']} of {c['groups']}" for c in record)
    share = _share(item, table, parts)
    more = {"control_check": _as_table(checks)}
    if item.weighed:
        more["fusion"] = blocks_table(
            item.weighed, task="activity", names=list(item.block.features)
        )
    if share is not None:
        summary = _without_share_called(summary) | {"share_active": share}
        findings = [*findings, _no_single_hit(item, table, share)]
        row = {"representation": item.name} | share | {"space": whole["space"]}
        more["share_active"] = _as_table([row])
    rows = _score_rows(table, item, summary)
    if baselines and tested:
        placed, by_position = activity_by_position(
            item, test=str(whole["test"]), within=within, diff_by=diff_by
        )
        rows, summary = rows + placed, summary | {"by_position": by_position}
    return Result(
        question="activity",
        table=table,
        summary=whole | summary,
        findings=(*item.findings, *position, *findings, *item.space_findings()),
        settings=item.settings_with(null=null, within=within, diff_by=diff_by, baselines=baselines),
        scores=result_table(rows),
        more=more,
    )


def _without_share_called(summary: dict[str, Any]) -> dict[str, Any]:
    """The summary less the share called: of none, its interval would speak of the design only."""
    kept = {n: v for n, v in summary.items() if not n.startswith("fraction_retrieved")}
    if "position_safe" in kept:
        kept["position_safe"] = _without_share_called(kept["position_safe"])
    return kept


def _as_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a table; what is missing in a column of numbers is NaN."""
    table = pd.DataFrame(rows)
    numbers = [name for name in ("share", "low", "high", "p_attainable") if name in table]
    known = {"covered": "boolean"} if "covered" in table else {}
    return table.astype(dict.fromkeys(numbers, float) | known)


def _share(
    item: Profiles, table: pd.DataFrame, parts: Sequence[_PartOfActivity]
) -> dict[str, Any] | None:
    """How many treatments are active where none can be named; None where one could be."""
    first, layout = parts[0], item.layout
    uncovered = ""
    if len(parts) > 1:
        uncovered = "several-networks-tested" if not item.whole else "several-weights-tested"
    elif layout is None or layout.controls is None:
        uncovered = "control-places-unknown"
    elif layout.controls.severity != "ok":
        uncovered = "controls-not-among-treatments"
    found = share_active(
        table,
        first.groups,
        alpha=item.settings.alpha,
        permutations=item.settings.permutations,
        positions=bool((table["test"] == "position-safe").any()),
        controls=first.controls,
        wells=first.wells,
        uncovered=uncovered,
    )
    return None if found is None else as_values(found)


def _no_single_hit(item: Profiles, table: pd.DataFrame, share: dict[str, Any]) -> Finding:
    values = share | {"alpha": item.settings.alpha, "certainty": CERTAINTY}
    if "q_smooth" in table and share["limit"] == "design":
        values["smooth"] = int((table["q_smooth"] < item.settings.alpha).sum())
    unknown = None if item.layout is None else item.layout.unasked.get("controls")
    if unknown is not None:
        values["unknown"] = {"code": unknown.code, **unknown.values}
    return Finding("no-single-hit", "warning", {}, values)


def _by_location(item: Profiles, findings: Sequence[Finding]) -> list[Finding]:
    """What position could explain of it, but for positions that the test itself spoke of."""
    covered = {"position-ignored", "position-not-separated", "position-safe"}
    known = any(found.code in covered for found in findings)
    return [
        found
        for found in item.position_findings
        if not (known and found.values["finding"] == "layout-confounded")
    ]


def _with_position(table: pd.DataFrame, position: Sequence[Finding]) -> pd.DataFrame:
    """The table with the findings that could explain each p in ``position``, and a note on it."""
    tested = table["p"].notna().to_numpy()
    codes = table["position"].mask(~tested, "")
    said = (codes != "").to_numpy()
    for found in position:
        code, concerned = found.values["finding"], found.about["treatment"]
        if code == "layout-order":
            continue  # its wells lie apart: what could be explained is the likeness of neighbours
        everyone = not concerned or code == "controls-elsewhere"
        here = tested & (everyone | table[TREATMENT].astype(str).isin(concerned).to_numpy())
        codes = codes.mask(here, (codes + f" {code}").str.strip())
    marked = (codes != "").to_numpy() & ~said
    noted = table["note"].mask(marked, (table["note"] + " position-could-explain").str.strip())
    return table.assign(note=noted, position=codes)


@dataclass(frozen=True)
class _PartOfActivity:
    """Activity of the treatments whose labels one network never saw, or of all."""

    table: pd.DataFrame
    summary: dict[str, Any]
    findings: list[Finding]
    checks: list[dict[str, Any]]
    groups: pd.DataFrame
    controls: float
    wells: tuple[int, int]


@dataclass(frozen=True)
class _Tested:
    """A test: its rows, name and summary, codes that every p must be read with, its controls."""

    table: pd.DataFrame
    test: str = "none"
    summary: dict[str, Any] = field(default_factory=dict)
    mark: str = ""
    positions: int = 0
    checks: tuple[dict[str, Any], ...] = ()
    groups: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame({"p": [], "p_attainable": []}, dtype=float)
    )


def _part(
    item: Profiles,
    wells: pd.DataFrame,
    *,
    alone: bool,
    space: str,
    null: str,
    within: str | Sequence[str] | None,
    diff_by: str | Sequence[str] | None,
) -> _PartOfActivity:
    """Activity of the treatments whose wells may be compared with one another."""
    treated = _treatments(wells, item.named_by)
    if alone:
        lost = _treatments(item.table, item.named_by)
        treated = pd.concat([treated, lost[~lost[TREATMENT].isin(treated[TREATMENT])]])
    asked = item.tested(wells)
    findings: list[Finding] = []
    try:
        found = _tested(
            item, asked, findings, space=space, null=null, within=within, diff_by=diff_by
        )
    except (DesignError, InputError) as error:
        nothing = treated[[TREATMENT]].assign(**dict.fromkeys(_TESTED, np.nan))
        why = error.finding
        found = _Tested(nothing, mark=why.code)
        findings.append(Finding("not-tested", "warning", {}, {"why": why.data()}))
    table = treated.merge(found.table, on=TREATMENT, how="left")
    table = table.merge(_references(asked), on=TREATMENT, how="left")
    table = table.merge(_cell_loss(wells), on=TREATMENT, how="left")
    for count in ("n", "n_references"):
        table[count] = table[count].fillna(0).astype(np.int64)
    table["active"] = _active(table["q"], item.settings.alpha)
    reused = item.elsewhere and found.test != "none"
    if reused:
        findings.append(Finding("controls-reused", "warning"))
    note = " ".join(filter(None, [found.mark, "controls-reused" if reused else ""]))
    reasons_known = why_untested(asked, within=within or (), diff_by=diff_by or ())
    if alone:
        reasons_known = _with_left_out(reasons_known, item.table)
    table = table.merge(reasons_known, on=TREATMENT, how="left")
    general = found.mark if found.test == "none" else "fewer-than-two-compared"
    why = table.pop("reason").fillna("").replace("", general)
    ranked = table["map"].notna() & (found.test == "label-permutation")
    why = why.mask(ranked, "too-many-to-permute")
    table["note"] = np.where(table["p"].notna(), note, "" if null == "none" else why)
    table["position"] = "layout-confounded" if found.mark and found.test != "none" else ""
    findings += _over_doses(table, doses_only(asked))
    own = profiles.metadata(asked)
    control = profiles.is_control(asked)
    table["control_positions"] = found.positions
    on_plates = own[~control].groupby([TREATMENT, PLATE]).size()
    plates = on_plates.groupby(TREATMENT).size()
    return _PartOfActivity(
        table=table.assign(test=found.test).sort_values(TREATMENT, ignore_index=True),
        summary=found.summary,
        findings=findings,
        checks=list(found.checks),
        groups=found.groups,
        controls=float(own[control].groupby(PLATE).size().median()) if control.any() else 0.0,
        wells=(int(plates.median()), int(on_plates.median())) if len(plates) else (1, 1),
    )


def _active(q: pd.Series, alpha: float) -> pd.Series:
    """Whether treatments are active; unknown where nothing was tested."""
    return (q < alpha).astype("boolean").mask(q.isna())


def _with_left_out(known: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    """The wells of each treatment with those that could not be used, and that as the reason."""
    named = profiles.column(held, TREATMENT)[~profiles.is_control(held)]
    counts = pd.Series(named).dropna().value_counts().rename("held").rename_axis(TREATMENT)
    known = known.merge(counts.reset_index(), on=TREATMENT, how="outer")
    known = known.fillna({"wells": 0, "usable": 0, "reason": ""})
    known = known.astype(dict.fromkeys(("wells", "usable", "held"), np.int64))
    few = (known["wells"] < known["held"]) & (known["wells"] < 2)
    return known[[TREATMENT]].assign(
        wells=known["held"],
        usable=known["usable"].mask(few, known["wells"]),
        reason=known["reason"].mask(few, "wells-not-usable"),
    )


def _over_doses(table: pd.DataFrame, doses: pd.Series) -> list[Finding]:
    """An offer to test compounds over their doses, where these are their only replicates."""
    if COMPOUND not in table:
        return []
    untested = table["p"].isna() & table[COMPOUND].isin(doses.index)
    compounds = table.loc[untested, COMPOUND].nunique()
    if not compounds:
        return []
    return [Finding("doses-only", "warning", {"column": COMPOUND}, {"compounds": compounds})]


def _tested(
    item: Profiles,
    wells: pd.DataFrame,
    findings: list[Finding],
    *,
    space: str,
    null: str,
    within: str | Sequence[str] | None,
    diff_by: str | Sequence[str] | None,
) -> _Tested:
    """The test that the layout and the settings ask for, with its control check."""
    settings = item.settings
    own = null != "label-permutation" or diff_by is not None
    if own and settings.position_safe == "yes":
        raise ConfigError(
            "The position-safe test has a null and matches of its own: leave "
            f"{named('null')} and {named('diff_by')} alone, or {named('position_safe')} 'no'."
        )
    control = profiles.is_control(wells)
    item.require_evaluation_controls(wells)
    plain = evaluated.activity(
        wells, same_by=TREATMENT, controls=control, diff_by=diff_by, within=within,
        strata=PLATE if within is None else None, null=null, permutations=settings.permutations,
        alpha=settings.alpha, seed=settings.seed, check=null != "none",
    )  # fmt: skip
    table, check = plain.table[[TREATMENT, *_TESTED]], plain.summary.get("control_check")
    plainly = _Tested(table, null, plain.summary, positions=_positions(wells, control))
    if check is not None:
        plainly = replace(plainly, checks=(check,), groups=plain.more["control_groups"])
    kept = keeping_positions(profiles.metadata(wells)[~control], TREATMENT)
    fixed = layout_is_fixed(kept)
    keeping = {"kept": int(kept.sum()), "replicated": len(kept)}
    if settings.position_safe == "no" or (settings.position_safe == "auto" and not fixed):
        if fixed:
            findings.append(Finding("position-ignored", "warning", {}, keeping))
        findings.extend(_checked(item, check))
        return replace(plainly, mark="position-could-explain" if fixed else "")
    wells, space = _for_positions(item, wells, space)
    control = profiles.is_control(wells)
    spots = _positions(wells, control)
    why: Finding | None = None
    if own:
        why = Finding("other-test-asked", "info")
    elif spots < FEWEST_POSITIONS and settings.position_safe == "auto":
        needed = {"control_positions": spots, "needed": FEWEST_POSITIONS}
        why = Finding("few-positions-to-compare", "info", {}, needed)
    if why is None:
        try:
            safe = against_positions(
                wells, same_by=TREATMENT, controls=control,
                within=within or _plate_with_controls(wells, control),
                permutations=_SAFE_PERMUTATIONS, alpha=settings.alpha, seed=settings.seed,
            )  # fmt: skip
        except DesignError as error:
            if settings.position_safe == "yes":
                raise
            why = error.finding
    if why is not None:
        values = keeping | {"positions": spots, "why": why.code, **why.values}
        findings.append(Finding("position-not-separated", "warning", {}, values))
        findings.extend(_checked(item, check))
        return replace(plainly, mark=f"position-not-separated {why.code}", positions=spots)
    both = plain.table[[TREATMENT, *_PLAIN]].rename(columns=_PLAIN)
    columns = [TREATMENT, *_TESTED, "p_smooth", "q_smooth"]
    check = safe.summary.pop("control_check")
    beside = safe.summary.pop("control_check_plain")
    findings.append(Finding("position-safe", "info", {}, keeping | {"positions": spots}))
    findings.extend(_checked(item, check, beside))
    flat = {name: found for name, found in safe.summary.items() if not isinstance(found, dict)}
    if beside["groups"]:
        called = f"{beside['called']} of {beside['groups']}"
        flat["controls_called_by_permuting_wells"] = called
    plain.summary.pop("control_check", None)  # told of the same groups as the test itself
    more = {"control_check": check, "position_safe": safe.summary, "plain": plain.summary}
    table = safe.table[columns].merge(both, on=TREATMENT, how="left").assign(space=space)
    return _Tested(
        table,
        "position-safe",
        flat | more,
        positions=spots,
        checks=(check, beside),
        groups=safe.more["control_groups"],
    )


def _positions(wells: pd.DataFrame, control: np.ndarray) -> int:
    """Distinct positions of the controls, over all plates."""
    return len(set(profiles.column(wells, WELL)[control])) if WELL in wells.index.names else 0


def _checked(
    item: Profiles, check: dict[str, Any] | None, beside: dict[str, Any] | None = None
) -> Iterator[Finding]:
    """What the control check says; a warning where it calls too many controls."""
    if check is None:
        return
    controls = None if item.layout is None else item.layout.controls
    for found in (check, beside or {}):
        found["covered"] = None if controls is None else controls.severity == "ok"
    values = check | {"level": LEVEL, "groups_needed": FEWEST_GROUPS}
    if beside is not None and beside["groups"]:
        values["by_permuting"] = {"called": beside["called"], "groups": beside["groups"]}
    severity: Severity = "warning" if check["outcome"] == "calls-controls" else "info"
    yield Finding("control-check", severity, {}, values)


def _for_positions(item: Profiles, wells: pd.DataFrame, space: str) -> tuple[pd.DataFrame, str]:
    """Wells for the position-safe test, and their space.

    That test deals control positions into those that fit (plate means, the position model, the
    metric) and those that form the null, so the plates' scaling may rest on any of them: a common
    factor. What whitening fitted may not, and controls that a network learned from never take part.
    """
    if item.stage == "compared" or item.block.unseen or item.elsewhere:
        return wells, space
    table = item.unwhitened.wells
    keep = np.ones(len(table), dtype=bool)
    if CALIBRATED in table.index.names:
        keep = profiles.column(table, CALIBRATED).astype(bool)
    return profiles.take(table, keep), str(item.unwhitened.notes["space"])


def _plate_with_controls(wells: pd.DataFrame, control: np.ndarray) -> str | None:
    """References come from the same plate, where every plate has some."""
    plates = profiles.column(wells, PLATE)
    return PLATE if set(plates[control]) == set(plates) else None


def _treatments(wells: pd.DataFrame, named_by: Sequence[str]) -> pd.DataFrame:
    part = profiles.metadata(wells)[~profiles.is_control(wells)]
    names = dict.fromkeys([TREATMENT, *_DESCRIBED, *named_by])
    known = [name for name in names if name in part]
    return part[known].dropna(subset=[TREATMENT]).drop_duplicates(TREATMENT)


def _references(wells: pd.DataFrame) -> pd.DataFrame:
    """How many evaluation controls stand on the plates of each treatment."""
    metadata, controls = profiles.metadata(wells), profiles.is_control(wells)
    counts = metadata[controls].groupby(PLATE).size()
    plates = metadata.loc[~controls, [TREATMENT, PLATE]].drop_duplicates()
    references = plates.assign(n_references=plates[PLATE].map(counts).fillna(0).astype(int))
    return references.groupby(TREATMENT, as_index=False)["n_references"].sum()


def _cell_loss(wells: pd.DataFrame) -> pd.DataFrame:
    """Cell count of each treatment over that of its plates' controls, with a rank-sum p."""
    metadata, controls = profiles.metadata(wells), profiles.is_control(wells)
    columns = [TREATMENT, "cell_count_ratio", "cell_count_p"]
    if CELL_COUNT not in metadata:
        return pd.DataFrame(columns=columns).astype(dict.fromkeys(columns[1:], float))
    middle = metadata[controls].groupby(PLATE)[CELL_COUNT].median()
    ratio = metadata[CELL_COUNT].astype(float) / metadata[PLATE].map(middle)
    base = ratio[controls].dropna()
    rows = []
    for treatment, part in ratio[~controls].groupby(metadata[TREATMENT]):
        known = part.dropna()
        testable = len(known) > 1 and len(base) > 1
        p = mannwhitneyu(known, base).pvalue if testable else np.nan
        rows.append((treatment, known.median(), p))
    return pd.DataFrame(rows, columns=columns)


def _score_rows(
    table: pd.DataFrame, item: Profiles, summary: dict[str, Any]
) -> list[dict[str, Any]]:
    """Shares called, mean mAP and control positions called, as rows of ``results.parquet``."""

    space = table["space"].iloc[0] if len(table) else item.space

    def row(metric: str, value: float, **rest: Any) -> dict[str, Any]:
        return result(
            item.name, "activity", metric, value=value, unit="treatment", space=space, **rest
        )

    rows = []
    tested = table[table["p"].notna()]
    if len(tested):
        shares = {"fraction_active": "q", "fraction_p": "p", "fraction_active_plain": "q_plain"}
        for metric, column in shares.items():
            if column in tested:
                found, n = int((tested[column] < item.settings.alpha).sum()), len(tested)
                interval = wilson_interval(found, n)
                if metric == "fraction_active" and "share_active" in summary:
                    interval = (np.nan, np.nan)  # nothing could be called: it would say nothing
                rows.append(row(metric, found / n, n=n, interval=interval))
        for metric in _MEANS:
            known = tested[metric].dropna().to_numpy()
            interval = bootstrap_mean(known, seed=0)
            rows.append(row(f"mean_{metric}", known.mean(), n=len(known), interval=interval))
    safe = summary.get("position_safe", {})
    for test, record in safe.get("type_1", {}).items():
        interval = (record["low"], record["high"])
        metric = f"control_positions_called_{test}"
        rows.append(row(metric, record["share"], n=record["tested"], interval=interval))
    crossed = safe.get("cross_position") or {}
    if "drop" in crossed:
        interval = (crossed["drop_low"], crossed["drop_high"])
        n = crossed["perturbations"]
        rows.append(row("cross_position_drop", crossed["drop"], n=n, interval=interval))
    return rows
