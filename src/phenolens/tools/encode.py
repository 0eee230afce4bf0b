"""Wells as an encoder sees them, without a study: fitted, read, and its card beside the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from phenolens.prepared import Prepared, Progress
    from phenolens.represent.base import Representation


def encode(
    encoder: Representation,
    prepared: Prepared,
    *,
    train: Sequence[int] | np.ndarray | None = None,
    labels: Sequence[str] | np.ndarray | None = None,
    wells: pd.DataFrame | None = None,
    how: Literal["mean", "median", "trimmed"] = "mean",
    seed: int = 0,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Fit an encoder where it learns, and make the profiles of all wells.

    Its card travels with the table: in ``attrs``, and from there in Parquet. Questions then take
    out the wells whose labels it learned from, and judge no treatment that it was shown.

    Parameters
    ----------
    encoder : Representation
        An object of your own class or of one of ours, such as ``PixelPCA()``.
    prepared : Prepared
        Images, from ``phenolens.study.prepare(session)``, or ``phenolens.study.crops(session)``.
    train : sequence of int, optional
        Rows of `prepared` to fit on. Left out for what learns nothing, or is fitted already.
    labels : sequence of str, optional
        Treatments of those rows, for what learns labels. Whatever is shown counts as seen.
    wells : DataFrame, optional
        What is known of the wells: ``Metadata_Plate``, ``Metadata_Well`` and whatever else, such as
        a compound; joined by plate and well.
    how : {"mean", "median", "trimmed"}
        How images become wells (:func:`phenolens.represent.pooling.pooled`).
    seed : int
        Of the fit.
    progress : callable, optional
        Called with (done, total) while images are read.

    Returns
    -------
    DataFrame
        One row a well, sorted: metadata in columns, then features (float32).

    Raises
    ------
    InputError
        If the encoder learns and is not fitted, or gives no matrix of finite numbers with a row an
        image.

    Examples
    --------
    >>> import phenolens as pl
    >>> from phenolens.represent.pixel_pca import PixelPCA
    >>> from phenolens.testing.representations import small_screen
    >>> images = small_screen()
    >>> profiles = pl.encode(PixelPCA(components=3), images, train=images.rows(("P1",)))
    >>> profiles.shape, profiles.attrs["phenolens_card"]["trained_on"][:2]
    ((18, 8), ['P1/A01', 'P1/A02'])
    """
    from dataclasses import replace

    import numpy as np

    from phenolens import profiles
    from phenolens.errors import InputError, named, shown
    from phenolens.files import plain
    from phenolens.io.cards import put_card
    from phenolens.profiles import WELL_KEY
    from phenolens.represent.base import Representation, require_rows, table, wells_of
    from phenolens.represent.pooling import pooled

    if how not in ("mean", "median", "trimmed"):
        raise InputError(f"Unknown way to aggregate {how!r}; choose mean, median or trimmed.")
    if not isinstance(encoder, Representation):
        made = isinstance(encoder, type) and issubclass(encoder, Representation)
        what = f"the class {encoder.__name__}: make an object of it" if made else shown(encoder)
        raise InputError(f"pl.encode takes a fitted or unfitted object of an encoder; got {what}.")
    told: dict[str, Any] = {}
    if train is not None:
        rows = _rows(train, len(prepared))
        known_as = None if labels is None else np.asarray(labels, dtype=object)
        encoder = encoder.fit(prepared, rows, labels=known_as, seed=seed)
        if known_as is not None or encoder.learns != "nothing":
            seen = () if known_as is None else tuple(sorted(set(known_as.astype(str))))
            told = {"trained_on": tuple(wells_of(prepared, rows)), "labels_seen": seen}
            told |= {"learns": "labels" if seen else "pixels"}
    elif encoder.learns != "nothing" and not encoder.card(prepared).trained_on:
        raise InputError(
            f"Encoder '{encoder.name}' learns {encoder.learns}, and its card names no well that it "
            f"learned from: hand in {named('train')}, the rows to fit it on."
        )
    everything = np.arange(len(prepared))
    extracted = encoder.extract(prepared, everything, progress=progress)
    features = require_rows(extracted, len(everything), encoder.name)
    images = table(prepared, everything, features, name=encoder.name)
    found = pooled(images, how)
    if wells is not None:
        known = profiles.metadata(found)
        own = [name for name in wells.columns if name not in known or name in WELL_KEY]
        joined = known.merge(wells[own], on=list(WELL_KEY), how="left", validate="many_to_one")
        found = profiles.with_metadata(found, joined.to_dict("series"))
    frame = profiles.to_frame(found)
    put_card(frame, plain(replace(encoder.card(prepared), **told).as_dict()))
    return frame


def _rows(train: Sequence[int] | np.ndarray, n: int) -> np.ndarray:
    """Rows as whole numbers; a mask, or a number beyond the last row, would fit on other images."""
    import numpy as np

    from phenolens.errors import InputError, shown

    rows = np.asarray(train)
    whole = rows.ndim == 1 and len(rows) > 0 and np.issubdtype(rows.dtype, np.integer)
    if not whole or rows.min() < 0 or rows.max() >= n:
        raise InputError(
            f"train holds numbers of rows, each from 0 to {n - 1}; got {shown(train)}. Of a mask "
            "take np.flatnonzero(mask)."
        )
    return rows
