"""The picture of each question that has one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from phenolens.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

MOST = 40


class Drawable(Protocol):
    """What is drawn of a :class:`phenolens.Result`."""

    @property
    def question(self) -> str: ...
    @property
    def table(self) -> pd.DataFrame: ...
    @property
    def summary(self) -> dict[str, Any]: ...
    @property
    def settings(self) -> dict[str, Any]: ...
    @property
    def scores(self) -> pd.DataFrame: ...
    @property
    def more(self) -> dict[str, pd.DataFrame]: ...


def plot(result: Drawable, *, most: int = MOST) -> Figure:
    """Draw a result.

    Parameters
    ----------
    result : Result
        Of activity, assay, batch, classify, cluster, compare, design, dose, match or retrieve.
    most : int
        How many labels (match) or compounds (dose) get a row; those left out are counted above.

    Returns
    -------
    Figure
        Of no global state. It shows itself in a notebook; ``.savefig(path)`` writes it.

    Raises
    ------
    InputError
        If the question has no picture, or the table holds nothing to draw.

    Examples
    --------
    >>> import phenolens as pl
    >>> screen, truth = pl.simulate_profiles(seed=3)
    >>> figure = pl.plot(pl.activity(screen, permutations=500))
    >>> figure.savefig("activity.png")
    """
    from phenolens.report.figures.style import LOOK, house_style

    if result.question not in PICTURES:
        raise InputError(
            f"{result.question!r} has no picture; these questions have one: {', '.join(PICTURES)}."
        )
    if most < 1:
        raise InputError(f"most is a number of rows to draw, at least 1; got {most}.")
    with house_style():
        figure = PICTURES[result.question](result, most)
        for axes in figure.axes:  # else the reader's own settings decide how many ticks fit
            axes.tick_params(labelsize=LOOK["xtick.labelsize"])
    return figure


def _some(rows: pd.DataFrame, result: Drawable, lacking: str) -> pd.DataFrame:
    """The rows, if there are any."""
    if rows.empty:
        raise InputError(f"There is nothing to draw of this {result.question}: {lacking}.")
    return rows


def _names(table: pd.DataFrame) -> pd.Series:
    """What each row is about: its treatment, or what the columns before ``n`` say of it."""
    from phenolens.profiles import TREATMENT

    if TREATMENT in table and not table[TREATMENT].duplicated().any():
        return table[TREATMENT].astype(str)
    found = table.loc[:, :"n"].iloc[:, :-1].astype(object)
    if found.shape[1] > 1 and "representation" in found and found["representation"].nunique() == 1:
        found = found.drop(columns="representation")
    return found.where(found.notna(), "").astype(str).agg(", ".join, axis=1)


def _alpha(result: Drawable) -> float:
    return float(result.settings.get("alpha") or 0.05)


def _activity(result: Drawable, most: int) -> Figure:
    """How far each treatment is from its controls, against how sure that is."""
    from phenolens.report import colours
    from phenolens.report.figures.activity import testable, volcano

    table = result.table.assign(Metadata_Treatment=_names(result.table))
    rows = _some(testable(table), result, "no row has both map and q")
    return volcano(rows, colour=colours.COLOURS[0], alpha=_alpha(result))


def _assay(result: Drawable, most: int) -> Figure:
    """Quality of each plate, flagged plates marked."""
    from phenolens.profiles import PLATE
    from phenolens.report.figures.assay import panels

    table = result.table
    flag = table["reasons"].where(~table["passed"].astype(bool), "")
    metrics = [c for c in table.select_dtypes("number") if c not in (PLATE, "passed")]
    long = table.assign(flag=flag).melt([PLATE, "flag"], metrics, "metric", "value")
    return panels(_some(long.dropna(subset="value"), result, "no metric could be computed"))


def _match(result: Drawable, most: int) -> Figure:
    """Normalized mAP of each label with its p, the best first."""
    from phenolens.report.figures.matching import labels

    _some(result.table.dropna(subset="map_normalized"), result, "no label was scored")
    return labels(result.table, alpha=_alpha(result), most=most)


def _dose(result: Drawable, most: int) -> Figure:
    """From which dose on each compound is active, and from which on it loses cells."""
    from phenolens.report.figures.doses import benchmark

    table = _some(result.table, result, "it has no compound")
    return benchmark(table.assign(label=_names(table)), alpha=_alpha(result), most=most)


def _design(result: Drawable, most: int) -> Figure:
    """What each well of each plate holds; where some treatments come to lie, in colours."""
    from phenolens.report.figures.plate_layout import layout_maps
    from phenolens.tools.plate_table import TYPE

    return layout_maps(_some(result.table, result, "no well is in use"), kind=TYPE, most=most)


def _retrieve(result: Drawable, most: int) -> Figure:
    """Each treatment's retrieval among all its wells, against that from elsewhere only."""
    from phenolens.report.figures.elsewhere import beside

    where = result.settings.get("across") or result.summary.get("across") or "elsewhere"
    rows = result.table if "across" in result.table else result.table.assign(across=where)
    rows = rows.dropna(subset=["map_normalized", "map_across_normalized"])
    rows = _some(rows, result, "no treatment was scored")
    return beside(rows.assign(label=_names(rows)))


def _compare(result: Drawable, most: int) -> Figure:
    """Differences with intervals over what could have been seen."""
    from phenolens.report.figures.comparisons import compared, forest

    table = result.table.rename(columns={"detectable": "smallest_detectable"})
    return forest(_some(compared(table), result, "no pair could be compared"))


def _classify(result: Drawable, most: int) -> Figure:
    """Scores with intervals, baselines beside them."""
    from phenolens.answers.scores import asked_of, first_metrics
    from phenolens.report import colours
    from phenolens.report.figures.scores import panels
    from phenolens.words import names

    # Of other metrics (set sizes, calibration errors) the highest baseline is not the best.
    table = _some(result.table, result, "it holds no score")
    questions = [one for one in asked_of(table) if one[0][1] in first_metrics()]
    if not questions:
        raise InputError("There is nothing to draw of this classify: it holds no pooled score.")
    order = names.in_order({name for _, scores in questions for name in scores.index})
    return panels(questions, order, colours.palette_of(order))


def _cluster(result: Drawable, most: int) -> Figure:
    """Agreement of clusters with the label, beside that of permuted labels."""
    from phenolens.report.figures.dots import panels
    from phenolens.words import names
    from phenolens.words.numbers import fixed, p_value

    scores = _beside_chance(result.table if "metric" in result.table else result.scores)
    number = scores[scores["metric"] == "n_clusters"].set_index(["representation", "task"])["value"]
    agreed = scores[scores["metric"].isin(["ari", "ami", "nmi"])]
    rows = agreed if len(agreed) else scores[scores["metric"] == "cluster_silhouette"]
    rows = _some(rows, result, "no clustering was scored")
    titles = {"cluster_silhouette": "Silhouette of the clusters: how compact, not what they share"}
    several = rows["representation"].nunique() > 1
    label = [
        f"{names.label(name) + ', ' if several else ''}{names.task(task)}"
        f" ({number.get((name, task), float('nan')):.0f} clusters)"
        for name, task in zip(rows["representation"], rows["task"], strict=True)
    ]
    metric = [titles.get(name) or names.metric(name) for name in rows["metric"]]
    text = [
        fixed(value) + ("" if p != p else f", p = {p_value(p)}")
        for value, p in zip(rows["value"], rows["p"], strict=True)
    ]
    return panels(rows.assign(label=label, metric=metric, text=text))


def _batch(result: Drawable, most: int) -> Figure:
    """What the batch decides and what biology is kept, each beside chance."""
    from phenolens.report.figures.dots import panels
    from phenolens.report.sections.plates import by_column
    from phenolens.words import names
    from phenolens.words.numbers import fixed

    rows = _some(_beside_chance(result.table), result, "there is a single batch, or no score")
    return panels(
        rows.assign(
            label=rows["representation"].map(names.label),
            metric=[
                by_column(f"{m}_{s}") for m, s in zip(rows["metric"], rows["split"], strict=True)
            ],
            text=rows["value"].map(fixed),
        )
    )


def _beside_chance(table: pd.DataFrame) -> pd.DataFrame:
    """Pooled scores of a long result table with ``reference`` (chance) and ``p`` as columns."""
    import pandas as pd

    rows = table[(table["fold"].astype(str) == "all") & table["value"].notna()]
    plain = [m.removesuffix(f"_{s}") for m, s in zip(rows["metric"], rows["split"], strict=True)]
    parts = pd.Series(plain, rows.index).str.extract(r"^(.*?)(?:_(null|chance|expected|p))?$")
    rows = rows.assign(metric=parts[0], kind=parts[1].fillna(""))
    key = ["representation", "task", "split", "metric"]
    scores = rows[rows["kind"] == ""].set_index(key)
    for name, kinds in {"reference": ["null", "chance", "expected"], "p": ["p"]}.items():
        beside = rows[rows["kind"].isin(kinds)].set_index(key)["value"]
        scores[name] = beside.reindex(scores.index)
    return scores.reset_index()


PICTURES: dict[str, Callable[[Drawable, int], Figure]] = {
    "activity": _activity,
    "assay": _assay,
    "batch": _batch,
    "classify": _classify,
    "cluster": _cluster,
    "compare": _compare,
    "design": _design,
    "dose": _dose,
    "match": _match,
    "retrieve": _retrieve,
}
