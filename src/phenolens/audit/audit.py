"""What a screen's layout allows, and what it cannot answer however good the features are.

Every check looks at the design alone: plates, wells, treatments, controls, batches, folds. None
reads a feature, so a study can be audited before anything is measured, and so can the design that
somebody else declares.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from phenolens.audit.controls import check_control_places, check_controls
from phenolens.audit.finding import (
    SEVERITIES,
    Finding,
    Screen,
    listed,
    number_of,
    percent,
)
from phenolens.audit.layout import check_batches, check_layout, check_replicates
from phenolens.profiles import (
    BATCH,
    CELL_COUNT,
    COMPOUND,
    CONTROL,
    MECHANISM,
    PLATE,
    TREATMENT,
    WELL_KEY,
)

__all__ = ["Finding", "audit_design"]


def audit_design(
    wells: pd.DataFrame,
    *,
    folds: object | None = None,
    roles: np.ndarray | None = None,
    images_per_well: pd.Series | None = None,
    label: str = TREATMENT,
) -> list[Finding]:
    """Say what a design cannot answer.

    Parameters
    ----------
    wells : DataFrame
        One row a well: ``Metadata_Plate``, ``Metadata_Well``, the label, and, where known,
        ``Metadata_Control``, ``Metadata_Batch``, ``Metadata_Mechanism``, ``Metadata_CellCount``.
    folds : Folds or DataFrame, optional
        The split: an object with a ``table``, or a plain frame, of ``Metadata_Plate``,
        ``Metadata_Well`` and ``fold`` (one row a well, field or cell).
    roles : array of str, optional
        Role of each well's controls (``calibrate``, ``judge``, ``swap-a``, ``swap-b``, ``reused``).
    images_per_well : Series, optional
        Number of images by (plate, well).
    label : str
        The class column.

    Returns
    -------
    list of Finding
        The gravest first, then in the order of the checks.
    """
    screen = Screen(
        wells=_complete(wells, label),
        label=label,
        folds=getattr(folds, "table", folds),
        roles=None if roles is None else np.asarray(roles, dtype=object),
        images=images_per_well,
    )
    findings = [finding for check in CHECKS for finding in check(screen)]
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def _complete(wells: pd.DataFrame, label: str) -> pd.DataFrame:
    """The wells with every column the checks ask for."""
    out = wells.reset_index(drop=True).copy()
    for name in (label, BATCH, MECHANISM, COMPOUND):
        if name not in out:
            out[name] = None
    out[CONTROL] = out[CONTROL].fillna(False).astype(bool) if CONTROL in out else False
    return out


def check_labels(screen: Screen) -> Iterable[Finding]:
    """Wells of which nobody says what was done to them."""
    blank = int(screen.wells[screen.label].isna().sum())
    everything = blank == len(screen.wells)
    if everything:
        yield Finding(
            "no-labels", "warning", screen.label,
            f"None of the {number_of(len(screen.wells), 'well')} says what was done to it.",
            "Nothing can be called active or alike; features, maps and pictures are shown.",
            "Join a plate map and name its column in [data.columns] compound.",
        )  # fmt: skip
    elif blank:
        yield Finding(
            "unlabelled-wells", "info", screen.label,
            f"{number_of(blank, 'well')} of {len(screen.wells)} carry no treatment.",
            "They take no part in any test.",
            "Complete the plate map, or exclude them.",
        )  # fmt: skip


def check_majority(screen: Screen) -> Iterable[Finding]:
    """How often the most frequent class alone is right."""
    weights = _weights(screen)
    shares = weights.groupby(screen.wells[screen.label].to_numpy()).sum() / weights.sum()
    if len(shares) < 2:
        return
    name, share = str(shares.idxmax()), float(shares.max())
    unit = "wells" if screen.images is None else "images"
    grave = share >= 0.1 and share >= 1.5 / len(shares)
    yield Finding(
        "majority-class", "warning" if grave else "ok", name,
        f"{name!r} holds {percent(share)} of the {unit}; chance over {len(shares)} classes is "
        f"{percent(1 / len(shares))}.",
        f"Always answering {name!r} is right {percent(share)} of the time." if grave else "",
        "Read the majority baseline, balanced accuracy and accuracy without controls beside every "
        "score." if grave else "",
    )  # fmt: skip


def _weights(screen: Screen) -> pd.Series:
    if screen.images is None:
        return pd.Series(1.0, index=screen.wells.index)
    keys = pd.MultiIndex.from_frame(screen.wells[list(WELL_KEY)])
    counts = screen.images.reindex(keys).fillna(0).to_numpy(float)
    return pd.Series(counts if counts.any() else 1.0, index=screen.wells.index)


def check_counts(screen: Screen) -> Iterable[Finding]:
    """Whether cells are counted, and plates hold equally many wells."""
    counted = CELL_COUNT in screen.wells and screen.wells[CELL_COUNT].notna().any()
    if not counted and screen.images is None:
        yield Finding(
            "cell-count-missing", "info", CELL_COUNT,
            "No cell counts are given and there are no images to count in.",
            "A phenotype cannot be told from loss of cells.",
            "Name the column of cell counts in [data.columns] cell_count.",
        )  # fmt: skip
    sizes = screen.wells.groupby(PLATE).size()
    if sizes.min() < 0.8 * sizes.median():
        small = sizes[sizes < 0.8 * sizes.median()]
        yield Finding(
            "unbalanced-plates", "info", listed(small.index),
            f"{number_of(len(small), 'plate')} of {len(sizes)} have fewer than 80 % of the usual "
            f"{sizes.median():g} wells.",
            "Plates weigh differently in pooled scores, and such a plate's own numbers are noisy.",
            "See in the ledger what was set aside.",
        )  # fmt: skip


def check_folds(screen: Screen) -> Iterable[Finding]:
    """Wells that a split puts on both sides."""
    if screen.folds is None:
        return
    tested = screen.folds[screen.folds["fold"] >= 0]
    sides = tested.groupby(list(WELL_KEY))["fold"].nunique()
    shared = sides[sides > 1]
    if shared.empty:
        what = f"No well is on both sides of any of {number_of(tested['fold'].nunique(), 'fold')}."
        yield Finding("split-shares-wells", "ok", "", what)
        return
    yield Finding(
        "split-shares-wells", "error", listed("/".join(key) for key in shared.index),
        f"{number_of(len(shared), 'well')} of {len(sides)} lie in several folds.",
        "A model is tested on fields or cells of wells it was trained on: it may have learned the "
        "well, not the treatment.",
        "Split by well at least, better by plate.",
    )  # fmt: skip


def check_images(screen: Screen) -> Iterable[Finding]:
    """Wells with far fewer images than usual."""
    if screen.images is None or screen.images.empty:
        return
    low = screen.images[screen.images < 0.5 * screen.images.median()]
    if len(low):
        yield Finding(
            "few-images", "info", listed("/".join(map(str, key)) for key in low.index),
            f"{number_of(len(low), 'well')} of {len(screen.images)} have fewer than half the usual "
            f"{screen.images.median():g} images.",
            "Their profiles are noisier.",
            "See in the ledger what was set aside.",
        )  # fmt: skip


CHECKS = (
    check_labels,
    check_majority,
    check_replicates,
    check_layout,
    check_controls,
    check_control_places,
    check_batches,
    check_folds,
    check_counts,
    check_images,
)
