"""The representations of a study as every question takes them, and their nearest treatments."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.profiles import TREATMENT
from phenolens.study.fusion import fusions
from phenolens.study.profiling import normalize, profiled
from phenolens.study.session import Session, once
from phenolens.tools.representation import Profiles


@once
def examined(session: Session) -> list[Profiles]:
    """Every representation, then the fusions that the study asks for."""
    normalize(session)
    items = profiled(session)
    return [*items.values(), *fusions(session, items).values()]


def similar(name: str, consensus: pd.DataFrame, *, nearest: int = 10) -> pd.DataFrame:
    """The nearest treatments of each treatment by cosine, as in ``similarity.parquet``."""
    values = consensus.to_numpy(np.float64)
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    unit = values / np.where(norms > 0, norms, 1)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -np.inf)
    order = np.argsort(-cosine, axis=1, kind="stable")[:, : min(nearest, len(values) - 1)]
    names = profiles.column(consensus, TREATMENT)
    rows, ranks = np.repeat(np.arange(len(names)), order.shape[1]), order.shape[1]
    return pd.DataFrame(
        {
            "representation": name,
            TREATMENT: names[rows],
            "neighbour": names[order.ravel()],
            "rank": np.tile(np.arange(1, ranks + 1), len(names)),
            "cosine": cosine[rows, order.ravel()],
            "same_mechanism": _same_mechanism(consensus, rows, order.ravel()),
        }
    )


def _same_mechanism(consensus: pd.DataFrame, left: np.ndarray, right: np.ndarray) -> pd.Series:
    if profiles.MECHANISM not in consensus.index.names:
        return pd.Series(pd.NA, index=range(len(left)), dtype="boolean")
    mechanism = pd.Series(profiles.column(consensus, profiles.MECHANISM)).replace("", np.nan)
    a, b = (mechanism.iloc[rows].reset_index(drop=True) for rows in (left, right))
    return (a == b).astype("boolean").mask(a.isna() | b.isna())
