"""Files of networks: how they trained, where they looked, what they rebuilt."""

from __future__ import annotations

from dataclasses import replace

from phenolens.schema.columns import CONTROL, OBJECT, PLATE, SITE, TREATMENT, WELL
from phenolens.schema.kinds import FLAG, REAL, TEXT, WHOLE, Column, Document, File, Key, Table

_WITHHELD = Key(
    "withheld_because",
    "object",
    "why nothing else is shown: a finding",
    when="where withheld",
)
_SEGMENTED = "where cells can be segmented"
_SHOWN = "Only for a CNN that beats its baselines on held-out wells."
_ABOVE = (("0.5", "half"), ("0.8", "0.8"))
_PARTS = ("nucleus", "cytoplasm", "background", "cells")
_MEASURES = (
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
        _WITHHELD,
        Key("across_treatments", "list of objects", "tests of each measure, wells as units"),
        Key("correct_against_wrong", "list of objects", "tests of each measure, wells as units"),
        Key("with_accuracy", "list of objects", "tests of each measure, wells as units"),
        Key("enrichment", "object", "of each part, with intervals over wells"),
        Key("stains", "object", "loss of probability without each"),
        Key("part", "string",
            "what the fourth question asks of: `nucleus` where images are single cells, else "
            "`cells`"),
        Key("randomised", "object",
            "rank correlation with maps of random networks, cells and nuclei marked over what a "
            "random network marks, and covering in the map's order over a random order"),
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
        *_MEASURES,
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

ACTIVATION_WELLS = Table(
    "activation_wells.parquet",
    "its measures with wells as units",
    when="Present where `activation.parquet` is.",
    columns=(
        PLATE,
        WELL,
        TREATMENT,
        CONTROL,
        Column("n_images", WHOLE, "images", label="Images"),
        Column("n_zero", WHOLE, "images whose map is zero", label="All-zero maps"),
        *(replace(measure, meaning=f"mean over images: {measure.meaning}")
          for measure in _MEASURES if not measure.name.startswith("share_")),
        Column("outcome", TEXT, "`all`, or the images named `right`, or `wrong`"),
    ),
    sort=("Metadata_Plate", "Metadata_Well", "outcome"),
)  # fmt: skip

ACTIVATION_SUMMARY = Table(
    "activation_summary.parquet",
    "one row a measure, over treated wells",
    when="Present where `activation.parquet` is.",
    columns=(
        Column("measure", TEXT, "a measure of `activation.parquet`"),
        Column("n_wells", WHOLE, "treated wells", label="Wells"),
        Column("mean", REAL, "over them"),
        Column("sd", REAL, "over them", nullable=True, label="SD"),
        Column("lowest", TEXT, "treatment with the lowest mean over its wells"),
        Column("lowest_mean", REAL, "its mean"),
        Column("highest", TEXT, "treatment with the highest mean over its wells"),
        Column("highest_mean", REAL, "its mean"),
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

REBUILT = Document(
    "reconstructions.json",
    "what the autoencoder makes of images whose wells it never saw",
    text="At most 1,024 images a fold, evenly spread. `withheld_because` stands alone where no "
    "wells were held out.",
    when="Absent where no autoencoder was trained.",
    keys=(
        _WITHHELD,
        Key("network", "string", "its name"),
        Key("n_images", "int", "images"),
        Key("n_wells", "int", "wells"),
        Key("stains", "list of objects",
            "`stain`, and for `error`, `error_mean_image`, `correlation` the mean over wells: "
            "`value`, `low`, `high` (95 %, nullable)"),
    ),
)  # fmt: skip

RECONSTRUCTIONS = Table(
    "reconstructions.parquet",
    "one row an image",
    when="Present where wells were held out from an autoencoder.",
    columns=(
        PLATE,
        WELL,
        SITE,
        OBJECT,
        TREATMENT,
        CONTROL,
        Column("error_<stain>", REAL, "mean squared error, on the 0-1 scale of pixels as read"),
        Column(
            "error_mean_image_<stain>",
            REAL,
            "the same of giving back the mean training image",
        ),
        Column(
            "correlation_<stain>",
            REAL,
            "over pixels; NaN where a picture is constant",
            nullable=True,
        ),
        Column("fold", TEXT, "the fold that held the well out"),
        Column(
            "position",
            WHOLE,
            "place in the arrays of the three images shown, at the 5th, 50th and 95th percentile "
            "from the best",
            nullable=True,
        ),
    ),
    sort=("Metadata_Plate", "Metadata_Well", "Metadata_Site", "Metadata_ObjectNumber"),
)

RECONSTRUCTION_PIXELS = Document(
    "reconstructions.npz",
    "the images shown",
    when="Present where `reconstructions.parquet` is.",
    keys=(
        Key("pixels", "uint8 (n, C, S, S)", "as the network reads them"),
        Key("reconstructions", "uint8 (n, C, S, S)", "as it gives them back"),
        Key("channels", "string (C,)", "names of the stains"),
    ),
)

FILES: tuple[File, ...] = (
    CURVES, ACTIVATION_FOUND, ACTIVATION, ACTIVATION_TREATMENTS, ACTIVATION_WELLS,
    ACTIVATION_SUMMARY, ATTENTION, ATTENTION_PIXELS, REBUILT, RECONSTRUCTIONS,
    RECONSTRUCTION_PIXELS,
)  # fmt: skip
