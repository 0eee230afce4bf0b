"""Which plate, well, site and cell an image row is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.io.columns import key_text, place, well_text
from phenolens.profiles import OBJECT, PLATE, SITE, WELL


def image_keys(
    frame: pd.DataFrame, columns: Mapping[str, Any], *, level: str, source: str
) -> pd.DataFrame:
    """Plate, well, site and, for cells, object number of each row; '' where there is none."""
    plate = _required(frame, columns["plate"], PLATE, source=source)
    well = _required(frame, columns["well"], WELL, source=source)
    keys = pd.DataFrame({PLATE: key_text(plate), WELL: well_text(well)}, index=frame.index)
    site = place(frame, columns["site"], SITE, source=source)
    if site is None:
        keys[SITE] = _numbered_sites(frame, keys, level=level)
    else:
        keys[SITE] = key_text(site)
        _require_one_image(frame, keys, source=source)
    if level == "cell":
        keys[OBJECT] = _objects(frame, keys)
    return keys


def _required(frame: pd.DataFrame, spec: object, role: str, *, source: str) -> pd.Series:
    values = place(frame, str(spec), role, source=source)
    if values is None:
        shown = ", ".join(map(str, list(frame.columns)[:10]))
        raise InputError(
            f"{source} says no {role[9:].lower()} (no column {spec}); it has {shown}. "
            f"Name the column in [data.columns]."
        )
    return values


def _require_one_image(frame: pd.DataFrame, keys: pd.DataFrame, *, source: str) -> None:
    """Refuse a site that is a file with several images."""
    if "_series" not in frame:
        return
    images = frame["_series"].groupby([keys[PLATE], keys[WELL], keys[SITE]]).nunique()
    if (images > 1).any():
        place = images.index[int(np.argmax(images.to_numpy()))]
        where = ", ".join(f"{n} {t}" for n, t in zip(("plate", "well", "site"), place, strict=True))
        raise InputError(
            f"{source}: the file of {where} holds {images.max()} images. List each in a row of its "
            "own with an 'index' column (s0, s1, ...), or drop the column of sites: each image is "
            "then a site."
        )


def _numbered_sites(frame: pd.DataFrame, keys: pd.DataFrame, *, level: str) -> np.ndarray:
    """Sites nobody named: one a well, or numbered in the order of their file names."""
    if level == "cell" or not keys.duplicated([PLATE, WELL]).any():
        return np.full(len(keys), "1", dtype=object)
    names = [name for name in ("_stack", "_origin", "_series") if name in frame]
    if "_series" in frame:  # planes and time points of one image are one site
        named = pd.Series(list(zip(*(frame[name] for name in names), strict=True)))
    else:
        named = frame["_stack"] if names else pd.Series(frame.index, index=frame.index)
    codes = pd.Series(pd.factorize(named, sort=True)[0], index=frame.index)
    how = "dense" if "_series" in frame else "first"
    order = codes.groupby([keys[PLATE], keys[WELL]]).rank(method=how).astype(int)
    return order.astype(str).to_numpy(dtype=object)


def _objects(frame: pd.DataFrame, keys: pd.DataFrame) -> np.ndarray:
    """Numbers of cells: as a column has them, or their place in a stack, where each is another.

    Else, as names or classes of cells are no numbers, the order of their rows in the site.
    """
    given = place(frame, None, OBJECT, source="")
    if given is None and "_index" in frame and (frame["_index"] != "").all():
        given = frame["_index"]
    if given is not None:
        numbers = pd.to_numeric(given, errors="coerce")
        if (numbers % 1 == 0).all() and (numbers >= 0).all():
            return numbers.to_numpy(dtype=np.int64)
    return keys.groupby([PLATE, WELL, SITE]).cumcount().to_numpy(dtype=np.int64) + 1
