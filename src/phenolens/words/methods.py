"""How a study was done, for its methods text; ``[key]`` cites ``report/references.py``."""

from __future__ import annotations

from collections.abc import Sequence

from phenolens.words import names, wording
from phenolens.words.numbers import listed, plural, within

_SCALING = {
    "mad": "the median and the median absolute deviation (times 1.4826)",
    "standard": "the mean and standard deviation",
}
_ILLUMINATION = {
    "auto": "given with the images or estimated from them",
    "estimate": "estimated from the images",
    "given": "given with the images",
}
_PAINTED = {"DNA", "ER", "RNA", "AGP", "Mito"}


@wording("methods-screen")
def _(wells: int, plates: int, treatments: int, controls: int) -> str:
    return (
        f"The screen holds {plural(wells, 'well')} on {plural(plates, 'plate')}: "
        f"{plural(treatments, 'treatment')} and {plural(controls, 'control well')}."
    )


@wording("methods-stains")
def _(stains: Sequence[str]) -> str:
    painted = ", as in Cell Painting [bray2016, cimini2023]" if set(stains) >= _PAINTED else ""
    return f"Stains are {listed(stains)}{painted}."


@wording("methods-illumination")
def _(how: str) -> str:
    return (
        "Uneven illumination was corrected per plate and stain by functions "
        f"{_ILLUMINATION.get(how, how)} [singh2014]."
    )


@wording("methods-representation")
def _(representation: str, sentence: str) -> str:
    return sentence


@wording("methods-profiles-given")
def _(representation: Sequence[str]) -> str:
    given = listed([names.label(name) for name in representation])
    return f"Profiles measured elsewhere were read from tables: {given}."


@wording("methods-profiles-told")
def _(
    representation: str, trained_on: str | Sequence[str] = "",
    labels_seen: str | Sequence[str] = "", licence: str = "",
    url: str = "",
) -> str:  # fmt: skip
    kept = [
        f"trained on {_said(trained_on)}" if trained_on else "",
        f"labels seen: {_said(labels_seen)}" if labels_seen else "",
        f"licence: {licence}" if licence else "",
        url,
    ]
    return f"Of {names.label(representation)} it was said: {'; '.join(filter(None, kept))}."


def _said(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else listed(list(value))


@wording("methods-profiles-normalized")
def _(representation: Sequence[str]) -> str:
    done = listed([names.label(name) for name in representation])
    return f"Those of {done} came normalized and were not scaled again."


@wording("methods-aggregated")
def _(how: str) -> str:
    return f"Measurements were aggregated to wells by the {how} [caicedo2017]."


@wording("methods-scaled")
def _(how: str, *, others: bool, shared_out: bool) -> str:
    whose = "calibrating control wells" if shared_out else "control wells"
    what = "In the others, each plate" if others else "Each plate"
    text = (
        f"{what} was scaled by {_SCALING[how]} of its own {whose}; treated wells took no part "
        "[caicedo2017]."
    )
    if not shared_out:
        return text
    return (
        f"{text} The controls that calibrate are not the controls that activity is tested against."
    )


@wording("methods-space")
def _(sentence: str, *, several: bool) -> str:
    return sentence if several else f"What follows was {within(sentence)}"


@wording("methods-folds")
def _(splits: Sequence[str]) -> str:
    how = listed([names.split(name) for name in splits] or ["held-out wells"])
    return (
        f"Folds were made and checked before anything learned, the same for every representation "
        f"({how}). What a classification learns from treated wells (selection of features, "
        "principal components, the classifier) it learned inside the folds."
    )


@wording("methods-intervals")
def _(times: int) -> str:
    return (
        f"Intervals of scores are 95 % bootstrap intervals ({times:,} resamples) over wells or "
        "treatments, never over fields or cells."
    )


@wording("methods-baselines")
def _(baselines: Sequence[str]) -> str:
    labels = listed([within(names.label(name)) for name in baselines], 12)
    return (
        f"Baselines were scored in the same way and stand beside the scores: {labels} [seal2026]."
    )


@wording("methods-silhouettes")
def _() -> str:
    return "Silhouettes [rousseeuw1987] are taken against treatment, not against clusters."


@wording("methods-activity")
def _() -> str:
    return (
        "Activity is mean average precision (mAP): how well a treatment's wells retrieve one "
        "another among control wells by cosine similarity [kalinin2025, chandrasekaran2024]."
    )


@wording("methods-position-safe")
def _() -> str:
    return (
        "One layout is repeated on every plate, where permuting wells would take position for "
        "effect; a treatment's mAP is therefore compared with that of control wells which share a "
        "position across plates, each compared with controls of other positions."
    )


@wording("methods-permutation")
def _(times: int | None) -> str:
    drawn = f" ({times:,} draws, or all labelings where there are fewer)" if times else ""
    return (
        "Its p-value comes from permuting the labels of treated and control wells within "
        f"plates{drawn} and is never zero [phipson2010]."
    )


@wording("methods-active")
def _(alpha: float) -> str:
    return (
        f"q-values follow Benjamini and Hochberg [benjamini1995]. A treatment with q < {alpha:g} "
        "is called active."
    )


@wording("methods-retrieval")
def _(across: Sequence[str]) -> str:
    places = listed([names.place(place) for place in across])
    return (
        f"Retrieval was repeated with matches that share these left out, one at a time: {places}."
    )


@wording("methods-doses")
def _() -> str:
    return (
        "The benchmark dose [crump1984, nyffeler2020] is where an isotonic curve of distances from "
        "controls over doses reaches three standard deviations of controls; whether they rise is "
        "tested by permuting doses."
    )


@wording("methods-feature-groups")
def _() -> str:
    return (
        "Measured features were grouped by compartment, family, stain and property. A group's "
        "change is the mean size of its features' differences from controls of the same plate, "
        "tested by permuting labels within plates [goeman2007] and corrected over the groups of a "
        "treatment by the step-down maximum [ge2003]."
    )


@wording("methods-consensus")
def _() -> str:
    return "Consensus profiles are medians over a treatment's wells, compared by their cosine."


@wording("methods-clusters")
def _(*, leiden: bool) -> str:
    also = " and with the Leiden algorithm [traag2019]" if leiden else ""
    return f"They were clustered by k-means{also}."


@wording("methods-matching")
def _() -> str:
    return (
        "Mechanisms were tested by the mean average precision of their treatments among all "
        "treatments [kalinin2025]; p-values come from permuting mechanisms among treatments."
    )


@wording("methods-map")
def _() -> str:
    return "Wells are laid out with UMAP [mcinnes2018], for looking only: no number rests on it."


@wording("methods-comparisons")
def _() -> str:
    return (
        "Representations were compared by paired differences with sign-flip permutation tests, "
        "intervals from a cluster bootstrap over compounds, and Holm's correction [holm1979]."
    )


@wording("methods-cells")
def _(column: str, split: str, over: str, times: int | None) -> str:
    drawn = f"; 95 % intervals are from {times:,} bootstrap draws of {over}s" if over else ""
    return (
        f"Each cell has a class ({column}), and what learns labels learned these in the place of "
        f"treatments. Cells were tested while their wells were held out ({names.split(split)}): a "
        "logistic regression on principal components (95 % of the variance) of selected, "
        "standardized features, in which every class weighs alike and whose penalty was tuned on "
        f"whole training wells, named their classes{drawn}. Cells of a well are not independent "
        "and are drawn together."
    )
