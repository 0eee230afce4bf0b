"""Files of labels of cells: how they were held out, what was said of them, and how right it was."""

from __future__ import annotations

from phenolens.schema.columns import OBJECT, PLATE, REPRESENTATION, SITE, WELL
from phenolens.schema.kinds import FLAG, REAL, TEXT, WHOLE, Column, Document, File, Table
from phenolens.schema.screen import AUDIT

_WHEN = "Absent where the study file names no `cell_label`."
_INTERVAL = "95 % interval, by drawing what `interval_over` says"

CELL_SPLITS = Table(
    "cell_splits.parquet",
    "which wells' cells are held out when",
    when=_WHEN,
    columns=(
        PLATE,
        WELL,
        Column("unit", TEXT, "what is held out whole: the plate, `plate/well`, ..."),
        Column("fold", WHOLE, "the fold that holds it out"),
        Column("cells", WHOLE, "labelled cells"),
        Column("classes", WHOLE, "classes among them"),
        Column("split", TEXT, "`leave-plate-out`, `leave-well-out`, ..."),
    ),
    sort=("Metadata_Plate", "Metadata_Well"),
)

CELL_CLASSES = Table(
    "cell_classes.parquet",
    "the classes of cells",
    when=_WHEN,
    columns=(
        Column("label", TEXT, "class", label="Class"),
        Column("cells", WHOLE, "labelled cells"),
        Column("wells", WHOLE, "wells that hold some"),
        Column("plates", WHOLE, "plates that hold some"),
        Column("reason", TEXT, "code of why none is tested; empty where some are"),
        Column("tested", WHOLE, "cells that were classified while their wells were held out"),
    ),
    sort=("label",),
)

CELL_SCORES = Table(
    "cell_scores.parquet",
    "how well held-out cells are told apart",
    text="Baselines (`baseline:majority`, `baseline:position`, `baseline:shuffled-labels:<name>`) "
    "stand beside. Cells of a well are not independent: intervals draw whole wells or plates.",
    when=_WHEN,
    columns=(
        REPRESENTATION,
        Column("metric", TEXT, "`balanced_accuracy`, `accuracy`, `macro_f1`; `recall` of a class"),
        Column("label", TEXT, "class; empty for all of them", label="Class"),
        Column("split", TEXT, "`leave-plate-out`, `leave-well-out`, ..."),
        Column("fold", TEXT, "fold number, or `all` for the pooled value"),
        Column("value", REAL, "the score", nullable=True),
        Column("low", REAL, _INTERVAL, nullable=True),
        Column("high", REAL, _INTERVAL, nullable=True),
        Column("interval_over", TEXT, "`plate`, `well`, ...; empty where there are too few"),
        Column("n", WHOLE, "cells", label="Cells"),
        Column("n_wells", WHOLE, "wells", label="Wells"),
        Column("n_plates", WHOLE, "plates", label="Plates"),
    ),
    sort=("representation", "metric", "label", "fold"),
)

CELL_PREDICTIONS = Table(
    "cell_predictions.parquet",
    "one row a representation and tested cell",
    when=_WHEN,
    columns=(
        REPRESENTATION,
        PLATE,
        WELL,
        SITE,
        OBJECT,
        Column("fold", WHOLE, "the fold that held its well out"),
        Column("label", TEXT, "true class", label="Class"),
        Column("predicted", TEXT, "class named"),
        Column("correct", FLAG, "whether both are the same"),
        Column("probability", REAL, "of the true class"),
        Column("confidence", REAL, "probability of the class named"),
    ),
    sort=(
        "representation", "Metadata_Plate", "Metadata_Well", "Metadata_Site",
        "Metadata_ObjectNumber",
    ),
)  # fmt: skip

CELL_FINDINGS = Document(
    "cell_findings.json",
    "what the labels of cells allow, and what took no part",
    text="A list of findings, as in `audit.json`: `cells-not-independent`, "
    "`cells-without-interval`, `cell-classes-are-wells`, `cell-class-never-tested`, "
    "`cells-unlabelled`, `cells-not-described`, `cells-scaled`, `cells-not-scaled`, "
    "`cells-without-controls`.",
    when=_WHEN,
    keys=AUDIT.keys,
)

FILES: tuple[File, ...] = (
    CELL_SPLITS, CELL_CLASSES, CELL_SCORES, CELL_PREDICTIONS, CELL_FINDINGS,
)  # fmt: skip
