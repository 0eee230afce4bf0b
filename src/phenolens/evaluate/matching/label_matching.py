"""How well treatments of one target or mechanism are retrieved, label by label, with a p."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError, named
from phenolens.evaluate.found import Found
from phenolens.evaluate.matching.matching import allowed_pairs, labels
from phenolens.findings import Finding
from phenolens.learn.nearest import hub_corrected
from phenolens.stats.average_precision import expected_average_precision
from phenolens.stats.intervals import bootstrap_mean
from phenolens.stats.label_permutation import POOL_LIMIT
from phenolens.stats.multiple_testing import benjamini_hochberg
from phenolens.stats.permutation import Pool, StratifiedLabels, labellings, p_value, smallest_p
from phenolens.stats.summary import summarize
from phenolens.stats.wells import as_list


def match_labels(
    table: pd.DataFrame,
    *,
    label: str,
    not_same: str | Sequence[str] | None = None,
    similarity: str = "cosine",
    hub_correction: bool = False,
    permutations: int = 10_000,
    alpha: float = 0.05,
    seed: int = 0,
) -> Found:
    """Mean average precision of each label: its treatments among all others.

    Parameters
    ----------
    table : DataFrame
        Profile table, one row a treatment.
    label : str
        Column of the target or mechanism; ``A|B`` counts for both.
    not_same : str or sequence of str, optional
        Positives differ in all of these (the compound); values are compared whole, ``A|B`` is
        not ``A``.
    similarity : {"cosine", "abs_cosine", "correlation"}
        ``"abs_cosine"`` lets opposite effects match, as between compounds and genes.
    hub_correction : bool
        Rank by :func:`phenolens.learn.nearest.hub_corrected` similarity.
    permutations : int
        Labellings drawn for each number of treatments; all where there are no more.
    alpha : float
    seed : int

    Returns
    -------
    Found
        ``table``: ``label``, ``n`` (treatments), ``map``, ``map_normalized``, ``p`` (labels
        permuted among treatments), ``p_attainable``, ``q``; sorted by label. ``summary``: as for
        activity, with the labels of one treatment counted.

    Raises
    ------
    DesignError
        If no label has two treatments that may match.
    """
    wells, _, _ = allowed_pairs(table, label, [], similarity=similarity)
    if len(wells) > POOL_LIMIT:
        raise InputError(
            f"Labels of {len(wells)} treatments are too many to permute, at most {POOL_LIMIT}; "
            f"ask of the active ones ({named('among')} 'active'), or of a part of the screen."
        )
    everyone = np.arange(len(wells))
    apart = [wells.codes(name) for name in as_list(not_same)]
    differ = np.stack(apart, axis=1) if apart else np.empty((len(everyone), 0), np.int64)
    flat = np.zeros(len(everyone), dtype=np.int64)
    similar = wells.similarity(everyone, everyone)
    pool = Pool.of(hub_corrected(similar) if hub_correction else similar, flat, differ)
    held, names = labels.indicator_of(profiles.column(wells.table, label))
    rows = [
        {"label": name} | _test(pool, members, permutations=permutations, seed=seed)
        for name, members in zip(names, map(np.flatnonzero, held.T), strict=True)
        if _can_match(differ[members])
    ]
    if not rows:
        marked = next((n for n in names if re.search(r"/| and |\+|\n", str(n))), None)
        values = {} if marked is None else {"marked": str(marked)}
        raise DesignError(Finding("label-not-shared", "error", {"label": label}, values))
    result = pd.DataFrame(rows)
    result["q"] = benjamini_hochberg(result["p"].to_numpy())
    summary = summarize(result, alpha=alpha) | {
        "excluded": wells.excluded | {"labels without two treatments": len(names) - len(rows)}
    }
    return Found(result, summary)


def _can_match(differ: np.ndarray) -> bool:
    """Whether two of the rows differ in every column."""
    return len(differ) > 1 and all(len(np.unique(column)) > 1 for column in differ.T)


def _test(pool: Pool, members: np.ndarray, *, permutations: int, seed: int) -> dict[str, object]:
    size = len(pool.within)
    design = StratifiedLabels((size,), (len(members),))
    picks, enumerated = labellings(design, permutations, seed=seed)
    observed = float(pool.mean_average_precision(members[None])[0])
    null = pool.mean_average_precision(picks)
    chance = float(expected_average_precision(len(members) - 1, size - 1))
    return {
        "n": len(members),
        "map": observed,
        "map_normalized": (observed - chance) / (1 - chance) if chance < 1 else np.nan,
        "p": p_value(observed, null, enumerated=enumerated),
        "p_attainable": smallest_p(design, permutations),
    }


def enrichment(
    table: pd.DataFrame,
    *,
    label: str,
    not_same: str | Sequence[str] | None = None,
    top: float = 1.0,
    similarity: str = "cosine",
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, object]:
    """Odds that a treatment's most similar others share its label, over those of the rest.

    Parameters
    ----------
    table : DataFrame
        Profile table, one row a treatment.
    label : str
    not_same : str or sequence of str, optional
        Others that share one of these are left out.
    top : float
        Percentage of the others that count as most similar; at least one of them.
    similarity : {"cosine", "abs_cosine", "correlation"}
    resamples, seed : int

    Returns
    -------
    dict
        ``value`` (geometric mean of the treatments' odds ratios; 0.5 is added to all four cells
        of a treatment only where one of them is 0), ``low``, ``high`` (95 % bootstrap over
        treatments), ``n``, ``corrected`` (share of treatments with the correction), ``top``.

    References
    ----------
    Haldane, Ann. Hum. Genet. 20:309 (1956); Anscombe, Biometrika 43:461 (1956).
    """
    if not 0 < top < 100:
        raise InputError(f"top is a percentage between 0 and 100; got {top}.")
    wells, match, allowed = allowed_pairs(table, label, as_list(not_same), similarity=similarity)
    everyone = np.arange(len(match))
    score = np.where(allowed, wells.similarity(everyone, everyone), -np.inf)
    asked = match.any(axis=1) & (allowed & ~match).any(axis=1)
    if not asked.any():
        raise DesignError(Finding("no-contrast", "error"))
    logs, corrected = zip(
        *(_log_odds(score[q], match[q], allowed[q], top=top) for q in np.flatnonzero(asked)),
        strict=True,
    )
    low, high = bootstrap_mean(np.array(logs), draws=resamples, seed=seed)
    return {
        "value": float(np.exp(np.mean(logs))),
        "low": float(np.exp(low)),
        "high": float(np.exp(high)),
        "n": len(logs),
        "corrected": float(np.mean(corrected)),
        "top": top,
    }


def _log_odds(
    score: np.ndarray, match: np.ndarray, allowed: np.ndarray, *, top: float
) -> tuple[float, bool]:
    """Log odds ratio of one treatment; others level with the last of the top share its places."""
    score, match = score[allowed], match[allowed]
    places = max(1, round(len(score) * top / 100))
    limit = np.partition(score, len(score) - places)[len(score) - places]
    above, level = score > limit, score == limit
    weight = above + level * (places - above.sum()) / level.sum()
    near = (weight * match).sum(), (weight * ~match).sum()
    far = match.sum() - near[0], (~match).sum() - near[1]
    cells = np.array([near[0], near[1], far[0], far[1]])
    corrected = bool((cells < 1e-9).any())
    a, b, c, d = cells + 0.5 if corrected else cells
    return float(np.log(a * d / (b * c))), corrected
