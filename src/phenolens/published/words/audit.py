"""What a declared study and its tables show when they are audited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from phenolens.words import Said, wording
from phenolens.words.numbers import plural, portion, some

KEYS = "Write plate, well and site beside every row when it is made, and join labels by them."
SCALE = "Scale every column on control wells, and every block to equal weight."
NEEDS = {
    "rows": "there is no table of rows",
    "accuracy": "no accuracy and no predictions are given with labelled rows",
    "split": "rows have no 'fold' and [split] unit is not said",
    "rows-and-embeddings": "no rows and embeddings are given",
    "blocks": "no representation names the blocks it was fused from",
    "silhouette": "no silhouette is reported",
    "transforms": "[training] says not which transforms both subsets had",
    "trained-rows": "nothing says which rows were trained on",
    "input": "[images] says not what the network was shown",
    "areas": "neither [attribution] nor areas are given",
    "map-size": "[attribution] says not the map's own size",
    "tests": "no [[tests]] are given",
    "control-use": "[controls] says not which scaled and which were the reference",
    "scores": "no scores are given",
    "training-accuracy": "no accuracy on training rows is given",
    "repeated-labels": "no rows of two labels, one of them repeated",
}
for _lacking, _text in NEEDS.items():
    wording(f"unchecked-{_lacking}")(lambda text=_text: f"Not checked: {text}.")


@wording("unchecked-two-rows-of-a-group")
def _(representation: str) -> str:
    return f"Not checked: {representation} has no two rows of one well or treatment to compare."


@wording("unchecked-scaling")
def _(representation: str) -> str:
    return f"Not checked: neither the table nor the scaling of {representation} is given."


@wording("unchecked-silhouette-labels")
def _(*, representation: str, value: float) -> str:
    return (
        f"Not checked: Silhouette of {representation}: {value:.2f} reported, but neither its "
        "labels nor its embedding are given."
    )


@wording("unread-files")
def _(file: Sequence[str]) -> Said:
    return Said(
        f"Files with names that mean nothing here: {', '.join(file)}.", "", "See docs/audit.md."
    )


@wording("declared-accuracy")
def _(
    *, representation: str, value: float, low: float, high: float, n: int, share: float, top: int,
    grave: bool,
) -> Said:  # fmt: skip
    name = "accuracy" if top == 1 else f"top-{top} accuracy"
    what = (
        f"{name} of {representation}: {portion(value)} ({portion(low)} to {portion(high)} with "
        f"{plural(n, 'image')}); always naming the most frequent class{'' if top == 1 else 'es'} "
        f"scores {portion(share)}."
    )
    if not grave:
        return Said(what)
    return Said(
        what,
        "The accuracy cannot be told from an answer that looks at no image; images of one well are "
        "no independent observations, so the honest interval is wider still.",
        "Report balanced accuracy and accuracy without controls beside the majority share, with "
        "wells as the unit.",
    )


@wording("declared-predictions")
def _(
    *, right: float, share: float, commonest: str, rows: int, wells: int, difference: float,
    low: float, high: float, grave: bool, **_: object,
) -> Said:  # fmt: skip
    return Said(
        f"predictions are right for {portion(right)} of {plural(rows, 'row')} in "
        f"{plural(wells, 'well')}, the majority answer {commonest!r} for {portion(share)}; "
        f"difference {difference:+.3f} ({low:+.3f} to {high:+.3f}, wells resampled).",
        "The predictions cannot be told from always naming the most frequent class."
        if grave
        else "",
        "Weight classes equally, and report balanced accuracy." if grave else "",
    )


@wording("declared-split")
def _(*, unit: str, grave: bool) -> Said:
    if not grave:
        return Said(f"The split is by {unit}, as declared.")
    return Said(
        f"The split deals out {unit}s, as declared.",
        "A model is tested on images of wells it was trained on: it may have learned the well, not "
        "the treatment.",
        "Split by well at least, better by plate.",
    )


@wording("declared-shuffled")
def _(representation: str) -> Said:
    return Said(
        f"{representation} comes from a shuffling loader, its labels from the order of files.",
        "Every score against labels is chance.",
        KEYS,
    )


@wording("declared-two-labels")
def _(*, several: int, wells: int, **_: object) -> Said:
    return Said(
        f"{several} of {plural(wells, 'well')} hold rows of several labels.",
        "A well was treated once: labels and rows were joined by order, or wrongly.",
        "Join labels by plate and well.",
    )


@wording("declared-no-keys")
def _(*, representation: str, table: int, rows: int) -> Said:
    return Said(
        f"{representation} has {plural(table, 'row')} without unique keys, for {rows:,}.",
        "Which row is which cannot be known.",
        KEYS,
    )


@wording("declared-keys-disagree")
def _(*, representation: str, lost: int, absent: int, twice: int, table: int) -> Said:
    return Said(
        f"Keys disagree: {lost} of {plural(table, 'row')} of {representation} are not among the "
        f"labelled rows, {absent} labelled rows are not in {representation}, {twice} occur twice.",
        "Scores leave rows out, or count them twice." if lost < table else "No row has a label.",
        "Export both tables from the same list of images.",
    )


@wording("declared-labels-differ")
def _(*, representation: str, wrong: int, rows: int) -> Said:
    return Said(
        f"Labels beside {representation} differ from those of the same key in {wrong:,} of "
        f"{plural(rows, 'row')} ({portion(wrong / rows)}).",
        "Scores are against labels of other rows.",
        KEYS,
    )


@wording("declared-other-order")
def _(representation: str) -> Said:
    return Said(
        f"Rows of {representation} are ordered otherwise than the labels, and were joined by "
        "order.",
        "Scores against labels do not hold.",
        KEYS,
    )


@wording("declared-order-fits")
def _(
    *, representation: str, group: str, keyed: bool, cosine: float, shuffled: float, p: float
) -> Said:
    what = (
        f"Rows of {representation} of one {group} are similar (mean cosine {cosine:.3f}, "
        f"{shuffled:.3f} when shuffled within plates, p {p:.3g})"
    )
    if keyed:
        return Said(f"{what}.")
    return Said(
        f"{what}; they carry no keys, but their order fits.",
        "Nothing would show it if a few rows, or wells as a whole, were out of place.",
        KEYS,
    )


@wording("declared-order-restored")
def _(
    *, representation: str, group: str, order: str, restored: float, cosine: float, p: float,
    **_: object,
) -> Said:  # fmt: skip
    return Said(
        f"In the order of the labels, rows of {representation} of one {group} are no more similar "
        f"than any (mean cosine {cosine:.3f}, p {p:.2g}); {order} they are ({restored:.3f}).",
        "Labels belong to other rows: every score against them is chance.",
        KEYS,
    )


@wording("declared-order-lost")
def _(
    *, representation: str, group: str, keyed: bool, grouped: bool, nearest: float,
    ungrouped: float, cosine: float, p: float, **_: object,
) -> Said:  # fmt: skip
    what = (
        f"Rows of {representation} of one {group} are no more similar than any of their plate "
        f"(mean cosine {cosine:.3f}, p {p:.2g})"
    )
    if not grouped:
        return Said(
            f"{what}.",
            "The rows were shuffled against their labels, or the embedding holds nothing of the "
            "image; a table cannot tell which.",
            KEYS,
        )
    return Said(
        f"{what}, though rows do fall into groups (nearest neighbour's cosine {nearest:.2f}, "
        f"{ungrouped:.2f} without groups).",
        f"The {'keys' if keyed else 'rows'} were shuffled against the embedding.",
        KEYS,
    )


@wording("declared-blocks")
def _(
    *, representation: str, shares: Mapping[str, float], columns: Mapping[str, int],
    lost: Sequence[str],
) -> Said:  # fmt: skip
    total = sum(columns.values())
    parts = [f"{b}: {s:.2%} ({columns[b]} of {total} columns)" for b, s in shares.items()]
    what = f"What a cosine of {representation} sees comes from {', '.join(parts)}."
    if not lost:
        return Said(what)
    return Said(
        what,
        f"{', '.join(lost)} cannot change a neighbour or a cluster: what is called fusion is the "
        "other block.",
        SCALE,
    )


@wording("declared-scaling")
def _(*, representation: str, scaled: bool) -> Said:
    if scaled:
        return Said(f"Blocks of {representation} are scaled, as declared.")
    return Said(
        f"Blocks of {representation} are joined unscaled, as declared.",
        "Columns of the largest unit decide every distance: it is no fusion.",
        SCALE,
    )


@wording("declared-silhouette")
def _(*, representation: str, value: float, again: Mapping[str, float] | None, found: str) -> Said:
    what = f"Silhouette of {representation}: {value:.2f} reported"
    if again is None:
        of = "k-means labels" if found == "clusters" else "treatment"
        what += f", against {of}, as declared."
    else:
        what += (
            f"; {again['clustered']:.2f} against {plural(int(again['k']), 'k-means cluster')}, "
            f"{again['treatment']:.2f} against treatment, recomputed."
        )
    if found == "clusters":
        return Said(
            what,
            "k-means draws its clusters where they are compact: the value says nothing of "
            "treatments.",
            "Report the silhouette against treatment, beside its value for permuted treatments.",
        )
    if found == "neither":
        return Said(
            what,
            "The reported value comes from neither.",
            "Say which rows, labels and distance it is of.",
        )
    return Said(what)


@wording("declared-dataset-shared")
def _() -> Said:
    return Said(
        "Training and test subsets share one dataset object, and so its transform.",
        "Whichever transform was set last serves both: the network never saw a varied image, or "
        "was tested on varied ones.",
        "Give each subset a dataset of its own, and look at a sheet of training images.",
    )


@wording("declared-never-varied")
def _(*, trained: bool) -> Said:
    return Said(
        f"No training transform varies an image{', as in the test' if trained else ''}.",
        "The network may learn single images by heart.",
        "Flip, rotate and crop training images at random.",
    )


@wording("declared-tested-varied")
def _(transforms: Sequence[str]) -> Said:
    return Said(
        f"Tested images are varied at random too: {', '.join(transforms)}.",
        "Either the transforms were mixed up, or scores change from run to run.",
        "Vary training images only.",
    )


@wording("declared-varied")
def _(transforms: Sequence[str]) -> str:
    return f"Training images are varied: {', '.join(transforms)}."


@wording("declared-learned-rows")
def _(*, representation: str, learned: int, both: int, tested: int, blind: bool) -> Said:
    if not both:
        rows = plural(learned, "row")
        return Said(f"{representation} learned from {rows}, none of them tested.")
    return Said(
        f"{representation} learned from {plural(both, 'row')} of {tested:,} tested.",
        "It saw the tested images, though no label: how it does on new images is not known."
        if blind
        else "It was tested on images whose labels it was trained on.",
        "Fit it once per fold, on that fold's training rows only.",
    )


@wording("declared-scored-on-all")
def _(*, representation: str, metrics: Sequence[str], learned: int, rows: int) -> Said:
    return Said(
        f"{', '.join(metrics)} of {representation} over all rows; {learned:,} of {rows:,} were "
        "trained on with their labels.",
        "Rows of one label lie together because the network was told to put them there.",
        "Score held-out rows, or labels that no network of the fold has seen.",
    )


@wording("declared-copies")
def _(*, kind: str, rows: int, **_: object) -> Said:
    return Said(
        f"{plural(rows, 'row')} share their {kind} with a row of another fold.",
        "The same image is on both sides of the split.",
        "Keep one row an image, and split afterwards.",
    )


@wording("declared-no-copies")
def _() -> str:
    return "No image is in several folds, by its hash."


@wording("declared-grey")
def _(*, stains: int, form: str) -> Said:
    many = plural(stains, "stain") if stains else "The stains"
    return Said(
        f"{many} became one {'grey' if form == 'grey' else 'RGB'} image.",
        "Which organelle changed cannot be seen any more, nor be attributed to a stain.",
        "Give the network one channel a stain; adapt its first layer.",
    )


@wording("declared-lost")
def _(*, stain: Sequence[str], stains: int) -> Said:
    return Said(
        f"{len(stain)} of {plural(stains, 'stain')} were not used: {some(stain)}.",
        "Nothing they show can be found.",
        "Use every stain, or say why not.",
    )


@wording("declared-stains")
def _(stains: int) -> str:
    return f"The network saw every stain as a channel of its own ({stains or 'all'})."


def _area(mean: float | None, sd: float | None, images: int) -> str:
    if mean is None or sd is None:
        return ""
    return f"area {portion(mean)} with sd {sd:.3f} over {images:,} images"


@wording("declared-area-free")
def _(
    *, threshold: str | None, mean: float | None, sd: float | None, images: int, **_: object
) -> str:
    seen = _area(mean, sd, images) or threshold
    return f"The area is free to differ between images: {seen}."


@wording("declared-area-fixed")
def _(
    *, threshold: str | None, quantile: float | None, mean: float | None, sd: float | None,
    images: int,
) -> Said:  # fmt: skip
    share = "" if quantile is None else f" (top {portion(min(quantile, 1 - quantile))})"
    what = "The area is the same in every image"
    if threshold == "quantile":
        what = f"The threshold is a quantile of each image{share}"
    seen = _area(mean, sd, images)
    return Said(
        f"{what}{f': {seen}' if seen else ''}.",
        "The area fraction is fixed by the threshold: it says nothing of cells or treatments.",
        "Threshold at a share of each map's maximum, and compare with control wells.",
    )


@wording("declared-map-size")
def _(*, size: int, wide: float | None, nucleus: float | None, grave: bool) -> Said:
    square = "" if wide is None else f", {wide:.0f} pixels a square"
    seen = f" for nuclei of {nucleus:g}" if nucleus else ""
    what = f"Maps are {size} x {size}{square}{seen}."
    if not grave:
        return Said(what)
    return Said(
        what,
        "They cannot tell a nucleus from its cytoplasm, whatever they are laid over.",
        "Take an earlier layer, or crops of cells enlarged before the network.",
    )


@wording("declared-unit-whole")
def _(*, test: str, unit: str) -> str:
    return f"{test} counts {unit}s, as declared."


@wording("declared-unit")
def _(
    *, test: str, unit: str, share: float | None, inflation: float | None, harmless: float
) -> Said:
    what = f"{test} takes each {unit} for an independent observation."
    remedy = "Average within wells first, or permute whole wells."
    if share is None or inflation is None:
        return Said(what, "Its p-value is too small: wells differ without any treatment.", remedy)
    start = f"Images of one well share {portion(max(share, 0))} of the area's variance"
    if inflation < harmless:
        end = ", so little is lost here; other features need not behave so."
        return Said(what, start + end, remedy)
    end = f": it has {inflation:.1f} times fewer observations than it counts."
    return Said(what, start + end, remedy)


@wording("declared-control-use")
def _(*, scaling: str, reference: str, grave: bool) -> Said:
    what = f"Controls that scale: {scaling}; controls that are the reference: {reference}."
    if not grave:
        return Said(what)
    return Said(
        what,
        "Controls lie nearer to each other than new ones would: treatments look active.",
        "Scale on some control wells of each plate, test against the others.",
    )


@wording("declared-baselines")
def _(*, baseline: Sequence[str], of: int) -> Said:
    if not baseline:
        return Said("Every score stands beside its baselines.")
    return Said(
        f"{len(baseline)} of {of} baselines are not reported: {', '.join(baseline)}.",
        "A score may come from class sizes, cell number, brightness or position alone.",
        "Print them beside every score, made with the same split.",
    )


@wording("declared-gap")
def _(*, representation: str, train: float, test: float, grave: bool) -> Said:
    return Said(
        f"{representation}: {portion(train)} right on training rows, {portion(test)} on tested "
        "ones.",
        "The model knows its training images, not what they have in common." if grave else "",
        "Train with augmentation and early stopping on wells of their own, and choose by those."
        if grave
        else "",
    )


def _order(chance: float, without_controls: float | None) -> str:
    plain = "" if without_controls is None else f", {without_controls:.3f} without controls"
    return f"A random order scores mAP {chance:.3f}{plain}"


@wording("declared-map-alone")
def _(*, chance: float, without_controls: float | None, grave: bool) -> Said:
    return Said(
        f"{_order(chance, without_controls)}.",
        "One frequent class sets what a raw mAP means." if grave else "",
        "Report (mAP - chance) / (1 - chance), by treatment and without controls as queries."
        if grave
        else "",
    )


@wording("declared-map")
def _(
    *, representation: str, chance: float, without_controls: float | None, value: float, how: str,
    grave: bool,
) -> Said:  # fmt: skip
    scale = (value - chance) / (1 - chance)
    return Said(
        f"{_order(chance, without_controls)}; {representation} {how}: {value:.3f}, which is "
        f"{scale:+.3f} from chance to perfect.",
        "The number is what class sizes give to any order: the labels have nothing to do with it, "
        "or do not belong to these rows."
        if grave
        else "",
        "Join labels by key, and report mAP beside its expectation." if grave else "",
    )
