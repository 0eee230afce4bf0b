"""Do replicates find one another elsewhere: treatment by treatment, with and without near wells."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.figure import Figure

from phenolens.answers.tables import Tables
from phenolens.profiles import TREATMENT
from phenolens.report.figures.dots import against_itself
from phenolens.report.figures.marks import Marks
from phenolens.report.figures.style import Drawn, file_name
from phenolens.words import names


def draw(tables: Tables) -> Iterator[Drawn]:
    """For the lead representation, a figure for each kind of place."""
    rows = tables.of_lead(tables.retrieval)
    if rows is None:
        return
    for across, part in rows.groupby("across", sort=False):
        known = part.dropna(subset=["map_normalized", "map_across_normalized"])
        if len(known):
            figure = beside(known.assign(label=known[TREATMENT].astype(str)))
            yield Drawn(
                name=f"elsewhere-{file_name(names.place(across))}",
                figure=figure,
                label=f"Another {names.place(across)}",
                alt=f"Scatter of the normalized mAP of {len(known)} treatments with all matches "
                f"against that with matches of another {names.place(across)} only.",
                caption="One dot a treatment. Below the line it is found less well when its wells "
                f"of the same {names.place(across)} are left out; those that fall most are named.",
                marks=(Marks(figure.axes[0], known["map_normalized"].to_numpy(),
                             known["map_across_normalized"].to_numpy(),
                             known[TREATMENT].astype(str).tolist()),),
            )  # fmt: skip


def beside(rows: pd.DataFrame) -> Figure:
    """Each treatment's retrieval among all its wells, against that from elsewhere only.

    Parameters
    ----------
    rows : DataFrame
        ``label``, ``across``, ``map_normalized``, ``map_across_normalized``.
    """
    columns = {"map_normalized": "x", "map_across_normalized": "y"}
    return against_itself(
        rows.assign(across=rows["across"].map(names.place)).rename(columns=columns),
        by="across",
        axes=("normalized mAP, all matches", "normalized mAP, matches at another {} only"),
    )
