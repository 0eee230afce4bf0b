"""Is one representation better than another, on the same treatments and wells?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import pandas as pd

from phenolens.errors import DesignError, InputError, either, named, reasons, shown
from phenolens.evaluate.classification.baselines import (
    COUNT,
    INTENSITY,
    MAJORITY,
    POSITION,
    SHUFFLED,
)
from phenolens.evaluate.compare import compare_pairs, fusion_pairs
from phenolens.findings import Finding
from phenolens.profiles import COMPOUND, PLATE, TREATMENT, WELL
from phenolens.settings import one_of
from phenolens.tools.activity import activity_of
from phenolens.tools.classify import classify
from phenolens.tools.columns import names_given
from phenolens.tools.match import match
from phenolens.tools.names import control_of, is_fusion, is_fusion_proper, is_noise_control
from phenolens.tools.read import read
from phenolens.tools.representation import Profiles
from phenolens.tools.result import Result

if TYPE_CHECKING:
    from anndata import AnnData

Tasks = Literal["activity", "matching", "classification"]


def compare(
    data: Sequence[str | Path | pd.DataFrame | AnnData | Profiles] | Mapping[str, object],
    *,
    same_by: str | Sequence[str] | None = None,
    controls: str | Sequence[bool] | None = None,
    features: str | Sequence[str] | None = None,
    layer: str | None = None,
    obsm: str | Sequence[str] | None = None,
    normalized: bool | None = None,
    same_plate: str | Sequence[str] | None = None,
    distinct_plates: str | Sequence[str] | None = None,
    measurement: str | None = None,
    tasks: Sequence[Tasks] | None = None,
    seed: int | None = None,
) -> Result:
    """Compare representations of the same wells, paired, with what the design could have seen.

    Activity is compared by treatment (normalized mAP), matching by mechanism (normalized mAP), and
    classification by held-out well. A compound with its doses, or a
    treatment with its wells, is drawn and flips its sign as a whole.

    Parameters
    ----------
    data : list or mapping
        Two or more representations, each as :func:`phenolens.read` takes it (a path may be a glob
        of files to stack); a mapping names them. An AnnData alone with a list of ``obsm`` keys
        compares its embeddings.
    same_by : str or list of str, optional
        Columns that name a perturbation; found by their usual names by default.
    controls : str or list of bool, optional
        Query for negative controls, or a mask; by convention by default.
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
    tasks : list of {"activity", "matching", "classification"}, optional
        What is compared [all three; matching where mechanisms are known].
    seed : int, optional
        Seed of all draws [0, or what the study used].

    Returns
    -------
    Result
        ``table``: one row a task and pair: ``difference`` (a less b) with ``low`` and ``high``,
        ``p``, ``p_holm`` (over the pairs), ``smallest_detectable`` (difference found with 80 %
        power), ``n``, ``won`` and ``lost`` (compounds, mechanisms or treatments in which a is
        ahead, and behind), and the spaces that both were judged in (``space_a``, ``space_b``).

    Raises
    ------
    DesignError
        If no task can be asked of two representations.
    InputError
        If fewer than two are given, two have one name, they share no unit, or one cannot be used.
    ConfigError
        If a setting has a value it cannot have.

    References
    ----------
    Holm, Scand. J. Stat. 6:65 (1979), for p over several pairs.

    Examples
    --------
    >>> import phenolens as pl
    >>> strong, truth = pl.simulate_profiles(seed=3)
    >>> weak, truth = pl.simulate_profiles(seed=3, effect=0.5)
    >>> found = pl.compare({"strong": strong, "weak": weak}, tasks=["activity"])
    >>> row = found.table.iloc[0]
    >>> row["a"], row["b"], int(row["n"]), bool(row["low"] > 0)
    ('strong', 'weak', 40, True)
    """
    options = {"same_by": same_by, "controls": controls, "features": features, "layer": layer,
               "normalized": normalized, "same_plate": same_plate,
               "distinct_plates": distinct_plates, "measurement": measurement}  # fmt: skip
    wanted = get_args(Tasks) if tasks is None else names_given("tasks", tasks)
    asked = list(dict.fromkeys(one_of("tasks", task, get_args(Tasks)) for task in wanted))
    items = named_profiles(data, obsm, question="compare", **options, seed=seed)
    result: dict[str, list[pd.DataFrame]] = {task: [] for task in get_args(Tasks)}
    refused: dict[tuple[str, Finding], list[str]] = {}
    for name, item in items.items():
        for task in asked:
            try:
                if task == "activity":
                    item.require_treatments()
                    item.require_controls()
                    result[task].append(activity_of(item).table.assign(representation=name))
                elif task == "matching":
                    found = match(item, baselines=False).table
                    result[task].append(found.assign(representation=name))
                else:
                    found = classify(item, baselines=False).more["predictions"]
                    own = found["representation"] == item.name
                    result[task].append(found[own].assign(representation=name))
            except DesignError as error:
                if tasks is None and error.finding.code == "label-not-known":
                    continue  # nobody asked for mechanisms
                refused.setdefault((task, error.finding), []).append(name)
    unasked = [
        Finding("not-asked", "warning", {}, {"question": task, "of": names, "why": why.data()})
        for (task, why), names in refused.items()
    ]
    activity, matching, predictions = (
        pd.concat(parts, ignore_index=True) if len(parts) > 1 else pd.DataFrame()
        for parts in result.values()
    )
    first = next(iter(items.values()))
    table = comparisons(
        activity,
        predictions if len(predictions) else None,
        matching=matching,
        seed=first.settings.seed,
        split=first.design.folds.leave_out if first.design.folds is not None else "none",
    )
    if not len(table):
        if not asked:
            raise InputError(
                f"{named('tasks')} is empty; name {either(get_args(Tasks))}, or several."
            )
        why = [str(found) for found in unasked] or [
            "no treatment of two representations was tested"
        ]
        raise DesignError(f"Nothing could be compared: {reasons(why)}")
    spaces = {name: item.space for name, item in items.items()}
    return Result(
        question="compare",
        table=table,
        summary={"representations": list(items), "spaces": spaces, "comparisons": len(table)}
        | {f"{r.task}: {r.a} less {r.b}": _difference(r) for r in table.itertuples()},
        findings=(
            *dict.fromkeys(found for item in items.values() for found in item.position_findings),
            *unasked,
            *_by_name(items),
        ),
        settings=first.settings_with(tasks=asked),
    )


def _by_name(items: dict[str, Profiles]) -> Iterator[Finding]:
    """What was found on reading each representation, and how its wells are compared."""
    for name, item in items.items():
        for found in (*item.findings, *item.space_findings()):
            yield replace(found, about={**found.about, "compared": name})


def _difference(row: Any) -> dict[str, Any]:
    return {"difference": row.difference, "low": row.low, "high": row.high, "p_holm": row.p_holm}


def named_profiles(
    data: object,
    obsm: str | Sequence[str] | None,
    *,
    question: str,
    seed: int | None,
    **options: Any,
) -> dict[str, Profiles]:
    """Each representation by its name, read as :func:`phenolens.read` would.

    Raises
    ------
    InputError
        If fewer than two are given, two have one name, or one cannot be used.
    """
    if obsm is not None and not isinstance(obsm, str):
        keys = names_given("obsm", obsm)
        if not all(isinstance(key, str) for key in keys):
            raise InputError(f"{named('obsm')} is one name or several; got {shown(obsm)}.")
        if isinstance(data, Mapping | list | tuple):
            raise InputError(f"Several names of {named('obsm')} are for one AnnData alone.")
        given = {key.removeprefix("X_"): read(data, obsm=key, seed=seed, **options) for key in keys}
    elif isinstance(data, Mapping):
        names = list(map(str, data))
        read_in = _read(data.values(), obsm, seed, options, names=names)
        given = dict(zip(names, read_in, strict=True))
    elif isinstance(data, list | tuple):
        read_in = _read(data, obsm, seed, options)
        names = [item.name for item in read_in]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(
                f"Two representations are called {twice[0]!r}: rename one file, or hand in a "
                "dictionary that names them."
            )
        given = dict(zip(names, read_in, strict=True))
    else:
        raise InputError(
            f"{question} takes a list or a dictionary of representations, or one AnnData and "
            f"several names of {named('obsm')}; got {shown(data)}."
        )
    if len(given) < 2:
        raise InputError(f"{question} takes two representations or more; got {len(given)}.")
    return given


def _read(
    tables: Iterable[object],
    obsm: str | None,
    seed: int | None,
    options: dict[str, Any],
    *,
    names: Sequence[str] = (),
) -> list[Profiles]:
    """Each table, read as the options say; profiles beside it that were read already stay.

    What was given a name is called so from then on.
    """
    tables = list(tables)
    options = options | {"obsm": obsm}
    done = [isinstance(one, Profiles) for one in tables]
    found = []
    for place, (one, known) in enumerate(zip(tables, done, strict=True)):
        item = read(one, seed=seed, **({} if known and not all(done) else options))
        found.append(_called(item, names[place]) if names and not known else item)
    return found


def _called(item: Profiles, name: str) -> Profiles:
    """The profiles under the name that they were handed in with, their cards too."""
    block = item.block
    cards = {
        table: replace(card, name=name) if card.name == block.name else card
        for table, card in block.cards.items()
    }
    return replace(item, block=replace(block, name=name, cards=cards))


def comparisons(
    activity: pd.DataFrame,
    predictions: pd.DataFrame | None,
    *,
    matching: pd.DataFrame | None = None,
    seed: int,
    split: str,
) -> pd.DataFrame:
    """Paired differences of activity (by treatment), matching (label) and classification (well).

    Parameters
    ----------
    activity : DataFrame
        Tables of activity below one another, with their ``space``; empty where there are none.
    predictions : DataFrame or None
        Predictions for held-out wells, those of baselines among them, with their ``space``.
    matching : DataFrame, optional
        Tables of matching below one another, with their ``space``.
    seed : int
    split : str
        What the folds left out.

    Returns
    -------
    DataFrame
        As ``comparisons.parquet``, with the spaces that ``a`` and ``b`` were judged in
        (``space_a``, ``space_b``); empty where there is one representation only.
    """
    tables = []
    if len(activity):
        values = activity.rename(columns={"map_normalized": "value"}).dropna(subset=["value"])
        values = values.assign(task="activity", metric="map_normalized", split="none")
        cluster = COMPOUND if COMPOUND in values else TREATMENT
        how = {"key": [TREATMENT], "seed": seed, "cluster": cluster}
        tables += _compared(values, _families(values), **how)
    if matching is not None and len(matching):
        values = matching.rename(columns={"map_normalized": "value"}).dropna(subset=["value"])
        values = values.assign(task="matching", metric="map_normalized", split="none")
        tables += _compared(values, _families(values), key=["label"], seed=seed)
    if predictions is not None:
        for _, part in predictions.groupby("task", sort=True):
            tables += _classified(part, seed=seed, split=split)
    return _sorted(pd.concat(tables, ignore_index=True)) if tables else pd.DataFrame()


def _families(values: pd.DataFrame) -> list[list[tuple[str, str]]]:
    """Pairs corrected together: single representations; fusions and what they must beat.

    A fusion of which no block is there is a representation like any other.
    """
    names = list(dict.fromkeys(values["representation"]))
    fused = [n for n in names if is_fusion_proper(n) and set(n.split("+")) & set(names)]
    noise = [n for n in names if is_noise_control(n) and fused]
    singles = list(combinations((n for n in names if n not in {*fused, *noise}), 2))
    return [singles, [pair for name in fused for pair in _rivals(values, name)]]


def _rivals(values: pd.DataFrame, fusion: str) -> list[tuple[str, str]]:
    """A fusion with its best block, and with that block beside noise where that was made."""
    (pair,) = fusion_pairs(values, fusion, blocks=fusion.split("+"))
    noise = control_of(fusion, best=pair[1])
    return [pair, *([(fusion, noise)] if (values["representation"] == noise).any() else [])]


def _compared(
    values: pd.DataFrame, families: list[list[tuple[str, str]]], **how: Any
) -> list[pd.DataFrame]:
    spaces = values.groupby("representation")["space"].first()
    tables = [compare_pairs(values, pairs, **how) for pairs in families if pairs]
    return [t.assign(space_a=t["a"].map(spaces), space_b=t["b"].map(spaces)) for t in tables]


def _classified(part: pd.DataFrame, *, seed: int, split: str) -> list[pd.DataFrame]:
    treated = part[~part["control"]]
    values = treated.assign(value=treated["correct"].astype(float), metric="accuracy_treated")
    values["split"] = f"leave-{split}-out"
    own = values[~values["representation"].str.startswith("baseline:")]
    families = [*_families(own), _against_baselines(values)]
    return _compared(values, families, key=[PLATE, WELL], seed=seed, cluster="label")


def _against_baselines(values: pd.DataFrame) -> list[tuple[str, str]]:
    """Each single representation with the best of its baselines."""
    common = (MAJORITY, COUNT, INTENSITY, POSITION)
    means = values.groupby("representation", sort=True)["value"].mean()
    pairs = []
    for name in dict.fromkeys(values["representation"]):
        if name.startswith("baseline:") or is_fusion(name):
            continue
        known = [b for b in (*common, f"{SHUFFLED}:{name}") if b in means.index]
        pairs += [(name, means[known].idxmax())] if known else []
    return pairs


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    table = table.rename(columns={"detectable": "smallest_detectable"})
    return table.sort_values(["task", "metric", "a", "b"], ignore_index=True)
