"""Which perturbations are active: mean average precision against references, with a valid p."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.evaluate.activity.control_check import check_by_null
from phenolens.evaluate.activity.position_safe import position_safe as position_safe_activity
from phenolens.evaluate.found import Found
from phenolens.stats.multiple_testing import benjamini_hochberg
from phenolens.stats.p_values import NULLS, p_values
from phenolens.stats.ranking import rank_against
from phenolens.stats.summary import means, summarize
from phenolens.stats.wells import repeated_profiles


def activity(
    table: pd.DataFrame,
    *,
    same_by: str | Sequence[str],
    controls: np.ndarray | str,
    diff_by: str | Sequence[str] | None = None,
    within: str | Sequence[str] | None = None,
    strata: str | Sequence[str] | None = None,
    references: str = "controls",
    null: str = "label-permutation",
    permutations: int = 10_000,
    similarity: str = "cosine",
    position_safe: bool = False,
    check: bool = False,
    alpha: float = 0.05,
    seed: int = 0,
) -> Found:
    """Mean average precision of each perturbation, with interval, p and q.

    A perturbation is active when its wells find each other before they find the references.

    Parameters
    ----------
    table : DataFrame
        Profile table, one row a well; features float, metadata in the row index.
    same_by : str or sequence of str
        Columns that name a perturbation (and a condition: cell line, time point, ...).
    controls : ndarray of bool, or str
        Negative controls, as an array or a query on the metadata.
    diff_by : str or sequence of str, optional
        Positives differ from the query in all of these columns (plate, batch, position).
    within : str or sequence of str, optional
        References share these columns with the query; usually ``"Metadata_Plate"``.
    strata : str or sequence of str, optional
        Labels are permuted inside these columns; by default ``within``, or else the plate.
    references : {"controls", "others"}
        Negative controls, or all wells of other perturbations (controls left out).
    null : {"label-permutation", "copairs", "copairs-wells", "none"}
        ``"copairs"`` is the compatibility mode, ``"copairs-wells"`` its predecessor (geometric
        mean of the wells' p, as CPJUMP1 was published); neither is calibrated in every design.
    permutations : int
        Labellings drawn per perturbation; all are enumerated where there are no more than this.
    similarity : {"cosine", "abs_cosine", "correlation"}
    position_safe : bool
        Compare with control wells that share a position, for layouts repeated on all plates; see
        :func:`phenolens.evaluate.activity.position_safe.position_safe`. It has its own null,
        positives and similarity, so ``diff_by``, ``strata``, ``references``, ``null`` and
        ``similarity`` must be left alone.
    check : bool
        Test groups of controls in the treatments' shape too, see
        :func:`phenolens.evaluate.activity.control_check.check_by_null`; `position_safe` always
        does.
    alpha : float
        Level of the false discovery rate behind ``fraction_retrieved``.
    seed : int

    Returns
    -------
    Found
        ``table``: the ``same_by`` columns, then ``n`` (wells), ``map``, ``map_normalized``,
        ``low`` and ``high`` (95 % jackknife over wells), ``p``, ``p_attainable`` (smallest p this
        design can give), ``q``; sorted by the ``same_by`` columns. ``summary``: the fraction
        retrieved with its interval, what was left out and why, and whether Benjamini-Hochberg
        can reject at the attainable p; with ``check`` its ``control_check``, and the groups in
        ``more["control_groups"]``. ``more["held_out"]``: with ``position_safe`` only.

    Raises
    ------
    InputError
        If a column, the query or the table cannot be used.
    DesignError
        If no perturbation can be tested, or the pool of references is too large to permute.

    References
    ----------
    Kalinin et al., A versatile information retrieval framework for evaluating profile strength
    and similarity, Nat. Commun. 16:5181 (2025); Benjamini and Hochberg (1995).
    """
    if position_safe:
        _require_defaults(diff_by, strata, references, null, similarity)
        return position_safe_activity(
            table, same_by=same_by, controls=controls, within=within,
            permutations=permutations, alpha=alpha, seed=seed,
        )  # fmt: skip
    if null not in NULLS:
        raise InputError(f"Null {null!r} is unknown; use one of {NULLS}.")
    ranking = rank_against(
        table, same_by=same_by, controls=controls, diff_by=diff_by, within=within,
        strata=strata, references=references, similarity=similarity,
        single=null.startswith("copairs"),
    )  # fmt: skip
    scores = ranking.scores()
    result = means(ranking.names, ranking.group[scores.query], scores)
    result["p"], result["p_attainable"] = p_values(
        ranking, scores, result["map"].to_numpy(), null=null, times=permutations, seed=seed
    )
    result["q"] = benjamini_hochberg(result["p"].to_numpy())
    summary = summarize(result, alpha=alpha) | {
        "null": null,
        "permutations": permutations,
        "seed": seed,
        "similarity": similarity,
        "references": references,
        "excluded": ranking.excluded,
        "repeated_profiles": repeated_profiles(ranking.wells),
    }
    if not check:
        return Found(result, summary)
    held = check_by_null(
        ranking, result["p"].to_numpy(float), null=null, permutations=permutations, alpha=alpha,
        seed=seed,
    )  # fmt: skip
    return Found(result, summary | {"control_check": held.summary}, {"control_groups": held.table})


def _require_defaults(*settings: object) -> None:
    if settings != (None, None, "controls", "label-permutation", "cosine"):
        raise InputError(
            "Position-safe activity has its own null, strata, references and similarity: leave "
            f"diff_by, strata, references, null and similarity alone; got {settings}."
        )
