"""Files of profiles: wells and cells in each representation, and what calibration did to them."""

from __future__ import annotations

from phenolens.schema.columns import (
    ANY_TREATMENT,
    BATCH,
    COMPOUND,
    CONCENTRATION,
    CONTROL,
    MECHANISM,
    PLATE,
    REPRESENTATION,
    SITE,
    TARGET,
    WELL,
)
from phenolens.schema.kinds import (
    ANY,
    FLAG,
    REAL,
    REAL32,
    TEXT,
    WHOLE,
    Column,
    Document,
    File,
    Key,
    Table,
)

_KNOWN = (
    BATCH,
    ANY_TREATMENT,
    COMPOUND,
    CONCENTRATION,
    MECHANISM,
    TARGET,
    CONTROL,
    Column("Metadata_PositiveControl", FLAG, "whether the well is a positive control",
           when="where the screen has it"),
    Column("Metadata_<more>", ANY, "every other column of the screen's own tables"),
)  # fmt: skip
_FOLDS = "with an honest split"
_FEATURE = Column("<feature>", REAL32, "a feature", nullable=True)

PROFILES = Table(
    "profiles/<representation>.parquet",
    "one row a well, normalized on the plate's calibrating controls",
    text="""\
`Metadata_*` columns, then features. With the last four of them, and with what the file's own
metadata (key `phenolens`, JSON) say, every question is answered as in the study.""",
    after="""\
The metadata hold `layout`, `name`, `stage` (`normalized`; `compared` for fusions),
`normalized_elsewhere`, `space` (of fusions; others' stands in the `.h5ad`), `settings` (every
setting that decides a number, and the seed), `split`, `folds`, `cards` (what each table of the
representation was learned from) and, for networks and fusions, what they are made of. Without
an honest split the columns of folds are absent.

- **What learns** (pixel PCA, networks) was fitted once a fold:
  `profiles/<representation>/<fold>.parquet` holds the wells as each one sees them, and belongs
  to the file.
- **A network that learned labels** has tables `group-<n>` too, and one more column,
  `Metadata_Network`: each treatment is shown as a network saw it that never saw its label. Rows
  of different networks must not be compared.
- **A fusion** and its controls with noise (`cnn+noise:pixel-pca`) have files as well: their
  blocks side by side, as they are compared.""",
    columns=(
        PLATE,
        WELL,
        *_KNOWN,
        Column("Metadata_Network", TEXT, "the network that the row comes from",
               when="of a network that learned labels"),
        Column(
            "Metadata_Role",
            TEXT,
            "what a control does: `calibrate`, `evaluate`, `swap-a`, `swap-b`, `reused`; empty for "
            "treated wells",
        ),
        Column("Metadata_Fold", WHOLE, "the fold that tests the well; -1: none", when=_FOLDS),
        Column(
            "Metadata_LeftOut",
            WHOLE,
            "the fold whose training must not see it; -1: always trains; -2: never",
            when=_FOLDS,
        ),
        Column("Metadata_FoldUnit", TEXT, "what it is left out with", nullable=True, when=_FOLDS),
        _FEATURE,
    ),
    sort=("Metadata_Plate", "Metadata_Well"),
)  # fmt: skip

PROFILES_SEEN = Table(
    "profiles/<representation>/<fold>.parquet",
    "the wells as one fitting sees them",
    when="Present of what learns.",
    columns=(PLATE, WELL, *_KNOWN, _FEATURE),
    sort=("Metadata_Plate", "Metadata_Well"),
)

ANNDATA = Document(
    "profiles/<representation>.h5ad",
    "the same wells for AnnData",
    text="Without fusions; wells that could not be calibrated are left out.",
    after="What several networks saw has no compared values in common: there `selected` and "
    "`obsm` are absent, and `phenolens` reads the Parquet file instead.",
    keys=(
        Key("X", "", "as measured, or as given"),
        Key('layers["normalized"]', "", "the values of the Parquet file"),
        Key("obs", "", "the `Metadata_*` columns"),
        Key("var", "",
            "`compartment, family, channel, channel_2, n_channels`; `selected`: whether a feature "
            "is compared"),
        Key('obsm["X_whitened"]', "",
            "the compared values; `X_selected` where they were not whitened"),
        Key('obsm["X_pca"]', "", "components of these with 95 % of the variance"),
        Key('obsm["X_umap"]', "", "the map of `umap.parquet`"),
        Key('uns["phenolens"]', "", "what the Parquet file's metadata say, as JSON"),
    ),
)  # fmt: skip

CELLS = Table(
    "cells/<plate>.parquet",
    "the single cells, as measured",
    when="Absent where no cells were measured.",
    columns=(
        PLATE,
        WELL,
        SITE,
        Column("Metadata_ObjectNumber", WHOLE, "number of the cell in its field", label="Object"),
        Column(
            "Metadata_Quality_<measure>", REAL, "of its field, as in `fields.parquet`",
            nullable=True,
        ),
        Column("Metadata_<more>", ANY, "where it lies, and its numbers in other tables"),
        Column("<feature>", REAL32, "a feature", nullable=True),
    ),
    sort=("Metadata_Plate", "Metadata_Well", "Metadata_Site", "Metadata_ObjectNumber"),
)  # fmt: skip

NORMALIZATION = Document(
    "normalization.json",
    "what calibration dropped, filled or left as it was",
    by="representation",
    keys=(
        Key("calibration", "object",
            "by fold: calibrating controls of each plate, features constant on them, plates "
            "without a scale"),
        Key("cleaned", "object", "by fold: features dropped, values missing or infinite"),
        Key("selection", "object", "by fold: features that repeat others"),
    ),
)  # fmt: skip

_HELD = "those that are kept for tests, at least four, or all"
STEPS = Table(
    "normalization_steps.parquet",
    "what each step from measured to compared wells did to rows, columns and controls",
    text="One row a step, of the table that whole-screen questions compare. Fusions are made of "
    "blocks that took these steps one by one, and have no rows.",
    columns=(
        REPRESENTATION,
        Column("number", WHOLE, "which step, from 1", label="Step"),
        Column("step", TEXT, "`cleaned`, `scaled`, `rescaled`, `position`, `cell-count`, "
               "`softened`, `selected`, `ranked`, `whitened`", label="What"),
        Column("settings", TEXT, "settings that it was taken with", label="Settings"),
        Column("rows_before", WHOLE, "wells before it", label="Wells before"),
        Column("rows_after", WHOLE, "wells after it", label="Wells"),
        Column("columns_before", WHOLE, "features before it", label="Features before"),
        Column("columns_after", WHOLE, "features after it", label="Features"),
        Column("controls", WHOLE, f"controls that were looked at: {_HELD}", label="Controls"),
        Column("held_out", FLAG, "whether these are controls that are kept for tests"),
        Column("magnitude_before", REAL, "median absolute value over these controls and all "
               "features, before it", nullable=True, label="Median |value| before"),
        Column("magnitude_after", REAL, "the same after it; 0.67 where values are normal with "
               "deviation 1", nullable=True, label="Median |value|"),
        Column("plate_share_before", REAL, "share of these controls' variance between plates, "
               "each feature weighing alike, less chance (omega squared), before it",
               nullable=True, label="Plate share before"),
        Column("plate_share_after", REAL, "the same after it; empty with one plate",
               nullable=True, label="Plate share"),
    ),
    sort=("representation", "number"),
)  # fmt: skip

FILES: tuple[File, ...] = (PROFILES, PROFILES_SEEN, ANNDATA, CELLS, NORMALIZATION, STEPS)
