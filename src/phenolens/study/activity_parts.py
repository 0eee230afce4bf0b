"""Activity of a representation whose treatments may have been seen by different networks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens.profiles import TREATMENT
from phenolens.study.activity import activity_table
from phenolens.study.design import Design
from phenolens.study.disjoint import fitted_on
from phenolens.study.scores import Examined
from phenolens.study.session import Session

_TESTS = {"p": "q", "p_smooth": "q_smooth", "p_plain": "q_plain"}


def activity_of(session: Session, item: Examined, design: Design) -> tuple[pd.DataFrame, dict]:
    """Activity of every treatment, each among the wells of its own part, corrected over all.

    Returns
    -------
    table : DataFrame
        In the form of ``activity.parquet``.
    summary : dict
        That of the single part, or those of all under ``groups``; ``fitted_on`` where the
        representation learned from the images that are judged.
    """
    told = [
        activity_table(session, item.name, part, design, elsewhere=item.block.calibrated)
        for part in item.parts
    ]
    table, summary = told[0]
    if not item.whole:
        table = _together([part for part, _ in told], alpha=session.study.evaluate.alpha)
        summary = {"groups": dict(zip(item.block.judged, (s for _, s in told), strict=True))}
    if seen := fitted_on(item.block):
        summary = summary | {"fitted_on": seen}
        notes = table["note"].where(table["note"] == "", table["note"] + "; ") + seen
        table = table.assign(note=notes)
    return table, summary


def _together(parts: list[pd.DataFrame], *, alpha: float) -> pd.DataFrame:
    """The groups' tables as one, with q over all treatments."""
    from phenolens.evaluate.multiple_testing import benjamini_hochberg

    table = pd.concat(parts, ignore_index=True)
    for p, q in _TESTS.items():
        if p in table:
            table[q] = benjamini_hochberg(table[p].to_numpy(np.float64))
    table["active"] = (table["q"] < alpha).fillna(False)
    return table.sort_values(TREATMENT, ignore_index=True)
