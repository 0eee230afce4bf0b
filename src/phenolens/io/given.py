"""The door: whatever a person hands in, a file, a DataFrame or an AnnData, becomes one table."""

from __future__ import annotations

import copy
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from phenolens.errors import InputError, named, shown
from phenolens.io.anndata import feature_parts, plain_obs, to_columns
from phenolens.io.cards import card_in, card_of_files, put_card
from phenolens.io.columns import FILE, spelled, tidy_names
from phenolens.io.features import Features
from phenolens.io.paths import expand, stem
from phenolens.io.profile_files import read_files, settle, tidied
from phenolens.profiles import KEY, PREFIX, from_frame, index_as_columns, metadata, to_frame

if TYPE_CHECKING:
    from anndata import AnnData

UNNAMED = "profiles"


@dataclass(frozen=True)
class Given:
    """A table as it was handed in: metadata columns with tidy names, then float32 features.

    Attributes
    ----------
    frame : DataFrame
        Plain, with a range index; ``Metadata_*`` columns, ``_file``, then features; rows in the
        order given.
    found : Features
        Its features, their families, and numeric columns that are none.
    name : str
        Stem of the file, what the stems of several share, or ``profiles``.
    notes : tuple of str
        For the ledger: what was taken as missing, and what is not in every file.
    kind : str
        ``file``, ``columns`` (a DataFrame with metadata in columns), ``index`` (a DataFrame with
        metadata in its row index) or ``anndata``.
    card : dict, optional
        How its features came to be, where the table says it: see :mod:`phenolens.io.cards`. None
        for an embedding that lies beside the features of an AnnData.
    source : object
        What was handed in, where it lay in memory; :func:`put_back` looks at its form.
    """

    frame: pd.DataFrame
    found: Features
    name: str
    notes: tuple[str, ...]
    kind: str
    card: dict[str, Any] | None = None
    source: Any = field(default=None, repr=False, compare=False)

    @property
    def features(self) -> list[str]:
        """Names of the features."""
        return self.found.names

    def table(self) -> pd.DataFrame:
        """The profile table: float32 features, metadata in the row index."""
        return from_frame(self.frame, features=self.features)

    def metadata(self) -> pd.DataFrame:
        """What describes the rows: the frame without its features."""
        return self.frame.drop(columns=self.features)

    def columns(self, names: str | Sequence[str]) -> list[str]:
        """Metadata columns as the frame spells them; one name, several, or none.

        Raises
        ------
        InputError
            If there is no such column; names the one that was probably meant.
        """
        wanted = [names] if isinstance(names, str) else list(names)
        described = self.metadata().drop(columns=FILE)
        return [spelled(described, name, source=self.name) for name in wanted]


def open_table(
    data: Any,
    *,
    features: str | Sequence[str] | None = None,
    layer: str | None = None,
    obsm: str | None = None,
) -> Given:
    """Take in a table in any of the forms the field uses; the same table gives the same frame.

    Parameters
    ----------
    data : path, list of paths, DataFrame or AnnData
        Files may be named by patterns (``plates/*.parquet``) and are Parquet, Excel, CSV or TSV
        (also gzipped), ``.h5ad``, or CellProfiler's own output. A DataFrame holds metadata in
        columns, in the named levels of its row index, or both.
    features : str or sequence of str, optional
        The features: a prefix of their names, or the names themselves. By default they are
        recognised by convention, see :func:`phenolens.io.features.recognise`.
    layer, obsm : str, optional
        Where in an AnnData (or ``.h5ad`` file) the features are, if not in ``X``.

    Returns
    -------
    Given

    Raises
    ------
    InputError
        If it is something else, is empty, or cannot be read as it is.

    Examples
    --------
    >>> import pandas as pd
    >>> wells = pd.DataFrame({"Plate": ["P1", "P1"], "Well": ["A01", "A02"], "f0": [0.5, 1.5]})
    >>> given = open_table(wells)
    >>> given.features, given.kind, list(given.frame)
    (['f0'], 'columns', ['Metadata_Plate', 'Metadata_Well', '_file', 'f0'])
    """
    require_names(layer=layer, obsm=obsm)
    if isinstance(data, pd.DataFrame):
        if layer is not None or obsm is not None:
            wrong = named("layer" if obsm is None else "obsm")
            raise InputError(f"{wrong} is for AnnData; a DataFrame has none.")
        if data.columns.nlevels > 1:
            raise InputError(
                f"The DataFrame's columns have {data.columns.nlevels} levels; make them one, such "
                "as frame.columns = frame.columns.map('_'.join)."
            )
        has_names = any(name is not None for name in data.index.names)
        frame = index_as_columns(data)
        frame, found = tidied(frame, features=features, name=UNNAMED, source="The DataFrame")
        unread, kind = _unread_index(data), "index" if has_names else "columns"
    elif _is_anndata(data):
        data = data.to_memory() if data.isbacked else data
        held = to_columns(data, layer=layer, obsm=obsm, source="The AnnData")
        frame, found = tidied(held, features=features, name=UNNAMED, source="The AnnData")
        unread, kind = [], "anndata"
    else:
        paths = _paths(data)
        frame, found, notes = read_files(paths, features=features, layer=layer, obsm=obsm)
        card = None if obsm else card_of_files(paths)
        return Given(frame, found, shared_stem(paths), tuple(notes), "file", card)
    notes = unread + settle(frame, found.names)
    return Given(frame, found, UNNAMED, tuple(notes), kind, None if obsm else card_in(data), data)


def require_names(**given: object) -> None:
    """Raise :class:`InputError` where a setting that names one part of an AnnData is no text."""
    for setting, value in given.items():
        if value is not None and not isinstance(value, str):
            raise InputError(f"{named(setting)} is one name; got {shown(value)}.")


def _unread_index(data: pd.DataFrame) -> list[str]:
    """A note where a row index says something, but has no name to know it by."""
    texts = [
        number
        for number, name in enumerate(data.index.names)
        if name is None and not pd.api.types.is_numeric_dtype(data.index.get_level_values(number))
    ]
    if not texts:
        return []
    first = data.index.get_level_values(texts[0])[0]
    return [f"the row index (such as {first!r}) has no name and is not read"]


def _is_anndata(data: object) -> bool:
    """Whether it is an AnnData; who has one has imported that library."""
    library = sys.modules.get("anndata")
    return library is not None and isinstance(data, library.AnnData)


def paths_given(data: Any) -> list[Path] | None:
    """The files that were handed in; None for what lies in memory."""
    in_memory = isinstance(data, pd.DataFrame) or _is_anndata(data)
    return None if in_memory else _paths(data)


def _paths(data: Any) -> list[Path]:
    several = isinstance(data, (list, tuple))
    given = list(data) if several else [data]
    wrong = [one for one in given if not isinstance(one, (str, os.PathLike)) or not os.fspath(one)]
    if wrong or not given:
        kind = type(wrong[0] if wrong else data)
        name = f"{kind.__module__}.{kind.__name__}".removeprefix("builtins.")
        name = "an empty path" if kind is str else name
        got = "an empty list" if not given else f"a list with {name}" if several else name
        remedy = _remedy(wrong[0] if wrong else None, several=several)
        raise InputError(f"Hand in a path, a DataFrame or an AnnData; got {got}{remedy}.")
    return expand([str(Path(one).expanduser()) for one in given], Path.cwd())


def _remedy(data: object, *, several: bool) -> str:
    """The end of a sentence on how to make a table of what was handed in, where there is a way."""
    if isinstance(data, pd.DataFrame):
        return ": hand in one table; pandas.concat stacks several"
    if hasattr(data, "to_pandas"):
        return ": hand in its .to_pandas()"
    if isinstance(data, (pd.Series, dict, np.ndarray)) and not several:
        return ": make a DataFrame with a column for the plate, the well and each feature"
    return ""


def shared_stem(paths: Sequence[Path]) -> str:
    """The file's stem; of several, the words that all begin with."""
    stems = list(dict.fromkeys(map(stem, paths)))
    if len(stems) == 1:
        return stems[0]
    words = zip(*(re.split(r"([-_. ])", one) for one in stems), strict=False)
    shared = takewhile(lambda word: len(set(word)) == 1, words)
    return "".join(word for word, *_ in shared).strip("-_. ") or UNNAMED


def put_back(given: Given, table: pd.DataFrame) -> pd.DataFrame | AnnData:
    """A profile table in the form that was handed in.

    Parameters
    ----------
    given : Given
    table : DataFrame
        Profile table made of it: metadata in the row index; rows and features may be others.

    Returns
    -------
    DataFrame or AnnData
        Metadata under the names it was handed in with. In columns, for a file or a DataFrame that
        had it there; in the row index, for one that had it there, new metadata too. An AnnData is
        a copy with ``X`` replaced: ``obs``, ``uns`` and the rest stay where rows are the same (new
        rows get a new ``obs``), and ``var`` where features are. A card travels along.
    """
    back = _in_the_form_given(given, table)
    put_card(back, given.card)
    return back


def _in_the_form_given(given: Given, table: pd.DataFrame) -> pd.DataFrame | AnnData:
    if given.kind == "file":
        return to_frame(table)
    if given.kind == "anndata":
        return _as_anndata(given, table)
    frame = to_frame(table)
    levels = [name for name in given.source.index.names if name is not None]
    known = tidy_names(
        [c for c in map(str, index_as_columns(given.source.iloc[:0])) if c not in given.features]
    )
    if given.kind == "columns":
        if _rows_as_given(given, table):
            frame.index = given.source.index
        return frame.rename(columns=_given_names(known))
    as_columns = {str(name) if PREFIX in str(name) else f"{PREFIX}{name}": name for name in levels}
    was_level = {known[column]: name for column, name in as_columns.items() if column in known}
    new = [name for name in table.index.names if name not in given.frame]
    if wanted := [name for name in (*was_level, *new) if name in table.index.names]:
        frame = frame.set_index(wanted)
        frame.index.names = [was_level.get(name, name) for name in wanted]
    return frame.rename(columns=_given_names(known))


def _given_names(known: dict[str, str]) -> dict[str, str]:
    """Tidy names to the names that were handed in."""
    return {tidy: given for given, tidy in known.items()}


def _as_given(given: Given, names: Sequence[str]) -> pd.DataFrame:
    """Metadata as handed in, in the types that a row index gives it."""
    return metadata(from_frame(given.frame[list(names)], features=[]))


def _rows_as_given(given: Given, table: pd.DataFrame) -> bool:
    """Whether the rows are those handed in, in their order: by key, or by all metadata shared."""
    shared = [n for n in table.index.names if n in given.frame and n not in given.features]
    if len(table) != len(given.frame) or not shared:
        return False
    names = [name for name in KEY if name in shared] or shared
    return metadata(table)[names].equals(_as_given(given, names))


def _as_anndata(given: Given, table: pd.DataFrame) -> AnnData:
    import anndata

    source, names = given.source, list(table.columns)
    said, as_rows = metadata(table), _rows_as_given(given, table)
    obs = plain_obs(said).rename(columns=_given_names(tidy_names(source.obs.columns)))
    var_kept = set(names) <= set(source.var_names)
    values = np.ascontiguousarray(table.to_numpy(np.float32))
    if as_rows and var_kept:
        out = source[:, names].copy()
        out.X = values
    else:
        var = source.var.loc[names].copy() if var_kept else feature_parts(names)
        held = {"obs": source.obs.copy(), "obsm": dict(source.obsm)} if as_rows else {"obs": obs}
        out = anndata.AnnData(values, var=var, uns=copy.deepcopy(source.uns), **held)
    if as_rows:
        old = [name for name in said if name in given.frame]
        before = _as_given(given, old)
        for name, column in zip(said, obs, strict=True):
            if name not in old or not said[name].equals(before[name]):
                out.obs[column] = obs[column].to_numpy()
    return out
