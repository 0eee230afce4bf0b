"""Files that the steps of this room write."""

from __future__ import annotations

from dataclasses import replace

from phenolens.schema.columns import (
    ANY_TREATMENT,
    CONTROL,
    OBJECT,
    PLATE,
    SITE,
    SPACE,
    TREATMENT,
    WELL,
)
from phenolens.schema.kinds import REAL, TEXT, WHOLE, Column, Document, Key, Table
from phenolens.schema.made import ANSWERS
from phenolens.schema.networks import MEASURES, WITHHELD
from phenolens.schema.offered import OFFERED

QUESTIONS = Document(
    "questions.json",
    "the four research questions of the published study",
    text="A list of always four, as in `answers.json`; a question that lacks an input says what it "
    "would need.",
    keys=ANSWERS.keys,
)

EMBEDDING_SCORES = Table(
    "embedding_scores.parquet",
    "what published studies print, and what holds",
    text="One row a representation or fusion (without the controls that hold noise). A column of "
    "which no representation has a value is absent.",
    when="Absent where nothing was scored.",
    columns=(
        Column("representation", TEXT, "name of the representation"),
        *(
            Column(f"{name}{end}", WHOLE if end == "_n" else REAL, meaning, nullable=True,
                   when="where known", label=f"{label}{words}")
            for name, label, meaning in (
                ("silhouette", "Silhouette",
                 "cosine silhouette of treated wells against treatment, as in `results.parquet`"),
                ("silhouette_null", "Silhouette, treatments shuffled",
                 "the same under shuffled treatments"),
                ("map", "mAP",
                 "mean over treatments of the retrieval against controls, as in "
                 "`results.parquet`"),
                ("map_normalized", "Normalized mAP", "the same, with chance at 0"),
            )
            for end, words in (("", ""), ("_low", ", low"), ("_high", ", high"), ("_n", ", n"))
        ),
        Column(
            "map_chance",
            REAL,
            "mean of `map_chance` in `activity.parquet` over the same treatments",
            nullable=True,
            when="where known",
            label="mAP by chance",
        ),
        Column(
            "silhouette_clusters",
            REAL,
            "silhouette of k-means labels over all wells: how k-means cuts, which says nothing "
            "about treatments",
            nullable=True,
            when="where known",
            label="Silhouette of k-means",
        ),
        Column(
            "n_wells",
            WHOLE,
            "wells clustered; where several networks saw the treatments a well counts once for "
            "each that it is scored by",
            nullable=True,
            when="where known",
            label="Wells",
        ),
        Column(
            "map_all",
            REAL,
            "mean over all wells of their average precision among all other wells, controls being "
            "one more class",
            nullable=True,
            when="where known",
            label="mAP over all wells",
        ),
        Column(
            "map_all_chance",
            REAL,
            "expectation of `map_all` under a random order",
            nullable=True,
            when="where known",
            label="mAP over all wells by chance",
        ),
        SPACE,
    ),
    sort=("representation",),
)  # fmt: skip

WELL_CLUSTERS = Table(
    "well_clusters.parquet",
    "k-means of wells",
    text="k is `evaluate.clusters`, in the space of the profiles, cosine.",
    when="Absent where there are fewer than five wells.",
    columns=(
        Column("representation", TEXT, "name of the representation"),
        Column(
            "part",
            WHOLE,
            "0, or the number of the group of treatments, whose wells are clustered apart because "
            "another network saw them",
        ),
        PLATE,
        WELL,
        ANY_TREATMENT,
        CONTROL,
        Column("cluster", WHOLE, "1 is the largest"),
        Column("silhouette", REAL, "of the cluster labels"),
        SPACE,
    ),
    sort=("representation", "Metadata_Plate", "Metadata_Well", "part"),
)

FUSION_CLASSES = Table(
    "fusion_classes.parquet",
    "each fusion against its best single block, treatment by treatment",
    text="Their spaces stand in `comparisons.parquet`.",
    when="Absent where no fusion was asked for, or no wells can be held out.",
    columns=(
        Column("task", TEXT, "as in `comparisons.parquet`"),
        Column("fusion", TEXT, "the fusion"),
        Column("block", TEXT, "its best single block"),
        TREATMENT,
        Column("n", WHOLE, "tested wells", label="Wells"),
        Column("right_fusion", WHOLE, "wells named right by the fusion", label="Fusion right"),
        Column("right_block", WHOLE, "wells named right by the block", label="Block right"),
        Column("gained", WHOLE, "wells named right by the fusion only"),
        Column("lost", WHOLE, "wells named right by the block only"),
    ),
    sort=("task", "fusion", "block", "Metadata_Treatment"),
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
          for measure in MEASURES if not measure.name.startswith("share_")),
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

REBUILT = Document(
    "reconstructions.json",
    "what the autoencoder makes of images whose wells it never saw",
    text="At most 1,024 images a fold, evenly spread. `withheld_because` stands alone where no "
    "wells were held out.",
    when="Absent where no autoencoder was trained.",
    keys=(
        WITHHELD,
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

FILES = (
    QUESTIONS, EMBEDDING_SCORES, WELL_CLUSTERS, FUSION_CLASSES, ACTIVATION_WELLS,
    ACTIVATION_SUMMARY, REBUILT, RECONSTRUCTIONS, RECONSTRUCTION_PIXELS,
)  # fmt: skip
for _rank, _file in enumerate(FILES):
    OFFERED.register(_file, name=_file.path, rank=_rank)
