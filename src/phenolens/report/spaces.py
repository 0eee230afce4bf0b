"""In what space the numbers of a table were computed, said as quietly as the table allows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd

from phenolens.schema.spaces import parts
from phenolens.words import names
from phenolens.words.numbers import listed, within


@dataclass(frozen=True)
class Spaces:
    """The spaces behind a table of representations.

    Parameters
    ----------
    by : dict of str to str
        Space of each representation, in words; empty where the table does not say.
    """

    by: dict[str, str] = field(default_factory=dict)

    @property
    def several(self) -> bool:
        """Whether representations differ, so that the table needs a column."""
        return len(set(self.by.values())) > 1

    @property
    def line(self) -> str:
        """One sentence for the foot of a table; empty where a column does."""
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
    both = [pairs[["task", side, f"space_{side}"]].rename(columns=columns) for side in "ab"]
    return pd.concat(both, ignore_index=True)


def by_task(rows: pd.DataFrame | None) -> str:
    """One line on the spaces of a table of several tasks: by task, or by representation.

    Parameters
    ----------
    rows : DataFrame or None
        ``task, representation, space``; what does not say gives nothing.
    """
    if rows is None or "space" not in rows:
        return ""
    real = rows[~rows["representation"].map(names.is_baseline) & (rows["space"] != "")]
    real = real.assign(asked=[names.task(task.split(":")[0]) for task in real["task"]])
    order = sorted(real["task"].unique(), key=names.task_rank)
    asked = list(dict.fromkeys(names.task(task.split(":")[0]) for task in order))
    spaces = real.groupby("asked")["space"].unique()
    if all(len(found) == 1 for found in spaces):
        return computed_on((task, spaces[task][0]) for task in asked)
    return _by_representation(real, asked)


def _by_representation(real: pd.DataFrame, asked: list[str]) -> str:
    """Each representation's space, and what tasks learn in each fold besides."""
    shared, in_folds = (real["space"].map(lambda space, i=i: parts(space)[i]) for i in (0, 1))
    own = shared.groupby(real["representation"]).unique()
    learned = in_folds.groupby(real["asked"]).unique()
    order = names.in_order(own.index)
    if any(len(found) > 1 for found in (*own, *learned)):
        pairs = real.drop_duplicates(["asked", "representation"])
        return computed_on(
            (f"{names.label(row.representation)} in {within(row.asked)}", row.space)
            for row in pairs.itertuples()
        )
    said = [computed_on((names.label(name), own[name][0]) for name in order)]
    for what in filter(None, dict.fromkeys(learned[task][0] for task in asked)):
        tasks = [within(task) for task in asked if learned[task][0] == what]
        said.append(f"In {listed(tasks)} also in each fold {what}.")
    return " ".join(said)


def computed_on(whose: Iterable[tuple[str, str]]) -> str:
    """``Computed on profiles: normalized, selected.``; and for what, where there are several.

    Parameters
    ----------
    whose : iterable of (str, str)
        What was computed, as a reader calls it, and its space.
    """
    by_space: dict[str, list[str]] = {}
    for what, space in whose:
        by_space.setdefault(space, []).append(what)
    if len(by_space) < 2:
        return " ".join(f"Computed on profiles: {space}." for space in by_space)
    first, *rest = (
        f"or {listed(list(dict.fromkeys(map(within, found))), 12)}: {space}."
        for space, found in by_space.items()
    )
    return " ".join([f"Computed on profiles, f{first}", *(f"F{text}" for text in rest)])
