"""From which dose on compounds are active, and from which on cells are lost."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from phenolens.answers.tables import Tables
from phenolens.profiles import COMPOUND
from phenolens.report.figures.dots import doses
from phenolens.report.figures.matching import some_of
from phenolens.report.figures.style import Drawn, file_name
from phenolens.words import names
from phenolens.words.numbers import p_value

MOST = 30


def draw(tables: Tables) -> Iterator[Drawn]:
    """Benchmark doses by each representation."""
    if tables.dose is None:
        return
    for name in tables.real:
        rows = tables.dose[tables.dose["representation"] == name]
        if reached := int(np.isfinite(rows["benchmark_dose"]).sum()):
            yield Drawn(
                name=f"doses-{file_name(name)}",
                figure=benchmark(rows.assign(label=rows[COMPOUND].astype(str)),
                                 alpha=tables.alpha, most=MOST),
                label=names.label(name),
                alt=f"Dot plot of benchmark doses by {names.label(name)}: {reached} of "
                f"{len(rows)} compounds reach one.",
                caption="The dose at which a curve that never falls, fitted to a compound's "
                "distances from its plates' controls, reaches three standard deviations of "
                "controls. A compound without a dot does not reach it at the doses tested.",
            )  # fmt: skip


def benchmark(rows: pd.DataFrame, *, alpha: float, most: int) -> Figure:
    """Benchmark doses with intervals, the lowest first, and the doses of cell loss.

    Parameters
    ----------
    rows : DataFrame
        ``label``, ``benchmark_dose`` with ``low`` and ``high``, ``p``, ``q``, ``order``,
        ``cell_loss_dose``.
    alpha : float
        A compound rises with dose, and its dot is filled, where q is below.
    most : int
        Compounds drawn; those left out are counted.
    """
    first = rows.sort_values(["benchmark_dose", "p"], kind="stable").head(most)
    text = [f"{o}, q = {p_value(q)}" for o, q in zip(first["order"], first["q"], strict=True)]
    drawn = first.assign(
        value=first["benchmark_dose"], filled=first["q"] < alpha, text=text,
        lost=first["cell_loss_dose"],
    )  # fmt: skip
    note = (
        f"{some_of(first, rows, 'compounds')}; bars: 95 %, with an arrow where the end is open; "
        f"triangles: dose of cell loss; filled: rises with dose, q below {alpha:g}"
    )
    return doses(drawn, note=note)
