"""Files of networks: how they trained, where they looked, what they rebuilt."""

from __future__ import annotations

from phenolens.schema.columns import CONTROL, OBJECT, PLATE, SITE, TREATMENT, WELL
from phenolens.schema.kinds import FLAG, REAL, TEXT, WHOLE, Column, Document, File, Key, Table

WITHHELD = Key(
    "withheld_because",
    "object",
    "why nothing else is shown: a finding",
    when="where withheld",
)
_SEGMENTED = "where cells can be segmented"
_SHOWN = "Only for a CNN that beats its baselines on held-out wells."
_ABOVE = (("0.5", "half"), ("0.8", "0.8"))
_PARTS = ("nucleus", "cytoplasm", "background", "cells")
MEASURES = (
    Column("intensity_image", REAL, "mean of the map", nullable=True),
    Column("intensity_cells", REAL, "mean of the map over cells", nullable=True),
    *(
        Column(name.format(share), REAL, meaning.format(words), nullable=True)
        for share, words in _ABOVE
        for name, meaning in (
            ("area_{}_image", "share of the image at {} of the map's maximum or above"),
            ("area_{}_cells", "share of the cells at {} of the map's maximum or above"),
            ("intensity_{}", "mean of the map where it is at {} of its maximum or above"),
        )
    ),
    *(
        Column(f"{name}_{part}", REAL, meaning.format(part), nullable=True, when=_SEGMENTED)
        for part in _PARTS
        for name, meaning in (
            ("mass", "share of the map in the {}"),
            ("share", "share of the area in the {}"),
            ("enrichment", "`mass_{0}` over `share_{0}`"),
        )
    ),
)

CURVES = Table(
    "curves/<network>.parquet",
    "how a network trained",
    when="Present of networks.",
    columns=(
        Column("epoch", WHOLE, "from 1"),
        Column("train_loss", REAL, "mean loss of training images"),
        Column(
            "validation_<score>",
            REAL,
            "`validation_loss` and other scores of images that were held back",
            nullable=True,
        ),
        Column("representation", TEXT, "the network"),
        Column("fold", TEXT, "a fold's number, `all`, or `group-<n>`", in_order=True),
    ),
    sort=("fold", "epoch"),
)

ACTIVATION_FOUND = Document(
    "activation.json",
    "where the network looked: tests and checks",
    text=f"{_SHOWN} `withheld_because` stands alone otherwise.",
    when="Absent where no CNN was trained.",
    keys=(
        WITHHELD,
        Key("across_treatments", "list of objects", "tests of each measure, wells as units"),
        Key("correct_against_wrong", "list of objects", "tests of each measure, wells as units"),
        Key("with_accuracy", "list of objects", "tests of each measure, wells as units"),
        Key("enrichment", "object", "of each part, with intervals over wells"),
        Key("stains", "object", "loss of probability without each"),
        Key("part", "string",
            "what the fourth question asks of: `nucleus` where images are single cells, else "
            "`cells`"),
        Key("truth", "object",
            "`rates`: of changes planted in control cells that the network sees, how often each "
            "method's map points at them (`hit`), its mass on them over their share of the area "
            "(`energy`), whether the stain and the compartment with most of it are the right ones, "
            "with 95 % intervals; `doubt`: what speaks against the maps, a finding or null"),
        Key("method", "string", "what the pictures are made by"),
        Key("measured_by", "string", "what the measures are made by"),
        Key("randomised", "object",
            "rank correlation with maps of random networks, cells and nuclei marked over what a "
            "random network marks, stability under noise, and deletion and insertion in the map's "
            "order over a random order"),
    ),
)  # fmt: skip

ACTIVATION = Table(
    "activation.parquet",
    "one row an image: where the network looked",
    text="Of single cells at most 30 a well, explained by the network of the fold that held its "
    "well out. Measures are NaN for all-zero maps, and those of cells where no cells were "
    "segmented.",
    when=f"{_SHOWN} Absent otherwise.",
    columns=(
        Column("fold", TEXT, "the fold that held the well out"),
        PLATE,
        WELL,
        SITE,
        OBJECT,
        TREATMENT,
        CONTROL,
        Column("role", TEXT, "as in `splits.parquet`"),
        Column("target", TEXT, "class that is explained"),
        Column("predicted", TEXT, "class named"),
        Column("zero_map", FLAG, "whether the map is zero everywhere"),
        *MEASURES,
        Column("correct", FLAG, "whether the class named is the true one"),
    ),
    sort=("Metadata_Plate", "Metadata_Well", "Metadata_Site", "Metadata_ObjectNumber"),
)

ACTIVATION_TREATMENTS = Table(
    "activation_treatments.parquet",
    "its measures by treatment",
    when="Present where `activation.parquet` is.",
    columns=(
        TREATMENT,
        Column("measure", TEXT, "a measure of `activation.parquet`", in_order=True),
        Column("mean", REAL, "over wells", nullable=True),
        Column("sd", REAL, "over wells", nullable=True, label="SD"),
        Column("n_wells", WHOLE, "wells", label="Wells"),
        Column("n_images", WHOLE, "images", label="Images"),
        Column("n_zero", WHOLE, "images whose map is zero", label="All-zero maps"),
    ),
)

ATTENTION = Table(
    "attention.parquet",
    "data of the overlays",
    when="Present where `activation.parquet` is.",
    columns=(
        Column("shown_for", TEXT, "treatment that the image is shown for"),
        Column("role", TEXT, "`treated`, or `control` of the same plate"),
        PLATE,
        WELL,
        SITE,
        OBJECT,
        TREATMENT,
        Column("target", TEXT, "class that is explained"),
        Column("correct", FLAG, "whether the class named is the true one"),
        Column("fold", TEXT, "the fold that held the well out"),
        Column("position", WHOLE, "place in the arrays of `attention.npz`"),
    ),
    sort=("position",),
)

ATTENTION_PIXELS = Document(
    "attention.npz",
    "their pixels",
    when="Present where `activation.parquet` is.",
    keys=(
        Key("pixels", "uint8 (n, C, S, S)",
            "as the network reads them (square root of the scaled intensity)"),
        Key("maps", "uint8 (n, S, S)", "255 at each map's maximum"),
        Key("nuclei", "bool (n, S, S)", "false everywhere where none were segmented"),
        Key("channels", "string (C,)", "names of the stains"),
    ),
)  # fmt: skip

TRAVERSALS = Document(
    "traversals.npz",
    "images decoded on the way from controls to the treatments that an autoencoder sees most of",
    when="Present where a study has an autoencoder that is fitted on all images.",
    keys=(
        Key("images", "uint8 (t, n, C, S, S)",
            "as the network would read them (square root of the scaled intensity)"),
        Key("change", "float32 (t, C, S, S)", "image at share 1 less image at share 0, of 1"),
        Key("shares", "float64 (n,)", "0 is the mean of controls, 1 that of the treatment"),
        Key("separation", "float64 (t,)",
            "distance of both means in standard deviations of images along the way"),
        Key("treatments", "string (t,)", "farthest from their plates' controls first"),
        Key("channels", "string (C,)", "names of the stains"),
    ),
)  # fmt: skip

FILES: tuple[File, ...] = (
    CURVES, ACTIVATION_FOUND, ACTIVATION, ACTIVATION_TREATMENTS, 
    ATTENTION, ATTENTION_PIXELS, TRAVERSALS,
)  # fmt: skip
