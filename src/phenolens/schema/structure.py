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
            "whether they have a mechanism in common; null where one is not known",
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

_GROUP = (
    Column("compartment", TEXT, "`Nuclei`, `Cells`, `Cytoplasm`, ..."),
    Column("family", TEXT, "`AreaShape`, `Intensity`, `Texture`, ..."),
    Column("stain", TEXT, "stain; `none` where no stain is used, `DNA+ER` where two are"),
    Column("property", TEXT, "what is measured: `size`, `brightness`, `texture`, ..."),
)
_DIRECTION = (
    "`more` or `less` of the property where the interval excludes 0, `changed` otherwise; empty "
    "where the group is not called"
)
_SD = "standard deviations of controls"

FEATURE_GROUPS = Table(
    "feature_groups.parquet",
    "what changed, by compartment, family and stain",
    text="One row a representation, treatment and group of features "
    "([definitions](features-in-words.md)).",
    when="Absent where there are no CellProfiler-type features, or no controls to compare with.",
    columns=(
        REPRESENTATION,
        TREATMENT,
        *_GROUP,
        Column("features", WHOLE, "features of the group"),
        Column("directed", WHOLE, "of these, those that have a direction"),
        Column("change", REAL, "mean over features of the size of their mean over wells", unit=_SD),
        Column(
            "effect",
            REAL,
            "mean over wells and directed features, each turned so that more of the property is "
            "above 0",
            nullable=True,
            unit=_SD,
        ),
        Column("low", REAL, "Welch's 95 % interval of `effect`, over wells", nullable=True),
        Column("high", REAL, "Welch's 95 % interval of `effect`, over wells", nullable=True),
        Column("p", REAL, "p of `change`, labels permuted within plates"),
        Column(
            "p_adjusted",
            REAL,
            "corrected for the treatment's groups (Westfall and Young's step-down maximum)",
            label="p, corrected",
        ),
        Column(
            "p_attainable",
            REAL,
            "smallest p that the treatment's wells and controls can give",
            label="Smallest attainable p",
        ),
        Column(
            "rank",
            WHOLE,
            "1 is the treatment's largest change among the groups that are called, then the "
            "others; the whole cell before a part whose effect cannot be told from its own",
        ),
        Column("direction", TEXT, _DIRECTION),
        Column("n", WHOLE, "wells", label="Wells"),
        Column("plates", WHOLE, "plates that the wells lie on"),
        Column("n_references", WHOLE, "control wells compared with", label="Controls"),
        Column("note", TEXT, "`one-well-only`: no interval; empty otherwise"),
        Column("space", TEXT, "`normalized`, or `as given`", label="Computed on"),
    ),
    sort=("representation", "Metadata_Treatment", "rank"),
)

FEATURE_GROUPS_CLUSTERS = Table(
    "feature_groups_clusters.parquet",
    "the same by cluster",
    text="Clusters are those of method `kmeans-chosen` in `clusters.parquet`; treatments are the "
    "units. There is no p: clusters were made of what changed alike.",
    when="Absent where there are no clusters, or no `feature_groups.parquet`.",
    columns=(
        REPRESENTATION,
        Column("pool", WHOLE, "number of the cluster", label="Cluster"),
        *_GROUP,
        Column("change", REAL, "mean over treatments", unit=_SD),
        Column("effect", REAL, "mean over treatments", nullable=True, unit=_SD),
        Column("low", REAL, "Student's 95 % interval of it, over treatments", nullable=True),
        Column("high", REAL, "Student's 95 % interval of it, over treatments", nullable=True),
        Column("called", REAL, "share of the treatments in which the group is called"),
        Column("rank", WHOLE, "1 is the largest change among groups called in half of them"),
        Column(
            "direction",
            TEXT,
            "that of all treatments in which the group is called, `changed` where they differ; "
            "empty where it is called in less than half of them",
        ),
        Column("n", WHOLE, "treatments", label="Treatments"),
        Column("space", TEXT, "`normalized`, or `as given`", label="Computed on"),
    ),
    sort=("representation", "pool", "rank"),
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

STILLS = Table(
    "stills.parquet",
    "small pictures of the active treatments that have no montage",
    when="Absent where there are no images, or where every active treatment has a montage.",
    columns=(*EXEMPLARS.columns[:-1], Column("position", WHOLE, "place in `stills.npz`")),
    sort=("position",),
)

STILL_PIXELS = Document(
    "stills.npz",
    "their pixels",
    when="Present where `stills.parquet` is.",
    keys=EXEMPLAR_PIXELS.keys,
)

FILES: tuple[File, ...] = (
    CONSENSUS, CONSENSUS_OF, SIMILARITY, CLUSTERS, UMAP, FEATURES, FEATURE_GROUPS,
    FEATURE_GROUPS_CLUSTERS, EXEMPLARS, EXEMPLAR_PIXELS, STILLS, STILL_PIXELS,
)  # fmt: skip
