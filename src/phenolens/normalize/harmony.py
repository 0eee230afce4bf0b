"""Harmony, for pictures: batches moved together, treated wells with them, and nothing to score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError, LeakError

NOT_FOR_SCORING = "Metadata_NotForScoring"
WHY = "Harmony: aligned on these very wells"


def require_harmony() -> None:
    """Refuse where harmonypy is not installed (InputError)."""
    try:
        import harmonypy  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"Harmony needs the package harmonypy ({error}), which is under the GPL: "
            "pip install 'phenolens[harmony]', or align batches by their controls: TVN."
        ) from None


def refuse_marked(table: pd.DataFrame, source: str) -> None:
    """Raise :class:`LeakError` where a table says of itself that it is not for scoring.

    Parameters
    ----------
    table : DataFrame
        Profile table.
    source : str
        Its name, for the error.
    """
    if NOT_FOR_SCORING not in table.index.names:
        return
    said = pd.Series(profiles.column(table, NOT_FOR_SCORING)).dropna()
    said = said[said.astype(str) != ""]
    if len(said):
        raise LeakError(
            f"{source!r} is not for scoring ({said.iloc[0]}; column {NOT_FOR_SCORING} of "
            f"{len(said)} rows): it was made of all wells together, tested ones too. Draw maps "
            "with it, and score the profiles that it was made of."
        )


def harmonize(
    table: pd.DataFrame, *, batch: Sequence[str], n_components: int = 50, seed: int = 0
) -> pd.DataFrame:
    """Principal components of all wells, moved by Harmony so that batches lie over one another.

    All wells inform it, treated ones too, and it has no transform for others: what comes out is to
    be looked at (maps, UMAP), and says so in ``Metadata_NotForScoring``.

    Parameters
    ----------
    table : DataFrame, shape (n_rows, n_features)
        Profile table without missing values.
    batch : sequence of str
        Metadata columns whose values are moved together.
    n_components : int
        Capped at what the rows and features allow.
    seed : int

    Returns
    -------
    DataFrame
        float32, columns ``harmony0001`` and on, and the mark among its metadata.

    Raises
    ------
    InputError
        If harmonypy is not installed, or values are missing.
    DesignError
        If there is a single batch, or fewer than ten wells.

    References
    ----------
    Korsunsky et al., Nat. Methods 16, 1289 (2019); of profiles, Arevalo et al., Nat. Commun. 15,
    6516 (2024).
    """
    require_harmony()
    from harmonypy import run_harmony
    from sklearn.decomposition import PCA

    gaps = table.columns[~np.isfinite(table.to_numpy()).all(axis=0)]
    if len(gaps):
        raise InputError(
            f"{len(gaps)} feature(s) have missing values, such as {gaps[0]}; Harmony needs them "
            "all. Leave such features out, or fill them: select(..., fill=True)."
        )
    codes, keys = profiles.groups(table, batch)
    if len(keys) < 2 or len(table) < 10:
        raise DesignError(
            f"Harmony moves batches together and needs two or more, and ten wells; got {len(keys)} "
            f"by {', '.join(batch)}, and {len(table)} wells."
        )
    kept = min(n_components, len(table) - 1, table.shape[1])
    pieces = PCA(kept, svd_solver="full").fit_transform(table.to_numpy(np.float64))
    told = pd.DataFrame({"batch": [f"b{code}" for code in codes]})
    moved = run_harmony(pieces, told, "batch", random_state=seed, ncores=1, verbose=False)
    names = [f"harmony{i + 1:04d}" for i in range(pieces.shape[1])]
    values = np.asarray(moved.Z_corr, dtype=np.float32)
    out = pd.DataFrame(values, index=table.index, columns=names)
    return profiles.with_metadata(out, {NOT_FOR_SCORING: np.full(len(out), WHY, dtype=object)})
