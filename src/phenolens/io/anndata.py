"""Profile tables as AnnData files, in the field's own columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from phenolens.errors import InputError, named, reasons
from phenolens.files import atomic_path
from phenolens.io.cards import card_in, put_card
from phenolens.io.columns import nearest, tidy_names
from phenolens.io.names import parse_feature
from phenolens.profiles import PREFIX, feature_names, from_frame, metadata
from phenolens.remote import local

if TYPE_CHECKING:
    from anndata import AnnData


FEWEST_COLUMNS = 8


def write_h5ad(
    table: pd.DataFrame,
    path: str | Path,
    *,
    layers: Mapping[str, np.ndarray] | None = None,
    var: Mapping[str, np.ndarray] | None = None,
    obsm: Mapping[str, np.ndarray] | None = None,
    uns: Mapping[str, object] | None = None,
) -> None:
    """Write a profile table as ``.h5ad``, atomically; the same table gives the same bytes.

    ``X`` holds the features (float32), ``obs`` the metadata, ``var`` the parts of each feature's
    name: ``compartment, family, channel, channel_2, n_channels``.

    Parameters
    ----------
    table : DataFrame
        Profile table: metadata in the row index.
    path : path
    layers : mapping of str to ndarray, shape (n_rows, n_features), optional
    var : mapping of str to ndarray, shape (n_features,), optional
        Further columns that describe features.
    obsm : mapping of str to ndarray, shape (n_rows, any), optional
    uns : mapping, optional
        A card that the table has in ``attrs`` stands there too.
    """
    import anndata

    data = anndata.AnnData(
        X=np.ascontiguousarray(table.to_numpy(dtype=np.float32)),
        obs=plain_obs(metadata(table)),
        var=feature_parts(table.columns).assign(**(var or {})),
        layers=dict(layers or {}),
        obsm=dict(obsm or {}),
        uns=dict(uns or {}),
    )
    put_card(data, card_in(table))
    with atomic_path(path) as partial:
        data.write_h5ad(partial)


def feature_parts(features: Iterable[str]) -> pd.DataFrame:
    """The parts of each feature's name, indexed by the name."""
    parsed = [parse_feature(str(name)) for name in features]
    parts = pd.DataFrame(parsed, columns=list(parsed[0]._fields) if parsed else None)
    index = pd.Index([str(name) for name in features], dtype=object)
    return parts.assign(n_channels=[int(name.n_channels) for name in parsed]).set_index(index)


def plain_obs(obs: pd.DataFrame) -> pd.DataFrame:
    """Columns as numbers, booleans or text (null as an empty string), with a string index."""
    columns = {str(name): _plain_column(obs[name]) for name in obs.columns}
    return pd.DataFrame(columns).set_axis(pd.Index(map(str, range(len(obs)))), axis=0)


def _plain_column(values: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(values) and not isinstance(values.dtype, pd.CategoricalDtype):
        return values
    return values.astype(object).where(values.notna(), "").astype(str)


def read_h5ad(path: str | Path) -> pd.DataFrame:
    """Read an ``.h5ad`` as a profile table.

    Raises
    ------
    InputError
        If the file cannot be read, has no ``X``, or says nothing about its rows.
    """
    frame = to_columns(open_h5ad(path), source=str(path))
    return from_frame(frame, features=[n for n in frame if not n.startswith(PREFIX)])


def open_h5ad(path: str | Path) -> AnnData:
    """The AnnData in a file; :class:`InputError` where it cannot be read."""
    import anndata

    try:
        return anndata.read_h5ad(local(path))
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.") from None
    except Exception as error:  # HDF5 raises many kinds; each means the same to the user
        raise InputError(f"{path} cannot be read as AnnData: {reasons([str(error)])}") from None


def matrices_without_x(path: str | Path) -> list[dict[str, str]]:
    """Where the features of a file without ``X`` are: ``{"obsm": "X_dino"}``, as for `to_columns`.

    Embeddings of fewer than eight columns, such as UMAP's, are pictures and not offered. Empty
    where the file has ``X``, or cannot be read.
    """
    import h5py

    try:
        with h5py.File(local(path)) as file:
            held = file.get("X")
            features = len(_index(file["var"])) if "var" in file else 0
            if held is not None and held.attrs.get("encoding-type") != "null" and features:
                return []
            wide = [name for name, m in file.get("obsm", {}).items() if _width(m) >= FEWEST_COLUMNS]
            layers = list(file.get("layers", {})) if features else []
    except Exception:  # HDF5 raises many kinds; whoever reads the file says what is wrong
        return []
    return [{"obsm": name} for name in wide] + [{"layer": name} for name in layers]


def _index(table: Any) -> Any:
    return table[table.attrs.get("_index", "_index")]


def _width(matrix: Any) -> int:
    """How many columns an array, a sparse matrix or a table of a file has."""
    if hasattr(matrix, "shape"):
        return matrix.shape[1] if len(matrix.shape) == 2 else 0
    shape = matrix.attrs.get("shape")
    return int(shape[1]) if shape is not None else len(matrix.attrs.get("column-order", ()))


def to_columns(
    data: AnnData, *, layer: str | None = None, obsm: str | None = None, source: str
) -> pd.DataFrame:
    """An AnnData as a plain frame: ``obs`` under ``Metadata_`` names, then one of its matrices.

    Parameters
    ----------
    data : AnnData
    layer, obsm : str, optional
        The matrix to take instead of ``X``.
    source : str
        What it is called in errors.

    Returns
    -------
    DataFrame
        Columns of ``X`` or a layer are named as in ``var``; those of ``obsm["X_dino"]``
        ``dino__all__0001`` and on, or as in the DataFrame that lies there.

    Raises
    ------
    InputError
        If there is no such matrix; names those there are.
    """
    if layer is not None and obsm is not None:
        raise InputError(f"{source}: name {named('layer')} or {named('obsm')}, not both.")
    if obsm is not None:
        matrix = _embedding(data, obsm, source)
    else:
        matrix = pd.DataFrame(_dense(_values(data, layer, source)), columns=data.var_names)
    obs = data.obs.reset_index(drop=True)
    obs = _nulls(obs.rename(columns=tidy_names(obs.columns)))
    return pd.concat([obs, matrix.set_axis(map(str, matrix.columns), axis=1)], axis=1)


def _values(data: AnnData, layer: str | None, source: str) -> object:
    if layer is not None:
        if layer not in data.layers:
            raise InputError(f"{source} has no layer {layer!r}{nearest(layer, data.layers)}")
        return data.layers[layer]
    if data.X is None or data.n_vars == 0:
        places = [
            f"{kind} has {', '.join(held)}: name one with {named(keyword)}"
            for kind, keyword, held in (
                ("obsm", "obsm", data.obsm),
                ("layers", "layer", data.layers),
            )
            if len(held)
        ]
        raw = "raw has: save data.raw.to_adata()" if data.raw is not None else "it has no features"
        raise InputError(f"{source} has no X; {'; '.join(places) or raw}.")
    return data.X


def _embedding(data: AnnData, key: str, source: str) -> pd.DataFrame:
    if key not in data.obsm:
        raise InputError(f"{source} has no obsm {key!r}{nearest(key, data.obsm)}")
    held = data.obsm[key]
    if isinstance(held, pd.DataFrame):
        return held.reset_index(drop=True)
    values = _dense(held)
    if values.ndim != 2:
        raise InputError(f"{source}: obsm {key!r} has shape {values.shape}; expected two axes.")
    return pd.DataFrame(values, columns=feature_names(key.removeprefix("X_"), values.shape[1]))


def _dense(values: object) -> np.ndarray:
    return values.toarray() if hasattr(values, "toarray") else np.asarray(values)


def _nulls(obs: pd.DataFrame) -> pd.DataFrame:
    """Categories and text as objects, with empty strings as null again."""
    out = obs.copy()
    for name in out:
        if not pd.api.types.is_numeric_dtype(out[name]):
            text = out[name].astype(object)
            out[name] = text.where(text.notna() & (text != ""), None)
    return out
