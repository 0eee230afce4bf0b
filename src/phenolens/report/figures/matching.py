"""Which labels are found: do treatments of one mechanism or target look similar?"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.figure import Figure

from phenolens.answers.tables import Tables
from phenolens.report.figures.dots import dots
from phenolens.report.figures.style import Drawn, file_name
from phenolens.words import names
from phenolens.words.numbers import p_value

MOST = 30


def draw(tables: Tables) -> Iterator[Drawn]:
    """The labels that are found best, for each representation."""
    if tables.matching is None:
        return
    for name in tables.real:
        rows = tables.matching[tables.matching["representation"] == name]
        if rows["map_normalized"].notna().any():
            yield Drawn(
                name=f"matching-{file_name(name)}",
                figure=labels(rows, alpha=tables.alpha, most=MOST),
                label=names.label(name),
                alt=_alt(rows, name, tables.alpha),
                caption="How soon treatments of a label find one another among all treatments, the "
                f"best {MOST} labels at most. The p-values come from permuting labels among "
                "treatments; a label of few treatments can reach a high score by luck.",
            )


def labels(rows: pd.DataFrame, *, alpha: float, most: int) -> Figure:
    """Normalized mAP of each label with its p, the best first.

    Parameters
    ----------
    rows : DataFrame
        ``label``, ``n``, ``map_normalized``, ``p``, ``q``; at least one has a score.
    alpha : float
        A label is found, and its dot filled, where q is below.
    most : int
        Labels drawn; those left out are counted.
    """
    known = rows.dropna(subset="map_normalized")
    best = known.sort_values("map_normalized", ascending=False, kind="stable").head(most)
    text = [f"n = {n:.0f}, p = {p_value(p)}" for n, p in zip(best["n"], best["p"], strict=True)]
    return dots(
        best.assign(value=best["map_normalized"], filled=best["q"] < alpha, text=text),
        axis="normalized mAP (0: a random order; 1: every match before every other)",
        note=f"{some_of(best, rows, 'labels')}; filled: q below {alpha:g}; n: treatments",
        at=0.0,
    )


def some_of(shown: pd.DataFrame, rows: pd.DataFrame, noun: str) -> str:
    """``12 labels``, or ``12 of 40 labels`` where some are not shown."""
    of = f" of {len(rows)}" if len(shown) < len(rows) else ""
    return f"{len(shown)}{of} {noun}"


def _alt(rows: pd.DataFrame, name: str, alpha: float) -> str:
    found = rows[rows["q"] < alpha].sort_values("map_normalized", ascending=False)
    first = ", ".join(found["label"].astype(str).head(5))
    return (
        f"Dot plot of the normalized mAP of {len(rows)} labels by {names.label(name)}; "
        f"{len(found)} have q below {alpha:g}" + (f", led by {first}." if first else ".")
    )
