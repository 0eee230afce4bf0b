"""A table's rows beside the observations they speak of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from phenolens.errors import InputError, shown

if TYPE_CHECKING:
    import anndata
    import pandas as pd


def joined(
    adata: anndata.AnnData, table: pd.DataFrame, *, question: str, on: Sequence[str] | None = None
) -> anndata.AnnData:
    """A copy of the AnnData with the table's columns in ``obs``; see ``Result.join``."""
    import pandas as pd

    from phenolens import profiles
    from phenolens.tools.sheets import flat_cells

    if not hasattr(adata, "obs"):
        raise InputError(
            f"join takes an AnnData; got {shown(adata)}. A DataFrame joins with its own .merge()."
        )
    table = flat_cells(table.reset_index(drop=True))
    names = _same_name(table, adata.obs, on)
    ours, theirs = _comparable(table, adata.obs, names)
    key = profiles.keys(ours, list(names))
    if key.has_duplicates:
        again = ", ".join(key[key.duplicated()][0])
        raise InputError(
            f"{key.duplicated(keep=False).sum()} rows of the table share a key "
            f"({', '.join(names)}; first: {again}): name the columns that tell them apart with "
            "on=, or keep one row a key."
        )
    place = key.get_indexer(profiles.keys(theirs, list(names)))
    if (place < 0).all():
        raise InputError(
            f"No observation matches the table on {', '.join(names)}: it has "
            f"{', '.join(key[0]) if len(key) else 'no rows'}, obs has "
            f"{', '.join(theirs.iloc[0]) if len(theirs) else 'no rows'}; name the key with on=."
        )
    copy = adata.to_memory() if adata.isbacked else adata.copy()
    for name in table.columns.difference(list(names), sort=False):
        values = table[name].reindex(place)
        if pd.api.types.is_bool_dtype(table[name]):
            # a missing truth stays missing; scanpy draws categories, not pandas' nullable truths
            whole = bool if values.notna().all() else pd.CategoricalDtype([False, True])
            values = values.astype(object).astype(whole)
        copy.obs[f"{question}_{name}"] = values.array
    return copy


def _same_name(table: pd.DataFrame, obs: pd.DataFrame, on: Sequence[str] | None) -> dict[str, str]:
    """Key columns of the table with the name that each has in ``obs``."""
    from phenolens.profiles import PREFIX

    there = {f"{PREFIX}{name}": name for name in obs} | {name: name for name in obs}
    if on is None:
        names = [name for name in table if str(name).startswith(PREFIX) and name in there]
        # one column that names every row is the key; what only describes it may be unknown
        names = next(([name] for name in names if _names_every_row(table[name])), names)
    else:
        full = [name if name in table else f"{PREFIX}{name}" for name in on]
        lacking = [name for name in full if name not in table or name not in there]
        if lacking or not full:
            raise InputError(
                f"on={list(on)} is no key: {' and '.join(lacking) or 'it'} must be a column of "
                f"both the table ({_listed(table)}) and obs ({_listed(obs)})."
            )
        names = full
    if not names:
        raise InputError(
            f"The table and obs have no {PREFIX}* column in common: the table has "
            f"{_listed(table)}, obs has {_listed(obs)}; name the key with on=, a further table "
            "with table=, or rename a column."
        )
    return {name: there[name] for name in names}


def _names_every_row(column: pd.Series) -> bool:
    return bool(column.notna().all()) and column.is_unique


def _listed(frame: pd.DataFrame, most: int = 8) -> str:
    more = f", and {len(frame.columns) - most} more" if len(frame.columns) > most else ""
    return ", ".join(map(str, frame.columns[:most])) + more


def _comparable(
    table: pd.DataFrame, obs: pd.DataFrame, names: dict[str, str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The key columns of both as text that is equal where they mean the same."""
    import pandas as pd

    ours, theirs = {}, {}
    for name, other in names.items():
        pair = [column.astype(object) for column in (table[name], obs[other])]
        numeric = [pd.api.types.is_numeric_dtype(f[n]) for f, n in ((table, name), (obs, other))]
        if any(numeric):
            numbers = [pd.to_numeric(column, errors="coerce") for column in pair]
            same = [n.isna().sum() == _missing(c).sum() for n, c in zip(numbers, pair, strict=True)]
            pair = [n.astype(object) for n in numbers] if all(same) else pair
        ours[name], theirs[name] = (_as_text(column, name) for column in pair)
    return pd.DataFrame(ours), pd.DataFrame(theirs)


def _missing(column: pd.Series) -> pd.Series:
    return column.isna() | (column == "")


def _as_text(column: pd.Series, name: str) -> list[str]:
    from phenolens.profiles import WELL, well_name

    def text(value: object) -> str:
        if isinstance(value, float):
            return str(int(value)) if value.is_integer() else f"{value:.6g}"
        if name != WELL:
            return str(value)
        try:
            return well_name(value)
        except InputError:
            return str(value)

    gaps = _missing(column)
    return ["" if gap else text(value) for value, gap in zip(column, gaps, strict=True)]
