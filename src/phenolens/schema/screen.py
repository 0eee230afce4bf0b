"""Files of the screen itself: its wells and fields, what was joined, split and set aside."""

from __future__ import annotations

from phenolens.schema.columns import (
    ANY_TREATMENT,
    BATCH,
    COMPOUND,
    CONCENTRATION,
    CONTROL,
    MECHANISM,
    PLATE,
    SITE,
    TARGET,
    WELL,
)
from phenolens.schema.kinds import ANY, FLAG, REAL, TEXT, WHOLE, Column, Document, File, Key, Table

_ROLE = Column(
    "role",
    TEXT,
    "what a control does: `calibrate`, `evaluate`, `swap-a`, `swap-b`, `reused`; empty for treated "
    "wells",
)
_FOLD = Column("fold", WHOLE, "the fold that tests the well; -1: none")

WELLS = Table(
    "wells.parquet",
    "one row a well of the screen",
    columns=(
        PLATE,
        WELL,
        BATCH,
        ANY_TREATMENT,
        COMPOUND,
        CONCENTRATION,
        MECHANISM,
        TARGET,
        CONTROL,
        Column("Metadata_PositiveControl", FLAG, "whether the well is a positive control"),
        Column("Metadata_<more>", ANY, "every other column of the screen's own tables"),
        _ROLE,
        _FOLD,
        Column("n_images", WHOLE, "images", nullable=True, when="where there are images",
               label="Images"),
        Column(
            "intensity_<stain>",
            REAL,
            "mean, corrected for illumination",
            nullable=True,
            unit="original units",
        ),
        Column("Metadata_CellCount", ANY, "cells, counted here or given", nullable=True,
               when="where they were counted", label="Cells"),
    ),
    sort=("Metadata_Plate", "Metadata_Well"),
)  # fmt: skip

FIELDS = Table(
    "fields.parquet",
    "every measured field",
    text="Cells carry their own `Metadata_Quality_*` in `cells/<plate>.parquet`. Nothing is "
    "dropped because of them.",
    when="Absent where no cells were measured.",
    columns=(
        PLATE,
        WELL,
        SITE,
        Column("Metadata_CellCount", WHOLE, "cells", label="Cells"),
        Column(
            "Metadata_Quality_<measure>",
            REAL,
            "focus, saturation, debris, coverage, flags; of a stain where it ends in one",
            nullable=True,
        ),
    ),
    sort=("Metadata_Plate", "Metadata_Well", "Metadata_Site"),
)

SPLITS = Table(
    "splits.parquet",
    "which wells calibrate, which evaluate, which fold tests them",
    columns=(PLATE, WELL, _ROLE, _FOLD),
    sort=("Metadata_Plate", "Metadata_Well"),
)

SPLITS_MADE = Document(
    "splits.json",
    "how the folds were made",
    keys=(
        Key("asked", "object", "settings of the study: what to leave out, most folds"),
        Key("split", "string", "what is left out; `none` where nothing can be"),
        Key("n_folds", "int", "number of folds"),
        Key("seed", "int", "seed"),
        Key("excluded", "list", "wells that no fold tests: `label`, `reason` (a code), `n`"),
        Key(
            "refused",
            "list of objects",
            "findings: folds that were dropped; or the one finding why there is no split",
        ),
    ),
)

LEDGER = Document(
    "ledger.json",
    "what was joined, what was set aside, what contradicts itself",
    text="""\
A conflict of source `distinct_plates` names plates that look like one and count as different,
one of source `profiles NAME` a representation that alone finds two plates similar. `step` says
which step found an entry (`screen`: the join itself). A step that is taken again replaces its own
entries; those of other steps stay while the study file says the same.""",
    keys=(
        Key("study", "string", "digest of the settings that the entries belong to"),
        Key("joins", "list of objects",
            "`step`, `source`, `rows`, `matched`, `unmatched`, `unmatched_keys`, `duplicates`, "
            "`unused` (keys that nobody asked for), `note`; a join whose source is "
            "`same_plate (...)` says what became of plates that are one"),
        Key("set_aside", "list of objects",
            "`step`, `plate`, `well`, `site`, `channel`, `file`, `code`, `reason` (the same in "
            "words), `object` (of a single crop only)"),
        Key("conflicts", "list of objects",
            "`step`, `column`, `source`, `wells`, `examples`, `consequence`, `code`"),
        Key("counts", "object", "by step: wells, plates, treatments, controls, images, ..."),
    ),
)  # fmt: skip

AUDIT = Document(
    "audit.json",
    "what the design confounds or lacks",
    text="A list of findings. Codes: `majority-class`, `class-is-one-well`, `split-shares-wells`, "
    "`layout-confounded`, `layout-block`, `layout-edge`, `layout-order`, `layout-doses`, "
    "`compared-elsewhere`, `controls-elsewhere`, `few-controls`, `no-controls`, "
    "`controls-reused`, `no-replicate-plates`, `single-plate`; of image files `image-sizes`, "
    "`image-depths`, `pixel-sizes`, `stain-missing-on-plate`, ...",
    keys=(
        Key("code", "string", "the same wherever the same is found"),
        Key("severity", "string", "`error`, `warning`, `info`, `ok`"),
        Key(
            "where", "string", "what it concerns, the first few names; empty where all is in order"
        ),
        Key("about", "object", "all that it concerns, by kind: `treatment`, `plate`, `well`, ..."),
        Key("values", "object", "the numbers behind the words"),
        Key("what", "string", "what was seen"),
        Key("consequence", "string", "what follows"),
        Key("remedy", "string", "what to do"),
    ),
)

PIXELS = Document(
    "pixels.json",
    "what the pixels show beside cells",
    text="A list of findings, as in `audit.json`: `depth-found`, `texture-spans`, "
    "`chunks-absent`, `pixels-negative`, `planes-flat`, `planes-saturated`, `stains-identical`, "
    "`images-identical`.",
    when="Absent where there are no images.",
    keys=AUDIT.keys,
)

BLOCKS = Document(
    "blocks.json",
    "what profiles made elsewhere were trained on, and plates that they know too well",
    text="A list of findings, as in `audit.json`: `training-unknown`, `trained-on-wells`, "
    "`agreement-jumps`, `agreement-uneven`, `agreement-even`.",
    when="Absent where no such profiles were given.",
    keys=AUDIT.keys,
)

SEGMENTATION = Document(
    "segmentation.json",
    "why next to no cell was found",
    text="A list of findings, as in `audit.json`: `cells-none`, `cells-few`, `fields-empty`.",
    when="Absent where every field holds cells.",
    keys=AUDIT.keys,
)

SEGMENTATION_PICTURES = Document(
    "segmentation.npz",
    "fields in which next to no cell was found",
    when="Present where `segmentation.json` is.",
    keys=(
        Key("pixels", "uint8 (n, H, W)", "the nuclear stain, made small"),
        Key("shrunk", "float64 (n,)", "pixels of the picture for one of the field"),
        Key("names", "string (n,)", "`plate/well/site`"),
        Key("cells", "int64 (n,)", "cells found"),
        Key("stain", "string", "the nuclear stain"),
        Key("expected", "float64", "diameter looked for in pixels of the field; 0 when unknown"),
    ),
)

ILLUMINATION = File(
    "illumination/<plate>_Illum<Stain>.npy",
    text="""\
Illumination functions that were estimated from a plate's fields (not those that were given):
float32 (height, width) of a full field, mean one. An image is corrected by dividing through it,
so CellProfiler's CorrectIlluminationApply can use them as they are.""",
    when="Absent where none was estimated.",
)

FILES: tuple[File, ...] = (
    WELLS, FIELDS, SPLITS, SPLITS_MADE, AUDIT, PIXELS, BLOCKS, SEGMENTATION, SEGMENTATION_PICTURES,
    LEDGER, ILLUMINATION,
)  # fmt: skip
