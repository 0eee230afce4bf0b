"""Which images a reader is shown with the network's map over them, and the data of that figure."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens.profiles import CONTROL, OBJECT, PLATE, SITE, TREATMENT, WELL
from phenolens.study.networks import NetworkTrainings

CELLS_SHOWN = 6


def shown_images(table: pd.DataFrame, treatments: int, *, many: int) -> pd.DataFrame:
    """So many images of treatments named right most often, beside controls of the same plate.

    Parameters
    ----------
    table : DataFrame
        As ``activation.parquet``, with ``row`` of the images.
    """
    known = table.assign(control=table[CONTROL].astype(bool))
    known = known[~known["zero_map"]]
    treated, controls = known[~known["control"]], known[known["control"]]
    order = treated.groupby(TREATMENT)["correct"].mean().sort_values(ascending=False, kind="stable")
    picked = []
    for name in order.index[:treatments]:
        own = treated[treated[TREATMENT] == name].sort_values("correct", ascending=False)
        own = own[own[PLATE] == own[PLATE].iloc[0]]
        beside = controls[controls[PLATE] == own[PLATE].iloc[0]]
        picked += [own.head(many).assign(role="treated", shown_for=name)]
        picked += [beside.head(many).assign(role="control", shown_for=name)]
    if not picked:
        return pd.DataFrame(columns=["role", "shown_for"])
    return pd.concat(picked, ignore_index=True)


def overlays(
    work: NetworkTrainings,
    shown: pd.DataFrame,
    *,
    maps: np.ndarray,
    nuclei: np.ndarray,
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Pixels as the network read them and maps of the images shown: data of a figure.

    Parameters
    ----------
    maps : ndarray of uint8, shape (len(shown), S, S)
    nuclei : ndarray, shape (len(shown), S, S)
        Share of nucleus at each position of the images shown.

    Returns
    -------
    table, arrays
        As ``attention.parquet`` and ``attention.npz``.
    """
    columns = ["shown_for", "role", PLATE, WELL, SITE, OBJECT, TREATMENT]
    columns += ["target", "correct", "fold"]
    columns = [name for name in columns if name in shown]
    table = shown[columns].assign(position=np.arange(len(shown)))
    arrays = {
        "pixels": work.squares(shown["row"].to_numpy()),
        "nuclei": np.nan_to_num(nuclei) >= 0.5,
        "maps": maps,
        "channels": np.array(work.prepared.channels),
    }
    return table, arrays
