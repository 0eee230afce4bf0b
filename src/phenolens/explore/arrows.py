"""Columns as an Arrow IPC stream, in the plain form that the page reads without looking twice.

No nulls: a missing number is NaN, a missing text is empty, a missing row number is -1. Text is
dictionary-encoded, truth values are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa


def stream(columns: Mapping[str, object], *, about: Mapping[str, str] | None = None) -> bytes:
    """One record batch, uncompressed.

    Parameters
    ----------
    columns : mapping of str to array of shape (n,)
        Numbers keep their type; what is neither number nor truth value becomes text.
    about : mapping of str to str, optional
        Metadata of the schema.
    """
    arrays = {str(name): _array(values) for name, values in columns.items()}
    schema = pa.schema([(name, array.type) for name, array in arrays.items()], metadata=about)
    batch = pa.record_batch(list(arrays.values()), schema=schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def _array(values: object) -> pa.Array:
    found = pd.Series(values)
    if pd.api.types.is_bool_dtype(found.dtype):
        return pa.array(found.fillna(value=False).to_numpy(dtype=np.uint8))
    if pd.api.types.is_numeric_dtype(found.dtype):
        plain = isinstance(found.dtype, np.dtype)
        return pa.array(found.to_numpy() if plain else found.to_numpy(np.float64, na_value=np.nan))
    codes, names = pd.factorize(text(found), sort=True)
    return pa.DictionaryArray.from_arrays(
        pa.array(codes.astype(np.int32)), pa.array(list(names), type=pa.string())
    )


def text(values: pd.Series) -> pd.Series:
    """Values as text, whole numbers without a point; missing ones empty."""
    if values.dtype.kind == "f":
        return values.map(lambda value: "" if pd.isna(value) else f"{value:g}")
    return values.astype(object).where(values.notna(), "").astype(str)
