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
        Column("fold", TEXT, "a fold's number, `all`, `group-<n>` or `cells-<n>`", in_order=True),
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
        Key("beyond_shuffled", "object",
            "`named`: share of the images of held-out treated wells to which the network itself "
            "gives their treatment; `shuffled`: the same with labels shuffled among the wells of a "
            "plate; `p`, `n_wells`"),
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

_WHERE = (
    Column(
        "compartment",
        TEXT,
        "`nucleus`, `perinuclear ring` (within 0.25 nuclear diameters of a nucleus), `cytoplasm`, "
        "`edge` (within 0.15 nuclear diameters of the end of its cell), `background`",
    ),
    Column("stain", TEXT, "stain; `all` where maps do not tell stains apart"),
)
ACTIVATION_COMPARTMENTS = Table(
    "activation_compartments.parquet",
    "where the network looked, by compartment and stain",
    text="One row a treatment, compartment and stain, with wells as units. Compartments that no "
    "image has are left out.",
    when="Present where `activation.parquet` is; without rows where no cells are known.",
    columns=(
        TREATMENT,
        *_WHERE,
        Column("mass", REAL, "share of the maps, mean over wells", label="Share of the maps"),
        Column(
            "area",
            REAL,
            "share of the images that is the compartment, over the number of stains",
            label="Share of the area",
        ),
        Column("enrichment", REAL, "one over the other, mean over wells: 1 is a blind map's"),
        Column("low", REAL, "Student's 95 % interval of it, over wells", nullable=True),
        Column("high", REAL, "Student's 95 % interval of it, over wells", nullable=True),
        Column(
            "difference",
            REAL,
            "`enrichment` less that of controls of the same plates",
            nullable=True,
            label="Over controls",
        ),
        Column("p", REAL, "p of the difference, labels permuted within plates", nullable=True),
        Column(
            "p_adjusted",
            REAL,
            "corrected for the treatment's compartments and stains (Westfall and Young)",
            nullable=True,
            label="p, corrected",
        ),
        Column("rank", WHOLE, "1 is the treatment's largest enrichment"),
        Column("n_wells", WHOLE, "wells", label="Wells"),
    ),
    sort=("Metadata_Treatment", "rank"),
)

ACTIVATION_COMPARTMENTS_CORRECT = Table(
    "activation_compartments_correct.parquet",
    "the same, right against wrong",
    text="Treated wells that hold images named right and images named wrong.",
    when="Present where `activation_compartments.parquet` is.",
    columns=(
        *_WHERE,
        Column("correct", REAL, "enrichment where the class named is the true one", nullable=True),
        Column("wrong", REAL, "enrichment where it is not", nullable=True),
        Column("difference", REAL, "mean over wells", nullable=True),
        Column("p", REAL, "p of flipping the signs of wells", nullable=True),
        Column("p_holm", REAL, "corrected for all rows (Holm)", nullable=True, label="p, Holm"),
        Column("n_wells", WHOLE, "wells that hold both", label="Wells"),
    ),
)

AGREEMENT = Table(
    "agreement.parquet",
    "whether network and measured features name the same place",
    text="One row a treatment of which a group of features is called: where the network looked "
    "most (`activation_compartments.parquet`), and the group that changed most "
    "(`feature_groups.parquet`).",
    when="Absent where one of both is.",
    columns=(
        TREATMENT,
        Column("network_compartment", TEXT, "compartment of the largest enrichment"),
        Column("network_stain", TEXT, "its stain; `all` where maps do not tell them apart"),
        Column("features_compartment", TEXT, "compartment of the largest change"),
        Column("features_stain", TEXT, "its stain; `none` where no stain is used"),
        Column("features_property", TEXT, "what changed"),
        Column("features_direction", TEXT, "which way"),
        Column(
            "same_compartment",
            FLAG,
            "whether both name one compartment: `Nuclei` is the nucleus; `Cells` and `Cytoplasm` "
            "are ring, cytoplasm and edge",
            nullable=True,
        ),
        Column(
            "same_stain",
            FLAG,
            "whether both name one stain; null where one names none",
            nullable=True,
        ),
    ),
    sort=("Metadata_Treatment",),
)

AGREEMENT_FOUND = Document(
    "agreement.json",
    "how often they agree, beside chance",
    when="Present where `agreement.parquet` is.",
    keys=(
        Key("network", "string", "the network that was explained"),
        Key("features", "string", "the representation of measured features"),
        Key("compartment", "object",
            "`n` treatments compared, `agree`, `expected` (mean over pairings of different "
            "treatments) and `p`"),
        Key("stain", "object", "the same of stains"),
    ),
)  # fmt: skip

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

AUGMENTED = Document(
    "augmented.npz",
    "images as they are, and as training changed them",
    when="Present where a network was trained (self-supervised ones, which see windows besides, "
    "left out).",
    keys=(
        Key("images_<network>", "uint8 (n, 1 + times, C, S, S)",
            "as the network reads them (square root of the scaled intensity), as it is first; of "
            "networks that change images alike the first"),
        Key("channels", "string (C,)", "names of the stains"),
    ),
)  # fmt: skip

FILES: tuple[File, ...] = (
    CURVES, ACTIVATION_FOUND, ACTIVATION, ACTIVATION_TREATMENTS,
    ACTIVATION_COMPARTMENTS, ACTIVATION_COMPARTMENTS_CORRECT, AGREEMENT, AGREEMENT_FOUND,
    ATTENTION, ATTENTION_PIXELS, TRAVERSALS, AUGMENTED,
)  # fmt: skip
