"""In what space the numbers of a table were computed, said as quietly as the table allows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd

from phenolens.report import names
from phenolens.report.words import listed, within


@dataclass(frozen=True)
class Spaces:
    """The spaces behind a table of representations.

    Parameters
    ----------
    by : dict of str to str
        Space of each representation, in words; empty where the table does not tell.
    """

    by: dict[str, str] = field(default_factory=dict)

    @property
    def several(self) -> bool:
        """Whether representations differ, so that the table needs a column."""
        return len(set(self.by.values())) > 1

    @property
    def line(self) -> str:
        """One sentence for the foot of a table; empty where a column tells."""
        return "" if self.several else self.sentence

    @property
    def sentence(self) -> str:
        """One sentence that names every space, and whose it is where they differ."""
        return computed_on((names.label(name), space) for name, space in self.by.items())


def spaces_of(rows: pd.DataFrame | None) -> Spaces:
    """Spaces of the representations of a table; baselines are named after theirs."""
    if rows is None or "space" not in rows:
        return Spaces()
    known = rows.drop_duplicates("representation").set_index("representation")["space"]
    order = [name for name in names.in_order(known.index) if not names.is_baseline(name)]
    return Spaces({name: known[name] for name in order if known[name]})


def sides(pairs: pd.DataFrame | None) -> pd.DataFrame | None:
    """Both sides of paired comparisons below one another: ``task, representation, space``."""
    if pairs is None or "space_a" not in pairs:
        return None
    columns = {"a": "representation", "b": "representation", "space_a": "space", "space_b": "space"}
    told = [pairs[["task", side, f"space_{side}"]].rename(columns=columns) for side in "ab"]
    return pd.concat(told, ignore_index=True)


def by_task(rows: pd.DataFrame | None) -> str:
    """One sentence on the spaces of a table of several tasks; empty where representations differ.

    Parameters
    ----------
    rows : DataFrame or None
        ``task, representation, space``; what does not tell gives nothing.
    """
    if rows is None or "space" not in rows:
        return ""
    real = rows[~rows["representation"].map(names.is_baseline) & (rows["space"] != "")]
    tasks = real.groupby("task", sort=False)["space"].unique()
    if any(len(spaces) > 1 for spaces in tasks):
        return ""
    order = sorted(tasks.index, key=names.task_rank)
    whose = [(names.task(task.split(":")[0]), tasks[task][0]) for task in order]
    return computed_on(whose)


def computed_on(told: Iterable[tuple[str, str]]) -> str:
    """``Computed on profiles: normalized, selected.``; and for what, where there are several.

    Parameters
    ----------
    told : iterable of (str, str)
        What was computed, as a reader calls it, and its space.
    """
    whose: dict[str, list[str]] = {}
    for what, space in told:
        whose.setdefault(space, []).append(what)
    if len(whose) < 2:
        return " ".join(f"Computed on profiles: {space}." for space in whose)
    first, *rest = (
        f"or {listed(list(dict.fromkeys(map(within, found))), 12)}: {space}."
        for space, found in whose.items()
    )
    return " ".join([f"Computed on profiles, f{first}", *(f"F{text}" for text in rest)])
