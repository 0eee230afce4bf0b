"""Files of what lies together: consensus, neighbours, clusters, maps, and what they are made of."""

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
    SPACE,
    TARGET,
    TREATMENT,
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

_CONSENSUS = (
    TREATMENT,
    COMPOUND,
    CONCENTRATION,
    MECHANISM,
    TARGET,
    Column("Metadata_Count", WHOLE, "wells", label="Wells"),
    BATCH,
    Column("Metadata_Space", TEXT, "what the values are, see `space` above", label="Computed on"),
    Column("Metadata_<more>", ANY, "what the screen's tables say of all wells of a treatment"),
    Column("<feature>", REAL32, "median over wells", nullable=True),
)

CONSENSUS = Table(
    "consensus.parquet",
    "consensus profiles of the lead representation",
    text="One row a treatment: the median over its wells, as they are compared.",
    when="Absent where no treatment is known.",
    columns=_CONSENSUS,
    sort=("Metadata_Treatment",),
)

CONSENSUS_OF = Table(
    "consensus/<representation>.parquet",
    "the same of each representation",
    columns=_CONSENSUS,
    sort=("Metadata_Treatment",),
)

SIMILARITY = Table(
    "similarity.parquet",
    "the ten nearest treatments by consensus",
    when="Absent where there are no two treatments.",
    columns=(
        REPRESENTATION,
        TREATMENT,
        Column("neighbour", TEXT, "another treatment"),
        Column("rank", WHOLE, "1 is the nearest"),
        Column("cosine", REAL, "similarity of both consensus profiles"),
        Column(
            "same_mechanism",
            FLAG,
            "whether their mechanisms are the same; null where one is not known",
            nullable=True,
        ),
        SPACE,
    ),
    sort=("representation", "Metadata_Treatment", "rank"),
)

CLUSTERS = Table(
    "clusters.parquet",
    "clusters of treatments",
    when="Absent where treatments are too few.",
    columns=(
        Column("method", TEXT, "`kmeans-10`, `kmeans-chosen`, `leiden`", in_order=True),
        TREATMENT,
        MECHANISM,
        Column("cluster", WHOLE, "number of the cluster"),
        REPRESENTATION,
        Column("active", FLAG, "as in `activity.parquet`", nullable=True),
        SPACE,
    ),
    sort=("representation", "method", "Metadata_Treatment"),
)

UMAP = Table(
    "umap.parquet",
    "a map of the wells",
    when="Absent where there are fewer than three wells.",
    columns=(
        PLATE,
        WELL,
        ANY_TREATMENT,
        MECHANISM,
        CONTROL,
        Column("x", REAL32, "place on the map"),
        Column("y", REAL32, "place on the map"),
        REPRESENTATION,
        SPACE,
    ),
    sort=("representation", "Metadata_Plate", "Metadata_Well"),
)

FEATURES = Table(
    "features.parquet",
    "which features moved",
    text="The CellProfiler-type features of every treatment.",
    when="Absent where there are none, or no control gives them a scale.",
    columns=(
        ANY_TREATMENT,
        Column("feature", TEXT, "name of the feature"),
        Column("compartment", TEXT, "`Nuclei`, `Cells`, `Cytoplasm`, ..."),
        Column("family", TEXT, "`AreaShape`, `Intensity`, `Texture`, ..."),
        Column("channel", TEXT, "stain; empty where it concerns none", nullable=True),
        Column(
            "effect", REAL32, "median over wells", nullable=True, unit="robust z of the controls"
        ),
        Column("rank", WHOLE, "1 is the largest effect of the treatment, up or down"),
        REPRESENTATION,
        Column("space", TEXT, "`normalized`, or `as given`", label="Computed on"),
    ),
    sort=("representation", "Metadata_Treatment", "rank"),
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
            "each that it is judged by",
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

EXEMPLARS = Table(
    "exemplars.parquet",
    "pictures for the montages",
    when="Absent where there are no images.",
    columns=(
        TREATMENT,
        Column("role", TEXT, "`treated`, `control`"),
        PLATE,
        WELL,
        Column("Metadata_Site", TEXT, "field of the well"),
        Column("Metadata_ObjectNumber", WHOLE, "of single cells", nullable=True, label="Object"),
        Column("position", WHOLE, "place in the array of `exemplars.npz`"),
    ),
    sort=("position",),
)

EXEMPLAR_PIXELS = Document(
    "exemplars.npz",
    "their pixels",
    when="Present where `exemplars.parquet` is.",
    keys=(
        Key("pixels", "uint8 (n, C, H, W)",
            "one contrast a plate and stain, shared by treated and control"),
        Key("channels", "string (C,)", "names of the stains"),
        Key("pixel_size_um", "float64", "NaN when unknown"),
    ),
)  # fmt: skip

FILES: tuple[File, ...] = (
    CONSENSUS, CONSENSUS_OF, SIMILARITY, CLUSTERS, UMAP, FEATURES, EMBEDDING_SCORES, WELL_CLUSTERS,
    FUSION_CLASSES, EXEMPLARS, EXEMPLAR_PIXELS,
)  # fmt: skip
