"""Profile tables as AnnData files, in the field's own columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.files import atomic_path
from phenolens.io.names import parse_feature
from phenolens.profiles import PREFIX, from_frame, metadata


def write_h5ad(table: pd.DataFrame, path: str | Path) -> None:
    """Write a profile table as ``.h5ad``, atomically; the same table gives the same bytes.

    ``X`` holds the features (float32), ``obs`` the metadata, ``var`` the parts of each feature's
    name: ``compartment, family, channel, channel_2, n_channels``.

    Parameters
    ----------
    table : DataFrame
        Profile table: metadata in the row index.
    path : path
    """
    import anndata

    data = anndata.AnnData(
        X=np.ascontiguousarray(table.to_numpy(dtype=np.float32)),
        obs=_plain(metadata(table)),
        var=feature_parts(table.columns),
    )
    with atomic_path(path) as partial:
        data.write_h5ad(partial)


def feature_parts(features: pd.Index) -> pd.DataFrame:
    """The parts of each feature's name, indexed by the name."""
    parsed = [parse_feature(str(name)) for name in features]
    parts = pd.DataFrame(parsed, columns=list(parsed[0]._fields) if parsed else None)
    index = pd.Index([str(name) for name in features], dtype=object)
    return parts.assign(n_channels=[int(name.n_channels) for name in parsed]).set_index(index)


def _plain(obs: pd.DataFrame) -> pd.DataFrame:
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
        If the file cannot be read or no column of ``obs`` starts with ``Metadata_``.
    """
    import anndata

    try:
        data = anndata.read_h5ad(path)
    except Exception as error:  # HDF5 raises many kinds; each means the same to the user
        raise InputError(f"{path} cannot be read as AnnData: {error}.") from None
    obs = data.obs.reset_index(drop=True)
    obs.columns = [_prefixed(name) for name in obs.columns]
    values = data.X.toarray() if hasattr(data.X, "toarray") else np.asarray(data.X)
    frame = pd.DataFrame(values, columns=data.var_names.astype(str))
    return from_frame(pd.concat([_nulls(obs), frame], axis=1), features=list(frame.columns))


def _prefixed(name: object) -> str:
    return str(name) if str(name).startswith(PREFIX) else f"{PREFIX}{name}"


def _nulls(obs: pd.DataFrame) -> pd.DataFrame:
    """Categories and text as objects, with empty strings as null again."""
    out = obs.copy()
    for name in out:
        if not pd.api.types.is_numeric_dtype(out[name]):
            text = out[name].astype(object)
            out[name] = text.where(text.notna() & (text != ""), None)
    return out
