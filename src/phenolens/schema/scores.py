"""Files of numbers: what was scored, tested and compared."""

from __future__ import annotations

from dataclasses import replace

from phenolens.schema.columns import (
    COMPOUND,
    CONCENTRATION,
    MECHANISM,
    PLATE,
    REPRESENTATION,
    SPACE,
    TREATMENT,
    WELL,
)
from phenolens.schema.kinds import FLAG, REAL, TEXT, WHOLE, Column, Document, File, Key, Table

_INTERVAL = "95 % interval"
_SAFE = "position-safe test only"
_COVER = "rows and columns of the plate that the groups cover, of those in use"
_TO_NAME_HITS = (
    "control positions (0 where positions are not compared), or scrambled replicate plates, or "
    "labellings, that would name hits"
)

RESULTS = Table(
    "results.parquet",
    "every score",
    columns=(
        Column(
            "representation",
            TEXT,
            "name of the representation (`cellprofiler`, `pixel-pca`, ...) or of a baseline "
            "(`baseline:majority`, `baseline:cell-count`, `baseline:intensity`, "
            "`baseline:position`, `baseline:random-projection`, `baseline:one-over-classes`, "
            "`baseline:shuffled-labels:<representation>`)",
        ),
        Column(
            "task",
            TEXT,
            "`classification`, `nearest-neighbour`, `activity`, `retrieval`, `silhouette`, "
            "`clustering: ...` (its method), `matching`, `batch effect`, `assay quality`",
        ),
        Column(
            "metric",
            TEXT,
            "`accuracy`, `balanced_accuracy`, `top5_accuracy`, `macro_f1`, "
            "`accuracy_without_controls`, `train_accuracy`, `mean_map`, `fraction_active`, "
            "`fraction_matched`, ...; those of retrieval end in what matches may not share: "
            "`map_across_normalized_plate`, `drop_position`",
        ),
        Column("split", TEXT, "`leave-plate-out`, `leave-well-out`, `none`, ..."),
        Column(
            "unit",
            TEXT,
            "what one observation is: `well`, `treatment`, `label`, `plate`, `cell`",
        ),
        Column("fold", TEXT, "fold number, or `all` for the pooled value"),
        Column("value", REAL, "the score", nullable=True),
        Column("low", REAL, _INTERVAL, nullable=True),
        Column("high", REAL, _INTERVAL, nullable=True),
        Column("n", WHOLE, "number of units"),
        Column(
            "note",
            TEXT,
            "codes of what every number of the representation must be read with, parted by blanks "
            "(`training-unknown`, `trained-on-wells`); empty otherwise",
        ),
        Column(
            "space",
            TEXT,
            "what the values were, see above; a baseline has its own",
            label="Computed on",
        ),
    ),
    sort=("representation", "task", "metric", "split", "unit", "fold"),
)

COMPARISONS = Table(
    "comparisons.parquet",
    "one representation against another",
    text="`difference` is a minus b. A fusion stands against its best single block, and that "
    "block beside noise; in classification each single representation "
    "also stands against its best baseline (majority, cell count, intensity, position, its "
    "shuffled labels).",
    when="Absent where there are no two to compare.",
    columns=(
        Column("task", TEXT, "what is compared"),
        Column("metric", TEXT, "what is compared", label="On"),
        Column("split", TEXT, "what was left out: `plate`, `well`, ..., or `none`"),
        Column("unit", TEXT, "what is paired (`treatment`, `well`)"),
        Column("cluster", TEXT, "what is resampled and flipped together"),
        Column("a", TEXT, "the two representations", label="First"),
        Column("b", TEXT, "the two representations", label="Second"),
        Column("n", WHOLE, "number of pairs", label="Pairs"),
        Column("n_clusters", WHOLE, "number of clusters", label="Clusters"),
        Column("value_a", REAL, "mean over pairs"),
        Column("value_b", REAL, "mean over pairs"),
        Column("difference", REAL, "mean over pairs"),
        Column("low", REAL, "95 % cluster-bootstrap interval of the difference", nullable=True),
        Column("high", REAL, "95 % cluster-bootstrap interval of the difference", nullable=True),
        Column("p", REAL, "sign-flip p-value", nullable=True),
        Column(
            "p_holm",
            REAL,
            "Holm-corrected over single representations, over fusions and over baselines apart",
            nullable=True,
            label="p, Holm",
        ),
        Column("smallest_p", REAL, "smallest `p` that so many clusters can give", nullable=True),
        Column(
            "smallest_detectable",
            REAL,
            "difference this design could have seen with 80 % power",
            nullable=True,
        ),
        Column("won", WHOLE, "clusters in which a is ahead", label="Won"),
        Column("lost", WHOLE, "clusters in which a is behind", label="Lost"),
        Column("space_a", TEXT, "what both were computed on", label="A computed on"),
        Column("space_b", TEXT, "what both were computed on", label="B computed on"),
    ),
    sort=("task", "metric", "a", "b"),
)

FUSION = Table(
    "fusion.parquet",
    "how the blocks of each fusion were weighed",
    text="A row a fusion (or its control with noise), question, part and block. A block whose "
    "share is 0 was left out; where one has it all, the fusion fell back to the best block.",
    when="Absent where the study has no fusion.",
    columns=(
        REPRESENTATION,
        Column("task", TEXT, "`activity`, `matching`, `classification`"),
        Column(
            "part",
            TEXT,
            "what the shares are for: a fold (`fold-0`), a group of treatments, or `all`",
        ),
        Column("block", TEXT, "one of the blocks"),
        Column(
            "alone",
            REAL,
            "what the block told alone of the wells that decided: mean reciprocal rank of the true "
            "class (classification), else mean average precision of replicates; missing where "
            "nothing could be chosen, and shares are equal",
            nullable=True,
        ),
        Column("share", REAL, "its share of the energy, 0 where it was left out"),
        Column("best", FLAG, "whether it was best alone"),
        Column(
            "gain",
            REAL,
            "of what was taken over the best block, on the wells that decided; it flatters",
            nullable=True,
        ),
        Column("gain_errors", REAL, "`gain` in standard errors", nullable=True),
    ),
    sort=("representation", "task", "part", "block"),
)

ACTIVITY = Table(
    "activity.parquet",
    "one row a representation and treatment",
    when="Absent where no representation could be tested.",
    columns=(
        REPRESENTATION,
        TREATMENT,
        COMPOUND,
        CONCENTRATION,
        MECHANISM,
        Column("n", WHOLE, "wells that could be compared"),
        Column("map", REAL, "mean average precision against controls", nullable=True, label="mAP"),
        Column(
            "map_normalized",
            REAL,
            "`map` less its expectation under the null, over one less that",
            nullable=True,
            label="Normalized mAP",
        ),
        Column(
            "map_chance",
            REAL,
            "mean average precision that a random order of the same wells would have",
            nullable=True,
            label="mAP by chance",
        ),
        Column("low", REAL, "95 % interval of `map`", nullable=True),
        Column("high", REAL, "95 % interval of `map`", nullable=True),
        Column("p", REAL, "p of the test named in `test`", nullable=True),
        Column("q", REAL, "Benjamini-Hochberg q within the representation", nullable=True),
        Column(
            "p_attainable",
            REAL,
            "smallest p this treatment's design can give",
            nullable=True,
            label="Smallest attainable p",
        ),
        Column(
            "p_smooth",
            REAL,
            "`p` with the null's tail continued by Student's t",
            nullable=True,
            when=_SAFE,
            label="p, smoothed",
        ),
        Column(
            "q_smooth",
            REAL,
            "its Benjamini-Hochberg q",
            nullable=True,
            when=_SAFE,
            label="q, smoothed",
        ),
        Column(
            "map_plain",
            REAL,
            "what permuting wells would have given",
            nullable=True,
            when=_SAFE,
            label="mAP, wells permuted",
        ),
        Column(
            "p_plain",
            REAL,
            "what permuting wells would have given",
            nullable=True,
            when=_SAFE,
            label="p, wells permuted",
        ),
        Column(
            "q_plain",
            REAL,
            "what permuting wells would have given",
            nullable=True,
            when=_SAFE,
            label="q, wells permuted",
        ),
        Column("n_references", WHOLE, "reference control wells", nullable=True, label="Controls"),
        Column(
            "cell_count_ratio",
            REAL,
            "median cell count over the median of its plates' controls",
            nullable=True,
            label="Cells",
        ),
        Column("cell_count_p", REAL, "rank-sum p of cell counts against controls", nullable=True),
        Column("active", FLAG, "`q` below alpha; missing where nothing was tested", nullable=True),
        Column("wells", WHOLE, "wells of the treatment, compared or not", nullable=True),
        Column(
            "usable",
            WHOLE,
            "of its wells those that could be compared: they hold values and have a control to be "
            "compared with",
            nullable=True,
        ),
        Column(
            "note",
            TEXT,
            "codes of why a value is missing, or of what to distrust, parted by blanks "
            "(`one-well-only`, `controls-reused`, `pixels-seen`, `position-could-explain`, ...); "
            "empty otherwise. `phenolens.words.noted(note, **row)` puts them into words",
        ),
        Column(
            "position",
            TEXT,
            "codes of the layout's findings that could explain this p (`layout-confounded`, "
            "`layout-block`, `layout-edge`, `controls-elsewhere`, ...), parted by blanks; empty "
            "where position could not",
        ),
        Column("control_positions", WHOLE, "positions of the controls that are compared with"),
        Column(
            "test",
            TEXT,
            "`label-permutation`; `position-safe` (against control wells that share a position, "
            "where one layout is repeated on all plates); `none`",
        ),
        SPACE,
    ),
    sort=("representation", "Metadata_Treatment"),
)

ACTIVITY_SUMMARY = Document(
    "activity.json",
    "what the tests say as a whole",
    text="""\
By representation: the share called and its interval, the smallest attainable p and whether
Benjamini-Hochberg can reject at it, the control check, and for the position-safe test the share
of *control* positions that would be called active (by it and by permuting wells) and the drop
of retrieval between positions. `by_position` (of the representation that the baselines are of):
what position alone would score, and what it was seen by.""",
)

CONTROL_CHECK = Table(
    "control_check.parquet",
    "groups of controls tested as treatments",
    text="""\
One row a representation, part and test: the test of `activity.parquet` first, then, where that
compares control positions, label permutation of the same groups. Groups lie as most treatments
do, no well is in two, and a group takes no part in its own null
([how](statistics/activity.md#does-the-test-hold-on-controls)).""",
    when="Absent where no representation could be tested.",
    columns=(
        REPRESENTATION,
        Column(
            "part",
            WHOLE,
            "0, or the number of the group of treatments that one of several networks never saw",
        ),
        Column("test", TEXT, "as in `activity.parquet`", in_order=True),
        Column(
            "shape",
            TEXT,
            "`same-position`, `same-positions` (several scattered ones), `near-position`, "
            "`neighbours`, `column`, `row`, `region` (a quarter of the plate), `scattered`; with "
            "`-kept` where these are the same wells on every plate; empty where no treatment has "
            "two wells",
        ),
        Column(
            "wells",
            WHOLE,
            "wells of a group (the treatments' median)",
            label="Wells of a group",
        ),
        Column("groups", WHOLE, "groups tested"),
        Column("called", WHOLE, "groups with p <= 0.05", label="Groups called"),
        Column(
            "share", REAL, "`called` over `groups`, with the exact 95 % interval", nullable=True
        ),
        Column("low", REAL, "`called` over `groups`, with the exact 95 % interval", nullable=True),
        Column("high", REAL, "`called` over `groups`, with the exact 95 % interval", nullable=True),
        Column("called_at_alpha", WHOLE, "groups with p <= alpha of the settings"),
        Column(
            "p_attainable",
            REAL,
            "smallest p that every group could have had",
            nullable=True,
            label="Smallest attainable p",
        ),
        Column(
            "rows", WHOLE, "rows and columns of the plate that the groups cover, of those in use"
        ),
        Column("rows_used", WHOLE, _COVER),
        Column("columns", WHOLE, _COVER),
        Column("columns_used", WHOLE, _COVER),
        Column("treatments", WHOLE, "treatments tested"),
        Column("treatments_called", WHOLE, "treatments with p <= 0.05"),
        Column(
            "outcome",
            TEXT,
            "`calibrated`; `calls-controls` (so many in less than one of twenty sound tests); "
            "`too-few-groups` (under 19: 5 % cannot be certified); `not-possible`",
            label="Finding",
        ),
        Column("why", TEXT, "codes of why no group could be tested; empty otherwise"),
        Column(
            "covered",
            FLAG,
            "whether controls lie where the treatments lie (`controls-elsewhere` of the audit)",
            nullable=True,
        ),
        SPACE,
    ),
    sort=("representation", "part", "test"),
)

SHARE_ACTIVE = Table(
    "share_active.parquet",
    "where the design cannot name a single hit",
    text="One row a representation by which no treatment is called and a single one could not "
    "have been ([how](statistics/activity.md#when-no-single-hit-can-be-named)).",
    when="Absent where there is none.",
    columns=(
        REPRESENTATION,
        Column("tests", WHOLE, "treatments tested"),
        Column(
            "p_attainable",
            REAL,
            "smallest p that most treatments can have",
            label="Smallest attainable p",
        ),
        Column(
            "needed",
            WHOLE,
            "treatments that must reach it together before one is called; 0: no number would do",
        ),
        Column(
            "limit",
            TEXT,
            "what sets it: `design`, or `permutations` (more of them would name hits)",
        ),
        Column("threshold", REAL, "0.05, or the smallest p where that is larger"),
        Column("called", WHOLE, "treatments with p at the threshold or below"),
        Column("groups", WHOLE, "groups of controls"),
        Column("groups_called", WHOLE, "groups of controls called in the same way"),
        Column(
            "share",
            REAL,
            "excess of treatments called, as a share of treatments",
            nullable=True,
        ),
        Column("low", REAL, "one-sided 95 % lower bound of the share active", nullable=True),
        Column("withheld", TEXT, "code of why there is no share; empty otherwise"),
        Column("positions_needed", WHOLE, _TO_NAME_HITS),
        Column("plates_needed", WHOLE, _TO_NAME_HITS),
        Column("permutations_needed", WHOLE, _TO_NAME_HITS),
        SPACE,
    ),
    sort=("representation",),
)

HITS = Table(
    "hits.csv",
    "the same for a spreadsheet",
    text="One row a treatment, best first by the lead representation. Numbers are rounded to four "
    "digits after the point.",
    when="Absent where no representation could be tested.",
    columns=(
        *(
            replace(ACTIVITY.by_name[name], name=heading)
            for name, heading in {
                "Metadata_Treatment": "treatment",
                "Metadata_Compound": "compound",
                "Metadata_Concentration": "concentration",
                "Metadata_Mechanism": "mechanism",
                "wells": "wells",
                "active": "active",
                "map": "map",
                "low": "map_low",
                "high": "map_high",
                "q": "q",
                "cell_count_ratio": "cell_count_ratio",
            }.items()
        ),
        Column("most_similar", TEXT, "up to three treatments, with cosine", nullable=True),
        Column(
            "features_changed",
            TEXT,
            "up to five, with their effects in `features.parquet`",
            nullable=True,
        ),
        Column("doubts", TEXT, "codes of what to distrust, parted by blanks; empty otherwise"),
        Column("distrust", TEXT, "the same in words"),
        Column(
            "space",
            TEXT,
            "what mAP and cosines were computed on, see above",
            label="Computed on",
        ),
    ),
)

MATCHING = Table(
    "matching.parquet",
    "one row a representation and label",
    text="Treatments that share a label (their mechanism; `A|B` counts for both) among all "
    "treatments, by consensus profiles. Doses of one compound do not match.",
    when="Absent where no label is shared.",
    columns=(
        Column("label", TEXT, "the mechanism"),
        Column("n", WHOLE, "treatments with the label", label="Treatments"),
        Column("map", REAL, "how soon treatments of the label find one another", label="mAP"),
        Column(
            "map_normalized",
            REAL,
            "`map` less chance, over one less chance",
            label="Normalized mAP",
        ),
        Column("p", REAL, "p of permuting labels among treatments"),
        Column(
            "p_attainable",
            REAL,
            "smallest p that so many treatments can give",
            label="Smallest attainable p",
        ),
        Column("q", REAL, "Benjamini-Hochberg q within the representation"),
        SPACE,
        REPRESENTATION,
    ),
    sort=("representation", "label"),
)

RETRIEVAL = Table(
    "retrieval.parquet",
    "one row a representation, place and treatment",
    text="Replicates among the evaluation controls, with all matches and with those of another "
    "place only; treatments with wells in one place are not asked.",
    when="Absent where no treatment has wells in two places.",
    columns=(
        REPRESENTATION,
        TREATMENT,
        Column("n", WHOLE, "wells", label="Wells"),
        Column("map", REAL, "all matches", label="mAP"),
        Column(
            "map_normalized",
            REAL,
            "all matches; chance is 0, whatever the number of matches",
            label="Normalized mAP",
        ),
        Column("map_across", REAL, "matches of another place only", label="mAP, another place"),
        Column(
            "map_across_normalized",
            REAL,
            "matches of another place only; chance is 0",
            label="Normalized mAP, another place",
        ),
        Column(
            "nearest", REAL, "share of wells whose nearest well, controls included, is a replicate"
        ),
        Column(
            "nearest_across",
            REAL,
            "the same of another place only",
            label="Nearest, another place",
        ),
        Column("drop", REAL, "`map_normalized` less `map_across_normalized`"),
        Column(
            "across",
            TEXT,
            "what matches may not share: `position`, `Metadata_Plate`, `Metadata_Batch`, in this "
            "order",
            in_order=("position", "Metadata_Plate", "Metadata_Batch"),
        ),
        SPACE,
    ),
    sort=("representation", "across", "Metadata_Treatment"),
)

DOSE = Table(
    "dose.parquet",
    "one row a representation and compound",
    text="Compounds with three doses or more.",
    when="Absent where there is none.",
    columns=(
        REPRESENTATION,
        Column("Metadata_Compound", TEXT, "compound"),
        Column("n", WHOLE, "wells", label="Wells"),
        Column("doses", WHOLE, "different doses"),
        Column(
            "distance_top",
            REAL,
            "fitted distance from controls at the highest dose",
            unit="standard deviations of controls",
            label="Distance at the highest dose",
        ),
        Column(
            "benchmark_dose",
            REAL,
            "dose at which a curve that never falls reaches three of them; infinite where it does "
            "not",
            unit="µM",
        ),
        Column("low", REAL, "95 % bootstrap of the benchmark dose; infinite where an end is open"),
        Column("high", REAL, "95 % bootstrap of the benchmark dose; infinite where an end is open"),
        Column("rho", REAL, "Spearman's correlation of distance with dose", nullable=True),
        Column("p", REAL, "one-sided p of permuting doses", nullable=True),
        Column(
            "q",
            REAL,
            "its Benjamini-Hochberg q within the representation",
            nullable=True,
            label="q of the trend",
        ),
        Column(
            "cell_loss_dose",
            REAL,
            "dose at which a fifth of the controls' cells is lost; null where cells are not lost, "
            "or not counted",
            nullable=True,
            unit="µM",
            label="Cells lost from",
        ),
        Column(
            "order",
            TEXT,
            "`activity first`, `cells first`, `together` (not to be told apart), `no cell loss`, "
            "`cells not counted`, `inactive`",
            label="What comes first",
        ),
        SPACE,
    ),
    sort=("representation", "Metadata_Compound"),
)

PREDICTIONS = Table(
    "predictions.parquet",
    "one row a representation, task and tested well",
    when="Absent where no wells can be held out.",
    columns=(
        PLATE,
        WELL,
        Column("task", TEXT, "as in `results.parquet`", in_order=True),
        Column("fold", WHOLE, "fold that tested the well"),
        Column("label", TEXT, "true class"),
        Column("predicted", TEXT, "class named"),
        Column("correct", FLAG, "whether they are the same"),
        Column("rank", WHOLE, "place of the true class, from 0"),
        Column("probability", REAL, "of the true class", nullable=True),
        Column("confidence", REAL, "probability of the class named", nullable=True),
        Column("control", FLAG, "whether the well is a negative control"),
        REPRESENTATION,
        SPACE,
    ),
    sort=("representation", "task", "fold", "Metadata_Plate", "Metadata_Well"),
)

ASSAY = Table(
    "assay.parquet",
    "quality of each plate",
    when="Absent where no plate has treatments and controls.",
    columns=(
        PLATE,
        Column(
            "metric",
            TEXT,
            "what was measured; `passed` is 1 or 0, and its `flag` says why not",
        ),
        Column("value", REAL, "the measure", nullable=True),
        Column("low", REAL, _INTERVAL, nullable=True),
        Column("high", REAL, _INTERVAL, nullable=True),
        Column("n", WHOLE, "number of units"),
        Column("flag", TEXT, "codes of what is wrong, parted by blanks; empty otherwise"),
        REPRESENTATION,
        SPACE,
    ),
    sort=("representation", "Metadata_Plate", "metric"),
)

UNANSWERED = Document(
    "unanswered.json",
    "what the design could not answer",
    text="A list, empty where everything was answered.",
    keys=(
        Key("representation", "string", "of which it was asked"),
        Key("question", "string", "what was asked"),
        Key("code", "string", "of why there is no answer (a finding)"),
        Key("severity", "string", "of that finding"),
        Key("about", "object", "what it concerns"),
        Key("values", "object", "the numbers behind the words"),
        Key("why", "string", "the same in words"),
    ),
)

FILES: tuple[File, ...] = (
    RESULTS, COMPARISONS, FUSION, ACTIVITY, ACTIVITY_SUMMARY, CONTROL_CHECK, SHARE_ACTIVE, HITS,
    MATCHING, RETRIEVAL, DOSE, PREDICTIONS, ASSAY, UNANSWERED,
)  # fmt: skip
